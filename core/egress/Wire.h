#pragma once
#include "core/base/Clock.h"
#include "core/egress/Loop.h"
#include "core/egress/Task.h"
#include "core/egress/Tls.h"

#include <QHostAddress>
#include <limits>
#include <list>

namespace sb::egress {

/// What waits: a client's connection, a fetch. It sleeps until anything happens to one of its
/// wires, its time is up, or it is told to close, and then looks again at all that it waits for.
class Actor
{
public:
    Actor(Loop& loop, Clock& clock) : m_loop(loop), m_clock(clock) {}
    virtual ~Actor() = default;
    Actor(const Actor&) = delete;
    Actor& operator=(const Actor&) = delete;

    /// co_await actor.next(): goes on when something has happened since the last time.
    auto next()
    {
        struct Next
        {
            Actor& actor;
            [[nodiscard]] bool await_ready() const noexcept
            {
                return std::exchange(actor.m_pending, false) || actor.isOver();
            }
            void await_suspend(std::coroutine_handle<> handle) const { actor.m_handle = handle; }
            void await_resume() const noexcept { actor.m_pending = false; }
        };
        return Next{*this};
    }
    /// Something happened. May end the actor.
    void wake()
    {
        m_pending = true;
        if (const auto handle = std::exchange(m_handle, {})) {
            handle.resume();
        } else if (m_asking) {
            touched();
        }
    }
    /// While a person is asked, a client that goes away takes its question along.
    void setAsking(bool asking) { m_asking = asking; }

    /// Time runs out so long from now. Checked four times a second.
    void patience(Milliseconds time)
    {
        m_expired = false;
        m_deadline = m_clock.steadyUs() + time.count() * 1000;
    }
    /// The end of all patience; patience() does not move it.
    void lifetime(Milliseconds time) { m_end = m_clock.steadyUs() + time.count() * 1000; }
    /// Ends what waits when its time is up. May end the actor.
    void lookAtClock(qint64 nowUs)
    {
        if (nowUs >= std::min(m_deadline, m_end) && !m_expired) {
            m_expired = true;
            interrupt();
        }
    }
    /// Ends it: it sees isClosing(). May end the actor.
    void close()
    {
        m_closing = true;
        interrupt();
    }
    [[nodiscard]] bool isExpired() const { return m_expired; }
    [[nodiscard]] bool isClosing() const { return m_closing; }
    [[nodiscard]] bool isOver() const { return m_expired || m_closing; }
    /// Stopped when it closes or expires while it waits for somebody else's answer.
    [[nodiscard]] std::stop_token stopToken() const { return m_stop.get_token(); }

protected:
    /// Something happened to a wire while a person is asked.
    virtual void touched() {}
    Loop& m_loop;
    Clock& m_clock;
    std::stop_source m_stop;

private:
    void interrupt()
    {
        if (m_handle) {
            wake();
        } else {
            // The stop's callbacks post, so this actor is still there when they return.
            m_pending = true;
            m_stop.request_stop();
        }
    }

    std::coroutine_handle<> m_handle;
    bool m_pending = false;
    bool m_expired = false;
    bool m_closing = false;
    bool m_asking = false;
    qint64 m_deadline = std::numeric_limits<qint64>::max();
    qint64 m_end = std::numeric_limits<qint64>::max();
};

class Wire;

/// Bytes that wait to be sent. What was sent is overwritten, for it may hold a key.
class Outbox
{
public:
    void append(const QByteArray& bytes)
    {
        if (isEmpty()) {
            m_bytes.clear();
            m_sent = 0;
        }
        m_bytes.append(bytes);
    }
    /// Bytes that nobody else holds.
    void set(QByteArray&& bytes)
    {
        clear();
        m_bytes = std::move(bytes);
    }
    [[nodiscard]] bool isEmpty() const { return m_sent == m_bytes.size(); }
    [[nodiscard]] qsizetype size() const { return m_bytes.size() - m_sent; }
    void clear();
    /// Sends as much as goes and says how much that was; nothing when the other side is gone.
    std::optional<qsizetype> flush(Wire& wire);

private:
    QByteArray m_bytes;
    qsizetype m_sent = 0;
};

/// One TCP connection, with TLS on it or without. Its owner is woken when it may be able to move
/// bytes again.
class Wire final : public Watcher
{
public:
    enum class Io {
        Done,
        Again, ///< nothing for now
        End,   ///< the other side has said all
        Failed,
    };
    struct Moved
    {
        Io io = Io::Again;
        qsizetype bytes = 0;
    };

    Wire(Loop& loop, Fd fd, Actor& owner);
    ~Wire() override;
    Wire(const Wire&) = delete;
    Wire& operator=(const Wire&) = delete;

    void ready(unsigned events) override;
    Moved read(char* to, qsizetype most);
    Moved write(QByteArrayView bytes);
    /// Says that nothing more will come.
    void finish();

    /// Done once the connection stands, Again before, Failed with errno's text in fault().
    Io connected();
    /// From here on everything is inside TLS; first shakeHands() until it is Done.
    void secure(Ssl ssl) { m_ssl = std::move(ssl); }
    Io shakeHands();
    [[nodiscard]] bool isSecure() const { return m_ssl != nullptr; }
    /// The other side went away, or will say nothing more.
    [[nodiscard]] bool hasHungUp() const { return m_hungUp; }
    [[nodiscard]] int fd() const { return m_fd.get(); }
    [[nodiscard]] const QString& fault() const { return m_fault; }

private:
    Moved tlsOutcome(int result);

    Loop& m_loop;
    Actor& m_owner;
    Fd m_fd;
    quint64 m_id;
    Ssl m_ssl;
    bool m_readable = true; // until the kernel says otherwise
    bool m_writable = true;
    bool m_hungUp = false;
    bool m_connected = false;
    QString m_fault;
};

} // namespace sb::egress
