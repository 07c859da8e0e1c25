#include "core/journal/Fold.h"

#include "core/journal/Rows.h"

#include <QJsonDocument>
#include <algorithm>

namespace sb::journal {

using protocol::Entry;
using store::Connection;

namespace {

constexpr int entriesAtOnce = 500;

/// What was kept of the entries that were erased, by seq.
QHash<qint64, QJsonObject> readKept(Connection& source)
{
    QHash<qint64, QJsonObject> kept;
    auto& rows = source.query("SELECT p.bytes FROM entry e JOIN payload p ON p.seq = e.seq WHERE "
                              "e.kind = 'payload.erased'");
    while (rows.executeStep()) {
        const auto payload = QJsonDocument::fromJson(store::blob(rows, 0)).object();
        kept.insert(payload.value(QStringLiteral("seq")).toInteger(),
                    payload.value(QStringLiteral("kept")).toObject());
    }
    rows.reset();
    return kept;
}

std::optional<Entry> readEntry(Connection& source, qint64 seq)
{
    auto& row =
        source.query("SELECT " SB_ENTRY_COLUMNS " FROM " SB_ENTRY_TABLES " WHERE e.seq = ?", seq);
    std::optional<Entry> entry;
    if (row.executeStep()) {
        entry = entryFrom(row);
    }
    row.reset();
    return entry;
}

/// The rows of a table in the order of its primary key, each with the entry that it is about.
class TableRows
{
public:
    TableRows(Connection& connection, const Projection::Table& table)
        : m_statement(connection.database(), sql(connection, table))
    {
    }
    bool next()
    {
        m_valid = m_statement.executeStep();
        return m_valid;
    }
    /// The seq of the entry; the largest number when there is no row.
    [[nodiscard]] qint64 entry() const
    {
        return m_valid ? store::integer(m_statement, m_statement.getColumnCount() - 1)
                       : std::numeric_limits<qint64>::max();
    }
    [[nodiscard]] bool sameAs(const TableRows& other) const
    {
        for (int i = 0; i < m_statement.getColumnCount(); ++i) {
            if (m_statement.getColumn(i).getType() != other.m_statement.getColumn(i).getType() ||
                store::blob(m_statement, i) != store::blob(other.m_statement, i)) {
                return false;
            }
        }
        return true;
    }

private:
    static std::string sql(Connection& connection, const Projection::Table& table)
    {
        QStringList key;
        SQLite::Statement columns(connection.database(),
                                  "SELECT name FROM pragma_table_info(?) WHERE pk > 0 ORDER BY pk");
        store::bind(columns, 1, table.name);
        while (columns.executeStep()) {
            key.append(store::text(columns, 0));
        }
        return QStringLiteral("SELECT *, %1 FROM \"%2\" ORDER BY %3")
            .arg(table.entry, table.name, key.join(QStringLiteral(", ")))
            .toStdString();
    }

    SQLite::Statement m_statement;
    bool m_valid = false;
};

std::optional<Finding>
compareTable(Connection& live, Connection& folded, const Projection::Table& table)
{
    TableRows expected(folded, table);
    qint64 entry = 1;
    try {
        TableRows found(live, table);
        for (;;) {
            const bool more = expected.next();
            entry = more ? expected.entry() : entry;
            if (found.next() != more || (more && !found.sameAs(expected))) {
                return Finding{std::min(expected.entry(), found.entry()),
                               QStringLiteral("what the table \"%1\" holds of it is not what the "
                                              "journal says")
                                   .arg(table.name)};
            }
            if (!more) {
                break;
            }
        }
    } catch (const SQLite::Exception& exception) {
        const Error error = store::errorFrom(exception, table.name);
        if (error.code != ErrorCode::Corrupt && error.code != ErrorCode::Io &&
            error.code != ErrorCode::Internal) {
            throw;
        }
        return Finding{entry,
                       QStringLiteral("what the table \"%1\" holds of it cannot be read (%2)")
                           .arg(table.name, QString::fromUtf8(exception.what()))};
    }
    return {};
}

/// Tables and indices as text, a line each, in order.
QStringList schemaOf(Connection& connection)
{
    QStringList lines;
    SQLite::Statement rows(connection.database(),
                           "SELECT name, tbl_name, sql FROM sqlite_schema WHERE name NOT LIKE "
                           "'sqlite\\_%' ESCAPE '\\' ORDER BY name");
    while (rows.executeStep()) {
        lines.append(store::text(rows, 0) + u' ' + store::text(rows, 1) + u' ' +
                     store::text(rows, 2));
    }
    return lines;
}

} // namespace

Result<> fold(Connection& source,
              Connection& target,
              Projections projections,
              const Journal::Progress& progress,
              const std::stop_token& stop)
{
    const auto kept = readKept(source);
    const auto whole = [&](Entry entry) {
        if (entry.erased) {
            entry.payload = kept.value(entry.seq);
        }
        return entry;
    };
    const qint64 total =
        source.database().execAndGet("SELECT ifnull(max(seq), 0) FROM entry").getInt64();
    for (qint64 seq = 0; seq < total;) {
        if (stop.stop_requested()) {
            return fail(ErrorCode::Cancelled, QStringLiteral("The check was cancelled."));
        }
        const auto entries = entriesAfter(source, seq, entriesAtOnce);
        if (entries.isEmpty()) {
            break;
        }
        for (const Entry& stored : entries) {
            const Entry entry = whole(stored);
            for (const auto& projection : projections) {
                SB_CHECK(projection->apply(target, entry));
            }
            if (entry.kind != protocol::Kind::PayloadErased) {
                continue;
            }
            const auto erased =
                readEntry(source, entry.payload.value(QStringLiteral("seq")).toInteger());
            for (const auto& projection : projections) {
                if (erased) {
                    SB_CHECK(projection->erase(target, whole(*erased)));
                }
            }
        }
        seq = entries.last().seq;
        if (progress) {
            progress(seq, total);
        }
    }
    return {};
}

std::optional<Finding>
compareReadings(Connection& live, Connection& folded, Projections projections)
{
    if (schemaOf(live) != schemaOf(folded)) {
        return Finding{1, QStringLiteral("the database's tables are not as Signalbox made them")};
    }
    std::optional<Finding> first;
    for (const auto& projection : projections) {
        for (const auto& table : projection->tables()) {
            auto finding = compareTable(live, folded, table);
            if (finding && (!first || finding->seq < first->seq)) {
                first = std::move(finding);
            }
        }
    }
    return first;
}

} // namespace sb::journal
