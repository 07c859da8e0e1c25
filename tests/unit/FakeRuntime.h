#pragma once
#include "core/protocol/RuntimeClient.h"

#include <atomic>
#include <map>
#include <mutex>

namespace sb::test {

/// A runtime of a few lines behind the client's interface, for the servers' tests. Safe from any
/// thread.
class FakeRuntime final : public protocol::RuntimeClient
{
public:
    using AskHandler = std::function<void(const protocol::Ask&, Promise<QJsonObject>)>;

    AskHandler onAsk; ///< set before the server starts; without it, an ask is answered with "word "
                      ///< and its text
    QStringList agents{QStringLiteral("assistant"), QStringLiteral("other")};
    std::atomic<int> listeners = 0;
    std::atomic<int> asked = 0;

    /// Adds an entry to a chain and tells the listeners; `silent` ones are only found in the
    /// journal.
    qint64 append(const QString& agent,
                  protocol::Kind kind,
                  const QJsonObject& payload = {},
                  const QString& process = {},
                  bool silent = false)
    {
        protocol::Entry entry;
        {
            const std::scoped_lock lock(m_mutex);
            auto& chain = m_chains[agent];
            entry.seq = chain.size() + 1;
            entry.time = 1'795'163'400'000'000 + entry.seq;
            entry.agent = agent;
            entry.kind = kind;
            entry.process = process;
            entry.payload = payload;
            chain.append(entry);
        }
        if (!silent) {
            publish(protocol::EntryAppended{entry});
        }
        return entry.seq;
    }

    void publish(const protocol::Event& event)
    {
        const std::scoped_lock lock(m_mutex);
        for (const auto& [id, listener] : m_listeners) {
            listener.executor->post([function = listener.function, event] {
                if (*function) {
                    (*function)(event);
                }
            });
        }
    }

    /// What a runtime does for a message: received, turn, deltas of one or more steps, and the
    /// answer.
    void playTurn(const protocol::Ask& ask,
                  const QList<QStringList>& steps,
                  Promise<QJsonObject> promise)
    {
        const auto seq =
            append(ask.agent,
                   protocol::Kind::MessageReceived,
                   {{QStringLiteral("key"), ask.key}, {QStringLiteral("text"), ask.text}},
                   ask.channel);
        append(ask.agent,
               protocol::Kind::TurnStarted,
               {{QStringLiteral("takes"), QJsonArray{seq}}, {QStringLiteral("turn_open"), true}},
               ask.channel);
        QStringList said;
        for (const auto& step : steps) {
            for (const auto& piece : step) {
                publish(protocol::TextDelta{ask.agent, ask.channel, ask.channel, piece});
            }
            said.append(step.join(QString()).trimmed());
            append(
                ask.agent,
                protocol::Kind::MessageSent,
                {{QStringLiteral("channel"), ask.channel}, {QStringLiteral("text"), said.last()}},
                ask.channel);
        }
        protocol::Ask::Reply reply;
        reply.text = said.join(QStringLiteral("\n\n"));
        reply.inputTokens = 10;
        reply.outputTokens = 4;
        promise.set(toJson(reply));
    }

    void addApproval(const protocol::ApprovalInfo& info)
    {
        const std::scoped_lock lock(m_mutex);
        m_approvals[info.id] = info;
    }

    Future<QJsonObject> send(protocol::Command command) override
    {
        Promise<QJsonObject> promise;
        auto future = promise.future();
        if (const auto* ask = std::get_if<protocol::Ask>(&command)) {
            ++asked;
            if (onAsk) {
                onAsk(*ask, std::move(promise));
            } else {
                protocol::Ask::Reply reply;
                reply.text = QStringLiteral("word ") + ask->text;
                reply.inputTokens = 10;
                reply.outputTokens = 4;
                promise.set(toJson(reply));
            }
            return future;
        }
        promise.set(answer(command));
        return future;
    }

    Subscription subscribe(Executor& executor,
                           std::function<void(const protocol::Event&)> listener) override
    {
        auto function =
            std::make_shared<std::function<void(const protocol::Event&)>>(std::move(listener));
        const std::scoped_lock lock(m_mutex);
        const int id = ++m_nextId;
        m_listeners[id] = {&executor, function};
        ++listeners;
        return Subscription([this, id, function] {
            {
                const std::scoped_lock inner(m_mutex);
                m_listeners.erase(id);
                --listeners;
            }
            *function = nullptr; // ended on its own executor, so nothing runs in it now
        });
    }

private:
    struct Listener
    {
        Executor* executor = nullptr;
        std::shared_ptr<std::function<void(const protocol::Event&)>> function;
    };

    Result<QJsonObject> answer(const protocol::Command& command)
    {
        const std::scoped_lock lock(m_mutex);
        if (std::holds_alternative<protocol::Ping>(command)) {
            return toJson(
                protocol::Ping::Reply{4711, QStringLiteral("0.1"), QStringLiteral("serve")});
        }
        if (std::holds_alternative<protocol::GetSnapshot>(command)) {
            protocol::GetSnapshot::Reply reply;
            for (const auto& id : std::as_const(agents)) {
                reply.agents.append({id, QStringLiteral("/work"), QStringLiteral("local/m"), {}});
            }
            return toJson(reply);
        }
        if (const auto* query = std::get_if<protocol::QueryJournal>(&command)) {
            return toJson(page(*query));
        }
        if (const auto* list = std::get_if<protocol::ListApprovals>(&command)) {
            protocol::ListApprovals::Reply reply;
            for (const auto& [id, info] : m_approvals) {
                if (list->all || info.state == protocol::ApprovalState::Waiting) {
                    reply.approvals.append(info);
                }
            }
            return toJson(reply);
        }
        const auto* get = std::get_if<protocol::GetApproval>(&command);
        const auto* settle = std::get_if<protocol::SettleApproval>(&command);
        if (get || settle) {
            const auto found = m_approvals.find(get ? get->id : settle->id);
            if (found == m_approvals.end()) {
                return fail(ErrorCode::NotFound, QStringLiteral("There is no such approval."));
            }
            if (settle && found->second.state != protocol::ApprovalState::Waiting) {
                return fail(ErrorCode::Conflict,
                            QStringLiteral("It was already decided by %1.").arg(found->second.by));
            }
            if (settle) {
                found->second.state = settle->accept ? protocol::ApprovalState::Accepted
                                                     : protocol::ApprovalState::Rejected;
                found->second.by = settle->by;
                found->second.note = settle->note;
                found->second.editedArguments = settle->arguments;
            }
            return toJson(found->second);
        }
        return fail(ErrorCode::Unsupported,
                    QStringLiteral("The fake runtime does not know this command."));
    }

    // Newest first, as the protocol says.
    protocol::QueryJournal::Reply page(const protocol::QueryJournal& query)
    {
        protocol::QueryJournal::Reply reply;
        const auto& chain = m_chains[query.agent];
        for (auto i = chain.size() - 1; i >= 0 && reply.entries.size() < query.limit; --i) {
            const auto& entry = chain[i];
            if ((query.before == 0 || entry.seq < query.before) && entry.seq > query.after &&
                (query.kinds.isEmpty() || query.kinds.contains(kindName(entry.kind)))) {
                reply.entries.append(entry);
            }
        }
        return reply;
    }

    std::mutex m_mutex;
    std::map<QString, QList<protocol::Entry>> m_chains;
    std::map<QString, protocol::ApprovalInfo> m_approvals;
    std::map<int, Listener> m_listeners;
    int m_nextId = 0;
};

} // namespace sb::test
