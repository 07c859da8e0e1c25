#include "core/tools/Tool.h"

#include <QCryptographicHash>
#include <QJsonDocument>

namespace sb::tools {

QString Plan::hash() const
{
    // Canonical: QJsonObject keeps its keys sorted, and compact JSON has one form.
    QJsonObject digestsJson;
    for (auto it = digests.begin(); it != digests.end(); ++it) {
        digestsJson.insert(it.key(), it.value());
    }
    const QJsonObject whole{
        {QStringLiteral("tool"), action.tool},
        {QStringLiteral("subject"), action.subject},
        {QStringLiteral("arguments"), arguments},
        {QStringLiteral("paths"), QJsonArray::fromStringList(paths)},
        {QStringLiteral("diff"), diff},
        {QStringLiteral("launch"), launch ? launch->hash() : QString()},
        {QStringLiteral("digests"), digestsJson},
    };
    return QString::fromLatin1(
        QCryptographicHash::hash(QJsonDocument(whole).toJson(QJsonDocument::Compact),
                                 QCryptographicHash::Sha256)
            .toHex());
}

} // namespace sb::tools
