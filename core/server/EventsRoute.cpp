#include "core/server/Cursor.h"
#include "core/server/Routes.h"

#include <QJsonDocument>

namespace sb::server {

namespace {

const QString instanceChain = QStringLiteral("_instance");
// How many entries are asked for at once. A page is the most that is kept for a listener that does
// not read; with a filter most of the range stays away.
constexpr qint64 pageSize = 128;
constexpr qint64 filteredPageSize = 512;

/// One listener of the journal. Live entries are only sent while they continue what was sent
/// before; at every gap (its own past at the beginning, entries lost on the way later) it goes back
/// to reading the journal, page by page and at the listener's own speed, until it has caught up.
class EventsListener final : public JournalSink, public std::enable_shared_from_this<EventsListener>
{
public:
    EventsListener(Services& services, Exchange& exchange)
        : m_services(services), m_exchange(exchange)
    {
        ++m_services.counters.listeners;
    }
    ~EventsListener() override
    {
        if (m_listening) {
            m_services.hub.remove(*this);
        }
        --m_services.counters.listeners;
    }

    Result<> readRequest()
    {
        m_agent = QString::fromUtf8(m_exchange.argument("agent").value_or(QByteArray()));
        const auto kinds = QString::fromUtf8(m_exchange.argument("kinds").value_or(QByteArray()));
        for (const auto& name : kinds.split(u',', Qt::SkipEmptyParts)) {
            const auto kind = protocol::kindFromName(name);
            if (!kind) {
                return fail(ErrorCode::InvalidInput,
                            QStringLiteral("There is no kind of entry \"%1\".").arg(name));
            }
            m_kinds.append(*kind);
            m_kindNames.append(name);
        }
        const QByteArray last = m_exchange.header("Last-Event-ID").trimmed();
        const auto argument = m_exchange.argument("cursor");
        if (!last.isEmpty() || argument) {
            SB_TRY(m_cursor, cursorFromText(last.isEmpty() ? *argument : last));
            m_resumes = true;
        }
        return {};
    }

    void start()
    {
        // Listen first: what happens while the heads are read is known to be missing afterwards.
        m_listening = true;
        m_services.hub.add(*this);
        findHeads();
    }

    void onEntry(const SharedEntry& shared) override
    {
        const auto& entry = shared.entry();
        if (!m_agent.isEmpty() && entry.agent != m_agent) {
            return;
        }
        auto& head = m_heads[entry.agent];
        head = std::max(head, entry.seq);
        if (!m_live) {
            return;
        }
        qint64& read = m_cursor[entry.agent]; // 0 for an agent that is new
        if (entry.seq <= read) {
            return;
        }
        if (entry.seq > read + 1) {
            m_live = false;
            advance();
            return;
        }
        read = entry.seq;
        if (wants(entry.kind)) {
            m_exchange.write(lines(entry.kind, shared.json()));
        }
    }

    void onLagged() override
    {
        if (m_live) {
            m_live = false;
            findHeads();
        }
    }

    /// Everything sent so far has left.
    void advance()
    {
        if (m_live || m_asking || !m_exchange.isDrained() || !m_exchange.isOpen()) {
            return;
        }
        for (const auto& [chain, head] : m_heads) {
            const qint64 read = m_cursor[chain];
            if (read < head) {
                askPage(chain,
                        read,
                        std::min(head, read + (m_kinds.isEmpty() ? pageSize : filteredPageSize)));
                return;
            }
        }
        m_live = true;
    }

private:
    [[nodiscard]] bool wants(protocol::Kind kind) const
    {
        return m_kinds.isEmpty() || m_kinds.contains(kind);
    }

    [[nodiscard]] QByteArray lines(protocol::Kind kind, const QByteArray& json) const
    {
        return "id: " + cursorText(m_cursor) + "\nevent: " + protocol::kindName(kind).toLatin1() +
               "\ndata: " + json + "\n\n";
    }

    void findHeads()
    {
        m_asking = true;
        m_services.ask(protocol::GetSnapshot{},
                       [self = weak_from_this()](Result<protocol::GetSnapshot::Reply> snapshot) {
                           if (const auto alive = self.lock()) {
                               alive->onSnapshot(snapshot);
                           }
                       });
    }

    void onSnapshot(const Result<protocol::GetSnapshot::Reply>& snapshot)
    {
        if (!snapshot) {
            refuse(snapshot.error());
            return;
        }
        QStringList chains;
        for (const auto& agent : snapshot->agents) {
            chains.append(agent.id);
        }
        chains.append(instanceChain);
        if (!m_agent.isEmpty()) {
            if (!chains.contains(m_agent)) {
                refuse({ErrorCode::NotFound,
                        QStringLiteral("There is no agent \"%1\".").arg(m_agent),
                        {}});
                return;
            }
            chains = {m_agent};
        }
        m_headsAwaited = int(chains.size());
        for (const auto& chain : std::as_const(chains)) {
            protocol::QueryJournal query;
            query.agent = chain;
            query.limit = 1;
            m_services.ask(
                std::move(query),
                [self = weak_from_this(), chain](Result<protocol::QueryJournal::Reply> reply) {
                    if (const auto alive = self.lock()) {
                        alive->onHead(chain, reply);
                    }
                });
        }
    }

    void onHead(const QString& chain, const Result<protocol::QueryJournal::Reply>& reply)
    {
        if (!reply && reply.error().code != ErrorCode::NotFound) {
            refuse(reply.error());
            return;
        }
        const qint64 found = reply && !reply->entries.isEmpty() ? reply->entries.first().seq : 0;
        if (!m_exchange.isStreaming()) {
            if (!m_resumes) {
                m_cursor[chain] = found;
            } else if (m_cursor.contains(chain)) {
                m_cursor[chain] = std::min(m_cursor[chain], found); // the chain was started anew
            }
        }
        auto& head = m_heads[chain];
        head = std::max(head, found);
        if (--m_headsAwaited > 0) {
            return;
        }
        m_asking = false;
        if (!m_exchange.isStreaming()) {
            m_exchange.openStream();
            // An id without data: whoever loses the connection before the first entry can resume
            // from here.
            m_exchange.write(m_resumes ? QByteArray(": resumed\n\n")
                                       : "id: " + cursorText(m_cursor) + "\n\n");
        }
        advance();
    }

    // Entries of ]after, last], oldest first. The range is what is asked for, because the newest of
    // a query come first.
    void askPage(const QString& chain, qint64 after, qint64 last)
    {
        m_asking = true;
        protocol::QueryJournal query;
        query.agent = chain;
        query.after = after;
        query.before = last + 1;
        query.kinds = m_kindNames;
        query.limit = int(last - after);
        m_services.ask(
            std::move(query),
            [self = weak_from_this(), chain, last](Result<protocol::QueryJournal::Reply> reply) {
                if (const auto alive = self.lock()) {
                    alive->onPage(chain, last, std::move(reply));
                }
            });
    }

    void onPage(const QString& chain, qint64 last, Result<protocol::QueryJournal::Reply> reply)
    {
        m_asking = false;
        if (!reply && reply.error().code != ErrorCode::NotFound) {
            refuse(reply.error());
            return;
        }
        QByteArray page;
        if (reply) {
            auto& entries = reply->entries;
            std::ranges::sort(entries, {}, &protocol::Entry::seq);
            for (const auto& entry : std::as_const(entries)) {
                if (entry.seq > m_cursor[chain] && entry.seq <= last && wants(entry.kind)) {
                    m_cursor[chain] = entry.seq;
                    page += lines(entry.kind, SharedEntry(entry).json());
                }
            }
        }
        m_cursor[chain] = last;
        m_exchange.writePage(page);
        advance();
    }

    // Before the stream began this is a status; afterwards the listener comes back with the last id
    // that it has.
    void refuse(const Error& error)
    {
        m_asking = false;
        if (m_exchange.isStreaming()) {
            m_exchange.finish();
        } else {
            m_exchange.answer(Reply::failure(error));
        }
    }

    Services& m_services;
    Exchange& m_exchange;          // owns this through onClosed
    QString m_agent;               ///< empty: all
    QList<protocol::Kind> m_kinds; ///< empty: all
    QStringList m_kindNames;
    Cursor m_cursor; ///< what was sent (or stayed away by the filter)
    Cursor m_heads;  ///< what is known to exist
    int m_headsAwaited = 0;
    bool m_resumes = false;
    bool m_listening = false;
    bool m_asking = false; ///< for heads or a page
    bool m_live = false;
};

} // namespace

void serveEvents(Services& services, const std::shared_ptr<Exchange>& exchange)
{
    auto listener = std::make_shared<EventsListener>(services, *exchange);
    if (const auto read = listener->readRequest(); !read) {
        exchange->answer(Reply::failure(read.error()));
        return;
    }
    exchange->onDrained = [raw = listener.get()] { raw->advance(); };
    exchange->onClosed = [listener] {};
    listener->start();
}

} // namespace sb::server
