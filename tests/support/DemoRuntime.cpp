#include "tests/support/DemoRuntime.h"

using namespace Qt::StringLiterals;

namespace sb::test {

using namespace protocol;

namespace {

template <class... F>
struct Overloaded : F...
{
    using F::operator()...;
};

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

QString key(const QString& agent, const QString& channel)
{
    return agent + u'/' + channel;
}

template <class T>
Result<QJsonObject> asJson(const Result<T>& reply)
{
    return reply ? Result<QJsonObject>(toJson(*reply)) : std::unexpected(reply.error());
}

std::unexpected<Error> missing(const QString& what)
{
    return fail(ErrorCode::NotFound, u"There is no %1."_s.arg(what));
}

} // namespace

Subscription DemoRuntime::subscribe(Executor& executor, std::function<void(const Event&)> listener)
{
    const int id = m_nextListener++;
    m_listeners.withLock([&](auto& listeners) {
        listeners[id] = {&executor,
                         std::make_shared<std::function<void(const Event&)>>(std::move(listener))};
    });
    return Subscription(
        [this, id] { m_listeners.withLock([&](auto& listeners) { listeners.erase(id); }); });
}

void DemoRuntime::publish(const Event& event)
{
    std::visit(Overloaded{
                   [&](const EntryAppended& e) { journals[e.entry.agent].append(e.entry); },
                   [&](const ChannelChanged& e) {
                       upsert(snapshot.channels, e.channel, [&](const ChannelInfo& c) {
                           return c.id == e.channel.id && c.agent == e.channel.agent;
                       });
                   },
                   [&](const ProcessChanged& e) {
                       upsert(snapshot.processes, e.process, [&](const ProcessInfo& p) {
                           return p.id == e.process.id;
                       });
                   },
                   [&](const ApprovalChanged& e) {
                       upsert(snapshot.approvals, e.approval, [&](const ApprovalInfo& a) {
                           return a.id == e.approval.id;
                       });
                   },
                   [&](const TranscriptChanged& e) {
                       upsert(transcripts[key(e.agent, e.channel)],
                              e.item,
                              [&](const TranscriptItem& i) { return i.id == e.item.id; });
                   },
                   [&](const TotalsChanged& e) { snapshot.totals = e.totals; },
                   [&](const KeysChanged& e) { snapshot.keyProblems = e.problems; },
                   [&](const ConfigChanged& e) { snapshot.configProblem = e.problem; },
                   [&](const OutputTail& e) { outputs[e.process] += e.text; },
                   [](const auto&) {},
               },
               event);
    std::vector<Listener> listeners;
    m_listeners.withLock([&](const auto& all) {
        for (const auto& [id, listener] : all) {
            listeners.push_back(listener);
        }
    });
    for (const Listener& listener : listeners) {
        listener.executor->post([function = listener.function, event] { (*function)(event); });
    }
}

Future<QJsonObject> DemoRuntime::send(Command command)
{
    commands.append(command);
    auto result = answer(command);
    if (!holdReplies) {
        return Future<QJsonObject>::ready(std::move(result));
    }
    Promise<QJsonObject> promise;
    auto future = promise.future();
    m_held.emplace_back(std::move(promise), std::move(result));
    return future;
}

void DemoRuntime::release()
{
    holdReplies = false;
    auto held = std::exchange(m_held, {});
    for (auto& [promise, result] : held) {
        promise.set(std::move(result));
    }
}

Result<QJsonObject> DemoRuntime::answer(const Command& command)
{
    const QString name =
        std::visit([](const auto& c) { return QString::fromLatin1(c.name); }, command);
    if (const auto failure = failures.constFind(name); failure != failures.constEnd()) {
        return std::unexpected(*failure);
    }
    const auto page = [](const auto& list, qint64 before, int limit, auto reply, auto into) {
        qsizetype end = list.size();
        while (before > 0 && end > 0 && list.at(end - 1).seq >= before) {
            --end;
        }
        const qsizetype begin = std::max<qsizetype>(0, end - limit);
        reply.*into = list.mid(begin, end - begin);
        reply.more = begin > 0;
        return reply;
    };
    return std::visit(
        Overloaded{
            [&](const Ping&) -> Result<QJsonObject> {
                return toJson(Ping::Reply{1, u"demo"_s, u"window"_s});
            },
            [&](const GetSnapshot&) -> Result<QJsonObject> { return toJson(snapshot); },
            [&](const WriteConfig&) -> Result<QJsonObject> {
                return toJson(WriteConfig::Reply{snapshot.configPath, {}});
            },
            [&](const OpenChannel& c) -> Result<QJsonObject> {
                for (const auto& channel : snapshot.channels) {
                    if (channel.agent == c.agent && channel.id == c.id) {
                        return toJson(channel);
                    }
                }
                ChannelInfo channel;
                channel.agent = c.agent;
                channel.id = c.id.isEmpty() ? u"chn-%1"_s.arg(m_nextSeq++) : c.id;
                channel.title = c.title;
                channel.origin = c.origin;
                channel.lastTime = now;
                publish(ChannelChanged{channel});
                return toJson(channel);
            },
            [&](const SendMessage& c) -> Result<QJsonObject> {
                const qint64 seq = m_nextSeq++;
                publish(TranscriptChanged{
                    c.agent, c.channel, item(ItemKind::User, seq, u"you"_s, c.text)});
                return toJson(SendMessage::Reply{seq});
            },
            [&](const GetTranscript& c) -> Result<QJsonObject> {
                return toJson(page(transcripts.value(key(c.agent, c.channel)),
                                   c.before,
                                   c.limit,
                                   GetTranscript::Reply{},
                                   &GetTranscript::Reply::items));
            },
            [&](const GetOutput& c) -> Result<QJsonObject> {
                return toJson(GetOutput::Reply{outputs.value(c.process)});
            },
            [&](const CancelProcess& c) -> Result<QJsonObject> {
                for (ProcessInfo process : snapshot.processes) {
                    if (process.id == c.process) {
                        process.state = ProcessState::Cancelled;
                        process.endedAt = now;
                        publish(ProcessChanged{process});
                        return toJson(Done{});
                    }
                }
                return missing(u"process %1"_s.arg(c.process));
            },
            [&](const ListApprovals& c) -> Result<QJsonObject> {
                ListApprovals::Reply reply;
                for (const auto& approval : snapshot.approvals) {
                    if (c.all || approval.state == ApprovalState::Waiting) {
                        reply.approvals.append(approval);
                    }
                }
                return toJson(reply);
            },
            [&](const GetApproval& c) -> Result<QJsonObject> {
                for (const auto& approval : snapshot.approvals) {
                    if (approval.id == c.id) {
                        return toJson(approval);
                    }
                }
                return missing(u"approval %1"_s.arg(c.id));
            },
            [&](const SettleApproval& c) -> Result<QJsonObject> {
                for (ApprovalInfo approval : snapshot.approvals) {
                    if (approval.id != c.id) {
                        continue;
                    }
                    if (approval.state != ApprovalState::Waiting) {
                        return fail(ErrorCode::Conflict,
                                    u"Already decided by %1."_s.arg(approval.by));
                    }
                    approval.state = c.accept ? ApprovalState::Accepted : ApprovalState::Rejected;
                    approval.by = c.by;
                    approval.note = c.note;
                    approval.editedArguments = c.arguments;
                    approval.settledAt = now;
                    publish(ApprovalChanged{approval});
                    return toJson(approval);
                }
                return missing(u"approval %1"_s.arg(c.id));
            },
            [&](const QueryJournal& c) -> Result<QJsonObject> {
                QList<Entry> found;
                for (const Entry& entry : journals.value(c.agent)) {
                    const bool kind = c.kinds.isEmpty() || c.kinds.contains(kindName(entry.kind));
                    const bool process = c.process.isEmpty() || c.process == entry.process;
                    const QByteArray payload = QJsonDocument(entry.payload).toJson();
                    const bool text = c.text.isEmpty() || QString::fromUtf8(payload).contains(
                                                              c.text, Qt::CaseInsensitive);
                    if (kind && process && text && entry.seq > c.after) {
                        found.append(entry);
                    }
                }
                auto reply = page(
                    found, c.before, c.limit, QueryJournal::Reply{}, &QueryJournal::Reply::entries);
                std::ranges::reverse(reply.entries);
                return toJson(reply);
            },
            [&](const VerifyJournal& c) -> Result<QJsonObject> {
                VerifyJournal::Reply reply;
                for (const auto& report : reports) {
                    if (c.agent.isEmpty() || report.agent == c.agent) {
                        publish(VerifyProgress{report.agent, report.entries, report.entries});
                        reply.reports.append(report);
                    }
                }
                return toJson(reply);
            },
            [&](const ExportJournal& c) -> Result<QJsonObject> {
                return toJson(ExportJournal::Reply{journals.value(c.agent).size(), c.path});
            },
            [&](const ErasePayload& c) -> Result<QJsonObject> {
                for (Entry& entry : journals[c.agent]) {
                    if (entry.seq == c.seq) {
                        entry.erased = true;
                        entry.payload = {};
                        return toJson(Done{});
                    }
                }
                return missing(u"entry %1"_s.arg(c.seq));
            },
            [&](const StartRun& c) -> Result<QJsonObject> {
                ChannelInfo channel;
                channel.agent = c.tour ? u"tour"_s : c.agent;
                channel.id = u"run-%1"_s.arg(m_nextSeq++);
                channel.title = c.tour ? u"The tour"_s : c.task;
                channel.origin = c.tour ? u"tour"_s : u"run"_s;
                channel.running = 1;
                channel.lastTime = now;
                publish(ChannelChanged{channel});
                return toJson(StartRun::Reply{channel.id, channel.agent, channel.id, m_nextSeq});
            },
            [&](const GetContainment& c) -> Result<QJsonObject> {
                auto& info = containments[c.agent];
                info.agent = c.agent;
                if (c.probe && info.problem.isEmpty()) {
                    info.probes = attempts.value(c.agent);
                    info.probedAt = now;
                }
                return toJson(info);
            },
            [&](const RevokeGrant& c) -> Result<QJsonObject> {
                for (GrantInfo& grant : containments[c.agent].grants) {
                    if (grant.id == c.id && grant.revokedAt != 0) {
                        return fail(ErrorCode::Conflict, u"It was taken back already."_s);
                    }
                    if (grant.id == c.id) {
                        grant.revokedAt = now;
                        return toJson(grant);
                    }
                }
                return missing(u"permission %1"_s.arg(c.id));
            },
            [&](const GetVault&) -> Result<QJsonObject> { return toJson(vault); },
            [&](const UnlockVault&) -> Result<QJsonObject> {
                vault.isLocked = false;
                publish(KeysChanged{});
                return toJson(vault);
            },
            [&](const ListPublishers&) -> Result<QJsonObject> {
                return toJson(ListPublishers::Reply{publishers});
            },
            [&](const GetMemoryGraph& c) { return asJson(memories[c.agent].answer(c)); },
            [&](const ListMemories& c) { return asJson(memories[c.agent].answer(c)); },
            [&](const SearchMemory& c) { return asJson(memories[c.agent].answer(c)); },
            [&](const GetMemory& c) { return asJson(memories[c.agent].answer(c)); },
            [&](const GetMemoryStats& c) { return asJson(memories[c.agent].answer(c)); },
            [&](const ChangeMemory& c) { return remember(c); },
            [&](const MergeMemories& c) { return remember(c); },
            [&](const SplitMemory& c) { return remember(c); },
            [&](const UndoMemoryChange& c) { return remember(c); },
            [&](const ExportMemory& c) -> Result<QJsonObject> {
                const auto stats = memories[c.agent].answer(GetMemoryStats{c.agent});
                return toJson(ExportMemory::Reply{stats->memories, stats->edges});
            },
            [&](const IngestPaths& c) -> Result<QJsonObject> {
                IngestPaths::Reply reply;
                for (const auto& path : c.paths) {
                    IngestInfo job;
                    job.id = u"ing-%1"_s.arg(ingests.size() + 1);
                    job.agent = c.agent;
                    job.path = path;
                    job.state = u"running"_s;
                    ingests.append(job);
                    reply.jobs.append(job);
                }
                return toJson(reply);
            },
            [&](const ListIngests& c) -> Result<QJsonObject> {
                IngestPaths::Reply reply{ingests};
                reply.jobs.removeIf([&](const IngestInfo& job) { return job.agent != c.agent; });
                return toJson(reply);
            },
            [&](const StopIngest& c) -> Result<QJsonObject> {
                for (auto& job : ingests) {
                    if (job.id == c.id) {
                        job.state = u"stopped"_s;
                        return toJson(job);
                    }
                }
                return missing(u"reading %1"_s.arg(c.id));
            },
            [&](const ForgetPublisher& c) { return trust(c.publisher, false); },
            [&](const RememberPublisher& c) { return trust(c.publisher, true); },
            [](const auto&) -> Result<QJsonObject> { return toJson(Done{}); },
        },
        command);
}

template <class C>
Result<QJsonObject> DemoRuntime::remember(const C& command)
{
    const auto changed = memories[command.agent].answer(command, m_nextSeq);
    if (changed) {
        ++m_nextSeq;
        publish(MemoryUpdated{command.agent, *changed});
    }
    return asJson(changed);
}

Result<QJsonObject> DemoRuntime::trust(const QString& publisher, bool isTrusted)
{
    const auto found = std::ranges::find(publishers, publisher, &PublisherInfo::name);
    if (found == publishers.end()) {
        return missing(u"publisher %1"_s.arg(publisher));
    }
    found->isForgotten = !isTrusted;
    return toJson(*found);
}

TranscriptItem DemoRuntime::item(
    ItemKind kind, qint64 seq, const QString& author, const QString& text, const QString& detail)
{
    TranscriptItem result;
    result.id = u"itm-%1"_s.arg(seq);
    result.seq = seq;
    result.time = now - (1000 - std::min<qint64>(seq, 1000)) * 7'000'000;
    result.kind = kind;
    result.author = author;
    result.text = text;
    result.detail = detail;
    return result;
}

} // namespace sb::test
