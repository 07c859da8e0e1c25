#include "core/secrets/KeyFile.h"

#include "core/secrets/Locked.h"

#include <QFile>
#include <QFileInfo>
#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/vfs.h>
#endif

using namespace Qt::StringLiterals;

namespace sb::secrets {

namespace {

constexpr qint64 mostBytes = 65536;

class Handle
{
public:
    explicit Handle(int fd) : m_fd(fd) {}
    ~Handle()
    {
        if (m_fd >= 0) {
            ::close(m_fd);
        }
    }
    Handle(const Handle&) = delete;
    Handle& operator=(const Handle&) = delete;
    [[nodiscard]] int get() const { return m_fd; }

private:
    int m_fd;
};

std::unexpected<Error> unreadable(const QString& path, int reason)
{
    return fail(reason == EIO ? ErrorCode::Io : ErrorCode::Forbidden,
                u"The key file %1 cannot be read (%2)."_s.arg(path, qt_error_string(reason)),
                path);
}

// /proc/self/environ and its like look like files; what they say is the kernel's, not a key.
bool isOnDisk([[maybe_unused]] int fd)
{
#ifdef __linux__
    constexpr decltype(std::declval<struct statfs>().f_type) kernels[] = {
        0x9fa0,     // proc
        0x62656572, // sysfs
        0x64626720, // debugfs
        0x74726163, // tracefs
        0x63677270, // cgroup2
    };
    struct statfs system = {};
    return ::fstatfs(fd, &system) != 0 || !std::ranges::contains(kernels, system.f_type);
#else
    return true;
#endif
}

// Whether a stranger on this machine gets through all the folders above.
bool isReachable(const QString& path)
{
    for (QString folder = QFileInfo(path).canonicalPath(); !folder.isEmpty();
         folder = folder == "/"_L1 ? QString() : QFileInfo(folder).path()) {
        struct stat found = {};
        if (::stat(QFile::encodeName(folder).constData(), &found) == 0 &&
            (found.st_mode & S_IXOTH) == 0) {
            return false;
        }
    }
    return true;
}

} // namespace

Result<KeyFile> readKeyFile(const QString& path)
{
    // Without blocking, should it be a pipe.
    const Handle handle(
        ::open(QFile::encodeName(path).constData(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
    if (handle.get() < 0) {
        const int reason = errno;
        if (reason == ENOENT || reason == ENOTDIR) {
            return fail(ErrorCode::NotFound, u"The key file %1 does not exist."_s.arg(path), path);
        }
        return unreadable(path, reason);
    }
    // What was opened is looked at, not the name, which may point elsewhere by now.
    struct stat found = {};
    if (::fstat(handle.get(), &found) != 0) {
        return unreadable(path, errno);
    }
    if ((defended("secrets.file-regular") && !S_ISREG(found.st_mode)) ||
        (defended("secrets.file-on-disk") && !isOnDisk(handle.get()))) {
        return fail(
            ErrorCode::InvalidInput, u"The key file %1 is not a regular file."_s.arg(path), path);
    }
    if (defended("secrets.file-owner") && found.st_uid != ::geteuid() && found.st_uid != 0) {
        return fail(
            ErrorCode::Forbidden, u"The key file %1 belongs to another user."_s.arg(path), path);
    }
    const bool isReached = isReachable(path);
    if (defended("secrets.file-writable") && (found.st_mode & S_IWOTH) != 0 && isReached) {
        return fail(
            ErrorCode::Forbidden,
            u"Anybody on this machine can change the key file %1; \"chmod 600\" closes it."_s.arg(
                path),
            path);
    }
    if (defended("secrets.file-readable") && (found.st_mode & S_IROTH) != 0 && isReached) {
        return fail(
            ErrorCode::Forbidden,
            u"Anybody on this machine can read the key file %1; \"chmod 600\" closes it."_s.arg(
                path),
            path);
    }
    QByteArray value(mostBytes + 1, '\0');
    qsizetype size = 0;
    while (size < value.size()) {
        const auto got = ::read(handle.get(), value.data() + size, size_t(value.size() - size));
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            const int reason = errno;
            wipe(value);
            return unreadable(path, reason);
        }
        if (got == 0) {
            break;
        }
        size += got;
    }
    if (size > mostBytes) {
        wipe(value);
        return fail(
            ErrorCode::InvalidInput, u"The key file %1 is larger than 64 KiB."_s.arg(path), path);
    }
    value.truncate(size);
    if (value.endsWith('\n')) {
        value.chop(value.endsWith("\r\n") ? 2 : 1);
    }
    if (value.isEmpty()) {
        return fail(ErrorCode::InvalidInput, u"The key file %1 is empty."_s.arg(path), path);
    }
    return KeyFile{SecretString(std::move(value)), (found.st_mode & (S_IRWXG | S_IRWXO)) != 0};
}

Result<> checkProgram(const QString& path)
{
    const auto theirs = [](const QString& place) {
        struct stat found = {};
        return ::stat(QFile::encodeName(place).constData(), &found) != 0 ||
               (found.st_mode & S_IWOTH) != 0 || (found.st_uid != ::geteuid() && found.st_uid != 0);
    };
    if (defended("secrets.exec-program") &&
        (theirs(path) || theirs(QFileInfo(path).canonicalPath()))) {
        return fail(
            ErrorCode::Forbidden,
            u"The program %1, which gives a key, is somebody else's to change, so it is not "
            u"run."_s.arg(path),
            path);
    }
    return {};
}

} // namespace sb::secrets
