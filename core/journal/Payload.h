#pragma once
#include <QByteArray>
#include <QJsonObject>

namespace sb::journal {

/// The most that an entry's payload takes in the journal; see README.md.
constexpr qsizetype payloadCap = 64 * 1024;

/// The payload as compact JSON within the cap. One that is larger loses the middle of its longest
/// texts and lists, and gains the member "capped": {"bytes": size of the whole}. `payload` is
/// changed to what the bytes say.
QByteArray payloadBytes(QJsonObject& payload);

} // namespace sb::journal
