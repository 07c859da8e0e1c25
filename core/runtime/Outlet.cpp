#include "core/runtime/Outlet.h"

#include "core/runtime/AgentRuntime.h"

namespace sb::runtime {

namespace {

QString callKey(const egress::Session& session)
{
    return session.process + u' ' + QString::number(session.callSeq);
}

/// What the proxy asks of a scanner.
class Scanned final : public egress::BodyScanner
{
public:
    Scanned(const leaks::Watch& watch, leaks::Origin origin) : m_body(watch, std::move(origin)) {}
    bool feed(QByteArrayView bytes) override { return m_body.feed(bytes); }
    bool finish() override { return m_body.finish(); }
    [[nodiscard]] qint64 safeBytes() const override { return m_body.safeBytes(); }

private:
    leaks::BodyWatch m_body;
};

} // namespace

/// Holds the sandbox's socket open and counts the time that people were asked.
class Outlet::CommandDoor final : public tools::Door
{
public:
    CommandDoor(Outlet& outlet, egress::Session session)
        : m_outlet(outlet), m_session(std::move(session))
    {
    }
    ~CommandDoor() override
    {
        if (AgentRuntime* const agent = m_outlet.m.agent(m_session.agent)) {
            agent->endAddressQuestions(m_session.process, m_session.callSeq);
        }
    }
    void opened(int listeningFd) override
    {
        m_open.withLock(
            [&](Subscription& open) { open = m_outlet.m_proxy->serve(listeningFd, m_session); });
    }
    [[nodiscard]] Milliseconds waitedForPeople() const override
    {
        return m_waiting.withLock([&](const Waiting& waiting) {
            const qint64 now =
                waiting.questions > 0 ? m_outlet.m.clock.steadyUs() - waiting.since : 0;
            return std::chrono::duration_cast<Milliseconds>(
                std::chrono::microseconds(waiting.pastUs + now));
        });
    }
    void questionOpened()
    {
        m_waiting.withLock([&](Waiting& waiting) {
            if (waiting.questions++ == 0) {
                waiting.since = m_outlet.m.clock.steadyUs();
            }
        });
    }
    void questionClosed()
    {
        m_waiting.withLock([&](Waiting& waiting) {
            if (--waiting.questions == 0) {
                waiting.pastUs += m_outlet.m.clock.steadyUs() - waiting.since;
            }
        });
    }

private:
    struct Waiting
    {
        int questions = 0;
        qint64 since = 0; ///< steady, µs; while there are questions
        qint64 pastUs = 0;
    };
    Outlet& m_outlet;
    egress::Session m_session;
    Guarded<Subscription> m_open;
    Guarded<Waiting> m_waiting;
};

Outlet::Outlet(Parts parts) : m(std::move(parts)), m_resolver(m.pool) {}

Outlet::~Outlet() = default;

void Outlet::close()
{
    m_proxy.reset();
}

Result<std::unique_ptr<Outlet>> Outlet::create(Parts parts)
{
    std::unique_ptr<Outlet> self(new Outlet(std::move(parts)));
    Outlet* const raw = self.get();
    egress::Proxy::Parts made{.clock = self->m.clock, .resolver = self->m_resolver, .rules = {}};
    made.rules = [raw](const QString& id) {
        AgentRuntime* const agent = raw->m.agent(id);
        return agent != nullptr ? agent->egressRules() : egress::Rules();
    };
    made.ask = [raw](const egress::Question& question) { return raw->ask(question); };
    made.record = [raw](const egress::Session& session, const QJsonObject& payload) {
        AgentRuntime* const agent = raw->m.agent(session.agent);
        return agent != nullptr ? agent->recordEgress(session, payload)
                                : Future<qint64>::ready(
                                      fail(ErrorCode::Unavailable,
                                           QStringLiteral("The agent is not there any more.")));
    };
    made.resolveSecret = self->m.resolveSecret;
    made.scanner = [raw](const egress::Session& session) {
        return std::make_unique<Scanned>(raw->m.watch,
                                         leaks::Origin{QStringLiteral("egress"),
                                                       session.agent,
                                                       session.channel,
                                                       session.process,
                                                       session.callSeq});
    };
    SB_TRY(self->m_proxy, egress::Proxy::create(std::move(made)));
    return self;
}

std::shared_ptr<tools::Door> Outlet::door(const tools::Context& context)
{
    egress::Session session;
    session.agent = context.agent;
    session.process = context.process;
    session.callSeq = context.callSeq;
    auto door = std::make_shared<CommandDoor>(*this, session);
    m_doors.withLock([&](auto& doors) {
        doors.removeIf([](const auto& entry) { return entry.value().expired(); });
        doors.insert(callKey(session), door);
    });
    return door;
}

Future<bool> Outlet::ask(const egress::Question& question)
{
    AgentRuntime* const agent = m.agent(question.session.agent);
    if (agent == nullptr) {
        return Future<bool>::ready(false);
    }
    // Not held meanwhile: the question goes with the command, not the command with the question.
    const std::weak_ptr<CommandDoor> door =
        m_doors.withLock([&](const auto& doors) { return doors.value(callKey(question.session)); });
    if (const auto open = door.lock()) {
        open->questionOpened();
    }
    Promise<bool> promise;
    auto future = promise.future();
    agent->askForAddress(question).then([door, promise = std::move(promise)](Result<bool> answer) {
        if (const auto open = door.lock()) {
            open->questionClosed();
        }
        promise.set(std::move(answer));
    });
    return future;
}

} // namespace sb::runtime
