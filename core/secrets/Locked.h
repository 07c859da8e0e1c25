#pragma once
#include "core/base/Defence.h"
#include "core/base/SecretString.h"

#include <QByteArray>
#include <QString>
#include <cstring>
#include <memory>
#include <new>
#include <sodium.h>

namespace sb::secrets {

/// Bytes that this program fills itself, in memory that is locked and wiped: keys of the vault, and
/// values on their way into a SecretString.
class Locked
{
public:
    explicit Locked(size_t size)
        : m_bytes(sodium_init() < 0 ? nullptr
                                    : static_cast<unsigned char*>(sodium_malloc(size ? size : 1)))
        , m_size(size)
    {
        if (!m_bytes) {
            throw std::bad_alloc(); // as SecretString: nothing here can go on without it
        }
    }

    [[nodiscard]] unsigned char* data() const { return m_bytes.get(); }
    [[nodiscard]] size_t size() const { return m_size; }
    /// A part of it as a value of its own.
    [[nodiscard]] SecretString secret(size_t from, size_t size) const
    {
        return SecretString(
            QByteArray(reinterpret_cast<const char*>(m_bytes.get()) + from, qsizetype(size)));
    }

private:
    struct Release
    {
        void operator()(unsigned char* bytes) const { sodium_free(bytes); } // wipes, then unmaps
    };
    std::unique_ptr<unsigned char, Release> m_bytes;
    size_t m_size;
};

/// Wipes what plain memory held of a value on its way; only the copy that is given.
inline void wipe(void* bytes, size_t size)
{
    if (defended("secrets.wipe")) {
        sodium_memzero(bytes, size);
    }
}

inline void wipe(QByteArray& bytes)
{
    bytes.detach();
    wipe(bytes.data(), size_t(bytes.size()));
    bytes.clear();
}

inline void wipe(QString& text)
{
    text.detach();
    wipe(text.data(), size_t(text.size()) * sizeof(QChar));
    text.clear();
}

} // namespace sb::secrets
