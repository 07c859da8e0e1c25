#include "core/runtime/Home.h"

#include <QDir>
#include <QFile>
#include <QFileInfo>

namespace sb::runtime {

namespace {

QString variable(const char* name, const QString& otherwise)
{
    const QString value = qEnvironmentVariable(name);
    // The XDG specification: a relative path is invalid and must be ignored.
    return value.startsWith(u'/') ? value : otherwise;
}

} // namespace

Home Home::locate(const QString& folder)
{
    Home home;
    home.user = QDir::homePath();
    const QString chosen = folder.isEmpty() ? qEnvironmentVariable("SIGNALBOX_HOME") : folder;
    if (!chosen.isEmpty()) {
        const QString root = QDir::cleanPath(QDir::current().absoluteFilePath(chosen));
        home.config = root + QStringLiteral("/signalbox.yaml");
        home.data = root + QStringLiteral("/data");
        home.state = root + QStringLiteral("/state");
        home.run = root + QStringLiteral("/run");
        return home;
    }
    const QString name = QStringLiteral("/signalbox");
    home.config = variable("XDG_CONFIG_HOME", home.user + QStringLiteral("/.config")) + name +
                  QStringLiteral("/signalbox.yaml");
    home.data = variable("XDG_DATA_HOME", home.user + QStringLiteral("/.local/share")) + name;
    home.state = variable("XDG_STATE_HOME", home.user + QStringLiteral("/.local/state")) + name;
    home.run = variable("XDG_RUNTIME_DIR", home.state + QStringLiteral("/run")) + name;
    return home;
}

Result<> Home::prepare() const
{
    for (const QString& folder : {QFileInfo(config).path(), data, state, run}) {
        if (!QDir().mkpath(folder)) {
            return fail(
                ErrorCode::Io,
                QStringLiteral("The folder %1 cannot be made; check its permissions and the disk.")
                    .arg(folder),
                folder);
        }
        if (!QFileInfo(folder).isWritable()) {
            return fail(ErrorCode::Io,
                        QStringLiteral("The folder %1 cannot be written to; check its permissions.")
                            .arg(folder),
                        folder);
        }
        // Only when they are not so already: whoever watches the folder is not to be woken for
        // nothing.
        constexpr auto others = QFile::ReadGroup | QFile::WriteGroup | QFile::ExeGroup |
                                QFile::ReadOther | QFile::WriteOther | QFile::ExeOther;
        if ((folder == data || folder == run || folder == state) &&
            (QFileInfo(folder).permissions() & others) != 0) {
            QFile::setPermissions(folder, QFile::ReadOwner | QFile::WriteOwner | QFile::ExeOwner);
        }
    }
    return {};
}

QString Home::agentFolder(const QString& agent) const
{
    return data + QStringLiteral("/agents/") + agent;
}

QString Home::instanceDatabase() const
{
    return data + QStringLiteral("/instance.db");
}

QString Home::vaultFile() const
{
    return data + QStringLiteral("/vault");
}

QString Home::tokenFile() const
{
    return run + QStringLiteral("/token");
}

QString Home::lockFile() const
{
    return run + QStringLiteral("/lock");
}

QString Home::defaultWorkspace() const
{
    // With a home of its own, everything stays below it; else people find it in their home folder.
    const QString root = QFileInfo(config).path();
    if (data == QString(root + QStringLiteral("/data"))) {
        return root + QStringLiteral("/workspace");
    }
    return user + QStringLiteral("/signalbox");
}

} // namespace sb::runtime
