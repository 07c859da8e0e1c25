#include "core/tools/Workspace.h"

#include "core/base/Contracts.h"
#include "core/base/Ids.h"

#include <QCryptographicHash>
#include <QDir>
#include <QFileInfo>

#include <cerrno>
#include <climits>
#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/openat2.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <thread>
#include <unistd.h>

namespace sb::tools {

using namespace Qt::StringLiterals;

namespace {

/// A file descriptor that closes itself.
class Descriptor
{
public:
    explicit Descriptor(int fd = -1) : m_fd(fd) {}
    Descriptor(Descriptor&& other) noexcept : m_fd(std::exchange(other.m_fd, -1)) {}
    Descriptor& operator=(Descriptor&& other) noexcept
    {
        std::swap(m_fd, other.m_fd);
        return *this;
    }
    ~Descriptor()
    {
        if (m_fd >= 0) {
            ::close(m_fd);
        }
    }
    [[nodiscard]] int get() const { return m_fd; }
    [[nodiscard]] int release() { return std::exchange(m_fd, -1); }
    explicit operator bool() const { return m_fd >= 0; }

private:
    int m_fd;
};

/// Opens beneath a folder; the kernel refuses what leads out or through a link.
Descriptor openBeneath(int folder, const QByteArray& path, quint64 flags)
{
    open_how how{};
    how.flags = flags | O_CLOEXEC;
    how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
    long fd = -1;
    for (int attempt = 0; attempt < 16; ++attempt) {
        fd = syscall(SYS_openat2, folder, path.constData(), &how, sizeof how);
        if (fd >= 0 || (errno != EAGAIN && errno != EINTR)) {
            break; // EAGAIN: something was renamed meanwhile, and the kernel could not be sure
        }
    }
    return Descriptor(int(fd));
}

std::unexpected<Error> systemError(int number, const QString& path, const QString& whatFailed)
{
    switch (number) {
    case ENOENT:
        return fail(ErrorCode::NotFound, u"There is no %1 in the workspace."_s.arg(path));
    case ENOTDIR:
        return fail(ErrorCode::InvalidInput,
                    u"%1 cannot be: a part of the path is a file, not a folder."_s.arg(path));
    case EISDIR:
        return fail(ErrorCode::InvalidInput, u"%1 is a folder, not a file."_s.arg(path));
    case ELOOP:
    case EXDEV:
        return fail(
            ErrorCode::Forbidden,
            u"%1 was swapped for a link while it was being opened; it was left alone."_s.arg(path));
    case EACCES:
    case EPERM:
        return fail(ErrorCode::Forbidden,
                    u"%1 may not be %2 by this user."_s.arg(path, whatFailed));
    case EROFS:
        return fail(ErrorCode::Forbidden, u"%1 lies on a read-only file system."_s.arg(path));
    case ENOSPC:
    case EDQUOT:
        return fail(ErrorCode::DiskFull,
                    u"The disk is full: %1 could not be %2."_s.arg(path, whatFailed));
    case ENOSYS:
        return fail(ErrorCode::Unsupported,
                    u"This system cannot confine paths (openat2 is missing; Linux 5.6 has it), so "
                    "files are left alone."_s);
    default:
        return fail(ErrorCode::Io,
                    u"%1 could not be %2: %3."_s.arg(
                        path, whatFailed, QString::fromLocal8Bit(std::strerror(number))));
    }
}

const auto kRead = u"read"_s;
const auto kWritten = u"written"_s;

QString kindWords(mode_t mode)
{
    return S_ISDIR(mode)    ? u"a folder"_s
           : S_ISFIFO(mode) ? u"a named pipe"_s
           : S_ISSOCK(mode) ? u"a socket"_s
           : S_ISLNK(mode)  ? u"a link"_s
                            : u"a device"_s;
}

struct OpenFile
{
    Descriptor fd;
    struct stat facts{};
};

Result<OpenFile> openRegular(int folder, const QByteArray& path, const QString& shown)
{
    OpenFile file;
    // Without O_NONBLOCK, opening a named pipe would wait for its other end.
    file.fd = openBeneath(folder, path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
    if (!file.fd) {
        if (errno == ENXIO) { // a socket
            return fail(ErrorCode::InvalidInput, u"%1 is a socket, not a file."_s.arg(shown));
        }
        return systemError(errno, shown, kRead);
    }
    if (fstat(file.fd.get(), &file.facts) != 0) {
        return systemError(errno, shown, kRead);
    }
    if (!S_ISREG(file.facts.st_mode)) {
        return fail(ErrorCode::InvalidInput,
                    u"%1 is %2, not a file."_s.arg(shown, kindWords(file.facts.st_mode)));
    }
    return file;
}

/// Reads up to `count` bytes; fewer only at the end of the file.
Result<QByteArray> readSome(int fd, qint64 count, const QString& shown)
{
    QByteArray bytes(count, Qt::Uninitialized);
    qint64 have = 0;
    while (have < count) {
        const ssize_t got = ::read(fd, bytes.data() + have, size_t(count - have));
        if (got < 0) {
            if (errno == EINTR) {
                continue;
            }
            return systemError(errno, shown, kRead);
        }
        if (got == 0) {
            break;
        }
        have += got;
    }
    bytes.truncate(have);
    return bytes;
}

Result<> writeAll(int fd, const QByteArray& bytes, const QString& shown)
{
    qint64 done = 0;
    while (done < bytes.size()) {
        const ssize_t wrote = ::write(fd, bytes.constData() + done, size_t(bytes.size() - done));
        if (wrote < 0) {
            if (errno == EINTR) {
                continue;
            }
            return systemError(errno, shown, kWritten);
        }
        done += wrote;
    }
    if (fsync(fd) != 0) {
        return systemError(errno, shown, kWritten);
    }
    return {};
}

std::unexpected<Error> changed(const QString& shown)
{
    return fail(
        ErrorCode::Conflict,
        u"The file %1 has changed since it was looked at; nothing was written. Read it again."_s
            .arg(shown));
}

/// Opens a folder beneath the root step by step and makes those that are missing.
Result<Descriptor> makeFolders(int root, const QString& relative)
{
    Descriptor current = openBeneath(root, ".", O_RDONLY | O_DIRECTORY);
    if (!current) {
        return systemError(errno, u"The workspace"_s, kWritten);
    }
    QString shown;
    for (const QString& name : relative.split(u'/', Qt::SkipEmptyParts)) {
        shown = shown.isEmpty() ? name : QString(shown + u'/' + name);
        const QByteArray bytes = name.toUtf8();
        Descriptor next = openBeneath(current.get(), bytes, O_RDONLY | O_DIRECTORY);
        if (!next && errno == ENOENT) {
            if (mkdirat(current.get(), bytes.constData(), 0777) != 0 && errno != EEXIST) {
                return systemError(errno, shown, u"made"_s);
            }
            fsync(current.get());
            next = openBeneath(current.get(), bytes, O_RDONLY | O_DIRECTORY);
        }
        if (!next) {
            return systemError(errno, shown, kWritten);
        }
        current = std::move(next);
    }
    return current;
}

/// A temporary file that goes away unless it was renamed.
struct Temporary
{
    int folder = -1;
    QByteArray name;
    bool there = false;
    Temporary(int in, QByteArray as) : folder(in), name(std::move(as)) {}
    Temporary(const Temporary&) = delete;
    Temporary& operator=(const Temporary&) = delete;
    ~Temporary()
    {
        if (there) {
            unlinkat(folder, name.constData(), 0);
        }
    }
};

int renameWith(int folder, const QByteArray& from, const QByteArray& to, unsigned flags)
{
    return int(syscall(SYS_renameat2, folder, from.constData(), folder, to.constData(), flags));
}

/// Has writers of ours take turns in a folder, so that none builds on what another is about to take
/// back. Advisory; whoever else writes there is noticed by the exchange.
Result<> takeTurn(int folder, const QString& shown)
{
    for (int attempt = 0; flock(folder, LOCK_EX | LOCK_NB) != 0; ++attempt) {
        if (errno != EWOULDBLOCK && errno != EINTR) {
            return {}; // a file system without locks
        }
        if (attempt == 2000) { // something in the workspace may hold it for ever
            return fail(ErrorCode::Locked,
                        u"Another program keeps the folder of %1 locked."_s.arg(shown));
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return {};
}

/// Whether the entry is a regular file with this content.
bool hasDigest(int folder, const QByteArray& name, const QString& digest, const QString& shown)
{
    auto file = openRegular(folder, name, shown);
    if (!file) {
        return false;
    }
    const auto bytes = readSome(file->fd.get(), file->facts.st_size + 1, shown);
    return bytes && digestOf(*bytes) == digest;
}

} // namespace

struct Workspace::Private
{
    QString root;
    QByteArray rootBytes;
    Descriptor fd;
};

Workspace::Workspace(std::unique_ptr<Private> parts) : m(std::move(parts)) {}
Workspace::Workspace(Workspace&&) noexcept = default;
Workspace& Workspace::operator=(Workspace&&) noexcept = default;
Workspace::~Workspace() = default;

const QString& Workspace::root() const
{
    return m->root;
}

Result<Workspace> Workspace::open(const QString& root)
{
    auto parts = std::make_unique<Private>();
    parts->root = QFileInfo(root).canonicalFilePath();
    if (parts->root.isEmpty() || parts->root == "/"_L1) {
        return fail(ErrorCode::NotFound,
                    u"The agent's workspace is not there; make the folder or change it in "
                    "signalbox.yaml."_s,
                    root);
    }
    parts->rootBytes = parts->root.toUtf8();
    parts->fd = Descriptor(::open(parts->rootBytes.constData(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!parts->fd) {
        return fail(ErrorCode::NotFound,
                    u"The agent's workspace is no folder that can be entered."_s,
                    root);
    }
    return Workspace(std::move(parts));
}

Result<Place> Workspace::resolve(const QString& given, LastLink lastLink) const
{
    const auto unusable = [](const QString& why) {
        return fail(ErrorCode::InvalidInput, u"The path cannot be used: "_s + why);
    };
    if (given.isEmpty()) {
        return unusable(u"it is empty."_s);
    }
    if (!given.isValidUtf16()) {
        return unusable(u"it is no valid text."_s);
    }
    for (const QChar c : given) {
        // Bidirectional marks would make a path read differently from what it is.
        const bool bidirectional = (c >= QChar(0x202a) && c <= QChar(0x202e)) ||
                                   (c >= QChar(0x2066) && c <= QChar(0x2069));
        if (c < u' ' || c == QChar(0x7f) || bidirectional) {
            return unusable(u"it holds a control character."_s);
        }
    }
    QByteArray path = given.toUtf8();
    if (path.size() >= PATH_MAX) {
        return unusable(u"it is longer than %1 bytes."_s.arg(PATH_MAX - 1));
    }
    if (given == "~"_L1 || given.startsWith("~/"_L1)) {
        path = QDir::homePath().toUtf8() + path.mid(1);
    } else if (path.startsWith('~') && path.size() > 1) {
        // Another user's home, as a shell would read it. A file with such a name can be given as
        // ./~name.
        return Place{given, {}, true};
    }

    // The kernel's own walk, in slow motion: `current` never holds a link, `rest` is still to go,
    // last part first.
    QByteArray current = path.startsWith('/') ? QByteArray() : m->rootBytes;
    QList<QByteArray> rest = path.split('/');
    std::ranges::reverse(rest);
    const auto isLast = [&rest] {
        return std::ranges::all_of(
            rest, [](const QByteArray& part) { return part.isEmpty() || part == "."; });
    };
    int links = 0;
    bool absent = false; // from here on nothing exists, so nothing can be a link
    while (!rest.isEmpty()) {
        const QByteArray part = rest.takeLast();
        if (part.isEmpty() || part == ".") {
            continue;
        }
        if (part == "..") {
            current.truncate(std::max<qsizetype>(0, current.lastIndexOf('/')));
            absent = false;
            continue;
        }
        if (part.size() > NAME_MAX) {
            return unusable(u"a part of it is longer than %1 bytes."_s.arg(NAME_MAX));
        }
        const QByteArray next = current + '/' + part;
        struct stat facts{};
        if (!absent && lstat(next.constData(), &facts) != 0) {
            absent = true;
        }
        if (absent || !S_ISLNK(facts.st_mode) || (lastLink == LastLink::Keep && isLast())) {
            current = next;
            continue;
        }
        QByteArray target(PATH_MAX, '\0');
        const ssize_t size = readlink(next.constData(), target.data(), size_t(target.size()));
        if (size <= 0 || ++links > 40) {
            return unusable(u"its links lead nowhere."_s);
        }
        target.truncate(size);
        if (target.startsWith('/')) {
            current.clear();
        }
        auto parts = target.split('/');
        std::ranges::reverse(parts);
        rest += parts;
    }
    if (current.size() >= PATH_MAX) {
        return unusable(u"it is longer than %1 bytes."_s.arg(PATH_MAX - 1));
    }
    Place place;
    place.absolute = current.isEmpty() ? u"/"_s : QString::fromUtf8(current);
    if (current == m->rootBytes) {
        place.relative = u"."_s;
    } else if (current.startsWith(QByteArray(m->rootBytes + '/'))) {
        place.relative = QString::fromUtf8(current.mid(m->rootBytes.size() + 1));
    } else {
        place.leavesWorkspace = true;
    }
    return place;
}

Result<std::optional<QByteArray>> Workspace::read(const QString& relative, qint64 maxBytes) const
{
    auto file = openRegular(m->fd.get(), relative.toUtf8(), relative);
    if (!file) {
        if (file.error().code == ErrorCode::NotFound) {
            return std::nullopt;
        }
        return std::unexpected(std::move(file).error());
    }
    const auto tooLarge = [&] {
        return fail(ErrorCode::InvalidInput,
                    u"%1 is larger than %2 MiB, too large for this tool."_s.arg(relative).arg(
                        maxBytes >> 20));
    };
    if (file->facts.st_size > maxBytes) {
        return tooLarge();
    }
    // One byte more than it says, since it may be growing.
    SB_TRY(QByteArray bytes, readSome(file->fd.get(), file->facts.st_size + 1, relative));
    if (bytes.size() > file->facts.st_size) {
        SB_TRY(const QByteArray more, readSome(file->fd.get(), maxBytes, relative));
        bytes += more;
        if (bytes.size() > maxBytes) {
            return tooLarge();
        }
    }
    return bytes;
}

Result<Excerpt> Workspace::readLines(const QString& relative,
                                     qint64 firstLine,
                                     qint64 maxLines,
                                     qint64 maxBytes) const
{
    SB_TRY(const OpenFile file, openRegular(m->fd.get(), relative.toUtf8(), relative));
    Excerpt excerpt;
    excerpt.size = file.facts.st_size;
    bool first = true;
    char last = '\n'; // the byte before what is read next
    for (;;) {
        SB_TRY(const QByteArray chunk, readSome(file.fd.get(), 64 << 10, relative));
        if (first && looksBinary(chunk)) {
            excerpt.binary = true;
            return excerpt;
        }
        first = false;
        if (chunk.isEmpty()) {
            if (excerpt.linesBefore < firstLine - 1 && last != '\n') {
                ++excerpt.linesBefore; // the last line has no end
            }
            break;
        }
        last = chunk.back();
        qsizetype at = 0;
        while (at < chunk.size() && excerpt.linesBefore < firstLine - 1) {
            const qsizetype end = chunk.indexOf('\n', at);
            if (end < 0) {
                at = chunk.size();
                break;
            }
            ++excerpt.linesBefore;
            at = end + 1;
        }
        excerpt.bytes += QByteArrayView(chunk).sliced(at);
        if (excerpt.bytes.size() > maxBytes || excerpt.bytes.count('\n') > maxLines) {
            break;
        }
    }
    // What was gathered may go beyond the caps; cut it at the last whole line that fits.
    qsizetype end = 0;
    while (excerpt.lines < maxLines && end < excerpt.bytes.size()) {
        qsizetype next = excerpt.bytes.indexOf('\n', end);
        next = next < 0 ? excerpt.bytes.size() : next + 1;
        if (next > maxBytes) {
            break;
        }
        end = next;
        ++excerpt.lines;
    }
    if (end == 0 && !excerpt.bytes.isEmpty() && maxLines > 0) {
        end = maxBytes;
        while (end > 0 && (uchar(excerpt.bytes.at(end)) & 0xc0) == 0x80) {
            --end; // not in the middle of a character
        }
        excerpt.lines = 1;
        excerpt.lineCut = true;
    }
    excerpt.atEnd = end == excerpt.bytes.size();
    excerpt.bytes.truncate(end);
    return excerpt;
}

Result<> Workspace::write(const QString& relative,
                          const QByteArray& bytes,
                          const QString& expectedDigest) const
{
    const qsizetype slash = relative.lastIndexOf(u'/');
    const QByteArray name = relative.mid(slash + 1).toUtf8();
    if (name.isEmpty() || name == "." || name == "..") {
        return fail(ErrorCode::InvalidInput, u"%1 is a folder, not a file."_s.arg(relative));
    }
    SB_TRY(const Descriptor folder,
           makeFolders(m->fd.get(), relative.left(std::max<qsizetype>(0, slash))));

    struct stat old{};
    const bool exists = fstatat(folder.get(), name.constData(), &old, AT_SYMLINK_NOFOLLOW) == 0;
    if (exists && !S_ISREG(old.st_mode)) {
        return fail(ErrorCode::InvalidInput,
                    u"%1 is %2, not a file."_s.arg(relative, kindWords(old.st_mode)));
    }
    if (exists == expectedDigest.isEmpty()) {
        return changed(relative);
    }
    if (exists && faccessat(folder.get(), name.constData(), W_OK, AT_EACCESS) != 0) {
        return fail(ErrorCode::Forbidden, u"%1 is read-only."_s.arg(relative));
    }

    Temporary temporary(folder.get(), ".sb-" + randomBytes(8).toHex() + ".part");
    const Descriptor file(openat(folder.get(),
                                 temporary.name.constData(),
                                 O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                                 exists ? 0600 : 0666));
    if (!file) {
        return systemError(errno, relative, kWritten);
    }
    temporary.there = true;
    if (exists) {
        // Only an administrator can give a file away; for anybody else it is theirs already.
        [[maybe_unused]] const int given = fchown(file.get(), old.st_uid, old.st_gid);
        if (fchmod(file.get(), old.st_mode & 0777) != 0) {
            return systemError(errno, relative, kWritten);
        }
    }
    SB_CHECK(writeAll(file.get(), bytes, relative));
    SB_CHECK(takeTurn(folder.get(), relative)); // until the folder is closed

    if (!exists) {
        int done = renameWith(folder.get(), temporary.name, name, RENAME_NOREPLACE);
        if (done != 0 && errno == EINVAL) { // a file system that cannot; its own way is to link
            done =
                linkat(folder.get(), temporary.name.constData(), folder.get(), name.constData(), 0);
        } else if (done == 0) {
            temporary.there = false;
        }
        if (done != 0) {
            return errno == EEXIST ? changed(relative) : systemError(errno, relative, kWritten);
        }
    } else if (!hasDigest(folder.get(), name, expectedDigest, relative)) {
        return changed(relative);
    } else if (renameWith(folder.get(), temporary.name, name, RENAME_EXCHANGE) == 0) {
        // Both have changed places in one step, so what lies aside now is exactly what was
        // replaced.
        if (!hasDigest(folder.get(), temporary.name, expectedDigest, relative)) {
            renameWith(folder.get(), temporary.name, name, RENAME_EXCHANGE);
            return changed(relative);
        }
    } else if (errno == EINVAL) { // a file system that cannot exchange
        if (renameat(folder.get(), temporary.name.constData(), folder.get(), name.constData()) !=
            0) {
            return systemError(errno, relative, kWritten);
        }
        temporary.there = false;
    } else {
        return errno == ENOENT ? changed(relative) : systemError(errno, relative, kWritten);
    }
    fsync(folder.get());
    return {};
}

Result<> Workspace::remove(const QString& relative, const QString& expectedDigest) const
{
    const qsizetype slash = relative.lastIndexOf(u'/');
    const QByteArray name = relative.mid(slash + 1).toUtf8();
    SB_TRY(const Descriptor folder,
           makeFolders(m->fd.get(), relative.left(std::max<qsizetype>(0, slash))));
    SB_CHECK(takeTurn(folder.get(), relative)); // until the folder is closed
    // Moved aside first, so that what is looked at is exactly what is removed.
    const QByteArray aside = ".sb-" + randomBytes(8).toHex() + ".part";
    if (renameWith(folder.get(), name, aside, RENAME_NOREPLACE) != 0) {
        return errno == ENOENT ? changed(relative) : systemError(errno, relative, kWritten);
    }
    if (!hasDigest(folder.get(), aside, expectedDigest, relative)) {
        renameWith(folder.get(), aside, name, RENAME_NOREPLACE);
        return changed(relative);
    }
    if (unlinkat(folder.get(), aside.constData(), 0) != 0) {
        return systemError(errno, relative, kWritten);
    }
    fsync(folder.get());
    return {};
}

Result<Listing> Workspace::list(const QString& relative, int cap) const
{
    Descriptor fd =
        openBeneath(m->fd.get(), relative.toUtf8(), O_RDONLY | O_DIRECTORY | O_NONBLOCK);
    if (!fd) {
        if (errno == ENOTDIR) {
            return fail(ErrorCode::InvalidInput, u"%1 is no folder."_s.arg(relative));
        }
        return systemError(errno, relative, kRead);
    }
    const std::unique_ptr<DIR, int (*)(DIR*)> folder(fdopendir(fd.release()), closedir);
    if (!folder) {
        return systemError(errno, relative, kRead);
    }
    Listing listing;
    constexpr qint64 kMostLookedAt = 100'000; // beyond that only counted
    while (const dirent* item = readdir(folder.get())) {
        const QByteArrayView name(item->d_name);
        if (name == "." || name == "..") {
            continue;
        }
        if (++listing.total > kMostLookedAt) {
            continue;
        }
        struct stat facts{};
        if (fstatat(dirfd(folder.get()), item->d_name, &facts, AT_SYMLINK_NOFOLLOW) != 0) {
            continue;
        }
        FolderEntry entry;
        entry.name = QString::fromUtf8(name);
        if (S_ISDIR(facts.st_mode)) {
            entry.kind = FolderEntry::Kind::Folder;
        } else if (S_ISREG(facts.st_mode)) {
            entry.size = facts.st_size;
        } else if (S_ISLNK(facts.st_mode)) {
            entry.kind = FolderEntry::Kind::Link;
            QByteArray target(PATH_MAX, '\0');
            const ssize_t size =
                readlinkat(dirfd(folder.get()), item->d_name, target.data(), size_t(target.size()));
            entry.target = QString::fromUtf8(target.left(std::max<ssize_t>(0, size)));
        } else {
            entry.kind = FolderEntry::Kind::Other;
        }
        listing.entries.append(entry);
    }
    std::ranges::sort(listing.entries, [](const FolderEntry& a, const FolderEntry& b) {
        const bool aFirst = a.kind == FolderEntry::Kind::Folder;
        const bool bFirst = b.kind == FolderEntry::Kind::Folder;
        return aFirst != bFirst ? aFirst : a.name < b.name;
    });
    if (listing.entries.size() > cap) {
        listing.entries.resize(cap);
    }
    return listing;
}

QString digestOf(QByteArrayView bytes)
{
    return QString::fromLatin1(QCryptographicHash::hash(bytes, QCryptographicHash::Sha256).toHex());
}

bool looksBinary(QByteArrayView bytes)
{
    const QByteArrayView head = bytes.first(std::min<qsizetype>(bytes.size(), 8192));
    return head.contains('\0') || head.startsWith("\xff\xfe") || head.startsWith("\xfe\xff");
}

} // namespace sb::tools
