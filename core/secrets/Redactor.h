#pragma once
#include "core/base/Guarded.h"
#include "core/base/SecretString.h"

#include <QByteArray>
#include <QJsonObject>
#include <QString>
#include <memory>

namespace sb::secrets {

/// Keeps keys out of what is written down: replaces every value that it was told, and whatever
/// looks like a common kind of key, by "[redacted:NAME]". Safe to use from any thread; cheap when
/// nothing matches.
class Redactor
{
public:
    Redactor();
    ~Redactor();
    Redactor(const Redactor&) = delete;
    Redactor& operator=(const Redactor&) = delete;

    /// Remembers a value under a name ("env:LOCAL_KEY"). Values under six bytes are not: they would
    /// blot out plain words.
    void add(const QString& name, const SecretString& value);

    [[nodiscard]] QString redact(QString text) const;
    /// UTF-8, JSON text included.
    [[nodiscard]] QByteArray redact(QByteArray bytes) const;
    /// Every string and every key in it, at any depth.
    [[nodiscard]] QJsonObject redact(QJsonObject object) const;

private:
    class Table;
    // Shared with readers that work on the old table while a new one is put in place.
    Guarded<std::shared_ptr<const Table>> m_table;
};

} // namespace sb::secrets
