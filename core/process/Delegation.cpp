#include "core/process/Delegation.h"

namespace sb::process {

using protocol::ProcessKind;
using tools::Context;
using tools::Output;
using tools::Plan;

namespace {

using Find = std::function<Delegator*(const QString& agent)>;
using Words = Delegator::Words;
using Act = std::function<Future<Words>(Delegator&, const Context&, const QJsonObject&)>;

/// The runtime's own words, which come from nowhere else.
Future<Words> ownWords(Future<QString> words)
{
    Promise<Words> promise;
    auto future = promise.future();
    std::move(words).then([promise = std::move(promise)](Result<QString> text) {
        promise.set(
            std::move(text).transform([](QString one) { return Words{std::move(one), {}}; }));
    });
    return future;
}

QJsonObject property(const char* type, const char* description)
{
    return {{QStringLiteral("type"), QLatin1StringView(type)},
            {QStringLiteral("description"), QLatin1StringView(description)}};
}

QJsonObject schema(const QJsonObject& properties, const QStringList& required)
{
    return {{QStringLiteral("type"), QStringLiteral("object")},
            {QStringLiteral("properties"), properties},
            {QStringLiteral("required"), QJsonArray::fromStringList(required)},
            {QStringLiteral("additionalProperties"), false}};
}

/// A tool whose effect stays inside the runtime: it starts, reaches or ends other processes.
class DelegationTool final : public tools::Tool
{
public:
    DelegationTool(llm::ToolSpec spec, QString subject, Find find, Act act)
        : m_spec(std::move(spec))
        , m_subject(std::move(subject))
        , m_find(std::move(find))
        , m_act(std::move(act))
    {
    }

    [[nodiscard]] const llm::ToolSpec& spec() const override { return m_spec; }
    // Repeating one with the same call finds what it started the first time.
    [[nodiscard]] bool isIdempotent() const override { return true; }

    Result<Plan> plan(const QJsonObject& arguments, const Context&) override
    {
        Plan plan;
        plan.arguments = arguments;
        plan.action.tool = m_spec.name;
        plan.action.subject = arguments.value(m_subject).toString();
        plan.action.arguments = arguments;
        plan.action.effect = policy::Effect::None;
        plan.command = QString(m_spec.name + u' ' + plan.action.subject).trimmed();
        return plan;
    }

    Future<Output> run(tools::Permit,
                       Plan plan,
                       Context context,
                       std::function<void(const QString&)>,
                       std::stop_token) override
    {
        Delegator* delegator = m_find(context.agent);
        if (delegator == nullptr) {
            return Future<Output>::ready(
                fail(ErrorCode::Unavailable, QStringLiteral("The agent is not running.")));
        }
        Promise<Output> promise;
        auto future = promise.future();
        m_act(*delegator, context, plan.arguments)
            .then([promise = std::move(promise), name = m_spec.name](Result<Words> words) {
                Output output;
                output.isError = !words;
                output.text = words ? words->text : words.error().message;
                if (words && !words->sources.isEmpty()) {
                    output.sources = words->sources;
                }
                output.facts = {{QStringLiteral("delegation"), name}};
                promise.set(std::move(output));
            });
        return future;
    }

private:
    llm::ToolSpec m_spec;
    QString m_subject;
    Find m_find;
    Act m_act;
};

QString text(const QJsonObject& arguments, const char* name)
{
    return arguments.value(QLatin1StringView(name)).toString();
}

} // namespace

void addDelegationTools(tools::Registry& registry, Find find)
{
    const auto add = [&](const char* name,
                         const char* description,
                         const char* subject,
                         const QJsonObject& properties,
                         const QStringList& required,
                         std::set<ProcessKind> kinds,
                         Act act) {
        llm::ToolSpec spec{QString::fromLatin1(name),
                           QString::fromUtf8(description),
                           schema(properties, required)};
        registry.add(std::make_unique<DelegationTool>(
                         std::move(spec), QString::fromLatin1(subject), find, std::move(act)),
                     std::move(kinds));
    };
    const auto taskProperties = QJsonObject{
        {QStringLiteral("task"),
         property("string", "Everything the worker must know: it does not see this conversation.")},
        {QStringLiteral("interactive"),
         property("boolean",
                  "Whether it stays for follow-ups through route after its first result.")}};

    add("spawn_worker",
        "Hands a task to a worker that has files, a shell and git in the workspace. It works in "
        "the background; its "
        "result comes back as a message. Answers at once with the worker's id.",
        "task",
        taskProperties,
        {QStringLiteral("task")},
        {ProcessKind::Channel, ProcessKind::Branch},
        [](Delegator& delegator, const Context& context, const QJsonObject& arguments) {
            return ownWords(
                delegator.spawnWorker(context,
                                      text(arguments, "task"),
                                      arguments.value(QStringLiteral("interactive")).toBool()));
        });
    add("branch",
        "Thinks a question through in the background with a copy of this conversation, and returns "
        "a conclusion as a "
        "message. Answers at once with the branch's id.",
        "question",
        {{QStringLiteral("question"), property("string", "What is to be thought through.")}},
        {QStringLiteral("question")},
        {ProcessKind::Channel},
        [](Delegator& delegator, const Context& context, const QJsonObject& arguments) {
            return ownWords(delegator.branch(context, text(arguments, "question")));
        });
    add("route",
        "Sends a follow-up to a worker that is still at work.",
        "worker",
        {{QStringLiteral("worker"), property("string", "The worker's id.")},
         {QStringLiteral("message"), property("string", "What it should know or do.")}},
        {QStringLiteral("worker"), QStringLiteral("message")},
        {ProcessKind::Channel},
        [](Delegator& delegator, const Context& context, const QJsonObject& arguments) {
            return ownWords(
                delegator.route(context, text(arguments, "worker"), text(arguments, "message")));
        });
    add("cancel",
        "Ends a branch or worker, with everything that it runs.",
        "id",
        {{QStringLiteral("id"), property("string", "The id of the branch or worker.")}},
        {QStringLiteral("id")},
        {ProcessKind::Channel},
        [](Delegator& delegator, const Context& context, const QJsonObject& arguments) {
            return ownWords(delegator.cancelByTool(context, text(arguments, "id")));
        });
    add("skip",
        "Ends this turn without a reply, where none is called for.",
        "",
        {},
        {},
        {ProcessKind::Channel},
        [](Delegator&, const Context&, const QJsonObject&) {
            return Future<Words>::ready(Words{QStringLiteral("No reply is sent."), {}});
        });
    add("channel_recall",
        "Finds earlier messages of this conversation that hold all the given words, newest first; "
        "or, with a summary, reads the messages again that it stands for.",
        "query",
        {{QStringLiteral("query"), property("string", "Words to look for.")},
         {QStringLiteral("summary"),
          property("integer", "The summary's number, as your instructions name it.")},
         {QStringLiteral("offset"),
          property("integer", "With a summary: after how many messages to begin.")}},
        {},
        {ProcessKind::Branch},
        [](Delegator& delegator, const Context& context, const QJsonObject& arguments) {
            const auto summary = arguments.value(QStringLiteral("summary"));
            if (summary.isDouble()) {
                return delegator.readAgain(context,
                                           summary.toInteger(),
                                           arguments.value(QStringLiteral("offset")).toInt());
            }
            const QString words = text(arguments, "query");
            return words.trimmed().isEmpty()
                       ? Future<Words>::ready(
                             fail(ErrorCode::InvalidInput,
                                  QStringLiteral("It needs a query, or the number of a summary.")))
                       : delegator.recall(context, words);
        });
}

} // namespace sb::process
