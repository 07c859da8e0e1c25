#include "core/journal/Payload.h"

#include <QJsonArray>
#include <QJsonDocument>

namespace sb::journal {

namespace {

QByteArray compact(const QJsonObject& payload)
{
    return QJsonDocument(payload).toJson(QJsonDocument::Compact);
}

// Keeps the beginning and the end, where the meaning mostly is, and says what is missing between
// them.
QString cutText(const QString& text, qsizetype keep)
{
    if (text.size() <= keep) {
        return text;
    }
    qsizetype head = keep / 2;
    qsizetype tail = text.size() - keep / 2;
    if (text[head - 1].isHighSurrogate()) {
        --head;
    }
    if (text[tail].isLowSurrogate()) {
        ++tail;
    }
    return text.left(head) +
           QStringLiteral("\n… [%1 characters left out of %2] …\n")
               .arg(tail - head)
               .arg(text.size()) +
           text.mid(tail);
}

QJsonValue cut(const QJsonValue& value, qsizetype keepText, qsizetype keepItems)
{
    if (value.isString()) {
        return cutText(value.toString(), keepText);
    }
    if (value.isArray()) {
        const QJsonArray whole = value.toArray();
        QJsonArray array;
        const qsizetype left = whole.size() > keepItems ? whole.size() - keepItems : 0;
        for (qsizetype i = 0; i < whole.size(); ++i) {
            if (left > 0 && i == keepItems / 2) {
                array.append(
                    QStringLiteral("… [%1 items left out of %2] …").arg(left).arg(whole.size()));
                i += left - 1;
                continue;
            }
            array.append(cut(whole[i], keepText, keepItems));
        }
        return array;
    }
    if (value.isObject()) {
        QJsonObject object = value.toObject();
        for (auto member = object.begin(); member != object.end(); ++member) {
            member.value() = cut(member.value(), keepText, keepItems);
        }
        return object;
    }
    return value;
}

} // namespace

QByteArray payloadBytes(QJsonObject& payload)
{
    QByteArray bytes = compact(payload);
    if (bytes.size() <= payloadCap) {
        return bytes;
    }
    const QJsonObject mark{{QStringLiteral("bytes"), qint64(bytes.size())}};
    const QJsonObject whole = payload;
    for (qsizetype keep = 16 * 1024; keep >= 128; keep /= 2) {
        payload = cut(whole, keep, keep / 16).toObject();
        payload.insert(QStringLiteral("capped"), mark);
        const QByteArray smaller = compact(payload);
        if (smaller.size() <= payloadCap) {
            return smaller;
        }
    }
    // Thousands of members, or deep nesting: only its text can be kept, from both ends.
    payload = QJsonObject{
        {QStringLiteral("capped"), mark},
        {QStringLiteral("text"), cutText(QString::fromUtf8(bytes), 8 * 1024)},
    };
    return compact(payload);
}

} // namespace sb::journal
