#pragma once
#include "core/base/Result.h"

#include <QJsonObject>

namespace sb::tools {

/// Checks arguments against a tool's JSON Schema. InvalidInput names each field that is wrong, for
/// the model to read.
Result<> checkArguments(const QJsonObject& schema, const QJsonObject& arguments);

} // namespace sb::tools
