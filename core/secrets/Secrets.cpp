#include "core/secrets/Secrets.h"

#include "core/base/Guarded.h"
#include "core/secrets/Redactor.h"

#include <QFile>
#include <QFileInfo>
#include <QSet>
#include <map>
#include <qt6keychain/keychain.h>
#include <sodium.h>

using namespace Qt::StringLiterals;

namespace sb::secrets {

namespace {

const QString service = u"io.github.signalbox.Signalbox"_s;
constexpr qint64 maxFile = 65536;

void wipe(QByteArray& bytes)
{
    bytes.detach();
    sodium_memzero(bytes.data(), size_t(bytes.size()));
    bytes.clear();
}

void wipe(QString& text)
{
    text.detach();
    sodium_memzero(text.data(), size_t(text.size()) * sizeof(QChar));
    text.clear();
}

// The Secret Service, KWallet and the rest say the same things in many words.
Error keychainError(QKeychain::Error code, const QString& detail, const QString& name)
{
    switch (code) {
    case QKeychain::EntryNotFound:
        return {ErrorCode::NotFound, u"The keychain holds no entry \"%1\"."_s.arg(name), detail};
    case QKeychain::AccessDenied:
    case QKeychain::AccessDeniedByUser:
        return {ErrorCode::Forbidden,
                u"The keychain did not give access to \"%1\"."_s.arg(name),
                detail};
    case QKeychain::NoBackendAvailable:
    case QKeychain::NotImplemented:
        break;
    case QKeychain::NoError:
    case QKeychain::CouldNotDeleteEntry:
    case QKeychain::OtherError:
        break;
    }
    return {ErrorCode::Unavailable,
            u"No keychain answers in this session, so \"keychain:%1\" cannot be used; start a "
            u"Secret Service "
            "(gnome-keyring, KWallet) or use env: or file:."_s.arg(name),
            detail};
}

} // namespace

struct Secrets::Private : std::enable_shared_from_this<Secrets::Private>
{
    Settings settings;
    Executor& loop;
    Executor& pool;
    Clock& clock;
    Redactor& redactor;
    Guarded<std::map<QString, SecretString>> remembered;
    Guarded<QSet<QString>> warned;

    Private(Settings s, Executor& l, Executor& p, Clock& c, Redactor& r)
        : settings(std::move(s)), loop(l), pool(p), clock(c), redactor(r)
    {
    }

    // The one way in which a value leaves: the redactor knows it first.
    Result<SecretString> handOut(const QString& reference, SecretString value)
    {
        redactor.add(reference, value);
        return value;
    }

    Result<SecretString> fromEnvironment(const QString& reference, const QString& name)
    {
        QByteArray value = qgetenv(name.toUtf8().constData());
        if (value.isEmpty()) {
            return fail(ErrorCode::NotFound,
                        u"The environment variable %1, which holds a key, is not set."_s.arg(name));
        }
        return handOut(reference, SecretString(std::move(value)));
    }

    Result<SecretString> fromFile(const QString& reference, const QString& path)
    {
        const QFileInfo info(path);
        if (!info.exists()) {
            return fail(ErrorCode::NotFound, u"The key file %1 does not exist."_s.arg(path), path);
        }
        if (!info.isFile()) {
            return fail(ErrorCode::InvalidInput,
                        u"The key file %1 is not a regular file."_s.arg(path),
                        path);
        }
        QFile file(path);
        if (!file.open(QIODevice::ReadOnly | QIODevice::Unbuffered)) {
            return fail(ErrorCode::Forbidden,
                        u"The key file %1 cannot be read (%2)."_s.arg(path, file.errorString()),
                        path);
        }
        QByteArray value = file.read(maxFile + 1);
        if (file.error() != QFileDevice::NoError) {
            wipe(value);
            return fail(ErrorCode::Io,
                        u"The key file %1 cannot be read (%2)."_s.arg(path, file.errorString()),
                        path);
        }
        if (value.size() > maxFile) {
            wipe(value);
            return fail(ErrorCode::InvalidInput,
                        u"The key file %1 is larger than 64 KiB."_s.arg(path),
                        path);
        }
        if (value.endsWith('\n')) {
            value.chop(value.endsWith("\r\n") ? 2 : 1);
        }
        if (value.isEmpty()) {
            return fail(ErrorCode::InvalidInput, u"The key file %1 is empty."_s.arg(path), path);
        }
        constexpr auto others = QFileDevice::ReadGroup | QFileDevice::ReadOther;
        const bool open = (info.permissions() & others) != QFileDevice::Permissions();
        if (open && settings.warn && warned.withLock([&](QSet<QString>& paths) {
                const bool first = !paths.contains(path);
                paths.insert(path);
                return first;
            })) {
            settings.warn(
                u"Others on this machine can read the key file %1; \"chmod 600\" closes it."_s.arg(
                    path));
        }
        return handOut(reference, SecretString(std::move(value)));
    }

    // Answers Timeout when the keychain has not answered by then. The job goes on; a late answer is
    // dropped.
    template <class T>
    std::shared_ptr<Promise<T>> patient(const QString& name,
                                        const std::shared_ptr<Subscription>& timer)
    {
        auto promise = std::make_shared<Promise<T>>(); // shared by the job and the timer; the first
                                                       // one answers
        *timer = clock.after(settings.keychainPatience, loop, [promise, name] {
            promise->set(fail(ErrorCode::Timeout,
                              u"The keychain did not answer about \"%1\" in time."_s.arg(name)));
        });
        return promise;
    }

    Future<SecretString> fromKeychain(const QString& reference, const QString& name)
    {
        auto known = remembered.withLock([&](auto& values) -> std::optional<SecretString> {
            const auto found = values.find(reference);
            return found == values.end() ? std::nullopt : std::optional(found->second.clone());
        });
        if (known) {
            return Future<SecretString>::ready(std::move(*known));
        }
        const auto timer = std::make_shared<Subscription>();
        const auto promise = patient<SecretString>(name, timer);
        loop.post([self = shared_from_this(), reference, name, promise, timer] {
            auto* job = new QKeychain::ReadPasswordJob(service); // deletes itself when it is done
            job->setKey(name);
            job->setInsecureFallback(false);
            QObject::connect(
                job, &QKeychain::Job::finished, job, [self, reference, name, promise, timer, job] {
                    timer->reset();
                    if (job->error() != QKeychain::NoError) {
                        promise->set(
                            std::unexpected(keychainError(job->error(), job->errorString(), name)));
                        return;
                    }
                    QByteArray value = job->binaryData();
                    if (value.isEmpty()) {
                        QString text = job->textData();
                        value = text.toUtf8();
                        wipe(text);
                    }
                    if (value.isEmpty()) {
                        promise->set(fail(ErrorCode::NotFound,
                                          u"The keychain's entry \"%1\" is empty."_s.arg(name)));
                        return;
                    }
                    SecretString secret(std::move(value));
                    self->remembered.withLock(
                        [&](auto& values) { values.insert_or_assign(reference, secret.clone()); });
                    promise->set(self->handOut(reference, std::move(secret)));
                });
            job->start();
        });
        return promise->future();
    }
};

Secrets::Secrets(
    Settings settings, Executor& loop, Executor& pool, Clock& clock, Redactor& redactor)
    : m(std::make_shared<Private>(std::move(settings), loop, pool, clock, redactor))
{
}

Secrets::~Secrets() = default;

Future<SecretString> Secrets::resolve(const QString& reference)
{
    const auto colon = reference.indexOf(u':');
    const QString kind = reference.left(std::max<qsizetype>(0, colon));
    const QString name = reference.mid(colon + 1);
    using Answer = Future<SecretString>;
    if (colon > 0 && !name.isEmpty()) {
        if (kind == "env"_L1) {
            return Answer::ready(m->fromEnvironment(reference, name));
        }
        if (kind == "file"_L1) {
            return runOn(m->pool,
                         [p = m, reference, name] { return p->fromFile(reference, name); });
        }
        if (kind == "keychain"_L1) {
            return m->fromKeychain(reference, name);
        }
        if (kind == "vault"_L1) {
            return Answer::ready(
                fail(ErrorCode::Unsupported,
                     u"This version has no vault; use env:, file: or keychain:."_s));
        }
    }
    // Not shown: it may be a key that somebody put in the place of its name.
    return Answer::ready(
        fail(ErrorCode::InvalidInput,
             u"A key is named by a reference: env:NAME, file:PATH or keychain:NAME."_s));
}

void Secrets::forget(const QString& reference)
{
    m->remembered.withLock([&](auto& values) { values.erase(reference); });
}

Future<> Secrets::store(const QString& name, SecretString value)
{
    const QString reference = u"keychain:"_s + name;
    forget(reference);
    const auto timer = std::make_shared<Subscription>();
    const auto promise = m->patient<void>(name, timer);
    m->loop.post([self = m, name, reference, promise, timer, value = std::move(value)] {
        QKeychain::Job* job = nullptr;
        if (value.isEmpty()) {
            job = new QKeychain::DeletePasswordJob(service);
        } else {
            auto* write = new QKeychain::WritePasswordJob(service);
            // QtKeychain keeps and wipes a copy of its own as well as it can.
            value.expose(
                [&](QByteArrayView bytes) { write->setTextData(QString::fromUtf8(bytes)); });
            self->redactor.add(reference, value);
            job = write;
        }
        job->setKey(name);
        job->setInsecureFallback(false);
        QObject::connect(job,
                         &QKeychain::Job::finished,
                         job,
                         [self, name, promise, timer, job, removes = value.isEmpty()] {
                             timer->reset();
                             if (job->error() == QKeychain::NoError ||
                                 (removes && job->error() == QKeychain::EntryNotFound)) {
                                 promise->set({});
                             } else {
                                 promise->set(std::unexpected(
                                     keychainError(job->error(), job->errorString(), name)));
                             }
                         });
        job->start();
    });
    return promise->future();
}

} // namespace sb::secrets
