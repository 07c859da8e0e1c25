// Appends to a journal until it is killed, and says on standard output what was acknowledged:
// journal_child FOLDER. Lines are "SEQ HASH" for an entry, "pair SEQ" for two that were appended
// together.
#include "core/journal/Journal.h"
#include "core/journal/SigningKey.h"

#include <QCoreApplication>
#include <thread>
#include <unistd.h>

using namespace sb;

namespace {

void say(const QByteArray& line)
{
    // One write a line, so that lines of several threads do not mix, and none is half there.
    if (::write(STDOUT_FILENO, line.constData(), size_t(line.size())) != line.size()) {
        std::_Exit(3);
    }
}

journal::NewEntry numbered(int i)
{
    return {.kind = protocol::Kind::ToolResult, .payload = {{QStringLiteral("i"), i}}};
}

} // namespace

int main(int argc, char** argv)
{
    const QCoreApplication app(argc, argv);
    const QString folder = QString::fromLocal8Bit(argv[argc - 1]);
    SystemClock clock;
    const auto key = journal::SigningKey::loadOrCreate(folder);
    auto database = store::Database::open({.path = folder + QStringLiteral("/agent.db"),
                                           .migrations = QStringLiteral(":/sql/agent"),
                                           .logPages = 40},
                                          clock);
    if (!key || !database) {
        return 2;
    }
    journal::Journal::Settings settings;
    settings.agent = QStringLiteral("child");
    settings.signingKey = key->secret;
    settings.headEvery = 20;
    auto opened = journal::Journal::open(std::move(settings), **database, clock);
    if (!opened) {
        say("open " + opened.error().message.toUtf8() + '\n');
        return 2;
    }
    auto& log = **opened;
    std::vector<std::thread> threads;
    for (int t = 0; t < 3; ++t) {
        threads.emplace_back([&log] {
            for (int i = 0;; ++i) {
                const auto entry = log.append(numbered(i)).wait();
                if (!entry) {
                    std::_Exit(4);
                }
                say(QByteArray::number(entry->seq) + ' ' + entry->hash.toHex() + '\n');
            }
        });
    }
    for (;;) {
        const auto pair = log.transact([](journal::Transaction& transaction) -> Result<qint64> {
                                 SB_TRY(auto first, transaction.append(numbered(-1)));
                                 auto second = numbered(-2);
                                 second.cause = QString::number(first.seq);
                                 SB_CHECK(transaction.append(std::move(second)));
                                 return first.seq;
                             })
                              .wait();
        if (!pair) {
            return 4;
        }
        say("pair " + QByteArray::number(*pair) + '\n');
    }
}
