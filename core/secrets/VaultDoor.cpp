#include "core/secrets/VaultDoor.h"

using namespace Qt::StringLiterals;

namespace sb::secrets {

namespace {

constexpr int mostAttempts = 3;

Error staysLocked()
{
    return {
        ErrorCode::Locked, u"The vault stays locked, because its passphrase was not given."_s, {}};
}

} // namespace

VaultDoor::VaultDoor(const QString& file, AskPassphrase ask, Executor& pool)
    : m_vault(file), m_ask(std::move(ask)), m_pool(pool)
{
}

template <class T>
Future<T> VaultDoor::open(bool mayCreate, std::function<Result<T>(Vault&)> work)
{
    auto promise = std::make_shared<Promise<T>>(); // shared by the first try and the second
    m_pool.post([self = shared_from_this(), promise, mayCreate, work = std::move(work)] {
        Result<T> first = work(self->m_vault);
        const bool isAbsent = !first && first.error().code == ErrorCode::NotFound && mayCreate &&
                              !self->m_vault.exists();
        if (first || (first.error().code != ErrorCode::Locked && !isAbsent)) {
            promise->set(std::move(first));
            return;
        }
        self->opened(isAbsent ? PassphraseQuestion::Kind::Create : PassphraseQuestion::Kind::Unlock,
                     [self, promise, work](Result<> result) {
                         if (!result) {
                             promise->set(std::unexpected(result.error()));
                         } else {
                             promise->set(work(self->m_vault));
                         }
                     });
    });
    return promise->future();
}

void VaultDoor::opened(PassphraseQuestion::Kind kind, std::move_only_function<void(Result<>)> then)
{
    if (!m_ask) {
        then(fail(ErrorCode::Locked,
                  u"The vault is locked, and nobody can be asked for its passphrase here; start "
                  u"Signalbox on a terminal or in the window, or keep the key elsewhere."_s));
        return;
    }
    enum class Next { Ask, Wait, Refuse };
    const Next next = m_waiting.withLock([&](Waiting& waiting) {
        if (waiting.wasRefused) {
            return Next::Refuse;
        }
        waiting.callbacks.push_back(std::move(then));
        return std::exchange(waiting.isAsking, true) ? Next::Wait : Next::Ask;
    });
    if (next == Next::Refuse) {
        then(std::unexpected(staysLocked()));
    } else if (next == Next::Ask) {
        ask({kind, 1, m_vault.path()});
    }
}

void VaultDoor::ask(const PassphraseQuestion& question)
{
    m_ask(question).then(m_pool,
                         [self = shared_from_this(), question](Result<SecretString> passphrase) {
                             self->answered(question, std::move(passphrase));
                         });
}

// On the pool: to derive the keys takes its time.
void VaultDoor::answered(const PassphraseQuestion& question, Result<SecretString> passphrase)
{
    if (!passphrase) {
        finish(std::unexpected(staysLocked()), true);
        return;
    }
    const Result<> done = question.kind == PassphraseQuestion::Kind::Create
                              ? m_vault.create(*passphrase)
                              : m_vault.unlock(*passphrase);
    const bool wasWrong = !done && (done.error().code == ErrorCode::Forbidden ||
                                    done.error().code == ErrorCode::InvalidInput);
    if (wasWrong && question.attempt < mostAttempts) {
        PassphraseQuestion again = question;
        ++again.attempt;
        ask(again);
        return;
    }
    finish(done, wasWrong);
}

void VaultDoor::finish(const Result<>& result, bool wasRefused)
{
    auto callbacks = m_waiting.withLock([&](Waiting& waiting) {
        waiting.isAsking = false;
        waiting.wasRefused = wasRefused;
        return std::exchange(waiting.callbacks, {});
    });
    for (auto& callback : callbacks) {
        callback(result);
    }
}

Future<SecretString> VaultDoor::read(const QString& name)
{
    return open<SecretString>(false, [name](Vault& vault) { return vault.read(name); });
}

Future<> VaultDoor::write(const QString& name, SecretString value)
{
    // Shared, for it may take two tries.
    const auto shared = std::make_shared<const SecretString>(std::move(value));
    return open<void>(!shared->isEmpty(),
                      [name, shared](Vault& vault) { return vault.write(name, *shared); });
}

Future<QStringList> VaultDoor::names()
{
    return runOn(m_pool, [self = shared_from_this()]() -> Result<QStringList> {
        if (!self->m_vault.exists()) {
            return QStringList();
        }
        return self->m_vault.names();
    });
}

Future<> VaultDoor::unlock()
{
    m_waiting.withLock([](Waiting& waiting) { waiting.wasRefused = false; });
    return open<void>(false, [](Vault& vault) -> Result<> {
        if (vault.isUnlocked()) {
            return {};
        }
        if (!vault.exists()) {
            return fail(ErrorCode::NotFound, u"There is no vault yet."_s);
        }
        return fail(ErrorCode::Locked, u"The vault is locked."_s);
    });
}

Future<> VaultDoor::changePassphrase(SecretString passphrase)
{
    const auto shared = std::make_shared<const SecretString>(std::move(passphrase));
    return open<void>(false, [shared](Vault& vault) { return vault.changePassphrase(*shared); });
}

} // namespace sb::secrets
