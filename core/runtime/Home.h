#pragma once
#include "core/base/Result.h"

#include <QString>

namespace sb::runtime {

/// Where one instance keeps its things. All paths are absolute.
struct Home
{
    QString config; ///< signalbox.yaml
    QString data;   ///< databases, keys, the tour; never visible in a sandbox
    QString state;  ///< what a window remembers: layout, drafts
    QString run;    ///< token, socket, lock; gone after a restart of the machine at the latest
    QString user;   ///< what ~ stands for

    /// With a folder (from --home, else SIGNALBOX_HOME): everything below it. Else the XDG folders.
    static Home locate(const QString& folder);
    /// Makes the folders, private to this user. Io names the one that cannot be made or written.
    [[nodiscard]] Result<> prepare() const;

    [[nodiscard]] QString agentFolder(const QString& agent) const;
    [[nodiscard]] QString instanceDatabase() const;
    [[nodiscard]] QString vaultFile() const; ///< keys, where no keychain answers
    [[nodiscard]] QString tokenFile() const;
    [[nodiscard]] QString lockFile() const;
    /// Where the first agent works unless the configuration says otherwise: DIR/workspace, or
    /// ~/signalbox.
    [[nodiscard]] QString defaultWorkspace() const;
};

} // namespace sb::runtime
