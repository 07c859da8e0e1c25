#pragma once
#include <QNetworkRequest>
#include <QUrl>

class QNetworkAccessManager;

namespace sb::llm {

/// Connections that one QNetworkAccessManager may open to a host: the most that Qt allows.
constexpr int connectionsPerHost = 255;

/// What all requests to a model service have in common: no redirects, cookies, packing, and HTTP/2
/// only over TLS.
QNetworkRequest requestTo(const QUrl& url);

/// Connections of this manager go straight to their host, and read what has come at once.
void useNoProxy(QNetworkAccessManager& network);

} // namespace sb::llm
