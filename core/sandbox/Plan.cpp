#include "core/base/Defence.h"
#include "core/sandbox/Environment.h"
#include "core/sandbox/Folders.h"

#include <QCryptographicHash>
#include <QDir>
#include <QFile>
#include <QFileInfo>
#include <sys/stat.h>

namespace sb::sandbox {

using namespace Qt::StringLiterals;

namespace {

// Length first, so that no two lists of fields make the same bytes.
class Hasher
{
public:
    void add(QByteArrayView bytes)
    {
        add(qint64(bytes.size()));
        m_hash.addData(bytes);
    }
    void add(const QString& text) { add(QByteArrayView(text.toUtf8())); }
    void add(qint64 number)
    {
        char bytes[8];
        for (int i = 0; i < 8; ++i) {
            bytes[i] = char(quint64(number) >> (56 - 8 * i));
        }
        m_hash.addData(QByteArrayView(bytes, 8));
    }
    [[nodiscard]] QString result() const { return QString::fromLatin1(m_hash.result().toHex()); }

private:
    QCryptographicHash m_hash{QCryptographicHash::Sha256};
};

} // namespace

QString LaunchPlan::hash() const
{
    Hasher hasher;
    hasher.add(QByteArrayView("signalbox launch 2"));
    hasher.add(qint64(argv.size()));
    for (const auto& argument : argv) {
        hasher.add(argument);
    }
    hasher.add(workspace);
    hasher.add(cwd);
    hasher.add(qint64(environment.size()));
    for (const auto& [name, value] : environment.asKeyValueRange()) {
        hasher.add(name);
        hasher.add(value);
    }
    hasher.add(QByteArrayView(standardInput));
    hasher.add(qint64(workspaceReadOnly));
    hasher.add(qint64(network));
    hasher.add(qint64(ownServers));
    for (const qint64 number : {qint64(limits.wall.count()),
                                limits.memoryBytes,
                                limits.totalMemoryBytes,
                                limits.fileBytes,
                                limits.diskReserveBytes,
                                limits.workspaceBytes,
                                qint64(limits.processes),
                                qint64(limits.openFiles),
                                limits.tmpBytes,
                                limits.outputBytes,
                                qint64(limits.cpuSeconds)}) {
        hasher.add(number);
    }
    return hasher.result();
}

bool liesIn(const QString& path, const QString& folder)
{
    return path == folder || path.startsWith(folder.endsWith(u'/') ? folder : folder + u'/');
}

std::optional<FileIdentity> fileIdentity(const QString& path)
{
    struct stat information{};
    if (path.isEmpty() || ::lstat(QFile::encodeName(path).constData(), &information) != 0) {
        return std::nullopt;
    }
    return FileIdentity{quint64(information.st_dev), quint64(information.st_ino)};
}

HiddenPaths::HiddenPaths(const QStringList& paths)
{
    for (const auto& path : paths) {
        const auto resolved = QFileInfo(path).canonicalFilePath();
        m_paths.push_back(
            {resolved.isEmpty() ? QDir::cleanPath(path) : resolved, fileIdentity(resolved)});
    }
}

Result<QStringList> HiddenPaths::within(const QString& workspace) const
{
    QStringList found;
    for (const auto& hidden : m_paths) {
        if (hidden.path == workspace) {
            return fail(
                ErrorCode::Forbidden,
                u"The workspace %1 is Signalbox's own data folder; choose another folder."_s.arg(
                    workspace));
        }
        if (!liesIn(hidden.path, workspace)) {
            continue;
        }
        const auto now = fileIdentity(QFileInfo(hidden.path).canonicalFilePath());
        if (hidden.identity && now != hidden.identity && defended("sandbox.data-folder-moved")) {
            // A command may have moved it to where the mask does not cover it.
            return fail(
                ErrorCode::Forbidden,
                u"The folder %1, which commands must not see, was moved; restart Signalbox."_s.arg(
                    hidden.path));
        }
        if (now) {
            found << hidden.path;
        }
    }
    return found;
}

Result<QString> checkedWorkspace(const QString& workspace)
{
    if (!QDir::isAbsolutePath(workspace) || workspace.contains(QChar(u'\0'))) {
        return fail(ErrorCode::InvalidInput,
                    u"The workspace must be an absolute path, not “%1”."_s.arg(workspace));
    }
    const QFileInfo info(workspace);
    if (!info.exists()) {
        return fail(ErrorCode::NotFound, u"The workspace %1 does not exist."_s.arg(workspace));
    }
    if (!info.isDir()) {
        return fail(ErrorCode::InvalidInput, u"The workspace %1 is not a folder."_s.arg(workspace));
    }
    const auto resolved = info.canonicalFilePath();
    // A workspace is shown whole and writable, so what stands around it decides what is exposed.
    static const QStringList system{u"/bin"_s,
                                    u"/boot"_s,
                                    u"/dev"_s,
                                    u"/etc"_s,
                                    u"/lib"_s,
                                    u"/lib32"_s,
                                    u"/lib64"_s,
                                    u"/libx32"_s,
                                    u"/proc"_s,
                                    u"/sbin"_s,
                                    u"/sys"_s,
                                    u"/usr"_s,
                                    u"/.signalbox"_s};
    static const QStringList shared{u"/"_s,
                                    u"/home"_s,
                                    u"/media"_s,
                                    u"/mnt"_s,
                                    u"/opt"_s,
                                    u"/run"_s,
                                    u"/srv"_s,
                                    u"/tmp"_s,
                                    u"/var"_s,
                                    u"/var/tmp"_s};
    const bool refused =
        defended("sandbox.workspace-choice") &&
        (shared.contains(resolved) ||
         std::ranges::any_of(system, [&](const auto& folder) { return liesIn(resolved, folder); }));
    if (refused) {
        return fail(
            ErrorCode::Forbidden,
            u"%1 belongs to the system and cannot be a workspace; choose a folder of your own."_s
                .arg(resolved));
    }
    const auto home = QFileInfo(QDir::homePath()).canonicalFilePath();
    if (home != u"/"_s && !home.isEmpty() && liesIn(home, resolved) &&
        defended("sandbox.workspace-choice")) {
        return fail(
            ErrorCode::Forbidden,
            u"The workspace %1 contains your home folder with its keys; choose a folder inside it."_s
                .arg(resolved));
    }
    return resolved;
}

Result<QString> checkedCwd(const QString& cwd, const QString& workspace)
{
    const QString wanted = cwd.isEmpty() ? workspace : cwd;
    if (!QDir::isAbsolutePath(wanted) || wanted.contains(QChar(u'\0'))) {
        return fail(ErrorCode::InvalidInput,
                    u"The working folder must be an absolute path, not “%1”."_s.arg(wanted));
    }
    const QFileInfo info(wanted);
    if (!info.exists()) {
        return fail(ErrorCode::NotFound, u"The working folder %1 does not exist."_s.arg(wanted));
    }
    const auto resolved = info.canonicalFilePath();
    if (!liesIn(resolved, workspace) && defended("sandbox.cwd-inside")) {
        return fail(
            ErrorCode::Forbidden,
            u"The working folder %1 lies outside the workspace %2."_s.arg(wanted, workspace));
    }
    if (!info.isDir()) {
        return fail(ErrorCode::InvalidInput,
                    u"The working folder %1 is not a folder."_s.arg(wanted));
    }
    return resolved;
}

Result<> checkedLimits(const Limits& limits)
{
    const bool good = limits.wall.count() > 0 && limits.memoryBytes > 0 &&
                      limits.totalMemoryBytes > 0 && limits.fileBytes > 0 &&
                      limits.diskReserveBytes > 0 && limits.workspaceBytes > 0 &&
                      limits.processes > 0 && limits.openFiles > 0 && limits.tmpBytes > 0 &&
                      limits.outputBytes > 0 && limits.cpuSeconds > 0;
    if (!good) {
        return fail(ErrorCode::InvalidInput,
                    u"Each limit of a command must be greater than zero."_s);
    }
    return {};
}

Result<> checkedArguments(const QStringList& argv)
{
    if (argv.isEmpty() || argv.first().isEmpty()) {
        return fail(ErrorCode::InvalidInput, u"There is no command to run."_s);
    }
    for (const auto& argument : argv) {
        if (argument.contains(QChar(u'\0'))) {
            return fail(ErrorCode::InvalidInput,
                        u"An argument of the command contains a NUL character."_s);
        }
    }
    return {};
}

} // namespace sb::sandbox
