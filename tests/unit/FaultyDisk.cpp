#include "tests/unit/FaultyDisk.h"

#include <QFile>
#include <algorithm>
#include <atomic>
#include <cstring>
#include <map>
#include <mutex>
#include <random>
#include <sqlite3.h>
#include <string>
#include <vector>

namespace {

/// One write or truncation since the file's last sync, with what it replaced.
struct Change
{
    sqlite3_int64 offset = 0;
    std::string before; // shorter than `after` where the file ended
    std::string after;
    sqlite3_int64 sizeBefore = 0;
    bool truncation = false; // to `offset`; `before` is what was cut off
};

} // namespace

struct FaultyDisk::Private
{
    sqlite3_vfs vfs{};
    sqlite3_vfs* real = nullptr;
    std::string name;
    std::mutex mutex;
    std::map<std::string, std::vector<Change>> unsynced;
    qint64 room = -1;
    bool syncsFail = false;
    bool dead = false;
    int syncs = 0;
};

namespace {

struct File
{
    sqlite3_file base;
    FaultyDisk::Private* disk;
    std::string* path;
    sqlite3_file* real; // stands behind this struct
};

File* of(sqlite3_file* file)
{
    return reinterpret_cast<File*>(file);
}
FaultyDisk::Private* of(sqlite3_vfs* vfs)
{
    return static_cast<FaultyDisk::Private*>(vfs->pAppData);
}

sqlite3_int64 sizeOf(sqlite3_file* real)
{
    sqlite3_int64 size = 0;
    real->pMethods->xFileSize(real, &size);
    return size;
}

std::string contentOf(sqlite3_file* real, sqlite3_int64 from, sqlite3_int64 to)
{
    std::string bytes(size_t(std::max<sqlite3_int64>(0, to - from)), '\0');
    if (!bytes.empty()) {
        real->pMethods->xRead(real, bytes.data(), int(bytes.size()), from);
    }
    return bytes;
}

int close(sqlite3_file* file)
{
    File* f = of(file);
    const int code = f->real->pMethods ? f->real->pMethods->xClose(f->real) : SQLITE_OK;
    delete f->path;
    return code;
}
int read(sqlite3_file* file, void* to, int amount, sqlite3_int64 offset)
{
    File* f = of(file);
    const std::scoped_lock lock(f->disk->mutex);
    return f->disk->dead ? SQLITE_IOERR_READ
                         : f->real->pMethods->xRead(f->real, to, amount, offset);
}
int write(sqlite3_file* file, const void* from, int amount, sqlite3_int64 offset)
{
    File* f = of(file);
    const std::scoped_lock lock(f->disk->mutex);
    if (f->disk->dead) {
        return SQLITE_IOERR_WRITE;
    }
    const auto size = sizeOf(f->real);
    const auto growth = std::max<sqlite3_int64>(0, offset + amount - size);
    if (f->disk->room >= 0) {
        if (growth > f->disk->room) {
            return SQLITE_FULL;
        }
        f->disk->room -= growth;
    }
    f->disk->unsynced[*f->path].push_back(
        {offset,
         contentOf(f->real, offset, std::min(size, offset + amount)),
         std::string(static_cast<const char*>(from), size_t(amount)),
         size,
         false});
    return f->real->pMethods->xWrite(f->real, from, amount, offset);
}
int truncate(sqlite3_file* file, sqlite3_int64 to)
{
    File* f = of(file);
    const std::scoped_lock lock(f->disk->mutex);
    if (f->disk->dead) {
        return SQLITE_IOERR_TRUNCATE;
    }
    const auto size = sizeOf(f->real);
    f->disk->unsynced[*f->path].push_back({to, contentOf(f->real, to, size), {}, size, true});
    return f->real->pMethods->xTruncate(f->real, to);
}
int sync(sqlite3_file* file, int)
{
    File* f = of(file);
    const std::scoped_lock lock(f->disk->mutex);
    if (f->disk->dead || f->disk->syncsFail) {
        return SQLITE_IOERR_FSYNC;
    }
    // The real sync is left out: in this world it is the list that says what would survive.
    ++f->disk->syncs;
    f->disk->unsynced[*f->path].clear();
    return SQLITE_OK;
}
int fileSize(sqlite3_file* file, sqlite3_int64* size)
{
    File* f = of(file);
    return f->real->pMethods->xFileSize(f->real, size);
}
int lock(sqlite3_file* file, int level)
{
    return of(file)->real->pMethods->xLock(of(file)->real, level);
}
int unlock(sqlite3_file* file, int level)
{
    return of(file)->real->pMethods->xUnlock(of(file)->real, level);
}
int checkReserved(sqlite3_file* file, int* out)
{
    return of(file)->real->pMethods->xCheckReservedLock(of(file)->real, out);
}
int control(sqlite3_file* file, int what, void* argument)
{
    return of(file)->real->pMethods->xFileControl(of(file)->real, what, argument);
}
int sectorSize(sqlite3_file*)
{
    return 512;
}
int characteristics(sqlite3_file*)
{
    return 0; // promises nothing, above all not that a sector stays whole when the power goes
}
int shmMap(sqlite3_file* file, int page, int size, int extend, void volatile** out)
{
    return of(file)->real->pMethods->xShmMap(of(file)->real, page, size, extend, out);
}
int shmLock(sqlite3_file* file, int offset, int count, int flags)
{
    return of(file)->real->pMethods->xShmLock(of(file)->real, offset, count, flags);
}
void shmBarrier(sqlite3_file* file)
{
    of(file)->real->pMethods->xShmBarrier(of(file)->real);
}
int shmUnmap(sqlite3_file* file, int remove)
{
    return of(file)->real->pMethods->xShmUnmap(of(file)->real, remove);
}

const sqlite3_io_methods methods = {
    2,        close,         read,    write,      truncate,        sync,   fileSize, lock,
    unlock,   checkReserved, control, sectorSize, characteristics, shmMap, shmLock,  shmBarrier,
    shmUnmap, nullptr,       nullptr,
};

int open(sqlite3_vfs* vfs, sqlite3_filename name, sqlite3_file* file, int flags, int* outFlags)
{
    auto* disk = of(vfs);
    File* f = of(file);
    f->disk = disk;
    f->real = reinterpret_cast<sqlite3_file*>(f + 1);
    f->path = nullptr;
    f->base.pMethods = nullptr;
    const std::scoped_lock guard(disk->mutex);
    if (disk->dead) {
        return SQLITE_CANTOPEN;
    }
    const int code = disk->real->xOpen(disk->real, name, f->real, flags, outFlags);
    if (code == SQLITE_OK) {
        f->path = new std::string(name ? name : "");
        f->base.pMethods = &methods;
    }
    return code;
}
int remove(sqlite3_vfs* vfs, const char* name, int syncFolder)
{
    auto* disk = of(vfs);
    const std::scoped_lock guard(disk->mutex);
    if (disk->dead) {
        return SQLITE_IOERR_DELETE;
    }
    disk->unsynced.erase(name);
    return disk->real->xDelete(disk->real, name, syncFolder);
}
int access(sqlite3_vfs* vfs, const char* name, int flags, int* out)
{
    return of(vfs)->real->xAccess(of(vfs)->real, name, flags, out);
}
int fullPath(sqlite3_vfs* vfs, const char* name, int size, char* out)
{
    return of(vfs)->real->xFullPathname(of(vfs)->real, name, size, out);
}
int randomness(sqlite3_vfs* vfs, int size, char* out)
{
    return of(vfs)->real->xRandomness(of(vfs)->real, size, out);
}
int sleepFor(sqlite3_vfs* vfs, int us)
{
    return of(vfs)->real->xSleep(of(vfs)->real, us);
}
int currentTime(sqlite3_vfs* vfs, double* out)
{
    return of(vfs)->real->xCurrentTime(of(vfs)->real, out);
}

} // namespace

FaultyDisk::FaultyDisk() : m(std::make_unique<Private>())
{
    static std::atomic<int> count{0};
    m->real = sqlite3_vfs_find(nullptr);
    m->name = "faulty-" + std::to_string(++count);
    m->vfs.iVersion = 1;
    m->vfs.szOsFile = int(sizeof(File)) + m->real->szOsFile;
    m->vfs.mxPathname = m->real->mxPathname;
    m->vfs.zName = m->name.c_str();
    m->vfs.pAppData = m.get();
    m->vfs.xOpen = open;
    m->vfs.xDelete = remove;
    m->vfs.xAccess = access;
    m->vfs.xFullPathname = fullPath;
    m->vfs.xRandomness = randomness;
    m->vfs.xSleep = sleepFor;
    m->vfs.xCurrentTime = currentTime;
    sqlite3_vfs_register(&m->vfs, 0);
}

FaultyDisk::~FaultyDisk()
{
    sqlite3_vfs_unregister(&m->vfs);
}

QString FaultyDisk::name() const
{
    return QString::fromStdString(m->name);
}

void FaultyDisk::setRoom(qint64 bytes)
{
    const std::scoped_lock lock(m->mutex);
    m->room = bytes;
}

void FaultyDisk::setSyncsFail(bool fail)
{
    const std::scoped_lock lock(m->mutex);
    m->syncsFail = fail;
}

int FaultyDisk::syncs() const
{
    const std::scoped_lock lock(m->mutex);
    return m->syncs;
}

void FaultyDisk::cutPower(unsigned seed)
{
    const std::scoped_lock lock(m->mutex);
    m->dead = true;
    std::mt19937 chance(seed);
    for (const auto& [path, changes] : m->unsynced) {
        QFile file(QString::fromStdString(path));
        if (changes.empty() || !file.open(QIODevice::ReadWrite)) {
            continue;
        }
        for (auto change = changes.rbegin(); change != changes.rend(); ++change) {
            file.resize(change->sizeBefore);
            file.seek(change->offset);
            file.write(change->before.data(), qint64(change->before.size()));
        }
        // In one world in four nothing more had reached the disk, in the others some of it, in any
        // order.
        if (chance() % 4 == 0) {
            continue;
        }
        for (const Change& change : changes) {
            for (size_t at = 0; at < change.after.size(); at += 512) {
                if (chance() % 2 == 0) {
                    file.seek(change.offset + qint64(at));
                    file.write(change.after.data() + at,
                               qint64(std::min<size_t>(512, change.after.size() - at)));
                }
            }
        }
    }
}
