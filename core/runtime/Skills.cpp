#include "core/runtime/Skills.h"

#include "core/packages/Skill.h"
#include "core/tools/BuiltinSupport.h"
#include "core/tools/WasmTool.h"

#include <QJsonDocument>

namespace sb::runtime {

using namespace Qt::StringLiterals;
using packages::Manifest;
using packages::PackageId;
using packages::Packages;
using protocol::ProcessKind;
using tools::Context;
using tools::Output;
using tools::Plan;

namespace {

const auto readSkillName = u"read_skill"_s;

QString titleOf(const PackageId& id)
{
    return id.publisher + u'/' + id.name;
}

/// A skill's tool. What it is planned with is what its publisher signed: all of the package is read
/// and checked again each time.
class SkillTool final : public tools::Tool
{
public:
    SkillTool(std::unique_ptr<tools::WasmTool> tool,
              const Packages& packages,
              PackageId id,
              Manifest manifest)
        : m_tool(std::move(tool))
        , m_packages(packages)
        , m_id(std::move(id))
        , m_manifest(std::move(manifest))
    {
    }

    [[nodiscard]] const llm::ToolSpec& spec() const override { return m_tool->spec(); }
    [[nodiscard]] bool isIdempotent() const override { return m_tool->isIdempotent(); }

    Result<Plan> plan(const QJsonObject& arguments, const Context& context) override
    {
        SB_TRY(const auto package, m_packages.load(m_id));
        if (package.manifest != m_manifest) {
            return fail(ErrorCode::Conflict,
                        u"Another version of the skill %1 was installed meanwhile; it is used from "
                        "the next start on."_s.arg(titleOf(m_id)));
        }
        return m_tool->plan(arguments, context);
    }

    Future<Output> run(tools::Permit permit,
                       Plan plan,
                       Context context,
                       std::function<void(const QString&)> progress,
                       std::stop_token stop) override
    {
        return m_tool->run(std::move(permit),
                           std::move(plan),
                           std::move(context),
                           std::move(progress),
                           std::move(stop));
    }

private:
    std::unique_ptr<tools::WasmTool> m_tool;
    const Packages& m_packages;
    PackageId m_id;
    Manifest m_manifest;
};

/// What an agent's configuration lists: the package, or why it cannot be used.
struct Listed
{
    QString name; ///< as the configuration has it
    std::optional<PackageId> id;
    QString description;
    QString problem;
};

llm::ToolSpec readSkillSpec(const QList<Listed>& skills)
{
    QString description = u"Reads the instructions of a skill. Read them before you use the "
                          "skill's tools. Skills:"_s;
    QJsonArray names;
    for (const Listed& skill : skills) {
        names.append(skill.name);
        description +=
            u'\n' + skill.name + u": "_s +
            (skill.problem.isEmpty() ? tools::oneLine(skill.description)
                                     : u"cannot be used. "_s + tools::oneLine(skill.problem));
    }
    const QJsonObject name{{u"type"_s, u"string"_s}, {u"enum"_s, names}};
    return {readSkillName,
            packages::marked(description, u"list"_s),
            {{u"type"_s, u"object"_s},
             {u"properties"_s, QJsonObject{{u"name"_s, name}}},
             {u"required"_s, QJsonArray{u"name"_s}},
             {u"additionalProperties"_s, false}}};
}

/// SKILL.md, for the worker that wants to know how.
class ReadSkill final : public tools::BuiltinTool
{
public:
    ReadSkill(QList<Listed> skills, const Packages* packages, Executor& pool)
        : BuiltinTool(readSkillSpec(skills))
        , m_skills(std::move(skills))
        , m_packages(packages)
        , m_pool(pool)
    {
    }
    [[nodiscard]] bool isIdempotent() const override { return true; }

    Result<Plan> plan(const QJsonObject& arguments, const Context& context) override
    {
        Plan plan = begin(arguments, context, policy::Effect::None);
        plan.action.subject = tools::oneLine(arguments.value(u"name"_s).toString());
        plan.command = QCoreApplication::translate("sb::tools::Skills", "Read the skill %1")
                           .arg(plan.action.subject);
        return plan;
    }

    Future<Output> run(tools::Permit,
                       Plan plan,
                       Context context,
                       std::function<void(const QString&)>,
                       std::stop_token) override
    {
        const auto found =
            std::ranges::find(m_skills, plan.arguments.value(u"name"_s).toString(), &Listed::name);
        if (found == m_skills.end() || !found->id || m_packages == nullptr) {
            return Future<Output>::ready(tools::failure(
                found == m_skills.end() ? u"There is no such skill."_s : found->problem));
        }
        return runOn(m_pool, [id = *found->id, from = m_packages, context]() -> Result<Output> {
            SB_TRY(const auto package, from->load(id));
            SB_TRY(const auto skill, packages::parseSkill(package.files.value(u"SKILL.md"_s)));
            const auto findings = packages::scan(skill.body);
            Output output;
            output.text = packages::marked(skill.body, u"skill"_s);
            output.facts = {{u"skill"_s, titleOf(id)},
                            {u"version"_s, package.manifest.version.toString()}};
            if (!findings.isEmpty()) { // a person let it in; what talks to an agent is still data
                output.sources = QList{taint::entering({taint::Label::UntrustedFile},
                                                       context.process,
                                                       u"the skill %1"_s.arg(titleOf(id)))};
            }
            return output;
        });
    }

private:
    QList<Listed> m_skills;
    const Packages* m_packages;
    Executor& m_pool;
};

wasm::Limits limitsOf(const packages::ToolLimits& given)
{
    wasm::Limits limits;
    limits.instructions = given.instructions;
    limits.wall = Milliseconds(qint64(given.seconds) * 1000);
    limits.memoryBytes = qint64(given.memoryMb) << 20;
    limits.outputBytes = qint64(given.outputKb) << 10;
    return limits;
}

/// The description as the model reads it. What a schema says of its properties is read by it, too.
QString descriptionOf(const packages::ToolEntry& entry)
{
    const QString all =
        entry.description + u'\n' +
        QString::fromUtf8(QJsonDocument(entry.schema).toJson(QJsonDocument::Compact));
    const QString header = packages::headerFor(packages::scan(all), all, u"tool"_s);
    return header.isEmpty() ? entry.description : header + u'\n' + entry.description;
}

} // namespace

Installed::Installed(const Home& home, const QByteArray& homeSecret, const Clock& clock)
    : m_trust(home.data + u"/trust"_s,
              SecretString(QByteArray(homeSecret.constData(), homeSecret.size())),
              clock)
    , m_packages(home.data + u"/packages"_s, m_trust)
{
}

Result<packages::Pin> Installed::forget(const QString& publisher)
{
    SB_TRY(const auto pins, m_trust.pins());
    const auto found = std::ranges::find(pins, publisher, &packages::Pin::publisher);
    if (found == pins.end()) {
        QStringList names;
        for (const auto& pin : pins) {
            names.append(pin.publisher);
        }
        return fail(ErrorCode::NotFound,
                    names.isEmpty() ? u"No publisher is trusted yet."_s
                                    : u"There is no trusted publisher \"%1\"; there are: %2."_s.arg(
                                          publisher, names.join(u", "_s)));
    }
    SB_CHECK(m_trust.forget(publisher));
    return *found;
}

Result<packages::Installed> Installed::find(const QString& name, packages::Kind kind) const
{
    SB_TRY(const auto all, m_packages.list());
    QList<packages::Installed> found;
    QStringList titles;
    for (const auto& one : all) {
        if (one.id.kind == kind && (name == one.id.name || name == titleOf(one.id))) {
            found.append(one);
            titles.append(titleOf(one.id));
        }
    }
    if (found.isEmpty()) {
        return fail(ErrorCode::NotFound,
                    u"The %1 \"%2\" is not installed."_s.arg(packages::kindName(kind), name));
    }
    if (found.size() > 1) {
        return fail(ErrorCode::InvalidInput,
                    u"There are several of the name \"%1\"; write one of %2."_s.arg(
                        name, titles.join(u", "_s)));
    }
    return found.first();
}

struct Skills::Engine
{
    Engine(const Parts& parts, const QByteArray& secret, wasm::Hosts::Settings settings)
        : installed(parts.home, secret, parts.clock), hosts(std::move(settings), parts.clock)
    {
    }
    Installed installed;
    wasm::KvStores stores;
    wasm::Hosts hosts;
};

struct Skills::OfAgent
{
    OfAgent(const tools::Registry& shared, Executor& executor_)
        : registry(shared), executor(executor_)
    {
    }
    tools::Registry registry; ///< on the executor, once processes run
    Executor& executor;
    Tools retired;      ///< calls of them may be under way
    QStringList wanted; ///< under the lock of m_agents
};

Skills::Skills(Parts parts) : m(std::move(parts)) {}

Skills::~Skills() = default;

Result<Skills::Engine*> Skills::engine()
{
    const std::scoped_lock lock(m_starting);
    if (!m_engine) {
        SB_TRY(const auto secret, m.homeSecret());
        wasm::Hosts::Settings settings;
        settings.program = m.program;
        m_engine = std::make_unique<Engine>(m, secret, std::move(settings));
    }
    return m_engine.get();
}

const tools::Registry& Skills::registryFor(const config::Agent& agent, Executor& executor)
{
    OfAgent* const of = m_agents.withLock([&](auto& agents) {
        auto& made = agents[agent.id];
        if (!made) {
            made = std::make_unique<OfAgent>(m.shared, executor);
        }
        made->wanted = agent.skills;
        return made.get();
    });
    exchange(*of, toolsFor(agent.id, agent.skills));
    return of->registry;
}

void Skills::update(const config::Agent& agent)
{
    OfAgent* const of = m_agents.withLock([&](auto& agents) -> OfAgent* {
        const auto found = agents.find(agent.id);
        if (found == agents.end() || found->second->wanted == agent.skills) {
            return nullptr;
        }
        found->second->wanted = agent.skills;
        return found->second.get();
    });
    if (of == nullptr) {
        return;
    }
    m.pool.post([this, of, id = agent.id, skills = agent.skills] {
        of->executor.post([this, of, skills, tools = toolsFor(id, skills)]() mutable {
            // The pool's jobs may overtake one another; the last word holds.
            if (m_agents.withLock([&](auto&) { return of->wanted == skills; })) {
                exchange(*of, std::move(tools));
            }
        });
    });
}

void Skills::exchange(OfAgent& agent, Tools tools)
{
    for (auto& tool : agent.registry.takeAll()) {
        agent.retired.push_back(std::move(tool));
    }
    for (auto& tool : tools) {
        agent.registry.add(std::move(tool), {ProcessKind::Worker});
    }
}

Skills::Tools Skills::toolsFor(const QString& agent, const QStringList& skills)
{
    if (skills.isEmpty()) {
        return {};
    }
    Tools made;
    QList<Listed> listed;
    const auto ready = engine();
    if (!ready) {
        for (const QString& name : skills) {
            listed.append({name, {}, {}, ready.error().message});
        }
        made.push_back(std::make_unique<ReadSkill>(std::move(listed), nullptr, m.pool));
        return made;
    }
    Engine* const engine = *ready;
    const tools::WasmTool::Parts parts{
        .hosts = engine->hosts,
        .stores = engine->stores,
        .pool = m.pool,
        .clock = m.clock,
        .through = [through = m.through](const Context& context, llm::ToolCall call) {
            Promise<Output> promise;
            auto future = promise.future();
            through(context, std::move(call))
                .then([promise = std::move(promise)](Result<tools::Settled> settled) {
                    promise.set(std::move(settled).transform([](tools::Settled one) {
                        return Output{one.message.text, one.message.isError, one.facts};
                    }));
                });
            return future;
        }};
    const auto add = [&](const packages::Installed& found) -> Result<QString> {
        SB_TRY(const auto package, engine->installed.packages().load(found.id));
        Tools own;
        for (const auto& entry : package.manifest.tools) {
            const bool isTaken = m.shared.has(entry.name) || entry.name == readSkillName ||
                                 std::ranges::any_of(made, [&](const auto& other) {
                                     return other->spec().name == entry.name;
                                 });
            if (isTaken) {
                return fail(ErrorCode::Conflict,
                            u"Its tool \"%1\" has the name of another one."_s.arg(entry.name));
            }
            const auto module =
                std::ranges::find(package.manifest.files, entry.module, &packages::FileEntry::path);
            tools::WasmToolSpec spec;
            spec.skill = titleOf(found.id);
            spec.name = entry.name;
            spec.description = descriptionOf(entry);
            spec.schema = entry.schema;
            spec.module = found.folder + u'/' + entry.module;
            spec.digest = module == package.manifest.files.end() ? QByteArray() : module->sha256;
            spec.limits = limitsOf(entry.limits);
            spec.capabilities = package.manifest.capabilities;
            // What it remembers of one agent's work is nothing for another agent.
            spec.dataFolder = m.home.data + u"/skills/"_s + agent + u'/' + spec.skill;
            SB_TRY(auto tool, tools::WasmTool::create(std::move(spec), parts));
            own.push_back(std::make_unique<SkillTool>(
                std::move(tool), engine->installed.packages(), found.id, package.manifest));
        }
        std::ranges::move(own, std::back_inserter(made));
        return package.manifest.description;
    };
    for (const QString& name : skills) {
        Listed one{name, {}, {}, {}};
        auto found = engine->installed.find(name);
        auto description = found ? add(*found) : std::unexpected(found.error());
        if (description) {
            one.id = found->id;
            one.description = *description;
        } else {
            one.problem = description.error().message;
        }
        listed.append(one);
    }
    made.push_back(
        std::make_unique<ReadSkill>(std::move(listed), &engine->installed.packages(), m.pool));
    return made;
}

} // namespace sb::runtime
