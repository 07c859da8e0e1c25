#include "app/sandbox-helper/Usage.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dirent.h>
#include <fcntl.h>
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

} // namespace

Usage measure(std::uint64_t memoryLimit)
{
    Usage usage;
    eachProcess([&](const char* number) {
        ++usage.processes;
        usage.memoryBytes += residentBytes(number);
    });
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

} // namespace sb::helper
