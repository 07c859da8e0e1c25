#include "core/memory/Upkeep.h"

#include "core/memory/Draft.h"
#include "core/memory/MemoryRows.h"

namespace sb::memory {

using protocol::MemoryChange;
using protocol::MemoryInfo;
using protocol::MemoryOp;
using protocol::MemoryType;
using protocol::Provenance;
using protocol::Relation;
using store::Connection;
using namespace Qt::StringLiterals;

namespace {

constexpr int neighbours = 8;
/// Of contents, in one entry that forgets; the entry holds them all.
constexpr qsizetype mostCharactersForgotten = 16'000;
constexpr qsizetype mostForgotten = 20;

TimeUs idleSince(TimeUs now)
{
    return now - std::chrono::microseconds(Upkeep::IdleFor).count();
}

bool hasRow(SQLite::Statement& statement)
{
    const bool has = statement.executeStep();
    statement.reset();
    return has;
}

/// Also an edge that was cut again: whoever cut it does not want it drawn once more.
bool wereEverLinked(Connection& connection, const QString& a, const QString& b)
{
    const char* const sql = "SELECT 1 FROM memory_edge WHERE from_id = ? AND to_id = ? LIMIT 1";
    return hasRow(connection.query(sql, a, b)) || hasRow(connection.query(sql, b, a));
}

bool wereEverMerged(Connection& connection, const QString& a, const QString& b)
{
    const char* const sql = "SELECT 1 FROM memory WHERE id = ? AND merged_into = ? LIMIT 1";
    return hasRow(connection.query(sql, a, b)) || hasRow(connection.query(sql, b, a));
}

bool contradictEachOther(Connection& connection, const QString& a, const QString& b)
{
    const char* const sql = "SELECT 1 FROM memory_edge WHERE from_id = ? AND to_id = ? AND "
                            "relation IN ('contradicts', 'updates') AND known_to = 0 LIMIT 1";
    return hasRow(connection.query(sql, a, b)) || hasRow(connection.query(sql, b, a));
}

/// "The harbour has 3 cranes" is as good as "The harbour has 4 cranes" to a vector.
QStringList numbersIn(const QString& text)
{
    QStringList numbers;
    bool inNumber = false;
    for (const QChar c : text) {
        if (c.isDigit()) {
            if (!inNumber) {
                numbers.append(QString());
            }
            numbers.last().append(c);
        }
        inNumber = c.isDigit();
    }
    numbers.sort();
    return numbers;
}

bool sayTheSame(Connection& connection, const MemoryInfo& stays, const MemoryInfo& goes)
{
    const auto stranger = [](const MemoryInfo& memory) {
        return memory.provenance == Provenance::Untrusted;
    };
    return stays.type == goes.type && stranger(stays) == stranger(goes) &&
           stays.suspicion.isEmpty() == goes.suspicion.isEmpty() &&
           stays.isPromoted == goes.isPromoted && stays.validFrom == goes.validFrom &&
           stays.validTo == goes.validTo && !goes.isPinned &&
           numbersIn(stays.content) == numbersIn(goes.content) &&
           !contradictEachOther(connection, stays.id, goes.id) &&
           !wereEverMerged(connection, stays.id, goes.id);
}

/// Whether the first is the one that stays when both say the same.
bool staysOf(const MemoryInfo& a, const MemoryInfo& b)
{
    const auto rank = [](const MemoryInfo& memory) {
        return std::tuple(memory.provenance == Provenance::Owner,
                          memory.isPinned,
                          memory.importance,
                          memory.createdAt,
                          memory.createdSeq,
                          memory.id);
    };
    return rank(b) < rank(a);
}

/// Without what only the tables tell.
bool hasFaded(const MemoryInfo& memory, TimeUs now)
{
    const bool isOwners = memory.provenance == Provenance::Owner &&
                          (memory.type == MemoryType::Goal || memory.type == MemoryType::Decision);
    return !isHidden(memory) && memory.type != MemoryType::Identity && !memory.isPinned &&
           !memory.isPromoted && !isOwners &&
           std::max(memory.knownFrom, memory.accessedAt) <= idleSince(now) &&
           weightAt(memory, now) < Upkeep::ForgetBelow;
}

/// Somebody remembered it again: it is not forgotten a second time.
bool wasForgotten(Connection& connection, const QString& id)
{
    return hasRow(
        connection.query("SELECT 1 FROM memory WHERE id = ? AND forgotten_at <> 0 LIMIT 1", id));
}

} // namespace

Upkeep::Upkeep(Parts parts) : m(std::move(parts)) {}

Origin Upkeep::origin(const QString& reason) const
{
    return {.by = u"cortex"_s, .reason = reason, .process = m_process, .cause = m_cause};
}

Result<Upkeep::Report>
Upkeep::run(const std::stop_token& stop, const QString& process, const QString& cause)
{
    m_process = process;
    m_cause = cause;
    Report report;
    SB_TRY(const QStringList ids, nextToLook());
    const QStringList waiting = std::exchange(m_waiting, {});
    for (const QString& id : waiting + ids) {
        if (stop.stop_requested()) {
            // Those that were fetched and not looked at come first the next time.
            m_waiting.append((waiting + ids).sliced(report.looked));
            return fail(ErrorCode::Cancelled, u"The upkeep of the memory was stopped."_s);
        }
        ++report.looked;
        SB_CHECK(look(id, report));
    }
    report.isDone = ids.size() < m.mostLooked && m_waiting.isEmpty();
    SB_CHECK(weigh(stop, report));
    return report;
}

Result<QStringList> Upkeep::nextToLook()
{
    return m.memories.database().read([&](Connection& connection) -> Result<QStringList> {
        QStringList ids;
        qint64 seq = m_lookedSeq;
        QString last = m_lookedId;
        store::forEachRow(
            connection,
            "SELECT id, seq FROM memory WHERE known_to = 0 AND forgotten_at = 0 AND merged_into = "
            "'' AND content <> '' AND (seq, id) > (?, ?) ORDER BY seq, id LIMIT ?",
            [&](SQLite::Statement& row) {
                ids.append(store::text(row, 0));
                last = ids.last();
                seq = store::integer(row, 1);
            },
            m_lookedSeq,
            m_lookedId,
            m.mostLooked);
        m_lookedSeq = seq;
        m_lookedId = last;
        return ids;
    });
}

Result<> Upkeep::look(const QString& id, Report& report)
{
    auto found = m.nearest(id, neighbours);
    if (!found) {
        m_waiting.append(id);
        return {};
    }
    std::erase_if(*found,
                  [&](const Index::Found& one) { return one.id == id || one.score < Alike; });
    return found->empty() ? Result<>() : relate(id, *found, report);
}

Result<> Upkeep::relate(const QString& id, const std::vector<Index::Found>& found, Report& report)
{
    SB_TRY(const auto done,
           m.memories.journal()
               .transact([&](journal::Transaction& transaction) -> Result<std::pair<int, int>> {
                   Connection& connection = transaction.connection();
                   std::pair<int, int> count; // merged, linked
                   // A merge that would not fit in an entry is left alone; edges still say it.
                   for (const Index::Found& one : found) {
                       const auto a = readMemory(connection, id);
                       const auto b = readMemory(connection, one.id);
                       if (!a || isHidden(*a)) {
                           return count;
                       }
                       if (!b || isHidden(*b) || one.score < Same) {
                           continue;
                       }
                       const bool stays = staysOf(*a, *b);
                       if (!sayTheSame(connection, stays ? *a : *b, stays ? *b : *a)) {
                           continue;
                       }
                       Draft draft(connection,
                                   origin(u"They say the same (similarity %1)."_s.arg(
                                       one.score, 0, 'f', 2)));
                       SB_CHECK(draft.merge({stays ? id : one.id, stays ? one.id : id}, {}));
                       count.first += draft.commit(transaction) ? 1 : 0;
                   }
                   Draft draft(connection, origin(u"They are alike."_s));
                   for (const Index::Found& one : found) {
                       const auto a = readMemory(connection, id);
                       const auto b = readMemory(connection, one.id);
                       if (!a || isHidden(*a)) {
                           return count;
                       }
                       if (!b || isHidden(*b) || wereEverLinked(connection, id, one.id)) {
                           continue;
                       }
                       const bool isNewer =
                           std::tie(a->createdSeq, a->id) > std::tie(b->createdSeq, b->id);
                       MemoryChange change;
                       change.op = MemoryOp::Link;
                       change.from = isNewer ? id : one.id;
                       change.to = isNewer ? one.id : id;
                       change.relation = Relation::RelatedTo;
                       change.weight = std::min(1.0, std::round(one.score * 100) / 100);
                       SB_CHECK(draft.change(change, {}));
                       ++count.second;
                   }
                   SB_CHECK(draft.commit(transaction));
                   return count;
               })
               .wait());
    report.merged += done.first;
    report.linked += done.second;
    return {};
}

Result<> Upkeep::weigh(const std::stop_token& stop, Report& report)
{
    const TimeUs now = m.clock.nowUs();
    QList<MemoryInfo> faded;
    SB_CHECK(m.memories.database().read([&](Connection& connection) -> Result<> {
        const QString agent = agentOf(connection);
        QString last;
        int rows = 0;
        store::forEachRow(
            connection,
            "SELECT " SB_MEMORY_COLUMNS " FROM " SB_MEMORY_TABLES
            " WHERE m.known_to = 0 AND m.id > ? ORDER BY m.id LIMIT ?",
            [&](SQLite::Statement& row) {
                ++rows;
                MemoryInfo memory = infoFrom(row, agent);
                last = memory.id;
                if (hasFaded(memory, now)) {
                    faded.append(std::move(memory));
                }
            },
            m_weighedId,
            m.mostWeighed);
        report.weighed = rows;
        const bool isEnd = rows < m.mostWeighed;
        report.isDone = report.isDone && isEnd;
        m_weighedId = isEnd ? QString() : last;
        faded.removeIf(
            [&](const MemoryInfo& memory) { return wasForgotten(connection, memory.id); });
        return {};
    }));
    QStringList batch;
    qsizetype characters = 0;
    const auto flush = [&]() -> Result<> {
        if (!batch.isEmpty()) {
            SB_TRY(const int forgotten, forget(std::exchange(batch, {}), now));
            report.forgotten += forgotten;
        }
        characters = 0;
        return {};
    };
    for (const MemoryInfo& memory : std::as_const(faded)) {
        if (stop.stop_requested()) {
            return fail(ErrorCode::Cancelled, u"The upkeep of the memory was stopped."_s);
        }
        if (batch.size() >= mostForgotten ||
            characters + memory.content.size() > mostCharactersForgotten) {
            SB_CHECK(flush());
        }
        batch.append(memory.id);
        characters += memory.content.size();
    }
    return flush();
}

Result<int> Upkeep::forget(const QStringList& ids, TimeUs now)
{
    auto forgotten =
        m.memories.journal()
            .transact([&](journal::Transaction& transaction) -> Result<int> {
                Connection& connection = transaction.connection();
                Draft draft(connection,
                            origin(u"It weighs little by now, and was not recalled or changed for "
                                   "%1 days."_s.arg(IdleFor.count())));
                int count = 0;
                for (const QString& id : ids) {
                    // Somebody may have pinned or recalled it a moment ago.
                    const auto memory = readMemory(connection, id);
                    if (memory && hasFaded(*memory, now) && !wasForgotten(connection, id)) {
                        MemoryChange change;
                        change.op = MemoryOp::Edit;
                        change.id = id;
                        change.forgotten = true;
                        SB_CHECK(draft.change(change, {}));
                        ++count;
                    }
                }
                SB_CHECK(draft.commit(transaction));
                return count;
            })
            .wait();
    if (!forgotten && forgotten.error().code == ErrorCode::InvalidInput && ids.size() > 1) {
        // Too much for one entry.
        SB_TRY(const int first, forget(ids.first(ids.size() / 2), now));
        SB_TRY(const int rest, forget(ids.sliced(ids.size() / 2), now));
        return first + rest;
    }
    return forgotten;
}

} // namespace sb::memory
