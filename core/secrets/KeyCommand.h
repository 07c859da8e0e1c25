#pragma once
#include "core/base/Clock.h"
#include "core/base/Result.h"
#include "core/base/SecretString.h"

#include <QStringList>

namespace sb::secrets {

/// The words of a command line: parted by spaces, kept together by single or double quotes. Nothing
/// else means anything: no variables, no pipes, no escapes. InvalidInput: none, or an open quote.
Result<QStringList> commandWords(const QString& line);

/// The environment of a program that gives a key: where it finds its own things (home, session,
/// display for asking a passphrase), and nothing else of ours.
QList<QByteArray> commandEnvironment();

/// What a program of the user's prints, without the newline at its end. It runs without a shell,
/// without a terminal, and is killed with all that it started when the time is over or it prints
/// more than 64 KiB. Blocks so long. NotFound: no such program; Forbidden: somebody else can change
/// it; Timeout; InvalidInput: it prints nothing, or too much; Unavailable: it failed.
Result<SecretString> runKeyCommand(const QString& line, Milliseconds patience);

} // namespace sb::secrets
