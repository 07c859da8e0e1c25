#pragma once
#include "core/runtime/Runtime.h"
#include "core/server/LocalServer.h"
#include "core/server/SocketClient.h"

namespace sb::runtime {

/// The runtime of a home, wherever it is: the one that lives in another process, or one of our own.
class Session
{
public:
    /// How a verb wants to find it.
    struct Wish
    {
        QString role;    ///< under which it takes the home when nobody has it
        QString program; ///< folder of this executable, where the sandbox helper lies
        bool needsConfig = true;
        bool onlyOwn = false;                   ///< Conflict instead of another process's
        secrets::AskPassphrase askPassphrase{}; ///< empty: nobody is there who could be asked
    };
    static Result<std::unique_ptr<Session>> open(const Home& home, const Wish& wish);
    ~Session();

    protocol::RuntimeClient& client();
    /// The runtime when it is our own, else nullptr.
    Runtime* own() { return m_runtime.get(); }
    Clock& clock() { return m_clock; }
    Executor& events() { return m_events; }
    /// Whether the runtime still answers; asks it when it is another process's.
    [[nodiscard]] bool isConnected();

private:
    Session();
    SystemClock m_clock;
    LoopExecutor m_events;
    std::unique_ptr<Runtime> m_runtime;
    std::unique_ptr<server::LocalServer> m_server;
    std::unique_ptr<server::SocketClient> m_remote;
};

} // namespace sb::runtime
