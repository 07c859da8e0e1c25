#pragma once
#include "core/base/Guarded.h"
#include "core/base/Result.h"

#include <QJsonValue>
#include <QString>

namespace sb::wasm {

/// What skills remember: a small JSON file for each, kv.json in the skill's data folder. Blocks on
/// files. One object serves all skills, so that calls of one skill that run side by side do not
/// overwrite each other's entries.
class KvStores
{
public:
    static constexpr qint64 MostBytes = 256 << 10; ///< of the file
    static constexpr int MostKeyCharacters = 200;

    /// Null for a key that there is not. Corrupt for a file that is no JSON object.
    Result<QJsonValue> get(const QString& folder, const QString& key);
    /// Null removes the key. InvalidInput for a key that is empty or too long; DiskFull when the
    /// store would grow beyond what it may hold.
    Result<> set(const QString& folder, const QString& key, const QJsonValue& value);

private:
    struct Nothing
    {
    };
    Guarded<Nothing> m_files; ///< reading, changing and writing a file is one step
};

} // namespace sb::wasm
