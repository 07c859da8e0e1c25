#pragma once
#include <QList>
#include <QString>
#include <QStringList>

namespace sb::policy {

/// Longer lines are not read at all: nobody can check them, and the kernel takes hardly more in one
/// argument.
inline constexpr qsizetype maxShellLine = 65536;

/// One simple command as the shell would see it.
struct ShellCommand
{
    QString raw; ///< as written, without comments
    QStringList
        words; ///< unquoted, redirections left out; anyRun and anyWords stand for what expands
    QString canonical; ///< the words in one spelling: one blank between, quoted only where needed
};

struct ShellLine
{
    QList<ShellCommand> commands;
    QStringList doubts;  ///< why an allow rule cannot vouch for it: "a command substitution", …
    QStringList hidden;  ///< text inside substitutions and here-documents that may run as well
    QStringList targets; ///< files that redirections name
    [[nodiscard]] bool isCertain() const { return doubts.isEmpty(); }
};

/// Reads a line; never fails, doubts instead.
[[nodiscard]] ShellLine readShell(const QString& line);

/// Every command text that could run when the line runs, in every spelling that a deny or ask rule
/// should see.
struct ShellReach
{
    QStringList texts;
    QList<QStringList> commands; ///< the words of each, the program's folder cut off
    bool tooMuch = false;        ///< it nests too deeply or holds too much to be checked
};
[[nodiscard]] ShellReach reachOf(const ShellLine& line);

/// Whether the program starts another one that it is given (sudo, env, xargs, eval …).
[[nodiscard]] bool isWrapper(QStringView program);
/// Whether the program is a shell (sh, bash …).
[[nodiscard]] bool isShell(QStringView program);

} // namespace sb::policy
