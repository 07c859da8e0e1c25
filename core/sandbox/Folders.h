#pragma once
#include "core/sandbox/Sandbox.h"

#include <optional>
#include <vector>

namespace sb::sandbox {

/// Which file a path leads to, whatever it is called later.
struct FileIdentity
{
    quint64 device = 0;
    quint64 inode = 0;
    bool operator==(const FileIdentity&) const = default;
};
/// Follows no link; nothing when there is no such file.
std::optional<FileIdentity> fileIdentity(const QString& path);

/// Whether the path is the folder or lies below it; both with links resolved.
bool liesIn(const QString& path, const QString& folder);

/// The data folders: they stay absent even where a workspace lies around them.
class HiddenPaths
{
public:
    /// Remembers which folders these are now, so that moving one away is noticed.
    explicit HiddenPaths(const QStringList& paths);
    /// Those that exist below the workspace. Forbidden when the workspace is one of them, or when
    /// one was moved.
    [[nodiscard]] Result<QStringList> within(const QString& workspace) const;

private:
    struct Hidden
    {
        QString path;
        std::optional<FileIdentity> identity;
    };
    std::vector<Hidden> m_paths;
};

/// The workspace with links resolved: a folder that exists, not the system's, and not around the
/// user's home.
Result<QString> checkedWorkspace(const QString& workspace);
/// The working folder with links resolved; the workspace when it is empty. Forbidden outside the
/// workspace.
Result<QString> checkedCwd(const QString& cwd, const QString& workspace);
Result<> checkedLimits(const Limits& limits);
Result<> checkedArguments(const QStringList& argv);

} // namespace sb::sandbox
