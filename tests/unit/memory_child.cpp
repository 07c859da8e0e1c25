// Saves memories until it is killed, with an index that is live: memory_child FOLDER. It says
// "found N", how many memories its index has after a start, once every one of them was found by its
// words and by its vector; then "saved N" whenever N in all are on disk.
#include "core/journal/SigningKey.h"
#include "core/memory/HashedEmbedder.h"
#include "core/memory/Index.h"
#include "core/memory/Memories.h"

#include <QCoreApplication>
#include <unistd.h>

using namespace sb;
using namespace Qt::StringLiterals;

namespace {

void say(const QByteArray& line)
{
    if (::write(STDOUT_FILENO, line.constData(), size_t(line.size())) != line.size()) {
        std::_Exit(3);
    }
}

QString textOf(qint64 i)
{
    return u"The parcel w%1x weighs %2 kilograms."_s.arg(i).arg(i % 17);
}

} // namespace

int main(int argc, char** argv)
{
    const QCoreApplication app(argc, argv);
    const QString folder = QString::fromLocal8Bit(argv[argc - 1]);
    SystemClock clock;
    const auto key = journal::SigningKey::loadOrCreate(folder);
    auto database = store::Database::open(
        {.path = folder + u"/agent.db"_s, .migrations = u":/sql/agent"_s, .logPages = 40}, clock);
    if (!key || !database) {
        return 2;
    }
    journal::Journal::Settings settings;
    settings.agent = u"child"_s;
    settings.signingKey = key->secret;
    settings.projections.push_back(std::make_unique<memory::MemoryProjection>());
    auto log = journal::Journal::open(std::move(settings), **database, clock);
    if (!log) {
        return 2;
    }
    memory::Memories memories(**log, **database);
    Pool pool(2, u"pool"_s);
    auto index = memory::Index::open({.folder = folder + u"/index"_s,
                                      .journal = **log,
                                      .database = **database,
                                      .pool = pool,
                                      .clock = clock,
                                      .embedder = std::make_shared<memory::HashedEmbedder>()});
    if (!index || !(*index)->caughtUp().wait()) {
        return 2;
    }
    const auto all = memories.list({}, 0, 1'000'000);
    for (const auto& one : all->memories) {
        const auto words = (*index)->matching(one.content, 5);
        const auto near = (*index)->nearest(memory::HashedEmbedder::vectorOf(one.content), 5);
        const auto has = [&](const auto& found) {
            return std::ranges::contains(found, one.id, &memory::Index::Found::id);
        };
        if (!words || !has(*words) || !has(near)) {
            say("missing by " + QByteArray(words && has(*words) ? "vector " : "words ") +
                one.id.toUtf8() + ' ' + one.content.toUtf8() + '\n');
            return 5;
        }
    }
    qint64 count = qint64(all->memories.size());
    say("found " + QByteArray::number(count) + '\n');
    for (;;) {
        QList<protocol::MemoryChange> changes;
        for (int i = 0; i < 5; ++i) {
            protocol::MemoryChange save;
            save.content = textOf(count + i);
            changes.append(save);
        }
        if (!memories.change(std::move(changes), {.by = u"owner"_s}).wait()) {
            return 4;
        }
        count += 5;
        say("saved " + QByteArray::number(count) + '\n');
    }
}
