#pragma once
#include "core/taint/Labels.h"

namespace sb::taint {

/// Whether the text names somebody: an e-mail address, a telephone number with its country, an IBAN
/// or a card's number whose check digits are right.
[[nodiscard]] bool holdsPersonal(QStringView text);

/// Whether something was taken out of the text because it is a key ("[redacted:…").
[[nodiscard]] bool holdsRedacted(QStringView text);

/// Whether a file of that name is one in which keys are kept: .env, id_rsa, *.pem, .netrc …
[[nodiscard]] bool isKeyFile(QStringView path);

} // namespace sb::taint
