#include "core/runtime/Answers.h"

// Keys that models need, and the vault that some lie in. Values stay with Secrets.
namespace sb::runtime {

Future<secrets::Lease> Runtime::leaseKey(const QString& reference)
{
    Promise<secrets::Lease> promise;
    auto future = promise.future();
    m_secrets->lease(reference).then(
        [this, reference, promise = std::move(promise)](Result<secrets::Lease> lease) {
            noteKeys([&](auto& problems) {
                if (lease) {
                    problems.remove(reference);
                } else if (lease.error().code != ErrorCode::Cancelled) {
                    problems.insert(
                        reference,
                        {reference, errorCodeName(lease.error().code), lease.error().message});
                }
            });
            promise.set(std::move(lease));
        });
    return future;
}

Models::Keys Runtime::modelKeys()
{
    return {[this](const QString& reference) { return leaseKey(reference); },
            [this](const QString& reference) { m_secrets->forget(reference); }};
}

void Runtime::noteKeys(const std::function<void(QMap<QString, protocol::KeyProblem>&)>& edit)
{
    const auto changed =
        m_keyProblems.withLock([&](auto& problems) -> std::optional<protocol::KeysChanged> {
            const auto before = problems;
            edit(problems);
            return before == problems ? std::nullopt
                                      : std::optional(protocol::KeysChanged{problems.values()});
        });
    if (changed) {
        m_hub.publish(*changed);
    }
}

// Stored, removed or rotated, here or by another program.
void Runtime::keyChanged(const secrets::Change& change)
{
    noteKeys([&](auto& problems) { problems.remove(change.reference); });
    m_pool->post([this, change] {
        if (auto chain = instance()) {
            (*chain)->recordKeyChange(change);
        }
    });
}

Future<QString> Runtime::storeKey(const QString& name, SecretString value)
{
    return m_secrets->store(name, std::move(value));
}

protocol::VaultInfo Runtime::vaultInfo() const
{
    const auto state = m_secrets->vaultState();
    return {m_settings.home.vaultFile(), state.exists, state.isLocked, state.canAsk};
}

Future<QJsonObject> Runtime::handle(protocol::GetVault)
{
    return onPool<protocol::VaultInfo>(
        [this]() -> Result<protocol::VaultInfo> { return vaultInfo(); });
}

Future<QJsonObject> Runtime::handle(protocol::UnlockVault)
{
    return asJson(mapped<protocol::VaultInfo>(m_secrets->unlockVault(), [this] {
        noteKeys([](auto& problems) {
            problems.removeIf(
                [](const auto& one) { return one->code == errorCodeName(ErrorCode::Locked); });
        });
        return vaultInfo();
    }));
}

Future<QJsonObject> Runtime::handle(const protocol::KeyChanged& command)
{
    using Kind = secrets::Change::Kind;
    const auto kind = command.what == u"stored"    ? std::optional(Kind::Stored)
                      : command.what == u"removed" ? std::optional(Kind::Removed)
                      : command.what == u"rotated" ? std::optional(Kind::Rotated)
                                                   : std::nullopt;
    // Only a name goes into the record, whoever sends what.
    const bool isKept =
        command.reference.startsWith(u"keychain:") || command.reference.startsWith(u"vault:") ||
        (kind == Kind::Rotated &&
         (command.reference.startsWith(u"exec:") || command.reference.startsWith(u"hashicorp:")));
    if (!kind || !isKept) {
        return Future<QJsonObject>::ready(
            fail(ErrorCode::InvalidInput,
                 QStringLiteral("It needs the reference of a key that was stored, removed or "
                                "rotated.")));
    }
    m_secrets->forget(command.reference);
    keyChanged({*kind, command.reference});
    return Future<QJsonObject>::ready(protocol::toJson(done()));
}

} // namespace sb::runtime
