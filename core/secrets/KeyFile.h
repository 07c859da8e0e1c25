#pragma once
#include "core/base/Result.h"
#include "core/base/SecretString.h"

#include <QString>

namespace sb::secrets {

struct KeyFile
{
    SecretString value;
    bool isOpen = false; ///< its mode lets others in, though its folder does not
};

/// The value in a file: all of it, without the newline at its end. Only a regular file on a disk,
/// of this user or the system's, which others can neither read nor change, counts. Blocks.
/// NotFound; Forbidden; InvalidInput: no regular file, empty, above 64 KiB; Io.
Result<KeyFile> readKeyFile(const QString& path);

/// The same check for a program that is to be run: neither it nor its folder is others' to change.
Result<> checkProgram(const QString& path);

} // namespace sb::secrets
