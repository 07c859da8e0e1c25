#include "core/server/EventHub.h"

#include "core/base/Contracts.h"

#include <QJsonDocument>

namespace sb::server {

const QByteArray& SharedEntry::json() const
{
    if (m_json.isEmpty()) {
        m_json = QJsonDocument(protocol::entryToJson(m_entry)).toJson(QJsonDocument::Compact);
    }
    return m_json;
}

EventHub::EventHub(protocol::RuntimeClient& client, Reactor& reactor)
    : m_client(client), m_reactor(reactor)
{
}

void EventHub::add(JournalSink& sink)
{
    SB_ASSERT(!m_delivering);
    m_journal.push_back(&sink);
    hold();
}

void EventHub::remove(JournalSink& sink)
{
    SB_ASSERT(!m_delivering);
    std::erase(m_journal, &sink);
    letGo();
}

void EventHub::add(const QString& agent, const QString& channel, ChannelSink& sink)
{
    SB_ASSERT(!m_delivering);
    m_channels[{agent, channel}].push_back(&sink);
    hold();
}

void EventHub::remove(const QString& agent, const QString& channel, ChannelSink& sink)
{
    SB_ASSERT(!m_delivering);
    const auto found = m_channels.find({agent, channel});
    if (found != m_channels.end()) {
        std::erase(*found, &sink);
        if (found->empty()) {
            m_channels.erase(found);
        }
    }
    letGo();
}

void EventHub::hold()
{
    if (!m_subscription) {
        m_subscription = m_client.subscribe(
            *m_reactor.inbox(), [this](const protocol::Event& event) { deliver(event); });
    }
}

void EventHub::letGo()
{
    if (m_journal.empty() && m_channels.isEmpty()) {
        m_subscription.reset();
    }
}

void EventHub::deliver(const protocol::Event& event)
{
    m_delivering = true;
    if (const auto* appended = std::get_if<protocol::EntryAppended>(&event)) {
        const SharedEntry shared(appended->entry);
        for (auto* sink : m_journal) {
            sink->onEntry(shared);
        }
        // A channel's own entries carry its id as their process.
        const auto found = m_channels.constFind({appended->entry.agent, appended->entry.process});
        if (found != m_channels.constEnd()) {
            for (auto* sink : *found) {
                sink->onEntry(appended->entry);
            }
        }
    } else if (const auto* delta = std::get_if<protocol::TextDelta>(&event)) {
        const auto found = m_channels.constFind({delta->agent, delta->channel});
        // What its branches and workers think is no part of the channel's reply.
        if (found != m_channels.constEnd() &&
            (delta->process.isEmpty() || delta->process == delta->channel)) {
            for (auto* sink : *found) {
                sink->onDelta(delta->text);
            }
        }
    } else if (std::holds_alternative<protocol::Lagged>(event)) {
        for (auto* sink : m_journal) {
            sink->onLagged();
        }
    }
    m_delivering = false;
}

} // namespace sb::server
