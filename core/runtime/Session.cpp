#include "core/runtime/Session.h"

#include "core/server/Folders.h"

#include <QFileInfo>

#include <thread>

namespace sb::runtime {

namespace {

// A runtime that is just starting has the lock before its socket listens.
constexpr int connectTries = 100;
constexpr std::chrono::milliseconds connectPause{20};

QString helperPath(const QString& program)
{
    for (const char* place : {"/", "/../libexec/signalbox/", "/../lib/signalbox/"}) {
        const QString path =
            program + QLatin1StringView(place) + QStringLiteral("signalbox-sandbox-helper");
        if (QFileInfo(path).isExecutable()) {
            return QFileInfo(path).canonicalFilePath();
        }
    }
    return program + QStringLiteral("/signalbox-sandbox-helper");
}

} // namespace

Session::Session() : m_events(QStringLiteral("events")) {}

Result<std::unique_ptr<Session>> Session::open(const Home& home, const Wish& wish)
{
    std::unique_ptr<Session> session(new Session);
    const QString socket = server::socketPathFor(home.run);
    for (int attempt = 0;; ++attempt) {
        auto opened = Runtime::open(
            {home, wish.role, helperPath(wish.program), wish.needsConfig, wish.askPassphrase},
            session->m_clock);
        if (opened) {
            session->m_runtime = std::move(*opened);
            auto listening = server::LocalServer::start(socket, *session->m_runtime);
            if (!listening) {
                return std::unexpected(listening.error());
            }
            session->m_server = std::move(*listening);
            return session;
        }
        if (opened.error().code != ErrorCode::Conflict || wish.onlyOwn) {
            return std::unexpected(opened.error());
        }
        auto connected = server::SocketClient::connect(socket);
        if (connected) {
            session->m_remote = std::move(*connected);
            return session;
        }
        if (attempt >= connectTries) {
            return std::unexpected(
                opened.error().inFrontOf(QStringLiteral("The running program does not answer")));
        }
        std::this_thread::sleep_for(connectPause);
    }
}

Session::~Session()
{
    m_server.reset(); // first nobody can ask any more
    m_remote.reset();
    m_runtime.reset();
}

protocol::RuntimeClient& Session::client()
{
    return m_runtime ? static_cast<protocol::RuntimeClient&>(*m_runtime) : *m_remote;
}

bool Session::isConnected()
{
    return m_runtime || m_remote->request(protocol::Ping{}).wait().has_value();
}

} // namespace sb::runtime
