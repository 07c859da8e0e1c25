#include "core/memory/Ingest.h"

#include "core/memory/Chunks.h"
#include "core/memory/FileWalk.h"
#include "core/store/Rows.h"

#include <QCryptographicHash>
#include <QFile>
#include <QFileInfo>

namespace sb::memory {

using protocol::MemoryChange;
using protocol::MemoryOp;
using namespace Qt::StringLiterals;

namespace {

constexpr qsizetype piecesAtOnce = 128; ///< so often it can be stopped, and tells how far it is
constexpr qsizetype mostProblems = 100; ///< as the protocol says
constexpr qint64 tellEveryUs = 100'000;
constexpr double importance = 0.5; ///< what somebody said to the agent matters more
/// Of the versions that are forgotten in one entry, as JSON.
constexpr qsizetype mostForgottenBytes = 40 * 1024;

QString nameOf(const QString& path)
{
    // The folder's name tells one README from another. It depends on nothing but the path, so that
    // a file has the same pieces whether it or a folder around it is read.
    const QFileInfo info(path);
    const QString folder = QFileInfo(info.path()).fileName();
    return folder.isEmpty() ? info.fileName() : folder + u'/' + info.fileName();
}

} // namespace

/// A piece of a file that was read before.
struct Ingest::Known
{
    QString memory;
    bool isForgotten = false;
    bool byOwner = false; ///< the current version is the owner's doing
    bool isKept = false;  ///< a person wants it, or it stands for others
    qsizetype bytes = 0;
};

Ingest::Ingest(Parts parts, protocol::IngestInfo job) : m(std::move(parts)), m_job(std::move(job))
{
}

protocol::IngestInfo Ingest::run(const std::stop_token& stop)
{
    m_job.state = u"running"_s;
    if (auto read = readAll(stop); !read) {
        m_job.state = stop.stop_requested() ? u"stopped"_s : u"failed"_s;
        problem(read.error().message);
    } else if (stop.stop_requested()) {
        m_job.state = u"stopped"_s;
    } else {
        m_job.state = u"done"_s;
    }
    m_job.current.clear();
    tell(true);
    return m_job;
}

Result<> Ingest::readAll(const std::stop_token& stop)
{
    const QFileInfo info(m_job.path);
    const QString path = info.canonicalFilePath();
    if (path.isEmpty()) {
        return fail(ErrorCode::NotFound, u"There is no file or folder %1."_s.arg(m_job.path));
    }
    if (!info.isDir()) {
        if (!info.isFile()) {
            return fail(ErrorCode::InvalidInput,
                        u"%1 is neither a file nor a folder."_s.arg(m_job.path));
        }
        m_job.files = 1;
        m_job.bytes = std::min(info.size(), MostOfFile);
        SB_CHECK(readFile(path, stop));
        if (!stop.stop_requested()) {
            m_job.bytesDone = m_job.bytes;
        }
        // Of one file its problem is the job's.
        if (m_job.memories + m_job.known == 0 && !m_job.problems.isEmpty()) {
            return fail(ErrorCode::InvalidInput, m_job.problems.takeLast());
        }
        return {};
    }
    auto found = filesIn(path, m.closed, stop);
    for (const QString& sentence : std::as_const(found.problems)) {
        problem(sentence);
    }
    m_job.files = found.files.size();
    for (const FoundFile& file : std::as_const(found.files)) {
        m_job.bytes += std::min(file.bytes, MostOfFile);
    }
    tell();
    for (const FoundFile& file : std::as_const(found.files)) {
        if (stop.stop_requested()) {
            return {};
        }
        const qint64 before = m_job.bytesDone;
        SB_CHECK(readFile(file.path, stop));
        m_job.bytesDone = before + std::min(file.bytes, MostOfFile);
        tell();
    }
    return stop.stop_requested() ? Result<>() : forgetGone(path);
}

Result<> Ingest::readFile(const QString& path, const std::stop_token& stop)
{
    m_job.current = path;
    tell();
    const auto content = contentOf(path, stop);
    if (stop.stop_requested()) {
        return {};
    }
    if (!content) {
        problem(u"%1 was passed over: %2."_s.arg(path, content.error().message));
        ++m_job.filesDone;
        return {};
    }
    SB_TRY(auto known, knownOf(path));
    QList<Memories::Piece> fresh;
    QList<Known> again;
    QSet<QString> seen;
    for (const auto& piece : content->pieces) {
        if (seen.contains(piece.digest)) {
            continue;
        }
        seen.insert(piece.digest);
        const auto at = known.constFind(piece.digest);
        if (at == known.constEnd()) {
            fresh.append(piece);
        } else if (at->isForgotten && !at->byOwner) {
            again.append(*at); // it was gone from the file, and is back
        } else {
            ++m_job.known;
        }
    }
    SB_CHECK(write(path, fresh, stop));
    if (stop.stop_requested()) {
        return {};
    }
    SB_CHECK(setForgotten(path, again, false));
    QList<Known> gone;
    for (const auto& [digest, piece] : known.asKeyValueRange()) {
        if (!seen.contains(digest) && !piece.isForgotten && !piece.isKept) {
            gone.append(piece);
        }
    }
    SB_CHECK(setForgotten(path, gone, true));
    ++m_job.filesDone;
    return {};
}

Result<Ingest::Content> Ingest::contentOf(const QString& path, const std::stop_token& stop)
{
    QFile file(path);
    // A file that is no ordinary one would keep us waiting.
    if (!QFileInfo(path).isFile() || !file.open(QIODevice::ReadOnly)) {
        return fail(ErrorCode::Io, u"it cannot be read"_s);
    }
    const QByteArray start = file.peek(1024);
    const bool isPdf = start.contains("%PDF-") || path.endsWith(".pdf"_L1, Qt::CaseInsensitive);
    QCryptographicHash hash(QCryptographicHash::Sha256);
    Content content;
    QList<std::pair<int, QList<Chunk>>> pages; // 0: no pages
    if (isPdf) {
        hash.addData(&file);
        SB_TRY(const PdfText text, m.readPdf(path, stop));
        for (int page = 1; page <= text.pages.size(); ++page) {
            pages.append({page, chunksOf(text.pages[page - 1], TextKind::Plain, nameOf(path))});
        }
        if (std::ranges::all_of(pages, [](const auto& page) { return page.second.isEmpty(); })) {
            return fail(ErrorCode::InvalidInput, u"its pages hold no text"_s);
        }
        if (text.isCut) {
            problem(u"%1 holds too much text; the first %2 pages were read."_s.arg(path).arg(
                text.pages.size()));
        }
    } else {
        const QByteArray bytes = file.read(MostOfFile);
        const bool isWhole = file.atEnd();
        if (file.error() != QFile::NoError) {
            return fail(ErrorCode::Io, u"it cannot be read"_s);
        }
        hash.addData(bytes);
        SB_TRY(const QString text, decodedText(bytes, isWhole));
        pages.append({0, chunksOf(text, textKindOf(path), nameOf(path))});
        if (!isWhole) {
            problem(u"%1 has %2 MiB, and only the first %3 were read."_s.arg(path)
                        .arg((file.size() + (1 << 19)) >> 20)
                        .arg(MostOfFile >> 20));
        }
    }
    content.digest = QString::fromLatin1(hash.result().toHex());
    for (const auto& [page, chunks] : std::as_const(pages)) {
        for (const Chunk& chunk : chunks) {
            MemoryChange memory;
            memory.type = protocol::MemoryType::Fact;
            memory.importance = importance;
            memory.content = chunk.text;
            memory.source.emplace();
            memory.source->file = path;
            memory.source->line = page != 0 ? page : chunk.line;
            memory.source->lastLine = page != 0 ? page : chunk.lastLine;
            memory.source->digest = content.digest;
            content.pieces.append({chunk.digest, std::move(memory)});
        }
    }
    return content;
}

Result<QHash<QString, Ingest::Known>> Ingest::knownOf(const QString& path)
{
    return m.memories.database().read(
        [&](store::Connection& connection) -> Result<QHash<QString, Known>> {
            QHash<QString, Known> pieces;
            QSet<QString> merged;
            store::forEachRow(
                connection,
                "SELECT i.piece, i.memory, m.forgotten_at <> 0, m.pinned OR m.promoted OR "
                "m.merged_into <> '' OR m.provenance = 'owner', "
                "length(CAST(json_quote(m.content) AS BLOB)), "
                "coalesce(json_extract(CAST(p.bytes AS TEXT), '$.by'), '') = 'owner' "
                "FROM ingested i JOIN memory m ON m.id = i.memory AND m.known_to = 0 "
                "LEFT JOIN payload p ON p.seq = m.seq WHERE i.file = ?",
                [&](SQLite::Statement& row) {
                    pieces.insert(store::text(row, 0),
                                  {store::text(row, 1),
                                   store::integer(row, 2) != 0,
                                   store::integer(row, 5) != 0,
                                   store::integer(row, 3) != 0,
                                   qsizetype(store::integer(row, 4))});
                },
                path);
            if (pieces.isEmpty()) {
                return pieces;
            }
            // A near-duplicate elsewhere may count on this one.
            store::forEachRow(
                connection,
                "SELECT DISTINCT merged_into FROM memory WHERE known_to = 0 AND merged_into IN "
                "(SELECT memory FROM ingested WHERE file = ?)",
                [&](SQLite::Statement& row) { merged.insert(store::text(row, 0)); },
                path);
            for (Known& piece : pieces) {
                piece.isKept = piece.isKept || merged.contains(piece.memory);
            }
            return pieces;
        });
}

Result<> Ingest::write(const QString& path,
                       const QList<Memories::Piece>& pieces,
                       const std::stop_token& stop)
{
    const qint64 from = m_job.bytesDone;
    const qint64 bytes = std::min(QFileInfo(path).size(), MostOfFile);
    for (qsizetype at = 0; at < pieces.size() && !stop.stop_requested(); at += piecesAtOnce) {
        const auto some = pieces.sliced(at, std::min(piecesAtOnce, pieces.size() - at));
        SB_TRY(const int saved,
               m.memories.ingest(path, some, originOf(path, u"It was read in."_s)).wait());
        m_job.memories += saved;
        m_job.known += some.size() - saved;
        m_job.bytesDone = from + bytes * (at + some.size()) / pieces.size();
        tell();
    }
    return {};
}

Result<> Ingest::setForgotten(const QString& path, const QList<Known>& pieces, bool forgotten)
{
    const Origin origin = originOf(
        path, forgotten ? u"The file does not say so any more."_s : u"The file says so again."_s);
    const qsizetype around = 1500 + 2 * path.toUtf8().size();
    QList<MemoryChange> changes;
    qsizetype bytes = 0;
    const auto write = [&]() -> Result<> {
        if (!changes.isEmpty()) {
            SB_CHECK(m.memories.change(changes, origin).wait());
            (forgotten ? m_job.forgotten : m_job.memories) += changes.size();
            tell();
        }
        changes.clear();
        bytes = 0;
        return {};
    };
    for (const Known& piece : pieces) {
        if (bytes + piece.bytes + around > mostForgottenBytes) {
            SB_CHECK(write());
        }
        MemoryChange change;
        change.op = MemoryOp::Edit;
        change.id = piece.memory;
        change.forgotten = forgotten;
        changes.append(std::move(change));
        bytes += piece.bytes + around;
    }
    return write();
}

Result<> Ingest::forgetGone(const QString& folder)
{
    const QString inside = folder == u"/" ? folder : folder + u'/';
    QString behind = inside;
    behind.back() = QChar(u'/' + 1);
    SB_TRY(const auto files,
           m.memories.database().read([&](store::Connection& connection) -> Result<QStringList> {
               QStringList all;
               store::forEachRow(
                   connection,
                   "SELECT DISTINCT file FROM ingested WHERE file >= ? AND file < ?",
                   [&](SQLite::Statement& row) { all.append(store::text(row, 0)); },
                   inside,
                   behind);
               return all;
           }));
    for (const QString& file : files) {
        const QFileInfo info(file);
        // What cannot be looked at is not known to be gone.
        if (info.exists() || info.isSymbolicLink() || !QFileInfo(folder).isReadable()) {
            continue;
        }
        SB_TRY(const auto known, knownOf(file));
        QList<Known> gone;
        for (const Known& piece : known) {
            if (!piece.isForgotten && !piece.isKept) {
                gone.append(piece);
            }
        }
        SB_CHECK(setForgotten(file, gone, true));
    }
    return {};
}

Origin Ingest::originOf(const QString& path, const QString& reason) const
{
    Origin origin;
    origin.by = u"ingest"_s;
    origin.reason = reason;
    // Whoever chose the file need not have written it.
    origin.sources = {
        taint::entering({taint::Label::UntrustedFile}, {}, u"the file %1"_s.arg(path))};
    return origin;
}

void Ingest::problem(const QString& sentence)
{
    if (m_job.problems.size() < mostProblems - 1) {
        m_job.problems.append(sentence);
    } else if (m_job.problems.size() < mostProblems) {
        m_job.problems.append(u"More could not be read than can be listed here."_s);
    }
}

void Ingest::tell(bool always)
{
    const qint64 now = m.clock.steadyUs();
    if (always || now - m_toldUs >= tellEveryUs) {
        m_toldUs = now;
        m.progress(m_job);
    }
}

} // namespace sb::memory
