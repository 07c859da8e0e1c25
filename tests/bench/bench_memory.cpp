// Measures recall: bench_memory [MEMORIES]. Prints one JSON line a figure. The vectors are clusters
// with noise around them, as those of real texts are. bench_memory --reopen FOLDER MEMORIES is the
// process that it starts to see what a warm start takes.
#include "core/journal/SigningKey.h"
#include "core/memory/HashedEmbedder.h"
#include "core/memory/Recall.h"
#include "tests/unit/MemoryTexts.h"

#include <QCoreApplication>
#include <QDir>
#include <QElapsedTimer>
#include <QFile>
#include <QJsonDocument>
#include <QProcess>
#include <QTemporaryDir>
#include <cmath>
#include <cstdio>
#include <map>
#include <numeric>
#include <random>

using namespace Qt::StringLiterals;
using namespace sb;
using memory::Index;

namespace {

constexpr int dimension = 384;
constexpr int middlesOfAll = 200;
constexpr int questions = 200;
constexpr int perEntry = 100; // memories that are saved together, as an ingestion does

void print(const char* bench, double value, const char* unit, QJsonObject more = {})
{
    more.insert(u"bench"_s, QLatin1StringView(bench));
    more.insert(u"value"_s, std::round(value * 10000) / 10000);
    more.insert(u"unit"_s, QLatin1StringView(unit));
    std::puts(QJsonDocument(more).toJson(QJsonDocument::Compact).constData());
    std::fflush(stdout);
}

[[noreturn]] void giveUp(const QString& why)
{
    std::fputs(qPrintable(why + u'\n'), stderr);
    std::exit(1);
}

template <class T>
T must(Result<T> result)
{
    if (!result) {
        giveUp(result.error().message + u" "_s + result.error().context);
    }
    if constexpr (!std::is_void_v<T>) {
        return std::move(*result);
    }
}

using Vector = std::vector<float>;

/// Unit vectors around a few hundred middles; questions come from the same middles.
struct Clusters
{
    std::vector<Vector> base;
    std::vector<Vector> asked;

    explicit Clusters(int count)
    {
        std::mt19937 random(7);
        std::normal_distribution<float> normal;
        std::vector<Vector> middles(middlesOfAll, Vector(dimension));
        for (Vector& middle : middles) {
            std::ranges::generate(middle, [&] { return normal(random); });
        }
        const auto near = [&] {
            Vector vector = middles[random() % middlesOfAll];
            double sum = 0;
            for (float& x : vector) {
                x += 0.9F * normal(random);
                sum += double(x) * double(x);
            }
            for (float& x : vector) {
                x /= float(std::sqrt(sum));
            }
            return vector;
        };
        base.resize(size_t(count));
        asked.resize(questions);
        std::ranges::generate(base, near);
        std::ranges::generate(asked, near);
    }
    /// The true ten nearest of each question.
    [[nodiscard]] std::vector<std::vector<int>> truth() const
    {
        std::vector<std::vector<int>> all;
        for (const Vector& question : asked) {
            std::vector<std::pair<float, int>> order;
            for (size_t i = 0; i < base.size(); ++i) {
                order.emplace_back(
                    -std::inner_product(question.begin(), question.end(), base[i].begin(), 0.0F),
                    int(i));
            }
            std::ranges::partial_sort(order, order.begin() + 10);
            auto& best = all.emplace_back();
            for (int k = 0; k < 10; ++k) {
                best.push_back(order[size_t(k)].second);
            }
        }
        return all;
    }
};

/// The vector of a text is the one whose number stands in front of it: "m123 …", "q7 …".
class NumberedEmbedder final : public memory::Embedder
{
public:
    explicit NumberedEmbedder(int count) : m_clusters(count) {}
    [[nodiscard]] QString name() const override { return u"clusters"_s; }
    [[nodiscard]] bool isImmediate() const override { return true; }
    Future<std::vector<Vector>> embed(QStringList texts) override
    {
        std::vector<Vector> vectors;
        for (const QString& text : texts) {
            const auto number = size_t(QStringView(text).sliced(1, text.indexOf(u' ') - 1).toInt());
            vectors.push_back(text.startsWith(u'q') ? m_clusters.asked[number]
                                                    : m_clusters.base[number]);
        }
        return Future<std::vector<Vector>>::ready(std::move(vectors));
    }
    [[nodiscard]] const Clusters& clusters() const { return m_clusters; }

private:
    Clusters m_clusters;
};

/// Words as texts have them: a few very often, most of them seldom.
class Speech
{
public:
    explicit Speech(unsigned seed) : m_random(seed)
    {
        double sum = 0;
        for (int i = 0; i < 40'000; ++i) {
            m_sums.push_back(sum += 1.0 / (i + 2));
        }
    }
    QString words(int count)
    {
        QStringList all;
        std::uniform_real_distribution<double> anywhere(0, m_sums.back());
        for (int i = 0; i < count; ++i) {
            auto number = std::ranges::lower_bound(m_sums, anywhere(m_random)) - m_sums.begin();
            QString word;
            for (number += 30; number > 0; number /= 17) {
                word += QChar(u"bcdfghjklmnprstvz"_s[number % 17]);
                word += QChar(u"aeiou"_s[number % 5]);
            }
            all.append(word);
        }
        return all.join(u' ');
    }

private:
    std::mt19937 m_random;
    std::vector<double> m_sums;
};

/// An agent's memories in a folder, as a runtime has them.
struct Agent
{
    Agent(const QString& folder, std::shared_ptr<memory::Embedder> made) : embedder(std::move(made))
    {
        key = must(journal::SigningKey::loadOrCreate(folder));
        database = must(store::Database::open(
            {.path = folder + u"/agent.db"_s, .migrations = u":/sql/agent"_s}, clock));
        journal::Journal::Settings settings;
        settings.agent = u"bench"_s;
        settings.signingKey = key.secret;
        settings.projections.push_back(std::make_unique<memory::MemoryProjection>());
        journal = must(journal::Journal::open(std::move(settings), *database, clock));
        memories = std::make_unique<memory::Memories>(*journal, *database);
        QElapsedTimer timer;
        timer.start();
        index = must(Index::open({.folder = folder + u"/index"_s,
                                  .journal = *journal,
                                  .database = *database,
                                  .pool = pool,
                                  .clock = clock,
                                  .embedder = embedder}));
        openedMs = double(timer.nsecsElapsed()) / 1e6;
        recall = std::make_unique<memory::Recall>(*memories, *index, clock, pool);
    }
    ~Agent()
    {
        recall.reset();
        index.reset();
    }
    protocol::SearchMemory::Reply search(const QString& words, int limit = 10)
    {
        return must(recall->search(words, limit, {}).wait());
    }

    std::shared_ptr<memory::Embedder> embedder;
    SystemClock clock;
    journal::SigningKey key;
    std::unique_ptr<store::Database> database;
    std::unique_ptr<journal::Journal> journal;
    std::unique_ptr<memory::Memories> memories;
    Pool pool{2, u"pool"_s};
    std::unique_ptr<Index> index;
    std::unique_ptr<memory::Recall> recall;
    double openedMs = 0;
};

QString idOf(qsizetype i)
{
    return u"mem-"_s + QString::number(i, 36).rightJustified(10, u'0');
}

void insert(Agent& agent, int from, int count, Speech& speech)
{
    std::vector<Future<protocol::MemoryChanged>> waiting;
    for (int i = from; i < from + count;) {
        QList<protocol::MemoryChange> changes;
        for (int k = 0; k < perEntry && i < from + count; ++k, ++i) {
            protocol::MemoryChange save;
            save.id = idOf(i);
            save.content = u"m%1 "_s.arg(i) + speech.words(14);
            save.type = protocol::MemoryType(i % 9);
            changes.append(save);
            if (k > 0 && i % 4 == 0) {
                protocol::MemoryChange link;
                link.op = protocol::MemoryOp::Link;
                link.from = idOf(i);
                link.to = idOf(i - 1);
                changes.append(link);
            }
        }
        waiting.push_back(agent.memories->change(std::move(changes), {.by = u"owner"_s}));
    }
    for (auto& one : waiting) {
        must(std::move(one).wait());
    }
}

double proportionalKb()
{
    QFile file(u"/proc/self/smaps_rollup"_s);
    if (!file.open(QIODevice::ReadOnly)) {
        return 0;
    }
    for (const QByteArray& line : file.readAll().split('\n')) {
        if (line.startsWith("Pss:")) {
            return line.mid(4).trimmed().split(' ').first().toDouble();
        }
    }
    return 0;
}

void printTimes(const char* bench, std::vector<double> times, QJsonObject more = {})
{
    std::ranges::sort(times);
    more.insert(u"p99"_s, times[times.size() * 99 / 100]);
    print(bench, times[times.size() / 2], "ms", more);
}

/// The right ones among the ten of the index.
double
share(const Clusters& clusters, const Index& index, const std::vector<std::vector<int>>& truth)
{
    int right = 0;
    for (size_t q = 0; q < truth.size(); ++q) {
        for (const auto& found : index.nearest(clusters.asked[q], 10)) {
            right +=
                std::ranges::contains(truth[q], found.id, [](int i) { return idOf(i); }) ? 1 : 0;
        }
    }
    return double(right) / (10.0 * double(truth.size()));
}

void searchTimes(Agent& agent, const char* bench)
{
    Speech speech(99);
    std::vector<double> times;
    std::map<QString, int> ways;
    for (int round = 0; round < 5; ++round) {
        for (int q = 0; q < questions; ++q) {
            const QString words = u"q%1 "_s.arg(q) + speech.words(7);
            QElapsedTimer timer;
            timer.start();
            const auto reply = agent.search(words);
            times.push_back(double(timer.nsecsElapsed()) / 1e6);
            for (const auto& hit : reply.hits) {
                for (const auto& reason : hit.reasons) {
                    ++ways[reason.way];
                }
            }
        }
    }
    QJsonObject more;
    for (const auto& [way, count] : ways) {
        more.insert(u"by_"_s + way, count);
    }
    printTimes(bench, std::move(times), more);
}

// A process that has nothing else: what a warm start takes, in time and memory.
int reopen(const QString& folder, int count)
{
    const auto embedder = std::make_shared<NumberedEmbedder>(questions);
    const double before = proportionalKb();
    QElapsedTimer timer;
    {
        Agent agent(folder, embedder);
        timer.start();
        const auto near = agent.index->nearest(embedder->clusters().asked[0], 10);
        print("memory.reopen",
              agent.openedMs + double(timer.nsecsElapsed()) / 1e6,
              "ms",
              {{u"memories"_s, count}, {u"found"_s, qint64(near.size())}});
        must(agent.index->caughtUp().wait());
        searchTimes(agent, "memory.recall.after_reopen");
        print("memory.pss",
              (proportionalKb() - before) / 1024,
              "MiB",
              {{u"memories"_s, count}, {u"waiting"_s, agent.index->info().waiting}});
    }
    return 0;
}

void realText()
{
    QTemporaryDir folder;
    Agent agent(folder.path(), std::make_shared<memory::HashedEmbedder>());
    QList<protocol::MemoryChange> changes;
    for (qsizetype i = 0; i < test::memoryTexts().size(); ++i) {
        protocol::MemoryChange save;
        save.id = idOf(i);
        save.content = test::memoryTexts()[i];
        changes.append(save);
    }
    must(agent.memories->change(std::move(changes), {.by = u"owner"_s}).wait());
    must(agent.index->caughtUp().wait());
    const auto measure = [&](const char* bench, const QList<test::MemoryQuestion>& asked) {
        int hits = 0;
        std::map<QString, int> ways;
        for (const auto& question : asked) {
            const auto vector = memory::HashedEmbedder::vectorOf(question.words);
            const QString answer = idOf(question.answer);
            const auto has = [&](const std::vector<Index::Found>& found) {
                return std::ranges::contains(found, answer, &Index::Found::id) ? 1 : 0;
            };
            ways[u"vector"_s] += has(agent.index->nearest(vector, 5));
            ways[u"text"_s] += has(must(agent.index->matching(question.words, 5)));
            for (const auto& hit : agent.search(question.words, 5).hits) {
                hits += hit.memory.id == answer ? 1 : 0;
            }
        }
        const auto part = [&](int count) { return double(count) / double(asked.size()); };
        print(bench,
              part(hits),
              "of questions",
              {{u"questions"_s, asked.size()},
               {u"vector_alone"_s, part(ways[u"vector"_s])},
               {u"text_alone"_s, part(ways[u"text"_s])}});
    };
    measure("memory.real.stems_at_5", test::memoryQuestions());
    measure("memory.real.meaning_at_5", test::meaningQuestions());

    std::vector<double> times;
    for (int i = 0; i < 2000; ++i) {
        const QString& text = test::memoryTexts()[i % test::memoryTexts().size()];
        QElapsedTimer timer;
        timer.start();
        (void)memory::HashedEmbedder::vectorOf(text);
        times.push_back(double(timer.nsecsElapsed()) / 1e3);
    }
    std::ranges::sort(times);
    print("memory.hashed",
          times[times.size() / 2],
          "us",
          {{u"p99"_s, times[times.size() * 99 / 100]}});
}

} // namespace

int main(int argc, char** argv)
{
    const QCoreApplication app(argc, argv);
    const QStringList arguments = app.arguments();
    if (arguments.value(1) == u"--reopen") {
        return reopen(arguments.value(2), arguments.value(3).toInt());
    }
    const int count = argc > 1 ? arguments[1].toInt() : 100'000;
    realText();

    QTemporaryDir folder;
    const auto embedder = std::make_shared<NumberedEmbedder>(count);
    const auto truth = embedder->clusters().truth();
    {
        Agent agent(folder.path(), embedder);
        Speech speech(1);
        QElapsedTimer timer;
        timer.start();
        // The last tenth alone says how fast it is with all that is there already.
        const int most = count - count / 10;
        insert(agent, 0, most, speech);
        must(agent.index->caughtUp().wait());
        const double first = double(timer.nsecsElapsed()) / 1e9;
        timer.start();
        insert(agent, most, count - most, speech);
        must(agent.index->caughtUp().wait());
        print("memory.insert",
              (count - most) / (double(timer.nsecsElapsed()) / 1e9),
              "1/s",
              {{u"memories"_s, count}, {u"first_nine_tenths"_s, most / first}});
        print("memory.recall_at_10", share(embedder->clusters(), *agent.index, truth), "of exact");
        std::vector<double> times;
        for (const Vector& question : embedder->clusters().asked) {
            timer.start();
            (void)agent.index->nearest(question, 50);
            times.push_back(double(timer.nsecsElapsed()) / 1e6);
        }
        printTimes("memory.vector", std::move(times));
        times.clear();
        Speech asking(99);
        for (int q = 0; q < questions; ++q) {
            const QString words = asking.words(7);
            timer.start();
            (void)agent.index->matching(words, 50);
            times.push_back(double(timer.nsecsElapsed()) / 1e6);
        }
        printTimes("memory.text", std::move(times));
        searchTimes(agent, "memory.recall");
        timer.start();
    }
    QProcess child;
    child.setProcessChannelMode(QProcess::ForwardedChannels);
    child.start(app.applicationFilePath(), {u"--reopen"_s, folder.path(), QString::number(count)});
    child.waitForFinished(-1);
    return child.exitCode();
}
