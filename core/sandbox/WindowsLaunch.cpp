#include "core/sandbox/WindowsLaunch.h"
#include <limits>

namespace sb::sandbox {

using namespace Qt::StringLiterals;

namespace {

constexpr qsizetype LongestCommandLine = 32'766;
// HANDLES, READCLIPBOARD, WRITECLIPBOARD, SYSTEMPARAMETERS, DISPLAYSETTINGS, GLOBALATOMS, DESKTOP,
// EXITWINDOWS.
constexpr quint32 AllUserInterface = 0xff;

bool isBatch(const QString& program)
{
    // Windows drops dots and blanks at the end of a name before it looks.
    QString name = program;
    while (name.endsWith(u'.') || name.endsWith(u' ')) {
        name.chop(1);
    }
    return name.endsWith(u".bat"_s, Qt::CaseInsensitive) ||
           name.endsWith(u".cmd"_s, Qt::CaseInsensitive);
}

quint32 milliseconds(Milliseconds time)
{
    return quint32(std::min<qint64>(time.count(), std::numeric_limits<qint32>::max()));
}

// What a program on Windows cannot start without, in the place of what the plan says for others.
QStringList environmentOf(const LaunchPlan& plan, const WindowsHost& host)
{
    auto variables = plan.environment;
    for (const auto& name : {u"HOME"_s, u"SHELL"_s, u"TERM"_s, u"TMPDIR"_s, u"PATH"_s}) {
        variables.remove(name);
    }
    variables[u"SystemRoot"_s] = host.systemRoot;
    variables[u"PATH"_s] = QString(host.systemRoot % u"\\System32;"_s % host.systemRoot);
    variables[u"PATHEXT"_s] = u".COM;.EXE"_s;
    variables[u"ComSpec"_s] = host.systemRoot + u"\\System32\\cmd.exe"_s;
    variables[u"USERPROFILE"_s] = plan.workspace;
    variables[u"TEMP"_s] = host.temporary;
    variables[u"TMP"_s] = host.temporary;
    QStringList lines;
    for (const auto& [name, value] : variables.asKeyValueRange()) {
        lines << QString(name % u'=' % value);
    }
    // CreateProcess wants them so.
    std::ranges::sort(lines, [](const QString& a, const QString& b) {
        return a.section(u'=', 0, 0).compare(b.section(u'=', 0, 0), Qt::CaseInsensitive) < 0;
    });
    return lines;
}

} // namespace

QString windowsQuoted(const QString& argument)
{
    const bool plain = !argument.isEmpty() && std::ranges::none_of(argument, [](QChar c) {
        return c == u' ' || c == u'\t' || c == u'\n' || c == u'\v' || c == u'"';
    });
    if (plain) {
        return argument;
    }
    // Backslashes count only where a quotation mark follows them: there each is doubled.
    QString text = u"\""_s;
    qsizetype backslashes = 0;
    for (const QChar c : argument) {
        if (c == u'\\') {
            ++backslashes;
            continue;
        }
        text += QString(c == u'"' ? 2 * backslashes + 1 : backslashes, u'\\');
        text += c;
        backslashes = 0;
    }
    text += QString(2 * backslashes, u'\\');
    return text + u'"';
}

Result<WindowsLaunch> windowsLaunch(const LaunchPlan& plan, const WindowsHost& host)
{
    const auto holdsNul = [](const QString& text) { return text.contains(QChar(u'\0')); };
    if (plan.argv.isEmpty() || plan.argv.first().isEmpty()) {
        return fail(ErrorCode::InvalidInput, u"There is no command to run."_s);
    }
    if (std::ranges::any_of(plan.argv, holdsNul)) {
        return fail(ErrorCode::InvalidInput,
                    u"An argument of the command contains a NUL character."_s);
    }
    // The program's own word is read by simpler rules, in which nothing escapes a quotation mark.
    if (isBatch(plan.argv.first()) || plan.argv.first().contains(u'"')) {
        return fail(ErrorCode::InvalidInput,
                    u"“%1” cannot be started on Windows with exactly these arguments."_s.arg(
                        plan.argv.first()));
    }
    if (plan.network) {
        return fail(
            ErrorCode::Unsupported,
            u"On Windows a command cannot be given the proxy alone, so it gets no network."_s);
    }
    QStringList words;
    for (const auto& argument : plan.argv) {
        words << windowsQuoted(argument);
    }
    WindowsLaunch launch;
    launch.commandLine = words.join(u' ');
    if (launch.commandLine.size() > LongestCommandLine) {
        return fail(ErrorCode::InvalidInput,
                    u"The command is longer than Windows takes: 32,766 characters."_s);
    }
    launch.container = host.container;
    launch.folder = plan.cwd;
    launch.environment = environmentOf(plan, host);
    (plan.workspaceReadOnly ? launch.readable : launch.writable) << plan.workspace;
    launch.writable << host.temporary;
    const auto& limits = plan.limits;
    launch.processMemoryBytes = quint64(limits.memoryBytes);
    launch.jobMemoryBytes = quint64(limits.totalMemoryBytes);
    launch.processes = quint32(limits.processes);
    launch.cpuHundredNs = launch.jobCpuHundredNs = quint64(limits.cpuSeconds) * 10'000'000;
    launch.wallMs = milliseconds(limits.wall);
    launch.uiRestrictions = AllUserInterface;
    return launch;
}

QByteArray windowsParameters(const WindowsLaunch& launch)
{
    QStringList words;
    const auto add = [&](const char* key, const QString& value) {
        words << QString(QLatin1StringView(key) % u'=' % value);
    };
    const auto addAll = [&](const char* key, const QStringList& values) {
        for (const auto& value : values) {
            add(key, value);
        }
    };
    add("container", launch.container);
    addAll("capability", launch.capabilities);
    add("less_privileged", QString::number(int(launch.lessPrivileged)));
    add("command", launch.commandLine);
    add("folder", launch.folder);
    addAll("environment", launch.environment);
    addAll("writable", launch.writable);
    addAll("readable", launch.readable);
    add("process_memory", QString::number(launch.processMemoryBytes));
    add("job_memory", QString::number(launch.jobMemoryBytes));
    add("processes", QString::number(launch.processes));
    add("cpu", QString::number(launch.cpuHundredNs));
    add("job_cpu", QString::number(launch.jobCpuHundredNs));
    add("wall", QString::number(launch.wallMs));
    add("ui", QString::number(launch.uiRestrictions));
    QByteArray bytes;
    const auto append = [&](QChar c) {
        bytes += char(c.unicode() & 0xff);
        bytes += char(c.unicode() >> 8);
    };
    for (const auto& word : std::as_const(words)) {
        std::ranges::for_each(word, append);
        append(QChar(u'\0'));
    }
    append(QChar(u'\0'));
    return bytes;
}

} // namespace sb::sandbox
