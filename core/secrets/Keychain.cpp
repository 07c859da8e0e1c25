#include "core/secrets/Keychain.h"

#include "core/secrets/Locked.h"

#include <qt6keychain/keychain.h>

using namespace Qt::StringLiterals;

namespace sb::secrets {

namespace {

const QString service = u"io.github.signalbox.Signalbox"_s;

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
    case QKeychain::NoError:
    case QKeychain::CouldNotDeleteEntry:
    case QKeychain::OtherError:
        break;
    }
    return {ErrorCode::Unavailable,
            u"No keychain answers in this session, so \"keychain:%1\" cannot be used; start a "
            u"Secret Service (gnome-keyring, KWallet), or store the key in the vault and name it "
            u"vault:%1."_s.arg(name),
            detail};
}

} // namespace

Keychain::Keychain(Executor& loop, Clock& clock, Milliseconds patience)
    : m_loop(loop), m_clock(clock), m_patience(patience)
{
}

// Answers Timeout when the keychain has not answered by then. The job goes on; a late answer is
// dropped.
template <class T>
std::shared_ptr<Promise<T>> Keychain::patient(const QString& name,
                                              const std::shared_ptr<Subscription>& timer)
{
    // Shared by the job and the timer; the first one answers.
    auto promise = std::make_shared<Promise<T>>();
    *timer = m_clock.after(m_patience, m_loop, [promise, name] {
        promise->set(fail(ErrorCode::Timeout,
                          u"The keychain did not answer about \"%1\" in time."_s.arg(name)));
    });
    return promise;
}

Future<SecretString> Keychain::read(const QString& name)
{
    const auto timer = std::make_shared<Subscription>();
    const auto promise = patient<SecretString>(name, timer);
    m_loop.post([name, promise, timer] {
        auto* job = new QKeychain::ReadPasswordJob(service); // deletes itself when it is done
        job->setKey(name);
        job->setInsecureFallback(false);
        QObject::connect(job, &QKeychain::Job::finished, job, [name, promise, timer, job] {
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
            promise->set(SecretString(std::move(value)));
        });
        job->start();
    });
    return promise->future();
}

Future<> Keychain::write(const QString& name, SecretString value)
{
    const auto timer = std::make_shared<Subscription>();
    const auto promise = patient<void>(name, timer);
    m_loop.post([name, promise, timer, value = std::move(value)] {
        auto* job = new QKeychain::WritePasswordJob(service);
        // QtKeychain keeps and wipes a copy of its own as well as it can.
        value.expose([&](QByteArrayView bytes) { job->setTextData(QString::fromUtf8(bytes)); });
        job->setKey(name);
        job->setInsecureFallback(false);
        QObject::connect(job, &QKeychain::Job::finished, job, [name, promise, timer, job] {
            timer->reset();
            if (job->error() == QKeychain::NoError) {
                promise->set({});
            } else {
                promise->set(
                    std::unexpected(keychainError(job->error(), job->errorString(), name)));
            }
        });
        job->start();
    });
    return promise->future();
}

Future<> Keychain::remove(const QString& name)
{
    const auto timer = std::make_shared<Subscription>();
    const auto promise = patient<void>(name, timer);
    m_loop.post([name, promise, timer] {
        auto* job = new QKeychain::DeletePasswordJob(service);
        job->setKey(name);
        job->setInsecureFallback(false);
        QObject::connect(job, &QKeychain::Job::finished, job, [name, promise, timer, job] {
            timer->reset();
            if (job->error() == QKeychain::NoError || job->error() == QKeychain::EntryNotFound) {
                promise->set({});
            } else {
                promise->set(
                    std::unexpected(keychainError(job->error(), job->errorString(), name)));
            }
        });
        job->start();
    });
    return promise->future();
}

} // namespace sb::secrets
