#pragma once
#include "core/sandbox/Descriptor.h"
#include "core/sandbox/Sandbox.h"

#include <memory>
#include <optional>

namespace sb::sandbox {

/// The folder of the unified hierarchy (version 2) in which we may make groups with limits on
/// memory and processes: beside our own group, where a session manager has delegated that, else
/// below it. Nothing where there is none. `mount` is where the hierarchy is, `own` what
/// /proc/self/cgroup says.
std::optional<QString> controlGroupParent(const QString& mount, const QByteArray& own);

/// What is written into a new group's files for these limits.
struct ControlGroupFile
{
    QString name;
    QByteArray value;
    bool needed = false; ///< without it the group is of no use
    bool operator==(const ControlGroupFile&) const = default;
};
QList<ControlGroupFile> controlGroupFiles(const Limits& limits, int processors);

/// A group of ours for one launch. Removed with this object, which must come after its processes.
class ControlGroup
{
public:
    /// Nothing where the kernel refuses: then the other layers hold alone.
    static std::unique_ptr<ControlGroup> make(const QString& parent, const Limits& limits);
    ~ControlGroup();
    ControlGroup(const ControlGroup&) = delete;
    ControlGroup& operator=(const ControlGroup&) = delete;

    /// Of its folder, to start a process in.
    [[nodiscard]] int descriptor() const { return m_folder.get(); }
    /// Whether the kernel ended a process for the group's memory.
    [[nodiscard]] bool memoryExceeded() const;

private:
    explicit ControlGroup(QString path);
    QString m_path;
    Descriptor m_folder;
};

} // namespace sb::sandbox
