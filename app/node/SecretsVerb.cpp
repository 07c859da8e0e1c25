#include "app/node/SecretsVerb.h"

#include "core/base/Defence.h"
#include "core/config/Config.h"
#include "core/llm/HttpProvider.h"
#include "core/llm/HttpSetup.h"
#include "core/secrets/Locked.h"
#include "core/secrets/Redactor.h"
#include "core/server/Folders.h"
#include "core/server/SocketClient.h"

#include <QJsonArray>
#include <QNetworkAccessManager>
#include <QNetworkReply>
#include <fcntl.h>
#include <termios.h>
#include <unistd.h>

namespace sb::node {

using namespace Qt::StringLiterals;
using secrets::PassphraseQuestion;

namespace {

constexpr size_t mostBytes = 65536;

// The terminal without echo, until it goes.
class Hidden
{
public:
    Hidden() : m_fd(::open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY))
    {
        if (m_fd < 0 || ::tcgetattr(m_fd, &m_before) != 0) {
            return;
        }
        termios quiet = m_before;
        // Keys as they come, Ctrl+C too: a program that it ended would leave the terminal mute.
        quiet.c_lflag &= ~tcflag_t(ECHO | ECHONL | ICANON | ISIG);
        quiet.c_cc[VMIN] = 1;
        quiet.c_cc[VTIME] = 0;
        m_isQuiet = ::tcsetattr(m_fd, TCSAFLUSH, &quiet) == 0;
    }
    ~Hidden()
    {
        if (m_isQuiet) {
            ::tcsetattr(m_fd, TCSAFLUSH, &m_before);
        }
        if (m_fd >= 0) {
            ::close(m_fd);
        }
    }
    Hidden(const Hidden&) = delete;
    Hidden& operator=(const Hidden&) = delete;

    [[nodiscard]] bool isQuiet() const { return m_isQuiet; }
    void say(const QByteArray& text) const
    {
        (void)!::write(m_fd, text.constData(), size_t(text.size()));
    }
    [[nodiscard]] bool key(unsigned char& byte) const { return ::read(m_fd, &byte, 1) == 1; }

private:
    int m_fd;
    termios m_before = {};
    bool m_isQuiet = false;
};

// The value: from standard input, or asked for where that is a terminal. Never from the arguments,
// which others on this machine can read.
Result<SecretString> readValue(const QString& name)
{
    if (::isatty(STDIN_FILENO) == 1) {
        return askHidden(u"Value of %1 (nothing is shown): "_s.arg(name));
    }
    const secrets::Locked bytes(mostBytes + 1);
    size_t size = 0;
    while (size < bytes.size()) {
        const auto got = ::read(STDIN_FILENO, bytes.data() + size, bytes.size() - size);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            break;
        }
        size += size_t(got);
    }
    if (size > mostBytes) {
        return fail(ErrorCode::InvalidInput, u"A key has at most 64 KiB."_s);
    }
    if (size > 0 && bytes.data()[size - 1] == '\n') {
        size -= size > 1 && bytes.data()[size - 2] == '\r' ? 2 : 1;
    }
    if (size == 0) {
        return fail(ErrorCode::InvalidInput,
                    u"The value comes on standard input, and there was none."_s);
    }
    return bytes.secret(0, size);
}

// Asks a provider for its models, which costs nothing, with the key that is to be tried.
class Trial
{
public:
    explicit Trial(Executor& loop) : m_loop(loop) {}
    ~Trial()
    {
        m_loop.post([network = m_network] { network->reset(); });
    }
    Trial(const Trial&) = delete;
    Trial& operator=(const Trial&) = delete;

    Future<> ask(const config::Provider& provider, const secrets::Lease& key)
    {
        Promise<> promise;
        auto future = promise.future();
        m_loop.post([network = m_network, provider, key, promise = std::move(promise)]() mutable {
            const bool isAnthropic = provider.api == config::Api::Anthropic;
            const QString base =
                provider.baseUrl.isEmpty() ? u"https://api.anthropic.com"_s : provider.baseUrl;
            const QUrl url(base + (isAnthropic ? u"/v1/models"_s : u"/models"_s));
            QNetworkRequest request = llm::requestTo(url);
            request.setTransferTimeout(Milliseconds(20'000));
            key->expose([&](QByteArrayView bytes) {
                if (isAnthropic) {
                    request.setRawHeader("x-api-key", bytes.toByteArray());
                    request.setRawHeader("anthropic-version", "2023-06-01");
                } else {
                    request.setRawHeader("Authorization", "Bearer " + bytes.toByteArray());
                }
            });
            if (!*network) {
                *network = std::make_unique<QNetworkAccessManager>();
                llm::useNoProxy(**network);
            }
            if (url.scheme() == "https"_L1) {
                llm::ensureTlsPlugins();
            }
            QNetworkReply* const reply = (*network)->get(request);
            QObject::connect(reply,
                             &QNetworkReply::finished,
                             reply,
                             [reply, id = provider.id, promise = std::move(promise)] {
                                 reply->deleteLater();
                                 promise.set(verdict(*reply, id));
                             });
        });
        return future;
    }

private:
    static Result<> verdict(const QNetworkReply& reply, const QString& provider)
    {
        const int status = reply.attribute(QNetworkRequest::HttpStatusCodeAttribute).toInt();
        if (status == 401 || status == 403) {
            return fail(ErrorCode::Forbidden,
                        u"the provider \"%1\" does not accept it."_s.arg(provider));
        }
        // Some services have no list of models; they did look at the key before they said so.
        if ((status >= 200 && status < 300) || status == 404 || status == 405) {
            return {};
        }
        return fail(ErrorCode::Unavailable,
                    u"the provider \"%1\" could not be asked (%2); --untried takes it without "
                    u"asking."_s.arg(
                        provider, status > 0 ? u"status %1"_s.arg(status) : reply.errorString()));
    }

    Executor& m_loop;
    // Shared with the jobs on the loop, where alone it is touched.
    std::shared_ptr<std::unique_ptr<QNetworkAccessManager>> m_network =
        std::make_shared<std::unique_ptr<QNetworkAccessManager>>();
};

// What it takes to work with keys, without a runtime.
struct Keys
{
    SystemClock clock;
    LoopExecutor loop{u"keys"_s};
    Pool pool{1, u"keys-pool"_s};
    secrets::Redactor redactor;
    secrets::Secrets secrets;

    explicit Keys(const runtime::Home& home)
        : secrets({.vaultFile = home.vaultFile(),
                   .askPassphrase = terminalPassphrase(),
                   .beforeTls = llm::ensureTlsPlugins},
                  loop,
                  pool,
                  clock,
                  redactor)
    {
    }
};

Exit say(const QJsonObject& object, const QString& text, bool json)
{
    if (json) {
        printJson(object);
    } else {
        printLine(text.toUtf8());
    }
    return Exit::Succeeded;
}

// The runtime that lives on this home may remember the old value.
void tellRuntime(const runtime::Home& home, const QString& reference, const QString& what)
{
    auto client = server::SocketClient::connect(server::socketPathFor(home.run));
    if (!client) {
        return; // none is there that could
    }
    if (auto told = (*client)->request(protocol::KeyChanged{reference, what}).wait(); !told) {
        std::fprintf(stderr,
                     "signalbox-node: the running program could not be told, and may use the old "
                     "value until it is started anew: %s\n",
                     qPrintable(told.error().message));
    }
}

Exit list(Keys& keys, const config::Config* config, bool json)
{
    QMap<QString, QStringList> uses;
    if (config) {
        for (const auto& provider : config->providers) {
            uses[provider.key].append(u"provider "_s + provider.id);
        }
        for (const auto& agent : config->agents) {
            for (const auto& injection : agent.network.injections) {
                uses[injection.key].append(u"agent %1, %2"_s.arg(agent.id, injection.host));
            }
        }
        if (config->secrets.hashicorp) {
            uses[config->secrets.hashicorp->token].append(u"secrets.hashicorp"_s);
        }
        uses.remove(QString());
    }
    auto names = keys.secrets.vaultNames().wait();
    if (!names) {
        return complain(names.error(), json);
    }
    QSet<QString> inVault;
    for (const QString& name : *names) {
        inVault.insert(u"vault:"_s + name);
        uses[u"vault:"_s + name]; // listed also when nothing uses it
    }
    for (const auto& [reference, users] : uses.asKeyValueRange()) {
        const bool isMissing = reference.startsWith("vault:"_L1) && !inVault.contains(reference);
        const QString text = users.isEmpty() ? u"nothing uses it"_s : users.join(u"; "_s);
        (void)say({{u"reference"_s, reference},
                   {u"used_by"_s, QJsonArray::fromStringList(users)},
                   {u"missing"_s, isMissing}},
                  reference + u"  "_s + text + (isMissing ? u"; not in the vault"_s : QString()),
                  json);
    }
    if (uses.isEmpty() && !json) {
        printLine("No keys are named or kept. \"signalbox-node secrets set NAME\" stores one.");
    }
    return Exit::Succeeded;
}

// A key may be named as the configuration does, or by its name alone.
QString referenceOf(const QString& word, const config::Config* config)
{
    if (word.contains(u':')) {
        return word;
    }
    const QString inVault = u"vault:"_s + word;
    return config && config->keyReferences().contains(inVault) ? inVault
                                                               : QString(u"keychain:"_s + word);
}

Exit rotate(Keys& keys,
            const config::Config* config,
            const runtime::Home& home,
            const QString& reference,
            bool isUntried,
            bool json)
{
    Trial trial(keys.loop);
    secrets::Validate validate;
    QString triedBy;
    if (config && !isUntried) {
        for (const auto& provider : config->providers) {
            if (provider.key == reference && provider.api != config::Api::Rehearsal) {
                validate = [&trial, provider](const secrets::Lease& key) {
                    return trial.ask(provider, key);
                };
                triedBy = provider.id;
                break;
            }
        }
    }
    const bool isKept = reference.startsWith("keychain:"_L1) || reference.startsWith("vault:"_L1);
    std::optional<SecretString> value;
    if (isKept) {
        auto read = readValue(reference);
        if (!read) {
            return complain(read.error(), json);
        }
        value = std::move(*read);
    }
    auto rotated = keys.secrets.rotate(reference, std::move(value), std::move(validate)).wait();
    if (!rotated) {
        return complain(rotated.error(), json);
    }
    tellRuntime(home, reference, u"rotated"_s);
    return say({{u"reference"_s, reference}, {u"tried_by"_s, triedBy}},
               triedBy.isEmpty() ? u"%1 has its new value, which was not tried."_s.arg(reference)
                                 : u"%1 has its new value; the provider \"%2\" accepts it."_s.arg(
                                       reference, triedBy),
               json);
}

} // namespace

Result<SecretString> askHidden(const QString& prompt)
{
    const Hidden terminal;
    if (!terminal.isQuiet()) {
        return fail(ErrorCode::Unavailable, u"There is no terminal to ask at."_s);
    }
    terminal.say(prompt.toUtf8());
    const secrets::Locked bytes(mostBytes);
    size_t size = 0;
    unsigned char byte = 0;
    while (terminal.key(byte) && byte != '\n' && byte != '\r') {
        constexpr unsigned char interrupt = 3;
        constexpr unsigned char endOfFile = 4;
        constexpr unsigned char eraseLine = 21;
        constexpr unsigned char erase = 127;
        if (byte == interrupt || byte == endOfFile) {
            terminal.say("\n");
            return fail(ErrorCode::Cancelled, u"It was cancelled."_s);
        }
        if (byte == eraseLine) {
            size = 0;
        } else if (byte == erase || byte == '\b') {
            // A whole character of UTF-8.
            while (size > 0 && (bytes.data()[--size] & 0xc0) == 0x80) {
            }
        } else if (size < bytes.size()) {
            bytes.data()[size++] = byte;
        }
    }
    terminal.say("\n");
    byte = 0;
    if (size == 0) {
        return fail(ErrorCode::InvalidInput, u"Nothing was typed."_s);
    }
    return bytes.secret(0, size);
}

secrets::AskPassphrase terminalPassphrase()
{
    const int fd = ::open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
    if (fd < 0) {
        return {};
    }
    ::close(fd);
    return [](const PassphraseQuestion& question) {
        using Answer = Future<SecretString>;
        if (question.kind == PassphraseQuestion::Kind::Unlock) {
            return Answer::ready(askHidden(question.attempt > 1
                                               ? u"That was not it. Passphrase of the vault: "_s
                                               : u"Passphrase of the vault: "_s));
        }
        auto first =
            askHidden(u"No keychain answers, so keys go into an encrypted vault, %1.\n"
                      u"Passphrase for it (at least 8 characters): "_s.arg(question.vault));
        if (!first) {
            return Answer::ready(std::move(first));
        }
        auto second = askHidden(u"The same again: "_s);
        if (!second) {
            return Answer::ready(std::move(second));
        }
        const bool isSame = first->expose([&](QByteArrayView a) {
            return second->expose([&](QByteArrayView b) {
                return a.size() == b.size() &&
                       sodium_memcmp(a.data(), b.data(), size_t(a.size())) == 0;
            });
        });
        if (!isSame) {
            return Answer::ready(fail(ErrorCode::Cancelled, u"The two are not the same."_s));
        }
        return Answer::ready(std::move(first));
    };
}

Exit secretsVerb(Arguments arguments, QStringList words)
{
    if (auto read = readOptions(arguments, std::move(words), {}, {u"--untried"_s}); !read) {
        return complain(read.error(), arguments.json);
    }
    const bool json = arguments.json;
    const QString action = arguments.rest.value(0);
    const QString name = arguments.rest.value(1);
    const bool takesName = action == "set"_L1 || action == "remove"_L1 || action == "rotate"_L1;
    if (defended("secrets.argv") && arguments.rest.size() > 2 && takesName) {
        // What follows is not shown: it is the value, most likely.
        return complain({ErrorCode::InvalidInput,
                         u"A value is never given as an argument, where others on this machine can "
                         u"read it; it comes on standard input."_s,
                         {}},
                        json);
    }
    if ((defended("secrets.argv") && arguments.rest.size() != (takesName ? 2 : 1)) ||
        (!takesName && action != "list"_L1 && action != "passphrase"_L1)) {
        return complain({ErrorCode::InvalidInput,
                         u"It is secrets list, set NAME, remove NAME, rotate NAME or passphrase."_s,
                         {}},
                        json);
    }
    if (auto prepared = arguments.home.prepare(); !prepared) {
        return complain(prepared.error(), json);
    }
    // Needed only to say who uses a key, and to try one.
    const auto read = config::load(arguments.home.config, arguments.home.user);
    const config::Config* const config = read ? &*read : nullptr;
    Keys keys(arguments.home);
    if (config && config->secrets.hashicorp) {
        const auto& place = *config->secrets.hashicorp;
        keys.secrets.setHashiCorp(
            secrets::HashiCorpPlace{place.address, place.token, place.nameSpace, place.mount});
    }
    if (action == "list"_L1) {
        return list(keys, config, json);
    }
    if (action == "passphrase"_L1) {
        if (auto open = keys.secrets.unlockVault().wait(); !open) {
            return complain(open.error(), json);
        }
        auto fresh = askHidden(u"New passphrase of the vault (at least 8 characters): "_s);
        if (!fresh) {
            return complain(fresh.error(), json);
        }
        if (auto done = keys.secrets.changePassphrase(std::move(*fresh)).wait(); !done) {
            return complain(done.error(), json);
        }
        return say({{u"vault"_s, arguments.home.vaultFile()}},
                   u"The vault has its new passphrase."_s,
                   json);
    }
    if (action == "rotate"_L1) {
        return rotate(keys,
                      config,
                      arguments.home,
                      referenceOf(name, config),
                      arguments.options.contains(u"--untried"_s),
                      json);
    }
    if (action == "remove"_L1) {
        const QString reference = referenceOf(name, config);
        if (auto done = keys.secrets.remove(reference).wait(); !done) {
            return complain(done.error(), json);
        }
        tellRuntime(arguments.home, reference, u"removed"_s);
        return say({{u"reference"_s, reference}}, u"%1 is gone."_s.arg(reference), json);
    }
    auto value = arguments.rest.size() > 2 ? SecretString(arguments.rest[2].toUtf8()) // a test's
                                           : readValue(name);
    if (!value) {
        return complain(value.error(), json);
    }
    auto reference = keys.secrets.store(name, std::move(*value)).wait();
    if (!reference) {
        return complain(reference.error(), json);
    }
    tellRuntime(arguments.home, *reference, u"stored"_s);
    return say({{u"reference"_s, *reference}},
               u"Stored. In signalbox.yaml it is  key: \"%1\""_s.arg(*reference),
               json);
}

} // namespace sb::node
