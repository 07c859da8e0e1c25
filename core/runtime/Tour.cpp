#include "core/runtime/Tour.h"

#include "core/git/Fence.h"
#include "core/git/Repository.h"
#include "core/tools/Workspace.h"

#include <QDir>
#include <QDirIterator>
#include <QFile>

namespace sb::runtime {

namespace {

policy::Rule rule(const char* match, policy::Decide decide)
{
    policy::Rule made;
    made.match = QLatin1StringView(match);
    made.decide = decide;
    return made;
}

} // namespace

QString tourWorkspace(const Home& home)
{
    return home.data + QStringLiteral("/tour/workspace");
}

QString tourAgentId()
{
    return QStringLiteral("tour");
}

QString tourTask()
{
    return QStringLiteral(
        "The test in this repository fails. Find out why, fix it, and commit the fix.");
}

Result<TourParts> makeTour(const Home& home, Executor& network, Clock& clock)
{
    TourParts parts;
    parts.agent.id = tourAgentId();
    parts.agent.name = QStringLiteral("Tour");
    parts.agent.workspace = tourWorkspace(home);
    parts.agent.rules = {rule("shell(sh run-tests.sh)", policy::Decide::Allow),
                         rule("file_edit", policy::Decide::Ask)};
    llm::Rehearsal::Settings pace;
    const bool fast = qEnvironmentVariableIntValue("SIGNALBOX_TOUR_FAST") != 0;
    if (!fast) {
        pace.firstPause = Milliseconds(120);
        pace.pause = Milliseconds(12);
    }
    SB_TRY(parts.models,
           Models::rehearsed(QStringLiteral(":/tour/trajectory.json"), pace, network, clock));
    return parts;
}

Result<> resetTour(const Home& home, git::Library& library)
{
    const QString workspace = tourWorkspace(home);
    if (QDir(workspace).exists() && !QDir(workspace).removeRecursively()) {
        return fail(ErrorCode::Io,
                    QStringLiteral("The old tour in %1 cannot be removed.").arg(workspace),
                    workspace);
    }
    if (!QDir().mkpath(workspace)) {
        return fail(ErrorCode::Io,
                    QStringLiteral("The folder %1 cannot be made.").arg(workspace),
                    workspace);
    }
    const QString bundled = QStringLiteral(":/tour/repository");
    QDirIterator files(bundled, QDir::Files, QDirIterator::Subdirectories);
    while (files.hasNext()) {
        const QString source = files.next();
        const QString target = workspace + source.mid(bundled.size());
        QDir().mkpath(QFileInfo(target).path());
        QFile from(source);
        QFile to(target);
        if (!from.open(QIODevice::ReadOnly) || !to.open(QIODevice::WriteOnly) ||
            to.write(from.readAll()) != from.size() || !to.flush()) {
            return fail(ErrorCode::Io,
                        QStringLiteral("%1 cannot be written: %2.").arg(target, to.errorString()),
                        target);
        }
        QFile::setPermissions(
            target, QFile::ReadOwner | QFile::WriteOwner | QFile::ReadGroup | QFile::ReadOther);
    }
    library.prepare();
    return git::fenced(workspace, [&]() -> Result<> {
        SB_TRY(auto repository, git::Repository::init(library, workspace));
        git::CommitRequest commit;
        commit.message = QStringLiteral("A fare calculator, with its test");
        commit.fallback = {QStringLiteral("Signalbox tour"),
                           QStringLiteral("tour@signalbox.invalid")};
        SB_CHECK(repository.commit(commit));
        return {};
    });
}

} // namespace sb::runtime
