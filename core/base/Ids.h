#pragma once
#include <QByteArray>
#include <QString>

namespace sb {

/// A new id, unique in the instance: "wrk-7k3q9m2x5a". 50 random bits in Crockford's base 32, easy
/// to read out.
QString newId(QLatin1StringView prefix);

/// As many random bytes from the system as asked for.
QByteArray randomBytes(int count);

} // namespace sb
