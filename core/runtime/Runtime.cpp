#include "core/runtime/Runtime.h"

#include "core/journal/SigningKey.h"
#include "core/llm/HttpProvider.h"
#include "core/process/Delegation.h"
#include "core/runtime/PdfReader.h"
#include "core/runtime/Tour.h"
#include "core/store/Migrations.h"
#include "core/tools/Builtins.h"

#include <QDir>
#include <QFileInfo>

#include <unistd.h>

namespace sb::runtime {

using protocol::ProcessKind;

namespace {

constexpr int poolThreads = 3;
constexpr size_t agentThreads = 2;

Error noSuchAgent(const QString& id, const QStringList& known)
{
    return {ErrorCode::NotFound,
            id.isEmpty() ? QStringLiteral("No agent is configured.")
            : known.isEmpty()
                ? QStringLiteral("There is no agent \"%1\"; the configuration names none.").arg(id)
                : QStringLiteral("There is no agent \"%1\"; the configuration has %2.")
                      .arg(id, known.join(QStringLiteral(", "))),
            id};
}

} // namespace

Runtime::Runtime(Settings settings, Clock& clock, InstanceLock lock)
    : m_settings(std::move(settings)), m_clock(clock), m_lock(std::move(lock))
{
}

Result<std::unique_ptr<Runtime>> Runtime::open(Settings settings, Clock& clock)
{
    SB_CHECK(settings.home.prepare());
    SB_TRY(auto lock, InstanceLock::acquire(settings.home.lockFile(), settings.role));
    std::unique_ptr<Runtime> self(new Runtime(std::move(settings), clock, std::move(lock)));
    SB_CHECK(self->build());
    return self;
}

Result<> Runtime::build()
{
    auto config = config::load(m_settings.home.config, m_settings.home.user);
    if (!config && m_settings.needsConfig) {
        return std::unexpected(config.error());
    }
    // Its own database is opened only when something is to be written there; that it cannot be must
    // be known now.
    if (auto known = store::refuseNewer(m_settings.home.instanceDatabase(),
                                        QStringLiteral(":/sql/instance"));
        !known) {
        if (m_settings.needsConfig) {
            return known;
        }
        m_journalProblem.withLock([&](QString& problem) { problem = known.error().message; });
    }
    m_pool = std::make_unique<Pool>(poolThreads, QStringLiteral("pool"));
    m_network = std::make_unique<LoopExecutor>(QStringLiteral("network"));
    m_feed = std::make_unique<LoopExecutor>(QStringLiteral("feed"));
    secrets::Secrets::Settings keys;
    keys.vaultFile = m_settings.home.vaultFile();
    keys.askPassphrase = m_settings.askPassphrase;
    keys.beforeTls = llm::ensureTlsPlugins;
    keys.warn = [this](const QString& text) { recordNotice(text); };
    keys.changed = [this](const secrets::Change& change) { keyChanged(change); };
    m_secrets =
        std::make_unique<secrets::Secrets>(std::move(keys), *m_feed, *m_pool, m_clock, m_redactor);
    m_sandbox = std::make_unique<sandbox::Sandbox>(
        sandbox::Sandbox::Settings{m_settings.helper,
                                   QStringLiteral("bwrap"),
                                   {m_settings.home.data,
                                    m_settings.home.state,
                                    m_settings.home.run,
                                    m_settings.home.config},
                                   {tourWorkspace(m_settings.home)}},
        m_clock);
    tools::Builtin builtin{*m_sandbox, *m_pool, m_git, {}};
    builtin.proxy = [this]() -> Result<egress::Proxy*> {
        SB_TRY(Outlet* const way, outlet());
        return &way->proxy();
    };
    builtin.door = [this](const tools::Context& context) -> std::shared_ptr<tools::Door> {
        const auto way = outlet(); // without it the command's network stays closed
        return way ? (*way)->door(context) : nullptr;
    };
    builtin.watch = watch();
    for (auto& tool : tools::builtinWorkerTools(builtin)) {
        m_registry.add(std::move(tool), {ProcessKind::Worker});
    }
    process::addDelegationTools(m_registry, [this](const QString& id) -> process::Delegator* {
        AgentRuntime* const open = openAgent(id);
        return open != nullptr ? &open->host() : nullptr;
    });
    tools::addMemoryTools(m_registry, [this](const QString& id) -> Result<tools::Remembering*> {
        AgentRuntime* const open = openAgent(id);
        if (open == nullptr) {
            return fail(ErrorCode::Unavailable, QStringLiteral("The agent is not running."));
        }
        return &open->memory();
    });
    useEmbeddings({});
    m_ingests = std::make_unique<Ingests>(Ingests::Parts{
        m_clock,
        [this](const QString& path, const std::stop_token& stop) {
            return readPdf(*m_sandbox, path, stop);
        },
        {m_settings.home.data, m_settings.home.state, m_settings.home.run},
        [this](const protocol::IngestInfo& job) { m_hub.publish(protocol::MemoryIngest{job}); }});
    m_skills = std::make_unique<Skills>(Skills::Parts{
        m_settings.home,
        QFileInfo(m_settings.helper).path() + QStringLiteral("/signalbox-wasm-host"),
        m_clock,
        *m_pool,
        m_registry,
        [this] { return signingKey(); },
        [this](const tools::Context& context, llm::ToolCall call) {
            AgentRuntime* const open = openAgent(context.agent);
            return open != nullptr
                       ? open->gate().passWithin(context, std::move(call))
                       : Future<tools::Settled>::ready(fail(
                             ErrorCode::Unavailable, QStringLiteral("The agent is not running.")));
        }});
    if (config) {
        applyConfig(std::make_shared<const config::Config>(std::move(*config)), std::nullopt);
    } else {
        const std::unique_lock lock(m_mutex);
        m_config = std::make_shared<const config::Config>();
        if (config.error().code != ErrorCode::NotFound) {
            m_configProblem = config.error();
        }
    }
    return {};
}

Runtime::~Runtime()
{
    std::vector<std::shared_ptr<Slot>> slots;
    std::unique_ptr<config::ConfigWatcher> watcher;
    {
        const std::unique_lock lock(m_mutex);
        m_closing = true;
        watcher = std::move(m_watcher);
        for (auto& [id, slot] : m_agents) {
            slots.push_back(slot);
        }
    }
    watcher.reset();
    if (m_ingests) {
        m_ingests->close();
    }
    std::vector<Future<>> leaving;
    for (const auto& slot : slots) {
        const std::scoped_lock lock(slot->opening);
        if (slot->agent) {
            leaving.push_back(slot->agent->host().leave());
        }
    }
    for (auto& left : leaving) {
        (void)std::move(left).wait();
    }
    // Jobs that the last of them posted, and calls that a model was still answering, refer to what
    // goes next.
    for (const auto& loop : m_agentLoops) {
        loop->postAndWait([] {});
        loop->postAndWait([] {});
    }
    if (m_network) {
        m_network->postAndWait([] {});
    }
    if (m_outlet) {
        m_outlet->close();
    }
    for (const auto& slot : slots) {
        if (slot->agent) {
            slot->agent->memory().close();
        }
    }
    {
        const std::unique_lock lock(m_mutex);
        m_embedder.reset();
    }
    if (m_network) {
        m_network->postAndWait([] {}); // what a service of vectors was still asked for
    }
    m_pool.reset();    // ends what still reads
    m_sandbox.reset(); // and with it the doors of commands
    m_outlet.reset();
    if (m_feed) {
        m_feed->postAndWait([] {});
    }
    for (const auto& slot : slots) {
        slot->agent.reset();
    }
    m_instance.reset();
    m_agentLoops.clear();
    m_skills.reset();
    {
        const std::unique_lock lock(m_mutex);
        m_agents.clear();
        m_models.reset();
    }
    slots.clear();
    m_network.reset(); // where a model's service may still refuse a key
    m_secrets.reset();
    m_feed.reset();
}

Subscription Runtime::subscribe(Executor& executor,
                                std::function<void(const protocol::Event&)> listener)
{
    return m_hub.subscribe(executor, std::move(listener));
}

void Runtime::applyConfig(const std::shared_ptr<const config::Config>& config,
                          const std::optional<Error>& problem)
{
    std::optional<Error> trouble = problem;
    if (!trouble) {
        std::optional<secrets::HashiCorpPlace> place;
        if (const auto& given = config->secrets.hashicorp) {
            place = {given->address, given->token, given->nameSpace, given->mount};
        }
        m_secrets->setHashiCorp(std::move(place));
        m_secrets->forgetAll(); // what a changed file names may have changed as well
        noteKeys([](auto& problems) { problems.clear(); });
        auto models = config->agents.isEmpty()
                          ? Result<std::shared_ptr<Models>>(std::shared_ptr<Models>())
                          : Models::make(*config, modelKeys(), *m_network, m_clock);
        if (!models) {
            trouble = models.error();
        } else {
            useEmbeddings(*config);
            std::vector<std::pair<std::shared_ptr<Slot>, config::Agent>> changed;
            {
                const std::unique_lock lock(m_mutex);
                m_config = config;
                m_models = *models;
                m_order.clear();
                for (const auto& agent : config->agents) {
                    m_order.append(agent.id);
                    auto& slot = m_agents[agent.id];
                    if (!slot) {
                        slot = std::make_shared<Slot>();
                    }
                    changed.emplace_back(slot, agent);
                }
            }
            for (auto& [slot, agent] : changed) {
                const std::scoped_lock lock(slot->opening);
                slot->definition = agent;
                if (slot->agent) {
                    slot->agent->update(agent, *models);
                    m_skills->update(agent);
                }
            }
        }
    }
    {
        const std::unique_lock lock(m_mutex);
        m_configProblem = trouble;
    }
    if (!trouble) {
        m_recorded = false;
    }
    m_hub.publish(protocol::ConfigChanged{trouble ? trouble->message : QString()});
    if (!trouble && m_takenUp) {
        // Agents that are new in it come to life at once.
        m_pool->post([this] {
            for (const QString& id : agentIds(false)) {
                (void)agent(id);
            }
        });
    }
}

void Runtime::reloaded(const std::shared_ptr<const config::Config>& config,
                       const std::optional<Error>& problem)
{
    applyConfig(config, problem);
    m_pool->post([this] {
        std::optional<Error> refused;
        {
            const std::shared_lock lock(m_mutex);
            if (m_closing) {
                return;
            }
            refused = m_configProblem;
            if (refused && refused->code == ErrorCode::NotFound && m_order.isEmpty()) {
                return; // a newcomer has none yet: that is no incident
            }
        }
        if (!refused) {
            recordConfig();
        } else if (auto chain = instance()) {
            (*chain)->recordRefusal(m_settings.home.config, refused->message);
        }
    });
}

AgentRuntime* Runtime::openAgent(const QString& id)
{
    const std::shared_lock lock(m_mutex);
    const auto found = m_agents.find(id);
    return found != m_agents.end() && !m_closing ? found->second->open.load() : nullptr;
}

Result<AgentRuntime*> Runtime::agent(const QString& id)
{
    std::shared_ptr<Slot> slot;
    {
        const std::unique_lock lock(m_mutex);
        if (m_closing) {
            return fail(ErrorCode::Unavailable, QStringLiteral("The program is closing."));
        }
        const auto found = m_agents.find(id);
        if (found != m_agents.end()) {
            slot = found->second;
        } else if (config::isAgentId(id) && QFileInfo::exists(m_settings.home.agentFolder(id))) {
            // It is not in the configuration (any more), but its record is there: for reading and
            // settling.
            slot = std::make_shared<Slot>();
            slot->definition.id = id;
            slot->definition.workspace = m_settings.home.defaultWorkspace();
            m_agents[id] = slot;
        } else {
            return std::unexpected(noSuchAgent(id, m_order));
        }
    }
    return openSlot(*slot);
}

Result<> Runtime::isInForce(const QString& id) const
{
    const std::shared_lock lock(m_mutex);
    if (!m_order.contains(id) && id != tourAgentId()) {
        return std::unexpected(noSuchAgent(id, m_order));
    }
    return {};
}

Result<AgentRuntime*> Runtime::workingAgent(const QString& id)
{
    SB_CHECK(isInForce(id));
    return agent(id);
}

Result<Outlet*> Runtime::outlet()
{
    const std::scoped_lock lock(m_makingOutlet);
    if (!m_outlet) {
        SB_TRY(m_outlet,
               Outlet::create(
                   {m_clock,
                    *m_pool,
                    [this](const QString& id) { return openAgent(id); },
                    [this](const QString& reference) { return m_secrets->resolve(reference); },
                    watch()}));
    }
    return m_outlet.get();
}

void Runtime::recordNotice(const QString& text)
{
    m_pool->post([this, text] {
        if (auto chain = instance()) {
            (*chain)->recordNotice(text);
        }
    });
}

leaks::Watch Runtime::watch()
{
    return leaks::Watch([this] { return m_redactor.scanner(); },
                        [this](const leaks::Incident& incident) { raiseLeak(incident); });
}

void Runtime::raiseLeak(const leaks::Incident& incident)
{
    // From whatever thread found it; the agent's store is read on the pool.
    m_pool->post([this, incident] {
        if (AgentRuntime* const agent = openAgent(incident.origin.agent)) {
            agent->recordLeak(incident);
        }
    });
}

QString Runtime::problemOf(const config::Agent& agent) const
{
    const QString problem = config::workspaceProblem(agent, m_settings.home.user);
    if (!problem.isEmpty()) {
        return problem;
    }
    const auto ground = m_sandbox->ground(agent.workspace);
    return ground ? QString() : ground.error().message;
}

Result<QByteArray> Runtime::signingKey()
{
    const std::scoped_lock lock(m_signing);
    if (m_signingKey.isEmpty()) {
        SB_TRY(const auto key, journal::SigningKey::loadOrCreate(m_settings.home.data));
        m_signingKey = key.secret;
    }
    return m_signingKey;
}

void Runtime::noteJournalProblem(const Error& error)
{
    if (error.code == ErrorCode::Corrupt || error.code == ErrorCode::TooNew) {
        m_journalProblem.withLock([&](QString& problem) { problem = error.message; });
        publishTotals();
    }
}

Result<InstanceChain*> Runtime::instance()
{
    SB_TRY(const auto key, signingKey());
    const std::scoped_lock lock(m_openingInstance);
    if (!m_instance) {
        auto opened = InstanceChain::open(
            {m_settings.home,
             m_clock,
             key,
             [this](QJsonObject payload) { return m_redactor.redact(std::move(payload)); },
             *m_feed,
             [this](const QList<protocol::Entry>& entries) {
                 for (const auto& entry : entries) {
                     m_hub.publish(protocol::EntryAppended{entry});
                 }
             }});
        if (!opened) {
            noteJournalProblem(opened.error());
            return std::unexpected(opened.error());
        }
        m_instance = std::move(*opened);
    }
    return m_instance.get();
}

Result<journal::Journal*> Runtime::journalOf(const QString& id)
{
    if (id == instanceChainId()) {
        SB_TRY(InstanceChain* const chain, instance());
        return &chain->journal();
    }
    SB_TRY(AgentRuntime* const opened, agent(id.isEmpty() ? standardAgent() : id));
    return &opened->journal();
}

void Runtime::recordConfig()
{
    QStringList agents;
    {
        const std::shared_lock lock(m_mutex);
        agents = m_order;
    }
    if (agents.isEmpty() || m_recorded.exchange(true)) {
        return;
    }
    auto chain = instance();
    auto recorded = chain ? (*chain)->recordConfig(m_settings.home.config, agents)
                          : Result<>(std::unexpected(chain.error()));
    if (!recorded) {
        m_recorded = false; // work goes on without; the next occasion tries again
    }
}

Result<AgentRuntime*> Runtime::openSlot(Slot& slot)
{
    const std::scoped_lock opening(slot.opening);
    if (slot.agent) {
        return slot.agent.get();
    }
    auto key = signingKey();
    if (!key) {
        slot.problem = key.error();
        return std::unexpected(key.error());
    }
    Executor* loop = nullptr;
    std::shared_ptr<Models> models = slot.models;
    Milliseconds expire{};
    {
        const std::unique_lock lock(m_mutex);
        if (m_agentLoops.size() < agentThreads) {
            m_agentLoops.push_back(std::make_unique<LoopExecutor>(QStringLiteral("agents")));
            loop = m_agentLoops.back().get();
        } else {
            loop = m_agentLoops[m_agents.size() % agentThreads].get();
        }
        if (!models) {
            models = m_models;
        }
        expire = m_config->approvals.expireAfter;
    }
    if (!models) {
        // No configuration at all: an agent that can be looked at, but has no model to ask.
        SB_TRY(models, Models::none(*m_network, m_clock));
    }
    auto opened = AgentRuntime::open(
        AgentRuntime::Parts{
            m_settings.home,
            m_clock,
            *loop,
            *m_feed,
            *m_pool,
            m_skills->registryFor(slot.definition, *loop),
            m_hub,
            std::move(*key),
            [this](QJsonObject payload) { return m_redactor.redact(std::move(payload)); },
            [this](const QString& text) { return m_redactor.redact(text); },
            watch(),
            expire,
            [this] { publishTotals(); },
            [this](const config::Agent& agent) { return problemOf(agent); },
            [this] {
                const std::shared_lock lock(m_mutex);
                return m_embedder;
            },
            [this, id = slot.definition.id] { return readableBy(id); }},
        slot.definition,
        std::move(models));
    if (!opened) {
        slot.problem = opened.error();
        noteJournalProblem(opened.error());
        return std::unexpected(opened.error());
    }
    slot.problem.reset();
    slot.agent = std::move(*opened);
    slot.open.store(slot.agent.get());
    m_hub.publish(protocol::AgentChanged{slot.agent->info(), false});
    return slot.agent.get();
}

QStringList Runtime::agentIds(bool withFolders) const
{
    QStringList ids;
    {
        const std::shared_lock lock(m_mutex);
        ids = m_order;
        for (const auto& [id, slot] : m_agents) {
            if (!ids.contains(id)) {
                ids.append(id);
            }
        }
    }
    if (withFolders) {
        const QDir folder(m_settings.home.data + QStringLiteral("/agents"));
        for (const QString& id : folder.entryList(QDir::Dirs | QDir::NoDotAndDotDot, QDir::Name)) {
            if (!ids.contains(id) && config::isAgentId(id)) {
                ids.append(id);
            }
        }
    }
    return ids;
}

QString Runtime::standardAgent() const
{
    const std::shared_lock lock(m_mutex);
    return m_order.value(0);
}

Future<> Runtime::takeUp()
{
    return runOn(*m_pool, [this]() -> Result<> {
        for (const QString& id : agentIds(true)) {
            if (id == tourAgentId()) {
                (void)prepareTour();
            }
            auto opened = agent(id);
            if (opened) {
                // Those that wait or run go on by themselves; nobody has to wait for that here.
                // What an agent that is not configured any more left behind stays as it is.
                if (isInForce(id)) {
                    (void)(*opened)->host().recover({});
                }
                m_hub.publish(protocol::AgentChanged{(*opened)->info(), false});
            }
        }
        m_takenUp = true;
        std::unique_lock lock(m_mutex);
        if (!m_watcher && !m_closing) {
            m_watcher = std::make_unique<config::ConfigWatcher>(
                m_settings.home.config,
                m_settings.home.user,
                *m_config,
                *m_feed,
                m_clock,
                [this](const auto& config, const auto& problem) { reloaded(config, problem); });
            m_watcher->start();
        }
        lock.unlock();
        recordConfig();
        return {};
    });
}

Future<> Runtime::settledDown(const QString& id, const QString& channel)
{
    AgentRuntime* const open = openAgent(id);
    if (open == nullptr) {
        return Future<>::ready(fail(ErrorCode::NotFound, QStringLiteral("The agent is not open.")));
    }
    return open->host().settledDown(channel);
}

protocol::Totals Runtime::totals()
{
    protocol::Totals totals;
    const QString today = timeText(m_clock.nowUs()).left(10);
    for (const QString& id : agentIds(false)) {
        AgentRuntime* const open = openAgent(id);
        if (open == nullptr) {
            continue;
        }
        totals.running += open->host().running({});
        totals.waiting += open->waitingApprovals();
        const auto cost = open->database().read(
            [&](store::Connection& connection) { return process::readCost(connection, today); });
        if (cost) {
            totals.costMicroUsd += cost->first;
            totals.costKnown = totals.costKnown || cost->second;
        }
    }
    totals.journalProblem =
        m_journalProblem.withLock([](const QString& problem) { return problem; });
    totals.journalVerifiedAt = m_journalVerifiedAt;
    return totals;
}

void Runtime::publishTotals()
{
    if (!m_hub.hasListeners() || m_totalsPosted.exchange(true)) {
        return;
    }
    m_feed->post([this] {
        m_totalsPosted = false;
        m_hub.publish(protocol::TotalsChanged{totals()});
    });
}

QByteArray Runtime::metrics()
{
    const auto now = totals();
    QByteArray text;
    const auto gauge = [&](const char* name, const char* help, qint64 value) {
        text += QByteArray("# HELP ") + name + ' ' + help + "\n# TYPE " + name + " gauge\n" + name +
                ' ' + QByteArray::number(value) + '\n';
    };
    gauge("signalbox_processes_running", "Turns, branches and workers at work.", now.running);
    gauge("signalbox_approvals_waiting", "Questions that wait for a person.", now.waiting);
    gauge("signalbox_cost_today_micro_usd",
          "Spent today (UTC), from the configured prices.",
          now.costMicroUsd);
    text += "# HELP signalbox_journal_entries_total Entries in each agent's chain.\n"
            "# TYPE signalbox_journal_entries_total counter\n";
    for (const QString& id : agentIds(false)) {
        if (AgentRuntime* const open = openAgent(id)) {
            text += "signalbox_journal_entries_total{agent=\"" + id.toUtf8() + "\"} " +
                    QByteArray::number(open->journal().lastSeq()) + '\n';
        }
    }
    text += "# HELP signalbox_memories What each agent remembers.\n"
            "# TYPE signalbox_memories gauge\n";
    for (const QString& id : agentIds(false)) {
        if (AgentRuntime* const open = openAgent(id)) {
            text += "signalbox_memories{agent=\"" + id.toUtf8() + "\"} " +
                    QByteArray::number(open->memory().count()) + '\n';
        }
    }
    return text;
}

Result<> Runtime::prepareTour()
{
    SB_TRY(auto tour, makeTour(m_settings.home, *m_network, m_clock));
    std::shared_ptr<Slot> slot;
    {
        const std::unique_lock lock(m_mutex);
        auto& found = m_agents[tourAgentId()];
        if (!found) {
            found = std::make_shared<Slot>();
        }
        slot = found;
    }
    const std::scoped_lock lock(slot->opening);
    slot->definition = std::move(tour.agent);
    slot->models = std::move(tour.models);
    if (slot->agent) {
        slot->agent->update(slot->definition, slot->models);
    }
    return {};
}

} // namespace sb::runtime
