#pragma once
#include "core/base/Executor.h"
#include "core/tools/Tool.h"

#include <QDir>
#include <QFile>
#include <QFileInfo>
#include <QProcess>
#include <QTemporaryDir>
#include <bit>

/// What the tests of tools share: a workspace beside a secret, and calls without the gate.
namespace toolkit {

using namespace Qt::StringLiterals;

/// Only the gate makes permits. A test of one tool alone forges its own, which nothing but a test
/// may do.
inline sb::tools::Permit forgedPermit()
{
    return std::bit_cast<sb::tools::Permit>(std::byte{});
}

inline void put(const QString& path, const QByteArray& bytes)
{
    QDir().mkpath(QFileInfo(path).path());
    QFile file(path);
    if (!file.open(QIODevice::WriteOnly) || file.write(bytes) != bytes.size()) {
        qFatal("%s could not be written", qPrintable(path));
    }
}

inline QByteArray get(const QString& path)
{
    QFile file(path);
    return file.open(QIODevice::ReadOnly) ? file.readAll() : QByteArray("(absent)");
}

/// TEMP/work, the workspace, beside TEMP/outside/secret.txt.
struct Place
{
    QTemporaryDir folder;
    QString top = QFileInfo(folder.path()).canonicalFilePath();
    QString work = top + u"/work"_s;
    QString outside = top + u"/outside"_s;
    sb::tools::Context context;

    Place()
    {
        QDir().mkpath(work);
        put(outside + u"/secret.txt"_s, "secret\n");
        context.agent = u"assistant"_s;
        context.process = u"wrk-1"_s;
        context.workspace = work;
    }
    [[nodiscard]] QString in(const QString& relative) const { return work + u'/' + relative; }
};

inline sb::Result<sb::tools::Output> run(sb::tools::Tool& tool,
                                         sb::tools::Plan plan,
                                         const sb::tools::Context& context,
                                         std::stop_token stop = {},
                                         std::function<void(const QString&)> progress = {})
{
    return tool.run(forgedPermit(), std::move(plan), context, std::move(progress), stop).wait();
}

/// Plans and runs; a plan that fails or leaves the workspace is told as the output.
inline sb::tools::Output
call(sb::tools::Tool& tool, const QJsonObject& arguments, const sb::tools::Context& context)
{
    sb::tools::Output told;
    told.isError = true;
    auto plan = tool.plan(arguments, context);
    if (!plan) {
        told.text = u"plan: "_s + plan.error().message;
        return told;
    }
    if (plan->action.leavesWorkspace) {
        told.text = u"leaves the workspace"_s;
        return told;
    }
    auto output = run(tool, *plan, context);
    if (!output) {
        told.text = u"run: "_s + output.error().message;
        return told;
    }
    return *output;
}

/// What the real git says, with nothing of this machine's configuration.
inline QString realGit(const QString& folder, const QStringList& arguments)
{
    QProcess process;
    QProcessEnvironment environment;
    environment.insert(u"PATH"_s, u"/usr/local/bin:/usr/bin:/bin"_s);
    environment.insert(u"HOME"_s, u"/nonexistent"_s);
    environment.insert(u"GIT_CONFIG_NOSYSTEM"_s, u"1"_s);
    for (const char* who : {"AUTHOR", "COMMITTER"}) {
        const QString prefix = u"GIT_"_s + QLatin1StringView(who);
        environment.insert(prefix + u"_NAME"_s, u"Real"_s);
        environment.insert(prefix + u"_EMAIL"_s, u"real@example.com"_s);
    }
    process.setProcessEnvironment(environment);
    process.setWorkingDirectory(folder);
    process.setProcessChannelMode(QProcess::MergedChannels);
    process.start(u"git"_s, QStringList{u"-c"_s, u"safe.directory=*"_s} + arguments);
    process.waitForFinished(30'000);
    return QString::fromUtf8(process.readAll()).trimmed();
}

} // namespace toolkit
