#pragma once
#include "core/memory/Memories.h"

namespace sb::memory {

/// So much of a text file is read.
constexpr qint64 MostOfFile = qint64(8) << 20;

struct PdfText
{
    QStringList pages;
    bool isCut = false; ///< there was more than is wanted
};

/// One file, or one folder with what is in it, read into memories. See README.md.
class Ingest
{
public:
    struct Parts
    {
        Memories& memories;
        Clock& clock;
        /// Blocks until it is read. Errors are half sentences that follow the file's name.
        std::function<Result<PdfText>(const QString& path, std::stop_token stop)> readPdf;
        QStringList closed; ///< folders that stay out
        /// How far it is, ten times a second at most, and once at the end.
        std::function<void(const protocol::IngestInfo&)> progress;
    };
    /// `job` says what is read and under which id.
    Ingest(Parts parts, protocol::IngestInfo job);

    /// Reads it all, in the calling thread, which is none of the runtime's executors. What was made
    /// stays when it is stopped. What kept it from reading something stands in `problems`.
    protocol::IngestInfo run(const std::stop_token& stop);

private:
    struct Known;
    struct Content
    {
        QString digest; ///< of the file
        QList<Memories::Piece> pieces;
    };

    /// Io and the like when nothing more can be written; what is wrong with the file alone is a
    /// problem.
    Result<> readAll(const std::stop_token& stop);
    Result<> readFile(const QString& path, const std::stop_token& stop);
    Result<Content> contentOf(const QString& path, const std::stop_token& stop);
    Result<QHash<QString, Known>> knownOf(const QString& path);
    Result<>
    write(const QString& path, const QList<Memories::Piece>& pieces, const std::stop_token& stop);
    /// Forgets pieces, or remembers them again.
    Result<> setForgotten(const QString& path, const QList<Known>& pieces, bool forgotten);
    Result<> forgetGone(const QString& folder);
    [[nodiscard]] Origin originOf(const QString& path, const QString& reason) const;
    void problem(const QString& sentence);
    void tell(bool always = false);

    Parts m;
    protocol::IngestInfo m_job;
    qint64 m_toldUs = 0;
};

} // namespace sb::memory
