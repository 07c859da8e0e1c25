#include "core/secrets/KeyCommand.h"

#include "core/secrets/KeyFile.h"
#include "core/secrets/Locked.h"

#include <QElapsedTimer>
#include <QFile>
#include <QFileInfo>
#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace Qt::StringLiterals;

extern char** environ; // NOLINT(readability-redundant-declaration): POSIX has programs declare it

namespace sb::secrets {

namespace {

constexpr qsizetype mostBytes = 65536;
// Kept beyond what a key may have only to see that it is too much.
constexpr qsizetype chunkBytes = 4096;

// A program that is running, and the end of its output. Leaving kills what is left of its session.
class Child
{
public:
    Child(pid_t pid, int output) : m_pid(pid), m_output(output) {}
    ~Child()
    {
        ::close(m_output);
        if (m_pid > 0) {
            end();
        }
    }
    Child(const Child&) = delete;
    Child& operator=(const Child&) = delete;

    [[nodiscard]] int output() const { return m_output; }
    /// Kills the group, and says how the program itself ended.
    int end()
    {
        ::kill(-m_pid, SIGKILL);
        return wait();
    }
    int wait()
    {
        int status = 0;
        while (::waitpid(m_pid, &status, 0) < 0 && errno == EINTR) {
        }
        m_pid = -1;
        return status;
    }
    /// Nothing while it still runs.
    std::optional<int> ended()
    {
        siginfo_t info = {};
        if (::waitid(P_PID, id_t(m_pid), &info, WEXITED | WNOHANG | WNOWAIT) != 0 ||
            info.si_pid != m_pid) {
            return std::nullopt;
        }
        return end(); // with those that it left behind; its number is not given away before
    }

private:
    pid_t m_pid;
    int m_output;
};

Result<QString> findProgram(const QString& name)
{
    if (name.contains(u'/')) {
        if (!name.startsWith(u'/')) {
            return fail(ErrorCode::InvalidInput,
                        u"exec: needs the whole path of the program, or its name alone."_s);
        }
        if (QFileInfo(name).isFile() && QFileInfo(name).isExecutable()) {
            return name;
        }
    } else {
        for (const char* folder : {"/usr/local/bin/", "/usr/bin/", "/bin/"}) {
            const QString path = QString::fromLatin1(folder) + name;
            if (QFileInfo(path).isFile() && QFileInfo(path).isExecutable()) {
                return path;
            }
        }
    }
    return fail(ErrorCode::NotFound,
                u"The program %1, which gives a key, is not there or cannot be run."_s.arg(name));
}

Result<std::unique_ptr<Child>> start(const QString& program, const QStringList& words)
{
    int ends[2] = {-1, -1};
    if (::pipe2(ends, O_CLOEXEC) != 0) {
        return fail(ErrorCode::Unavailable, u"There is no pipe to read a key from."_s);
    }
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    // What it complains of may hold what it was asked for.
    if (defended("secrets.exec-complaints")) {
        posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    }
    posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1);
    posix_spawn_file_actions_addchdir_np(&actions, "/");
    posix_spawnattr_t attributes;
    posix_spawnattr_init(&attributes);
    sigset_t none;
    sigset_t all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    // A session of its own: it has no terminal to ask at, and ends as one group.
    posix_spawnattr_setflags(&attributes,
                             POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSID);

    QList<QByteArray> texts;
    for (const QString& word : words) {
        texts.append(QFile::encodeName(word));
    }
    QList<QByteArray> variables = commandEnvironment();
    std::vector<char*> argv;
    std::vector<char*> environment;
    for (QByteArray& text : texts) {
        argv.push_back(text.data());
    }
    argv.push_back(nullptr);
    for (QByteArray& variable : variables) {
        environment.push_back(variable.data());
    }
    environment.push_back(nullptr);
    pid_t pid = -1;
    const int error =
        ::posix_spawn(&pid,
                      QFile::encodeName(program).constData(),
                      &actions,
                      &attributes,
                      argv.data(),
                      defended("secrets.exec-environment") ? environment.data() : environ);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    ::close(ends[1]);
    if (error != 0) {
        ::close(ends[0]);
        return fail(ErrorCode::Unavailable,
                    u"The program %1, which gives a key, does not start (%2)."_s.arg(
                        program, qt_error_string(error)));
    }
    return std::make_unique<Child>(pid, ends[0]);
}

} // namespace

QList<QByteArray> commandEnvironment()
{
    QList<QByteArray> variables{"PATH=/usr/local/bin:/usr/bin:/bin", "LANG=C.UTF-8"};
    for (const char* name : {"HOME",
                             "USER",
                             "LOGNAME",
                             "XDG_RUNTIME_DIR",
                             "XDG_CONFIG_HOME",
                             "XDG_DATA_HOME",
                             "DBUS_SESSION_BUS_ADDRESS",
                             "DISPLAY",
                             "WAYLAND_DISPLAY",
                             "XAUTHORITY",
                             "GNUPGHOME",
                             "PASSWORD_STORE_DIR"}) {
        if (const QByteArray value = qgetenv(name); !value.isEmpty()) {
            variables.append(QByteArray(name) + '=' + value);
        }
    }
    return variables;
}

Result<QStringList> commandWords(const QString& line)
{
    if (!defended("secrets.exec-no-shell")) {
        return QStringList{u"/bin/sh"_s, u"-c"_s, line};
    }
    QStringList words;
    QString word;
    bool inWord = false;
    QChar quote;
    for (const QChar c : line) {
        if (!quote.isNull()) {
            if (c == quote) {
                quote = QChar();
            } else {
                word += c;
            }
        } else if (c == u'"' || c == u'\'') {
            quote = c;
            inWord = true;
        } else if (c == u' ' || c == u'\t') {
            if (inWord) {
                words.append(std::exchange(word, {}));
            }
            inWord = false;
        } else {
            word += c;
            inWord = true;
        }
    }
    if (!quote.isNull()) {
        return fail(ErrorCode::InvalidInput,
                    u"The command after exec: has a quotation mark that is not closed."_s);
    }
    if (inWord) {
        words.append(word);
    }
    if (words.isEmpty() || words.first().isEmpty() || line.contains(QChar(u'\0'))) {
        return fail(ErrorCode::InvalidInput,
                    u"After exec: a program and its arguments must follow."_s);
    }
    return words;
}

Result<SecretString> runKeyCommand(const QString& line, Milliseconds patience)
{
    SB_TRY(const QStringList words, commandWords(line));
    SB_TRY(const QString program, findProgram(words.first()));
    SB_CHECK(checkProgram(program));
    SB_TRY(const auto child, start(program, words));

    const auto most = defended("secrets.exec-output") ? mostBytes : qsizetype(1) << 30;
    const auto wait = defended("secrets.exec-time") ? patience : Milliseconds(60'000);
    const auto late = [&] {
        return fail(ErrorCode::Timeout,
                    u"The program %1, which gives a key, did not end within %2 s."_s.arg(
                        program, QString::number(double(wait.count()) / 1000.0)));
    };
    QElapsedTimer timer;
    timer.start();
    QByteArray chunk(chunkBytes, '\0');
    QByteArray value;
    value.reserve(mostBytes + chunkBytes); // growing would leave copies behind
    const auto refuse = [&](std::unexpected<Error> error) {
        wipe(chunk);
        wipe(value);
        return error;
    };
    for (;;) {
        const auto left = int(std::max<qint64>(0, wait.count() - timer.elapsed()));
        pollfd waiting{child->output(), POLLIN, 0};
        const int ready = ::poll(&waiting, 1, left);
        if (ready < 0 && errno == EINTR) {
            continue;
        }
        if (ready <= 0) {
            return refuse(late());
        }
        const auto got = ::read(child->output(), chunk.data(), size_t(chunk.size()));
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            break;
        }
        value.append(chunk.constData(), got);
        if (value.size() > most) {
            return refuse(fail(
                ErrorCode::InvalidInput,
                u"The program %1, which gives a key, printed more than 64 KiB."_s.arg(program)));
        }
    }
    wipe(chunk);
    // It closed its output; the rest of its time is for ending.
    std::optional<int> status;
    while (!(status = child->ended())) {
        if (timer.elapsed() >= wait.count()) {
            return refuse(late());
        }
        ::poll(nullptr, 0, 1);
    }
    if (!WIFEXITED(*status) || WEXITSTATUS(*status) != 0) {
        return refuse(fail(ErrorCode::Unavailable,
                           WIFEXITED(*status)
                               ? u"The program %1, which gives a key, failed with exit %2."_s.arg(
                                     program, QString::number(WEXITSTATUS(*status)))
                               : u"The program %1, which gives a key, was killed."_s.arg(program)));
    }
    if (value.endsWith('\n')) {
        value.chop(value.endsWith("\r\n") ? 2 : 1);
    }
    if (value.isEmpty()) {
        return refuse(fail(ErrorCode::InvalidInput,
                           u"The program %1, which gives a key, printed nothing."_s.arg(program)));
    }
    return SecretString(std::move(value));
}

} // namespace sb::secrets
