#include "core/llm/HttpSetup.h"

#include "core/llm/HttpProvider.h"

#include <QCoreApplication>
#include <QDir>
#include <QHttp1Configuration>
#include <QLibraryInfo>
#include <QNetworkAccessManager>
#include <QNetworkProxy>

namespace sb::llm {

using namespace Qt::StringLiterals;

QNetworkRequest requestTo(const QUrl& url)
{
    QNetworkRequest request(url);
    QHttp1Configuration http1;
    http1.setNumberOfConnectionsPerHost(connectionsPerHost);
    request.setHttp1Configuration(http1);
    request.setAttribute(QNetworkRequest::Http2AllowedAttribute, (url.scheme() == "https"_L1));
    request.setAttribute(QNetworkRequest::RedirectPolicyAttribute,
                         QNetworkRequest::ManualRedirectPolicy);
    request.setAttribute(QNetworkRequest::CookieLoadControlAttribute, QNetworkRequest::Manual);
    request.setAttribute(QNetworkRequest::CookieSaveControlAttribute, QNetworkRequest::Manual);
    request.setAttribute(QNetworkRequest::AuthenticationReuseAttribute, QNetworkRequest::Manual);
    request.setRawHeader("Content-Type", "application/json");
    request.setRawHeader("Accept", "text/event-stream, application/json");
    request.setRawHeader("Accept-Encoding",
                         "identity"); // packing would hold a stream's pieces back
    request.setRawHeader("User-Agent", "signalbox/" SB_VERSION);
    return request;
}

namespace {

// Where Qt knows that there is no proxy, it opens a plain socket without a buffer and asks the
// kernel for every byte of an answer's head: 150 calls an answer, half of what a short one costs.
// "The program's proxy", which is none, leads to the same place through a buffer.
class ProgramsProxy final : public QNetworkProxyFactory
{
public:
    QList<QNetworkProxy> queryProxy(const QNetworkProxyQuery&) override
    {
        return {QNetworkProxy(QNetworkProxy::DefaultProxy)};
    }
};

} // namespace

void useNoProxy(QNetworkAccessManager& network)
{
    QNetworkProxy::setApplicationProxy(QNetworkProxy::NoProxy);
    network.setProxyFactory(new ProgramsProxy); // the manager's from here on
}

void ensureTlsPlugins()
{
    if (!QCoreApplication::libraryPaths().isEmpty()) {
        return;
    }
    QStringList paths =
        qEnvironmentVariable("QT_PLUGIN_PATH").split(QDir::listSeparator(), Qt::SkipEmptyParts);
    paths.append(QLibraryInfo::path(QLibraryInfo::PluginsPath));
    QCoreApplication::setLibraryPaths(paths);
}

} // namespace sb::llm
