#include "core/git/Fence.h"

#include <thread>

#ifdef __linux__
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <linux/landlock.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace sb::git {

#ifdef __linux__
namespace {

// The headers may be older than the kernel, so the later rights are named here.
constexpr quint64 kAllOfVersion1 = (quint64(1) << 13) - 1;
constexpr quint64 kRefer = quint64(1) << 13;
constexpr quint64 kTruncate = quint64(1) << 14;
constexpr quint64 kIoctlDevice = quint64(1) << 15;

int landlockVersion()
{
    const long version =
        syscall(SYS_landlock_create_ruleset, nullptr, size_t(0), LANDLOCK_CREATE_RULESET_VERSION);
    return version < 0 ? 0 : int(version);
}

/// Confines the calling thread for the rest of its life. Nothing on success, else what went wrong.
const char* confine(const QByteArray& folder)
{
    const int version = landlockVersion();
    quint64 rights = kAllOfVersion1 | kRefer;
    if (version >= 3) {
        rights |= kTruncate;
    }
    if (version >= 5) {
        rights |= kIoctlDevice;
    }
    landlock_ruleset_attr attributes{};
    attributes.handled_access_fs = rights;
    const int rules = int(
        syscall(SYS_landlock_create_ruleset, &attributes, sizeof attributes.handled_access_fs, 0));
    if (rules < 0) {
        return "its rules could not be made";
    }
    const int root = open(folder.constData(), O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (root < 0) {
        close(rules);
        return "the folder could not be opened";
    }
    landlock_path_beneath_attr beneath{};
    beneath.allowed_access = rights;
    beneath.parent_fd = root;
    const bool done =
        syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &beneath, 0) == 0 &&
        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
        syscall(SYS_landlock_restrict_self, rules, 0) == 0;
    close(root);
    close(rules);
    return done ? nullptr : "the kernel refused it";
}

} // namespace

bool canFence()
{
    // The first version forbids every rename between folders, which is how objects are written.
    return landlockVersion() >= 2;
}

Result<> runFenced(const QString& folder, const std::function<void()>& job)
{
    if (!canFence()) {
        job();
        return {};
    }
    const char* problem = nullptr;
    std::thread([&] {
        problem = confine(folder.toUtf8());
        if (problem == nullptr) {
            job();
        }
    }).join();
    if (problem != nullptr) {
        return fail(
            ErrorCode::Forbidden,
            QStringLiteral("The work on the repository could not be confined to its folder (%1).")
                .arg(QLatin1StringView(problem)),
            folder);
    }
    return {};
}

#else

bool canFence()
{
    return false;
}

Result<> runFenced(const QString&, const std::function<void()>& job)
{
    job();
    return {};
}

#endif

} // namespace sb::git
