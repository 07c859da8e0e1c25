#include "core/wasm/KvStore.h"
#include "core/base/Defence.h"

#include <QDir>
#include <QFile>
#include <QJsonDocument>
#include <QJsonObject>
#include <QSaveFile>

namespace sb::wasm {

using namespace Qt::StringLiterals;

namespace {

QString fileOf(const QString& folder)
{
    return folder + u"/kv.json"_s;
}

Result<QJsonObject> readAll(const QString& folder)
{
    QFile file(fileOf(folder));
    if (!file.exists()) {
        return QJsonObject();
    }
    if (!file.open(QIODevice::ReadOnly)) {
        return fail(ErrorCode::Io, u"The skill's store cannot be read."_s, file.fileName());
    }
    const auto document = QJsonDocument::fromJson(file.readAll());
    if (!document.isObject()) {
        return fail(ErrorCode::Corrupt, u"The skill's store is damaged."_s, file.fileName());
    }
    return document.object();
}

} // namespace

Result<QJsonValue> KvStores::get(const QString& folder, const QString& key)
{
    return m_files.withLock([&](const Nothing&) -> Result<QJsonValue> {
        SB_TRY(const QJsonObject all, readAll(folder));
        const QJsonValue value = all.value(key);
        return value.isUndefined() ? QJsonValue(QJsonValue::Null) : value;
    });
}

Result<> KvStores::set(const QString& folder, const QString& key, const QJsonValue& value)
{
    if (key.isEmpty() || key.size() > MostKeyCharacters) {
        return fail(ErrorCode::InvalidInput,
                    u"A key must have from 1 to %1 characters."_s.arg(MostKeyCharacters));
    }
    return m_files.withLock([&](const Nothing&) -> Result<> {
        SB_TRY(QJsonObject all, readAll(folder));
        if (value.isNull() || value.isUndefined()) {
            all.remove(key);
        } else {
            all.insert(key, value);
        }
        const QByteArray bytes = QJsonDocument(all).toJson(QJsonDocument::Compact);
        if (defended("wasm.kv-cap") && bytes.size() > MostBytes) {
            return fail(ErrorCode::DiskFull,
                        u"The skill's store is full; it holds %1 KiB."_s.arg(MostBytes >> 10));
        }
        QSaveFile file(fileOf(folder));
        if (!QDir().mkpath(folder) || !file.open(QIODevice::WriteOnly) ||
            file.write(bytes) != bytes.size() || !file.commit()) {
            return fail(ErrorCode::Io, u"The skill's store cannot be written."_s, file.fileName());
        }
        return {};
    });
}

} // namespace sb::wasm
