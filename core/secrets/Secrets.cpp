#include "core/secrets/Secrets.h"

#include "core/base/Guarded.h"
#include "core/secrets/KeyCommand.h"
#include "core/secrets/KeyFile.h"
#include "core/secrets/Keychain.h"
#include "core/secrets/Locked.h"
#include "core/secrets/Redactor.h"
#include "core/secrets/VaultDoor.h"

#include <QSet>
#include <map>

using namespace Qt::StringLiterals;

namespace sb::secrets {

namespace {

// After so long a program or a service is asked again: what it gave may have been changed there.
constexpr Milliseconds rereadAfter{600'000};

enum class Kind { Environment, File, Keychain, Vault, Command, HashiCorp };

struct Reference
{
    Kind kind = Kind::Environment;
    QString name;
    [[nodiscard]] bool isRemembered() const
    {
        return kind != Kind::Environment && kind != Kind::File;
    }
    [[nodiscard]] bool isWritable() const { return kind == Kind::Keychain || kind == Kind::Vault; }
};

Result<Reference> parse(const QString& text)
{
    static const std::pair<QLatin1StringView, Kind> kinds[] = {
        {"env"_L1, Kind::Environment},
        {"file"_L1, Kind::File},
        {"keychain"_L1, Kind::Keychain},
        {"vault"_L1, Kind::Vault},
        {"exec"_L1, Kind::Command},
        {"hashicorp"_L1, Kind::HashiCorp},
    };
    const auto colon = text.indexOf(u':');
    for (const auto& [word, kind] : kinds) {
        if (colon > 0 && colon < text.size() - 1 && QStringView(text).first(colon) == word) {
            return Reference{kind, text.sliced(colon + 1)};
        }
    }
    if (!defended("secrets.pasted-key")) {
        return fail(ErrorCode::InvalidInput, u"\"%1\" is no reference."_s.arg(text));
    }
    // Not shown: it may be a key that somebody put in the place of its name.
    return fail(ErrorCode::InvalidInput,
                u"A key is named by a reference: env:NAME, file:PATH, keychain:NAME, vault:NAME, "
                u"exec:COMMAND or hashicorp:PATH#FIELD."_s);
}

// A value and word of its end.
struct Held
{
    SecretString value;
    Promise<> released;

    explicit Held(SecretString v) : value(std::move(v)) {}
    ~Held()
    {
        value = SecretString(); // wiped before anybody hears of it
        released.set({});
    }
    Held(const Held&) = delete;
    Held& operator=(const Held&) = delete;
};

std::shared_ptr<Held> hold(SecretString value)
{
    return std::make_shared<Held>(std::move(value));
}

Lease leaseOf(const std::shared_ptr<Held>& held)
{
    return {held, &held->value};
}

// What a source gave, and how long it holds.
struct Fetched
{
    SecretString value;
    std::optional<Milliseconds> lease = {};
    QByteArray stamp = {}; // of the vault's file before it was read
};

// One question to a source, for all who ask meanwhile.
struct Flight
{
    std::vector<Promise<Lease>> waiting;
};

struct Known
{
    std::shared_ptr<Held> held;
    std::optional<qint64> untilUs; // steady time
    QByteArray stamp;
    std::shared_ptr<Flight> flight;
    bool isRotating = false;
};

} // namespace

struct Secrets::Private : std::enable_shared_from_this<Secrets::Private>
{
    Settings settings;
    Executor& pool;
    Clock& clock;
    Redactor& redactor;
    Keychain keychain;
    HashiCorp hashicorp;
    std::shared_ptr<VaultDoor> vault; // shared with its own jobs
    Guarded<std::map<QString, Known>> known;
    Guarded<std::optional<HashiCorpPlace>> place;
    Guarded<QSet<QString>> warned;

    Private(Settings s, Executor& loop, Executor& p, Clock& c, Redactor& r)
        : settings(std::move(s))
        , pool(p)
        , clock(c)
        , redactor(r)
        , keychain(loop, c, settings.keychainPatience)
        , hashicorp(loop, settings.beforeTls, settings.hashicorpPatience)
    {
        if (!settings.vaultFile.isEmpty()) {
            vault = std::make_shared<VaultDoor>(settings.vaultFile, settings.askPassphrase, p);
        }
    }

    void tell(Change::Kind kind, const QString& reference) const
    {
        if (settings.changed) {
            settings.changed({kind, reference});
        }
    }

    static Error noVault()
    {
        return {
            ErrorCode::Unsupported, u"There is no vault here; use env:, file: or keychain:."_s, {}};
    }

    static Result<Fetched> fromEnvironment(const QString& name)
    {
        QByteArray value = qgetenv(name.toUtf8().constData());
        if (value.isEmpty()) {
            return fail(ErrorCode::NotFound,
                        u"The environment variable %1, which holds a key, is not set."_s.arg(name));
        }
        return Fetched{SecretString(std::move(value))};
    }

    Result<Fetched> fromFile(const QString& path)
    {
        SB_TRY(KeyFile file, readKeyFile(path));
        if (file.isOpen && settings.warn && warned.withLock([&](QSet<QString>& paths) {
                const bool first = !paths.contains(path);
                paths.insert(path);
                return first;
            })) {
            settings.warn(
                u"The mode of the key file %1 lets others in; \"chmod 600\" closes it."_s.arg(
                    path));
        }
        return Fetched{std::move(file.value)};
    }

    // Asks the source.
    Future<Fetched> fetch(const Reference& reference)
    {
        const QString name = reference.name;
        switch (reference.kind) {
        case Kind::Environment:
            return Future<Fetched>::ready(fromEnvironment(name));
        case Kind::File:
            return runOn(pool, [self = shared_from_this(), name] { return self->fromFile(name); });
        case Kind::Keychain:
            return wrapped(keychain.read(name), {});
        case Kind::Vault:
            if (!vault) {
                return Future<Fetched>::ready(std::unexpected(noVault()));
            }
            return wrapped(vault->read(name), vault->stamp());
        case Kind::Command:
            return runOn(pool, [self = shared_from_this(), name]() -> Result<Fetched> {
                SB_TRY(SecretString value, runKeyCommand(name, self->settings.commandPatience));
                return Fetched{std::move(value), rereadAfter};
            });
        case Kind::HashiCorp:
            return fromHashiCorp(name);
        }
        std::unreachable();
    }

    static Future<Fetched> wrapped(Future<SecretString> value, const QByteArray& stamp)
    {
        Promise<Fetched> promise;
        auto future = promise.future();
        std::move(value).then([promise = std::move(promise), stamp](Result<SecretString> read) {
            if (read) {
                promise.set(Fetched{std::move(*read), std::nullopt, stamp});
            } else {
                promise.set(std::unexpected(std::move(read).error()));
            }
        });
        return future;
    }

    Future<Fetched> fromHashiCorp(const QString& name)
    {
        const auto where = place.withLock([](const auto& value) { return value; });
        if (!where || where->token.startsWith("hashicorp:"_L1)) {
            return Future<Fetched>::ready(
                fail(ErrorCode::NotFound,
                     u"A key in hashicorp: needs the address and token under secrets.hashicorp in "
                     u"signalbox.yaml."_s));
        }
        Promise<Fetched> promise;
        auto future = promise.future();
        lease(where->token)
            .then([self = shared_from_this(), where, name, promise = std::move(promise)](
                      Result<Lease> token) mutable {
                if (!token) {
                    promise.set(std::unexpected(
                        token.error().inFrontOf(u"The token of HashiCorp Vault cannot be had"_s)));
                    return;
                }
                self->hashicorp.read(*where, name, (*token)->clone())
                    .then([self, where, promise = std::move(promise)](
                              Result<HashiCorp::Answer> answer) {
                        if (!answer) {
                            if (answer.error().code == ErrorCode::Forbidden) {
                                self->forget(where->token); // it may have been changed
                            }
                            promise.set(std::unexpected(std::move(answer).error()));
                            return;
                        }
                        promise.set(
                            Fetched{std::move(answer->value),
                                    std::min(answer->lease.value_or(rereadAfter), rereadAfter)});
                    });
            });
        return future;
    }

    // What is remembered and still good. Under the lock.
    std::shared_ptr<Held> current(const Known& entry, const QByteArray& stamp) const
    {
        const bool isOld = entry.untilUs && clock.steadyUs() >= *entry.untilUs;
        return isOld || entry.stamp != stamp ? nullptr : entry.held;
    }

    void remember(Known& entry, const std::shared_ptr<Held>& held, const Fetched& fetched) const
    {
        entry.held = held;
        entry.stamp = fetched.stamp;
        entry.untilUs = fetched.lease
                            ? std::optional(clock.steadyUs() + fetched.lease->count() * 1000)
                            : std::nullopt;
    }

    Future<Lease> lease(const QString& text)
    {
        auto reference = parse(text);
        if (!reference) {
            return Future<Lease>::ready(std::unexpected(reference.error()));
        }
        Promise<Lease> promise;
        auto future = promise.future();
        if (!reference->isRemembered()) {
            fetch(*reference)
                .then([self = shared_from_this(), text, promise = std::move(promise)](
                          Result<Fetched> fetched) {
                    if (!fetched) {
                        promise.set(std::unexpected(std::move(fetched).error()));
                        return;
                    }
                    self->redactor.add(text, fetched->value);
                    promise.set(leaseOf(hold(std::move(fetched->value))));
                });
            return future;
        }
        // Another process may have changed the vault.
        const QByteArray stamp =
            reference->kind == Kind::Vault && vault ? vault->stamp() : QByteArray();
        std::shared_ptr<Held> held;
        std::shared_ptr<Flight> flight;
        known.withLock([&](auto& all) {
            Known& entry = all[text];
            held = current(entry, stamp);
            if (held) {
                return;
            }
            if (!entry.flight) {
                flight = entry.flight = std::make_shared<Flight>();
            }
            entry.flight->waiting.push_back(std::move(promise));
        });
        if (held) {
            promise.set(leaseOf(held));
        } else if (flight) {
            fetch(*reference)
                .then([self = shared_from_this(), text, flight](Result<Fetched> fetched) {
                    self->land(text, flight, std::move(fetched));
                });
        }
        return future;
    }

    // A source answered. The one way in which a value leaves: the redactor knows it first.
    void land(const QString& text, const std::shared_ptr<Flight>& flight, Result<Fetched> fetched)
    {
        std::shared_ptr<Held> held;
        if (fetched) {
            redactor.add(text, fetched->value);
            held = hold(std::move(fetched->value));
        }
        const auto waiting = known.withLock([&](auto& all) {
            // Forgotten or replaced meanwhile: then it is for those only who asked before.
            Known& entry = all[text];
            if (entry.flight == flight) {
                entry.flight.reset();
                if (held) {
                    remember(entry, held, *fetched);
                }
            }
            return std::exchange(flight->waiting, {});
        });
        for (const auto& promise : waiting) {
            if (held) {
                promise.set(leaseOf(held));
            } else {
                promise.set(std::unexpected(fetched.error()));
            }
        }
    }

    void forget(const QString& text)
    {
        known.withLock([&](auto& all) {
            const auto found = all.find(text);
            if (found != all.end()) {
                found->second.held.reset();
                found->second.flight.reset();
            }
        });
    }

    QString stored(const QString& reference, const SecretString& value)
    {
        redactor.add(reference, value);
        forget(reference);
        tell(Change::Kind::Stored, reference);
        return reference;
    }

    void storeInVault(const QString& name, SecretString value, Promise<QString> promise)
    {
        if (!vault) {
            promise.set(std::unexpected(noVault()));
            return;
        }
        SecretString copy = value.clone();
        vault->write(name, std::move(copy))
            .then([self = shared_from_this(),
                   name,
                   value = std::move(value),
                   promise = std::move(promise)](Result<> done) {
                promise.set(std::move(done).transform(
                    [&] { return self->stored(u"vault:"_s + name, value); }));
            });
    }

    Future<> write(const Reference& reference, SecretString value)
    {
        if (reference.kind == Kind::Keychain) {
            return value.isEmpty() ? keychain.remove(reference.name)
                                   : keychain.write(reference.name, std::move(value));
        }
        if (!vault) {
            return Future<>::ready(std::unexpected(noVault()));
        }
        return vault->write(reference.name, std::move(value));
    }
};

namespace {

// The steps of one rotation; each holds the next.
struct Rotation
{
    QString text;
    Reference reference;
    bool isWritten = false; // the value came from the caller
    Fetched fetched;
    std::shared_ptr<Held> held;
    Promise<Rotated> promise;
};

} // namespace

Secrets::Secrets(
    Settings settings, Executor& loop, Executor& pool, Clock& clock, Redactor& redactor)
    : m(std::make_shared<Private>(std::move(settings), loop, pool, clock, redactor))
{
}

Secrets::~Secrets()
{
    // A request that runs would keep alive what is to answer it.
    m->hashicorp.close();
}

void Secrets::setHashiCorp(std::optional<HashiCorpPlace> place)
{
    const bool isNew =
        m->place.withLock([&](auto& value) { return std::exchange(value, place) != place; });
    if (isNew) {
        m->known.withLock([](auto& all) {
            for (auto& [text, entry] : all) {
                if (text.startsWith("hashicorp:"_L1)) {
                    entry.held.reset();
                    entry.flight.reset();
                }
            }
        });
    }
}

Future<Lease> Secrets::lease(const QString& reference)
{
    return m->lease(reference);
}

Future<SecretString> Secrets::resolve(const QString& reference)
{
    Promise<SecretString> promise;
    auto future = promise.future();
    m->lease(reference).then([promise = std::move(promise)](Result<Lease> lease) {
        if (lease) {
            promise.set((*lease)->clone());
        } else {
            promise.set(std::unexpected(std::move(lease).error()));
        }
    });
    return future;
}

void Secrets::forget(const QString& reference)
{
    m->forget(reference);
}

void Secrets::forgetAll()
{
    m->known.withLock([](auto& all) {
        for (auto& [text, entry] : all) {
            entry.held.reset();
            entry.flight.reset();
        }
    });
}

Future<QString> Secrets::store(const QString& nameOrReference, SecretString value)
{
    const bool isForVault = nameOrReference.startsWith("vault:"_L1);
    const QString name = isForVault ? nameOrReference.sliced(6) : nameOrReference;
    if (name.isEmpty() || name.size() > 128 ||
        std::ranges::any_of(name, [](QChar c) { return c.unicode() < 0x20; })) {
        return Future<QString>::ready(
            fail(ErrorCode::InvalidInput, u"A key's name has 1 to 128 characters."_s));
    }
    if (value.isEmpty()) {
        return Future<QString>::ready(
            fail(ErrorCode::InvalidInput, u"There is no value to store."_s));
    }
    Promise<QString> promise;
    auto future = promise.future();
    if (isForVault) {
        m->storeInVault(name, std::move(value), std::move(promise));
        return future;
    }
    m->keychain.write(name, value.clone())
        .then([self = m, name, value = std::move(value), promise = std::move(promise)](
                  Result<> written) mutable {
            if (written) {
                promise.set(self->stored(u"keychain:"_s + name, value));
            } else if (written.error().code != ErrorCode::Unavailable || !self->vault) {
                promise.set(std::unexpected(std::move(written).error()));
            } else {
                self->storeInVault(name, std::move(value), std::move(promise));
            }
        });
    return future;
}

Future<> Secrets::remove(const QString& reference)
{
    const auto parsed = parse(reference);
    if (!parsed) {
        return Future<>::ready(std::unexpected(parsed.error()));
    }
    if (!parsed->isWritable()) {
        return Future<>::ready(
            fail(ErrorCode::Unsupported,
                 u"Only keychain:NAME and vault:NAME can be removed here; remove others where they "
                 u"are kept."_s));
    }
    if (parsed->kind == Kind::Vault && (!m->vault || !m->vault->exists())) {
        return Future<>::ready({});
    }
    Promise<> promise;
    auto future = promise.future();
    m->write(*parsed, {}).then([self = m, reference, promise = std::move(promise)](Result<> done) {
        if (done) {
            self->forget(reference);
            self->tell(Change::Kind::Removed, reference);
        }
        promise.set(std::move(done));
    });
    return future;
}

VaultState Secrets::vaultState() const
{
    const bool exists = m->vault && m->vault->exists();
    return {exists, exists && !m->vault->isUnlocked(), exists && m->vault->canAsk()};
}

Future<QStringList> Secrets::vaultNames()
{
    return m->vault ? m->vault->names() : Future<QStringList>::ready(QStringList());
}

Future<> Secrets::unlockVault()
{
    return m->vault ? m->vault->unlock() : Future<>::ready(std::unexpected(Private::noVault()));
}

Future<> Secrets::changePassphrase(SecretString passphrase)
{
    return m->vault ? m->vault->changePassphrase(std::move(passphrase))
                    : Future<>::ready(std::unexpected(Private::noVault()));
}

Future<Rotated>
Secrets::rotate(const QString& reference, std::optional<SecretString> value, Validate validate)
{
    const auto parsed = parse(reference);
    if (!parsed) {
        return Future<Rotated>::ready(std::unexpected(parsed.error()));
    }
    if (!parsed->isRemembered() || (value && !parsed->isWritable())) {
        return Future<Rotated>::ready(fail(
            ErrorCode::Unsupported,
            parsed->isRemembered()
                ? u"A new value can be given for keychain:NAME and vault:NAME only; change "
                  u"this one where it is kept."_s
                : u"A value in env: or file: is read anew for each call; change it where it is "
                  u"kept."_s));
    }
    if (value && value->isEmpty()) {
        return Future<Rotated>::ready(fail(ErrorCode::InvalidInput, u"There is no new value."_s));
    }
    const bool isFree = m->known.withLock(
        [&](auto& all) { return !std::exchange(all[reference].isRotating, true); });
    if (!isFree) {
        return Future<Rotated>::ready(
            fail(ErrorCode::Conflict, u"This key is being changed already."_s));
    }

    const auto rotation = std::make_shared<Rotation>(); // shared by the steps
    rotation->text = reference;
    rotation->reference = *parsed;
    rotation->isWritten = value.has_value();
    auto future = rotation->promise.future();
    const auto refuse = [self = m, rotation](const Error& error) {
        self->known.withLock([&](auto& all) { all[rotation->text].isRotating = false; });
        rotation->promise.set(
            std::unexpected(error.inFrontOf(u"The new value was not taken, the old one stays"_s)));
    };

    // Last: new calls get the new value; the old one is its holders'.
    const auto swap = [self = m, rotation] {
        if (rotation->reference.kind == Kind::Vault) {
            rotation->fetched.stamp = self->vault->stamp();
        }
        std::shared_ptr<Held> old;
        self->known.withLock([&](auto& all) {
            Known& entry = all[rotation->text];
            old = entry.held;
            self->remember(entry, rotation->held, rotation->fetched);
            entry.flight.reset();
            entry.isRotating = false;
        });
        auto drained = old ? old->released.future() : Future<>::ready({});
        const long inFlight = old ? old.use_count() - 1 : 0;
        old.reset();
        self->tell(Change::Kind::Rotated, rotation->text);
        rotation->promise.set(Rotated{inFlight, std::move(drained)});
    };

    // Then: into the store.
    const auto keep = [self = m, rotation, refuse, swap] {
        if (!rotation->isWritten) {
            swap();
            return;
        }
        self->write(rotation->reference, rotation->held->value.clone())
            .then([refuse, swap](const Result<>& written) {
                if (written) {
                    swap();
                } else {
                    refuse(written.error());
                }
            });
    };

    // First: is it any good?
    const auto check = [self = m, rotation, refuse, keep, validate = std::move(validate)](
                           Result<Fetched> fetched) {
        if (!fetched) {
            refuse(fetched.error());
            return;
        }
        self->redactor.add(rotation->text, fetched->value);
        rotation->fetched = std::move(*fetched);
        rotation->held = hold(std::move(rotation->fetched.value));
        if (defended("secrets.rotate-validated") && validate) {
            validate(leaseOf(rotation->held)).then([refuse, keep](const Result<>& good) {
                if (good) {
                    keep();
                } else {
                    refuse(good.error());
                }
            });
        } else {
            keep();
        }
    };
    if (value) {
        check(Fetched{std::move(*value)});
    } else {
        m->fetch(*parsed).then(check);
    }
    return future;
}

} // namespace sb::secrets
