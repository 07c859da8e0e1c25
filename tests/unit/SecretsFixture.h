#pragma once
#include "core/base/Clock.h"
#include "core/secrets/Redactor.h"
#include "core/secrets/Secrets.h"
#include "core/secrets/Vault.h"

#include <QFile>
#include <QTcpServer>
#include <QTcpSocket>
#include <QTemporaryDir>
#include <QTest>
#include <sys/stat.h>

namespace sb::test {

using namespace Qt::StringLiterals;

inline SecretString secret(const QByteArray& text)
{
    return SecretString(QByteArray(text.constData(), text.size()));
}

inline QByteArray shown(const SecretString& value)
{
    return value.expose([](QByteArrayView bytes) { return bytes.toByteArray(); });
}

inline QByteArray shown(const Result<SecretString>& result)
{
    return result ? shown(*result) : "error: " + result.error().message.toUtf8();
}

/// Waits for a future with this thread's event loop running.
template <class T>
Result<T> answerOf(Future<T> future, Executor& here)
{
    std::optional<Result<T>> result;
    std::move(future).then(here, [&](Result<T> value) { result.emplace(std::move(value)); });
    if (!QTest::qWaitFor([&] { return result.has_value(); }, 60'000)) {
        return fail(ErrorCode::Timeout, u"The test waited in vain."_s);
    }
    return std::move(*result);
}

inline QByteArray bytesOf(const QString& path)
{
    QFile file(path);
    return file.open(QIODevice::ReadOnly) ? file.readAll() : QByteArray();
}

inline void writeTo(const QString& path, const QByteArray& bytes, int mode = 0600)
{
    QFile file(path);
    if (file.open(QIODevice::WriteOnly | QIODevice::Truncate)) {
        file.write(bytes);
    }
    file.close();
    ::chmod(QFile::encodeName(path).constData(), mode_t(mode));
}

/// Everything that Secrets needs, with a vault of its own and a person who answers from a list.
struct SecretsFixture
{
    SystemClock clock;
    ContextExecutor here;
    LoopExecutor loop{u"keys"_s};
    Pool pool{2, u"pool"_s};
    QTemporaryDir folder;
    QString vaultFile = folder.filePath(u"vault"_s);
    secrets::Redactor redactor;
    Guarded<QStringList> warnings;
    Guarded<QStringList> changes;
    QList<QByteArray> passphrases; ///< given one after the other; then the person says no
    Guarded<QStringList> questions;
    std::unique_ptr<secrets::Secrets> secrets;

    explicit SecretsFixture(secrets::Secrets::Settings settings = {})
    {
        settings.warn = [this](const QString& text) {
            warnings.withLock([&](auto& list) { list.append(text); });
        };
        if (settings.keychainPatience == Milliseconds(120'000)) {
            settings.keychainPatience = Milliseconds(20'000);
        }
        settings.vaultFile = vaultFile;
        if (!settings.askPassphrase) {
            settings.askPassphrase = [this](const secrets::PassphraseQuestion& question) {
                const bool isNew = question.kind == secrets::PassphraseQuestion::Kind::Create;
                return questions.withLock([&](auto& list) {
                    list.append((isNew ? u"create "_s : u"unlock "_s) +
                                QString::number(question.attempt));
                    return Future<SecretString>::ready(
                        passphrases.isEmpty()
                            ? Result<SecretString>(fail(ErrorCode::Cancelled, u"No."_s))
                            : Result<SecretString>(secret(passphrases.takeFirst())));
                });
            };
        }
        settings.changed = [this](const secrets::Change& change) {
            static constexpr const char16_t* words[] = {u"stored ", u"removed ", u"rotated "};
            changes.withLock([&](auto& list) {
                list.append(QString::fromUtf16(words[int(change.kind)]) + change.reference);
            });
        };
        secrets =
            std::make_unique<secrets::Secrets>(std::move(settings), loop, pool, clock, redactor);
    }

    template <class T>
    Result<T> answer(Future<T> future)
    {
        return answerOf(std::move(future), here);
    }
    QByteArray resolve(const QString& reference)
    {
        return shown(answer(secrets->resolve(reference)));
    }
    QString errorOf(const QString& reference)
    {
        const auto result = answer(secrets->resolve(reference));
        return result ? u"none"_s : errorCodeName(result.error().code);
    }
    template <class T>
    static T copyOf(Guarded<T>& guarded)
    {
        return guarded.withLock([](const T& value) { return value; });
    }
};

/// An HTTP/1.1 service on a real socket that answers as it is told and keeps what it was sent.
/// Lives on this thread's event loop.
class ScriptedHttp
{
public:
    /// The whole request up to the empty line → the whole answer; empty: none ever comes.
    using Script = std::function<QByteArray(const QByteArray& request)>;

    explicit ScriptedHttp(Script script, const QHostAddress& address = QHostAddress::LocalHost)
        : m_script(std::move(script))
    {
        m_server.listen(address);
        QObject::connect(&m_server, &QTcpServer::newConnection, &m_server, [this] {
            while (QTcpSocket* const socket = m_server.nextPendingConnection()) {
                QObject::connect(
                    socket, &QTcpSocket::readyRead, socket, [this, socket] { read(socket); });
            }
        });
    }
    [[nodiscard]] QString address(const QString& host = u"127.0.0.1"_s) const
    {
        return u"http://%1:%2"_s.arg(host, QString::number(m_server.serverPort()));
    }
    [[nodiscard]] const QList<QByteArray>& requests() const { return m_requests; }

    static QByteArray json(const QByteArray& body, int status = 200)
    {
        return "HTTP/1.1 " + QByteArray::number(status) +
               " X\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: " +
               QByteArray::number(body.size()) + "\r\n\r\n" + body;
    }

private:
    void read(QTcpSocket* socket)
    {
        QByteArray& buffer = m_buffers[socket];
        buffer += socket->readAll();
        if (!buffer.contains("\r\n\r\n")) {
            return;
        }
        m_requests.append(std::exchange(buffer, {}));
        const QByteArray answer = m_script(m_requests.last());
        if (!answer.isEmpty()) {
            socket->write(answer);
            socket->disconnectFromHost();
        }
    }

    Script m_script;
    QTcpServer m_server;
    QList<QByteArray> m_requests;
    QHash<QTcpSocket*, QByteArray> m_buffers;
};

} // namespace sb::test
