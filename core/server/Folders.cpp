#include "core/server/Folders.h"

#include <QCryptographicHash>
#include <QDir>
#include <QFile>
#include <QFileInfo>
#include <cerrno>
#include <cstring>
#include <sys/stat.h>
#include <unistd.h>

namespace sb::server {

namespace {

constexpr qsizetype longestSocketPath = 100;

} // namespace

std::unexpected<Error> systemFailure(const QString& sentence, int code, const QString& context)
{
    return fail(
        code == ENOSPC || code == EDQUOT ? ErrorCode::DiskFull : ErrorCode::Io,
        QStringLiteral("%1: %2.").arg(sentence, QString::fromLocal8Bit(std::strerror(code))),
        context);
}

Result<> ensurePrivateFolder(const QString& path)
{
    QDir().mkpath(QFileInfo(path).path());
    const QByteArray native = QFile::encodeName(path);
    if (::mkdir(native.constData(), 0700) != 0 && errno != EEXIST) {
        return systemFailure(QStringLiteral("The folder %1 cannot be made").arg(path), errno, path);
    }
    struct stat facts{};
    if (::lstat(native.constData(), &facts) != 0) {
        return systemFailure(QStringLiteral("The folder %1 cannot be read").arg(path), errno, path);
    }
    if (!S_ISDIR(facts.st_mode) || facts.st_uid != ::geteuid()) {
        return fail(ErrorCode::Forbidden,
                    QStringLiteral("%1 is not a folder of yours, so it is not used.").arg(path),
                    path);
    }
    if ((facts.st_mode & 077) != 0 && ::chmod(native.constData(), 0700) != 0) {
        return systemFailure(
            QStringLiteral("The folder %1 cannot be closed to others").arg(path), errno, path);
    }
    return {};
}

QString socketPathFor(const QString& runDir)
{
    const QFileInfo info(runDir);
    const QString canonical = info.canonicalFilePath(); // empty while it does not exist
    const QString folder = canonical.isEmpty() ? info.absoluteFilePath() : canonical;
    const QString direct = folder + QStringLiteral("/control.sock");
    if (QFile::encodeName(direct).size() <= longestSocketPath) {
        return direct;
    }
    const QByteArray hash = QCryptographicHash::hash(folder.toUtf8(), QCryptographicHash::Sha256);
    const QString name = QStringLiteral("signalbox-%1/%2.sock")
                             .arg(::geteuid())
                             .arg(QLatin1StringView(hash.toHex().left(20)));
    const QString runtime = QFile::decodeName(qgetenv("XDG_RUNTIME_DIR"));
    const QString there = runtime + u'/' + name;
    if (runtime.startsWith(u'/') && QFile::encodeName(there).size() <= longestSocketPath) {
        return there;
    }
    return QStringLiteral("/tmp/") + name;
}

} // namespace sb::server
