#include "core/policy/Shell.h"
#include "tests/fuzz/Fuzz.h"

using namespace sb::policy;

// A command as a model wrote it: what is certain reads again as the same, and nothing is certain
// without words.
void fuzz(QByteArrayView data)
{
    const QString text = QString::fromUtf8(data);
    const ShellLine line = readShell(text);
    (void)reachOf(line);
    if (!line.isCertain()) {
        return;
    }
    for (const ShellCommand& command : line.commands) {
        const ShellLine again = readShell(command.canonical);
        FUZZ_CHECK(again.commands.size() == 1);
        FUZZ_CHECK(again.commands.first().words == command.words);
    }
}
