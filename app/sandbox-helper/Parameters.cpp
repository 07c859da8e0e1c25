#include "app/sandbox-helper/Parameters.h"
#include "app/sandbox-helper/Report.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <sys/stat.h>
#include <unistd.h>

namespace sb::helper {

namespace {

char* readAll(int fd, std::size_t& size)
{
    struct stat information{};
    if (fstat(fd, &information) != 0) {
        return nullptr;
    }
    size = std::size_t(information.st_size);
    auto* bytes = static_cast<char*>(malloc(size + 1));
    for (std::size_t done = 0; bytes && done < size;) {
        const ssize_t got = pread(fd, bytes + done, size - done, off_t(done));
        if (got <= 0) {
            return nullptr;
        }
        done += std::size_t(got);
    }
    if (bytes) {
        bytes[size] = 0;
    }
    return bytes;
}

std::uint64_t* numberFor(Limits& limits, const char* key)
{
    struct Name
    {
        const char* key;
        std::uint64_t Limits::* member;
    };
    static constexpr Name names[] = {
        {"memory", &Limits::memoryBytes},
        {"memory_total", &Limits::totalMemoryBytes},
        {"file", &Limits::fileBytes},
        {"disk_reserve", &Limits::diskReserveBytes},
        {"workspace_bytes", &Limits::workspaceBytes},
        {"processes", &Limits::processes},
        {"files", &Limits::openFiles},
        {"cpu", &Limits::cpuSeconds},
    };
    for (const auto& name : names) {
        if (strcmp(name.key, key) == 0) {
            return &(limits.*name.member);
        }
    }
    return nullptr;
}

bool* switchFor(Parameters& parameters, const char* key)
{
    struct Name
    {
        const char* key;
        bool Parameters::* member;
    };
    static constexpr Name names[] = {
        {"cap_pids", &Parameters::capPids},
        {"landlock", &Parameters::landlock},
        {"read_only", &Parameters::readOnly},
        {"door", &Parameters::door},
        {"own_servers", &Parameters::ownServers},
    };
    for (const auto& name : names) {
        if (strcmp(name.key, key) == 0) {
            return &(parameters.*name.member);
        }
    }
    return nullptr;
}

void setParameter(Parameters& parameters, const char* key, const char* value)
{
#ifdef SB_SWITCHABLE_DEFENCES
    if (strcmp(key, "defences_off") == 0) {
        setDefencesOff(value);
        return;
    }
#endif
    if (std::uint64_t* number = numberFor(parameters.limits, key)) {
        *number = strtoull(value, nullptr, 10);
    } else if (bool* flag = switchFor(parameters, key)) {
        *flag = strcmp(value, "0") != 0;
    } else if (strcmp(key, "workspace") == 0) {
        parameters.workspace = value;
    } else {
        errno = EINVAL; // a helper of another version would leave a limit out
        giveUp("unknown parameter");
    }
}

} // namespace

Parameters readParameters()
{
    std::size_t size = 0;
    char* bytes = readAll(sandbox::helper::ParametersFd, size);
    if (!bytes || size == 0 || bytes[size - 1] != 0) {
        errno = EINVAL;
        giveUp("the parameters are missing");
    }
    close(sandbox::helper::ParametersFd);
    std::size_t count = 0;
    for (std::size_t i = 0; i < size; ++i) {
        count += bytes[i] == 0;
    }
    auto** words = static_cast<char**>(calloc(count + 1, sizeof(char*)));
    std::size_t index = 0;
    for (char* word = bytes; words && word < bytes + size; word += strlen(word) + 1) {
        words[index++] = word;
    }
    Parameters parameters;
    for (std::size_t i = 0; words && i < count; ++i) {
        if (strcmp(words[i], "--") == 0) {
            parameters.command = words + i + 1;
            break;
        }
        if (char* equals = strchr(words[i], '=')) {
            *equals = 0;
            setParameter(parameters, words[i], equals + 1);
        }
    }
    if (!parameters.command || !parameters.command[0] || !parameters.workspace) {
        errno = EINVAL;
        giveUp("the parameters are incomplete");
    }
    return parameters;
}

} // namespace sb::helper
