#include "app/sandbox-helper/Usage.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

namespace sb::helper {

namespace {

// The text of /proc/NUMBER/NAME, or null. Good until the next call.
const char* processFile(const char* number, const char* name)
{
    static char buffer[4096];
    char path[64];
    snprintf(path, sizeof path, "/proc/%s/%s", number, name);
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return nullptr;
    }
    const ssize_t got = read(fd, buffer, sizeof buffer - 1);
    close(fd);
    if (got <= 0) {
        return nullptr;
    }
    buffer[got] = 0;
    return buffer;
}

std::uint64_t residentBytes(const char* number)
{
    unsigned long size = 0;
    unsigned long resident = 0;
    const char* text = processFile(number, "statm");
    return text && sscanf(text, "%lu %lu", &size, &resident) == 2
               ? std::uint64_t(resident) * std::uint64_t(sysconf(_SC_PAGESIZE))
               : 0;
}

std::uint64_t proportionalBytes(const char* number)
{
    const char* text = processFile(number, "smaps_rollup");
    const char* line = text ? strstr(text, "\nPss:") : nullptr;
    // One that hides its maps counts in full.
    return line ? strtoull(line + 5, nullptr, 10) * 1024 : residentBytes(number);
}

// In clock ticks: its own, and what its buried children left it.
std::uint64_t processorTicks(const char* number)
{
    const char* text = processFile(number, "stat");
    const char* fields = text ? strrchr(text, ')') : nullptr; // a name may hold anything
    unsigned long own = 0;
    unsigned long kernel = 0;
    long children = 0;
    long childrenKernel = 0;
    return fields && sscanf(fields,
                            ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu %ld %ld",
                            &own,
                            &kernel,
                            &children,
                            &childrenKernel) == 4
               ? own + kernel + std::uint64_t(children) + std::uint64_t(childrenKernel)
               : 0;
}

template <class F>
void eachProcess(F f)
{
    DIR* folder = opendir("/proc");
    while (const dirent* entry = folder ? readdir(folder) : nullptr) {
        const char* name = entry->d_name;
        if (name[0] >= '1' && name[0] <= '9' && strcmp(name, "1") != 0) {
            f(name);
        }
    }
    if (folder) {
        closedir(folder);
    }
}

constexpr std::uint64_t MostEntries = 200'000; // about half a second's look
constexpr int MostDeep = 64;

std::uint64_t bytesOf(const struct stat& file)
{
    return std::uint64_t(file.st_blocks) * 512;
}

struct Added
{
    std::uint64_t bytes = 0;
    std::uint64_t entries = 0;
    bool whole = true;
};

// Closes the folder's descriptor.
void addFolder(int folder, std::int64_t since, int depth, Added& added)
{
    DIR* entries = folder >= 0 && depth < MostDeep ? fdopendir(folder) : nullptr;
    if (!entries) {
        added.whole = false; // it hides itself: a reason to think ill of it
        close(folder);
        return;
    }
    while (const dirent* entry = added.whole ? readdir(entries) : nullptr) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) {
            continue;
        }
        struct stat file{};
        if (++added.entries > MostEntries) {
            added.whole = false;
        } else if (fstatat(folder, entry->d_name, &file, AT_SYMLINK_NOFOLLOW) != 0) {
            continue; // gone meanwhile
        } else if (S_ISDIR(file.st_mode)) {
            addFolder(
                openat(folder, entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC),
                since,
                depth + 1,
                added);
        } else if (std::int64_t(file.st_ctim.tv_sec) * 1'000'000'000 + file.st_ctim.tv_nsec >=
                   since) {
            added.bytes += bytesOf(file);
        }
    }
    closedir(entries);
}

// A deleted file takes room for as long as somebody holds it.
void addDeleted(const char* number, dev_t device, Added& added)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%.16s/fd", number);
    DIR* folder = opendir(path);
    while (const dirent* entry = folder ? readdir(folder) : nullptr) {
        struct stat file{};
        if (entry->d_name[0] != '.' && fstatat(dirfd(folder), entry->d_name, &file, 0) == 0 &&
            S_ISREG(file.st_mode) && file.st_nlink == 0 && file.st_dev == device) {
            added.bytes += bytesOf(file);
        }
    }
    if (folder) {
        closedir(folder);
    }
}

} // namespace

Usage measure(std::uint64_t memoryLimit)
{
    Usage usage;
    std::uint64_t ticks = 0;
    eachProcess([&](const char* number) {
        ++usage.processes;
        usage.memoryBytes += residentBytes(number);
        ticks += processorTicks(number);
    });
    rusage buried{};
    getrusage(RUSAGE_CHILDREN, &buried);
    usage.cpuSeconds = ticks / std::uint64_t(sysconf(_SC_CLK_TCK)) +
                       std::uint64_t(buried.ru_utime.tv_sec + buried.ru_stime.tv_sec);
    if (usage.memoryBytes > memoryLimit) {
        usage.memoryBytes = 0;
        eachProcess([&](const char* number) { usage.memoryBytes += proportionalBytes(number); });
    }
    return usage;
}

DiskSpace diskSpace(const char* folder)
{
    struct statvfs information{};
    if (statvfs(folder, &information) != 0) {
        return {UINT64_MAX, UINT64_MAX};
    }
    // Some file systems make room for files as they come, and say 0.
    return {std::uint64_t(information.f_bavail) * information.f_frsize,
            information.f_files == 0 ? UINT64_MAX : std::uint64_t(information.f_favail)};
}

std::uint64_t addedBytes(const char* folder, std::int64_t since)
{
    struct stat itself{};
    if (stat(folder, &itself) != 0) {
        return UINT64_MAX;
    }
    Added added;
    addFolder(open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC), since, 0, added);
    eachProcess([&](const char* number) { addDeleted(number, itself.st_dev, added); });
    return added.whole ? added.bytes : UINT64_MAX;
}

} // namespace sb::helper
