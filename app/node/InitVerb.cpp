#include "app/node/CommandLine.h"
#include "core/config/Config.h"

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
    const QString workspace = arguments.home.defaultWorkspace();
    if (auto written = config::writeStarter(path, workspace); !written) {
        const Exit exit = complain(written.error(), arguments.json);
        return written.error().code == ErrorCode::Conflict ? Exit::Usage : exit;
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
