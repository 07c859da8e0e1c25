#include "core/tools/GateTaint.h"

#include "core/base/Defence.h"
#include "core/policy/Glob.h"
#include "core/policy/Shell.h"
#include "core/taint/Detect.h"

#include <QDir>

using namespace Qt::StringLiterals;

namespace sb::tools {

using taint::Flow;
using taint::Label;
using taint::Labels;
using taint::Source;

namespace {

constexpr qsizetype mostPaths = 64;
constexpr qsizetype searchedForPersons = 64 * 1024; // characters of an answer

/// The files of the workspace that a command line names, as far as its words tell.
QStringList pathsOfCommand(const Plan& plan, const Context& context)
{
    const auto line = policy::readShell(plan.action.subject);
    QStringList words = line.targets;
    for (const auto& command : line.commands) {
        words += command.words;
    }
    const QString folder = plan.launch ? plan.launch->cwd : context.workspace;
    QStringList paths;
    for (QString word : std::as_const(words)) {
        // curl -d @file, --output=file
        word = word.sliced(word.lastIndexOf(u'=') + 1);
        if (word.startsWith(u'@')) {
            word.slice(1);
        }
        if (word.isEmpty() || word.startsWith(u'-') || paths.size() == mostPaths) {
            continue;
        }
        const QString path =
            QDir::cleanPath(word.startsWith(u'/') ? word : QString(folder + u'/' + word));
        if (path.startsWith(QString(context.workspace + u'/')) && !paths.contains(path)) {
            paths.append(path);
        }
    }
    return paths;
}

Flow found(const QString& argument, Label label, const Context& context, const QString& what)
{
    Flow flow;
    flow.argument = argument;
    flow.labels = {label};
    flow.isPrecise = true;
    Source source = taint::entering({label}, context.process, what);
    source.path.first().entry = context.callSeq;
    flow.sources = {source};
    return flow;
}

/// Secrets and personal data that stand in the arguments themselves, plain or encoded.
QList<Flow> foundIn(const QJsonObject& arguments,
                    const Context& context,
                    const std::function<QString(const QString&)>& redact)
{
    QList<Flow> flows;
    taint::eachText(arguments, [&](const QString& argument, const QString& text) {
        bool secret = false;
        bool personal = false;
        for (const QString& one : QStringList{text} + taint::decodedParts(text)) {
            secret = secret || (defended("taint.secrets") && redact && redact(one) != one);
            personal = personal || (defended("taint.personal") && taint::holdsPersonal(one));
        }
        if (secret) {
            flows.append(found(argument, Label::Secret, context, u"a key in the call itself"_s));
        }
        if (personal) {
            flows.append(
                found(argument, Label::Pii, context, u"personal data in the call itself"_s));
        }
    });
    return flows;
}

} // namespace

Labelled labelled(Plan plan,
                  const Labelling& labelling,
                  const Context& context,
                  const std::function<QString(const QString&)>& redact)
{
    Labelled known;
    policy::Action& action = plan.action;
    // Where nothing is listed, each address that a command wants is put before a person anyhow.
    action.reachesNetwork = action.reachesNetwork ||
                            (plan.launch && plan.launch->network && !action.allowedHosts.isEmpty());
    const bool isCommand = action.effect == policy::Effect::Execute;
    const bool writes = !plan.before.isEmpty() || isCommand;
    const bool reads = action.effect == policy::Effect::ReadWorkspace;
    const auto sinks = policy::sinksOf(action);
    if (!writes && !reads && sinks.isEmpty()) {
        known.plan = std::move(plan);
        return known; // it stays inside the runtime, where labels travel with what it says
    }

    known.paths =
        isCommand && action.tool == "shell"_L1 ? pathsOfCommand(plan, context) : plan.paths;
    if (labelling.sourcesOfFile && defended("taint.files")) {
        for (const QString& path : std::as_const(known.paths)) {
            known.files += labelling.sourcesOfFile(path);
        }
        known.files = taint::condensed(known.files);
    }
    if (!reads) {
        action.flows =
            labelling.read.flowsInto(plan.arguments) + foundIn(plan.arguments, context, redact);
        Flow named;
        for (const Source& source : std::as_const(known.files)) {
            if (source.exact) {
                named.sources.append(source);
            }
        }
        if (isCommand && !named.sources.isEmpty()) {
            named.argument = u"command"_s;
            named.isPrecise = true;
            named.labels = taint::joined(named.sources);
            action.flows.append(named);
        }
    }
    Labels labels = labelling.read.labels() | taint::joined(known.files);
    for (const Flow& flow : std::as_const(action.flows)) {
        labels |= flow.labels;
    }
    if (!sinks.isEmpty() || writes) {
        action.labels = labels;
    }

    // Its owner vouches for no more than what stands in a trusted file by itself.
    Labels kept{Label::ExternalNetwork, Label::Pii, Label::Secret, Label::UntrustedAgent};
    if (!labelling.settings.trustedFiles.isEmpty()) {
        kept |= Labels{Label::UntrustedFile};
    }
    const bool keeps = writes && !(labels & kept).isEmpty();
    QList<Source> influences;
    if (keeps || (!sinks.isEmpty() && !labels.without({Label::UserInput}).isEmpty())) {
        influences = taint::condensed(labelling.read.influences() + known.files);
    }
    if (keeps) {
        QList<Source> all;
        for (const Flow& flow : std::as_const(action.flows)) {
            all += flow.sources;
        }
        all += plan.before.isEmpty() ? QList<Source>() : known.files;
        for (Source& source : influences) {
            source.exact = false;
            all.append(source);
        }
        all.removeIf([&](const Source& source) { return (source.labels & kept).isEmpty(); });
        known.written =
            taint::passedOn(taint::condensed(all), context.process, u"written to a file"_s);
    }
    if (!sinks.isEmpty() && !influences.isEmpty()) {
        Flow influence;
        influence.labels = taint::joined(influences);
        influence.sources = std::move(influences);
        action.flows.append(influence);
    }
    known.plan = std::move(plan);
    return known;
}

QList<Source> sourcesOfOutput(const Output& output,
                              const QString& text,
                              const policy::Action& action,
                              const QString& command,
                              const QList<Source>& files,
                              const taint::Settings& settings,
                              const Context& context)
{
    QList<Source> sources = output.sources.value_or(QList<Source>());
    Labels labels;
    QString what = command;
    switch (action.effect) {
    case policy::Effect::None:
        break;
    case policy::Effect::WriteWorkspace:
        // Why a file could not be written may show a line of it.
        labels = output.isError ? Labels{Label::UntrustedFile} : Labels();
        break;
    case policy::Effect::ReadWorkspace: {
        const bool isFile = action.tool == "file_read"_L1;
        const bool isTrusted =
            isFile && std::ranges::any_of(settings.trustedFiles, [&](const QString& glob) {
                return policy::globMatches(glob, QDir::cleanPath(action.subject));
            });
        labels = isTrusted ? Labels() : Labels{Label::UntrustedFile};
        if (isFile) {
            what = u"the file %1"_s.arg(action.subject);
            labels |= taint::isKeyFile(action.subject) ? Labels{Label::Secret} : Labels();
        }
        break;
    }
    case policy::Effect::Execute: {
        labels = {Label::UntrustedFile};
        if (action.reachesNetwork) {
            labels |= Labels{Label::ExternalNetwork};
        }
        const auto line = policy::readShell(action.subject);
        for (const auto& one : line.commands) {
            if (std::ranges::any_of(one.words, taint::isKeyFile)) {
                labels |= Labels{Label::Secret};
            }
        }
        what = u"the output of \"%1\""_s.arg(command);
        break;
    }
    case policy::Effect::Network:
        labels = {Label::ExternalNetwork};
        what = u"the page %1"_s.arg(action.subject);
        break;
    }
    if (action.effect != policy::Effect::None || output.sources) {
        if (defended("taint.secrets") && (taint::holdsRedacted(text) || text != output.text)) {
            labels |= Labels{Label::Secret};
        }
        if (taint::holdsPersonal(QStringView(text).left(searchedForPersons))) {
            labels |= Labels{Label::Pii};
        }
    }
    if (!labels.isEmpty()) {
        sources.prepend(taint::entering(labels, context.process, what));
    }
    return taint::condensed(sources + taint::passedOn(files, context.process, what));
}

QList<Source> sourcesOfProblem(const QJsonObject& arguments, const Context& context)
{
    const auto path = arguments.value(u"path"_s);
    if (!path.isString()) {
        return {};
    }
    return {taint::entering(
        {Label::UntrustedFile}, context.process, u"the file %1"_s.arg(path.toString().left(200)))};
}

} // namespace sb::tools
