#pragma once
#include "core/wasm/HostProtocol.h"
#include "core/wasm/Hosts.h"

namespace sb::wasm {

/// Why a call was ended, as the end of a sentence; `detail` is what the host said about it.
QString sentence(const Call& call, host::Ending ending, const QString& detail);

Ending endingOf(host::Ending ending);

} // namespace sb::wasm
