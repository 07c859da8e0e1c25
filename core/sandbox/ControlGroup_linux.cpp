#include "core/sandbox/ControlGroup_linux.h"

#include <QFile>
#include <QFileInfo>
#include <atomic>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace sb::sandbox {

using namespace Qt::StringLiterals;

namespace {

constexpr int OurOwn = 4; ///< bubblewrap, its child, process 1 and a spare

QByteArray contentOf(const QString& path)
{
    QFile file(path);
    return file.open(QIODevice::ReadOnly) ? file.readAll() : QByteArray();
}

bool put(const QString& path, const QByteArray& value)
{
    QFile file(path);
    return file.open(QIODevice::WriteOnly | QIODevice::Unbuffered) &&
           file.write(value) == value.size();
}

// Groups below it get limits already; we never change what a session manager has set up.
bool givesLimits(const QString& folder)
{
    const auto given = contentOf(folder + u"/cgroup.subtree_control"_s).simplified().split(' ');
    return given.contains("memory") && given.contains("pids") && QFileInfo(folder).isWritable() &&
           QFileInfo(folder + u"/cgroup.procs"_s).isWritable();
}

} // namespace

std::optional<QString> controlGroupParent(const QString& mount, const QByteArray& own)
{
    if (!QFile::exists(mount + u"/cgroup.controllers"_s)) {
        return std::nullopt; // not the unified hierarchy
    }
    const auto lines = own.split('\n');
    for (const auto& line : lines) {
        if (!line.startsWith("0::/")) {
            continue;
        }
        const QString path = QFile::decodeName(line.mid(3));
        if (path.contains(u"/.."_s)) {
            return std::nullopt; // outside of what this namespace shows
        }
        const QString group = path == u"/"_s ? mount : mount + path;
        if (group != mount && givesLimits(QFileInfo(group).path())) {
            return QFileInfo(group).path();
        }
        return givesLimits(group) ? std::optional(group) : std::nullopt;
    }
    return std::nullopt;
}

QList<ControlGroupFile> controlGroupFiles(const Limits& limits, int processors)
{
    // One processor is left to the person before the screen.
    const int most = std::max(1, processors - 1);
    return {
        {u"memory.max"_s, QByteArray::number(limits.totalMemoryBytes), true},
        {u"memory.swap.max"_s, "0", false},
        {u"memory.oom.group"_s, "1", false},
        {u"pids.max"_s, QByteArray::number(limits.processes + OurOwn), true},
        {u"cpu.max"_s, QByteArray::number(most * 100'000) + " 100000", false},
    };
}

std::unique_ptr<ControlGroup> ControlGroup::make(const QString& parent, const Limits& limits)
{
    static std::atomic<quint64> next = 1;
    const QString path =
        QString(parent % u"/signalbox-%1-%2"_s.arg(::getpid()).arg(next.fetch_add(1)));
    if (::mkdir(QFile::encodeName(path).constData(), 0700) != 0) {
        return nullptr;
    }
    std::unique_ptr<ControlGroup> group(new ControlGroup(path));
    const auto files = controlGroupFiles(limits, int(::sysconf(_SC_NPROCESSORS_ONLN)));
    for (const auto& file : files) {
        if (!put(QString(path % u'/' % file.name), file.value) && file.needed) {
            return nullptr;
        }
    }
    return group->m_folder ? std::move(group) : nullptr;
}

ControlGroup::ControlGroup(QString path)
    : m_path(std::move(path))
    , m_folder(::open(QFile::encodeName(m_path).constData(), O_RDONLY | O_DIRECTORY | O_CLOEXEC))
{
}

ControlGroup::~ControlGroup()
{
    m_folder.reset();
    (void)::rmdir(QFile::encodeName(m_path).constData());
}

bool ControlGroup::memoryExceeded() const
{
    const auto lines = contentOf(m_path + u"/memory.events"_s).split('\n');
    return std::ranges::any_of(lines, [](const QByteArray& line) {
        return line.startsWith("oom_kill ") && line.mid(9).toLongLong() > 0;
    });
}

} // namespace sb::sandbox
