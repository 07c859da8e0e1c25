#pragma once
#include "core/base/Clock.h"
#include "core/base/Result.h"

#include <QByteArray>
#include <array>

/// The bytes that hashes and signatures cover, as README.md writes them down.
namespace sb::journal {

using Hash = std::array<unsigned char, 32>;

inline QByteArray toBytes(const Hash& hash)
{
    return {reinterpret_cast<const char*>(hash.data()), qsizetype(hash.size())};
}
inline QByteArrayView view(const Hash& hash)
{
    return {reinterpret_cast<const char*>(hash.data()), qsizetype(hash.size())};
}
/// Nothing when the bytes are not 32.
std::optional<Hash> toHash(QByteArrayView bytes);

Hash sha256(QByteArrayView bytes);

/// The fields of an entry as they are stored, text in UTF-8; it only looks at them.
struct Fields
{
    qint64 seq = 0;
    TimeUs time = 0;
    QByteArrayView agent;
    QByteArrayView process;
    QByteArrayView kind;
    QByteArrayView cause;
    QByteArrayView traceId;
    QByteArrayView spanId;
    QByteArrayView payloadHash;
    QByteArrayView prevHash;
};
/// The entry's hash, which is also its leaf in the Merkle tree.
Hash entryHash(const Fields& fields);
Hash payloadHash(QByteArrayView salt, QByteArrayView bytes);
/// An inner node of the Merkle tree.
Hash nodeHash(const Hash& left, const Hash& right);

/// What a head's signature covers.
QByteArray
headMessage(QByteArrayView agent, qint64 count, TimeUs time, const Hash& root, const Hash& last);

/// The right edge of a growing RFC 6962 tree: the roots of its perfect subtrees, largest first.
class Frontier
{
public:
    void push(const Hash& leaf);
    [[nodiscard]] Hash root() const;
    [[nodiscard]] qint64 count() const { return m_count; }
    [[nodiscard]] QByteArray peaks() const;
    /// Corrupt when there are not as many peaks as this count has.
    static Result<Frontier> fromPeaks(qint64 count, QByteArrayView peaks);

private:
    qint64 m_count = 0;
    int m_size = 0;
    std::array<Hash, 62> m_peaks; // the first m_size are set
};

} // namespace sb::journal
