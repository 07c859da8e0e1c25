#include "core/server/Cursor.h"

#include <QUrl>

namespace sb::server {

QByteArray cursorText(const Cursor& cursor)
{
    QByteArray text;
    for (const auto& [chain, seq] : cursor) {
        if (!text.isEmpty()) {
            text += ',';
        }
        text += QUrl::toPercentEncoding(chain) + ':' + QByteArray::number(seq);
    }
    return text;
}

Result<Cursor> cursorFromText(const QByteArray& text)
{
    Cursor cursor;
    if (text.isEmpty()) {
        return cursor;
    }
    for (const auto& part : text.split(',')) {
        const auto colon = part.lastIndexOf(':');
        bool isNumber = false;
        const qint64 seq = part.mid(colon + 1).toLongLong(&isNumber);
        if (colon <= 0 || !isNumber || seq < 0) {
            return fail(
                ErrorCode::InvalidInput,
                QStringLiteral(
                    "\"%1\" is no cursor of this stream; one looks like assistant:12,_instance:3.")
                    .arg(QString::fromUtf8(text.left(200))));
        }
        cursor[QUrl::fromPercentEncoding(part.left(colon))] = seq;
    }
    return cursor;
}

} // namespace sb::server
