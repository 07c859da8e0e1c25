#pragma once
#include "core/base/Result.h"
#include "core/runtime/Home.h"

#include <QStringList>
#include <cstdio>

namespace sb::node {

/// Exit codes: a contract.
enum class Exit { Succeeded = 0, Failed = 1, Usage = 2, WaitsForApproval = 3 };

/// What follows the verb: options by name, and the rest in order.
struct Arguments
{
    runtime::Home home;
    QString program; ///< path of this executable's folder
    bool json = false;
    QMap<QString, QString> options;
    QStringList rest;
};

/// Takes options (with a value: "--agent ID" or "--agent=ID") and flags out of the words.
/// InvalidInput names what is unknown.
Result<> readOptions(Arguments& arguments,
                     QStringList words,
                     const QStringList& valued,
                     const QStringList& flags);

/// One line to standard output, at once.
void printLine(const QByteArray& line);
void printJson(const QJsonObject& object);
/// "signalbox-node: …" to standard error; with --json also as an object to standard output.
Exit complain(const Error& error, bool json);
/// Whether a person sits at both ends: questions are asked on standard error and answered on
/// standard input.
bool hasTerminal();

/// Becomes readable when the program is told to end (SIGINT, SIGTERM, SIGHUP).
class EndSignal
{
public:
    EndSignal();
    ~EndSignal();
    EndSignal(const EndSignal&) = delete;
    EndSignal& operator=(const EndSignal&) = delete;
    [[nodiscard]] int descriptor() const { return m_pipe[0]; }

private:
    int m_pipe[2] = {-1, -1};
};

/// For an error of opening a home: what the configuration is to blame for counts as usage.
Exit openingFailed(const Error& error, bool json);

Exit initVerb(Arguments arguments, QStringList words);
Exit runVerb(Arguments arguments, QStringList words);
Exit tourVerb(Arguments arguments, QStringList words);
Exit serveVerb(Arguments arguments, QStringList words);
Exit approvalsVerb(Arguments arguments, QStringList words);
Exit journalVerb(Arguments arguments, QStringList words);
Exit doctorVerb(Arguments arguments, QStringList words);

} // namespace sb::node
