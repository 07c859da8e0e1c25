#include "core/protocol/Memory.h"

#include "core/protocol/EnumNames.h"

namespace sb::protocol {

SB_PROTOCOL_NAMES(MemoryType,
                  "identity",
                  "goal",
                  "human",
                  "decision",
                  "todo",
                  "preference",
                  "fact",
                  "event",
                  "observation")
SB_PROTOCOL_NAMES(
    Relation, "related_to", "updates", "contradicts", "caused_by", "result_of", "part_of")
SB_PROTOCOL_NAMES(Provenance, "owner", "agent", "untrusted", "system")
SB_PROTOCOL_NAMES(MemoryOp, "save", "edit", "link", "cut")
SB_PROTOCOL_NAMES(ExportFormat, "json", "graphml", "html")

double standardImportance(MemoryType type)
{
    constexpr std::array importances{1.0, 0.9, 0.85, 0.8, 0.8, 0.7, 0.6, 0.4, 0.3};
    return importances[size_t(type)];
}

} // namespace sb::protocol
