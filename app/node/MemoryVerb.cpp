#include "app/node/MemoryVerb.h"

#include "app/node/MemoryIngestVerb.h"
#include "core/memory/Memories.h"

#include <QDir>
#include <QFile>
#include <QFileInfo>

#include <unistd.h>

namespace sb::node {

using namespace Qt::StringLiterals;
using protocol::MemoryInfo;
using runtime::Session;

namespace {

constexpr int mostShown = 240; ///< characters of a memory in a list

void say(const QString& text)
{
    printLine(text.toUtf8());
}

/// A time as a person writes it: RFC 3339, or a day, which is meant to its end, in local time.
Result<TimeUs> timeOf(const QString& text)
{
    if (const auto day = QDate::fromString(text, Qt::ISODate); day.isValid()) {
        return day.addDays(1).startOfDay().toMSecsSinceEpoch() * 1000;
    }
    const auto time = QDateTime::fromString(text, Qt::ISODateWithMs);
    if (!time.isValid()) {
        return fail(
            ErrorCode::InvalidInput,
            u"--at needs a day (2026-11-03) or a time (2026-11-03T14:30), not \"%1\"."_s.arg(text));
    }
    return time.toMSecsSinceEpoch() * 1000;
}

/// One line, without what could move a cursor.
QString plain(const QString& text, qsizetype most)
{
    QString line = text.simplified();
    for (QChar& c : line) {
        if (c.category() == QChar::Other_Control || c.category() == QChar::Other_Format) {
            c = u' ';
        }
    }
    if (line.size() > most) {
        line.truncate(most - (line[most - 1].isHighSurrogate() ? 1 : 0));
        line += u" …"_s;
    }
    return line;
}

QString placeOf(const protocol::MemorySource& source)
{
    if (!source.file.isEmpty()) {
        const bool isPdf = source.file.endsWith(".pdf"_L1, Qt::CaseInsensitive);
        QString place = plain(source.file, 4096);
        if (source.line > 0) {
            place += isPdf ? u", page %1"_s.arg(source.line) : u":%1"_s.arg(source.line);
        }
        if (source.lastLine > source.line) {
            place += u"–%1"_s.arg(source.lastLine);
        }
        return place;
    }
    QStringList parts;
    if (!source.channel.isEmpty()) {
        parts.append(source.channel);
    }
    if (source.entry > 0) {
        parts.append(u"entry %1"_s.arg(source.entry));
    }
    return parts.join(u", "_s);
}

QString headOf(const MemoryInfo& memory)
{
    QStringList parts{memory.id, enumName(memory.type), enumName(memory.provenance)};
    if (memory.isPinned) {
        parts.append(u"pinned"_s);
    }
    if (memory.isPromoted) {
        parts.append(u"promoted"_s);
    }
    if (!memory.suspicion.isEmpty()) {
        parts.append(u"suspicious"_s);
    }
    if (memory.validTo != 0) {
        parts.append(u"true until %1"_s.arg(timeText(memory.validTo).left(10)));
    }
    if (memory.forgottenAt != 0) {
        parts.append(u"forgotten"_s);
    }
    if (const QString place = placeOf(memory.source); !place.isEmpty()) {
        parts.append(place);
    }
    return parts.join(u"  "_s);
}

Exit searchIn(const Arguments& arguments, Session& session)
{
    protocol::SearchMemory command;
    command.agent = arguments.options.value(u"--agent"_s);
    command.words = arguments.rest.sliced(1).join(u' ');
    if (arguments.options.contains(u"--limit"_s)) {
        bool isNumber = false;
        command.limit = arguments.options.value(u"--limit"_s).toInt(&isNumber);
        if (!isNumber || command.limit < 1 || command.limit > 100) {
            return complain(
                {ErrorCode::InvalidInput, u"--limit needs a number from 1 to 100."_s, {}},
                arguments.json);
        }
    }
    if (const QString name = arguments.options.value(u"--type"_s); !name.isEmpty()) {
        const auto type = enumFromName(name, static_cast<protocol::MemoryType*>(nullptr));
        if (!type) {
            return complain({ErrorCode::InvalidInput,
                             u"There is no type \"%1\": memories are identity, goal, human, "
                             "decision, todo, preference, fact, event or observation."_s.arg(name),
                             {}},
                            arguments.json);
        }
        command.filter.types = {*type};
    }
    if (arguments.options.contains(u"--at"_s)) {
        const auto at = timeOf(arguments.options.value(u"--at"_s));
        if (!at) {
            return complain(at.error(), arguments.json);
        }
        command.filter.knownAt = *at;
    }
    const auto reply = session.client().request(std::move(command)).wait();
    if (!reply) {
        return complain(reply.error(), arguments.json);
    }
    if (!reply->notice.isEmpty()) {
        std::fprintf(stderr, "signalbox-node: %s\n", reply->notice.toUtf8().constData());
    }
    for (const auto& hit : reply->hits) {
        if (arguments.json) {
            printJson(protocol::toJson(hit));
            continue;
        }
        QStringList reasons;
        for (const auto& reason : hit.reasons) {
            reasons.append(u"%1 %2: %3"_s.arg(reason.way).arg(reason.rank).arg(reason.what));
        }
        say(headOf(hit.memory));
        say(u"    "_s + plain(hit.memory.content, mostShown));
        say(u"    ("_s + plain(reasons.join(u"; "_s), mostShown) + u')');
    }
    if (reply->hits.isEmpty() && !arguments.json) {
        say(u"Nothing that is remembered fits."_s);
    }
    return Exit::Succeeded;
}

Exit show(const Arguments& arguments, Session& session)
{
    const auto reply =
        session.client()
            .request(protocol::GetMemory{arguments.options.value(u"--agent"_s), arguments.rest[1]})
            .wait();
    if (!reply) {
        return complain(reply.error(), arguments.json);
    }
    if (arguments.json) {
        printJson(protocol::toJson(*reply));
        return Exit::Succeeded;
    }
    say(headOf(reply->memory));
    for (const QString& line : reply->memory.content.split(u'\n')) {
        say(u"    "_s + plain(line, memory::MostCharacters));
    }
    if (!reply->memory.suspicion.isEmpty()) {
        say(u"It reads like an instruction: "_s + plain(reply->memory.suspicion, mostShown));
    }
    for (const auto& edge : reply->edges) {
        const bool leaves = edge.from == reply->memory.id;
        const QString& other = leaves ? edge.to : edge.from;
        const auto at = std::ranges::find(reply->neighbours, other, &MemoryInfo::id);
        say(u"%1 %2 %3  %4"_s.arg(
            leaves ? u"→"_s : u"←"_s,
            enumName(edge.relation),
            other,
            at == reply->neighbours.end() ? QString() : plain(at->content, mostShown / 2)));
    }
    for (const auto& version : reply->versions) {
        say(u"entry %1  %2  %3"_s.arg(version.seq)
                .arg(timeText(version.knownFrom).left(19) + u'Z',
                     version.forgottenAt != 0 ? u"(forgotten)"_s
                                              : plain(version.content, mostShown / 2)));
    }
    return Exit::Succeeded;
}

QString countsOf(const QList<protocol::NamedCount>& counts)
{
    QStringList words;
    for (const auto& one : counts) {
        words.append(u"%1 %2"_s.arg(one.count).arg(one.name));
    }
    return words.join(u", "_s);
}

Exit stats(const Arguments& arguments, Session& session)
{
    const auto reply = session.client()
                           .request(protocol::GetMemoryStats{arguments.options.value(u"--agent"_s)})
                           .wait();
    if (!reply) {
        return complain(reply.error(), arguments.json);
    }
    if (arguments.json) {
        printJson(protocol::toJson(*reply));
        return Exit::Succeeded;
    }
    say(u"memories    %1"_s.arg(reply->memories) +
        (reply->byType.isEmpty() ? QString() : u"  ("_s + countsOf(reply->byType) + u')'));
    say(u"edges       %1"_s.arg(reply->edges) +
        (reply->byRelation.isEmpty() ? QString() : u"  ("_s + countsOf(reply->byRelation) + u')'));
    say(u"forgotten   %1"_s.arg(reply->forgotten));
    say(u"untrusted   %1, suspicious %2"_s.arg(reply->untrusted).arg(reply->suspicious));
    if (reply->first != 0) {
        say(u"from        %1 to %2"_s.arg(timeText(reply->first).left(19) + u'Z',
                                          timeText(reply->last).left(19) + u'Z'));
    }
    const auto& index = reply->index;
    say(u"index       %1, %2 dimensions, %3 indexed, %4 waiting%5"_s
            .arg(index.backend, QString::number(index.dimension), QString::number(index.indexed))
            .arg(index.waiting)
            .arg(index.problem.isEmpty() ? QString() : u"; "_s + index.problem));
    say(u"bulletin    "_s + (reply->bulletin.seq == 0
                                 ? u"none yet"_s
                                 : u"%1 by %2"_s.arg(timeText(reply->bulletin.at).left(19) + u'Z',
                                                     reply->bulletin.by)));
    return Exit::Succeeded;
}

Exit exportTo(const Arguments& arguments, Session& session)
{
    const QString target = arguments.rest.value(1);
    const bool toOutput = target.isEmpty() || target == u"-";
    const QString name =
        arguments.options.value(u"--format"_s, QFileInfo(target).suffix().toLower());
    const auto format = enumFromName(name, static_cast<protocol::ExportFormat*>(nullptr));
    if (!format && arguments.options.contains(u"--format"_s)) {
        return complain({ErrorCode::InvalidInput,
                         u"--format is json, graphml or html, not \"%1\"."_s.arg(name),
                         {}},
                        arguments.json);
    }
    protocol::ExportMemory command;
    command.agent = arguments.options.value(u"--agent"_s);
    command.format = format.value_or(protocol::ExportFormat::Json);
    command.path = toOutput ? arguments.home.run + u"/memory-%1"_s.arg(qint64(::getpid()))
                            : QDir::current().absoluteFilePath(target);
    const QString path = command.path;
    const auto reply = session.client().request(std::move(command)).wait();
    if (!reply) {
        return complain(reply.error(), arguments.json);
    }
    if (!toOutput) {
        if (arguments.json) {
            printJson(protocol::toJson(*reply));
        } else {
            say(u"%1 memories and %2 edges in %3"_s.arg(reply->memories)
                    .arg(reply->edges)
                    .arg(path));
        }
        return Exit::Succeeded;
    }
    QFile file(path);
    const bool isOpen = file.open(QIODevice::ReadOnly);
    while (isOpen && !file.atEnd()) {
        const QByteArray chunk = file.read(1 << 20);
        std::fwrite(chunk.constData(), 1, size_t(chunk.size()), stdout);
    }
    std::fflush(stdout);
    file.remove();
    return isOpen ? Exit::Succeeded : Exit::Failed;
}

Exit sayChanged(const Result<protocol::MemoryChanged>& changed, const QString& did, bool json)
{
    if (!changed) {
        return complain(changed.error(), json);
    }
    if (json) {
        printJson(protocol::toJson(*changed));
    } else if (changed->seq == 0) {
        say(u"Nothing is different."_s);
    } else {
        say(u"%1; \"memory undo %2\" takes it back."_s.arg(did).arg(changed->seq));
    }
    return Exit::Succeeded;
}

Exit forget(const Arguments& arguments, Session& session)
{
    protocol::ChangeMemory command;
    command.agent = arguments.options.value(u"--agent"_s);
    command.by = u"owner"_s;
    command.reason = u"forgotten from the command line"_s;
    for (const QString& id : arguments.rest.sliced(1)) {
        protocol::MemoryChange change;
        change.op = protocol::MemoryOp::Edit;
        change.id = id;
        change.forgotten = true;
        command.changes.append(std::move(change));
    }
    const auto count = command.changes.size();
    return sayChanged(session.client().request(std::move(command)).wait(),
                      count == 1 ? u"Forgotten"_s : u"%1 are forgotten"_s.arg(count),
                      arguments.json);
}

Exit undo(const Arguments& arguments, Session& session)
{
    bool isNumber = false;
    const qint64 seq = arguments.rest[1].toLongLong(&isNumber);
    if (!isNumber || seq < 1) {
        return complain(
            {ErrorCode::InvalidInput, u"memory undo needs the number of an entry."_s, {}},
            arguments.json);
    }
    return sayChanged(session.client()
                          .request(protocol::UndoMemoryChange{
                              arguments.options.value(u"--agent"_s), seq, u"owner"_s})
                          .wait(),
                      u"Taken back"_s,
                      arguments.json);
}

struct Action
{
    const char* name;
    Exit (*run)(const Arguments&, Session&);
    int fewest; ///< words behind it
    int most;   ///< -1: as many as there are
    QStringList options{};
};

} // namespace

Exit memoryVerb(Arguments arguments, QStringList words)
{
    const std::array actions{
        Action{"search", searchIn, 1, -1, {u"--limit"_s, u"--type"_s, u"--at"_s}},
        Action{"show", show, 1, 1},
        Action{"stats", stats, 0, 0},
        Action{"export", exportTo, 0, 1, {u"--format"_s}},
        Action{"ingest", ingestPaths, 1, -1},
        Action{"forget", forget, 1, 500},
        Action{"undo", undo, 1, 1}};
    const auto read =
        readOptions(arguments,
                    std::move(words),
                    {u"--agent"_s, u"--limit"_s, u"--type"_s, u"--at"_s, u"--format"_s},
                    {});
    if (!read) {
        return complain(read.error(), arguments.json);
    }
    const qsizetype count = arguments.rest.size() - 1;
    const auto action = std::ranges::find_if(actions, [&](const Action& one) {
        return arguments.rest.value(0) == QLatin1StringView(one.name);
    });
    if (action == actions.end() || count < action->fewest ||
        (action->most >= 0 && count > action->most)) {
        return complain({ErrorCode::InvalidInput,
                         u"memory is followed by search WORDS, show ID, stats, export [FILE], "
                         "ingest PATH, forget ID or undo NUMBER."_s,
                         {}},
                        arguments.json);
    }
    for (const QString& option : arguments.options.keys()) {
        if (option != u"--agent" && !action->options.contains(option)) {
            return complain({ErrorCode::InvalidInput,
                             u"memory %1 has no option \"%2\"."_s.arg(arguments.rest[0], option),
                             {}},
                            arguments.json);
        }
    }
    auto session = Session::open(arguments.home, {u"run"_s, arguments.program, false});
    if (!session) {
        return openingFailed(session.error(), arguments.json);
    }
    return action->run(arguments, **session);
}

} // namespace sb::node
