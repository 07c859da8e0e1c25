#pragma once
#include "core/protocol/Memory.h"
#include "ui/theme/Theme.h"

namespace sb::panels {

/// The colour of a type of memories: at least 3:1 on the ground that graphs are drawn on.
QColor typeColour(const theme::Theme& theme, protocol::MemoryType type);
/// White or black, whichever can be read on the colour.
QColor onColour(const QColor& colour);

/// How an edge is drawn. Relations differ in their line and their arrow too, not in colour alone.
struct EdgeLook
{
    QColor colour;
    QList<qreal> dashes; ///< in widths of the line; empty: drawn through
    bool hasArrow = true;
};
EdgeLook edgeLook(const theme::Theme& theme, protocol::Relation relation);

/// The same relation where thousands of edges lie over each other, as a texture.
QColor faintEdgeColour(const theme::Theme& theme, protocol::Relation relation);

} // namespace sb::panels
