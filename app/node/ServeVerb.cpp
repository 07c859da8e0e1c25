#include "app/node/CommandLine.h"
#include "app/node/SecretsVerb.h"
#include "core/runtime/Session.h"
#include "core/server/HttpServer.h"
#include "core/server/Token.h"

#include <poll.h>

namespace sb::node {

using runtime::Session;

namespace {

constexpr int connectionCheckMs = 500;

struct Listen
{
    QString address = QStringLiteral("127.0.0.1");
    quint16 port = 4180;
};

Result<Listen> readListen(const QString& text)
{
    Listen listen;
    if (text.isEmpty()) {
        return listen;
    }
    const qsizetype colon = text.lastIndexOf(u':');
    bool isNumber = false;
    const int port = text.mid(colon + 1).toInt(&isNumber);
    QString address = text.left(std::max<qsizetype>(colon, 0));
    if (address.startsWith(u'[') && address.endsWith(u']')) {
        address = address.mid(1, address.size() - 2);
    }
    if (colon < 0 || !isNumber || port < 0 || port > 65535) {
        return fail(ErrorCode::InvalidInput,
                    QStringLiteral("--listen needs ADDR:PORT, such as 127.0.0.1:4180, not \"%1\".")
                        .arg(text));
    }
    listen.address = address.isEmpty() ? listen.address : address;
    listen.port = quint16(port);
    return listen;
}

} // namespace

Exit serveVerb(Arguments arguments, QStringList words)
{
    auto read = readOptions(arguments, std::move(words), {QStringLiteral("--listen")}, {});
    if (!read || !arguments.rest.isEmpty()) {
        return complain(
            read ? Error{ErrorCode::InvalidInput, QStringLiteral("serve takes only --listen."), {}}
                 : read.error(),
            arguments.json);
    }
    auto listen = readListen(arguments.options.value(QStringLiteral("--listen")));
    if (!listen) {
        return complain(listen.error(), arguments.json);
    }
    if (auto prepared = arguments.home.prepare(); !prepared) {
        return complain(prepared.error(), arguments.json);
    }
    // One serve a home; a window or a run may hold the home itself, then this one speaks for it.
    auto only = runtime::InstanceLock::acquire(arguments.home.run + QStringLiteral("/serve.lock"),
                                               QStringLiteral("serve"));
    if (!only) {
        return complain(only.error(), arguments.json);
    }
    EndSignal end;
    bool announced = false;
    for (;;) {
        auto session = Session::open(
            arguments.home,
            {QStringLiteral("serve"), arguments.program, true, false, terminalPassphrase()});
        if (!session) {
            return openingFailed(session.error(), arguments.json);
        }
        auto token = server::Token::loadOrCreate(arguments.home.tokenFile());
        if (!token) {
            return complain(token.error(), arguments.json);
        }
        server::HttpServer::Settings settings;
        settings.address = listen->address;
        settings.port = listen->port;
        settings.token = std::move(*token);
        runtime::Runtime* const own = (*session)->own();
        const Subscription reloads =
            (*session)->client().subscribe((*session)->events(), [](const protocol::Event& event) {
                const auto* config = std::get_if<protocol::ConfigChanged>(&event);
                if (config != nullptr && !config->problem.isEmpty()) {
                    std::fprintf(stderr, "signalbox-node: %s\n", qPrintable(config->problem));
                }
            });
        settings.metrics = [own] { return own != nullptr ? own->metrics() : QByteArray(); };
        auto http = server::HttpServer::start(std::move(settings), (*session)->client());
        if (!http) {
            return complain(http.error(), arguments.json);
        }
        listen->port = (*http)->port(); // the same again, should the runtime behind it change
        if (!announced) {
            announced = true;
            const QString where = listen->address.contains(u':')
                                      ? QStringLiteral("[%1]").arg(listen->address)
                                      : listen->address;
            printLine(QStringLiteral("ready %1:%2").arg(where).arg(listen->port).toUtf8());
        }
        if (own != nullptr) {
            (void)own->takeUp();
        }
        for (;;) {
            pollfd wait{end.descriptor(), POLLIN, 0};
            if (::poll(&wait, 1, own != nullptr ? -1 : connectionCheckMs) > 0) {
                return Exit::Succeeded;
            }
            if (!(*session)->isConnected()) {
                break; // whoever ran the home has gone: take it over
            }
        }
    }
}

} // namespace sb::node
