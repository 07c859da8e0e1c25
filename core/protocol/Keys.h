#pragma once
#include "core/protocol/Values.h"

/// Keys by their references, the vault that keeps some of them, and publishers of packages. A
/// value of a key never travels here.
namespace sb::protocol {

/// A key that a model's service needs and that could not be had when it was last wanted.
struct KeyProblem
{
    QString reference; ///< as signalbox.yaml has it
    QString code;      ///< errorCodeName(): "locked" needs a passphrase, others need a key
    QString message;   ///< one sentence
    bool operator==(const KeyProblem&) const = default;
    template <class S, class V>
    static void fields(S& s, V&& v)
    {
        v("reference", s.reference);
        v("code", s.code);
        v("message", s.message);
    }
};

struct VaultInfo
{
    QString path; ///< of its file; empty where the runtime has none
    bool exists = false;
    bool isLocked = false;
    bool canAsk = false; ///< the runtime has somebody whom it can ask for the passphrase
    bool operator==(const VaultInfo&) const = default;
    template <class S, class V>
    static void fields(S& s, V&& v)
    {
        v("path", s.path);
        v("exists", s.exists);
        v("locked", s.isLocked);
        v("can_ask", s.canAsk);
    }
};

struct GetVault
{
    static constexpr auto name = "vault";
    using Reply = VaultInfo;
    template <class S, class V>
    static void fields(S&, V&&)
    {
    }
};

/// Has the runtime ask its person for the passphrase, also after they said no before, and answers
/// when the vault is open. NotFound: there is none; Locked: no passphrase was given.
struct UnlockVault
{
    static constexpr auto name = "unlock_vault";
    using Reply = VaultInfo;
    template <class S, class V>
    static void fields(S&, V&&)
    {
    }
};

/// Another program stored, removed or rotated a key: the runtime forgets what it remembers of it,
/// so that the next call asks anew, and writes down that it changed.
struct KeyChanged
{
    static constexpr auto name = "key_changed";
    using Reply = Done;
    QString reference;
    QString what; ///< "stored", "removed" or "rotated"
    template <class S, class V>
    static void fields(S& s, V&& v)
    {
        v("reference", s.reference);
        v("what", s.what);
    }
};

/// A publisher whose key a person accepted.
struct PublisherInfo
{
    QString name;
    QString fingerprint;
    TimeUs since = 0;
    QStringList packages;     ///< "skill NAME" …: installed, and signed by them
    bool isForgotten = false; ///< by this runtime, which can take it back
    bool operator==(const PublisherInfo&) const = default;
    template <class S, class V>
    static void fields(S& s, V&& v)
    {
        v("name", s.name);
        v("fingerprint", s.fingerprint);
        v("since", s.since);
        v("packages", s.packages);
        v("forgotten", s.isForgotten);
    }
};

struct ListPublishers
{
    static constexpr auto name = "publishers";
    struct Reply
    {
        QList<PublisherInfo> publishers; ///< by name
        template <class S, class V>
        static void fields(S& s, V&& v)
        {
            v("publishers", s.publishers);
        }
    };
    template <class S, class V>
    static void fields(S&, V&&)
    {
    }
};

/// From the next use on the publisher's packages are not loaded, until somebody trusts the name
/// again. NotFound when the name is not known.
struct ForgetPublisher
{
    static constexpr auto name = "forget_publisher";
    using Reply = PublisherInfo;
    QString publisher;
    QString by;
    template <class S, class V>
    static void fields(S& s, V&& v)
    {
        v("publisher", s.publisher);
        v("by", s.by);
    }
};

/// Takes a ForgetPublisher back, with the key that it was. NotFound when this runtime did not
/// forget the name; Conflict when another key was trusted under it meanwhile.
struct RememberPublisher
{
    static constexpr auto name = "remember_publisher";
    using Reply = PublisherInfo;
    QString publisher;
    QString by;
    template <class S, class V>
    static void fields(S& s, V&& v)
    {
        v("publisher", s.publisher);
        v("by", s.by);
    }
};

} // namespace sb::protocol
