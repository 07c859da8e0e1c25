#include "app/sandbox-helper/Limit.h"
#include "core/sandbox/HelperProtocol.h"

#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

namespace sb::helper {

namespace {

constexpr std::uint64_t Reserve = 64ULL << 30;

bool writeText(const char* path, const char* text)
{
    const int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0) {
        return false;
    }
    const auto length = ssize_t(strlen(text));
    const bool written = write(fd, text, size_t(length)) == length;
    close(fd);
    return written;
}

bool setLimit(decltype(RLIMIT_AS) which, std::uint64_t value)
{
    rlimit now{};
    if (getrlimit(which, &now) != 0) {
        return false;
    }
    // A hard limit that is already lower can't be raised and needn't be.
    const rlim_t wanted =
        now.rlim_max != RLIM_INFINITY && now.rlim_max < value ? now.rlim_max : rlim_t(value);
    const rlimit limit{wanted, wanted};
    return setrlimit(which, &limit) == 0;
}

// Before 5.14 the kernel counted the user's processes outside of the sandbox too; the cap would
// stop the first fork.
bool countsByNamespace()
{
    utsname name{};
    int major = 0;
    int minor = 0;
    return uname(&name) == 0 && sscanf(name.release, "%d.%d", &major, &minor) == 2 &&
           (major > 5 || (major == 5 && minor >= 14));
}

} // namespace

bool applyLimits(const Limits& limits)
{
    bool good = setLimit(RLIMIT_CORE, 0);
    if (limits.memoryBytes > 0 && defended("sandbox.memory-limit")) {
        // Addresses are no measure of memory: WebAssembly, Go and Java set aside many gigabytes
        // that they never touch. So private memory is limited, and addresses only far above it, for
        // the sake of shared mappings.
        good = good && setLimit(RLIMIT_DATA, limits.memoryBytes) &&
               setLimit(RLIMIT_AS, limits.memoryBytes + Reserve);
    }
    if (limits.fileBytes > 0 && defended("sandbox.file-size")) {
        good = good && setLimit(RLIMIT_FSIZE, limits.fileBytes);
    }
    if (limits.openFiles > 0 && defended("sandbox.open-files")) {
        good = good && setLimit(RLIMIT_NOFILE, limits.openFiles);
    }
    if (limits.cpuSeconds > 0 && defended("sandbox.cpu-time")) {
        good = good && setLimit(RLIMIT_CPU, limits.cpuSeconds);
    }
    if (limits.processes > 0 && countsByNamespace() && defended("sandbox.process-cap")) {
        good = good && setLimit(RLIMIT_NPROC, limits.processes + 1); // and process 1
    }
    return good;
}

bool capPids(std::uint64_t processes)
{
    char text[32];
    snprintf(text, sizeof text, "%" PRIu64, processes + sandbox::helper::ReservedPids);
    return writeText(sandbox::helper::PidMax, text);
}

void volunteerForOom()
{
    (void)writeText("/proc/self/oom_score_adj", "1000");
}

} // namespace sb::helper
