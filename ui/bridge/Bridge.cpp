#include "ui/bridge/Bridge.h"

#include "ui/bridge/FrameExecutor.h"

#include <QFileInfo>

namespace sb::bridge {

namespace {

constexpr int maximumEnded = 200;      // processes that are kept for the Workers panel
constexpr int maximumTail = 64 * 1024; // of one process in one frame

// Puts the value in the place of the one that is the same thing, or at the end.
template <class T, class Same>
void upsert(QList<T>& list, const T& value, Same same)
{
    for (T& old : list) {
        if (same(old)) {
            old = value;
            return;
        }
    }
    list.append(value);
}

template <class... F>
struct Overloaded : F...
{
    using F::operator()...;
};

} // namespace

Bridge::Bridge(protocol::RuntimeClient& client, QObject* parent)
    : QObject(parent)
    , m_client(client)
    , m_executor(std::make_shared<FrameExecutor>([this] { flush(); }))
{
}

Bridge::~Bridge()
{
    m_subscription.reset();
    m_executor->close();
}

void Bridge::postReply(const std::shared_ptr<FrameExecutor>& executor, Job job)
{
    executor->post(std::move(job));
}

void Bridge::start()
{
    m_subscription =
        m_client.subscribe(*m_executor, [this](const protocol::Event& event) { take(event); });
    loadSnapshot();
}

void Bridge::loadSnapshot()
{
    request(protocol::GetSnapshot{}, this, [this](Result<protocol::GetSnapshot::Reply> reply) {
        if (!reply) {
            Q_EMIT snapshotFailed(reply.error());
            return;
        }
        m_state = std::move(*reply);
        m_loaded = true;
        Q_EMIT snapshotLoaded();
    });
}

bool Bridge::lacksConfig() const
{
    // The tour brings an agent of its own, which no file names.
    const bool hasNone = std::ranges::all_of(
        m_state.agents, [](const auto& agent) { return agent.id == QLatin1StringView("tour"); });
    return m_loaded && hasNone && !m_state.configPath.isEmpty() &&
           !QFileInfo::exists(m_state.configPath);
}

const protocol::ProcessInfo* Bridge::process(const QString& id) const
{
    for (const auto& info : m_state.processes) {
        if (info.id == id) {
            return &info;
        }
    }
    return nullptr;
}

const protocol::ChannelInfo* Bridge::channel(const QString& agent, const QString& id) const
{
    for (const auto& info : m_state.channels) {
        if (info.agent == agent && info.id == id) {
            return &info;
        }
    }
    return nullptr;
}

void Bridge::take(const protocol::Event& event)
{
    using namespace protocol;
    m_pending.any = true;
    std::visit(
        Overloaded{
            [&](const EntryAppended& e) { m_pending.entries.append(e.entry); },
            [&](const TextDelta& e) {
                // A delta behind a finished message of its channel starts the next one: keep that
                // order.
                for (const auto& change : m_pending.transcript) {
                    if (change.channel == e.channel && change.agent == e.agent) {
                        flush();
                        m_pending.any = true;
                        break;
                    }
                }
                for (TextDelta& old : m_pending.deltas) {
                    if (old.process == e.process && old.channel == e.channel &&
                        old.agent == e.agent) {
                        old.text += e.text;
                        return;
                    }
                }
                m_pending.deltas.append(e);
            },
            [&](const TextReset& e) {
                m_pending.deltas.removeIf([&](const TextDelta& d) {
                    return d.process == e.process && d.channel == e.channel && d.agent == e.agent;
                });
                m_pending.resets.append(e);
            },
            [&](const OutputTail& e) {
                for (OutputTail& old : m_pending.tails) {
                    if (old.process == e.process && old.agent == e.agent) {
                        old.text += e.text;
                        if (old.text.size() > maximumTail) {
                            old.text = old.text.right(maximumTail);
                        }
                        return;
                    }
                }
                m_pending.tails.append(e);
            },
            [&](const AgentChanged& e) {
                if (e.removed) {
                    m_state.agents.removeIf([&](const AgentInfo& a) { return a.id == e.agent.id; });
                } else {
                    upsert(m_state.agents, e.agent, [&](const AgentInfo& a) {
                        return a.id == e.agent.id;
                    });
                }
                m_pending.agents = true;
            },
            [&](const ChannelChanged& e) {
                const auto same = [&](const ChannelInfo& c) {
                    return c.id == e.channel.id && c.agent == e.channel.agent;
                };
                upsert(m_state.channels, e.channel, same);
                upsert(m_pending.channels, e.channel, same);
            },
            [&](const ProcessChanged& e) {
                const auto same = [&](const ProcessInfo& p) { return p.id == e.process.id; };
                upsert(m_state.processes, e.process, same);
                upsert(m_pending.processes, e.process, same);
            },
            [&](const ApprovalChanged& e) {
                const auto same = [&](const ApprovalInfo& a) { return a.id == e.approval.id; };
                upsert(m_state.approvals, e.approval, same);
                upsert(m_pending.approvals, e.approval, same);
            },
            [&](const TranscriptChanged& e) {
                upsert(m_pending.transcript, e, [&](const TranscriptChanged& t) {
                    return t.item.id == e.item.id && t.channel == e.channel && t.agent == e.agent;
                });
            },
            [&](const TotalsChanged& e) {
                m_state.totals = e.totals;
                m_pending.totals = e.totals;
            },
            [&](const ConfigChanged& e) {
                m_state.configProblem = e.problem;
                m_pending.configProblem = e.problem;
            },
            [&](const KeysChanged& e) {
                m_state.keyProblems = e.problems;
                m_pending.keys = true;
            },
            [&](const VerifyProgress& e) {
                upsert(m_pending.verify, e, [&](const VerifyProgress& v) {
                    return v.agent == e.agent;
                });
            },
            [&](const MemoryUpdated& e) { m_pending.memory.append(e); },
            [&](const MemoryIndexed& e) {
                upsert(m_pending.indexes, e, [&](const MemoryIndexed& i) {
                    return i.agent == e.agent;
                });
            },
            [&](const MemoryIngest& e) {
                upsert(m_pending.ingests, e, [&](const MemoryIngest& i) {
                    return i.job.id == e.job.id;
                });
            },
            [&](const Activated& e) { m_pending.activated = e.token; },
            [&](const Lagged&) { loadSnapshot(); },
        },
        event);
}

void Bridge::flush()
{
    if (!m_pending.any) {
        return;
    }
    Pending now;
    std::swap(now, m_pending);
    if (m_state.processes.size() > 2 * maximumEnded) {
        // The oldest that ended go first; those alive always stay.
        qsizetype surplus = m_state.processes.size() - maximumEnded;
        m_state.processes.removeIf(
            [&](const protocol::ProcessInfo& p) { return p.endedAt != 0 && surplus-- > 0; });
    }
    if (now.agents) {
        Q_EMIT agentsChanged();
    }
    if (!now.channels.isEmpty()) {
        Q_EMIT channelsChanged(now.channels);
    }
    if (!now.processes.isEmpty()) {
        Q_EMIT processesChanged(now.processes);
    }
    if (!now.resets.isEmpty()) {
        Q_EMIT textResets(now.resets);
    }
    if (!now.deltas.isEmpty()) {
        Q_EMIT textDeltas(now.deltas);
    }
    if (!now.transcript.isEmpty()) {
        Q_EMIT transcriptChanged(now.transcript);
    }
    if (!now.approvals.isEmpty()) {
        Q_EMIT approvalsChanged(now.approvals);
    }
    if (!now.tails.isEmpty()) {
        Q_EMIT outputTails(now.tails);
    }
    if (!now.entries.isEmpty()) {
        Q_EMIT entriesAppended(now.entries);
    }
    for (const auto& progress : now.verify) {
        Q_EMIT verifyProgress(progress);
    }
    if (!now.memory.isEmpty()) {
        Q_EMIT memoryUpdated(now.memory);
    }
    for (const auto& index : now.indexes) {
        Q_EMIT memoryIndexed(index);
    }
    for (const auto& ingest : now.ingests) {
        Q_EMIT memoryIngest(ingest);
    }
    if (now.totals) {
        Q_EMIT totalsChanged(*now.totals);
    }
    if (now.configProblem) {
        Q_EMIT configProblemChanged(*now.configProblem);
    }
    if (now.keys) {
        Q_EMIT keyProblemsChanged();
    }
    if (now.activated) {
        Q_EMIT activated(*now.activated);
    }
}

} // namespace sb::bridge
