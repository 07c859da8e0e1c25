#pragma once
#include "core/base/Clock.h"
#include "core/base/SecretString.h"
#include "core/llm/Provider.h"

#include <QByteArray>
#include <QList>
#include <QUrl>
#include <memory>

namespace sb::llm {

class Decoder;

/// Fetches the key for one call, from wherever its reference points to; it is held until the call
/// has ended, so that a rotation knows who still uses the old one. An empty function or
/// secret: no key is sent.
using Key = std::shared_ptr<const SecretString>;
using KeySource = std::function<Future<Key>()>;

/// How one model service is reached.
struct HttpSettings
{
    QString id;      ///< the provider's id in the configuration
    QString baseUrl; ///< empty: the service's public address
    KeySource key = {};
    /// Called on the executor when the service does not know the key (401): it may have been
    /// changed where it is kept.
    std::function<void()> keyRefused = {};
    Milliseconds connect{30'000}; ///< until the request is sent: name, connection, TLS
    Milliseconds firstByte{
        120'000}; ///< from the request to the first event; a big prompt takes its time
    Milliseconds idle{
        0}; ///< between two pieces of a stream; 0: what suits the interface (30 s, Anthropic 60 s)
    Milliseconds total{900'000}; ///< for the whole call
    qint64 textCap = 8LL << 20;  ///< characters of text and arguments in one answer
    qint64 rawCap = 32LL << 20;  ///< bytes of one answer as it travels
};

/// One wire format: where a request goes, what it looks like, how the answer is read. Has no state
/// of its own.
class Wire
{
public:
    using Headers = QList<std::pair<QByteArray, QByteArray>>;
    virtual ~Wire() = default;
    [[nodiscard]] virtual QUrl url() const = 0;
    [[nodiscard]] virtual Headers headers(QByteArrayView key) const = 0;
    [[nodiscard]] virtual QByteArray body(const Request& request) const = 0;
    [[nodiscard]] virtual std::unique_ptr<Decoder> decoder() const = 0;
};

/// A provider over HTTP. Its sockets live on the executor, whose thread must have a Qt event loop;
/// the executor and the clock outlive it. Calls that run when it goes are answered with Cancelled.
class HttpProvider : public Provider
{
public:
    HttpProvider(HttpSettings settings,
                 std::unique_ptr<Wire> wire,
                 Executor& executor,
                 Clock& clock);
    ~HttpProvider() override;
    HttpProvider(const HttpProvider&) = delete;
    HttpProvider& operator=(const HttpProvider&) = delete;

    Future<Response> complete(Request request, StreamSink sink, std::stop_token stop) override;

private:
    class Engine;
    std::shared_ptr<Engine> m_engine; // shared with the jobs that it posted to its executor
    Executor& m_executor;
};

/// Qt finds its TLS plugins only along the library paths, which a node clears to start faster. This
/// puts them back; it is called right before the first https request.
void ensureTlsPlugins();

} // namespace sb::llm
