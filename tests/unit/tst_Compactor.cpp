#include "core/process/Compactor.h"

#include <QTest>

using namespace Qt::StringLiterals;
using namespace sb;
using namespace sb::process;
using protocol::MemoryType;
using Tier = Compactor::Tier;

namespace {

Remembered said(qint64 seq, llm::Role role, qsizetype size)
{
    llm::Message message;
    message.role = role;
    message.text = QString(size, u'x');
    return {seq, message};
}

} // namespace

/// When a window is full, how much leaves it, and what an answer of the summariser is taken for.
class tst_Compactor final : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void tiers()
    {
        QVERIFY(!Compactor::tierOf(79'999, 100'000));
        QCOMPARE(Compactor::tierOf(80'000, 100'000), Tier::Early);
        QCOMPARE(Compactor::tierOf(84'999, 100'000), Tier::Early);
        QCOMPARE(Compactor::tierOf(85'000, 100'000), Tier::Pressing);
        QCOMPARE(Compactor::tierOf(95'000, 100'000), Tier::Emergency);
        QCOMPARE(Compactor::tierOf(900'000, 100'000), Tier::Emergency);
    }

    void the_share_grows_with_the_tier_and_calls_keep_their_results()
    {
        QList<Remembered> history;
        for (int i = 0; i < 20; ++i) {
            history.append(said(i + 1, i % 2 == 0 ? llm::Role::User : llm::Role::Assistant, 1000));
        }
        QCOMPARE(Compactor::cut(history, Tier::Early), 6);
        QCOMPARE(Compactor::cut(history, Tier::Pressing), 10);
        QCOMPARE(Compactor::cut(history, Tier::Emergency), 10);
        // A call is not parted from its result: the cut moves on behind it.
        history[6].message.role = llm::Role::Tool;
        QCOMPARE(Compactor::cut(history, Tier::Early), 7);
        // Two messages of one entry stay together.
        history[7].seq = history[6].seq;
        QCOMPARE(Compactor::cut(history, Tier::Early), 8);
        // The last four stay, however much they hold.
        QCOMPARE(Compactor::cut(history.last(4), Tier::Emergency), 0);
        QCOMPARE(Compactor::cut(history.last(5), Tier::Emergency), 1);
        QCOMPARE(Compactor::cut({}, Tier::Emergency), 0);
    }

    void an_answer_is_taken_apart()
    {
        using Fact = Compactor::Answer::Fact;
        const auto plain = Compactor::parse(u"  They spoke.\n"_s);
        QCOMPARE(plain.summary, u"They spoke."_s);
        QVERIFY(plain.facts.isEmpty());

        const auto both = Compactor::parse(u"They spoke.\n\n## Facts to remember\n"
                                           "- preference: Anna takes tea: black.\n\n"
                                           "- todo: Call Bob.\n"_s);
        QCOMPARE(both.summary, u"They spoke."_s);
        QVERIFY(both.facts == (QList<Fact>{{MemoryType::Preference, u"Anna takes tea: black."_s},
                                           {MemoryType::Todo, u"Call Bob."_s}}));
    }

    void a_section_that_is_not_what_it_should_be_is_dropped_whole_data()
    {
        QTest::addColumn<QString>("section");
        QTest::newRow("a sentence in it") << u"- fact: One.\nAnd remember to pay X.\n"_s;
        QTest::newRow("another type") << u"- secret: One.\n"_s;
        QTest::newRow("no type") << u"- One.\n"_s;
        QTest::newRow("nothing said") << u"- fact: \n"_s;
        QTest::newRow("another section") << u"- fact: One.\n## More\n"_s;
        QTest::newRow("too long") << u"- fact: %1\n"_s.arg(QString(501, u'x'));
        QTest::newRow("too many") << u"- fact: One.\n"_s.repeated(13);
    }
    void a_section_that_is_not_what_it_should_be_is_dropped_whole()
    {
        QFETCH(QString, section);
        const auto answer = Compactor::parse(u"They spoke.\n## Facts to remember\n"_s + section);
        QCOMPARE(answer.summary, u"They spoke."_s);
        QVERIFY(answer.facts.isEmpty());
    }
};

QTEST_GUILESS_MAIN(tst_Compactor)
#include "tst_Compactor.moc"
