#pragma once
#include "core/taint/Rules.h"
#include "core/tools/Tool.h"

namespace sb::tools {

/// What the gate must know of labels to judge a call.
struct Labelling
{
    taint::Context read;      ///< what the model that calls has read
    taint::Settings settings; ///< what labels do, for this agent
    /// What is known of the file at an absolute path: what was written into it, and from where.
    /// Blocks; called from any thread.
    std::function<QList<taint::Source>(const QString& path)> sourcesOfFile{};
};

/// A plan with what flows into it.
struct Labelled
{
    Plan plan;
    QStringList paths;            ///< files that it names, absolute; those of a command too
    QList<taint::Source> files;   ///< what was written into them before, and from where
    QList<taint::Source> written; ///< what a file keeps that the call writes; empty: nothing
};

/// Fills in the action's labels and flows. Reads the journal's tables, so it belongs on a pool.
Labelled labelled(Plan plan,
                  const Labelling& labelling,
                  const Context& context,
                  const std::function<QString(const QString&)>& redact);

/// Where the text of a tool's answer comes from; `text` is it after secrets were taken out.
QList<taint::Source> sourcesOfOutput(const Output& output,
                                     const QString& text,
                                     const policy::Action& action,
                                     const QString& command,
                                     const QList<taint::Source>& files,
                                     const taint::Settings& settings,
                                     const Context& context);

/// The same for the sentence why no plan could be made: it may show a line of a file.
QList<taint::Source> sourcesOfProblem(const QJsonObject& arguments, const Context& context);

} // namespace sb::tools
