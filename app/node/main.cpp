#include "app/node/CommandLine.h"
#include "app/node/MemoryVerb.h"
#include "app/node/PackageVerb.h"
#include "app/node/SecretsVerb.h"
#include "core/secrets/Dumps.h"

#include <QCoreApplication>
#include <QFileInfo>

#include <clocale>
#include <cstdlib>
#include <cstring>
#include <langinfo.h>
#include <unistd.h>

using namespace sb;
using namespace sb::node;

namespace {

constexpr auto usage = R"(usage: signalbox-node [--home DIR] VERB

  init                         write a commented signalbox.yaml and the default agent
  run [--agent ID] [--json] [--approve ask|allow|deny] "TASK"
                               one task to its end; exit 0 succeeded, 1 failed or cancelled, 3 waits for approval
  tour [--json]                a recorded model fixes a failing test; everything else is real
  serve [--listen ADDR:PORT]   the runtime behind HTTP on loopback
  approvals list [--all] | show ID | accept ID [--arguments JSON | --always] | reject ID [--note TEXT]
                               --always lets the agent reach the address that it asked for from now on
  journal tail [--agent ID] [-n N] [-f] | verify [--agent ID] | export [--agent ID] [FILE]
  memory search WORDS… [--limit N] [--type T] [--at TIME] | show ID | stats | export [--format F] [FILE]
         | ingest PATH… | forget ID… | undo NUMBER     (each with [--agent ID])
                               what an agent knows; export writes json, graphml or html; ingest reads files
                               and folders in, and Ctrl+C stops it: the same command goes on from there
  secrets list | set NAME | remove NAME | rotate NAME [--untried] | passphrase
                               keys in the keychain or the vault; values come from standard input or the terminal
  package list | inspect FOLDER | install FOLDER [--trust] [--capabilities LIST] | remove NAME
          | publishers | forget PUBLISHER [--yes] | sign FOLDER --key FILE | keygen FILE
                               skills that publishers have signed: what one asks for is shown, and needs your word
  doctor                       what works on this machine, and what to do where it does not

  --json works with every verb. Everything lies under --home (or SIGNALBOX_HOME), else in the XDG folders.
)";

Exit dispatch(Arguments arguments, QStringList words)
{
    struct Verb
    {
        const char* name;
        Exit (*run)(Arguments, QStringList);
    };
    constexpr Verb verbs[] = {{"init", initVerb},
                              {"run", runVerb},
                              {"tour", tourVerb},
                              {"serve", serveVerb},
                              {"approvals", approvalsVerb},
                              {"journal", journalVerb},
                              {"memory", memoryVerb},
                              {"secrets", secretsVerb},
                              {"package", packageVerb},
                              {"doctor", doctorVerb}};
    const QString name = words.takeFirst();
    for (const auto& verb : verbs) {
        if (name == QLatin1StringView(verb.name)) {
            return verb.run(std::move(arguments), std::move(words));
        }
    }
    std::fprintf(
        stderr, "signalbox-node: there is no verb \"%s\".\n%s", name.toUtf8().constData(), usage);
    return Exit::Usage;
}

} // namespace

int main(int argc, char** argv)
{
    (void)secrets::keepOutOfDumps(); // where the system will not, that is nobody's fault here
    // Qt would complain at length about a locale without UTF-8, and then do this itself.
    std::setlocale(LC_ALL, "");
    if (std::strcmp(::nl_langinfo(CODESET), "UTF-8") != 0) {
        ::setenv("LC_ALL", "C.UTF-8", 1);
    }
    // Qt looks for plugins along the library paths; this program needs none until TLS is spoken,
    // and starts faster without looking (ensureTlsPlugins() puts them back).
    QCoreApplication::setLibraryPaths({});
    QCoreApplication application(argc, argv);
    QCoreApplication::setApplicationName(QStringLiteral("signalbox-node"));

    QStringList words = QCoreApplication::arguments().mid(1);
    Arguments arguments;
    QString folder;
    while (!words.isEmpty() && words.first().startsWith(u'-')) {
        const QString word = words.takeFirst();
        if (word == u"--version") {
            printLine("signalbox-node " SB_VERSION);
            return int(Exit::Succeeded);
        }
        if (word == u"--help" || word == u"-h") {
            std::fputs(usage, stdout);
            return int(Exit::Succeeded);
        }
        if (word == u"--json") {
            arguments.json = true;
        } else if (word == u"--home" || word.startsWith(QLatin1StringView("--home="))) {
            folder = word == u"--home" ? words.value(0) : word.mid(7);
            if (folder.isEmpty()) { // never the XDG folders in place of what a script left empty
                std::fprintf(stderr, "signalbox-node: --home needs a folder.\n%s", usage);
                return int(Exit::Usage);
            }
            words = word == u"--home" ? words.mid(1) : words;
        } else {
            std::fprintf(stderr,
                         "signalbox-node: there is no option \"%s\".\n%s",
                         word.toUtf8().constData(),
                         usage);
            return int(Exit::Usage);
        }
    }
    if (words.isEmpty()) {
        std::fputs(usage, stderr);
        return int(Exit::Usage);
    }
    arguments.home = runtime::Home::locate(folder);
    char self[4096] = {};
    const ssize_t size = ::readlink("/proc/self/exe", self, sizeof self - 1);
    arguments.program = QFileInfo(QString::fromLocal8Bit(self, std::max<ssize_t>(size, 0))).path();
    return int(dispatch(std::move(arguments), std::move(words)));
}
