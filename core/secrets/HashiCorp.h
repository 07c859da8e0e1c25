#pragma once
#include "core/base/Clock.h"
#include "core/base/Executor.h"
#include "core/base/Future.h"
#include "core/base/SecretString.h"

#include <QString>
#include <QUrl>
#include <functional>
#include <memory>
#include <optional>

class QNetworkAccessManager;

namespace sb::secrets {

/// Where HashiCorp Vault (or OpenBao) answers, and who we are there.
struct HashiCorpPlace
{
    QString address;   ///< "https://vault.example:8200"; http:// only on this machine
    QString token;     ///< a reference, but not to itself
    QString nameSpace; ///< may be empty
    QString mount = QStringLiteral("secret"); ///< of a KV engine, version 2
    bool operator==(const HashiCorpPlace&) const = default;
};

/// Reads single fields over HashiCorp Vault's HTTP API. Safe to use from any thread.
class HashiCorp
{
public:
    struct Answer
    {
        SecretString value;
        std::optional<Milliseconds> lease; ///< how long it may be used; nothing: not said
    };
    /// `loop` must have a Qt event loop and outlive it. `beforeTls` is called there before the
    /// first https request; may be empty.
    HashiCorp(Executor& loop, std::function<void()> beforeTls, Milliseconds patience);
    ~HashiCorp();
    HashiCorp(const HashiCorp&) = delete;
    HashiCorp& operator=(const HashiCorp&) = delete;

    /// The field behind "PATH#FIELD". InvalidInput: no such reference, an address that would carry
    /// the token in the open, an answer that is none; Forbidden: the token does not suffice;
    /// NotFound; Unavailable: no connection, sealed, or sent on to another host; Timeout.
    Future<Answer> read(const HashiCorpPlace& place, const QString& reference, SecretString token);
    /// Answers what still runs with Cancelled.
    void close();

private:
    struct Call;
    struct Live;
    static void send(const std::shared_ptr<Live>& live, const std::shared_ptr<Call>& call);
    static void finished(const std::shared_ptr<Live>& live, const std::shared_ptr<Call>& call);

    Executor& m_loop;
    std::function<void()> m_beforeTls;
    Milliseconds m_patience;
    std::shared_ptr<Live> m_live; // shared with the jobs on the loop, where alone it is touched
};

} // namespace sb::secrets
