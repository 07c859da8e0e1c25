#include "core/sandbox/Launches_linux.h"
#include "core/base/Contracts.h"
#include "core/base/Defence.h"
#include "core/sandbox/HelperProtocol.h"
#include "core/sandbox/OutputKeeper.h"

#include <QLocale>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

namespace sb::sandbox {

using namespace Qt::StringLiterals;

namespace {

using Steady = std::chrono::steady_clock;

constexpr qsizetype Chunk = 64 << 10;
constexpr auto ShowEvery = std::chrono::milliseconds(100);
// After SIGTERM, until the namespace is ended; after that, until bubblewrap itself is killed.
constexpr auto Grace = std::chrono::milliseconds(300);
constexpr auto LastResort = std::chrono::seconds(5);

QByteArray excessWords(helper::Excess excess)
{
    switch (excess) {
    case helper::Excess::Memory:
        return "\nsignalbox: ended because its processes together held more memory than is "
               "allowed\n";
    case helper::Excess::Processes:
        return "\nsignalbox: ended because it started more processes than is allowed\n";
    case helper::Excess::Disk:
        return "\nsignalbox: ended because the workspace's disk is nearly full\n";
    case helper::Excess::Quota:
        return "\nsignalbox: ended because it added more to the workspace than is allowed\n";
    case helper::Excess::Cpu:
        return "\nsignalbox: ended because its processes together used more processor time than is "
               "allowed\n";
    }
    return {};
}

} // namespace

struct Launches::Launch
{
    quint64 id = 0;
    Promise<LaunchReport> promise;
    std::unique_ptr<ControlGroup> group;
    Spawned spawned;
    OutputKeeper keeper;
    OutputFilter filter;
    std::function<void(const QString&)> output;
    std::function<void(int)> door;
    Screen screen;
    qint64 printed = 0;
    qint64 showBudget = 0; ///< of this window of time
    qint64 skipped = 0;
    qint64 showMost = 0;
    Steady::time_point window;
    Steady::time_point started;
    Subscription wall;
    std::function<Milliseconds()> excused;
    Milliseconds granted{0}; ///< of what was excused
    std::unique_ptr<std::stop_callback<std::function<void()>>> stopCallback;

    LaunchReport report;
    bool helperStarted = false;
    bool helperFailed = false;
    std::optional<int> status;            ///< the command's, from the helper
    std::optional<helper::Excess> excess; ///< what it was ended for, by the helper
    std::optional<siginfo_t> reaped;      ///< bubblewrap's
    bool controlClosed = false;
    bool initGone = false;

    enum class Pressure : quint8 { None, Terminated, Killed, Forced } pressure = Pressure::None;
    Steady::time_point deadline;

    explicit Launch(qint64 capacity) : keeper(capacity) {}
};

Launches::Launches(Clock& clock)
    : m_clock(clock)
    , m_poll(::epoll_create1(EPOLL_CLOEXEC))
    , m_wake(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK))
{
    watch(m_wake.get(), 0, Source::Control);
    // Signals are for the threads that expect them.
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);
    m_thread = std::thread([this] { run(); });
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

Launches::~Launches()
{
    SB_ASSERT(!isCurrent());
    post([this] {
        m_stopping = true;
        for (const auto& [id, launch] : m_launches) {
            launch->report.outcome.cancelled = true;
            launch->pressure =
                Launch::Pressure::Terminated; // no grace: nobody waits for its answer
            press(*launch);
        }
    });
    m_thread.join();
}

bool Launches::watch(int fd, quint64 id, Source source)
{
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = (id << 2) | quint64(source);
    return ::epoll_ctl(m_poll.get(), EPOLL_CTL_ADD, fd, &event) == 0;
}

void Launches::post(Job job)
{
    m_jobs.withLock([&](auto& jobs) { jobs.push_back(std::move(job)); });
    wake();
}

void Launches::wake()
{
    const quint64 one = 1;
    while (::write(m_wake.get(), &one, sizeof one) < 0 && errno == EINTR) {
    }
}

bool Launches::isCurrent() const
{
    return std::this_thread::get_id() == m_thread.get_id();
}

void Launches::run()
{
    ::pthread_setname_np(::pthread_self(), "sandbox");
    epoll_event events[64];
    while (!m_stopping || !m_launches.empty()) {
        const int count = ::epoll_wait(m_poll.get(), events, std::size(events), waitMs());
        for (int i = 0; i < count; ++i) {
            const quint64 id = events[i].data.u64 >> 2;
            if (id == 0) {
                quint64 ignored = 0;
                (void)!::read(m_wake.get(), &ignored, sizeof ignored);
                continue;
            }
            handle(id, Source(events[i].data.u64 & 3));
        }
        auto jobs = m_jobs.withLock([](auto& waiting) { return std::exchange(waiting, {}); });
        for (auto& job : jobs) {
            job();
        }
        const auto now = Steady::now();
        for (const auto& [id, launch] : m_launches) {
            if (launch->pressure != Launch::Pressure::None &&
                launch->pressure != Launch::Pressure::Forced && launch->deadline <= now) {
                press(*launch);
            }
        }
    }
}

int Launches::waitMs() const
{
    auto next = Steady::time_point::max();
    for (const auto& [id, launch] : m_launches) {
        if (launch->pressure != Launch::Pressure::None &&
            launch->pressure != Launch::Pressure::Forced) {
            next = std::min(next, launch->deadline);
        }
    }
    if (next == Steady::time_point::max()) {
        return -1;
    }
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(next - Steady::now());
    return int(std::max<qint64>(0, left.count()));
}

Future<LaunchReport> Launches::start(Order order)
{
    Promise<LaunchReport> promise;
    auto future = promise.future();
    post([this, order = std::move(order), promise = std::move(promise)]() mutable {
        begin(std::move(order), std::move(promise));
    });
    return future;
}

void Launches::begin(Order order, Promise<LaunchReport> promise)
{
    if (m_stopping || order.stop.stop_requested()) {
        LaunchReport report;
        report.outcome.cancelled = true;
        promise.set(std::move(report));
        return;
    }
    auto launch = std::make_unique<Launch>(order.limits.outputBytes);
    launch->started = launch->window = Steady::now();
    if (order.group) {
        order.spawn.controlGroup = order.group->descriptor();
    }
    launch->group = std::move(order.group);
    auto spawned = spawn(order.spawn);
    if (!spawned) {
        promise.set(std::unexpected(std::move(spawned).error()));
        return;
    }
    const quint64 id = m_nextId++;
    launch->id = id;
    launch->promise = std::move(promise);
    launch->spawned = std::move(*spawned);
    launch->output = std::move(order.output);
    launch->door = std::move(order.door);
    launch->excused = std::move(order.excused);
    launch->screen = std::move(order.screen);
    launch->showBudget = launch->showMost = std::max<qint64>(order.limits.outputBytes, 4096);
    const auto& fds = launch->spawned;
    const bool watched = watch(fds.process.get(), id, Source::Process) &&
                         watch(fds.output.get(), id, Source::Output) &&
                         watch(fds.control.get(), id, Source::Control);
    auto& kept = *m_launches.emplace(id, std::move(launch)).first->second;
    if (!watched) { // never seen; without eyes on it nothing may run
        kept.promise.set(fail(ErrorCode::Unavailable,
                              u"The sandbox could not be started: it cannot be watched."_s));
        kept.spawned = {};
        m_launches.erase(id);
        return;
    }
    if (defended("sandbox.wall-time")) {
        arm(id, order.limits.wall);
    }
    kept.stopCallback = std::make_unique<std::stop_callback<std::function<void()>>>(
        order.stop,
        std::function<void()>([this, id] { post([this, id] { stop(id, Why::Cancel); }); }));
}

void Launches::handle(quint64 id, Source source)
{
    const auto found = m_launches.find(id);
    if (found == m_launches.end()) {
        return; // an event of the same batch ended it
    }
    auto& launch = *found->second;
    switch (source) {
    case Source::Output:
        readOutput(launch, 4 * Chunk);
        return;
    case Source::Control:
        readControl(launch);
        break;
    case Source::Init:
        launch.initGone = true;
        ::epoll_ctl(m_poll.get(), EPOLL_CTL_DEL, launch.spawned.init.get(), nullptr);
        break;
    case Source::Process: {
        siginfo_t information{};
        if (::waitid(
                P_PIDFD, id_t(launch.spawned.process.get()), &information, WEXITED | WNOHANG) ==
                0 &&
            information.si_pid == 0) {
            return;
        }
        launch.reaped = information;
        ::epoll_ctl(m_poll.get(), EPOLL_CTL_DEL, launch.spawned.process.get(), nullptr);
        break;
    }
    }
    finishIfGone(id);
}

void Launches::readOutput(Launch& launch, qint64 most)
{
    static thread_local QByteArray buffer(Chunk, Qt::Uninitialized);
    while (most > 0 && launch.spawned.output) {
        const auto got = ::read(launch.spawned.output.get(), buffer.data(), size_t(buffer.size()));
        if (got > 0) {
            take(launch, QByteArrayView(buffer.constData(), got));
            most -= got;
        } else if (got < 0 && errno == EINTR) {
            continue;
        } else if (got < 0 && errno == EAGAIN) {
            return;
        } else {
            launch.spawned.output.reset(); // the end; closing takes it out of the poll
        }
    }
}

// All of it is looked through before anything is left out, so that a flood hides nothing.
void Launches::take(Launch& launch, QByteArrayView bytes)
{
    launch.printed += bytes.size();
    QByteArray screened;
    if (launch.screen && (launch.showBudget > 0 || defended("leaks.flood"))) {
        screened = launch.screen(bytes, false);
        bytes = screened;
    }
    launch.keeper.append(bytes);
    show(launch, bytes);
}

// Live output is a picture of progress: a flood is thinned, so that whoever shows it need not hold
// it.
void Launches::show(Launch& launch, QByteArrayView bytes)
{
    if (!launch.output) {
        return;
    }
    const auto now = Steady::now();
    if (now - launch.window >= ShowEvery) {
        launch.window = now;
        launch.showBudget = launch.showMost;
    }
    const auto shown = std::min<qint64>(bytes.size(), launch.showBudget);
    launch.showBudget -= shown;
    QString text;
    if (shown > 0 && launch.skipped > 0) {
        text = launch.filter.finish();
        text += u"\n[… %1 bytes not shown …]\n"_s.arg(
            QLocale(QLocale::English).toString(std::exchange(launch.skipped, 0)));
    }
    text += launch.filter.filter(bytes.first(shown));
    launch.skipped += bytes.size() - shown;
    if (!text.isEmpty()) {
        launch.output(text);
    }
}

void Launches::readControl(Launch& launch)
{
    for (;;) {
        helper::Report report{};
        iovec part{&report, sizeof report};
        constexpr size_t most = 2;
        alignas(cmsghdr) char space[CMSG_SPACE(most * sizeof(int))] = {};
        msghdr header{};
        header.msg_iov = &part;
        header.msg_iovlen = 1;
        header.msg_control = space;
        header.msg_controllen = sizeof space;
        const auto got =
            ::recvmsg(launch.spawned.control.get(), &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
        std::deque<Descriptor> sent;
        if (const cmsghdr* rights = got > 0 ? CMSG_FIRSTHDR(&header) : nullptr;
            rights && rights->cmsg_level == SOL_SOCKET && rights->cmsg_type == SCM_RIGHTS) {
            const size_t count = (rights->cmsg_len - CMSG_LEN(0)) / sizeof(int);
            for (size_t i = 0; i < count; ++i) {
                int fd = -1;
                std::memcpy(&fd, CMSG_DATA(rights) + i * sizeof fd, sizeof fd);
                sent.emplace_back(fd);
            }
        }
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0 && errno == EAGAIN) {
            return;
        }
        if (got <= 0) {
            launch.controlClosed = true;
            ::epoll_ctl(m_poll.get(), EPOLL_CTL_DEL, launch.spawned.control.get(), nullptr);
            return;
        }
        if (got != sizeof report) {
            continue;
        }
        switch (report.kind) {
        case helper::ReportKind::Started:
            started(launch, report.flags, std::move(sent));
            launch.report.landlock = report.value;
            launch.report.pidsCapped = report.flags & helper::PidsCapped;
            break;
        case helper::ReportKind::Ended:
            launch.status = report.value;
            break;
        case helper::ReportKind::Exceeded:
            launch.excess = helper::Excess(report.value);
            break;
        case helper::ReportKind::Failed:
            launch.helperFailed = true;
            break;
        case helper::ReportKind::Refused:
            // Process 1 stands apart from the command, but it counts what the command does.
            if (launch.report.outcome.refusedCalls.size() < 512) {
                launch.report.outcome.refusedCalls.append(
                    {QString::fromLatin1(report.name, qstrnlen(report.name, sizeof report.name)),
                     int(report.flags),
                     report.value,
                     OutputFilter().filter(QByteArrayView(
                         report.program, qstrnlen(report.program, sizeof report.program)))});
            }
            break;
        }
    }
}

void Launches::started(Launch& launch, quint32 flags, std::deque<Descriptor> sent)
{
    launch.helperStarted = true;
    if ((flags & helper::WithInit) && !sent.empty()) {
        if (watch(sent.front().get(), launch.id, Source::Init)) {
            launch.spawned.init = std::move(sent.front());
        }
        sent.pop_front();
    }
    // Once only: a second would stand for nothing that was planned.
    const auto door = std::exchange(launch.door, {});
    if ((flags & helper::WithDoor) && !sent.empty() && door) {
        door(sent.front().release());
    }
}

// Its time does not run while a person is asked on its behalf: what was excused meanwhile is put on
// top.
void Launches::arm(quint64 id, Milliseconds wall)
{
    const auto found = m_launches.find(id);
    if (found == m_launches.end()) {
        return;
    }
    found->second->wall = m_clock.after(wall, *this, [this, id] {
        const auto still = m_launches.find(id);
        if (still == m_launches.end()) {
            return;
        }
        Launch& launch = *still->second;
        const Milliseconds more =
            launch.excused ? launch.excused() - launch.granted : Milliseconds(0);
        if (more > Milliseconds(0)) {
            launch.granted += more;
            arm(id, more);
            return;
        }
        stop(id, Why::Timeout);
    });
}

void Launches::stop(quint64 id, Why why)
{
    const auto found = m_launches.find(id);
    if (found == m_launches.end()) {
        return;
    }
    auto& launch = *found->second;
    // Whoever comes first is the reason; one that ended by itself meanwhile has none.
    if (launch.pressure != Launch::Pressure::None || launch.status || launch.reaped) {
        return;
    }
    (why == Why::Timeout ? launch.report.outcome.timedOut : launch.report.outcome.cancelled) = true;
    press(launch);
}

// One step harder: first asks everything inside to end, then has the helper end the namespace, then
// kills process 1 (or bubblewrap, where there is none yet), with which the namespace dies too.
void Launches::press(Launch& launch)
{
    const auto order = [&](helper::Order what) {
        const auto byte = std::uint8_t(what);
        // A full or closed socket is fine: the next step needs no answer from this one.
        (void)!::send(launch.spawned.control.get(), &byte, 1, MSG_NOSIGNAL | MSG_DONTWAIT);
    };
    switch (launch.pressure) {
    case Launch::Pressure::None:
        launch.pressure = Launch::Pressure::Terminated;
        launch.deadline = Steady::now() + Grace;
        order(helper::Order::Terminate);
        return;
    case Launch::Pressure::Terminated:
        launch.pressure = Launch::Pressure::Killed;
        launch.deadline = Steady::now() + LastResort;
        order(helper::Order::Kill);
        return;
    case Launch::Pressure::Killed:
        launch.pressure = Launch::Pressure::Forced;
        ::syscall(SYS_pidfd_send_signal,
                  (launch.spawned.init ? launch.spawned.init : launch.spawned.process).get(),
                  SIGKILL,
                  nullptr,
                  0);
        return;
    case Launch::Pressure::Forced:
        return;
    }
}

// The kernel lets process 1 end only when all others of its namespace are buried, and bubblewrap
// ends after it. Were bubblewrap killed from outside, process 1 would live a moment longer, so both
// are waited for. Where bubblewrap failed before the helper ran, there is no process 1 to wait for
// but its end of the socket.
void Launches::finishIfGone(quint64 id)
{
    const auto found = m_launches.find(id);
    if (found == m_launches.end()) {
        return;
    }
    const auto& state = *found->second;
    if (!state.reaped || !(state.spawned.init ? state.initGone : state.controlClosed)) {
        return;
    }
    const auto launch = std::move(found->second);
    m_launches.erase(found);
    launch->stopCallback.reset();
    launch->wall.reset();
    if (launch->group && launch->group->memoryExceeded()) {
        launch->excess = helper::Excess::Memory;
    }
    readOutput(*launch, 64 * Chunk); // nobody writes any more: what is left fits a pipe
    if (launch->screen) {
        const QByteArray rest = launch->screen({}, true);
        launch->keeper.append(rest);
        show(*launch, rest);
    }
    if (launch->excess) {
        const QByteArray words = excessWords(*launch->excess);
        launch->printed += words.size();
        launch->keeper.append(words);
        launch->showBudget = launch->showMost;
        show(*launch, words);
    }
    if (launch->output) {
        QString text = launch->filter.finish();
        if (launch->skipped > 0) {
            text += u"\n[… %1 bytes not shown …]\n"_s.arg(
                QLocale(QLocale::English).toString(launch->skipped));
        }
        if (!text.isEmpty()) {
            launch->output(text);
        }
    }
    auto& outcome = launch->report.outcome;
    outcome.durationMs =
        std::chrono::duration_cast<std::chrono::milliseconds>(Steady::now() - launch->started)
            .count();
    outcome.outputBytes = launch->printed;
    outcome.output = launch->keeper.text();
    launch->spawned = {}; // whoever gets the answer finds nothing left open
    const bool stopped = outcome.timedOut || outcome.cancelled;
    if (!stopped && (!launch->helperStarted || launch->helperFailed)) {
        const auto words = outcome.output.trimmed();
        launch->promise.set(
            fail(ErrorCode::Unavailable,
                 u"The sandbox could not be started: %1"_s.arg(
                     words.isEmpty() ? u"bubblewrap ended without a word."_s : words)));
        return;
    }
    if (launch->status && WIFSIGNALED(*launch->status)) {
        outcome.signal = WTERMSIG(*launch->status);
    } else if (launch->status) {
        outcome.exitCode = stopped ? -1 : WEXITSTATUS(*launch->status);
    } else {
        outcome.signal = SIGKILL; // with its namespace
    }
    launch->promise.set(std::move(launch->report));
}

} // namespace sb::sandbox
