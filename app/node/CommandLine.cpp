#include "app/node/CommandLine.h"

#include <QJsonDocument>

#include <atomic>
#include <csignal>
#include <fcntl.h>
#include <unistd.h>

namespace sb::node {

namespace {

std::atomic<int> endDescriptor = -1;

void onEndSignal(int)
{
    const char byte = 1;
    (void)!::write(endDescriptor.load(), &byte, 1);
}

} // namespace

Result<> readOptions(Arguments& arguments,
                     QStringList words,
                     const QStringList& valued,
                     const QStringList& flags)
{
    // Also a complaint about what comes before it is printed as it asks for.
    const qsizetype options = words.indexOf(QStringLiteral("--"));
    arguments.json =
        arguments.json ||
        words.first(options < 0 ? words.size() : options).contains(QStringLiteral("--json"));
    while (!words.isEmpty()) {
        const QString word = words.takeFirst();
        if (word == u"--") {
            arguments.rest += words;
            break;
        }
        if (!word.startsWith(QLatin1StringView("--")) && word != u"-n" && word != u"-f") {
            arguments.rest.append(word);
            continue;
        }
        const qsizetype equals = word.indexOf(u'=');
        const QString name = equals < 0 ? word : word.left(equals);
        if (name == u"--json" && equals < 0) {
            arguments.json = true;
        } else if (flags.contains(name) && equals < 0) {
            arguments.options.insert(name, QStringLiteral("yes"));
        } else if (valued.contains(name)) {
            if (equals < 0 && words.isEmpty()) {
                return fail(ErrorCode::InvalidInput, QStringLiteral("%1 needs a value.").arg(name));
            }
            arguments.options.insert(name, equals < 0 ? words.takeFirst() : word.mid(equals + 1));
        } else {
            return fail(ErrorCode::InvalidInput,
                        QStringLiteral("There is no option \"%1\" here.").arg(word));
        }
    }
    return {};
}

void printLine(const QByteArray& line)
{
    std::fwrite(line.constData(), 1, size_t(line.size()), stdout);
    std::fputc('\n', stdout);
    std::fflush(stdout);
}

void printJson(const QJsonObject& object)
{
    printLine(QJsonDocument(object).toJson(QJsonDocument::Compact));
}

Exit complain(const Error& error, bool json)
{
    std::fprintf(stderr, "signalbox-node: %s\n", error.message.toUtf8().constData());
    if (json) {
        printJson({{QStringLiteral("error"),
                    QJsonObject{{QStringLiteral("code"), errorCodeName(error.code)},
                                {QStringLiteral("message"), error.message}}}});
    }
    // What was named and is not there is usage as well: a file, an agent, an approval.
    return error.code == ErrorCode::InvalidInput || error.code == ErrorCode::NotFound
               ? Exit::Usage
               : Exit::Failed;
}

bool hasTerminal()
{
    return ::isatty(STDIN_FILENO) == 1 && ::isatty(STDERR_FILENO) == 1;
}

EndSignal::EndSignal()
{
    (void)!::pipe2(m_pipe, O_CLOEXEC | O_NONBLOCK);
    endDescriptor = m_pipe[1];
    struct sigaction action = {};
    action.sa_handler = onEndSignal;
    action.sa_flags = SA_RESTART;
    for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
        ::sigaction(signal, &action, nullptr);
    }
    ::signal(SIGPIPE,
             SIG_IGN); // a reader that goes away is an error of that write, not of this program
}

EndSignal::~EndSignal()
{
    for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
        ::signal(signal, SIG_DFL);
    }
    endDescriptor = -1;
    ::close(m_pipe[0]);
    ::close(m_pipe[1]);
}

} // namespace sb::node
