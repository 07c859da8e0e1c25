#include "core/policy/Shell.h"
#include "tests/fuzz/Fuzz.h"

using namespace sb::policy;

// A command as a model wrote it: what rules see of a certain one is one command again. (Not the
// same words: a quoted "?" stands there without its quotes.)
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
    }
}
