#include "core/memory/Recall.h"
#include "tests/unit/MemoryIndexFixture.h"
#include "tests/unit/MemoryTexts.h"

#include <QTest>

using namespace sb;
using namespace sb::test;
using namespace Qt::StringLiterals;
using protocol::MemoryFilter;
using protocol::MemoryType;
using protocol::Relation;
using protocol::SearchMemory;

namespace {

struct Scene : MemoryIndexFixture
{
    using MemoryIndexFixture::MemoryIndexFixture;
    SearchMemory::Reply look(const QString& words, int limit = 10, const MemoryFilter& filter = {})
    {
        SB_ASSERT(caughtUp());
        return recall.search(words, limit, filter).wait().value_or(SearchMemory::Reply());
    }
    QStringList ids(const QString& words, int limit = 10, const MemoryFilter& filter = {})
    {
        QStringList all;
        for (const auto& hit : look(words, limit, filter).hits) {
            all.append(hit.memory.id);
        }
        return all;
    }
    memory::Recall recall{*memories, *index, clock, pool};
};

QStringList ways(const protocol::MemoryHit& hit)
{
    QStringList all;
    for (const auto& reason : hit.reasons) {
        all.append(reason.way);
    }
    return all;
}

} // namespace

class tst_Recall final : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void saysWhyEachWasFound()
    {
        Scene m;
        QVERIFY(m.save(u"mem-crane"_s, u"The harbour crane is inspected every second Tuesday."_s));
        QVERIFY(m.save(u"mem-ship"_s, u"Dorothea, a freighter, waits outside."_s));
        QVERIFY(m.save(u"mem-cake"_s, u"Apple cake needs six eggs."_s));
        QVERIFY(m.change(
            {MemoriesFixture::linking(u"mem-ship"_s, u"mem-crane"_s, Relation::CausedBy)}));
        const auto reply = m.look(u"when is the crane inspected"_s, 2);
        QCOMPARE(reply.notice, QString());
        QCOMPARE(reply.hits.size(), 2);
        const auto& first = reply.hits[0];
        QCOMPARE(first.memory.id, u"mem-crane"_s);
        QCOMPARE(first.memory.content, u"The harbour crane is inspected every second Tuesday."_s);
        QCOMPARE(ways(first), (QStringList{u"vector"_s, u"text"_s}));
        QCOMPARE(first.reasons[0].rank, 1);
        QVERIFY(first.reasons[0].what.startsWith(u"similarity 0."_s));
        QCOMPARE(first.reasons[1].what, u"the words crane, inspected"_s);
        QVERIFY(first.score > reply.hits[1].score);
        // Nothing in the freighter's words leads to it, only the edge.
        QCOMPARE(reply.hits[1].memory.id, u"mem-ship"_s);
        QVERIFY(ways(reply.hits[1]).contains(u"graph"_s));
        QCOMPARE(reply.hits[1].reasons.last().what, u"caused by mem-crane"_s);
    }

    void findsOverTwoEdges()
    {
        Scene m;
        QVERIFY(m.save(u"mem-a"_s, u"Zanzibar"_s));
        QVERIFY(m.save(u"mem-b"_s, u"Quagmire"_s));
        QVERIFY(m.save(u"mem-c"_s, u"Tollbooth"_s));
        QVERIFY(m.save(u"mem-d"_s, u"Velodrome"_s));
        QVERIFY(m.change({MemoriesFixture::linking(u"mem-a"_s, u"mem-b"_s),
                          MemoriesFixture::linking(u"mem-b"_s, u"mem-c"_s),
                          MemoriesFixture::linking(u"mem-c"_s, u"mem-d"_s)}));
        QStringList found = m.ids(u"Zanzibar"_s);
        QCOMPARE(found.first(), u"mem-a"_s);
        QVERIFY(found.contains(u"mem-b"_s) && found.contains(u"mem-c"_s));
        QVERIFY(!found.contains(u"mem-d"_s));
        QVERIFY(
            m.change({MemoriesFixture::cutting(MemoriesFixture::linking(u"mem-a"_s, u"mem-b"_s))}));
        QCOMPARE(m.ids(u"Zanzibar"_s), QStringList{u"mem-a"_s});
    }

    void whatMattersAndWhatIsFreshComesFirst()
    {
        Scene m;
        QVERIFY(
            m.save(u"mem-old"_s, u"The lock of gate nine is broken."_s, MemoryType::Observation));
        m.clock.advance(std::chrono::hours(24 * 60));
        QVERIFY(
            m.save(u"mem-new"_s, u"The lock of gate nine is mended."_s, MemoryType::Observation));
        QCOMPARE(m.ids(u"lock gate nine"_s), (QStringList{u"mem-new"_s, u"mem-old"_s}));
        auto pin = MemoriesFixture::editing(u"mem-old"_s);
        pin.importance = 1;
        pin.pinned = true;
        QVERIFY(m.change({pin}));
        QCOMPARE(m.ids(u"lock gate nine"_s), (QStringList{u"mem-old"_s, u"mem-new"_s}));
        // To be recalled keeps it fresh.
        QVERIFY(m.save(u"mem-x"_s, u"Nora walks the dog."_s, MemoryType::Event));
        QVERIFY(m.save(u"mem-y"_s, u"Nora feeds the dog."_s, MemoryType::Event));
        m.clock.advance(std::chrono::hours(24 * 60));
        m.recalled({u"mem-x"_s});
        QCOMPARE(m.ids(u"Nora dog"_s).first(), u"mem-x"_s);
        QCOMPARE(m.look(u"Nora dog"_s).hits.first().memory.accessCount, 1);
    }

    void theSameAgainComesBehindWhatIsNew()
    {
        Scene m;
        for (int i = 0; i < 5; ++i) {
            QVERIFY(m.save(u"mem-same%1"_s.arg(i),
                           u"The lighthouse lamp was changed on Monday %1."_s.arg(i)));
        }
        QVERIFY(m.save(u"mem-other"_s, u"A lighthouse keeper lives on the island."_s));
        QVERIFY(m.ids(u"lighthouse lamp"_s, 3).contains(u"mem-other"_s));
    }

    void keepsToTheFilter()
    {
        Scene m;
        QVERIFY(m.save(u"mem-fact"_s, u"Bees sleep at night."_s));
        QVERIFY(m.save(u"mem-goal"_s, u"Bees must be counted."_s, MemoryType::Goal));
        QVERIFY(m.save(u"mem-gone"_s, u"Bees are blue."_s));
        QVERIFY(m.save(
            u"mem-web"_s,
            u"Bees told me to wire money."_s,
            MemoryType::Fact,
            MemoriesFixture::worker(MemoriesFixture::from({taint::Label::ExternalNetwork}))));
        QVERIFY(m.change({MemoriesFixture::linking(u"mem-goal"_s, u"mem-fact"_s),
                          MemoriesFixture::forgetting(u"mem-gone"_s)}));
        const auto sorted = [](QStringList all) {
            all.sort();
            return all;
        };
        QCOMPARE(sorted(m.ids(u"bees"_s)),
                 (QStringList{u"mem-fact"_s, u"mem-goal"_s, u"mem-web"_s}));
        MemoryFilter filter;
        filter.types = {MemoryType::Goal};
        QCOMPARE(m.ids(u"bees"_s, 10, filter), QStringList{u"mem-goal"_s}); // nor over an edge
        filter = {};
        filter.provenances = {protocol::Provenance::Owner};
        QCOMPARE(sorted(m.ids(u"bees"_s, 10, filter)), (QStringList{u"mem-fact"_s, u"mem-goal"_s}));
        filter = {};
        filter.withForgotten = true;
        QVERIFY(m.ids(u"bees"_s, 10, filter).contains(u"mem-gone"_s));
        QCOMPARE(m.ids(u"bees"_s, 1).size(), 1);
    }

    void readsThePast()
    {
        Scene m;
        QVERIFY(m.save(u"mem-a"_s, u"The office is in Lyon."_s));
        const TimeUs then = m.clock.nowUs();
        auto edit = MemoriesFixture::editing(u"mem-a"_s);
        edit.content = u"The office is in Graz."_s;
        QVERIFY(m.change({edit}));
        QVERIFY(m.save(u"mem-b"_s, u"Another office opens in Turin."_s));
        MemoryFilter filter;
        filter.knownAt = then;
        const auto reply = m.look(u"offices"_s, 10, filter);
        QCOMPARE(reply.hits.size(), 1);
        QCOMPARE(reply.hits[0].memory.content, u"The office is in Lyon."_s);
        QCOMPARE(reply.hits[0].reasons.first().what, u"the word offices"_s);
        QVERIFY(m.ids(u"Graz"_s, 10, filter).isEmpty());
        QCOMPARE(m.ids(u"Graz"_s), QStringList{u"mem-a"_s});
        filter.knownAt = 1;
        QVERIFY(m.ids(u"office"_s, 10, filter).isEmpty());
    }

    void answersRealQuestions()
    {
        Scene m;
        QList<MemoriesFixture::Change> changes;
        for (qsizetype i = 0; i < memoryTexts().size(); ++i) {
            changes.append(MemoriesFixture::saving(u"mem-%1"_s.arg(i), memoryTexts()[i]));
        }
        QVERIFY(m.change(changes));
        int hits = 0;
        for (const auto& question : memoryQuestions()) {
            hits += m.ids(question.words, 5).contains(u"mem-%1"_s.arg(question.answer)) ? 1 : 0;
        }
        QVERIFY2(hits >= 53, qPrintable(QString::number(hits))); // of 56
    }

    void needsAWord()
    {
        Scene m;
        const auto none = m.recall.search(u"  "_s, 5, {}).wait();
        QCOMPARE(none.error().code, ErrorCode::InvalidInput);
        QCOMPARE(none.error().message, u"Say which words to look for in the memory."_s);
        QVERIFY(m.ids(u"?!"_s).isEmpty());
        QVERIFY(m.ids(QString(1'000'000, u'a')).isEmpty());
        QVERIFY(m.recall.search(u"x"_s, -3, {}).wait().has_value());
    }

    void findsByWordsWhenThereAreNoVectors()
    {
        const auto embedder = std::make_shared<ToldEmbedder>(u"local/model"_s);
        Scene m(embedder);
        QVERIFY(m.save(u"mem-a"_s, u"The ferry leaves at noon."_s));
        QVERIFY(m.caughtUp());
        embedder->fail(Error{ErrorCode::Unavailable, u"The service refused the connection."_s, {}});
        auto reply = m.look(u"ferries"_s);
        QCOMPARE(reply.hits.size(), 1);
        QCOMPARE(ways(reply.hits[0]), QStringList{u"text"_s});
        QCOMPARE(reply.notice,
                 u"Only words and links were searched, because no vectors could be made: "
                 u"The service refused the connection."_s);
        embedder->fail({});
        QCOMPARE(ways(m.look(u"the ferry leaves"_s).hits[0]),
                 (QStringList{u"vector"_s, u"text"_s}));
    }

    void doesNotWaitLongForASlowService()
    {
        const auto embedder = std::make_shared<ToldEmbedder>(u"local/model"_s);
        Scene m(embedder);
        QVERIFY(m.save(u"mem-a"_s, u"The ferry leaves at noon."_s));
        QVERIFY(m.caughtUp());
        embedder->isHeld = true;
        auto answer = m.recall.search(u"ferries"_s, 5, {});
        QCOMPARE(embedder->waiting(), 1);
        QVERIFY(!answer.isReady());
        m.clock.advance(std::chrono::seconds(2));
        const auto reply = std::move(answer).wait();
        QVERIFY(reply);
        QCOMPARE(reply->hits.size(), 1);
        QVERIFY(reply->notice.contains(u"The embedder takes too long to answer."_s));
        embedder->letGo();
    }
};

QTEST_GUILESS_MAIN(tst_Recall)
#include "tst_Recall.moc"
