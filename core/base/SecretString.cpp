#include "core/base/SecretString.h"

#include <cstring>
#include <new>
#include <sodium.h>

namespace sb {

void SecretString::Release::operator()(char* bytes) const
{
    sodium_free(bytes); // wipes, then unmaps
}

SecretString::SecretString(QByteArray&& bytes) : m_size(bytes.size())
{
    if (m_size > 0) {
        if (sodium_init() < 0) {
            throw std::bad_alloc(); // no random source: nothing here can go on
        }
        m_bytes.reset(static_cast<char*>(sodium_malloc(size_t(m_size))));
        if (!m_bytes) {
            throw std::bad_alloc();
        }
        std::memcpy(m_bytes.get(), bytes.constData(), size_t(m_size));
        bytes.detach();
        sodium_memzero(bytes.data(), size_t(m_size));
    }
    bytes.clear();
}

SecretString SecretString::clone() const
{
    return SecretString(QByteArray(m_bytes.get(), m_size));
}

} // namespace sb
