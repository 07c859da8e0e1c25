#include "ui/panels/memory/GraphLegend.h"

#include "ui/models/MemoryWords.h"
#include "ui/panels/memory/GraphColours.h"
#include "ui/widgets/Labels.h"

#include <QGridLayout>
#include <QPainter>
#include <array>

using namespace Qt::StringLiterals;

namespace sb::panels {

namespace {

QPixmap lineSample(const theme::Theme& theme, protocol::Relation relation, qreal ratio)
{
    const int width = theme.iconSize() * 2;
    const int height = theme.iconSize();
    QPixmap sample((QSizeF(width, height) * ratio).toSize());
    sample.setDevicePixelRatio(ratio);
    sample.fill(Qt::transparent);
    QPainter painter(&sample);
    painter.setRenderHint(QPainter::Antialiasing);
    const EdgeLook look = edgeLook(theme, relation);
    QPen pen(look.colour, 1.75);
    pen.setCapStyle(Qt::FlatCap);
    if (!look.dashes.isEmpty()) {
        pen.setDashPattern(look.dashes);
    }
    painter.setPen(pen);
    const double middle = height / 2.0;
    const double end = look.hasArrow ? width - 8.0 : width - 1.0;
    painter.drawLine(QPointF(1, middle), QPointF(end, middle));
    if (look.hasArrow) {
        painter.setPen(Qt::NoPen);
        painter.setBrush(look.colour);
        const std::array<QPointF, 3> arrow{
            QPointF(width - 1, middle), QPointF(end, middle - 3.5), QPointF(end, middle + 3.5)};
        painter.drawConvexPolygon(arrow.data(), int(arrow.size()));
    }
    return sample;
}

} // namespace

GraphLegend::GraphLegend(theme::Theme& theme, GraphPainter& painter, QWidget* parent)
    : QFrame(parent), m_theme(theme), m_painter(painter), m_rows(new QGridLayout(this))
{
    setObjectName(u"legend"_s);
    setAccessibleName(tr("What the graph's colours and lines mean"));
    setFrameShape(QFrame::StyledPanel);
    setAutoFillBackground(true);
    setBackgroundRole(QPalette::Base);
    m_rows->setContentsMargins(
        theme::space::related, theme::space::related, theme::space::related, theme::space::related);
    m_rows->setHorizontalSpacing(theme::space::related);
    m_rows->setVerticalSpacing(2);
    connect(&theme, &theme::Theme::changed, this, &GraphLegend::fill);
}

void GraphLegend::show(const models::MemoryGraph& graph)
{
    std::array<bool, 16> hasType{};
    std::array<bool, 16> hasRelation{};
    bool hasForgotten = false;
    bool hasDoubted = false;
    for (const auto& node : graph.nodes) {
        hasType[size_t(node.type)] = true;
        hasForgotten = hasForgotten || node.isForgotten;
        hasDoubted = hasDoubted || node.isDoubted;
    }
    for (const auto& edge : graph.edges) {
        hasRelation[size_t(edge.relation)] = true;
    }
    m_hasForgotten = hasForgotten;
    m_hasDoubted = hasDoubted;
    m_types = models::allMemoryTypes();
    m_types.removeIf([&](auto type) { return !hasType[size_t(type)]; });
    m_relations = models::allRelations();
    m_relations.removeIf([&](auto relation) { return !hasRelation[size_t(relation)]; });
    fill();
}

void GraphLegend::addRow(const QPixmap& sample, const QString& words)
{
    auto* picture = new QLabel(this);
    picture->setPixmap(sample);
    auto* label = new widgets::ToneLabel(
        m_theme, widgets::ToneLabel::Role::Secondary, theme::Tone::Text, words, this);
    label->setWordWrap(false);
    const int row = m_rows->rowCount();
    m_rows->addWidget(picture, row, 0, Qt::AlignCenter);
    m_rows->addWidget(label, row, 1);
    picture->show();
    label->show();
}

void GraphLegend::fill()
{
    // Not a grid that only loses its children: it would keep the empty rows.
    qDeleteAll(findChildren<QWidget*>(Qt::FindDirectChildrenOnly));
    const auto margins = m_rows->contentsMargins();
    delete m_rows;
    m_rows = new QGridLayout(this);
    m_rows->setContentsMargins(margins);
    m_rows->setHorizontalSpacing(theme::space::related);
    m_rows->setVerticalSpacing(2);
    const qreal ratio = devicePixelRatioF();
    const auto node = [&](protocol::MemoryType type, bool isForgotten, bool isDoubted) {
        return QPixmap::fromImage(m_painter.sample(type, isForgotten, isDoubted, ratio));
    };
    for (const auto type : std::as_const(m_types)) {
        addRow(node(type, false, false), models::memoryTypeText(type));
    }
    const auto plain = protocol::MemoryType::Fact;
    if (m_hasDoubted) {
        addRow(node(plain, false, true), tr("Nobody vouches for it"));
    }
    if (m_hasForgotten) {
        addRow(node(plain, true, false), tr("Forgotten"));
    }
    for (const auto relation : std::as_const(m_relations)) {
        addRow(lineSample(m_theme, relation, ratio), models::relationText(relation));
    }
    adjustSize();
}

} // namespace sb::panels
