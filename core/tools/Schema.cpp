// valijson aborts at a schema that makes no sense unless it may throw. Whoever includes it must say
// so alike.
#define VALIJSON_USE_EXCEPTIONS 1
#include "core/tools/Schema.h"

#include <valijson/adapters/qtjson_adapter.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validation_results.hpp>
#include <valijson/validator.hpp>

namespace sb::tools {

Result<> checkArguments(const QJsonObject& schema, const QJsonObject& arguments)
{
    try {
        const QJsonValue schemaValue(schema);
        const QJsonValue argumentsValue(arguments);
        valijson::Schema parsed;
        valijson::SchemaParser().populateSchema(valijson::adapters::QtJsonAdapter(schemaValue),
                                                parsed);
        valijson::ValidationResults results;
        valijson::Validator validator(valijson::Validator::kStrongTypes);
        if (validator.validate(
                parsed, valijson::adapters::QtJsonAdapter(argumentsValue), &results)) {
            return {};
        }
        QStringList problems;
        valijson::ValidationResults::Error error;
        while (results.popError(error) && problems.size() < 5) {
            QString where;
            for (const auto& step : error.context) {
                where += QString::fromStdString(step);
            }
            problems.append(where + u": " + QString::fromStdString(error.description));
        }
        return fail(ErrorCode::InvalidInput,
                    QStringLiteral("The arguments do not fit the tool: %1")
                        .arg(problems.join(QStringLiteral(" "))));
    } catch (const std::exception& exception) {
        return fail(ErrorCode::Internal,
                    QStringLiteral("The tool's schema is unusable: %1")
                        .arg(QString::fromUtf8(exception.what())));
    }
}

} // namespace sb::tools
