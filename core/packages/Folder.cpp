#include "core/packages/Folder.h"

#include "core/base/Defence.h"

#include <QDir>
#include <QFile>
#include <QFileInfo>
#include <cerrno>
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace Qt::StringLiterals;

namespace sb::packages {

namespace {

class Descriptor
{
public:
    explicit Descriptor(int fd) : m_fd(fd) {}
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    ~Descriptor() { reset(-1); }
    void reset(int fd)
    {
        if (m_fd >= 0) {
            ::close(m_fd);
        }
        m_fd = fd;
    }
    [[nodiscard]] int get() const { return m_fd; }
    [[nodiscard]] int release() { return std::exchange(m_fd, -1); }

private:
    int m_fd;
};

int noLinks()
{
    return defended("packages.links") ? O_NOFOLLOW : 0;
}

std::unexpected<Error> cannotRead(const QString& path, int code)
{
    switch (code) {
    case ENOENT:
        return fail(ErrorCode::NotFound, u"The file \"%1\" is missing."_s.arg(path), path);
    case ELOOP:
        return fail(ErrorCode::Forbidden,
                    u"\"%1\" is a link, which a package may not hold."_s.arg(path),
                    path);
    case ENOTDIR:
        return fail(ErrorCode::Forbidden,
                    u"\"%1\" passes through something that is no folder."_s.arg(path),
                    path);
    default:
        return fail(ErrorCode::Io,
                    u"The file \"%1\" cannot be read: %2."_s.arg(path, qt_error_string(code)),
                    path);
    }
}

struct Walk
{
    QStringList found;
    qsizetype entries = 0;
};

Result<> walk(int fd, const QString& prefix, int depth, Walk& walked)
{
    const int own = ::fcntl(fd, F_DUPFD_CLOEXEC, 0);
    DIR* stream = own >= 0 ? ::fdopendir(own) : nullptr;
    if (stream == nullptr) {
        const int code = errno;
        if (own >= 0) {
            ::close(own);
        }
        return cannotRead(prefix, code);
    }
    const std::unique_ptr<DIR, int (*)(DIR*)> closing(stream, ::closedir);
    while (const dirent* entry = ::readdir(stream)) {
        const QByteArray name = entry->d_name;
        if (name == "." || name == "..") {
            continue;
        }
        // Folders count as well: a package may not be a tree of a million empty ones.
        if (++walked.entries > 2LL * Caps().files) {
            return fail(ErrorCode::InvalidInput, u"The package holds too many files."_s);
        }
        const QString path = prefix + QFile::decodeName(name);
        struct stat facts{};
        if (::fstatat(fd, name.constData(), &facts, AT_SYMLINK_NOFOLLOW) != 0) {
            return cannotRead(path, errno);
        }
        if (!S_ISDIR(facts.st_mode)) {
            walked.found.append(path);
            continue;
        }
        if (depth >= Caps().depth) {
            return fail(ErrorCode::InvalidInput, u"The package is nested too deeply."_s);
        }
        const Descriptor folder(
            ::openat(fd, name.constData(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW));
        if (folder.get() < 0) {
            return cannotRead(path, errno);
        }
        SB_CHECK(walk(folder.get(), path + u'/', depth + 1, walked));
    }
    return {};
}

} // namespace

Result<Folder> Folder::open(const QString& path)
{
    const QByteArray native = QFile::encodeName(QDir::cleanPath(path));
    const int fd = ::open(native.constData(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | noLinks());
    if (fd < 0) {
        const int code = errno;
        struct stat facts{};
        const bool link = ::lstat(native.constData(), &facts) == 0 && S_ISLNK(facts.st_mode);
        return fail(
            link ? ErrorCode::Forbidden : ErrorCode::NotFound,
            link ? u"%1 is a link; name the folder itself."_s.arg(path)
                 : u"%1 is no folder that can be read: %2."_s.arg(path, qt_error_string(code)),
            path);
    }
    return Folder(fd);
}

Folder::~Folder()
{
    if (m_fd >= 0) {
        ::close(m_fd);
    }
}

Result<QByteArray> Folder::read(const QString& path, qint64 longest) const
{
    const auto parts = QFile::encodeName(path).split('/');
    Descriptor folder(::fcntl(m_fd, F_DUPFD_CLOEXEC, 0));
    for (qsizetype i = 0; i + 1 < parts.size(); ++i) {
        const int next = ::openat(
            folder.get(), parts[i].constData(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | noLinks());
        if (next < 0) {
            return cannotRead(path, errno);
        }
        folder.reset(next);
    }
    // Without waiting: a pipe would otherwise hold this thread until somebody writes into it.
    const Descriptor fd(::openat(
        folder.get(), parts.last().constData(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | noLinks()));
    if (fd.get() < 0) {
        return cannotRead(path, errno);
    }
    struct stat facts{};
    if (::fstat(fd.get(), &facts) != 0) {
        return cannotRead(path, errno);
    }
    if (!S_ISREG(facts.st_mode) && defended("packages.regular-files")) {
        return fail(ErrorCode::Forbidden, u"\"%1\" is not a plain file."_s.arg(path), path);
    }
    // Read to its end, however long it said it was.
    QByteArray bytes;
    bytes.reserve(std::clamp<qint64>(facts.st_size, 0, longest));
    char buffer[64 << 10];
    for (;;) {
        const auto got = ::read(fd.get(), buffer, sizeof buffer);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return cannotRead(path, errno);
        }
        if (got == 0) {
            return bytes;
        }
        bytes.append(buffer, got);
        if (bytes.size() > longest && defended("packages.size-caps")) {
            return fail(ErrorCode::InvalidInput,
                        u"\"%1\" is larger than %2 KiB."_s.arg(path).arg(longest >> 10),
                        path);
        }
    }
}

Result<QStringList> Folder::everything() const
{
    // A stream reads on from where its descriptor stands, so each walk has one of its own.
    const Descriptor again(::openat(m_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    Walk walked;
    SB_CHECK(walk(again.get(), {}, 0, walked));
    walked.found.sort();
    return walked.found;
}

Result<> writeFolder(const QString& path, const QMap<QString, QByteArray>& files)
{
    const auto cannot = [&](const QString& reason) {
        return fail(
            ErrorCode::Io, u"The package cannot be written to %1: %2."_s.arg(path, reason), path);
    };
    if (::mkdir(QFile::encodeName(path).constData(), 0700) != 0) {
        return cannot(qt_error_string(errno));
    }
    for (const auto& [name, bytes] : files.asKeyValueRange()) {
        const QString target = path + u'/' + name;
        if (!QDir().mkpath(QFileInfo(target).path())) {
            return cannot(u"a folder could not be made"_s);
        }
        QFile file(target);
        const bool written = file.open(QIODevice::WriteOnly | QIODevice::NewOnly,
                                       QFileDevice::ReadOwner | QFileDevice::WriteOwner) &&
                             file.write(bytes) == bytes.size() && file.flush() &&
                             ::fsync(file.handle()) == 0;
        if (!written) {
            return cannot(file.errorString());
        }
    }
    return {};
}

} // namespace sb::packages
