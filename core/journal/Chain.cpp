#include "core/journal/Chain.h"

#include <QVarLengthArray>
#include <QtEndian>
#include <bit>
// The plain SHA256_* functions: for inputs of a few hundred bytes EVP's bookkeeping would cost as
// much as the hash.
#define OPENSSL_API_COMPAT 0x10100000L
#include <openssl/sha.h>

namespace sb::journal {

namespace {

// Prefixes that keep the four kinds of hashed text apart. The first two are RFC 6962's.
constexpr char leafPrefix = 0x00;
constexpr char nodePrefix = 0x01;
constexpr char payloadPrefix = 0x02;
constexpr char headPrefix = 0x03;

template <class Buffer>
void putNumber(Buffer& buffer, qint64 value)
{
    char bytes[8];
    qToBigEndian(value, bytes);
    buffer.append(bytes, 8);
}

template <class Buffer>
void putField(Buffer& buffer, QByteArrayView field)
{
    char length[4];
    qToBigEndian(quint32(field.size()), length);
    buffer.append(length, 4);
    buffer.append(field.data(), field.size());
}

} // namespace

std::optional<Hash> toHash(QByteArrayView bytes)
{
    Hash hash;
    if (bytes.size() != qsizetype(hash.size())) {
        return std::nullopt;
    }
    std::memcpy(hash.data(), bytes.data(), hash.size());
    return hash;
}

Hash sha256(QByteArrayView bytes)
{
    SHA256_CTX context;
    Hash hash;
    SHA256_Init(&context);
    SHA256_Update(&context, bytes.data(), size_t(bytes.size()));
    SHA256_Final(hash.data(), &context);
    return hash;
}

Hash entryHash(const Fields& fields)
{
    QVarLengthArray<char, 512> buffer;
    buffer.append(leafPrefix);
    putField(buffer, "signalbox.entry.1");
    putField(buffer, fields.agent);
    putNumber(buffer, fields.seq);
    putNumber(buffer, fields.time);
    putField(buffer, fields.process);
    putField(buffer, fields.kind);
    putField(buffer, fields.cause);
    putField(buffer, fields.traceId);
    putField(buffer, fields.spanId);
    putField(buffer, fields.payloadHash);
    putField(buffer, fields.prevHash);
    return sha256({buffer.data(), buffer.size()});
}

Hash payloadHash(QByteArrayView salt, QByteArrayView bytes)
{
    QVarLengthArray<char, 64> front;
    front.append(payloadPrefix);
    putField(front, salt);
    char length[4];
    qToBigEndian(quint32(bytes.size()), length);
    front.append(length, 4);
    SHA256_CTX context;
    Hash hash;
    SHA256_Init(&context);
    SHA256_Update(&context, front.data(), size_t(front.size()));
    SHA256_Update(&context, bytes.data(), size_t(bytes.size()));
    SHA256_Final(hash.data(), &context);
    return hash;
}

Hash nodeHash(const Hash& left, const Hash& right)
{
    char buffer[65];
    buffer[0] = nodePrefix;
    std::memcpy(buffer + 1, left.data(), 32);
    std::memcpy(buffer + 33, right.data(), 32);
    return sha256({buffer, 65});
}

QByteArray
headMessage(QByteArrayView agent, qint64 count, TimeUs time, const Hash& root, const Hash& last)
{
    QByteArray message;
    message.append(headPrefix);
    putField(message, "signalbox.head.1");
    putField(message, agent);
    putNumber(message, count);
    putNumber(message, time);
    putField(message, view(root));
    putField(message, view(last));
    return message;
}

void Frontier::push(const Hash& leaf)
{
    Hash node = leaf;
    for (qint64 merged = m_count; merged & 1; merged >>= 1) {
        node = nodeHash(m_peaks[size_t(--m_size)], node);
    }
    m_peaks[size_t(m_size++)] = node;
    ++m_count;
}

Hash Frontier::root() const
{
    if (m_size == 0) {
        return sha256({});
    }
    Hash root = m_peaks[size_t(m_size - 1)];
    for (int i = m_size - 2; i >= 0; --i) {
        root = nodeHash(m_peaks[size_t(i)], root);
    }
    return root;
}

QByteArray Frontier::peaks() const
{
    return {reinterpret_cast<const char*>(m_peaks.data()), qsizetype(m_size) * 32};
}

Result<Frontier> Frontier::fromPeaks(qint64 count, QByteArrayView peaks)
{
    if (count < 0 || peaks.size() != std::popcount(quint64(count)) * 32) {
        return fail(ErrorCode::Corrupt, QStringLiteral("A signed head is damaged."));
    }
    Frontier frontier;
    frontier.m_count = count;
    frontier.m_size = int(peaks.size() / 32);
    std::memcpy(frontier.m_peaks.data(), peaks.data(), size_t(peaks.size()));
    return frontier;
}

} // namespace sb::journal
