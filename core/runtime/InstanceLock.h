#pragma once
#include "core/base/Result.h"

#include <QString>

namespace sb::runtime {

/// Only one process runs a home. Held by flock, so it goes with its process, however that ends.
class InstanceLock
{
public:
    /// Who holds a lock.
    struct Owner
    {
        qint64 pid = 0;
        QString role; ///< "window", "serve", "run" …
    };
    /// Conflict when another process has it; the message names it.
    static Result<InstanceLock> acquire(const QString& path, const QString& role);
    /// Who has it now; pid 0 when nobody does.
    static Owner owner(const QString& path);

    InstanceLock(InstanceLock&& other) noexcept;
    InstanceLock& operator=(InstanceLock&& other) noexcept;
    InstanceLock(const InstanceLock&) = delete;
    InstanceLock& operator=(const InstanceLock&) = delete;
    ~InstanceLock();

private:
    explicit InstanceLock(int descriptor) : m_descriptor(descriptor) {}
    int m_descriptor = -1;
};

} // namespace sb::runtime
