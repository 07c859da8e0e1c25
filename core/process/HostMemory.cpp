#include "core/base/Defence.h"
#include "core/memory/Bulletin.h"
#include "core/process/Host.h"
#include "core/store/Rows.h"

namespace sb::process {

QCoro::Task<std::shared_ptr<const Bulletin>> Host::bulletin()
{
    qint64 newest = m_bulletinSeq;
    if (m.mind == nullptr || newest == 0) {
        co_return nullptr;
    }
    if (m_bulletin && m_bulletin->seq == newest) {
        co_return m_bulletin->text.isEmpty() ? nullptr : m_bulletin;
    }
    auto reading = runOn(m.pool, [this]() -> Result<std::shared_ptr<const Bulletin>> {
        SB_TRY(const auto info, m.mind->memories().bulletin());
        auto read = std::make_shared<Bulletin>();
        read->seq = info.seq;
        read->text = info.text;
        auto sources =
            m.database.read([&](store::Connection& connection) -> Result<QList<taint::Source>> {
                QList<taint::Source> all;
                for (const QString& id : info.memories) {
                    all += memory::readSources(connection, id);
                }
                return all;
            });
        SB_CHECK(sources);
        read->sources =
            defended("taint.bulletin")
                ? taint::settled(taint::passedOn(taint::condensed(*sources),
                                                 {},
                                                 QStringLiteral("the bulletin of the memory")),
                                 info.seq,
                                 info.at)
                : QList<taint::Source>();
        read->fingerprint = std::make_shared<taint::Fingerprint>(read->text);
        return read;
    });
    const auto read = co_await cancellable({}, m.executor, std::move(reading));
    if (!read) {
        co_return nullptr; // a prompt without it is better than none
    }
    m_bulletin = *read;
    m_bulletinSeq.compare_exchange_strong(newest, m_bulletin->seq);
    co_return m_bulletin->text.isEmpty() ? nullptr : m_bulletin;
}

Result<Host::Composed> Host::compose()
{
    Composed composed;
    SB_TRY(composed.current, m.mind->memories().bulletin());
    SB_CHECK(m.database.read([&](store::Connection& connection) -> Result<> {
        auto made =
            memory::composeBulletin(connection, m.clock.nowUs(), m.settings().bulletinWords);
        composed.text = std::move(made.text);
        composed.memories = std::move(made.memories);
        qint64 newest = 0;
        store::forEachRow(connection, "SELECT max(seq) FROM memory", [&](SQLite::Statement& row) {
            newest = store::integer(row, 0);
        });
        composed.isUnchanged = newest < composed.current.seq;
        return {};
    }));
    return composed;
}

} // namespace sb::process
