#pragma once
#include "core/base/Clock.h"
#include "core/base/Executor.h"
#include "core/base/Future.h"
#include "core/base/SecretString.h"

#include <QString>

namespace sb::secrets {

/// The session's keychain: the Secret Service, KWallet, macOS' Keychain, Windows' Credential
/// Manager. Safe to use from any thread. Errors: NotFound; Forbidden: its owner said no;
/// Unavailable: none answers here; Timeout.
class Keychain
{
public:
    /// `loop` must have a Qt event loop, and every keychain of a process the same one: QtKeychain's
    /// jobs stand in one queue. Both outlive it.
    Keychain(Executor& loop, Clock& clock, Milliseconds patience);

    Future<SecretString> read(const QString& name);
    Future<> write(const QString& name, SecretString value);
    /// No failure where there was nothing.
    Future<> remove(const QString& name);

private:
    template <class T>
    std::shared_ptr<Promise<T>> patient(const QString& name,
                                        const std::shared_ptr<Subscription>& timer);

    Executor& m_loop;
    Clock& m_clock;
    Milliseconds m_patience;
};

} // namespace sb::secrets
