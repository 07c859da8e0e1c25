#pragma once
#include "core/base/Result.h"

#include <QJsonObject>
#include <QList>

/// Help for a person who edits the arguments of a tool call.
namespace sb::models {

/// One argument that differs. A nested one is named by its path: "env.PATH".
struct ArgumentChange
{
    QString path;
    QString before; ///< empty where there was none
    QString after;  ///< empty where there is none any more
    bool operator==(const ArgumentChange&) const = default;
};

/// What `after` changes in `before`, in the order of the paths. Strings appear as they are, all
/// else as JSON.
QList<ArgumentChange> argumentChanges(const QJsonObject& before, const QJsonObject& after);

/// Whether the arguments fit the tool's JSON Schema; the error says where they don't. The host
/// checks again.
Result<> checkAgainstSchema(const QJsonObject& schema, const QJsonObject& arguments);

} // namespace sb::models
