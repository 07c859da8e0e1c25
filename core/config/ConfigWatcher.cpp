#include "core/config/ConfigWatcher.h"

#include "core/base/Guarded.h"

#include <QFileInfo>
#include <QFileSystemWatcher>
#include <semaphore>

using namespace Qt::StringLiterals;

namespace sb::config {

namespace {
// Long enough for an editor to write, rename and set permissions; short enough to feel immediate.
constexpr Milliseconds settle{150};
// In a folder that changes all the time it is read nevertheless.
constexpr Milliseconds atMost{1000};
} // namespace

struct ConfigWatcher::Private
{
    QString path;
    QString home;
    Executor& executor;
    Clock& clock;
    Listener listener;
    struct State
    {
        Shared config;
        std::optional<Error> problem;
    };
    Guarded<State> state;

    // These live on the executor.
    std::unique_ptr<QFileSystemWatcher> watcher;
    Subscription timer;
    qint64 changedUs = 0; ///< when the first change came that was not read yet; 0: none
    bool closed = false;

    Private(QString p, QString h, Executor& e, Clock& c, Listener l)
        : path(std::move(p)), home(std::move(h)), executor(e), clock(c), listener(std::move(l))
    {
    }

    // A replaced file loses its watch, a new one gets it; the folder tells of both.
    void watch()
    {
        const QFileInfo info(path);
        const QString folder = info.absolutePath();
        if (!watcher->directories().contains(folder) && QFileInfo::exists(folder)) {
            watcher->addPath(folder);
        }
        if (info.exists() && !watcher->files().contains(info.absoluteFilePath())) {
            watcher->addPath(info.absoluteFilePath());
        }
    }

    void read()
    {
        auto loaded = load(path, home);
        const auto told = state.withLock([&](State& now) -> std::optional<State> {
            if (!loaded) {
                if (now.problem == loaded.error()) {
                    return std::nullopt;
                }
                now.problem = loaded.error();
                return now;
            }
            if (*loaded == *now.config && !now.problem) {
                return std::nullopt;
            }
            if (*loaded != *now.config) {
                now.config = std::make_shared<const Config>(std::move(*loaded));
            }
            now.problem.reset();
            return now;
        });
        if (told && listener) {
            listener(told->config, told->problem);
        }
    }
};

ConfigWatcher::ConfigWatcher(
    QString path, QString home, Config initial, Executor& executor, Clock& clock, Listener listener)
    : m(std::make_shared<Private>(
          std::move(path), std::move(home), executor, clock, std::move(listener)))
{
    m->state.withLock([&](Private::State& state) {
        state.config = std::make_shared<const Config>(std::move(initial));
    });
}

ConfigWatcher::~ConfigWatcher()
{
    const auto close = [p = m.get()] {
        p->closed = true;
        p->timer.reset();
        p->watcher.reset();
    };
    if (m->executor.isCurrent()) {
        close();
        return;
    }
    std::binary_semaphore done(0);
    m->executor.post([&] {
        close();
        done.release();
    });
    done.acquire();
}

void ConfigWatcher::start()
{
    m->executor.post([p = m] {
        if (p->closed || p->watcher) {
            return;
        }
        p->watcher = std::make_unique<QFileSystemWatcher>();
        const auto changed = [weak = std::weak_ptr(p)] {
            const auto self = weak.lock();
            if (!self || self->closed) {
                return;
            }
            const qint64 now = self->clock.steadyUs();
            if (self->changedUs == 0) {
                self->changedUs = now;
            } else if (std::chrono::microseconds(now - self->changedUs) > atMost - settle) {
                return; // the timer that runs is the last one
            }
            self->timer = self->clock.after(settle, self->executor, [weak] {
                const auto again = weak.lock();
                if (again && !again->closed) {
                    again->changedUs = 0;
                    again->watch();
                    again->read();
                }
            });
        };
        QObject::connect(
            p->watcher.get(), &QFileSystemWatcher::fileChanged, p->watcher.get(), changed);
        QObject::connect(
            p->watcher.get(), &QFileSystemWatcher::directoryChanged, p->watcher.get(), changed);
        p->watch();
        p->read();
    });
}

ConfigWatcher::Shared ConfigWatcher::current() const
{
    return m->state.withLock([](const Private::State& state) { return state.config; });
}

std::optional<Error> ConfigWatcher::problem() const
{
    return m->state.withLock([](const Private::State& state) { return state.problem; });
}

} // namespace sb::config
