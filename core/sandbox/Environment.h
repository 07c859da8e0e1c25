#pragma once
#include "core/base/Result.h"

#include <QMap>

namespace sb::sandbox {

/// The user's name inside.
inline constexpr auto UserName = QLatin1StringView("agent");

/// Whether programs are told of the way out.
enum class Network : quint8 { None, Door };

/// The whole environment of a command: ours, with the explicit extras on top. Forbidden for a name
/// that makes a program run something else than what was approved (LD_PRELOAD, BASH_ENV,
/// NODE_OPTIONS …); InvalidInput for one that is no name.
Result<QMap<QString, QString>>
rebuiltEnvironment(const QString& workspace, const QMap<QString, QString>& extras, Network network);

} // namespace sb::sandbox
