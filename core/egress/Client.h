#pragma once
#include "core/egress/ProxyPrivate.h"

namespace sb::egress {

/// One connection from a sandbox: requests one after another, or one tunnel.
class Client final : public Actor
{
public:
    Client(Proxy::Private& proxy, Fd fd, std::shared_ptr<Listener> listener, quint64 id);
    ~Client() override;
    /// Begins; the client forgets itself at its end.
    Detached run();

private:
    /// What one request needs while it is under way.
    struct Exchange
    {
        Head head;
        Journey journey;
        std::map<qsizetype, SecretString> values; ///< of headers, with the key in them
        std::unique_ptr<BodyScanner> scanner;     ///< of the body
        QByteArray held;     ///< of the body: may be the beginning of what must not leave
        qint64 released = 0; ///< of the body
        EchoGuard echo;
        Outbox up;             ///< waits to be sent to the server
        Outbox down;           ///< waits to be sent to the client
        bool reused = false;   ///< over a connection that had served another request
        bool upEnded = false;  ///< the last piece of the body is in `up`
        bool upBroken = false; ///< the server takes no more; it may have answered already
        bool begun = false;    ///< something of the answer came
        bool answered = false; ///< something of the final answer is in `down`
        bool answerDone = false;
        bool chunkDown = false;
        bool keep = true;   ///< the client's connection
        bool keepUp = true; ///< the server's
        int status = 0;
    };
    enum class Ended {
        Well,
        Stale, ///< a kept connection was closed before it could be used: try with a new one
        Cut,   ///< in the middle; the client sees it by the close
        Refused,
    };

    void touched() override;
    Task<bool> readHead();
    Task<bool> serveRequest();
    Task<> serveTunnel();
    static Outcome<Target> targetOf(const Head& head);
    Task<Outcome<bool>> prepare(Exchange& x);
    Task<Outcome<bool>> putKeysIn(Exchange& x, const std::vector<Place>& places);
    Task<Ended> pump(Exchange& x, Refusal& why);
    /// What of the body may go on now; nothing when it holds what must not leave.
    static std::optional<QByteArray> released(Exchange& x, QByteArray body, bool ends);
    // Each moves what can be moved now, and says when that ended the request.
    std::optional<Ended> moveUp(Exchange& x, Refusal& why, bool& moved);
    std::optional<Ended> moveDown(Exchange& x, Refusal& why, bool& moved);
    std::optional<Ended> takeAnswer(Exchange& x, QByteArrayView bytes, Refusal& why);
    std::optional<Ended> takeAnswerHead(Exchange& x, Refusal& why);
    /// Writes the refusal down and answers; whether the connection can go on.
    Task<bool> refuse(const Journey& journey, const Refusal& why);
    Task<bool> send(const QByteArray& bytes);
    /// Reads what still comes, so that closing does not take the answer back.
    Task<> linger();
    Task<> tunnel(Journey& journey);

    Proxy::Private& m_proxy;
    std::shared_ptr<Listener> m_listener;
    quint64 m_id;
    Wire m_wire;
    Upstream m_upstream;
    MessageReader m_request{MessageReader::Kind::Request};
    std::optional<MessageReader> m_answer; ///< anew for every connection to a server
    QByteArray m_in;                       ///< came from the client and was not looked at yet
    QByteArray m_piece;                    ///< room to read into
};

} // namespace sb::egress
