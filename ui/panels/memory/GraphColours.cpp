#include "ui/panels/memory/GraphColours.h"

#include <QApplication>

namespace sb::panels {

using protocol::MemoryType;
using protocol::Relation;

namespace {

QColor ground()
{
    return QApplication::palette().color(QPalette::Base);
}

QColor mix(const QColor& a, const QColor& b, float partOfA)
{
    const auto part = [&](float x, float y) { return x * partOfA + y * (1 - partOfA); };
    return QColor::fromRgbF(
        part(a.redF(), b.redF()), part(a.greenF(), b.greenF()), part(a.blueF(), b.blueF()));
}

} // namespace

QColor typeColour(const theme::Theme& theme, MemoryType type)
{
    const auto hue = [&](int degrees, int saturation) {
        const auto wanted = QColor::fromHsl(degrees, saturation, theme.isDark() ? 160 : 112);
        return theme::readableOn(wanted, ground(), 3.2);
    };
    switch (type) {
    case MemoryType::Identity:
        return hue(272, 130);
    case MemoryType::Goal:
        return hue(330, 160);
    case MemoryType::Human:
        return hue(12, 175);
    case MemoryType::Decision:
        return hue(36, 200);
    case MemoryType::Todo:
        return hue(62, 150);
    case MemoryType::Preference:
        return hue(122, 100);
    case MemoryType::Fact:
        return hue(212, 175);
    case MemoryType::Event:
        return hue(178, 150);
    case MemoryType::Observation:
        return hue(215, 22);
    }
    return {};
}

QColor onColour(const QColor& colour)
{
    return theme::contrast(Qt::white, colour) >= 4.5 ? QColor(Qt::white) : QColor(Qt::black);
}

EdgeLook edgeLook(const theme::Theme& theme, Relation relation)
{
    const auto marked = [](const QColor& colour) {
        return theme::readableOn(colour, ground(), 3.2);
    };
    switch (relation) {
    case Relation::RelatedTo:
        return {marked(mix(theme.colour(theme::Tone::Secondary), ground(), 0.75F)), {}, false};
    case Relation::Updates:
        return {marked(theme.colour(theme::Tone::Accent)), {}, true};
    case Relation::Contradicts:
        return {marked(theme.colour(theme::Tone::Failed)), {5, 3}, true};
    case Relation::CausedBy:
        return {marked(theme.colour(theme::Tone::Waiting)), {1.5, 2.5}, true};
    case Relation::ResultOf:
        return {marked(theme.colour(theme::Tone::Added)), {7, 2.5, 1.5, 2.5}, true};
    case Relation::PartOf:
        return {marked(theme.colour(theme::Tone::Secondary)), {3, 2}, true};
    }
    return {};
}

QColor faintEdgeColour(const theme::Theme& theme, Relation relation)
{
    const bool isQuiet = relation == Relation::RelatedTo || relation == Relation::PartOf;
    return mix(edgeLook(theme, relation).colour, ground(), isQuiet ? 0.35F : 0.6F);
}

} // namespace sb::panels
