#include "core/runtime/PdfReader.h"

#include "core/base/Guarded.h"

#include <QFile>
#include <QFileInfo>
#include <QTemporaryDir>

namespace sb::runtime {

using namespace Qt::StringLiterals;

namespace {

constexpr qint64 mostPdfBytes = qint64(256) << 20;
constexpr qsizetype mostTextBytes = qsizetype(16) << 20;

} // namespace

Result<memory::PdfText>
readPdf(sandbox::Sandbox& sandbox, const QString& path, const std::stop_token& stop)
{
    if (const qint64 bytes = QFileInfo(path).size(); bytes > mostPdfBytes) {
        return fail(ErrorCode::InvalidInput,
                    u"it has %1 MiB, and PDF files of up to %2 MiB are read"_s.arg(bytes >> 20)
                        .arg(mostPdfBytes >> 20));
    }
    if (const auto& machine = sandbox.capabilities(); !machine.usable) {
        return fail(ErrorCode::Unsupported,
                    u"PDF files are read in the sandbox, and there is none here (%1)"_s.arg(
                        machine.problem));
    }
    // A copy in a folder of its own: what lies beside the file is none of the reader's business.
    const QTemporaryDir folder;
    if (!folder.isValid() || !QFile::copy(path, folder.filePath(u"in.pdf"_s))) {
        return fail(ErrorCode::Io, u"it cannot be read"_s);
    }
    sandbox::LaunchRequest request;
    request.argv = {
        u"pdftotext"_s, u"-q"_s, u"-enc"_s, u"UTF-8"_s, u"-eol"_s, u"unix"_s, u"in.pdf"_s, u"-"_s};
    request.workspace = folder.path();
    request.cwd = folder.path();
    request.workspaceReadOnly = true;
    request.ownServers = false;
    request.limits.memoryBytes = qint64(1) << 30;
    request.limits.totalMemoryBytes = qint64(1) << 30;
    request.limits.diskReserveBytes = qint64(1) << 20; // it writes nothing
    request.limits.processes = 16;
    request.limits.cpuSeconds = 60;
    SB_TRY(auto plan, sandbox.plan(request));
    struct Printed
    {
        QByteArray bytes;
        bool isCut = false;
    };
    // Taken as it comes, because page breaks do not pass the filter for terminals. Shared with the
    // launch's inner thread.
    const auto printed = std::make_shared<Guarded<Printed>>();
    const auto outcome = sandbox
                             .launch(
                                 std::move(plan),
                                 [](const QString&) {},
                                 stop,
                                 {},
                                 {},
                                 [printed](QByteArrayView bytes, bool) {
                                     printed->withLock([&](Printed& all) {
                                         const auto room = mostTextBytes - all.bytes.size();
                                         all.isCut = all.isCut || bytes.size() > room;
                                         all.bytes += bytes.first(std::min(bytes.size(), room));
                                     });
                                     return QByteArray();
                                 })
                             .wait();
    if (!outcome) {
        return std::unexpected(outcome.error());
    }
    if (outcome->cancelled) {
        return fail(ErrorCode::Cancelled, u"reading it was stopped"_s);
    }
    if (outcome->timedOut) {
        return fail(ErrorCode::Timeout, u"reading it takes longer than a minute"_s);
    }
    if (outcome->exitCode == 127) {
        return fail(ErrorCode::Unsupported,
                    u"PDF files are read by pdftotext, which is missing here (Debian has it in "
                    "poppler-utils)"_s);
    }
    if (outcome->exitCode != 0) {
        return fail(ErrorCode::InvalidInput, u"it is damaged, or locked with a password"_s);
    }
    const auto taken = printed->withLock([](Printed& all) { return std::exchange(all, {}); });
    memory::PdfText text;
    text.pages = QString::fromUtf8(taken.bytes).split(u'\f');
    text.isCut = taken.isCut;
    return text;
}

} // namespace sb::runtime
