#pragma once
#include "core/wasm/HostProtocol.h"

namespace sb::wasmhost {

/// The socket to Signalbox. Every failure ends the process: without the other side there is nobody
/// to work for.
class Wire
{
public:
    Wire() : m_reader(wasm::host::MostFrameBytes) {}
    /// Waits for the next frame.
    wasm::host::Frame receive();
    void send(const std::string& bytes);

private:
    wasm::host::FrameReader m_reader;
};

} // namespace sb::wasmhost
