#include "core/tools/WasmTool.h"
#include "core/base/Defence.h"
#include "core/tools/BuiltinSupport.h"
#include "core/wasm/HostCall.h"

#include <QJsonArray>
#include <QJsonDocument>

namespace sb::tools {

using namespace Qt::StringLiterals;

namespace {

QString endingName(wasm::Ending ending)
{
    switch (ending) {
    case wasm::Ending::Finished:
        return u"finished"_s;
    case wasm::Ending::OutOfInstructions:
        return u"out_of_instructions"_s;
    case wasm::Ending::OutOfTime:
        return u"out_of_time"_s;
    case wasm::Ending::OutOfMemory:
        return u"out_of_memory"_s;
    case wasm::Ending::OutputTooLarge:
        return u"output_too_large"_s;
    case wasm::Ending::TooManyHostCalls:
        return u"too_many_host_calls"_s;
    case wasm::Ending::BadModule:
        return u"bad_module"_s;
    case wasm::Ending::OutOfBounds:
        return u"out_of_bounds"_s;
    case wasm::Ending::Trapped:
        return u"trapped"_s;
    case wasm::Ending::Failed:
        return u"failed"_s;
    case wasm::Ending::HostEnded:
        return u"host_ended"_s;
    }
    return u"host_ended"_s;
}

QString harmlessText(const QByteArray& bytes)
{
    sandbox::OutputFilter filter;
    return filter.filter(bytes) + filter.finish();
}

// A call of the tool, as its host calls need it. It outlives the tool where a skill is taken away
// while it runs.
class Session final : public std::enable_shared_from_this<Session>
{
public:
    Session(const WasmToolSpec& spec, const WasmTool::Parts& parts, Context context)
        : m_spec(spec), m(parts), m_context(std::move(context))
    {
        if (m.granted) {
            m_granted = m.granted(m_context);
        }
    }

    // On an inner thread of wasm::Hosts.
    void answer(const QByteArray& request, wasm::Reply reply)
    {
        const auto call = wasm::readHostCall(request);
        if (!call) {
            reply(wasm::errorAnswer(call.error().message));
            return;
        }
        if (const auto refusal = refused(*call); !refusal.isEmpty()) {
            reply(wasm::errorAnswer(refusal));
            return;
        }
        if (call->method == wasm::Method::TimeNow) {
            reply(wasm::okAnswer(m.clock.nowUs() / 1'000'000));
            return;
        }
        if (const auto wanted = wasm::toolFor(*call)) {
            passOn(*wanted, std::move(reply));
            return;
        }
        useStore(*call, std::move(reply));
    }

    [[nodiscard]] QJsonObject facts() const
    {
        return m_heard.withLock([](const Heard& heard) {
            QJsonObject facts;
            if (!heard.passed.isEmpty()) {
                facts.insert(u"host_calls_passed_on"_s, QJsonArray::fromStringList(heard.passed));
            }
            if (!heard.refused.isEmpty()) {
                facts.insert(u"host_calls_refused"_s, QJsonArray::fromStringList(heard.refused));
            }
            return facts;
        });
    }

    // Nobody knows any more what the words of its store came from.
    [[nodiscard]] std::optional<QList<taint::Source>> sources() const
    {
        if (!m_heard.withLock([](const Heard& heard) { return heard.remembered; })) {
            return std::nullopt;
        }
        return QList{taint::entering({taint::Label::UntrustedFile},
                                     m_context.process,
                                     u"what the skill %1 remembered"_s.arg(m_spec.skill))};
    }

private:
    struct Heard
    {
        QStringList passed;
        QStringList refused;
        bool remembered = false; ///< it read its store
    };

    // Why the call does not even come to the gate; empty when it may go on.
    QString refused(const wasm::HostCall& call)
    {
        if (call.method == wasm::Method::EnvRead) {
            return note(u"env_read"_s, u"The environment is shown to no tool."_s);
        }
        if (call.method == wasm::Method::AgentSend || call.method == wasm::Method::AgentSpawn) {
            return note(u"agent"_s, u"A tool cannot reach or start agents."_s);
        }
        const auto needed = wasm::neededCapability(call);
        if (!needed) {
            return needed.error().message;
        }
        if (defended("wasm.capability") && !wasm::covers(m_spec.capabilities, *needed)) {
            return note(*needed,
                        u"The skill \"%1\" does not have the capability \"%2\"."_s.arg(m_spec.skill,
                                                                                       *needed));
        }
        if (defended("wasm.capability-subset") && m_granted && !wasm::covers(*m_granted, *needed)) {
            return note(*needed,
                        u"The agent gives its skills no capability \"%1\"."_s.arg(*needed));
        }
        return {};
    }

    QString note(const QString& needed, const QString& why)
    {
        m_heard.withLock([&](Heard& heard) { heard.refused.append(oneLine(needed)); });
        return why;
    }

    void passOn(const wasm::ToolRequest& wanted, wasm::Reply reply)
    {
        if (!m.through) {
            reply(wasm::errorAnswer(u"Nothing takes host calls to tools here."_s));
            return;
        }
        const auto number = m_heard.withLock([&](Heard& heard) {
            heard.passed.append(wanted.tool);
            return heard.passed.size();
        });
        llm::ToolCall call;
        call.id = u"wasm-%1-%2"_s.arg(m_context.callSeq).arg(number);
        call.name = wanted.tool;
        call.arguments = wanted.arguments;
        m.through(m_context, std::move(call))
            .then([reply = std::move(reply)](const Result<Output>& output) mutable {
                if (!output) {
                    reply(wasm::errorAnswer(output.error().message));
                } else if (output->isError) {
                    reply(wasm::errorAnswer(output->text));
                } else {
                    reply(wasm::okAnswer(output->text));
                }
            });
    }

    void useStore(const wasm::HostCall& call, wasm::Reply reply)
    {
        if (m_spec.dataFolder.isEmpty()) {
            reply(wasm::errorAnswer(u"The skill has no store."_s));
            return;
        }
        if (call.method == wasm::Method::KvGet) {
            m_heard.withLock([](Heard& heard) { heard.remembered = true; });
        }
        m.pool.post([self = shared_from_this(), call, reply = std::move(reply)]() mutable {
            const QString key = call.params.value(u"key"_s).toString();
            auto& stores = self->m.stores;
            const QString& folder = self->m_spec.dataFolder;
            const auto done =
                call.method == wasm::Method::KvGet
                    ? stores.get(folder, key)
                    : stores.set(folder, key, call.params.value(u"value"_s)).transform([] {
                          return QJsonValue(true);
                      });
            reply(done ? wasm::okAnswer(*done) : wasm::errorAnswer(done.error().message));
        });
    }

    const WasmToolSpec m_spec;
    WasmTool::Parts m;
    const Context m_context;
    std::optional<QStringList> m_granted;
    Guarded<Heard> m_heard;
};

// A tool that says {"error": "…"} and nothing else has failed.
bool saysError(const QByteArray& output)
{
    const auto object = QJsonDocument::fromJson(output).object();
    return object.size() == 1 && object.value(u"error"_s).isString();
}

Output outputOf(const wasm::Outcome& outcome, const Session& session)
{
    Output output;
    output.isError = outcome.ending != wasm::Ending::Finished || saysError(outcome.output);
    output.text =
        outcome.ending == wasm::Ending::Finished ? harmlessText(outcome.output) : outcome.problem;
    output.facts = session.facts();
    output.sources = session.sources();
    output.facts.insert(u"ending"_s, endingName(outcome.ending));
    output.facts.insert(u"instructions"_s, outcome.instructions);
    output.facts.insert(u"duration_us"_s, outcome.durationUs);
    output.facts.insert(u"host_calls"_s, outcome.hostCalls);
    if (!outcome.log.isEmpty()) {
        output.facts.insert(u"log"_s, outcome.log);
    }
    return output;
}

} // namespace

Result<std::unique_ptr<WasmTool>> WasmTool::create(WasmToolSpec spec, Parts parts)
{
    if (spec.name.isEmpty() || spec.skill.isEmpty()) {
        return fail(ErrorCode::InvalidInput, u"A WebAssembly tool needs a name and a skill."_s);
    }
    const auto named = [&](const Error& error) { return error.inFrontOf(spec.name); };
    SB_CHECK(wasm::checkLimits(spec.limits).transform_error(named));
    for (const auto& capability : spec.capabilities) {
        SB_CHECK(wasm::checkCapability(capability).transform_error(named));
    }
    return std::unique_ptr<WasmTool>(new WasmTool(std::move(spec), std::move(parts)));
}

WasmTool::WasmTool(WasmToolSpec spec, Parts parts) : m_spec(std::move(spec)), m(std::move(parts))
{
    m_toolSpec.name = m_spec.name;
    m_toolSpec.description = m_spec.description;
    m_toolSpec.schema = m_spec.schema;
}

Result<Plan> WasmTool::plan(const QJsonObject& arguments, const Context& context)
{
    SB_TRY(const auto module, wasm::moduleFromFile(m_spec.module));
    if (!m_spec.digest.isEmpty() && module.hash != m_spec.digest) {
        return fail(ErrorCode::Forbidden,
                    u"The module of the tool \"%1\" is not the one that its skill was published "
                    "with."_s.arg(m_spec.name));
    }
    Plan plan;
    plan.arguments = arguments;
    plan.action.tool = m_spec.name;
    plan.action.arguments = arguments;
    plan.action.subject =
        oneLine(QString::fromUtf8(QJsonDocument(arguments).toJson(QJsonDocument::Compact)));
    // Computing touches nothing; every host call is judged by itself.
    plan.action.effect = policy::Effect::None;
    plan.action.allowedHosts = context.allowedHosts;
    plan.command = QCoreApplication::translate("sb::tools::Wasm", "Run %1 of the skill %2: %3")
                       .arg(m_spec.name, m_spec.skill, plan.action.subject);
    plan.digests.insert(m_spec.module, QString::fromLatin1(module.hash.toHex()));
    // Its host calls may ask a person, and each of those shows that it waits.
    plan.patience = m_spec.limits.wall + Milliseconds(60'000);
    return plan;
}

Future<Output> WasmTool::run(Permit,
                             Plan plan,
                             Context context,
                             std::function<void(const QString&)> progress,
                             std::stop_token stop)
{
    wasm::Call call;
    call.owner = context.agent + u'/' + m_spec.skill;
    call.tool = m_spec.name;
    call.input = QJsonDocument(plan.arguments).toJson(QJsonDocument::Compact);
    call.limits = m_spec.limits;
    call.log = std::move(progress);
    const auto session = std::make_shared<Session>(m_spec, m, std::move(context));
    call.hostCall = [session](const QByteArray& request, wasm::Reply reply) {
        session->answer(request, std::move(reply));
    };

    Promise<Output> promise;
    auto future = promise.future();
    m.pool.post([&hosts = m.hosts,
                 session,
                 path = m_spec.module,
                 digest = plan.digests.value(m_spec.module),
                 call = std::move(call),
                 promise = std::move(promise),
                 stop = std::move(stop)]() mutable {
        auto module = wasm::moduleFromFile(path);
        if (module && defended("wasm.digest") &&
            QString::fromLatin1(module->hash.toHex()) != digest) {
            module = fail(ErrorCode::Conflict,
                          u"The module %1 was changed since the call was planned."_s.arg(path));
        }
        if (!module) {
            promise.set(std::unexpected(std::move(module).error()));
            return;
        }
        call.module = std::move(*module);
        hosts.call(std::move(call), std::move(stop))
            .then([session, promise = std::move(promise)](Result<wasm::Outcome> outcome) {
                promise.set(std::move(outcome).transform(
                    [&](const wasm::Outcome& ended) { return outputOf(ended, *session); }));
            });
    });
    return future;
}

} // namespace sb::tools
