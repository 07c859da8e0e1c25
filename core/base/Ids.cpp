#include "core/base/Ids.h"

#include <sodium.h>

namespace sb {

QString newId(QLatin1StringView prefix)
{
    static constexpr char digits[] = "0123456789abcdefghjkmnpqrstvwxyz";
    unsigned char bytes[10];
    randombytes_buf(bytes, sizeof bytes);
    QString id;
    id.reserve(prefix.size() + 11);
    id += prefix;
    id += u'-';
    for (const unsigned char byte : bytes) {
        id += QLatin1Char(digits[byte & 31]);
    }
    return id;
}

QByteArray randomBytes(int count)
{
    QByteArray bytes(count, Qt::Uninitialized);
    randombytes_buf(bytes.data(), size_t(count));
    return bytes;
}

} // namespace sb
