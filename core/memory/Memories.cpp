#include "core/memory/Memories.h"

#include "core/memory/Draft.h"
#include "core/memory/MemoryRows.h"

#include <QSet>

namespace sb::memory {

using protocol::BulletinInfo;
using protocol::MemoryChange;
using protocol::MemoryChanged;
using protocol::MemoryOp;
using store::Connection;
using namespace Qt::StringLiterals;

namespace {

constexpr qsizetype mostChanges = 500;
/// Of an ingested piece's JSON in one entry; the rest is what surrounds it.
constexpr qsizetype mostPieceBytes = 48 * 1024;
constexpr qsizetype mostBulletinCharacters = 16'000;

template <class T>
Future<T> refused(Error error)
{
    return Future<T>::ready(std::unexpected(std::move(error)));
}

Result<> checkOrigin(const Origin& origin)
{
    if (origin.by.isEmpty()) {
        return fail(ErrorCode::InvalidInput, u"It must be said who changes the memory."_s);
    }
    return {};
}

/// The contents of changes, looked at; in their order.
Result<QList<std::optional<Content>>>
contentsOf(const QList<MemoryChange>& changes,
           const std::function<QString(const QString&)>& suspicious)
{
    QList<std::optional<Content>> contents;
    for (const MemoryChange& change : changes) {
        const bool has = change.content.has_value() &&
                         (change.op == MemoryOp::Save || change.op == MemoryOp::Edit);
        contents.emplaceBack();
        if (has) {
            SB_TRY(contents.last(), contentFrom(*change.content, suspicious));
        }
    }
    return contents;
}

bool isKnown(Connection& connection, const QString& file, const QString& piece)
{
    bool known = false;
    store::forEachRow(
        connection,
        "SELECT 1 FROM ingested WHERE file = ? AND piece = ?",
        [&](SQLite::Statement&) { known = true; },
        file,
        piece);
    return known;
}

QJsonObject payloadOf(Connection& connection, qint64 seq)
{
    QJsonObject payload;
    store::forEachRow(
        connection,
        "SELECT bytes FROM payload WHERE seq = ?",
        [&](SQLite::Statement& row) {
            payload = QJsonDocument::fromJson(store::blob(row, 0)).object();
        },
        seq);
    return payload;
}

} // namespace

Memories::Memories(journal::Journal& journal,
                   store::Database& database,
                   std::function<QString(const QString& text)> suspicious)
    : m_journal(journal), m_database(database), m_suspicious(std::move(suspicious))
{
}

Future<MemoryChanged> Memories::change(QList<MemoryChange> changes, Origin origin)
{
    if (auto checked = checkOrigin(origin); !checked) {
        return refused<MemoryChanged>(checked.error());
    }
    if (changes.isEmpty() || changes.size() > mostChanges) {
        return refused<MemoryChanged>(
            {ErrorCode::InvalidInput,
             u"A change has 1 to %1 steps, and this one has %2."_s.arg(mostChanges)
                 .arg(changes.size()),
             {}});
    }
    auto contents = contentsOf(changes, m_suspicious);
    if (!contents) {
        return refused<MemoryChanged>(contents.error());
    }
    return m_journal.transact(
        [changes = std::move(changes), contents = std::move(*contents), origin = std::move(origin)](
            journal::Transaction& transaction) -> Result<MemoryChanged> {
            Draft draft(transaction.connection(), origin);
            for (qsizetype i = 0; i < changes.size(); ++i) {
                SB_CHECK(draft.change(changes[i], contents[i]));
            }
            return draft.commit(transaction);
        });
}

Future<MemoryChanged> Memories::merge(QStringList ids, const QString& content, Origin origin)
{
    if (auto checked = checkOrigin(origin); !checked) {
        return refused<MemoryChanged>(checked.error());
    }
    std::optional<Content> words;
    if (!content.isEmpty()) {
        auto looked = contentFrom(content, m_suspicious);
        if (!looked) {
            return refused<MemoryChanged>(looked.error());
        }
        words = std::move(*looked);
    }
    return m_journal.transact(
        [ids = std::move(ids), words = std::move(words), origin = std::move(origin)](
            journal::Transaction& transaction) -> Result<MemoryChanged> {
            Draft draft(transaction.connection(), origin);
            SB_CHECK(draft.merge(ids, words));
            return draft.commit(transaction);
        });
}

Future<MemoryChanged> Memories::split(QString id, QStringList contents, Origin origin)
{
    if (auto checked = checkOrigin(origin); !checked) {
        return refused<MemoryChanged>(checked.error());
    }
    QList<Content> looked;
    for (const QString& content : std::as_const(contents)) {
        auto one = contentFrom(content, m_suspicious);
        if (!one) {
            return refused<MemoryChanged>(one.error());
        }
        looked.append(std::move(*one));
    }
    return m_journal.transact(
        [id = std::move(id), looked = std::move(looked), origin = std::move(origin)](
            journal::Transaction& transaction) -> Result<MemoryChanged> {
            Draft draft(transaction.connection(), origin);
            SB_CHECK(draft.split(id, looked));
            return draft.commit(transaction);
        });
}

Future<MemoryChanged> Memories::undo(qint64 seq, Origin origin)
{
    if (auto checked = checkOrigin(origin); !checked) {
        return refused<MemoryChanged>(checked.error());
    }
    return m_journal.transact([seq, origin = std::move(origin)](
                                  journal::Transaction& transaction) -> Result<MemoryChanged> {
        Connection& connection = transaction.connection();
        Draft draft(connection, origin);
        SB_CHECK(draft.undo(seq));
        QJsonObject more{{u"undoes"_s, seq}};
        // What took a reading of a file back is taken back: its pieces are known again.
        const qint64 again = payloadOf(connection, seq).value("undoes"_L1).toInteger();
        QJsonArray ingested;
        for (const auto& value : payloadOf(connection, again).value("ingested"_L1).toArray()) {
            const QJsonObject piece = value.toObject();
            if (!isKnown(connection,
                         piece.value("file"_L1).toString(),
                         piece.value("piece"_L1).toString())) {
                ingested.append(piece);
            }
        }
        if (!ingested.isEmpty()) {
            more.insert("ingested"_L1, ingested);
        }
        return draft.commit(transaction, more);
    });
}

Future<BulletinInfo> Memories::tell(QString text, QStringList memories, QString by, Origin origin)
{
    if (text.size() > mostBulletinCharacters) {
        return refused<BulletinInfo>(
            {ErrorCode::InvalidInput,
             u"A bulletin has at most %1 characters."_s.arg(mostBulletinCharacters),
             {}});
    }
    return m_journal.transact(
        [text = std::move(text),
         memories = std::move(memories),
         by = std::move(by),
         origin = std::move(origin)](journal::Transaction& transaction) -> Result<BulletinInfo> {
            Connection& connection = transaction.connection();
            const BulletinInfo newest = readBulletin(connection);
            if (newest.text == text && newest.memories == memories &&
                (newest.by == by || newest.seq == 0)) {
                return newest;
            }
            QJsonObject bulletin{{u"text"_s, text},
                                 {u"memories"_s, QJsonArray::fromStringList(memories)},
                                 {u"by"_s, by}};
            if (!origin.sources.isEmpty()) {
                bulletin.insert("sources"_L1, taint::toJson(taint::condensed(origin.sources)));
            }
            SB_CHECK(transaction.append({.kind = protocol::Kind::MemoryChanged,
                                         .process = origin.process,
                                         .cause = origin.cause,
                                         .payload = {{u"bulletin"_s, bulletin},
                                                     {u"by"_s, origin.by},
                                                     {u"reason"_s, origin.reason}},
                                         .traceId = origin.traceId,
                                         .spanId = origin.spanId}));
            return readBulletin(connection);
        });
}

Future<int> Memories::ingest(QString file, QList<Piece> pieces, Origin origin)
{
    if (auto checked = checkOrigin(origin); !checked) {
        return refused<int>(checked.error());
    }
    QList<MemoryChange> changes;
    for (const Piece& piece : std::as_const(pieces)) {
        changes.append(piece.memory);
        changes.last().op = MemoryOp::Save;
    }
    auto contents = contentsOf(changes, m_suspicious);
    if (!contents) {
        return refused<int>(contents.error().inFrontOf(file));
    }
    return m_journal.transact([file = std::move(file),
                               pieces = std::move(pieces),
                               changes = std::move(changes),
                               contents = std::move(*contents),
                               origin = std::move(origin)](
                                  journal::Transaction& transaction) -> Result<int> {
        Connection& connection = transaction.connection();
        const qsizetype around =
            QJsonDocument(taint::toJson(taint::condensed(origin.sources))).toJson().size() + 1024;
        int saved = 0;
        QSet<QString> digests;
        std::optional<Draft> draft;
        QJsonArray ingested;
        qsizetype bytes = 0;
        const auto write = [&]() -> Result<> {
            if (draft) {
                SB_CHECK(draft->commit(transaction, {{u"ingested"_s, ingested}}));
            }
            draft.reset();
            ingested = {};
            bytes = 0;
            return {};
        };
        for (qsizetype i = 0; i < pieces.size(); ++i) {
            const QString& digest = pieces[i].digest;
            if (digests.contains(digest) || isKnown(connection, file, digest)) {
                continue;
            }
            digests.insert(digest);
            const qsizetype size =
                around + file.size() +
                QJsonDocument(QJsonArray{contents[i] ? contents[i]->text : QString()})
                    .toJson(QJsonDocument::Compact)
                    .size();
            if (bytes + size > mostPieceBytes) {
                SB_CHECK(write());
            }
            if (!draft) {
                draft.emplace(connection, origin, true);
            }
            SB_TRY(const QString id, draft->change(changes[i], contents[i]));
            ingested.append(
                QJsonObject{{u"file"_s, file}, {u"piece"_s, digest}, {u"memory"_s, id}});
            bytes += size;
            ++saved;
        }
        SB_CHECK(write());
        return saved;
    });
}

} // namespace sb::memory
