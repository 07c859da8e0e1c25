#pragma once
#include "core/base/Result.h"
#include "core/sandbox/Descriptor.h"
#include "core/wasm/HostProtocol.h"

#include <QByteArray>
#include <QString>

namespace sb::wasm {

/// A process of signalbox-wasm-host and our end of its socket. Its thread must live as long: the
/// kernel counts the thread that started it as its parent.
class HostProcess
{
public:
    /// Starts one with an empty environment and no descriptor but its socket.
    static Result<HostProcess> start(const QString& program, qint64 memoryBytes);

    HostProcess(HostProcess&&) noexcept = default;
    HostProcess& operator=(HostProcess&&) = delete;
    ~HostProcess() = default;

    [[nodiscard]] int socket() const { return m_socket.get(); }
    [[nodiscard]] int pidfd() const { return m_process.get(); }

    /// Sends what the socket takes now and keeps the rest; false when there is a rest.
    bool send(std::string_view bytes);
    bool flush();
    /// Reads what is there. False at the end of the stream.
    bool receive();
    std::optional<host::Frame> next() { return m_reader.next(); }
    [[nodiscard]] bool isBroken() const { return m_reader.isBroken(); }

    void kill() const;
    /// A sentence that says how it ended; only once its pidfd says that it has.
    [[nodiscard]] QString bury() const;

private:
    HostProcess(sandbox::Descriptor socket, sandbox::Descriptor process)
        : m_socket(std::move(socket)), m_process(std::move(process)), m_reader(host::MostFrameBytes)
    {
    }

    sandbox::Descriptor m_socket;
    sandbox::Descriptor m_process;
    host::FrameReader m_reader;
    std::string m_waiting; ///< to be sent
};

} // namespace sb::wasm
