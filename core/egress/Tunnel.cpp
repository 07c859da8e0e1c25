#include "core/base/Defence.h"
#include "core/egress/Client.h"

namespace sb::egress {

using namespace Qt::StringLiterals;

namespace {

constexpr qsizetype kPiece = 64 << 10;
constexpr qsizetype kMostWaiting = 256 << 10;
constexpr qsizetype kMostHello = 64 << 10;
constexpr int kTurns = 32;

// The first bytes of a tunnel are held back until it is known whom they ask for.
class Doorman
{
public:
    enum class Says { Wait, Pass, Stop };
    explicit Doorman(Target target) : m_target(std::move(target)) {}

    Says look(const QByteArray& bytes)
    {
        m_held += bytes;
        switch (m_reader.feed(bytes)) {
        case HelloReader::Found::More:
            if (m_held.size() <= kMostHello) {
                return Says::Wait;
            }
            [[fallthrough]];
        case HelloReader::Found::Broken:
            reason = u"The tunnel begins like TLS and is none."_s;
            return defended("egress.sni") ? Says::Stop : Says::Pass;
        case HelloReader::Found::NoName:
        case HelloReader::Found::NotTls:
            return Says::Pass;
        case HelloReader::Found::Name:
            break;
        }
        const auto asked = readAuthority(m_reader.name(), m_target.port);
        if ((asked && asked->host == m_target.host) || !defended("egress.sni")) {
            return Says::Pass;
        }
        reason = u"The tunnel was opened for %1, and TLS inside of it asks for another host."_s.arg(
            m_target.host);
        return Says::Stop;
    }
    QByteArray takeHeld() { return std::exchange(m_held, {}); }
    QString reason;

private:
    Target m_target;
    HelloReader m_reader;
    QByteArray m_held;
};

} // namespace

Task<> Client::serveTunnel()
{
    lifetime(m_proxy.parts.limits.total);
    Journey journey;
    journey.session = m_listener->session;
    journey.method = u"CONNECT"_s;
    journey.startUs = m_clock.steadyUs();
    auto target = readAuthority(m_request.head().target, 0);
    if (!target) {
        co_await refuse(journey, {400, target.error().message, ErrorCode::InvalidInput});
        co_return;
    }
    journey.target = *std::move(target);
    journey.target.scheme = u"connect"_s;
    const Rules rules = m_proxy.parts.rules(journey.session.agent);
    auto admitted = co_await m_proxy.admit(*this, journey, rules, nullptr);
    if (!admitted) {
        co_await refuse(journey, admitted.error());
        co_return;
    }
    auto dialled = co_await m_proxy.dial(*this, journey);
    if (!dialled) {
        co_await refuse(journey, dialled.error());
        co_return;
    }
    m_upstream = *std::move(dialled);
    ++m_proxy.counters.tunnels;
    const bool sent = co_await send("HTTP/1.1 200 Connection established\r\n\r\n");
    if (sent) {
        co_await tunnel(journey);
    }
}

Task<> Client::tunnel(Journey& journey)
{
    Doorman doorman(journey.target);
    bool passed = false;
    Outbox up;
    Outbox down;
    bool clientSaidAll = false;
    bool serverSaidAll = false;
    bool upFinished = false;
    bool downFinished = false;
    QString reason;
    QByteArray first = std::exchange(m_in, {}); // what came right behind the CONNECT
    int turns = 0;
    patience(m_proxy.parts.limits.idle);
    while (!(upFinished && downFinished)) {
        bool moved = false;
        if (!clientSaidAll && up.size() < kMostWaiting) {
            QByteArray piece = std::exchange(first, {});
            if (piece.isEmpty()) {
                const Wire::Moved got = m_wire.read(m_piece.data(), kPiece);
                if (got.io == Wire::Io::Done) {
                    piece = QByteArray(m_piece.constData(), got.bytes);
                } else if (got.io != Wire::Io::Again) {
                    clientSaidAll = true;
                    moved = true;
                }
            }
            if (!piece.isEmpty()) {
                moved = true;
                if (passed) {
                    up.append(piece);
                } else {
                    const Doorman::Says says = doorman.look(piece);
                    if (says == Doorman::Says::Stop) {
                        m_proxy.recordRefusal(journey, {403, doorman.reason});
                        co_return;
                    }
                    if (says == Doorman::Says::Pass) {
                        passed = true;
                        up.append(doorman.takeHeld());
                    }
                }
            }
        }
        if (!serverSaidAll && down.size() < kMostWaiting) {
            const Wire::Moved got = m_upstream.wire->read(m_piece.data(), kPiece);
            if (got.io == Wire::Io::Done) {
                moved = true;
                down.append(QByteArray(m_piece.constData(), got.bytes));
                if (!m_proxy.spend(journey, 0, got.bytes)) {
                    reason = u"The agent has used up its bytes of network for today (UTC)."_s;
                    break;
                }
            } else if (got.io != Wire::Io::Again) {
                serverSaidAll = true;
                moved = true;
            }
        }
        const auto sentUp = up.flush(*m_upstream.wire);
        const auto sentDown = down.flush(m_wire);
        if (!sentUp || !sentDown) {
            break;
        }
        moved = moved || *sentUp > 0 || *sentDown > 0;
        if (*sentUp > 0 && !m_proxy.spend(journey, *sentUp, 0)) {
            reason = u"The agent has used up its bytes of network for today (UTC)."_s;
            break;
        }
        if (clientSaidAll && up.isEmpty() && !std::exchange(upFinished, true)) {
            m_upstream.wire->finish();
        }
        if (serverSaidAll && down.isEmpty() && !std::exchange(downFinished, true)) {
            m_wire.finish();
        }
        if (moved && !isOver()) {
            if (++turns >= kTurns) {
                turns = 0;
                patience(m_proxy.parts.limits.idle);
                co_await m_loop.others();
            }
            continue;
        }
        co_await next();
        if (isOver()) {
            reason = isExpired() ? u"Nothing moved for too long."_s : QString();
            break;
        }
        patience(m_proxy.parts.limits.idle);
    }
    m_proxy.recordEnd(journey, upFinished && downFinished ? u"allowed" : u"cut", reason, 0);
}

} // namespace sb::egress
