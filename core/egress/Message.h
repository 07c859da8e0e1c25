#pragma once
#include "core/base/Result.h"
#include "core/base/SecretString.h"

#include <QByteArray>
#include <QList>
#include <map>
#include <memory>

namespace sb::egress {

struct Header
{
    QByteArray name;
    QByteArray value;
};

/// The first lines of a request or an answer.
struct Head
{
    QByteArray method;
    QByteArray target;
    int status = 0;
    QByteArray reason;
    int minor = 1; ///< HTTP/1.x
    QList<Header> headers;
    bool hasBody = false;
    bool chunked = false;
    qint64 length = -1; ///< of the body, where the head says it
    bool untilClose = false;
    bool keepAlive = true;

    [[nodiscard]] int count(QByteArrayView name) const;
    /// The first of that name; empty when there is none.
    [[nodiscard]] QByteArray value(QByteArrayView name) const;
};

/// Reads messages of HTTP/1.1 with llhttp, strictly: what two readers could take for different
/// messages is no message.
class MessageReader
{
public:
    enum class Kind { Request, Response };
    explicit MessageReader(Kind kind);
    ~MessageReader();
    MessageReader(const MessageReader&) = delete;
    MessageReader& operator=(const MessageReader&) = delete;

    /// Takes bytes up to the end of the message, and says how many that were. InvalidInput for
    /// what is no HTTP message.
    Result<qsizetype> feed(QByteArrayView bytes);
    /// The other side closed. InvalidInput in the middle of a message.
    Result<> end();
    /// Forgets the message and waits for the next one.
    void next();
    /// The next answer has no body, whatever its head says: it answers HEAD.
    void expectNoBody(bool none);

    [[nodiscard]] bool hasBegun() const;
    [[nodiscard]] bool hasHead() const;
    [[nodiscard]] bool isComplete() const;
    [[nodiscard]] const Head& head() const;
    /// What came of the body since the last time.
    QByteArray takeBody();

private:
    struct Private;
    std::unique_ptr<Private> m;
};

/// Whether the header is about this connection only, and so is not passed on.
bool isHopByHop(const Head& head, QByteArrayView name);

/// The head of a request as it goes to a server: origin-form, the target's Host, nothing that is
/// about the connection to the proxy. `values` stand instead of those of the headers with these
/// indices; the answer is then to be wiped.
QByteArray writeRequestHead(const Head& head,
                            const QByteArray& host,
                            const QByteArray& path,
                            const std::map<qsizetype, SecretString>& values = {});

/// The head of an answer as it goes to a client.
QByteArray writeResponseHead(const Head& head, bool chunked, bool keepAlive);

/// A piece of a chunked body; the last one is empty.
QByteArray chunk(const QByteArray& bytes);

/// A whole answer of the proxy itself: one sentence.
QByteArray writeAnswer(int status, const QString& sentence, bool keepAlive, bool bodiless = false);

} // namespace sb::egress
