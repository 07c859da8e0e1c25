#include "core/base/Executor.h"

#include <QTest>
#include <latch>
#include <numeric>
#include <thread>

using namespace sb;

namespace {

// Posts the numbers of each sender from a thread of its own, and answers when all are posted.
void postFromThreads(Executor& executor, int senders, int each, const std::function<void(int)>& job)
{
    std::vector<std::jthread> threads;
    for (int sender = 0; sender < senders; ++sender) {
        threads.emplace_back([&, sender] {
            for (int i = 0; i < each; ++i) {
                executor.post([&job, number = sender * each + i] { job(number); });
            }
        });
    }
}

} // namespace

class tst_Executor : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    // Jobs of a loop need no lock among themselves, and whoever waited for its end sees what they
    // left: ThreadSanitizer's build holds both.
    void aLoopRunsAllJobsOneAtATimeInTheOrderOfEachSender()
    {
        constexpr int senders = 4;
        constexpr int each = 500;
        std::vector<int> seen;
        const std::function<void(int)> see = [&](int number) { seen.push_back(number); };
        {
            LoopExecutor loop(QStringLiteral("test"));
            postFromThreads(loop, senders, each, see);
        }
        QCOMPARE(seen.size(), size_t(senders * each));
        std::ranges::stable_sort(seen, {}, [](int number) { return number / each; });
        std::vector<int> all(senders * each);
        std::iota(all.begin(), all.end(), 0);
        QCOMPARE(seen, all);
    }

    void whatALoopLeavesBehindIsSeenHoweverLateItIsLookedAt()
    {
        int left = 0;
        LoopExecutor loop(QStringLiteral("test"));
        loop.postAndWait([&] {
            QVERIFY(loop.isCurrent());
            left = 1;
        });
        QVERIFY(!loop.isCurrent());
        QCOMPARE(left, 1);
    }

    void jobsPostedByAJobOfALoopComeLater()
    {
        std::vector<int> order;
        {
            LoopExecutor loop(QStringLiteral("test"));
            loop.postAndWait([&] {
                loop.post([&] { order.push_back(2); });
                order.push_back(1);
            });
            loop.postAndWait([&] { order.push_back(3); });
        }
        QCOMPARE(order, (std::vector<int>{1, 2, 3}));
    }

    void aContextRunsJobsOfOtherThreadsInItsOwn()
    {
        int seen = 0;
        ContextExecutor here;
        const std::function<void(int)> see = [&](int) { seen += here.isCurrent() ? 1 : 0; };
        postFromThreads(here, 4, 100, see);
        QTRY_COMPARE(seen, 400);
    }

    void aPoolRunsJobsSideBySideAndAllBeforeItEnds()
    {
        std::atomic<int> ran = 0;
        const std::function<void(int)> count = [&](int) { ++ran; };
        {
            std::latch both(2); // opens only if two jobs run at once
            Pool pool(2, QStringLiteral("test"));
            pool.post([&] { both.arrive_and_wait(); });
            pool.post([&] { both.arrive_and_wait(); });
            postFromThreads(pool, 4, 100, count);
        }
        QCOMPARE(ran.load(), 400);
    }
};

QTEST_GUILESS_MAIN(tst_Executor)
#include "tst_Executor.moc"
