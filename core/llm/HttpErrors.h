#pragma once
#include "core/base/Clock.h"
#include "core/base/Result.h"

#include <QByteArray>
#include <QJsonValue>
#include <QNetworkReply>
#include <QString>
#include <QUrl>
#include <optional>

namespace sb::llm {

/// Who is spoken of in an error's sentence.
struct Service
{
    QString id; ///< the provider's id
    QUrl url;
    QString model;

    /// "The model service "local"".
    [[nodiscard]] QString name() const;
    /// "127.0.0.1:4010".
    [[nodiscard]] QString place() const;
};

/// What an HTTP status of 300 and more means, with the service's own words. The body may be cut
/// off.
Error statusError(const Service& service,
                  int status,
                  const QByteArray& body,
                  const QString& location);

/// What a failure of the network means.
Error networkError(const Service& service, QNetworkReply::NetworkError error, const QString& words);

/// What a service reports in the middle of an answer; the message is a part of a sentence ("it
/// reported: …").
Error errorInStream(const QJsonValue& error);

/// How long the service asked to be left alone: retry-after-ms, or Retry-After as seconds or as an
/// HTTP date.
std::optional<Milliseconds>
retryAfter(const QByteArray& milliseconds, const QByteArray& header, TimeUs now);

/// A stranger's words on one line, without control characters, of at most 300 characters.
QString quotable(const QString& words);

} // namespace sb::llm
