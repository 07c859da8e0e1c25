#pragma once
#include "app/node/CommandLine.h"
#include "core/base/SecretString.h"
#include "core/secrets/Secrets.h"

namespace sb::node {

/// Asks on the terminal that this program was started on, whatever its standard streams are, and
/// shows nothing of what is typed. Blocks. Unavailable: there is no terminal; Cancelled: Ctrl+C or
/// Ctrl+D.
Result<SecretString> askHidden(const QString& prompt);

/// Asks for the vault's passphrase on the terminal; empty where there is none. For every verb that
/// resolves keys.
secrets::AskPassphrase terminalPassphrase();

/// secrets list | set NAME | remove NAME | rotate NAME [--untried] | passphrase. Values come from
/// standard input, or are asked for on the terminal; never from the arguments.
Exit secretsVerb(Arguments arguments, QStringList words);

} // namespace sb::node
