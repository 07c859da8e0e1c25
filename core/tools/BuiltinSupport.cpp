#include "core/tools/BuiltinSupport.h"

namespace sb::tools {

using namespace Qt::StringLiterals;

namespace {

QJsonObject typed(const char* type, const char* description)
{
    return {{u"type"_s, QLatin1StringView(type)},
            {u"description"_s, QString::fromUtf8(description)}};
}

} // namespace

Property textProperty(const char* name, const char* description)
{
    return {QString::fromLatin1(name), typed("string", description)};
}

Property integerProperty(const char* name, const char* description, qint64 minimum, qint64 maximum)
{
    QJsonObject schema = typed("integer", description);
    schema.insert(u"minimum"_s, minimum);
    schema.insert(u"maximum"_s, maximum);
    return {QString::fromLatin1(name), schema};
}

Property switchProperty(const char* name, const char* description)
{
    return {QString::fromLatin1(name), typed("boolean", description)};
}

Property listProperty(const char* name, const char* description)
{
    QJsonObject schema = typed("array", description);
    schema.insert(u"items"_s, QJsonObject{{u"type"_s, u"string"_s}});
    return {QString::fromLatin1(name), schema};
}

llm::ToolSpec
toolSpec(const char* name, const char* description, const QList<Property>& properties, int required)
{
    QJsonObject members;
    QJsonArray needed;
    for (const Property& property : properties) {
        members.insert(property.name, property.schema);
        if (needed.size() < required) {
            needed.append(property.name);
        }
    }
    QJsonObject schema{{u"type"_s, u"object"_s},
                       {u"properties"_s, members},
                       {u"required"_s, needed},
                       {u"additionalProperties"_s, false}};
    return {QString::fromLatin1(name), QString::fromUtf8(description), schema};
}

Plan BuiltinTool::begin(const QJsonObject& arguments,
                        const Context& context,
                        policy::Effect effect) const
{
    Plan plan;
    plan.arguments = arguments;
    plan.action.tool = m_spec.name;
    plan.action.arguments = arguments;
    plan.action.effect = effect;
    plan.action.allowedHosts = context.allowedHosts;
    plan.command = m_spec.name;
    return plan;
}

Future<Output> PoolTool::run(
    Permit, Plan plan, Context context, std::function<void(const QString&)>, std::stop_token stop)
{
    return runOn(m_files.pool,
                 [this,
                  plan = std::move(plan),
                  context = std::move(context),
                  stop = std::move(stop)]() -> Result<Output> {
                     if (stop.stop_requested()) {
                         return fail(ErrorCode::Cancelled, u"It was cancelled."_s);
                     }
                     auto output = perform(plan, context);
                     if (!output) {
                         return failure(output.error().message);
                     }
                     return output;
                 });
}

Result<Place>
placeOf(const QString& argument, const Workspace& workspace, Plan& plan, LastLink lastLink)
{
    SB_TRY(Place place, workspace.resolve(argument, lastLink));
    plan.paths.append(place.absolute);
    plan.action.subject = place.leavesWorkspace ? place.absolute : place.relative;
    plan.action.leavesWorkspace = place.leavesWorkspace;
    return place;
}

qint64 integerOf(
    const QJsonObject& arguments, const QString& name, qint64 fallback, qint64 least, qint64 most)
{
    const QJsonValue value = arguments.value(name);
    if (!value.isDouble()) {
        return fallback;
    }
    // Compared as a double first: 1e300 has no integer.
    const double number = value.toDouble();
    return number <= double(least) ? least : number >= double(most) ? most : qint64(number);
}

QStringList listOf(const QJsonObject& arguments, const QString& name)
{
    QStringList list;
    for (const QJsonValue value : arguments.value(name).toArray()) {
        if (value.isString()) {
            list.append(value.toString());
        }
    }
    return list;
}

Output failure(const QString& text)
{
    Output output;
    output.text = text;
    output.isError = true;
    return output;
}

QString harmless(const QString& text)
{
    sandbox::OutputFilter filter;
    QString visible = filter.filter(text.toUtf8());
    visible += filter.finish();
    return visible;
}

QString oneLine(const QString& text)
{
    QString line = text.trimmed();
    line.replace(u'\n', u" ⏎ "_s);
    line = harmless(line);
    return line.size() > 200 ? QString(line.left(199) + u'…') : line;
}

} // namespace sb::tools
