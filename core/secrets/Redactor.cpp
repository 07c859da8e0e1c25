#include "core/secrets/Redactor.h"

#include <QJsonArray>

namespace sb::secrets {

namespace {

std::optional<QJsonObject> clean(const leaks::Scanner& scanner, const QJsonObject& object);

// The value with everything replaced, or nothing when there is nothing to replace.
std::optional<QJsonValue> clean(const leaks::Scanner& scanner, const QJsonValue& value)
{
    if (value.isString()) {
        auto text = scanner.redact(QStringView(value.toString()));
        return text ? std::optional<QJsonValue>(std::move(*text)) : std::nullopt;
    }
    if (value.isObject()) {
        auto object = clean(scanner, value.toObject());
        return object ? std::optional<QJsonValue>(std::move(*object)) : std::nullopt;
    }
    if (value.isArray()) {
        const QJsonArray array = value.toArray();
        std::optional<QJsonArray> changed;
        for (qsizetype i = 0; i < array.size(); ++i) {
            if (auto item = clean(scanner, array.at(i))) {
                if (!changed) {
                    changed = array;
                }
                changed->replace(i, *item);
            }
        }
        return changed ? std::optional<QJsonValue>(std::move(*changed)) : std::nullopt;
    }
    return std::nullopt;
}

std::optional<QJsonObject> clean(const leaks::Scanner& scanner, const QJsonObject& object)
{
    std::optional<QJsonObject> changed;
    for (auto it = object.constBegin(); it != object.constEnd(); ++it) {
        const auto key = scanner.redact(QStringView(it.key()));
        auto value = clean(scanner, it.value());
        if (!key && !value) {
            continue;
        }
        if (!changed) {
            changed = object;
        }
        if (key) {
            changed->remove(it.key());
        }
        changed->insert(key.value_or(it.key()), value.value_or(it.value()));
    }
    return changed;
}

} // namespace

Redactor::Redactor() : m_scanner(leaks::Scanner::create()) {}

Redactor::~Redactor() = default;

void Redactor::add(const QString& name, const SecretString& value)
{
    m_scanner.withLock(
        [&](auto& scanner) { scanner = leaks::Scanner::with(scanner, name, value); });
}

std::shared_ptr<const leaks::Scanner> Redactor::scanner() const
{
    return m_scanner.withLock([](const auto& now) { return now; });
}

QString Redactor::redact(QString text) const
{
    auto cleaned = scanner()->redact(QStringView(text));
    return cleaned ? std::move(*cleaned) : std::move(text);
}

QByteArray Redactor::redact(QByteArray bytes) const
{
    auto cleaned = scanner()->redact(QByteArrayView(bytes));
    return cleaned ? std::move(*cleaned) : std::move(bytes);
}

QJsonObject Redactor::redact(QJsonObject object) const
{
    auto cleaned = clean(*scanner(), object);
    return cleaned ? std::move(*cleaned) : std::move(object);
}

} // namespace sb::secrets
