#include "core/config/Config.h"
#include "core/config/Yaml.h"

#include <QDir>
#include <QJsonArray>
#include <QRegularExpression>
#include <QUrl>

using namespace Qt::StringLiterals;

namespace sb::config {

namespace {

using Kind = YamlNode::Kind;

// How many letters must change to make one word of the other; more than `limit` is not counted.
qsizetype distance(QStringView a, QStringView b)
{
    std::vector<qsizetype> row(size_t(b.size()) + 1);
    for (size_t i = 0; i < row.size(); ++i) {
        row[i] = qsizetype(i);
    }
    for (qsizetype i = 1; i <= a.size(); ++i) {
        qsizetype before = std::exchange(row[0], i);
        for (qsizetype j = 1; j <= b.size(); ++j) {
            const auto at = size_t(j);
            const qsizetype change = before + (a[i - 1].toLower() == b[j - 1].toLower() ? 0 : 1);
            before = row[at];
            row[at] = std::min({row[at] + 1, row[at - 1] + 1, change});
        }
    }
    return row.back();
}

// "; did you mean "policy"?" or, where nothing comes close, the choices themselves.
QString suggestion(const QString& word, const QStringList& known)
{
    QString best;
    qsizetype bestDistance = std::max<qsizetype>(2, word.size() / 3) + 1;
    for (const QString& candidate : known) {
        const auto d = word.size() > 100 ? bestDistance : distance(word, candidate);
        if (d < bestDistance && d < candidate.size()) {
            bestDistance = d;
            best = candidate;
        }
    }
    if (!best.isEmpty()) {
        return u"; did you mean \"%1\"?"_s.arg(best);
    }
    return known.isEmpty() || known.size() > 12 ? QString()
                                                : u"; known here: %1"_s.arg(known.join(u", "_s));
}

QString shortened(const QString& text)
{
    return text.size() > 60 ? QString(text.left(57) + u"…"_s) : text;
}

class Parser
{
public:
    Parser(const QString& fileName, const Environment& environment)
        : m_fileName(fileName), m_environment(environment)
    {
    }

    Result<Config> parse(const YamlNode& root)
    {
        Config config;
        SB_CHECK(keys(root, u"the file"_s, {u"models"_s, u"agents"_s, u"approvals"_s}));
        SB_TRY(const YamlNode* models, required(root, u"models"_s, u"the file"_s));
        SB_CHECK(readModels(*models, config));
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
        if (const YamlNode* approvals = root.find(u"approvals")) {
            SB_CHECK(keys(*approvals, u"approvals"_s, {u"expire_after"_s}));
            if (const YamlNode* expire = approvals->find(u"expire_after")) {
                SB_TRY(config.approvals.expireAfter, duration(*expire, u"expire_after"_s));
            }
        }
        return config;
    }

private:
    [[nodiscard]] std::unexpected<Error> at(const YamlNode& node, const QString& message) const
    {
        return yamlError(m_fileName, node.line, node.column, message);
    }

    // A map that holds only these keys.
    Result<> keys(const YamlNode& node, const QString& what, const QStringList& known)
    {
        if (node.kind != Kind::Map) {
            return at(node, u"%1 must be a set of keys (key: value)"_s.arg(what));
        }
        for (const auto& [key, value] : node.pairs) {
            if (!known.contains(key.text)) {
                QString message =
                    u"\"%1\" is not a known key of %2"_s.arg(shortened(key.text), what) +
                    suggestion(key.text, known);
                auto error = at(key, message);
                if (message.endsWith(u'?')) {
                    error.error().message.chop(1); // the question mark ends the sentence
                }
                return error;
            }
        }
        return {};
    }

    Result<const YamlNode*> required(const YamlNode& node, const QString& key, const QString& what)
    {
        const YamlNode* found = node.find(key);
        if (!found) {
            return at(node, u"%1 needs the key \"%2\""_s.arg(what, key));
        }
        return found;
    }

    Result<> list(const YamlNode& node, const QString& what)
    {
        if (node.kind != Kind::List) {
            return at(node, u"%1 must be a list (lines that start with -, or [a, b])"_s.arg(what));
        }
        return {};
    }

    Result<QString> text(const YamlNode& node, const QString& what)
    {
        if (node.kind != Kind::Scalar) {
            return at(node, u"%1 must be a text"_s.arg(what));
        }
        if (node.text.trimmed().isEmpty()) {
            return at(node, u"%1 must not be empty"_s.arg(what));
        }
        return node.text;
    }

    Result<QString> requiredText(const YamlNode& node, const QString& key, const QString& what)
    {
        SB_TRY(const YamlNode* found, required(node, key, what));
        return text(*found, key);
    }

    template <class E>
    Result<E>
    oneOf(const YamlNode& node, const QString& what, const QList<std::pair<QString, E>>& names)
    {
        SB_TRY(const QString word, text(node, what));
        QStringList known;
        for (const auto& [name, value] : names) {
            if (name == word) {
                return value;
            }
            known.append(name);
        }
        return at(node,
                  u"%1 cannot be \"%2\"; it is one of %3"_s.arg(
                      what, shortened(word), known.join(u", "_s)));
    }

    Result<double> number(const YamlNode& node, const QString& what, double least, double most)
    {
        bool ok = false;
        const double value = node.text.toDouble(&ok);
        if (node.kind != Kind::Scalar || node.quoted || !ok || !(value >= least && value <= most)) {
            return at(node,
                      u"%1 must be a number from %2 to %3"_s.arg(
                          what, QString::number(least), QString::number(most, 'f', 0)));
        }
        return value;
    }

    Result<int> whole(const YamlNode& node, const QString& what, int least, int most)
    {
        SB_TRY(const double value, number(node, what, least, most));
        if (value != double(int(value))) {
            return at(node, u"%1 must be a whole number"_s.arg(what));
        }
        return int(value);
    }

    // 90, 90s, 15m, 24h, 7d.
    Result<Milliseconds> duration(const YamlNode& node, const QString& what)
    {
        const auto bad = [&] {
            return at(
                node,
                u"%1 must be a time such as 90s, 15m, 24h or 7d, at most 366 days"_s.arg(what));
        };
        if (node.kind != Kind::Scalar || node.text.isEmpty()) {
            return bad();
        }
        static const QMap<QChar, qint64> units{{u's', 1}, {u'm', 60}, {u'h', 3600}, {u'd', 86400}};
        const QChar last = node.text.back();
        const bool hasUnit = units.contains(last);
        bool ok = false;
        const double count = QStringView(node.text).chopped(hasUnit ? 1 : 0).toDouble(&ok);
        const double seconds = count * double(hasUnit ? units[last] : 1);
        if (!ok || !(seconds > 0) || seconds > 366.0 * 86400) {
            return bad();
        }
        return Milliseconds(std::max<qint64>(1, qint64(seconds * 1000)));
    }

    // ~ is the home; a relative path starts at the file's folder.
    Result<QString> path(const YamlNode& node, const QString& what, QString value)
    {
        if (value.startsWith(u'$')) {
            return at(
                node,
                u"%1 cannot hold a variable; write ~ for the home folder, or the whole path"_s.arg(
                    what));
        }
        if (value == "~"_L1 || value.startsWith("~/"_L1)) {
            value.replace(0, 1, m_environment.home);
        } else if (value.startsWith(u'~')) {
            return at(
                node,
                u"%1 can start with ~/ for your own home, not with that of another user"_s.arg(
                    what));
        } else if (!value.startsWith(u'/')) {
            value = m_environment.folder + u'/' + value;
        }
        for (const QChar c : value) {
            if (c.unicode() < 0x20) {
                return at(node, u"%1 holds a control character"_s.arg(what));
            }
        }
        return QDir::cleanPath(value);
    }

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
            SB_TRY(provider.baseUrl, baseUrl(*url));
        } else if (provider.api == Api::OpenAiChat) {
            return at(node, u"the provider \"%1\" needs the key \"base_url\""_s.arg(provider.id));
        }
        if (const YamlNode* key = node.find(u"key")) {
            SB_TRY(provider.key, keyReference(*key));
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

    Result<QString> baseUrl(const YamlNode& node)
    {
        SB_TRY(QString value, text(node, u"base_url"_s));
        const QUrl url(value, QUrl::StrictMode);
        if (!url.isValid() || url.host().isEmpty() ||
            (url.scheme() != "http"_L1 && url.scheme() != "https"_L1)) {
            return at(node, u"base_url must be an address that starts with http:// or https://"_s);
        }
        if (!url.userInfo().isEmpty()) {
            return at(node,
                      u"base_url must not hold a user or password; use key with a reference"_s);
        }
        if (url.hasQuery() || url.hasFragment()) {
            return at(node, u"base_url must not hold a ? or #"_s);
        }
        while (value.endsWith(u'/')) {
            value.chop(1);
        }
        return value;
    }

    // Never shows the value: it may be a key that somebody pasted.
    Result<QString> keyReference(const YamlNode& node)
    {
        const auto bad = [&] {
            return at(
                node,
                u"keys are references, never values: env:NAME, keychain:NAME, file:PATH or vault:NAME"_s);
        };
        if (node.kind != Kind::Scalar) {
            return bad();
        }
        const auto colon = node.text.indexOf(u':');
        const QString kind = node.text.left(std::max<qsizetype>(0, colon));
        QString name = node.text.mid(colon + 1);
        if (colon < 0 || name.trimmed().isEmpty()) {
            return bad();
        }
        if (kind == "env"_L1) {
            static const QRegularExpression variable(u"\\A[A-Za-z_][A-Za-z0-9_]{0,127}\\z"_s);
            if (!variable.match(name).hasMatch()) {
                return at(node, u"env: must be followed by the name of an environment variable"_s);
            }
        } else if (kind == "file"_L1) {
            SB_TRY(name, path(node, u"key"_s, name));
        } else if (kind == "keychain"_L1 || kind == "vault"_L1) {
            if (name.size() > 128) {
                return at(node,
                          u"%1: must be followed by a name of at most 128 characters"_s.arg(kind));
            }
        } else {
            return bad();
        }
        return QString(kind + u':' + name);
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
            SB_CHECK(keys(*network, u"network"_s, {u"allow"_s}));
            if (const YamlNode* allow = network->find(u"allow")) {
                SB_CHECK(list(*allow, u"allow"_s));
                for (const YamlNode& item : allow->items) {
                    SB_TRY(const QString host, address(item));
                    agent.allowedHosts.append(host);
                }
            }
        }
        if (const YamlNode* rules = node.find(u"policy")) {
            SB_CHECK(list(*rules, u"policy"_s));
            for (const YamlNode& item : rules->items) {
                SB_TRY(policy::Rule rule, readRule(item));
                agent.rules.append(std::move(rule));
            }
        }
        if (const YamlNode* limits = node.find(u"limits")) {
            SB_CHECK(readLimits(*limits, agent.limits));
        }
        return agent;
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
                       u"processes"_s}));
        const QList<std::tuple<QString, int*, int>> numbers{
            {u"workers"_s, &limits.workers, 10'000},
            {u"branches"_s, &limits.branches, 10'000},
            {u"tool_calls"_s, &limits.toolCalls, 100'000},
            {u"output_tokens"_s, &limits.outputTokens, 1'000'000},
            {u"processes"_s, &limits.processes, 30'000}};
        for (const auto& [key, target, most] : numbers) {
            if (const YamlNode* found = node.find(key)) {
                SB_TRY(*target, whole(*found, key, 1, most));
            }
        }
        if (const YamlNode* found = node.find(u"memory_mb")) {
            SB_TRY(const int megabytes, whole(*found, u"memory_mb"_s, 16, 1 << 20));
            limits.memoryBytes = qint64(megabytes) << 20;
        }
        if (const YamlNode* found = node.find(u"command_timeout")) {
            SB_TRY(limits.commandTimeout, duration(*found, u"command_timeout"_s));
        }
        return {};
    }

    Result<QString> address(const YamlNode& node)
    {
        SB_TRY(const QString value, text(node, u"an address"_s));
        static const QRegularExpression pattern(
            u"\\A(\\*\\.)?([a-z0-9_]([a-z0-9_-]*[a-z0-9_])?\\.)*[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?:([0-9]{1,5})\\z"_s);
        static const QRegularExpression six(u"\\A\\[[0-9a-f:.]+\\]:([0-9]{1,5})\\z"_s);
        QString lower = value.toLower();
        const auto match = pattern.match(lower);
        const auto sixMatch = six.match(lower);
        const int port = match.hasMatch()      ? match.captured(5).toInt()
                         : sixMatch.hasMatch() ? sixMatch.captured(1).toInt()
                                               : 0;
        if (port < 1 || port > 65535) {
            return at(
                node,
                u"the address \"%1\" must be written host:port, as in gitlab.com:443 or *.example.org:443"_s
                    .arg(shortened(value)));
        }
        return lower;
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

    const QString& m_fileName;
    const Environment& m_environment;
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
