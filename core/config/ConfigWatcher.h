#pragma once
#include "core/base/Executor.h"
#include "core/config/Config.h"

#include <functional>
#include <memory>
#include <optional>

namespace sb::config {

/// Follows signalbox.yaml. A changed file is read and checked whole, then swapped; a bad one keeps
/// the old and says why. Editors that replace the file are followed too.
class ConfigWatcher
{
public:
    using Shared =
        std::shared_ptr<const Config>; // handed to many threads, each for as long as it needs it
    /// Told on the executor: after a swap with the new configuration and no problem; after a bad
    /// file with the old one and the reason; and with the old one and no problem when the file is
    /// as it was before.
    using Listener = std::function<void(const Shared& config, const std::optional<Error>& problem)>;

    /// The executor's thread must have a Qt event loop; executor and clock outlive the watcher.
    /// Nothing is watched before start().
    ConfigWatcher(QString path,
                  QString home,
                  Config initial,
                  Executor& executor,
                  Clock& clock,
                  Listener listener);
    /// The listener is not called any more afterwards. Waits for one that runs.
    ~ConfigWatcher();
    ConfigWatcher(const ConfigWatcher&) = delete;
    ConfigWatcher& operator=(const ConfigWatcher&) = delete;

    /// Begins to watch, and reads once in case the file changed since `initial` was read.
    void start();
    /// What is valid now; from any thread.
    [[nodiscard]] Shared current() const;
    /// Why the file as it stands is not used; nothing when it is.
    [[nodiscard]] std::optional<Error> problem() const;

private:
    struct Private;
    std::shared_ptr<Private> m; // shared with the jobs that it posted to its executor
};

} // namespace sb::config
