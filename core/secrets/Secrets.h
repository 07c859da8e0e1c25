#pragma once
#include "core/base/Clock.h"
#include "core/base/Executor.h"
#include "core/base/Future.h"
#include "core/base/SecretString.h"

#include <QString>
#include <functional>
#include <memory>

namespace sb::secrets {

class Redactor;

/// Resolves references to keys. Safe to use from any thread.
class Secrets
{
public:
    struct Settings
    {
        /// Told once a file whose key others on this machine can read; one sentence. From any
        /// thread; may be empty.
        std::function<void(const QString&)> warn = {};
        /// How long a locked keychain may ask its owner for the password.
        Milliseconds keychainPatience{120'000};
    };
    /// `loop` must have a Qt event loop, and every Secrets of a process the same one: QtKeychain's
    /// jobs stand in one queue. `pool` reads files. All outlive it.
    Secrets(Settings settings, Executor& loop, Executor& pool, Clock& clock, Redactor& redactor);
    ~Secrets();
    Secrets(const Secrets&) = delete;
    Secrets& operator=(const Secrets&) = delete;

    /// The value behind a reference. InvalidInput: no reference; NotFound: nothing there;
    /// Forbidden: the keychain's owner or a file's mode says no; Unavailable: no keychain on this
    /// machine; Unsupported: vault; Timeout. A value from the keychain is remembered until
    /// forget().
    Future<SecretString> resolve(const QString& reference);
    /// Lets the next resolve() ask the keychain again: after a key was refused, or stored anew.
    void forget(const QString& reference);

    /// Stores a value in the keychain under keychain:NAME; an empty one removes it.
    Future<> store(const QString& name, SecretString value);

private:
    struct Private;
    std::shared_ptr<Private> m; // shared with the jobs that it posted
};

} // namespace sb::secrets
