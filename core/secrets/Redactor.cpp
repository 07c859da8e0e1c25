#include "core/secrets/Redactor.h"

#include "core/secrets/KeyShapes.h"

#include <QJsonArray>
#include <array>
#include <cstring>
#include <sodium.h>
#include <vector>

using namespace Qt::StringLiterals;

namespace sb::secrets {

namespace {

constexpr qsizetype leastBytes = 6;
constexpr qsizetype head = 4; // characters that the filter looks at
constexpr size_t filterBits = 8192;

// A cheap mix of four characters into the filter's range.
inline size_t mix(char16_t a, char16_t b, char16_t c, char16_t d)
{
    const quint64 packed = quint64(a) | quint64(b) << 16 | quint64(c) << 32 | quint64(d) << 48;
    return size_t((packed * 0x9E37'79B9'7F4A'7C15ULL) >> 51);
}
static_assert((~quint64(0) >> 51) == filterBits - 1);

constexpr std::array<bool, 128> startsTable()
{
    std::array<bool, 128> table{};
    for (char16_t c = 0; c < 128; ++c) {
        table[c] = keyShapeStarts(c);
    }
    return table;
}
constexpr auto starts = startsTable();

SecretString secretOf(QByteArray bytes)
{
    return SecretString(std::move(bytes));
}

SecretString wide(QString text)
{
    SecretString secret(
        QByteArray(reinterpret_cast<const char*>(text.constData()), text.size() * 2));
    text.detach();
    sodium_memzero(text.data(), size_t(text.size()) * 2);
    return secret;
}

} // namespace

/// Everything known at one time. Never changes once it is in place.
class Redactor::Table
{
public:
    struct Value
    {
        QString name;
        SecretString utf8;
        SecretString utf16;
        qsizetype bytes = 0;
        qsizetype units = 0;
    };

    Table() : m_filter(QByteArray(filterBits / 8, '\0')) {}

    Table with(const QString& name, const std::vector<QByteArray>& forms) const
    {
        Table table;
        for (const Value& value : m_values) {
            table.m_values.push_back(
                {value.name, value.utf8.clone(), value.utf16.clone(), value.bytes, value.units});
        }
        for (const QByteArray& form : forms) {
            Value value{name, {}, {}, form.size(), 0};
            QString text = QString::fromUtf8(form);
            value.units = text.size();
            value.utf16 = wide(std::move(text));
            value.utf8 = secretOf(QByteArray(form.constData(), form.size()));
            table.m_values.push_back(std::move(value));
        }
        // The longest first, so that a value which begins like another one is taken whole.
        std::ranges::sort(table.m_values, std::ranges::greater(), &Value::bytes);
        table.fillFilter();
        return table;
    }

    [[nodiscard]] bool knows(const QByteArray& form) const
    {
        return std::ranges::any_of(m_values, [&](const Value& value) {
            return value.utf8.expose([&](QByteArrayView bytes) { return bytes == form; });
        });
    }

    // The text with everything replaced, or nothing when there is nothing to replace.
    [[nodiscard]] std::optional<QString> clean(QStringView text) const
    {
        return cleaned<QString>(text, reinterpret_cast<const char16_t*>(text.utf16()));
    }
    [[nodiscard]] std::optional<QByteArray> clean(QByteArrayView bytes) const
    {
        return cleaned<QByteArray>(bytes, reinterpret_cast<const unsigned char*>(bytes.data()));
    }

    // The same for any JSON value.
    [[nodiscard]] std::optional<QJsonValue> clean(const QJsonValue& value) const
    {
        if (value.isString()) {
            auto text = clean(QStringView(value.toString()));
            return text ? std::optional<QJsonValue>(std::move(*text)) : std::nullopt;
        }
        if (value.isObject()) {
            auto object = clean(value.toObject());
            return object ? std::optional<QJsonValue>(std::move(*object)) : std::nullopt;
        }
        if (value.isArray()) {
            const QJsonArray array = value.toArray();
            std::optional<QJsonArray> changed;
            for (qsizetype i = 0; i < array.size(); ++i) {
                if (auto item = clean(array.at(i))) {
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

    [[nodiscard]] std::optional<QJsonObject> clean(const QJsonObject& object) const
    {
        std::optional<QJsonObject> changed;
        for (auto it = object.constBegin(); it != object.constEnd(); ++it) {
            const auto key = clean(QStringView(it.key()));
            auto value = clean(it.value());
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

private:
    void fillFilter()
    {
        QByteArray bits(filterBits / 8, '\0');
        const auto set = [&](size_t at) {
            bits.data()[at / 8] = char(bits.at(qsizetype(at / 8)) | (1 << (at % 8)));
        };
        for (const Value& value : m_values) {
            value.utf8.expose([&](QByteArrayView bytes) {
                const auto* c = reinterpret_cast<const unsigned char*>(bytes.data());
                set(mix(c[0], c[1], c[2], c[3]));
            });
            value.utf16.expose([&](QByteArrayView bytes) {
                if (value.units >= head) {
                    char16_t c[head];
                    std::memcpy(c, bytes.data(), sizeof c);
                    set(mix(c[0], c[1], c[2], c[3]));
                }
            });
        }
        m_filter = SecretString(std::move(bits));
    }

    template <class Unit>
    [[nodiscard]] const Value* valueAt(const Unit* text, qsizetype left) const
    {
        for (const Value& value : m_values) {
            const SecretString& secret = sizeof(Unit) == 1 ? value.utf8 : value.utf16;
            const qsizetype units = sizeof(Unit) == 1 ? value.bytes : value.units;
            if (units <= left && units >= head && secret.expose([&](QByteArrayView bytes) {
                    return std::memcmp(bytes.data(), text, size_t(bytes.size())) == 0;
                })) {
                return &value;
            }
        }
        return nullptr;
    }

    template <class Text, class View, class Unit>
    [[nodiscard]] std::optional<Text> cleaned(View view, const Unit* text) const
    {
        const qsizetype size = view.size();
        if (size < leastBytes) {
            return std::nullopt;
        }
        std::optional<Text> out;
        qsizetype kept = 0; // everything before it is in `out` already
        const auto replace = [&](qsizetype from, qsizetype length, const QString& name) {
            if (!out) {
                out.emplace();
                out->reserve(size);
            }
            out->append(view.sliced(kept, from - kept));
            const QString mark = u"[redacted:"_s + name + u']';
            if constexpr (std::is_same_v<Text, QString>) {
                out->append(mark);
            } else {
                out->append(mark.toUtf8());
            }
            kept = from + length;
        };
        const bool any = !m_values.empty();
        m_filter.expose([&](QByteArrayView filter) {
            const auto* bits = reinterpret_cast<const unsigned char*>(filter.data());
            for (qsizetype i = 0; i < size; ++i) {
                const Unit c = text[i];
                if (any && i + head <= size) {
                    const size_t at = mix(c, text[i + 1], text[i + 2], text[i + 3]);
                    if (((bits[at / 8] >> (at % 8)) & 1) != 0) {
                        if (const Value* value = valueAt(text + i, size - i)) {
                            const qsizetype length =
                                sizeof(Unit) == 1 ? value->bytes : value->units;
                            replace(i, length, value->name);
                            i += length - 1;
                            continue;
                        }
                    }
                }
                if (c < 128 && starts[c]) {
                    const KeyShape shape = keyShapeAt(view, i);
                    if (shape.size > 0) {
                        replace(shape.start, shape.size, QString::fromLatin1(shape.name));
                        i = shape.start + shape.size - 1;
                    }
                }
            }
        });
        if (out) {
            out->append(view.sliced(kept));
        }
        return out;
    }

    std::vector<Value> m_values;
    SecretString m_filter; // one bit for the beginnings of the values
};

Redactor::Redactor() : m_table(std::make_shared<const Table>()) {}

Redactor::~Redactor() = default;

void Redactor::add(const QString& name, const SecretString& value)
{
    std::vector<QByteArray> forms;
    value.expose([&](QByteArrayView bytes) {
        if (bytes.size() < leastBytes) {
            return;
        }
        const auto take = [&](QByteArray form) {
            if (form.size() >= leastBytes && !std::ranges::contains(forms, form)) {
                forms.push_back(std::move(form));
            }
        };
        const QByteArray plain = bytes.toByteArray();
        take(plain);
        take(plain.toPercentEncoding());
        if (bytes.size() >= 12) {
            // As it would look inside a longer text in base64, for each of the three places where
            // it can begin.
            for (qsizetype shift = 0; shift < 3; ++shift) {
                QByteArray padded(shift, '\0');
                padded += plain;
                const QByteArray coded = padded.toBase64(QByteArray::OmitTrailingEquals);
                sodium_memzero(padded.data(), size_t(padded.size()));
                const qsizetype before = shift == 0 ? 0 : shift + 1;
                const qsizetype after = (shift + plain.size()) % 3 == 0 ? 0 : 1;
                take(coded.sliced(before, coded.size() - before - after));
            }
        }
    });
    if (forms.empty()) {
        return;
    }
    m_table.withLock([&](std::shared_ptr<const Table>& table) {
        if (!table->knows(forms.front())) {
            table = std::make_shared<const Table>(table->with(name, forms));
        }
    });
    for (QByteArray& form : forms) {
        form.detach();
        sodium_memzero(form.data(), size_t(form.size()));
    }
}

QString Redactor::redact(QString text) const
{
    const auto table = m_table.withLock([](const auto& now) { return now; });
    auto cleaned = table->clean(QStringView(text));
    return cleaned ? std::move(*cleaned) : std::move(text);
}

QByteArray Redactor::redact(QByteArray bytes) const
{
    const auto table = m_table.withLock([](const auto& now) { return now; });
    auto cleaned = table->clean(QByteArrayView(bytes));
    return cleaned ? std::move(*cleaned) : std::move(bytes);
}

QJsonObject Redactor::redact(QJsonObject object) const
{
    const auto table = m_table.withLock([](const auto& now) { return now; });
    auto cleaned = table->clean(object);
    return cleaned ? std::move(*cleaned) : std::move(object);
}

} // namespace sb::secrets
