#include "core/runtime/Hub.h"

#include <QTest>
#include <latch>
#include <thread>

using namespace sb;
using namespace Qt::StringLiterals;
using protocol::Event;
using runtime::Hub;

namespace {

// Something that is neither merged nor dropped one by one.
Event numbered(const QString& agent, int number)
{
    protocol::TextReset reset;
    reset.agent = agent;
    reset.process = QString::number(number);
    return reset;
}

Event piece(const QString& text)
{
    protocol::TextDelta delta;
    delta.agent = u"assistant"_s;
    delta.process = u"wrk-1"_s;
    delta.text = text;
    return delta;
}

} // namespace

class tst_Hub : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void eachListenerGetsAllOfEachPublisherInOrder()
    {
        constexpr int publishers = 3;
        constexpr int each = 300;
        Hub hub;
        QHash<QString, QStringList> first;
        QHash<QString, QStringList> second;
        {
            LoopExecutor one(u"one"_s);
            LoopExecutor other(u"other"_s);
            const auto into = [](QHash<QString, QStringList>& seen) {
                return [&seen](const Event& event) {
                    const auto& reset = std::get<protocol::TextReset>(event);
                    seen[reset.agent].append(reset.process);
                };
            };
            const Subscription listens = hub.subscribe(one, into(first));
            const Subscription alsoListens = hub.subscribe(other, into(second));
            {
                std::vector<std::jthread> threads;
                for (int publisher = 0; publisher < publishers; ++publisher) {
                    threads.emplace_back([&hub, publisher] {
                        for (int i = 0; i < each; ++i) {
                            hub.publish(numbered(QString::number(publisher), i));
                        }
                    });
                }
            }
            one.postAndWait([] {});
            other.postAndWait([] {});
        }
        QStringList all;
        for (int i = 0; i < each; ++i) {
            all.append(QString::number(i));
        }
        const QHash<QString, QStringList> expected{{u"0"_s, all}, {u"1"_s, all}, {u"2"_s, all}};
        QCOMPARE(first, expected);
        QCOMPARE(second, expected);
    }

    // What the listener uses may be destroyed as soon as its subscription is.
    void whoeverUnsubscribesIsNotCalledAnyMore()
    {
        Hub hub;
        LoopExecutor loop(u"listener"_s);
        std::jthread publisher([&hub](const std::stop_token& stop) {
            for (int i = 0; !stop.stop_requested(); ++i) {
                hub.publish(numbered(u"assistant"_s, i));
            }
        });
        for (int round = 0; round < 50; ++round) {
            auto seen = std::make_unique<int>(0);
            std::latch called(1);
            Subscription listens = hub.subscribe(loop, [&, raw = seen.get()](const Event&) {
                if ((*raw)++ == 0) {
                    called.count_down();
                }
            });
            called.wait();
            listens.reset();
            *seen = -1;
        }
        publisher.request_stop();
        publisher.join();
        QVERIFY(!hub.hasListeners());
    }

    void piecesForASlowListenerAreMerged()
    {
        Hub hub;
        LoopExecutor loop(u"listener"_s);
        std::latch go(1);
        loop.post([&] { go.wait(); });
        QStringList seen;
        const Subscription listens = hub.subscribe(loop, [&](const Event& event) {
            seen.append(std::get<protocol::TextDelta>(event).text);
        });
        for (const QString& text : {u"a"_s, u"b"_s, u"c"_s}) {
            hub.publish(piece(text));
        }
        go.count_down();
        loop.postAndWait([] {});
        QCOMPARE(seen, QStringList{u"abc"_s});
    }

    void whoeverFallsTooFarBehindIsToldAndHearsTheRest()
    {
        Hub hub;
        LoopExecutor loop(u"listener"_s);
        std::latch go(1);
        loop.post([&] { go.wait(); });
        QStringList seen;
        const Subscription listens = hub.subscribe(loop, [&](const Event& event) {
            const auto* const reset = std::get_if<protocol::TextReset>(&event);
            seen.append(reset != nullptr                                  ? reset->process
                        : std::holds_alternative<protocol::Lagged>(event) ? u"lagged"_s
                                                                          : u"other"_s);
        });
        for (int i = 0; i < Hub::capacity + 10; ++i) {
            hub.publish(numbered(u"assistant"_s, i));
        }
        go.count_down();
        loop.postAndWait([] {});
        hub.publish(numbered(u"assistant"_s, -1));
        loop.postAndWait([] {});
        QCOMPARE(seen, (QStringList{u"lagged"_s, u"-1"_s}));
    }
};

QTEST_GUILESS_MAIN(tst_Hub)
#include "tst_Hub.moc"
