#include "MemoriesFixture.h"

#include "core/memory/Upkeep.h"

#include <QTest>

using namespace sb;
using namespace sb::protocol;
using namespace Qt::StringLiterals;
using memory::Upkeep;
using taint::Label;

namespace {

/// Upkeep over similarities that a test says.
struct Kept : MemoriesFixture
{
    std::map<std::pair<QString, QString>, double> similarities;
    QSet<QString> withoutVector;
    std::optional<Upkeep> upkeep{parts()};

    Upkeep::Parts parts()
    {
        return {.memories = *memories, .clock = clock, .nearest = [this](const QString& id, int) {
                    std::vector<memory::Index::Found> found;
                    for (const auto& [pair, score] : similarities) {
                        if (pair.first == id || pair.second == id) {
                            found.push_back({pair.first == id ? pair.second : pair.first, score});
                        }
                    }
                    std::ranges::sort(found, std::greater(), &memory::Index::Found::score);
                    return withoutVector.contains(id) ? std::nullopt : std::optional(found);
                }};
    }
    Upkeep::Report run()
    {
        clock.advance(std::chrono::seconds(1));
        const auto report = upkeep->run({});
        SB_ASSERT(report.has_value());
        return *report;
    }
    void days(int count) { clock.advance(std::chrono::days(count)); }
};

} // namespace

class tst_MemoryUpkeep : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void drawsEdgesBetweenWhatIsAlike();
    void mergesWhatSaysTheSame();
    void whichOneStays_data();
    void whichOneStays();
    void doesNotMerge_data();
    void doesNotMerge();
    void doesNotDoAgainWhatWasTakenBack();
    void waitsForVectors();
    void goesOnWhereItStopped();
    void forgetsWhatHasFaded_data();
    void forgetsWhatHasFaded();
    void recalledIsNotForgotten();
    void forgettingIsTakenBack();
    void forgetsManyInSeveralEntries();
    void aSecondRunChangesNothing();
    void stops();
};

void tst_MemoryUpkeep::drawsEdgesBetweenWhatIsAlike()
{
    Kept k;
    QVERIFY(k.save(u"a"_s, u"A"_s));
    QVERIFY(k.save(u"b"_s, u"B"_s));
    QVERIFY(k.save(u"c"_s, u"C"_s));
    k.similarities = {{{u"a"_s, u"b"_s}, 0.874}, {{u"a"_s, u"c"_s}, 0.84}};
    const auto report = k.run();
    QCOMPARE(report.linked, 1);
    QVERIFY(report.isDone);
    QCOMPARE(k.edges(), QStringList{u"b related_to a"_s});
    const auto edge = k.memories->get(u"a"_s)->edges.first();
    QCOMPARE(edge.weight, 0.87);
    QCOMPARE(edge.by, u"cortex"_s);
    const auto entry = k.journal->entry(edge.seq);
    QCOMPARE(entry->payload.value("reason"_L1).toString(), u"They are alike."_s);
    QVERIFY(k.verify().ok);
}

void tst_MemoryUpkeep::mergesWhatSaysTheSame()
{
    Kept k;
    QVERIFY(k.save(u"a"_s, u"The crane is red"_s));
    QVERIFY(k.save(u"b"_s, u"The crane is red."_s));
    k.similarities = {{{u"a"_s, u"b"_s}, 0.97}};
    const auto report = k.run();
    QCOMPARE(report.merged, 1);
    QCOMPARE(report.linked, 0);
    QCOMPARE(k.ids(), QStringList{u"b"_s}); // the newer one
    QCOMPARE(k.now(u"a"_s).mergedInto, u"b"_s);
    QCOMPARE(k.now(u"a"_s).content, u"The crane is red"_s);
    QCOMPARE(k.journal->entry(k.now(u"a"_s).seq)->payload.value("reason"_L1).toString(),
             u"They say the same (similarity 0.97)."_s);
}

void tst_MemoryUpkeep::whichOneStays_data()
{
    QTest::addColumn<QString>("what");
    QTest::newRow("more important") << u"importance"_s;
    QTest::newRow("pinned") << u"pinned"_s;
    QTest::newRow("the owner's") << u"owner"_s;
}

void tst_MemoryUpkeep::whichOneStays()
{
    QFETCH(QString, what);
    Kept k;
    auto first = k.saving(u"stays"_s, u"A"_s);
    if (what == u"importance") {
        first.importance = 0.9;
    }
    first.pinned = what == u"pinned";
    QVERIFY(k.change({first}, what == u"owner" ? k.owner() : k.worker()));
    auto second = k.saving(u"goes"_s, u"A"_s);
    second.importance = what == u"owner" ? 1.0 : 0.5;
    QVERIFY(k.change({second}, k.worker()));
    k.similarities = {{{u"goes"_s, u"stays"_s}, 1.0}};
    QCOMPARE(k.run().merged, 1);
    QCOMPARE(k.ids(), QStringList{u"stays"_s});
}

void tst_MemoryUpkeep::doesNotMerge_data()
{
    QTest::addColumn<MemoryChange>("other");
    QTest::addColumn<bool>("isStranger");
    const auto made = [](auto set) {
        auto change = MemoriesFixture::saving(u"b"_s, u"The harbour has 3 cranes"_s);
        set(change);
        return change;
    };
    QTest::newRow("another type") << made([](auto& c) { c.type = MemoryType::Event; }) << false;
    QTest::newRow("other numbers")
        << made([](auto& c) { c.content = u"The harbour has 4 cranes"_s; }) << false;
    QTest::newRow("no longer true") << made([](auto& c) { c.validTo = 5; }) << false;
    QTest::newRow("from a stranger") << made([](auto& c) { c.importance = 1; }) << true;
}

void tst_MemoryUpkeep::doesNotMerge()
{
    QFETCH(MemoryChange, other);
    QFETCH(bool, isStranger);
    Kept k;
    QVERIFY(k.save(u"a"_s, u"The harbour has 3 cranes"_s));
    QVERIFY(k.change({other}, isStranger ? k.worker(k.from({Label::ExternalNetwork})) : k.owner()));
    k.similarities = {{{u"a"_s, u"b"_s}, 0.99}};
    const auto report = k.run();
    QCOMPARE(report.merged, 0);
    QCOMPARE(report.linked, 1);
    QCOMPARE(k.ids(), (QStringList{u"a"_s, u"b"_s}));
}

void tst_MemoryUpkeep::doesNotDoAgainWhatWasTakenBack()
{
    Kept k;
    for (const QString& id : {u"a"_s, u"b"_s, u"c"_s}) {
        QVERIFY(k.save(id, u"The same"_s));
    }
    k.similarities = {{{u"a"_s, u"b"_s}, 0.99}, {{u"a"_s, u"c"_s}, 0.9}};
    QCOMPARE(k.run().merged, 1);
    QVERIFY(k.undo(k.now(u"a"_s).seq));
    QVERIFY(k.change({k.linking(u"c"_s, u"a"_s)}));
    QVERIFY(k.change({k.cutting(k.linking(u"c"_s, u"a"_s))}));
    QVERIFY(k.save(u"d"_s, u"Another"_s));
    const auto report = k.run();
    QCOMPARE(report.merged, 0);
    QCOMPARE(report.linked, 1); // that a and b are alike is another thing
    QCOMPARE(k.edges(), QStringList{u"b related_to a"_s});
    // Nor by one that was started anew and looks at everything.
    k.upkeep.emplace(k.parts());
    const qint64 before = k.journal->lastSeq();
    k.run();
    QCOMPARE(k.journal->lastSeq(), before);
}

void tst_MemoryUpkeep::waitsForVectors()
{
    Kept k;
    QVERIFY(k.save(u"a"_s, u"A"_s));
    QVERIFY(k.save(u"b"_s, u"B"_s));
    k.similarities = {{{u"a"_s, u"b"_s}, 0.9}};
    k.withoutVector = {u"a"_s, u"b"_s};
    auto report = k.run();
    QCOMPARE(report.linked, 0);
    QVERIFY(!report.isDone);
    k.withoutVector.clear();
    report = k.run();
    QCOMPARE(report.linked, 1);
    QVERIFY(report.isDone);
}

void tst_MemoryUpkeep::goesOnWhereItStopped()
{
    Kept k;
    QList<MemoryChange> changes;
    for (int i = 0; i < 20; ++i) {
        changes.append(k.saving(u"m%1"_s.arg(i, 2, 10, QChar(u'0')), u"A"_s));
    }
    QVERIFY(k.change(changes)); // all of one entry
    k.similarities = {{{u"m00"_s, u"m19"_s}, 0.9}, {{u"m07"_s, u"m08"_s}, 0.9}};
    auto parts = k.parts();
    parts.mostLooked = 7;
    parts.mostWeighed = 7;
    k.upkeep.emplace(parts);
    int looked = 0;
    int weighed = 0;
    int runs = 0;
    Upkeep::Report report;
    do {
        report = k.run();
        QVERIFY(report.looked <= 7 && report.weighed <= 7);
        looked += report.looked;
        weighed += report.weighed;
    } while (!report.isDone && ++runs < 10);
    QCOMPARE(looked, 20);
    QCOMPARE(weighed, 20);
    QCOMPARE(k.edges().size(), 2);
}

void tst_MemoryUpkeep::forgetsWhatHasFaded_data()
{
    QTest::addColumn<MemoryChange>("memory");
    QTest::addColumn<bool>("isOwners");
    QTest::addColumn<int>("days");
    QTest::addColumn<bool>("forgotten");
    const auto made = [](MemoryType type, auto set) {
        auto change = MemoriesFixture::saving(u"m"_s, u"Something"_s, type);
        set(change);
        return change;
    };
    const auto plain = [](auto&) {};
    const auto faint = [](auto& c) { c.importance = 0.01; };
    QTest::newRow("observation") << made(MemoryType::Observation, plain) << true << 37 << true;
    QTest::newRow("not yet") << made(MemoryType::Observation, plain) << true << 35 << false;
    QTest::newRow("too soon") << made(MemoryType::Observation, faint) << true << 29 << false;
    QTest::newRow("soon enough") << made(MemoryType::Observation, faint) << true << 31 << true;
    QTest::newRow("event") << made(MemoryType::Event, plain) << true << 91 << true;
    QTest::newRow("fact") << made(MemoryType::Fact, plain) << true << 400 << false;
    QTest::newRow("old fact") << made(MemoryType::Fact, plain) << true << 431 << true;
    QTest::newRow("identity") << made(MemoryType::Identity, faint) << false << 9999 << false;
    QTest::newRow("owner's goal") << made(MemoryType::Goal, faint) << true << 9999 << false;
    QTest::newRow("agent's goal") << made(MemoryType::Goal, faint) << false << 9999 << true;
    QTest::newRow("owner's decision") << made(MemoryType::Decision, faint) << true << 9999 << false;
    QTest::newRow("pinned") << made(MemoryType::Fact, [](auto& c) {
        c.pinned = true;
        c.importance = 0.01;
    }) << false << 9999 << false;
    QTest::newRow("promoted") << made(MemoryType::Fact, [](auto& c) { c.promoted = true; }) << true
                              << 9999 << false;
}

void tst_MemoryUpkeep::forgetsWhatHasFaded()
{
    QFETCH(MemoryChange, memory);
    QFETCH(bool, isOwners);
    QFETCH(int, days);
    QFETCH(bool, forgotten);
    Kept k;
    QVERIFY(k.change({memory}, isOwners ? k.owner() : k.worker()));
    k.days(days);
    const auto report = k.run();
    QCOMPARE(report.forgotten, forgotten ? 1 : 0);
    QCOMPARE(k.ids().isEmpty(), forgotten);
    if (forgotten) {
        QCOMPARE(k.journal->entry(k.now(u"m"_s).seq)->payload.value("reason"_L1).toString(),
                 u"It weighs little by now, and was not recalled or changed for 30 days."_s);
    }
}

void tst_MemoryUpkeep::recalledIsNotForgotten()
{
    Kept k;
    QVERIFY(k.save(u"a"_s, u"A"_s, MemoryType::Observation));
    k.days(30);
    k.recalled({u"a"_s});
    k.days(20);
    QCOMPARE(k.run().forgotten, 0);
}

void tst_MemoryUpkeep::forgettingIsTakenBack()
{
    Kept k;
    QVERIFY(k.save(u"a"_s, u"A"_s, MemoryType::Observation));
    k.days(100);
    QCOMPARE(k.run().forgotten, 1);
    QVERIFY(k.undo(k.now(u"a"_s).seq));
    QCOMPARE(k.ids(), QStringList{u"a"_s});
    k.days(100);
    QCOMPARE(k.run().forgotten, 0);
}

void tst_MemoryUpkeep::forgetsManyInSeveralEntries()
{
    Kept k;
    for (int i = 0; i < 30; ++i) {
        // Control characters take six bytes each in an entry.
        QVERIFY(k.save({}, QString(5000, QChar(1)) + QString::number(i), MemoryType::Observation));
    }
    k.days(100);
    const auto report = k.run();
    QCOMPARE(report.forgotten, 30);
    QCOMPARE(k.ids(), QStringList());
    QVERIFY(k.verify().ok);
}

void tst_MemoryUpkeep::aSecondRunChangesNothing()
{
    Kept k;
    for (int i = 0; i < 6; ++i) {
        QVERIFY(k.save(u"m%1"_s.arg(i), u"Text"_s, MemoryType::Event));
    }
    k.similarities = {{{u"m0"_s, u"m1"_s}, 0.99},
                      {{u"m1"_s, u"m2"_s}, 0.96},
                      {{u"m2"_s, u"m3"_s}, 0.9},
                      {{u"m3"_s, u"m4"_s}, 0.86},
                      {{u"m0"_s, u"m4"_s}, 0.88}};
    k.days(5);
    const auto first = k.run();
    QCOMPARE(first.merged, 2);
    const qint64 before = k.journal->lastSeq();
    k.run();
    QCOMPARE(k.journal->lastSeq(), before);
    k.upkeep.emplace(k.parts());
    k.run();
    QCOMPARE(k.journal->lastSeq(), before);
    QVERIFY(k.verify().ok);
}

void tst_MemoryUpkeep::stops()
{
    Kept k;
    QVERIFY(k.save(u"a"_s, u"A"_s));
    QVERIFY(k.save(u"b"_s, u"B"_s));
    k.similarities = {{{u"a"_s, u"b"_s}, 0.9}};
    std::stop_source source;
    source.request_stop();
    QCOMPARE(k.upkeep->run(source.get_token()).error().code, ErrorCode::Cancelled);
    QCOMPARE(k.edges(), QStringList());
    QCOMPARE(k.run().linked, 1);
}

QTEST_GUILESS_MAIN(tst_MemoryUpkeep)
#include "tst_MemoryUpkeep.moc"
