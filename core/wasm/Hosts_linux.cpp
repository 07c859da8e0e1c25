#include "core/base/Contracts.h"
#include "core/base/Defence.h"
#include "core/base/Guarded.h"
#include "core/sandbox/Sandbox.h"
#include "core/wasm/Endings.h"
#include "core/wasm/HostProcess_linux.h"
#include "core/wasm/Hosts.h"

#include <QSet>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <deque>
#include <map>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <thread>

namespace sb::wasm {

using namespace Qt::StringLiterals;
using host::Kind;
using sandbox::Descriptor;

namespace {

constexpr qint64 Never = std::numeric_limits<qint64>::max();

std::string_view view(const QByteArray& bytes)
{
    return {bytes.constData(), std::size_t(bytes.size())};
}

} // namespace

// All processes, on one thread that sleeps until one of them stirs.
class Hosts::Private final : public Executor
{
public:
    Private(Settings settings, Clock& clock);
    ~Private() override;

    void post(Job job) override;
    [[nodiscard]] bool isCurrent() const override
    {
        return std::this_thread::get_id() == m_thread.get_id();
    }
    Future<Outcome> call(Call call, std::stop_token stop);
    [[nodiscard]] int processes() const { return m_count; }

private:
    struct Running
    {
        quint64 id = 0;
        Call call;
        Promise<Outcome> promise;
        std::unique_ptr<std::stop_callback<std::function<void()>>> stopCallback{};
        QString log{};
        sandbox::OutputFilter filter{};
        qint64 logged = 0;
        int hostCalls = 0;
        bool waitsForReply = false;
        bool loadedAgain = false;
        bool cancelled = false;
    };
    struct Host
    {
        QString owner;
        qint64 memoryBytes = 0;
        HostProcess process;
        QSet<QByteArray> loaded{};
        std::unique_ptr<Running> running{};
        qint64 deadline = Never; ///< steady; when it is killed, or ends for being idle
        bool ready = false;
        bool dying = false;
        bool killedForTime = false;
        bool blocked = false; ///< its socket took not all; told when there is room again
    };

    void run();
    bool watch(int fd, quint64 key, bool alsoWritable) const;
    void begin(std::unique_ptr<Running> running);
    Host* freeHost(const Running& running, int& owned);
    void hand(quint64 id, Host& host, std::unique_ptr<Running> running);
    void sendCall(quint64 id, Host& host);
    void send(quint64 id, Host& host, const std::string& bytes);
    void handle(quint64 id, bool processEnded);
    bool take(quint64 id, Host& host, const host::Frame& frame);
    bool done(quint64 id, Host& host, std::string_view payload);
    bool hostCall(quint64 id, Host& host, const std::string& payload);
    static void log(Running& running, std::string_view payload);
    void reply(quint64 host, quint64 call, int number, const QByteArray& answer);
    void end(Host& host);
    void gone(quint64 id);
    void cancel(quint64 call);
    void setDeadline(Host& host, qint64 at);
    void lookAtTime();
    void answer(std::unique_ptr<Running> running, Outcome outcome);
    void startWaiting();

    const Settings m_settings;
    Clock& m_clock;
    Descriptor m_poll;
    Descriptor m_wake;
    Guarded<std::deque<Job>> m_jobs;
    /// Us, as long as we live: whoever answers a host call may do so when all is over.
    const std::shared_ptr<Guarded<Private*>> m_door = std::make_shared<Guarded<Private*>>(this);
    std::atomic<int> m_count = 0;
    // On the thread only, from here on.
    bool m_stopping = false;
    quint64 m_nextHost = 1;
    quint64 m_nextCall = 1;
    std::map<quint64, Host> m_hosts;
    std::deque<std::unique_ptr<Running>> m_waiting;
    Subscription m_timer;
    qint64 m_timerAt = Never;
    std::thread m_thread;
};

Hosts::Private::Private(Settings settings, Clock& clock)
    : m_settings(std::move(settings))
    , m_clock(clock)
    , m_poll(::epoll_create1(EPOLL_CLOEXEC))
    , m_wake(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK))
{
    watch(m_wake.get(), 0, false);
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);
    m_thread = std::thread([this] { run(); });
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

Hosts::Private::~Private()
{
    SB_ASSERT(!isCurrent());
    m_door->withLock([](Private*& open) { open = nullptr; });
    post([this] {
        m_stopping = true;
        m_timer.reset();
        for (auto& running : m_waiting) {
            running->cancelled = true;
            answer(std::move(running), {});
        }
        m_waiting.clear();
        for (auto& [id, host] : m_hosts) {
            if (host.running) {
                host.running->cancelled = true;
            }
            end(host);
        }
    });
    m_thread.join();
}

bool Hosts::Private::watch(int fd, quint64 key, bool alsoWritable) const
{
    epoll_event event{};
    event.events = EPOLLIN | (alsoWritable ? unsigned(EPOLLOUT) : 0U);
    event.data.u64 = key;
    return ::epoll_ctl(m_poll.get(), EPOLL_CTL_MOD, fd, &event) == 0 ||
           ::epoll_ctl(m_poll.get(), EPOLL_CTL_ADD, fd, &event) == 0;
}

void Hosts::Private::post(Job job)
{
    m_jobs.withLock([&](auto& jobs) { jobs.push_back(std::move(job)); });
    const quint64 one = 1;
    while (::write(m_wake.get(), &one, sizeof one) < 0 && errno == EINTR) {
    }
}

void Hosts::Private::run()
{
    ::pthread_setname_np(::pthread_self(), "wasm");
    epoll_event events[32];
    while (!m_stopping || !m_hosts.empty()) {
        const int count = ::epoll_wait(m_poll.get(), events, std::size(events), -1);
        for (int i = 0; i < count; ++i) {
            const quint64 key = events[i].data.u64;
            if (key == 0) {
                quint64 ignored = 0;
                (void)!::read(m_wake.get(), &ignored, sizeof ignored);
            } else {
                handle(key >> 1, (key & 1) != 0);
            }
        }
        auto jobs = m_jobs.withLock([](auto& waiting) { return std::exchange(waiting, {}); });
        for (auto& job : jobs) {
            job();
        }
    }
}

Future<Outcome> Hosts::Private::call(Call call, std::stop_token stop)
{
    auto running = std::make_unique<Running>();
    auto future = running->promise.future();
    running->call = std::move(call);
    post([this, running = std::move(running), stop = std::move(stop)]() mutable {
        running->id = m_nextCall++;
        if (m_stopping || stop.stop_requested()) {
            running->cancelled = true;
            answer(std::move(running), {});
            return;
        }
        if (stop.stop_possible()) {
            running->stopCallback = std::make_unique<std::stop_callback<std::function<void()>>>(
                std::move(stop), [this, id = running->id] { post([this, id] { cancel(id); }); });
        }
        begin(std::move(running));
    });
    return future;
}

// One that is free, of this owner, with this much memory; and how many the owner has in all.
Hosts::Private::Host* Hosts::Private::freeHost(const Running& running, int& owned)
{
    Host* other = nullptr;
    for (auto& [id, host] : m_hosts) {
        if (host.owner != running.call.owner || host.dying) {
            continue;
        }
        ++owned;
        if (!host.running && host.memoryBytes == running.call.limits.memoryBytes) {
            return &host;
        }
        other = host.running ? other : &host;
    }
    if (other != nullptr && owned >= m_settings.mostForOwner) {
        end(*other); // it stands in the way with another size; its end takes up who waits
    }
    return nullptr;
}

void Hosts::Private::begin(std::unique_ptr<Running> running)
{
    int owned = 0;
    if (Host* host = freeHost(*running, owned)) {
        for (auto& [id, one] : m_hosts) {
            if (&one == host) {
                hand(id, one, std::move(running));
                return;
            }
        }
    }
    if (owned >= m_settings.mostForOwner) {
        m_waiting.push_back(std::move(running));
        return;
    }
    auto process = HostProcess::start(m_settings.program, running->call.limits.memoryBytes);
    if (!process) {
        running->promise.set(std::unexpected(std::move(process).error()));
        return;
    }
    const quint64 id = m_nextHost++;
    auto& host =
        m_hosts
            .emplace(
                id,
                Host{running->call.owner, running->call.limits.memoryBytes, std::move(*process)})
            .first->second;
    m_count = int(m_hosts.size());
    if (!watch(host.process.socket(), id << 1, false) ||
        !watch(host.process.pidfd(), (id << 1) | 1, false)) {
        end(host); // it ends without being seen, but it ends
        running->promise.set(fail(ErrorCode::Unavailable,
                                  u"WebAssembly cannot be run: its process cannot be watched."_s));
        m_hosts.erase(id);
        m_count = int(m_hosts.size());
        return;
    }
    hand(id, host, std::move(running));
}

void Hosts::Private::hand(quint64 id, Host& host, std::unique_ptr<Running> running)
{
    host.running = std::move(running);
    sendCall(id, host);
}

void Hosts::Private::sendCall(quint64 id, Host& host)
{
    const Call& call = host.running->call;
    if (!host.loaded.contains(call.module.hash)) {
        host.loaded.insert(call.module.hash);
        send(id, host, host::frame(Kind::Load, view(call.module.hash), view(call.module.bytes)));
    }
    host::CallHead head;
    std::memcpy(head.hash, call.module.hash.constData(), sizeof head.hash);
    head.instructions = quint64(call.limits.instructions);
    head.wallMs = quint32(call.limits.wall.count());
    head.outputBytes = quint32(call.limits.outputBytes);
    head.hostCalls = quint32(call.limits.hostCalls);
    head.logBytes = quint32(call.limits.logBytes);
    const QByteArray name = call.tool.toUtf8().replace('\0', ' ');
    head.nameBytes = quint32(name.size());
    send(id, host, host::frame(Kind::Call, head, view(name + call.input)));
    setDeadline(host,
                m_clock.steadyUs() + 1000 * (call.limits.wall + m_settings.grace +
                                             (host.ready ? Milliseconds(0) : m_settings.starting))
                                                .count());
}

void Hosts::Private::send(quint64 id, Host& host, const std::string& bytes)
{
    if (!host.process.send(bytes)) {
        host.blocked = true;
        watch(host.process.socket(), id << 1, true);
    }
}

void Hosts::Private::handle(quint64 id, bool processEnded)
{
    const auto found = m_hosts.find(id);
    if (found == m_hosts.end()) {
        return;
    }
    Host& host = found->second;
    if (!processEnded && host.blocked && host.process.flush()) {
        host.blocked = false;
        watch(host.process.socket(), id << 1, false);
    }
    // What it said last counts, also when it is gone.
    const bool open = host.process.receive();
    while (auto frame = host.process.next()) {
        if (!take(id, host, *frame)) {
            end(host);
            break;
        }
    }
    if (processEnded) {
        gone(id);
    } else if (!open || host.process.isBroken()) {
        ::epoll_ctl(m_poll.get(), EPOLL_CTL_DEL, host.process.socket(), nullptr);
        end(host);
    }
    startWaiting();
}

// False for what a host of ours would never say; it is not ours any more, then.
bool Hosts::Private::take(quint64 id, Host& host, const host::Frame& frame)
{
    if (host.dying && !host.running) {
        return false;
    }
    switch (frame.kind) {
    case Kind::Ready: {
        const auto head = host::headOf<host::ReadyHead>(frame.payload);
        const bool expected = head && head->version == host::Version && !host.ready;
        host.ready = true;
        return expected;
    }
    case Kind::HostCall:
        return host.ready && host.running && hostCall(id, host, frame.payload);
    case Kind::Log:
        if (!host.running || frame.payload.empty()) {
            return false;
        }
        log(*host.running, frame.payload);
        return true;
    case Kind::Done:
        return host.ready && host.running && done(id, host, frame.payload);
    case Kind::Load:
    case Kind::Call:
    case Kind::Answer:
        return false;
    }
    return false;
}

void Hosts::Private::log(Running& running, std::string_view payload)
{
    payload.remove_prefix(1);
    const qint64 left = running.call.limits.logBytes - running.logged;
    if (defended("wasm.log-cap")) {
        payload = payload.substr(0, std::size_t(std::max<qint64>(0, left)));
    }
    running.logged += qint64(payload.size());
    const QByteArrayView bytes(payload.data(), qsizetype(payload.size()));
    const QString text =
        defended("wasm.log-escapes") ? running.filter.filter(bytes) : QString::fromUtf8(bytes);
    if (!text.isEmpty()) {
        running.log += text + u'\n';
        if (running.call.log) {
            running.call.log(text);
        }
    }
}

bool Hosts::Private::hostCall(quint64 id, Host& host, const std::string& payload)
{
    Running& running = *host.running;
    const int number = ++running.hostCalls;
    if (running.waitsForReply ||
        (defended("wasm.host-calls") &&
         (number > running.call.limits.hostCalls || payload.size() > host::MostHostCallBytes))) {
        return false;
    }
    running.waitsForReply = true;
    setDeadline(host, Never);
    if (!running.call.hostCall) {
        reply(id, running.id, number, R"({"error":"Nothing answers host calls here."})");
        return true;
    }
    running.call.hostCall(QByteArray(payload.data(), qsizetype(payload.size())),
                          [door = m_door, id, call = running.id, number](const QByteArray& answer) {
                              door->withLock([&](Private* open) {
                                  if (open != nullptr) {
                                      open->post([open, id, call, number, answer] {
                                          open->reply(id, call, number, answer);
                                      });
                                  }
                              });
                          });
    return true;
}

void Hosts::Private::reply(quint64 id, quint64 call, int number, const QByteArray& answer)
{
    const auto found = m_hosts.find(id);
    if (found == m_hosts.end() || !found->second.running || found->second.running->id != call ||
        found->second.running->hostCalls != number || !found->second.running->waitsForReply) {
        return; // the call has ended meanwhile, or this is a second answer
    }
    Host& host = found->second;
    host.running->waitsForReply = false;
    // The host itself knows how much time is left; this is only for one that does not stop.
    setDeadline(host,
                m_clock.steadyUs() +
                    1000 * (host.running->call.limits.wall + m_settings.grace).count());
    const QByteArray sent = answer.size() <= qsizetype(host::MostInputBytes)
                                ? answer
                                : QByteArray(R"({"error":"The answer is larger than 8 MiB."})");
    send(id, host, host::frame(Kind::Answer, view(sent)));
}

bool Hosts::Private::done(quint64 id, Host& host, std::string_view payload)
{
    const auto head = host::headOf<host::DoneHead>(payload);
    Running& running = *host.running;
    if (!head || std::uint8_t(head->ending) > host::LastEnding || running.waitsForReply) {
        return false;
    }
    payload.remove_prefix(sizeof *head);
    if (head->ending == host::Ending::UnknownModule && !running.loadedAgain) {
        running.loadedAgain = true;
        host.loaded.remove(running.call.module.hash);
        sendCall(id, host);
        return true;
    }
    const QByteArray bytes(payload.data(), qsizetype(payload.size()));
    Outcome outcome;
    outcome.ending = endingOf(head->ending);
    outcome.instructions = qint64(head->instructions);
    outcome.durationUs = qint64(head->durationUs);
    outcome.peakKb = qint64(head->peakKb);
    outcome.hostCalls = int(head->hostCalls);
    if (outcome.ending == Ending::Finished) {
        if (defended("wasm.output-cap") && bytes.size() > running.call.limits.outputBytes) {
            return false;
        }
        outcome.output = bytes;
    } else {
        sandbox::OutputFilter filter;
        const QString detail = filter.filter(bytes.left(500)) + filter.finish();
        outcome.problem = u"The tool \"%1\" was ended: %2."_s.arg(
            running.call.tool, sentence(running.call, head->ending, detail));
    }
    if (outcome.ending == Ending::OutOfMemory) {
        end(host); // it ends itself when it was refused memory somewhere in the engine's middle
    } else {
        setDeadline(host, m_clock.steadyUs() + 1000 * m_settings.idle.count());
    }
    answer(std::move(host.running), std::move(outcome));
    return true;
}

void Hosts::Private::answer(std::unique_ptr<Running> running, Outcome outcome)
{
    running->stopCallback.reset();
    if (running->cancelled) {
        running->promise.set(fail(ErrorCode::Cancelled, u"It was cancelled."_s));
        return;
    }
    running->log += running->filter.finish();
    outcome.log = std::move(running->log);
    running->promise.set(std::move(outcome));
}

void Hosts::Private::end(Host& host)
{
    host.dying = true;
    host.deadline = Never;
    host.process.kill();
}

void Hosts::Private::gone(quint64 id)
{
    auto node = m_hosts.extract(id);
    m_count = int(m_hosts.size());
    Host& host = node.mapped();
    ::epoll_ctl(m_poll.get(), EPOLL_CTL_DEL, host.process.socket(), nullptr);
    ::epoll_ctl(m_poll.get(), EPOLL_CTL_DEL, host.process.pidfd(), nullptr);
    const QString how = host.process.bury();
    if (!host.running) {
        return;
    }
    Outcome outcome;
    outcome.ending = host.killedForTime ? Ending::OutOfTime : Ending::HostEnded;
    outcome.hostCalls = host.running->hostCalls;
    const Call& call = host.running->call;
    outcome.problem = u"The tool \"%1\" was ended: %2."_s.arg(
        call.tool, host.killedForTime ? sentence(call, host::Ending::OutOfTime, {}) : how);
    answer(std::move(host.running), std::move(outcome));
}

void Hosts::Private::cancel(quint64 call)
{
    for (auto it = m_waiting.begin(); it != m_waiting.end(); ++it) {
        if ((*it)->id == call) {
            auto running = std::move(*it);
            m_waiting.erase(it);
            running->cancelled = true;
            answer(std::move(running), {});
            return;
        }
    }
    for (auto& [id, host] : m_hosts) {
        if (host.running && host.running->id == call) {
            host.running->cancelled = true;
            end(host);
            return;
        }
    }
}

void Hosts::Private::setDeadline(Host& host, qint64 at)
{
    host.deadline = at;
    // The timer that is set stays for a later deadline: a short call then costs none.
    if (at < m_timerAt && !m_stopping) {
        m_timerAt = at;
        const auto wait = std::chrono::ceil<Milliseconds>(
            std::chrono::microseconds(std::max<qint64>(0, at - m_clock.steadyUs())));
        m_timer = m_clock.after(wait, *this, [this] { lookAtTime(); });
    }
}

void Hosts::Private::lookAtTime()
{
    m_timerAt = Never;
    const qint64 now = m_clock.steadyUs();
    Host* next = nullptr;
    for (auto& [id, host] : m_hosts) {
        if (host.deadline <= now) {
            if (host.running && !defended("wasm.kill")) {
                host.deadline = Never;
                continue;
            }
            if (host.running && !defended("wasm.wall-clock")) {
                host.deadline = Never;
                continue;
            }
            host.killedForTime = host.running != nullptr;
            end(host);
        }
        if (host.deadline != Never && (next == nullptr || host.deadline < next->deadline)) {
            next = &host;
        }
    }
    if (next != nullptr) {
        setDeadline(*next, next->deadline);
    }
}

void Hosts::Private::startWaiting()
{
    // Each is tried once; one that finds no process again goes back to the end of its owner's line.
    auto waiting = std::exchange(m_waiting, {});
    for (auto& running : waiting) {
        begin(std::move(running));
    }
}

Hosts::Hosts(Settings settings, Clock& clock)
    : m(std::make_unique<Private>(std::move(settings), clock))
{
}

Hosts::~Hosts() = default;

Future<Outcome> Hosts::call(Call call, std::stop_token stop)
{
    if (auto fine = checkLimits(call.limits); !fine) {
        return Future<Outcome>::ready(std::unexpected(std::move(fine).error()));
    }
    if (call.input.size() > host::MostInputBytes) {
        return Future<Outcome>::ready(
            fail(ErrorCode::InvalidInput, u"The arguments are larger than 8 MiB."_s));
    }
    if (call.module.hash.size() != qsizetype(host::HashBytes)) {
        return Future<Outcome>::ready(
            fail(ErrorCode::InvalidInput, u"The WebAssembly module has no hash."_s));
    }
    return m->call(std::move(call), std::move(stop));
}

int Hosts::processes() const
{
    return m->processes();
}

} // namespace sb::wasm
