#pragma once
#include <QString>
#include <memory>

/// A disk that keeps unsynced writes apart: an SQLite VFS for tests. Everything works as on the
/// real disk until it is told to fill up, to fail its syncs, or until the power is cut; then what
/// was not synced is lost in part or whole.
class FaultyDisk
{
public:
    FaultyDisk();
    /// All databases on it must be closed.
    ~FaultyDisk();
    FaultyDisk(const FaultyDisk&) = delete;
    FaultyDisk& operator=(const FaultyDisk&) = delete;

    /// The name to open databases with.
    [[nodiscard]] QString name() const;
    /// Files may grow by so many bytes together; -1: without limit.
    void setRoom(qint64 bytes);
    void setSyncsFail(bool fail);
    [[nodiscard]] int syncs() const;
    /// From here on nothing works. Of what was written since its file's last sync, each 512-byte
    /// sector is kept or lost by chance: the system may have written it in any order.
    void cutPower(unsigned seed);

    struct Private;

private:
    std::unique_ptr<Private> m;
};
