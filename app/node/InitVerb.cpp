#include "app/node/CommandLine.h"
#include "core/config/Config.h"

#include <QDir>
#include <QFile>

namespace sb::node {

Exit initVerb(Arguments arguments, QStringList words)
{
    if (auto read = readOptions(arguments, std::move(words), {}, {});
        !read || !arguments.rest.isEmpty()) {
        return complain(
            read ? Error{ErrorCode::InvalidInput, QStringLiteral("init takes no arguments."), {}}
                 : read.error(),
            arguments.json);
    }
    if (auto prepared = arguments.home.prepare(); !prepared) {
        return complain(prepared.error(), arguments.json);
    }
    const QString path = arguments.home.config;
    QFile file(path);
    // Never over a file that is there: it may hold days of somebody's rules.
    if (!file.open(QIODevice::WriteOnly | QIODevice::NewOnly)) {
        if (file.exists()) {
            return complain({ErrorCode::InvalidInput,
                             QStringLiteral("%1 is there already; it was left as it is.").arg(path),
                             path},
                            arguments.json);
        }
        return complain({ErrorCode::Io,
                         QStringLiteral("%1 cannot be written: %2.").arg(path, file.errorString()),
                         path},
                        arguments.json);
    }
    const QString workspace = arguments.home.defaultWorkspace();
    const QByteArray yaml = config::starterYaml(workspace);
    if (file.write(yaml) != yaml.size() || !file.flush() || !QDir().mkpath(workspace)) {
        return complain({ErrorCode::Io,
                         QStringLiteral("%1 cannot be written: %2.").arg(path, file.errorString()),
                         path},
                        arguments.json);
    }
    if (arguments.json) {
        printJson({{QStringLiteral("config"), path}, {QStringLiteral("workspace"), workspace}});
    } else {
        printLine(
            QStringLiteral(
                "Wrote %1, with the agent \"assistant\" in %2.\nNext: name a model there, then "
                "signalbox-node run \"…\".")
                .arg(path, workspace)
                .toUtf8());
    }
    return Exit::Succeeded;
}

} // namespace sb::node
