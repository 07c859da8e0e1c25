#include "core/base/Clock.h"
#include "core/server/RateLimit.h"

#include <QTest>

using namespace sb;
using server::Rate;
using server::RateLimit;

/// The time is a FakeClock's: nothing waits.
class tst_RateLimit : public QObject
{
    Q_OBJECT

    FakeClock m_clock;
    bool take(RateLimit& limit, const char* key, double cost = 1)
    {
        return !limit.take(key, cost, m_clock.steadyUs());
    }

private Q_SLOTS:
    void aBurstThenTheRate();
    void waitingIsTold();
    void refusedCostsNothing();
    void costsDiffer();
    void costBeyondTheBurst();
    void restIsNotSavedUp();
    void keysAreApart();
    void fewKeysAreKept();
};

void tst_RateLimit::aBurstThenTheRate()
{
    RateLimit limit({2, 10});
    for (int i = 0; i < 10; ++i) {
        QVERIFY(take(limit, "a"));
    }
    QVERIFY(!take(limit, "a"));
    m_clock.advance(Milliseconds(499));
    QVERIFY(!take(limit, "a"));
    m_clock.advance(Milliseconds(1));
    QVERIFY(take(limit, "a"));
    QVERIFY(!take(limit, "a"));
    // In the long run exactly the rate.
    int taken = 0;
    for (int i = 0; i < 1000; ++i) {
        m_clock.advance(Milliseconds(100));
        taken += take(limit, "a") ? 1 : 0;
    }
    QCOMPARE(taken, 200);
}

void tst_RateLimit::waitingIsTold()
{
    RateLimit limit({1, 30});
    QVERIFY(take(limit, "a", 30));
    const auto wait = limit.take("a", 5, m_clock.steadyUs());
    QCOMPARE(wait, std::optional<qint64>(5'000'000));
    m_clock.advance(Milliseconds(5000));
    QVERIFY(take(limit, "a", 5));
}

void tst_RateLimit::refusedCostsNothing()
{
    RateLimit limit({1, 1});
    QVERIFY(take(limit, "a"));
    for (int i = 0; i < 100; ++i) {
        QVERIFY(!take(limit, "a"));
    }
    m_clock.advance(Milliseconds(1000));
    QVERIFY(take(limit, "a"));
}

void tst_RateLimit::costsDiffer()
{
    RateLimit limit({500.0 / 60, 500});
    int messages = 0;
    while (take(limit, "messages", 30)) {
        ++messages;
    }
    int reads = 0;
    while (take(limit, "reads", 2)) {
        ++reads;
    }
    QCOMPARE(messages, 16);
    QCOMPARE(reads, 250);
}

void tst_RateLimit::costBeyondTheBurst()
{
    RateLimit limit({1, 10});
    QVERIFY(take(limit, "a", 1000));
    QVERIFY(!take(limit, "a", 1000));
    m_clock.advance(Milliseconds(10'000));
    QVERIFY(take(limit, "a", 1000));
}

void tst_RateLimit::restIsNotSavedUp()
{
    RateLimit limit({1, 3});
    QVERIFY(take(limit, "a"));
    m_clock.advance(Milliseconds(3'600'000));
    int taken = 0;
    while (take(limit, "a")) {
        ++taken;
    }
    QCOMPARE(taken, 3);
}

void tst_RateLimit::keysAreApart()
{
    RateLimit limit({1, 1});
    QVERIFY(take(limit, "a"));
    QVERIFY(take(limit, "b"));
    QVERIFY(!take(limit, "a"));
}

void tst_RateLimit::fewKeysAreKept()
{
    RateLimit limit({1, 10}, 100);
    QVERIFY(take(limit, "debtor", 10));
    for (int i = 0; i < 100'000; ++i) {
        QVERIFY(take(limit, QByteArray::number(i).constData()));
        QVERIFY(limit.keys() <= 100);
    }
    QVERIFY(!take(limit, "debtor", 10)); // still knows who owes most
}

QTEST_GUILESS_MAIN(tst_RateLimit)
#include "tst_RateLimit.moc"
