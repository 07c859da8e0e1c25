// What a sandboxed spawn costs beside bubblewrap with the same arguments alone, and beside a bare
// spawn. The three take turns in one run, so that whatever else the machine does hits all of them
// alike. One JSON object a line.
#include "core/sandbox/HelperProtocol.h"
#include "core/sandbox/Launcher_linux.h"
#include "core/sandbox/Probes.h"
#include "core/sandbox/Sandbox.h"
#include "core/sandbox/Spawn_linux.h"

#include <QCoreApplication>
#include <QElapsedTimer>
#include <QFileInfo>
#include <QStandardPaths>
#include <QTemporaryDir>
#include <cstdio>
#include <deque>
#include <spawn.h>
#include <sys/wait.h>

using namespace sb;
using namespace sb::sandbox;
using namespace Qt::StringLiterals;

namespace {

double median(std::vector<double> values)
{
    std::ranges::sort(values);
    return values[values.size() / 2];
}

double spawnMs(const QStringList& words, const std::vector<EtcFile>& data)
{
    QElapsedTimer timer;
    timer.start();
    // bubblewrap copies the small files of /etc from descriptors, as in a real launch.
    std::vector<Descriptor> files;
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    for (size_t i = 0; i < data.size(); ++i) {
        auto file = memoryFile("bench", data[i].content);
        if (!file) {
            return -1;
        }
        posix_spawn_file_actions_adddup2(&actions, file->get(), helper::FirstFileFd + int(i));
        files.push_back(std::move(*file));
    }
    std::vector<QByteArray> bytes;
    std::vector<char*> pointers;
    for (const auto& word : words) {
        bytes.push_back(word.toLocal8Bit());
    }
    for (auto& word : bytes) {
        pointers.push_back(word.data());
    }
    pointers.push_back(nullptr);
    pid_t pid = 0;
    char* const none[] = {nullptr};
    const int error = ::posix_spawn(&pid, pointers[0], &actions, nullptr, pointers.data(), none);
    posix_spawn_file_actions_destroy(&actions);
    int status = 0;
    if (error != 0 || ::waitpid(pid, &status, 0) != pid || status != 0) {
        return -1;
    }
    return double(timer.nsecsElapsed()) / 1e6;
}

} // namespace

int main(int argc, char** argv)
{
    const QCoreApplication application(argc, argv);
    const int rounds = argc > 1 ? QString::fromLocal8Bit(argv[1]).toInt() : 300;
    SystemClock clock;
    Sandbox sandbox({QStringLiteral(SB_BIN_DIR "/signalbox-sandbox-helper"), u"bwrap"_s, {}},
                    clock);
    if (!sandbox.capabilities().usable) {
        fprintf(stderr, "%s\n", qPrintable(sandbox.capabilities().problem));
        return 1;
    }
    const QTemporaryDir folder;
    LaunchRequest request;
    request.argv = {u"/bin/true"_s};
    request.workspace = request.cwd = folder.path();
    auto plan = sandbox.plan(request);
    if (!plan) {
        fprintf(stderr, "%s\n", qPrintable(plan.error().message));
        return 1;
    }
    const QString bubblewrap = QStandardPaths::findExecutable(u"bwrap"_s);
    const QStringList bareWords =
        QStringList{bubblewrap} + plan->launcher + QStringList{u"--"_s, u"/bin/true"_s};
    const auto files = etcFiles(*plan, Contents::Read);

    std::vector<double> sandboxed;
    std::vector<double> bubble;
    std::vector<double> bare;
    for (int i = 0; i < rounds; ++i) {
        QElapsedTimer timer;
        timer.start();
        auto planned = sandbox.plan(request);
        const auto done = sandbox.launch(std::move(*planned), {}, {}).wait();
        if (!done || done->exitCode != 0) {
            fprintf(stderr, "a sandboxed command failed\n");
            return 1;
        }
        sandboxed.push_back(double(timer.nsecsElapsed()) / 1e6);
        bubble.push_back(spawnMs(bareWords, files));
        bare.push_back(spawnMs({u"/bin/true"_s}, {}));
        if (bubble.back() < 0 || bare.back() < 0) {
            fprintf(stderr, "a bare command failed\n");
            return 1;
        }
    }
    printf("{\"bench\":\"sandbox.spawn\",\"value\":%.3f,\"unit\":\"ms\",\"bare_bwrap\":%.3f,"
           "\"bare\":%.3f,"
           "\"beyond_bwrap\":%.3f}\n",
           median(sandboxed),
           median(bubble),
           median(bare),
           median(sandboxed) - median(bubble));

    // Side by side: how many a second when eight wait at once.
    QElapsedTimer timer;
    timer.start();
    std::deque<Future<Outcome>> running;
    for (int i = 0; i < rounds; ++i) {
        auto planned = sandbox.plan(request);
        running.push_back(sandbox.launch(std::move(*planned), {}, {}));
        if (running.size() == 8) {
            (void)std::move(running.front()).wait();
            running.pop_front();
        }
    }
    for (auto& future : running) {
        (void)std::move(future).wait();
    }
    printf(
        "{\"bench\":\"sandbox.spawn.rate\",\"value\":%.0f,\"unit\":\"1/s\",\"side_by_side\":8}\n",
        rounds * 1e9 / double(timer.nsecsElapsed()));

    // All probes of containment, as doctor runs them.
    timer.start();
    ProbeTarget target;
    target.workspace = request.workspace;
    const auto probes = probe(sandbox, target);
    if (!probes) {
        fprintf(stderr, "%s\n", qPrintable(probes.error().message));
        return 1;
    }
    printf("{\"bench\":\"sandbox.probes\",\"value\":%.0f,\"unit\":\"ms\",\"probes\":%lld}\n",
           double(timer.nsecsElapsed()) / 1e6,
           static_cast<long long>(probes->size()));
    return 0;
}
