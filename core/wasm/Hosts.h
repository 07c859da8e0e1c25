#pragma once
#include "core/base/Clock.h"
#include "core/base/Future.h"
#include "core/base/Result.h"

#include <QByteArray>
#include <QString>
#include <functional>
#include <memory>
#include <stop_token>

namespace sb::wasm {

/// What one call may use up.
struct Limits
{
    qint64 instructions = 1'000'000;       ///< about 10 ms
    Milliseconds wall{30'000};             ///< of computing; waiting for a host call does not count
    qint64 memoryBytes = qint64(64) << 20; ///< whole pages of 64 KiB
    qint64 outputBytes = 256 << 10;
    int hostCalls = 100;
    qint64 logBytes = 64 << 10;
    bool operator==(const Limits&) const = default;
};

/// InvalidInput, in a sentence, for limits that make no sense or that no host can hold.
Result<> checkLimits(const Limits& limits);

/// A module's bytes and the name that they are cached under.
struct Module
{
    QByteArray bytes;
    QByteArray hash; ///< SHA-256
};

/// InvalidInput for what is too large (16 MiB) or does not begin like WebAssembly. Whether it is
/// valid shows when it is first called.
Result<Module> moduleFromBytes(QByteArray bytes);
/// The same from a file; NotFound and Io besides.
Result<Module> moduleFromFile(const QString& path);

enum class Ending {
    Finished,
    OutOfInstructions,
    OutOfTime,
    OutOfMemory,
    OutputTooLarge,
    TooManyHostCalls,
    BadModule,
    OutOfBounds,
    Trapped,
    Failed,    ///< it ended itself with an exit code
    HostEnded, ///< its process is gone: it crashed, tried what is forbidden, or was killed
};

struct Outcome
{
    Ending ending = Ending::HostEnded;
    QByteArray output;       ///< of a call that finished
    QString problem;         ///< else: one sentence for a person and the model
    QString log;             ///< what it logged, escapes made harmless
    qint64 instructions = 0; ///< executed
    qint64 durationUs = 0;   ///< of computing
    qint64 peakKb = 0;       ///< largest size of its process so far
    int hostCalls = 0;
};

/// Answers a host call; from any thread. Answers once, and only while the call still waits.
using Reply = std::move_only_function<void(QByteArray)>;

struct Call
{
    QString owner; ///< agent and skill: calls of different owners never share a process
    QString tool;  ///< its name, the only argument that a WASI tool gets
    Module module;
    QByteArray input; ///< JSON
    Limits limits{};
    /// A host_call's request as the guest sent it. Comes on an inner thread, so it must not block;
    /// without this function every host call is answered with an error.
    std::function<void(QByteArray request, Reply reply)> hostCall{};
    /// What the guest logs, as it comes, escapes made harmless; on an inner thread.
    std::function<void(const QString&)> log{};
};

/// Runs WebAssembly in processes of signalbox-wasm-host, one call at a time in each: whatever
/// happens to a process, no other call is touched. A process stays for the next call of its owner
/// and ends when it was idle for a while.
class Hosts
{
public:
    struct Settings
    {
        QString program{};         ///< path of signalbox-wasm-host
        int mostForOwner = 8;      ///< processes; further calls wait for one
        Milliseconds idle{60'000}; ///< until an unused process ends
        Milliseconds grace{500};   ///< beyond the wall limit, until a process that does not stop is
                                   ///< killed
        Milliseconds starting{20'000}; ///< until a process must be ready
    };
    Hosts(Settings settings, Clock& clock);
    /// Kills what still runs; those calls answer Cancelled.
    ~Hosts();

    /// Runs a call in a fresh instance. Whatever the guest does is an Outcome; an Error means that
    /// it could not be tried (InvalidInput, Unavailable) or was cancelled through stop.
    Future<Outcome> call(Call call, std::stop_token stop);

    /// Processes that live now, for tests and the window.
    [[nodiscard]] int processes() const;

private:
    class Private;
    std::unique_ptr<Private> m;
};

/// What a process of the host program could do when it tried (see README): name → refused. For
/// doctor and the Containment page. Blocks for about 30 ms each. Unavailable when it does not
/// start.
struct Probe
{
    QString name;
    bool refused = false;
};
Result<QList<Probe>> probeConfinement(const QString& program);

} // namespace sb::wasm
