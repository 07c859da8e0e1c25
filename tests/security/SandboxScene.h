#pragma once
#include "tests/security/Attack.h"
#include "tests/security/SandboxFixture.h"

/// What the attacks on the sandbox share.
namespace sb::sandbox::scene {

using namespace Qt::StringLiterals;

inline constexpr const char* Secret = "hunter2-do-not-leak";

inline attack::Outcome succeeded(bool yes)
{
    return yes ? attack::Outcome::Succeeded : attack::Outcome::Refused;
}

/// Everything new for each run: a clock, a sandbox with its thread, a workspace.
struct Scene
{
    SystemClock clock;
    SandboxFixture fixture{clock};

    // What the attacker saw. Words that mean success are put together by the script: Python quotes
    // its source when it fails.
    QString sees(const QString& script) { return fixture.sh(script).output; }
    QString sees(const LaunchRequest& request) { return fixture.outcome(request).output; }
    attack::Outcome reads(const QString& script)
    {
        return succeeded(sees(script).contains(QString::fromLatin1(Secret)));
    }
    attack::Outcome says(const QString& script, const QString& word)
    {
        return succeeded(sees(script).contains(word));
    }
    attack::Outcome pythonSays(const QString& script, const QString& word)
    {
        return succeeded(fixture.python(script).output.contains(word));
    }
    // A system call by its number on x86-64, as a program without any library would make it.
    attack::Outcome calls(const QString& arguments)
    {
        return pythonSays(
            u"import ctypes, os, struct\nc = ctypes.CDLL(None, use_errno=True)\n"
            "c.syscall.restype = ctypes.c_long\nb = ctypes.create_string_buffer(256)\n"
            "args = [ctypes.c_long(a) if isinstance(a, int) else a for a in (%1,)]\n"
            "print('DO' + 'NE' if c.syscall(*args) >= 0 else ctypes.get_errno())"_s.arg(arguments),
            u"DONE"_s);
    }
};

} // namespace sb::sandbox::scene
