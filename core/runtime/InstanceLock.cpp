#include "core/runtime/InstanceLock.h"

#include <QFile>

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

namespace sb::runtime {

namespace {

InstanceLock::Owner readOwner(int descriptor)
{
    char bytes[256] = {};
    const ssize_t size = ::pread(descriptor, bytes, sizeof bytes - 1, 0);
    const auto parts = QString::fromUtf8(bytes, std::max<ssize_t>(size, 0)).split(u' ');
    return {parts.value(0).toLongLong(), parts.value(1).trimmed()};
}

} // namespace

Result<InstanceLock> InstanceLock::acquire(const QString& path, const QString& role)
{
    const int descriptor =
        ::open(QFile::encodeName(path).constData(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (descriptor < 0) {
        return fail(ErrorCode::Io,
                    QStringLiteral("The lock %1 cannot be opened: %2.")
                        .arg(path, QString::fromLocal8Bit(std::strerror(errno))),
                    path);
    }
    InstanceLock lock(descriptor);
    if (::flock(descriptor, LOCK_EX | LOCK_NB) != 0) {
        const Owner owner = readOwner(descriptor);
        return fail(ErrorCode::Conflict,
                    QStringLiteral("Signalbox is already running on this home (%1, pid %2).")
                        .arg(owner.role.isEmpty() ? QStringLiteral("starting") : owner.role)
                        .arg(owner.pid),
                    path);
    }
    const QByteArray text = QByteArray::number(qint64(::getpid())) + ' ' + role.toUtf8() + '\n';
    if (::ftruncate(descriptor, 0) != 0 ||
        ::pwrite(descriptor, text.constData(), size_t(text.size()), 0) < 0) {
        return fail(ErrorCode::Io,
                    QStringLiteral("The lock %1 cannot be written: %2.")
                        .arg(path, QString::fromLocal8Bit(std::strerror(errno))),
                    path);
    }
    return lock;
}

InstanceLock::Owner InstanceLock::owner(const QString& path)
{
    const int descriptor = ::open(QFile::encodeName(path).constData(), O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) {
        return {};
    }
    const bool isFree = ::flock(descriptor, LOCK_SH | LOCK_NB) == 0;
    const Owner owner = isFree ? Owner{} : readOwner(descriptor);
    ::close(descriptor);
    return owner;
}

InstanceLock::InstanceLock(InstanceLock&& other) noexcept
    : m_descriptor(std::exchange(other.m_descriptor, -1))
{
}

InstanceLock& InstanceLock::operator=(InstanceLock&& other) noexcept
{
    std::swap(m_descriptor, other.m_descriptor);
    return *this;
}

InstanceLock::~InstanceLock()
{
    if (m_descriptor >= 0) {
        ::close(m_descriptor);
    }
}

} // namespace sb::runtime
