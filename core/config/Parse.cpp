#include "core/config/ParseMemory.h"

#include <QJsonArray>
#include <QRegularExpression>
#include <QUrl>

using namespace Qt::StringLiterals;

namespace sb::config {

namespace {

using Kind = YamlNode::Kind;

class Parser : private Reader
{
public:
    Parser(const QString& fileName, const Environment& environment) : Reader(fileName, environment)
    {
    }

    Result<Config> parse(const YamlNode& root)
    {
        Config config;
        SB_CHECK(keys(root,
                      u"the file"_s,
                      {u"models"_s, u"agents"_s, u"approvals"_s, u"secrets"_s, u"memory"_s}));
        if (const YamlNode* secrets = root.find(u"secrets")) {
            SB_CHECK(readSecrets(*secrets, config.secrets));
        }
        m_hasHashicorp = config.secrets.hashicorp.has_value();
        SB_TRY(const YamlNode* models, required(root, u"models"_s, u"the file"_s));
        SB_CHECK(readModels(*models, config));
        if (const YamlNode* memory = root.find(u"memory")) {
            SB_TRY(config.memory, readMemory(*this, *memory, config));
        }
        SB_TRY(const YamlNode* agents, required(root, u"agents"_s, u"the file"_s));
        SB_CHECK(list(*agents, u"agents"_s));
        if (agents->items.empty()) {
            return at(*agents, u"agents must name at least one agent"_s);
        }
        QMap<QString, int> lines;
        for (const YamlNode& item : agents->items) {
            SB_TRY(Agent agent, readAgent(item));
            const YamlNode& id = *item.find(u"id");
            if (const auto before = lines.constFind(agent.id); before != lines.constEnd()) {
                return at(id,
                          u"the agent \"%1\" is already there, on line %2"_s.arg(
                              agent.id, QString::number(*before)));
            }
            lines.insert(agent.id, id.line);
            config.agents.append(std::move(agent));
        }
        for (size_t i = 0; i < agents->items.size(); ++i) {
            SB_CHECK(checkReaders(*this, agents->items[i], config.agents[qsizetype(i)], config));
        }
        if (const YamlNode* approvals = root.find(u"approvals")) {
            SB_CHECK(keys(*approvals, u"approvals"_s, {u"expire_after"_s}));
            if (const YamlNode* expire = approvals->find(u"expire_after")) {
                SB_TRY(config.approvals.expireAfter, duration(*expire, u"expire_after"_s));
            }
        }
        return config;
    }

private:
    Result<> readModels(const YamlNode& node, Config& config)
    {
        SB_CHECK(keys(node, u"models"_s, {u"providers"_s, u"routes"_s}));
        SB_TRY(const YamlNode* providers, required(node, u"providers"_s, u"models"_s));
        SB_CHECK(list(*providers, u"providers"_s));
        QMap<QString, int> lines;
        for (const YamlNode& item : providers->items) {
            SB_TRY(Provider provider, readProvider(item));
            const YamlNode& id = *item.find(u"id");
            if (const auto before = lines.constFind(provider.id); before != lines.constEnd()) {
                return at(id,
                          u"the provider \"%1\" is already there, on line %2"_s.arg(
                              provider.id, QString::number(*before)));
            }
            lines.insert(provider.id, id.line);
            config.providers.append(std::move(provider));
        }
        if (config.providers.isEmpty()) {
            return at(*providers, u"providers must name at least one provider"_s);
        }
        SB_TRY(const YamlNode* routes, required(node, u"routes"_s, u"models"_s));
        static const QStringList processes{
            u"channel"_s, u"branch"_s, u"worker"_s, u"compactor"_s, u"cortex"_s};
        SB_CHECK(keys(*routes, u"routes"_s, QStringList{u"default"_s, u"fallback"_s} + processes));
        SB_TRY(const YamlNode* standard, required(*routes, u"default"_s, u"routes"_s));
        SB_TRY(config.routes.standard, route(*standard, u"default"_s, config));
        for (const QString& process : processes) {
            if (const YamlNode* found = routes->find(process)) {
                SB_TRY(const Route one, route(*found, process, config));
                config.routes.byProcess.insert(process, one);
            }
        }
        if (const YamlNode* fallback = routes->find(u"fallback")) {
            SB_CHECK(list(*fallback, u"fallback"_s));
            for (const YamlNode& item : fallback->items) {
                SB_TRY(Route one, route(item, u"a fallback"_s, config));
                config.routes.fallback.append(std::move(one));
            }
        }
        return {};
    }

    Result<Route> route(const YamlNode& node, const QString& what, const Config& config)
    {
        SB_TRY(const QString value, text(node, what));
        const auto slash = value.indexOf(u'/');
        if (slash <= 0 || slash == value.size() - 1) {
            return at(node,
                      u"the route \"%1\" must be written provider/model"_s.arg(shortened(value)));
        }
        Route read{value.first(slash), value.sliced(slash + 1)};
        if (!config.provider(read.provider)) {
            QStringList known;
            for (const Provider& provider : config.providers) {
                known.append(provider.id);
            }
            auto error = at(
                node,
                u"the route \"%1\" names the provider \"%2\", which is not listed under providers%3"_s
                    .arg(shortened(value),
                         shortened(read.provider),
                         suggestion(read.provider, known)));
            if (error.error().message.endsWith("?."_L1)) {
                error.error().message.chop(1);
            }
            return error;
        }
        return read;
    }

    Result<Provider> readProvider(const YamlNode& node)
    {
        const QString what = u"a provider"_s;
        SB_CHECK(keys(node,
                      what,
                      {u"id"_s,
                       u"api"_s,
                       u"base_url"_s,
                       u"key"_s,
                       u"first_byte_timeout"_s,
                       u"idle_timeout"_s,
                       u"total_timeout"_s,
                       u"prices"_s,
                       u"script"_s}));
        Provider provider;
        SB_TRY(provider.id, requiredText(node, u"id"_s, what));
        static const QRegularExpression idPattern(u"\\A[A-Za-z0-9_.-]{1,64}\\z"_s);
        if (!idPattern.match(provider.id).hasMatch()) {
            return at(*node.find(u"id"),
                      u"a provider's id may hold letters, digits, dot, _ and - only, at most 64"_s);
        }
        SB_TRY(const YamlNode* api,
               required(node, u"api"_s, u"the provider \"%1\""_s.arg(provider.id)));
        const QList<std::pair<QString, Api>> apis{{u"openai-chat"_s, Api::OpenAiChat},
                                                  {u"anthropic"_s, Api::Anthropic},
                                                  {u"rehearsal"_s, Api::Rehearsal}};
        SB_TRY(provider.api, oneOf(*api, u"api"_s, apis));
        if (const YamlNode* url = node.find(u"base_url")) {
            SB_TRY(provider.baseUrl, httpAddress(*url, u"base_url"_s));
        } else if (provider.api == Api::OpenAiChat) {
            return at(node, u"the provider \"%1\" needs the key \"base_url\""_s.arg(provider.id));
        }
        if (const YamlNode* key = node.find(u"key")) {
            SB_TRY(provider.key, knownKey(*key));
        }
        if (const YamlNode* found = node.find(u"first_byte_timeout")) {
            SB_TRY(provider.firstByteTimeout, duration(*found, u"first_byte_timeout"_s));
        }
        if (const YamlNode* found = node.find(u"idle_timeout")) {
            SB_TRY(provider.idleTimeout, duration(*found, u"idle_timeout"_s));
        }
        if (const YamlNode* found = node.find(u"total_timeout")) {
            SB_TRY(provider.totalTimeout, duration(*found, u"total_timeout"_s));
        }
        if (const YamlNode* prices = node.find(u"prices")) {
            if (prices->kind != Kind::Map) {
                return at(*prices, u"prices must name models: {model: {input: 3, output: 15}}"_s);
            }
            for (const auto& [model, value] : prices->pairs) {
                SB_CHECK(keys(value, u"a price"_s, {u"input"_s, u"output"_s, u"cached_input"_s}));
                Price price;
                SB_TRY(const YamlNode* input, required(value, u"input"_s, u"a price"_s));
                SB_TRY(const YamlNode* output, required(value, u"output"_s, u"a price"_s));
                SB_TRY(price.input, number(*input, u"input"_s, 0, 1e6));
                SB_TRY(price.output, number(*output, u"output"_s, 0, 1e6));
                price.cachedInput = price.input;
                if (const YamlNode* cached = value.find(u"cached_input")) {
                    SB_TRY(price.cachedInput, number(*cached, u"cached_input"_s, 0, 1e6));
                }
                provider.prices.insert(model.text, price);
            }
        }
        if (const YamlNode* script = node.find(u"script")) {
            if (provider.api != Api::Rehearsal) {
                return at(*script, u"only a rehearsal has a script"_s);
            }
            SB_TRY(const QString value, text(*script, u"script"_s));
            SB_TRY(provider.script, path(*script, u"script"_s, value));
        }
        return provider;
    }

    Result<QString> httpAddress(const YamlNode& node, const QString& what)
    {
        SB_TRY(QString value, text(node, what));
        const QUrl url(value, QUrl::StrictMode);
        if (!url.isValid() || url.host().isEmpty() ||
            (url.scheme() != "http"_L1 && url.scheme() != "https"_L1)) {
            return at(node,
                      u"%1 must be an address that starts with http:// or https://"_s.arg(what));
        }
        if (!url.userInfo().isEmpty()) {
            return at(node,
                      u"%1 must not hold a user or password; use key with a reference"_s.arg(what));
        }
        if (url.hasQuery() || url.hasFragment()) {
            return at(node, u"%1 must not hold a ? or #"_s.arg(what));
        }
        while (value.endsWith(u'/')) {
            value.chop(1);
        }
        return value;
    }

    Result<Agent> readAgent(const YamlNode& node)
    {
        const QString what = u"an agent"_s;
        SB_CHECK(keys(node,
                      what,
                      {u"id"_s,
                       u"name"_s,
                       u"instructions"_s,
                       u"workspace"_s,
                       u"network"_s,
                       u"policy"_s,
                       u"taint"_s,
                       u"skills"_s,
                       u"memory"_s,
                       u"limits"_s}));
        Agent agent;
        SB_TRY(agent.id, requiredText(node, u"id"_s, what));
        if (agent.id == "_instance"_L1) {
            return at(*node.find(u"id"), u"the id \"_instance\" is reserved"_s);
        }
        if (!isAgentId(agent.id)) {
            return at(*node.find(u"id"),
                      u"the agent's id \"%1\" may hold a-z, 0-9, _ and - only, at most 64"_s.arg(
                          shortened(agent.id)));
        }
        agent.name = agent.id;
        if (const YamlNode* name = node.find(u"name")) {
            SB_TRY(agent.name, text(*name, u"name"_s));
            if (agent.name.size() > 80) {
                return at(*name, u"name must not be longer than 80 characters"_s);
            }
        }
        if (const YamlNode* instructions = node.find(u"instructions")) {
            SB_TRY(agent.instructions, text(*instructions, u"instructions"_s));
        }
        SB_TRY(const YamlNode* workspace,
               required(node, u"workspace"_s, u"the agent \"%1\""_s.arg(agent.id)));
        SB_TRY(const QString folder, text(*workspace, u"workspace"_s));
        SB_TRY(agent.workspace, path(*workspace, u"workspace"_s, folder));
        if (const YamlNode* network = node.find(u"network")) {
            SB_CHECK(readNetwork(*network, agent));
        }
        if (const YamlNode* labels = node.find(u"taint")) {
            SB_CHECK(readTaint(*labels, agent.taint));
        }
        if (const YamlNode* rules = node.find(u"policy")) {
            SB_CHECK(list(*rules, u"policy"_s));
            for (const YamlNode& item : rules->items) {
                SB_TRY(policy::Rule rule, readRule(item));
                agent.rules.append(std::move(rule));
            }
        }
        if (const YamlNode* skills = node.find(u"skills")) {
            SB_CHECK(readSkills(*skills, agent.skills));
        }
        if (const YamlNode* memory = node.find(u"memory")) {
            SB_TRY(agent.memory, readAgentMemory(*this, *memory));
        }
        if (const YamlNode* limits = node.find(u"limits")) {
            SB_CHECK(readLimits(*limits, agent.limits));
        }
        return agent;
    }

    // [csv-table, acme/file-tally]
    Result<> readSkills(const YamlNode& node, QStringList& skills)
    {
        static const QRegularExpression shape(
            u"\\A([a-z0-9]+(-[a-z0-9]+)*/)?[a-z0-9]+(-[a-z0-9]+)*\\z"_s);
        SB_CHECK(list(node, u"skills"_s));
        for (const YamlNode& item : node.items) {
            SB_TRY(const QString name, text(item, u"a skill"_s));
            if (name.size() > 129 || !shape.match(name).hasMatch()) {
                return at(item,
                          u"the skill \"%1\" must be written name or publisher/name, as in "
                          "csv-table"_s.arg(shortened(name)));
            }
            if (skills.contains(name)) {
                return at(item, u"the skill \"%1\" is listed twice"_s.arg(shortened(name)));
            }
            skills.append(name);
        }
        return {};
    }

    // {shell: {external_network: ask}, trusted_files: ["docs/*"]}
    Result<> readTaint(const YamlNode& node, taint::Settings& settings)
    {
        QStringList known{u"trusted_files"_s};
        for (const taint::Sink sink : taint::allSinks) {
            known.append(taint::sinkName(sink));
        }
        SB_CHECK(keys(node, u"taint"_s, known));
        QStringList labels;
        for (const taint::Label label : taint::allLabels) {
            labels.append(taint::labelName(label));
        }
        QList<std::pair<QString, taint::Decide>> decisions;
        for (const auto decide :
             {taint::Decide::Allow, taint::Decide::Ask, taint::Decide::Forbid}) {
            decisions.append({taint::decideName(decide), decide});
        }
        for (const taint::Sink sink : taint::allSinks) {
            const YamlNode* found = node.find(taint::sinkName(sink));
            if (!found) {
                continue;
            }
            SB_CHECK(keys(*found, taint::sinkName(sink), labels));
            for (const auto& [key, value] : found->pairs) {
                SB_TRY(const auto decide, oneOf(value, key.text, decisions));
                if (const auto label = taint::labelFromName(key.text)) {
                    settings.set(sink, *label, decide);
                }
            }
        }
        if (const YamlNode* files = node.find(u"trusted_files")) {
            SB_CHECK(list(*files, u"trusted_files"_s));
            for (const YamlNode& item : files->items) {
                SB_TRY(const QString glob, text(item, u"a pattern of trusted_files"_s));
                settings.trustedFiles.append(glob);
            }
        }
        return {};
    }

    Result<> readLimits(const YamlNode& node, AgentLimits& limits)
    {
        SB_CHECK(keys(node,
                      u"limits"_s,
                      {u"workers"_s,
                       u"branches"_s,
                       u"tool_calls"_s,
                       u"output_tokens"_s,
                       u"command_timeout"_s,
                       u"memory_mb"_s,
                       u"processes"_s,
                       u"open_files"_s,
                       u"cpu_seconds"_s,
                       u"tmp_mb"_s,
                       u"workspace_mb"_s}));
        const QList<std::tuple<QString, int*, int>> numbers{
            {u"workers"_s, &limits.workers, 10'000},
            {u"branches"_s, &limits.branches, 10'000},
            {u"tool_calls"_s, &limits.toolCalls, 100'000},
            {u"output_tokens"_s, &limits.outputTokens, 1'000'000},
            {u"processes"_s, &limits.processes, 30'000},
            {u"cpu_seconds"_s, &limits.cpuSeconds, 366 * 86'400}};
        for (const auto& [key, target, most] : numbers) {
            if (const YamlNode* found = node.find(key)) {
                SB_TRY(*target, whole(*found, key, 1, most));
            }
        }
        if (const YamlNode* found = node.find(u"open_files")) {
            // Below this a program cannot even load its libraries.
            SB_TRY(limits.openFiles, whole(*found, u"open_files"_s, 16, 1 << 20));
        }
        const QList<std::tuple<QString, qint64*, int>> megabytes{
            {u"memory_mb"_s, &limits.memoryBytes, 16},
            {u"tmp_mb"_s, &limits.tmpBytes, 1},
            {u"workspace_mb"_s, &limits.workspaceBytes, 1}};
        for (const auto& [key, target, least] : megabytes) {
            if (const YamlNode* found = node.find(key)) {
                SB_TRY(const int count, whole(*found, key, least, 1 << 20));
                *target = qint64(count) << 20;
            }
        }
        if (const YamlNode* found = node.find(u"command_timeout")) {
            SB_TRY(limits.commandTimeout, duration(*found, u"command_timeout"_s));
        }
        return {};
    }

    Result<> readNetwork(const YamlNode& node, Agent& agent)
    {
        SB_CHECK(keys(
            node, u"network"_s, {u"allow"_s, u"inject"_s, u"bytes_per_day"_s, u"connections"_s}));
        if (const YamlNode* allow = node.find(u"allow")) {
            SB_CHECK(list(*allow, u"allow"_s));
            for (const YamlNode& item : allow->items) {
                SB_TRY(const QString host, address(item));
                agent.allowedHosts.append(host);
            }
        }
        if (const YamlNode* found = node.find(u"bytes_per_day")) {
            SB_TRY(agent.network.bytesPerDay, size(*found, u"bytes_per_day"_s));
        }
        if (const YamlNode* found = node.find(u"connections")) {
            SB_TRY(agent.network.connections, whole(*found, u"connections"_s, 1, 10'000));
        }
        if (const YamlNode* inject = node.find(u"inject")) {
            SB_CHECK(list(*inject, u"inject"_s));
            for (const YamlNode& item : inject->items) {
                SB_TRY(Injection injection, readInjection(item, agent));
                agent.network.injections.append(std::move(injection));
            }
        }
        return {};
    }

    Result<Injection> readInjection(const YamlNode& node, const Agent& agent)
    {
        const QString what = u"an injection"_s;
        SB_CHECK(keys(node, what, {u"host"_s, u"header"_s, u"placeholder"_s, u"key"_s}));
        Injection injection;
        SB_TRY(const YamlNode* host, required(node, u"host"_s, what));
        SB_TRY(injection.host, address(*host));
        if (injection.host.startsWith(u'*')) {
            // A wildcard would hand the key to whoever can have a name below it.
            return at(*host, u"a key is injected for one host, so host cannot begin with *"_s);
        }
        const bool isAllowed = std::ranges::any_of(agent.allowedHosts, [&](const QString& entry) {
            return entry == injection.host ||
                   (entry.startsWith(u'*') && injection.host.endsWith(entry.sliced(1)));
        });
        if (!isAllowed) {
            return at(*host,
                      u"\"%1\" must stand under allow as well, else no request goes there"_s.arg(
                          injection.host));
        }
        SB_TRY(const YamlNode* header, required(node, u"header"_s, what));
        SB_TRY(injection.header, text(*header, u"header"_s));
        SB_CHECK(headerName(*header, injection.header));
        SB_TRY(const YamlNode* placeholder, required(node, u"placeholder"_s, what));
        SB_TRY(injection.placeholder, text(*placeholder, u"placeholder"_s));
        // Long and plain enough not to be found in a request by chance.
        static const QRegularExpression word(u"\\A[\\x21-\\x7e]{8,128}\\z"_s);
        if (!word.match(injection.placeholder).hasMatch()) {
            return at(*placeholder,
                      u"placeholder must be 8 to 128 plain characters without spaces"_s);
        }
        for (const Injection& other : agent.network.injections) {
            if (other.host == injection.host && other.placeholder == injection.placeholder) {
                return at(*placeholder,
                          u"this placeholder stands already for another key of that host"_s);
            }
        }
        SB_TRY(const YamlNode* key, required(node, u"key"_s, what));
        SB_TRY(injection.key, knownKey(*key));
        return injection;
    }

    // Fields that say where a request goes or where it ends are not for keys.
    Result<> headerName(const YamlNode& node, const QString& name)
    {
        static const QRegularExpression token(u"\\A[A-Za-z0-9][A-Za-z0-9_-]{0,63}\\z"_s);
        static const QStringList reserved{u"host"_s,
                                          u"connection"_s,
                                          u"content-length"_s,
                                          u"transfer-encoding"_s,
                                          u"te"_s,
                                          u"trailer"_s,
                                          u"upgrade"_s,
                                          u"expect"_s,
                                          u"proxy-authorization"_s,
                                          u"proxy-connection"_s};
        if (!token.match(name).hasMatch()) {
            return at(node, u"header must be the name of an HTTP field, such as Authorization"_s);
        }
        if (reserved.contains(name.toLower())) {
            return at(node, u"the field %1 cannot carry a key"_s.arg(name));
        }
        return {};
    }

    Result<> readSecrets(const YamlNode& node, Stores& stores)
    {
        SB_CHECK(keys(node, u"secrets"_s, {u"hashicorp"_s}));
        const YamlNode* found = node.find(u"hashicorp");
        if (!found) {
            return {};
        }
        const QString what = u"hashicorp"_s;
        SB_CHECK(keys(*found, what, {u"address"_s, u"token"_s, u"namespace"_s, u"mount"_s}));
        HashiCorp vault;
        SB_TRY(const YamlNode* address, required(*found, u"address"_s, what));
        SB_TRY(vault.address, httpAddress(*address, u"address"_s));
        const QUrl url(vault.address);
        const QString host = url.host();
        static const QRegularExpression here(u"\\A(localhost|::1|127(\\.[0-9]{1,3}){3})\\z"_s);
        if (url.scheme() == "http"_L1 && !here.match(host).hasMatch()) {
            return at(*address,
                      u"the token would travel unencrypted to \"%1\"; use https://"_s.arg(
                          shortened(host)));
        }
        SB_TRY(const YamlNode* token, required(*found, u"token"_s, what));
        SB_TRY(vault.token, keyReference(*token));
        if (vault.token.startsWith("hashicorp:"_L1)) {
            return at(*token, u"the token of hashicorp cannot lie in hashicorp itself"_s);
        }
        static const QRegularExpression place(u"\\A[\\w-]+(/[\\w-]+)*/?\\z"_s);
        vault.mount = u"secret"_s;
        for (const auto& [key, target] :
             {std::pair{u"mount"_s, &vault.mount}, std::pair{u"namespace"_s, &vault.nameSpace}}) {
            if (const YamlNode* given = found->find(key)) {
                SB_TRY(*target, text(*given, key));
                if (!place.match(*target).hasMatch()) {
                    return at(*given, u"%1 may hold letters, digits, _, - and / only"_s.arg(key));
                }
                *target = target->endsWith(u'/') ? target->chopped(1) : *target;
            }
        }
        stores.hashicorp = vault;
        return {};
    }

    // A reference whose store is there.
    Result<QString> knownKey(const YamlNode& node)
    {
        SB_TRY(const QString reference, keyReference(node));
        if (reference.startsWith("hashicorp:"_L1) && !m_hasHashicorp) {
            return at(node,
                      u"a key in hashicorp: needs the address and token under secrets.hashicorp"_s);
        }
        return reference;
    }

    Result<policy::Rule> readRule(const YamlNode& node)
    {
        const QString what = u"a rule"_s;
        SB_CHECK(keys(node, what, {u"match"_s, u"where"_s, u"decide"_s, u"risk"_s}));
        policy::Rule rule;
        SB_TRY(rule.match, requiredText(node, u"match"_s, what));
        SB_TRY(const YamlNode* decide, required(node, u"decide"_s, what));
        const QList<std::pair<QString, policy::Decide>> decisions{
            {u"allow"_s, policy::Decide::Allow},
            {u"ask"_s, policy::Decide::Ask},
            {u"deny"_s, policy::Decide::Deny}};
        SB_TRY(rule.decide, oneOf(*decide, u"decide"_s, decisions));
        if (const YamlNode* risk = node.find(u"risk")) {
            using protocol::Risk;
            const QList<std::pair<QString, Risk>> risks{{u"low"_s, Risk::Low},
                                                        {u"medium"_s, Risk::Medium},
                                                        {u"high"_s, Risk::High},
                                                        {u"critical"_s, Risk::Critical}};
            SB_TRY(rule.risk, oneOf(*risk, u"risk"_s, risks));
        }
        SB_CHECK(checked(rule, *node.find(u"match")));
        if (const YamlNode* where = node.find(u"where")) {
            if (where->kind != Kind::Map || where->pairs.empty()) {
                return at(*where,
                          u"where must name arguments: {branch: main} or {notional: {gt: 5000}}"_s);
            }
            for (const auto& [argument, value] : where->pairs) {
                SB_CHECK(readConditions(argument.text, value, rule));
            }
        }
        return rule;
    }

    Result<> checked(const policy::Rule& rule, const YamlNode& node)
    {
        if (auto good = policy::checkRule(rule); !good) {
            QString message = good.error().message;
            message.chop(message.endsWith(u'.') ? 1 : 0);
            message[0] = message[0].toLower();
            return at(node, message);
        }
        return {};
    }

    Result<> readConditions(const QString& argument, const YamlNode& node, policy::Rule& rule)
    {
        using policy::Operator;
        const auto add = [&](Operator op, const YamlNode& value) -> Result<> {
            SB_TRY(const QJsonValue json, toJson(value));
            rule.where.append({argument, op, json});
            return checked({rule.match, {rule.where.last()}, rule.decide, rule.risk}, value);
        };
        if (node.kind == Kind::List) {
            return at(node,
                      u"a list needs an operator: {%1: {in: […]}}"_s.arg(shortened(argument)));
        }
        if (node.kind != Kind::Map) {
            return add(Operator::Eq, node);
        }
        static const QList<std::pair<QString, Operator>> operators{
            {u"eq"_s, Operator::Eq},
            {u"ne"_s, Operator::Ne},
            {u"gt"_s, Operator::Gt},
            {u"ge"_s, Operator::Ge},
            {u"lt"_s, Operator::Lt},
            {u"le"_s, Operator::Le},
            {u"in"_s, Operator::In},
            {u"matches"_s, Operator::Matches}};
        QStringList names;
        for (const auto& [name, op] : operators) {
            names.append(name);
        }
        SB_CHECK(keys(node, u"a condition"_s, names));
        if (node.pairs.empty()) {
            return at(node, u"a condition needs an operator: %1"_s.arg(names.join(u", "_s)));
        }
        for (const auto& [key, value] : node.pairs) {
            SB_CHECK(add(operators[names.indexOf(key.text)].second, value));
        }
        return {};
    }

    Result<QJsonValue> toJson(const YamlNode& node)
    {
        switch (node.kind) {
        case Kind::Null:
            return QJsonValue(QJsonValue::Null);
        case Kind::List: {
            QJsonArray array;
            for (const YamlNode& item : node.items) {
                SB_TRY(const QJsonValue value, toJson(item));
                array.append(value);
            }
            return QJsonValue(array);
        }
        case Kind::Map:
            return at(node, u"a condition compares with a text, a number, true, false or a list"_s);
        case Kind::Scalar:
            break;
        }
        if (!node.quoted) {
            if (node.text == "true"_L1 || node.text == "false"_L1) {
                return QJsonValue(node.text == "true"_L1);
            }
            static const QRegularExpression decimal(
                u"\\A[-+]?([0-9]+\\.?[0-9]*|\\.[0-9]+)([eE][-+]?[0-9]+)?\\z"_s);
            bool ok = false;
            const double value = decimal.match(node.text).hasMatch() ? node.text.toDouble(&ok) : 0;
            if (ok) {
                return QJsonValue(value);
            }
        }
        return QJsonValue(node.text);
    }

    bool m_hasHashicorp = false;
};

} // namespace

Result<Config>
parse(const QByteArray& yaml, const QString& fileName, const Environment& environment)
{
    SB_TRY(const YamlNode root, readYaml(yaml, fileName));
    if (root.kind == Kind::Null) {
        return yamlError(fileName, 1, 1, u"the file is empty"_s);
    }
    return Parser(fileName, environment).parse(root);
}

} // namespace sb::config
