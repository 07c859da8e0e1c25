// The library aborts at a schema that makes no sense unless it may throw. Whoever includes it must
// say so alike.
#define VALIJSON_USE_EXCEPTIONS 1
#include "ui/models/Arguments.h"

#include <QCoreApplication>
#include <QJsonArray>
#include <QJsonDocument>
#include <set>
#include <valijson/adapters/qtjson_adapter.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validation_results.hpp>
#include <valijson/validator.hpp>

namespace sb::models {

namespace {

struct Arguments
{
    Q_DECLARE_TR_FUNCTIONS(Arguments)
};

QString shown(const QJsonValue& value)
{
    if (value.isUndefined()) {
        return {};
    }
    if (value.isString()) {
        return value.toString();
    }
    // A document cannot hold a scalar, so the value travels in an array and leaves its brackets
    // behind.
    const auto text =
        QString::fromUtf8(QJsonDocument(QJsonArray{value}).toJson(QJsonDocument::Compact));
    return text.mid(1, text.size() - 2);
}

void compare(const QString& path,
             const QJsonObject& before,
             const QJsonObject& after,
             QList<ArgumentChange>& changes)
{
    std::set<QString> names;
    for (auto it = before.begin(); it != before.end(); ++it) {
        names.insert(it.key());
    }
    for (auto it = after.begin(); it != after.end(); ++it) {
        names.insert(it.key());
    }
    for (const auto& name : names) {
        const auto was = before.value(name);
        const auto is = after.value(name);
        if (was == is) {
            continue;
        }
        const QString where = path.isEmpty() ? name : path + QLatin1Char('.') + name;
        if (was.isObject() && is.isObject()) {
            compare(where, was.toObject(), is.toObject(), changes);
        } else {
            changes.append({where, shown(was), shown(is)});
        }
    }
}

} // namespace

QList<ArgumentChange> argumentChanges(const QJsonObject& before, const QJsonObject& after)
{
    QList<ArgumentChange> changes;
    compare({}, before, after, changes);
    return changes;
}

Result<> checkAgainstSchema(const QJsonObject& schema, const QJsonObject& arguments)
{
    if (schema.isEmpty()) {
        return {};
    }
    // The library throws at a schema that makes no sense; nothing of it may leave this function.
    try {
        const QJsonValue wanted(schema);
        const QJsonValue given(arguments);
        const valijson::adapters::QtJsonAdapter wantedAdapter(wanted);
        const valijson::adapters::QtJsonAdapter givenAdapter(given);
        valijson::Schema parsed;
        valijson::SchemaParser().populateSchema(wantedAdapter, parsed);
        valijson::Validator validator(valijson::Validator::kStrongTypes);
        valijson::ValidationResults results;
        if (validator.validate(parsed, givenAdapter, &results)) {
            return {};
        }
        // The first error is the innermost, and the only one that says what is wrong rather than
        // where it is nested.
        valijson::ValidationResults::Error error;
        results.popError(error);
        QString where; // "<root>[env][PATH]" without its root
        for (size_t depth = 1; depth < error.context.size(); ++depth) {
            where += QString::fromStdString(error.context[depth]);
        }
        const auto what = QString::fromStdString(error.description);
        return fail(ErrorCode::InvalidInput,
                    where.isEmpty() ? what : Arguments::tr("At %1: %2").arg(where, what));
    } catch (const std::exception& exception) {
        return fail(ErrorCode::InvalidInput,
                    Arguments::tr("The tool's schema is unusable: %1")
                        .arg(QString::fromUtf8(exception.what())));
    }
}

} // namespace sb::models
