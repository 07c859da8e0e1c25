#pragma once
#include "core/base/Clock.h"
#include "core/tools/Tool.h"

namespace sb::tools {

/// A command's way out while it runs: what listens inside its sandbox is answered by the egress
/// proxy outside. It ends with the last reference to it.
class Door
{
public:
    virtual ~Door() = default;
    /// Takes the listening socket of the sandbox over. Called once, on an inner thread.
    virtual void opened(int listeningFd) = 0;
    /// How long people have been asked about its requests so far; the command's time limit does
    /// not run meanwhile.
    [[nodiscard]] virtual Milliseconds waitedForPeople() const = 0;
};

/// Makes one for a call; none where commands have no network at all.
using MakeDoor = std::function<std::shared_ptr<Door>(const Context&)>;

} // namespace sb::tools
