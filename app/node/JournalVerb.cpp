#include "app/node/CommandLine.h"
#include "core/runtime/Session.h"

#include <QDir>
#include <QFile>
#include <QJsonDocument>

#include <poll.h>

namespace sb::node {

using runtime::Session;

namespace {

void printEntry(const protocol::Entry& entry, bool json)
{
    const QJsonObject object = protocol::entryToJson(entry);
    if (json) {
        printJson(object);
        return;
    }
    QByteArray payload = QJsonDocument(entry.payload).toJson(QJsonDocument::Compact);
    if (payload.size() > 160) {
        payload = QString::fromUtf8(payload).left(158).toUtf8() + " …";
    }
    printLine(QStringLiteral("%1  %2  %3  %4  %5")
                  .arg(entry.seq, 6)
                  .arg(timeText(entry.time).left(23) + u'Z',
                       protocol::kindName(entry.kind).leftJustified(18),
                       entry.process.leftJustified(14),
                       entry.erased ? QStringLiteral("(erased)") : QString::fromUtf8(payload))
                  .toUtf8());
}

Exit tail(const Arguments& arguments, Session& session)
{
    bool isNumber = true;
    const int count = arguments.options.contains(QStringLiteral("-n"))
                          ? arguments.options.value(QStringLiteral("-n")).toInt(&isNumber)
                          : 20;
    if (!isNumber || count < 0) {
        return complain({ErrorCode::InvalidInput, QStringLiteral("-n needs a number."), {}},
                        arguments.json);
    }
    EndSignal end;
    std::mutex mutex;
    std::deque<protocol::Entry> live;
    qint64 last = 0;
    bool started = false;
    protocol::QueryJournal query;
    query.agent = arguments.options.value(QStringLiteral("--agent"));
    QString agent = query.agent;
    Subscription subscription;
    if (arguments.options.contains(QStringLiteral("-f"))) {
        subscription =
            session.client().subscribe(session.events(), [&](const protocol::Event& event) {
                if (const auto* appended = std::get_if<protocol::EntryAppended>(&event)) {
                    const std::scoped_lock lock(mutex);
                    if (!started) {
                        live.push_back(appended->entry);
                    } else if (appended->entry.agent == agent && appended->entry.seq > last) {
                        last = appended->entry.seq;
                        printEntry(appended->entry, arguments.json);
                    }
                }
            });
    }
    query.limit = count;
    auto reply = session.client().request(query).wait();
    if (!reply) {
        return complain(reply.error(), arguments.json);
    }
    {
        const std::scoped_lock lock(mutex);
        for (auto it = reply->entries.crbegin(); it != reply->entries.crend(); ++it) {
            printEntry(*it, arguments.json);
            last = it->seq;
            agent = it->agent;
        }
        for (const auto& entry : live) {
            if (entry.agent == agent && entry.seq > last) {
                last = entry.seq;
                printEntry(entry, arguments.json);
            }
        }
        started = true;
    }
    if (subscription) {
        pollfd wait{end.descriptor(), POLLIN, 0};
        while (::poll(&wait, 1, 1000) <= 0 && session.isConnected()) {
        }
    }
    return Exit::Succeeded;
}

Exit verify(const Arguments& arguments, Session& session)
{
    protocol::VerifyJournal command;
    command.agent = arguments.options.value(QStringLiteral("--agent"));
    auto reply = session.client().request(std::move(command)).wait();
    if (!reply) {
        return complain(reply.error(), arguments.json);
    }
    Exit exit = Exit::Succeeded;
    for (const auto& report : reply->reports) {
        if (arguments.json) {
            printJson(protocol::toJson(report));
        } else {
            printLine(QStringLiteral("%1  %2  %3")
                          .arg(report.ok ? QStringLiteral("ok ") : QStringLiteral("BAD"),
                               report.agent,
                               report.message)
                          .toUtf8());
        }
        if (!report.ok) {
            exit = Exit::Failed;
        }
    }
    if (reply->reports.isEmpty() && !arguments.json) {
        printLine("There is no journal yet.");
    }
    return exit;
}

Exit exportTo(const Arguments& arguments, Session& session)
{
    const QString target = arguments.rest.value(1);
    const bool toOutput = target.isEmpty() || target == u"-";
    protocol::ExportJournal command;
    command.agent = arguments.options.value(QStringLiteral("--agent"));
    command.path =
        toOutput ? arguments.home.run + QStringLiteral("/export-%1.jsonl").arg(qint64(::getpid()))
                 : QDir::current().absoluteFilePath(target);
    const QString path = command.path;
    auto reply = session.client().request(std::move(command)).wait();
    if (!reply) {
        return complain(reply.error(), arguments.json);
    }
    if (!toOutput) {
        if (arguments.json) {
            printJson(protocol::toJson(*reply));
        } else {
            printLine(QStringLiteral("%1 entries in %2").arg(reply->entries).arg(path).toUtf8());
        }
        return Exit::Succeeded;
    }
    QFile file(path);
    const bool opened = file.open(QIODevice::ReadOnly);
    while (opened && !file.atEnd()) {
        const QByteArray chunk = file.read(1 << 20);
        std::fwrite(chunk.constData(), 1, size_t(chunk.size()), stdout);
    }
    std::fflush(stdout);
    file.remove();
    return opened ? Exit::Succeeded : Exit::Failed;
}

} // namespace

Exit journalVerb(Arguments arguments, QStringList words)
{
    auto read = readOptions(arguments,
                            std::move(words),
                            {QStringLiteral("--agent"), QStringLiteral("-n")},
                            {QStringLiteral("-f"), QStringLiteral("--follow")});
    if (!read) {
        return complain(read.error(), arguments.json);
    }
    if (arguments.options.contains(QStringLiteral("--follow"))) {
        arguments.options.insert(QStringLiteral("-f"), QStringLiteral("yes"));
    }
    const QString what = arguments.rest.value(0);
    if ((what != u"tail" && what != u"verify" && what != u"export") ||
        arguments.rest.size() > (what == u"export" ? 2 : 1)) {
        return complain({ErrorCode::InvalidInput,
                         QStringLiteral("journal is followed by tail, verify or export [FILE]."),
                         {}},
                        arguments.json);
    }
    auto session = Session::open(arguments.home, {QStringLiteral("run"), arguments.program, false});
    if (!session) {
        return openingFailed(session.error(), arguments.json);
    }
    return what == u"tail"     ? tail(arguments, **session)
           : what == u"verify" ? verify(arguments, **session)
                               : exportTo(arguments, **session);
}

} // namespace sb::node
