#pragma once
#include "ui/panels/memory/GraphPainter.h"

#include <QFrame>

class QGridLayout;

namespace sb::panels {

/// What the colours, letters and lines of the graph mean, in words; of what is in it.
class GraphLegend final : public QFrame
{
    Q_OBJECT
public:
    GraphLegend(theme::Theme& theme, GraphPainter& painter, QWidget* parent);
    void show(const models::MemoryGraph& graph);
    using QFrame::show;

private:
    void fill();
    void addRow(const QPixmap& sample, const QString& words);

    theme::Theme& m_theme;
    GraphPainter& m_painter;
    QGridLayout* m_rows;
    QList<protocol::MemoryType> m_types;
    QList<protocol::Relation> m_relations;
    bool m_hasForgotten = false;
    bool m_hasDoubted = false;
};

} // namespace sb::panels
