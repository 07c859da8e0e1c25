#pragma once
#include "core/protocol/RuntimeClient.h"
#include "core/server/Reactor.h"

#include <QHash>

namespace sb::server {

/// An entry for many listeners; its JSON is made once, and only when somebody wants it.
class SharedEntry
{
public:
    explicit SharedEntry(const protocol::Entry& entry) : m_entry(entry) {}
    [[nodiscard]] const protocol::Entry& entry() const { return m_entry; }
    [[nodiscard]] const QByteArray& json() const;

private:
    const protocol::Entry& m_entry;
    mutable QByteArray m_json;
};

/// Who wants the whole journal. Must not add or remove listeners when called.
class JournalSink
{
public:
    virtual ~JournalSink() = default;
    virtual void onEntry(const SharedEntry& shared) = 0;
    /// Entries were lost on the way here; they are in the journal.
    virtual void onLagged() = 0;
};

/// Who wants what happens in one channel. Must not add or remove listeners when called.
class ChannelSink
{
public:
    virtual ~ChannelSink() = default;
    virtual void onEntry(const protocol::Entry& entry) = 0;
    virtual void onDelta(const QString& text) = 0;
};

/// The server's one subscription to the runtime, held only while somebody listens: a server that
/// only answers requests pays nothing for events. Only used on the reactor's thread.
class EventHub
{
public:
    EventHub(protocol::RuntimeClient& client, Reactor& reactor);

    void add(JournalSink& sink);
    void remove(JournalSink& sink);
    void add(const QString& agent, const QString& channel, ChannelSink& sink);
    void remove(const QString& agent, const QString& channel, ChannelSink& sink);

private:
    using Key = std::pair<QString, QString>; // agent, channel
    void hold();
    void letGo();
    void deliver(const protocol::Event& event);

    protocol::RuntimeClient& m_client;
    Reactor& m_reactor;
    std::vector<JournalSink*> m_journal;
    QHash<Key, std::vector<ChannelSink*>> m_channels;
    Subscription m_subscription;
    bool m_delivering = false;
};

} // namespace sb::server
