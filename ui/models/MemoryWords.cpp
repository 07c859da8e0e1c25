#include "ui/models/MemoryWords.h"

#include "ui/widgets/Format.h"
#include "ui/widgets/PlainLine.h"

#include <QCoreApplication>
#include <QDateTime>
#include <QFileInfo>
#include <QLocale>

using namespace Qt::StringLiterals;

namespace sb::models {

using protocol::MemoryType;
using protocol::Provenance;
using protocol::Relation;

namespace {

// Gives the sentences below a context that the translators' tools find.
struct Said
{
    Q_DECLARE_TR_FUNCTIONS(MemoryWords)
};

QString dayText(TimeUs time)
{
    return QLocale().toString(QDateTime::fromMSecsSinceEpoch(time / 1000).date(),
                              QLocale::ShortFormat);
}

QString wayText(const protocol::HitReason& reason)
{
    const QString what = widgets::visibleText(reason.what);
    if (reason.way == "vector"_L1) {
        return what.isEmpty() ? Said::tr("it is alike in meaning")
                              : Said::tr("it is alike in meaning (%1)").arg(what);
    }
    if (reason.way == "text"_L1) {
        return what.isEmpty() ? Said::tr("it has the words") : Said::tr("it has %1").arg(what);
    }
    if (reason.way == "graph"_L1) {
        return what.isEmpty() ? Said::tr("it is linked to one that was found")
                              : Said::tr("it is linked (%1)").arg(what);
    }
    return what.isEmpty() ? reason.way : what;
}

} // namespace

QString memoryTypeText(MemoryType type)
{
    switch (type) {
    case MemoryType::Identity:
        return Said::tr("Identity");
    case MemoryType::Goal:
        return Said::tr("Goal");
    case MemoryType::Human:
        return Said::tr("Human");
    case MemoryType::Decision:
        return Said::tr("Decision");
    case MemoryType::Todo:
        return Said::tr("To do");
    case MemoryType::Preference:
        return Said::tr("Preference");
    case MemoryType::Fact:
        return Said::tr("Fact");
    case MemoryType::Event:
        return Said::tr("Event");
    case MemoryType::Observation:
        return Said::tr("Observation");
    }
    return {};
}

QString memoryTypeLetter(MemoryType type)
{
    switch (type) {
    case MemoryType::Identity:
        return Said::tr("I", "letter for a memory about identity");
    case MemoryType::Goal:
        return Said::tr("G", "letter for a goal");
    case MemoryType::Human:
        return Said::tr("H", "letter for a memory about a human");
    case MemoryType::Decision:
        return Said::tr("D", "letter for a decision");
    case MemoryType::Todo:
        return Said::tr("T", "letter for something to do");
    case MemoryType::Preference:
        return Said::tr("P", "letter for a preference");
    case MemoryType::Fact:
        return Said::tr("F", "letter for a fact");
    case MemoryType::Event:
        return Said::tr("E", "letter for an event");
    case MemoryType::Observation:
        return Said::tr("O", "letter for an observation");
    }
    return {};
}

QList<MemoryType> allMemoryTypes()
{
    using enum MemoryType;
    return {Identity, Goal, Human, Decision, Todo, Preference, Fact, Event, Observation};
}

QString provenanceText(Provenance provenance)
{
    switch (provenance) {
    case Provenance::Owner:
        return Said::tr("You");
    case Provenance::Agent:
        return Said::tr("The agent");
    case Provenance::Untrusted:
        return Said::tr("Nobody");
    case Provenance::System:
        return Said::tr("Signalbox");
    }
    return {};
}

QString provenanceSentence(Provenance provenance)
{
    switch (provenance) {
    case Provenance::Owner:
        return Said::tr("You said it, or put it right.");
    case Provenance::Agent:
        return Said::tr("The agent concluded it from what it did.");
    case Provenance::Untrusted:
        return Said::tr(
            "It comes from a page, a file or another stranger. Prompts do not carry it by "
            "themselves.");
    case Provenance::System:
        return Said::tr("Signalbox wrote it down about its own work.");
    }
    return {};
}

QString provenanceIcon(Provenance provenance)
{
    switch (provenance) {
    case Provenance::Owner:
        return u"check"_s;
    case Provenance::Agent:
        return u"agent"_s;
    case Provenance::Untrusted:
        return u"warning"_s;
    case Provenance::System:
        return u"signalbox"_s;
    }
    return {};
}

QList<Provenance> allProvenances()
{
    using enum Provenance;
    return {Owner, Agent, Untrusted, System};
}

QString relationText(Relation relation)
{
    switch (relation) {
    case Relation::RelatedTo:
        return Said::tr("is related to");
    case Relation::Updates:
        return Said::tr("updates");
    case Relation::Contradicts:
        return Said::tr("contradicts");
    case Relation::CausedBy:
        return Said::tr("was caused by");
    case Relation::ResultOf:
        return Said::tr("is a result of");
    case Relation::PartOf:
        return Said::tr("is part of");
    }
    return {};
}

QString relationBackText(Relation relation)
{
    switch (relation) {
    case Relation::RelatedTo:
        return Said::tr("is related to");
    case Relation::Updates:
        return Said::tr("is updated by");
    case Relation::Contradicts:
        return Said::tr("is contradicted by");
    case Relation::CausedBy:
        return Said::tr("caused");
    case Relation::ResultOf:
        return Said::tr("resulted in");
    case Relation::PartOf:
        return Said::tr("has as a part");
    }
    return {};
}

QList<Relation> allRelations()
{
    using enum Relation;
    return {RelatedTo, Updates, Contradicts, CausedBy, ResultOf, PartOf};
}

QString whyFoundText(const QList<protocol::HitReason>& reasons)
{
    QStringList ways;
    for (const auto& reason : reasons) {
        ways.append(wayText(reason));
    }
    return ways.isEmpty() ? QString()
                          : Said::tr("Found because %1.").arg(ways.join(Said::tr(", and ")));
}

QString sourceText(const protocol::MemorySource& source)
{
    if (!source.file.isEmpty()) {
        const QString name = QFileInfo(source.file).fileName();
        if (source.line <= 0) {
            return name;
        }
        if (name.endsWith(".pdf"_L1, Qt::CaseInsensitive)) {
            return Said::tr("%1, page %2").arg(name).arg(source.line);
        }
        return source.lastLine > source.line
                   ? Said::tr("%1, lines %2 to %3").arg(name).arg(source.line).arg(source.lastLine)
                   : Said::tr("%1, line %2").arg(name).arg(source.line);
    }
    if (!source.channel.isEmpty()) {
        return Said::tr("the channel %1").arg(source.channel);
    }
    return source.process.isEmpty() ? QString() : Said::tr("the process %1").arg(source.process);
}

QString validityText(const protocol::MemoryInfo& memory)
{
    if (memory.validFrom != 0 && memory.validTo != 0) {
        return Said::tr("from %1 to %2").arg(dayText(memory.validFrom), dayText(memory.validTo));
    }
    if (memory.validTo != 0) {
        return Said::tr("until %1").arg(dayText(memory.validTo));
    }
    return memory.validFrom == 0 ? QString() : Said::tr("since %1").arg(dayText(memory.validFrom));
}

QString memoryLine(const QString& content, int maximum)
{
    QString line = widgets::visibleText(widgets::plainLine(content, maximum));
    if (line.endsWith(u" …")) {
        line.remove(line.size() - 2, 1);
    }
    return line.isEmpty() ? Said::tr("(no words)") : line;
}

bool isDoubted(const protocol::MemoryInfo& memory)
{
    return memory.provenance == Provenance::Untrusted && !memory.isPromoted;
}

QString indexText(const protocol::MemoryIndexInfo& index)
{
    QStringList parts;
    parts.append(index.backend.isEmpty()        ? Said::tr("Searched by words")
                 : index.backend == "hashed"_L1 ? Said::tr("Searched by words and likeness")
                                                : Said::tr("Searched by words and meaning (%1)")
                                                      .arg(widgets::visibleText(index.backend)));
    if (index.waiting > 0) {
        parts.append(Said::tr("%1 still to be read in").arg(widgets::countText(index.waiting)));
    }
    if (!index.problem.isEmpty()) {
        parts.append(widgets::visibleText(index.problem));
    }
    return parts.join(u" · "_s);
}

QString ingestText(const protocol::IngestInfo& job)
{
    QStringList parts;
    if (job.files > 1) {
        parts.append(Said::tr("%1 of %2 files")
                         .arg(widgets::countText(job.filesDone), widgets::countText(job.files)));
    }
    parts.append(
        Said::tr("%1 of %2").arg(widgets::sizeText(job.bytesDone), widgets::sizeText(job.bytes)));
    parts.append(Said::tr("%1 memories made").arg(widgets::countText(job.memories)));
    if (job.known > 0) {
        parts.append(Said::tr("%1 known already").arg(widgets::countText(job.known)));
    }
    return parts.join(u", "_s);
}

} // namespace sb::models
