#include "core/journal/JournalPrivate.h"

#include <QIODevice>
#include <QJsonArray>
#include <QJsonDocument>

namespace sb::journal {

namespace {

QString hex(QByteArrayView bytes)
{
    return QString::fromLatin1(bytes.toByteArray().toHex());
}

/// All levels of the Merkle tree; the last one holds the root. A node without a sibling moves up as
/// it is, which gives RFC 6962's tree.
std::vector<std::vector<Hash>> levelsOf(std::vector<Hash> leaves)
{
    std::vector<std::vector<Hash>> levels;
    levels.push_back(std::move(leaves));
    while (levels.back().size() > 1) {
        const auto& below = levels.back();
        std::vector<Hash> level;
        level.reserve((below.size() + 1) / 2);
        for (size_t i = 0; i + 1 < below.size(); i += 2) {
            level.push_back(nodeHash(below[i], below[i + 1]));
        }
        if (below.size() % 2 == 1) {
            level.push_back(below.back());
        }
        levels.push_back(std::move(level));
    }
    return levels;
}

QJsonArray proofOf(const std::vector<std::vector<Hash>>& levels, size_t index)
{
    QJsonArray proof;
    for (size_t level = 0; level + 1 < levels.size(); ++level, index /= 2) {
        const size_t sibling = index ^ 1;
        if (sibling < levels[level].size()) {
            proof.append(hex(view(levels[level][sibling])));
        }
    }
    return proof;
}

} // namespace

Result<qint64> Journal::exportTo(QIODevice& out, const Progress& progress, std::stop_token stop)
{
    // A fresh head, so that the export ends where the chain does.
    SB_CHECK(m->storeHead().wait());
    const auto writeLine = [&](const QJsonObject& object) -> Result<> {
        const QByteArray line = QJsonDocument(object).toJson(QJsonDocument::Compact) + '\n';
        if (out.write(line) != line.size()) {
            return fail(
                ErrorCode::Io,
                QStringLiteral("The export could not be written: %1.").arg(out.errorString()));
        }
        return {};
    };
    return m->database.read([&](store::Connection& connection) -> Result<qint64> {
        auto& head =
            connection.query("SELECT count, time_us, root, last_hash, public_key, signature "
                             "FROM head ORDER BY count DESC LIMIT 1");
        if (!head.executeStep()) {
            return fail(ErrorCode::NotFound,
                        QStringLiteral("The journal of %1 is empty.").arg(agent()));
        }
        const qint64 count = store::integer(head, 0);
        SB_CHECK(writeLine({
            {QStringLiteral("format"), QStringLiteral("signalbox.journal.1")},
            {QStringLiteral("agent"), agent()},
            {QStringLiteral("count"), count},
            {QStringLiteral("time_us"), store::integer(head, 1)},
            {QStringLiteral("root"), hex(store::blob(head, 2))},
            {QStringLiteral("last_hash"), hex(store::blob(head, 3))},
            {QStringLiteral("public_key"), hex(store::blob(head, 4))},
            {QStringLiteral("signature"), hex(store::blob(head, 5))},
        }));
        head.reset();

        std::vector<Hash> leaves;
        leaves.reserve(size_t(count));
        auto& hashes =
            connection.query("SELECT hash FROM entry WHERE seq <= ? ORDER BY seq", count);
        while (hashes.executeStep()) {
            leaves.push_back(toHash(store::blob(hashes, 0)).value_or(Hash{}));
        }
        hashes.reset();
        const auto levels = levelsOf(std::move(leaves));

        qint64 done = 0;
        auto& rows = connection.query(
            "SELECT e.seq, e.time_us, e.agent, e.process, e.kind, e.cause, e.trace_id, e.span_id, "
            "e.payload_hash, e.prev_hash, e.hash, p.salt, p.bytes FROM entry e LEFT JOIN payload p "
            "ON "
            "p.seq = e.seq WHERE e.seq <= ? ORDER BY e.seq",
            count);
        while (rows.executeStep()) {
            const bool erased = rows.isColumnNull(12);
            // The payload is the JSON text itself, as a string: its hash covers these very bytes.
            SB_CHECK(writeLine({
                {QStringLiteral("seq"), store::integer(rows, 0)},
                {QStringLiteral("time_us"), store::integer(rows, 1)},
                {QStringLiteral("agent"), store::text(rows, 2)},
                {QStringLiteral("process"), store::text(rows, 3)},
                {QStringLiteral("kind"), store::text(rows, 4)},
                {QStringLiteral("cause"), store::text(rows, 5)},
                {QStringLiteral("trace_id"), store::text(rows, 6)},
                {QStringLiteral("span_id"), store::text(rows, 7)},
                {QStringLiteral("payload_hash"), hex(store::blob(rows, 8))},
                {QStringLiteral("prev_hash"), hex(store::blob(rows, 9))},
                {QStringLiteral("hash"), hex(store::blob(rows, 10))},
                {QStringLiteral("salt"),
                 erased ? QJsonValue() : QJsonValue(hex(store::blob(rows, 11)))},
                {QStringLiteral("payload"),
                 erased ? QJsonValue() : QJsonValue(store::text(rows, 12))},
                {QStringLiteral("proof"), proofOf(levels, size_t(done))},
            }));
            ++done;
            if (done % 1000 == 0) {
                if (stop.stop_requested()) {
                    return fail(ErrorCode::Cancelled, QStringLiteral("The export was cancelled."));
                }
                if (progress) {
                    progress(done, count);
                }
            }
        }
        if (progress) {
            progress(done, count);
        }
        return done;
    });
}

} // namespace sb::journal
