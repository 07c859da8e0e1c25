#pragma once
#include "core/base/Clock.h"
#include "core/base/Result.h"
#include "core/protocol/Memory.h"

class QIODevice;

namespace sb::memory {

/// What is written out: memories, and the edges between them.
struct Exported
{
    QString agent;
    TimeUs at = 0; ///< when
    QList<protocol::MemoryInfo> memories;
    QList<protocol::MemoryEdge> edges;
};

/// Writes it in that form; README.md tells what stands where. Io (DiskFull) when the device does
/// not take it.
Result<> writeExport(QIODevice& out, const Exported& exported, protocol::ExportFormat format);

/// One page that needs nothing else, for a browser: a graph, a search, and a table.
Result<> writeHtml(QIODevice& out, const Exported& exported);

} // namespace sb::memory
