#pragma once
#include "core/base/Guarded.h"
#include "core/protocol/RuntimeClient.h"
#include "tests/support/DemoMemory.h"

#include <QHash>

namespace sb::test {

/// A runtime that serves what it is told to, for tests of the window and for pictures. Nothing
/// happens in it by itself: a test publishes events, and commands change its state the simplest way
/// that a real runtime would.
class DemoRuntime final : public protocol::RuntimeClient
{
public:
    static constexpr TimeUs now =
        1'795'163'400'000'000; ///< the moment in which the examples play: 2026-11-20 08:30 UTC

    Future<QJsonObject> send(protocol::Command command) override;
    Subscription subscribe(Executor& executor,
                           std::function<void(const protocol::Event&)> listener) override;

    /// Applies the event to the state that is served, and delivers it to the listeners; from any
    /// thread.
    void publish(const protocol::Event& event);

    /// Two agents, channels, a conversation with code and tool calls, workers, approvals of every
    /// risk, a journal.
    void fillWithExamples();
    /// A conversation of `count` messages with prose, lists and code in "assistant"/"long".
    void addLongConversation(int count);

    /// The commands of one type that were sent so far.
    template <class C>
    [[nodiscard]] QList<C> asked() const
    {
        QList<C> result;
        for (const auto& command : commands) {
            if (const C* one = std::get_if<C>(&command)) {
                result.append(*one);
            }
        }
        return result;
    }

    protocol::GetSnapshot::Reply snapshot;
    QHash<QString, QList<protocol::TranscriptItem>> transcripts; ///< key: "agent/channel"
    QHash<QString, QString> outputs;                             ///< key: process id
    QHash<QString, QList<protocol::Entry>> journals;             ///< key: agent; oldest first
    QList<protocol::VerifyReport> reports;
    QHash<QString, protocol::ContainmentInfo> containments; ///< key: agent; as found last
    QHash<QString, QList<protocol::ProbeInfo>> attempts;    ///< key: agent; what a try will find
    protocol::VaultInfo vault;                              ///< an unlocking opens it
    QList<protocol::PublisherInfo> publishers;
    QHash<QString, DemoMemory> memories; ///< key: agent
    QList<protocol::IngestInfo> ingests; ///< reading files is begun here, and never ends by itself
    QList<protocol::Command> commands;   ///< everything that was sent
    QHash<QString, Error> failures;      ///< key: a command's name; it answers with this
    bool holdReplies = false;            ///< replies wait until release()
    void release();

    static protocol::TranscriptItem item(protocol::ItemKind kind,
                                         qint64 seq,
                                         const QString& author,
                                         const QString& text,
                                         const QString& detail = {});

private:
    struct Listener
    {
        Executor* executor;
        std::shared_ptr<std::function<void(const protocol::Event&)>> function;
    };
    Result<QJsonObject> answer(const protocol::Command& command);
    template <class C>
    Result<QJsonObject> remember(const C& command);
    Result<QJsonObject> trust(const QString& publisher, bool isTrusted);
    void fillJournal();
    void fillContainment();

    Guarded<std::map<int, Listener>> m_listeners;
    int m_nextListener = 0;
    qint64 m_nextSeq = 1000;
    std::vector<std::pair<Promise<QJsonObject>, Result<QJsonObject>>> m_held;
};

} // namespace sb::test
