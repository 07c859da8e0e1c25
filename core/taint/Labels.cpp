#include "core/taint/Labels.h"

namespace sb::taint {

namespace {

constexpr std::array labelNames{
    "external_network", "user_input", "pii", "secret", "untrusted_agent", "untrusted_file"};
static_assert(labelNames.size() == allLabels.size());

constexpr std::array sinkNames{"shell", "network", "message", "file_outside", "memory"};
static_assert(sinkNames.size() == allSinks.size());

} // namespace

QString labelName(Label label)
{
    return QString::fromLatin1(labelNames[size_t(label)]);
}

std::optional<Label> labelFromName(QStringView name)
{
    for (const Label label : allLabels) {
        if (name == QLatin1StringView(labelNames[size_t(label)])) {
            return label;
        }
    }
    return std::nullopt;
}

QStringList Labels::names() const
{
    QStringList names;
    for (const Label label : allLabels) {
        if (has(label)) {
            names.append(labelName(label));
        }
    }
    return names;
}

Labels Labels::fromNames(const QStringList& names)
{
    Labels labels;
    for (const QString& name : names) {
        if (const auto label = labelFromName(name)) {
            labels |= Labels{*label};
        }
    }
    return labels;
}

QString sinkName(Sink sink)
{
    return QString::fromLatin1(sinkNames[size_t(sink)]);
}

std::optional<Sink> sinkFromName(QStringView name)
{
    for (const Sink sink : allSinks) {
        if (name == QLatin1StringView(sinkNames[size_t(sink)])) {
            return sink;
        }
    }
    return std::nullopt;
}

} // namespace sb::taint
