#include "core/policy/Policy.h"
#include "core/policy/Shell.h"

#include <QElapsedTimer>
#include <QTest>
#include <random>

using namespace Qt::StringLiterals;
using namespace sb::policy;

/// Random lines, built from the pieces that shells care about: nothing may crash, hang, or be both
/// allowed by a rule and doubted. The seed is fixed, so that a failure can be looked at.
class FuzzShell : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void randomLines()
    {
        static const QStringList pieces{u"git"_s,
                                        u"push"_s,
                                        u" "_s,
                                        u" "_s,
                                        u"  "_s,
                                        u";"_s,
                                        u"&&"_s,
                                        u"||"_s,
                                        u"|"_s,
                                        u"&"_s,
                                        u"\n"_s,
                                        u"'"_s,
                                        u"\""_s,
                                        u"\\"_s,
                                        u"$("_s,
                                        u")"_s,
                                        u"("_s,
                                        u"`"_s,
                                        u"${"_s,
                                        u"}"_s,
                                        u"{"_s,
                                        u"$X"_s,
                                        u"<"_s,
                                        u">"_s,
                                        u"<<"_s,
                                        u"EOF"_s,
                                        u"<("_s,
                                        u"2>&1"_s,
                                        u"#"_s,
                                        u"*"_s,
                                        u"?"_s,
                                        u"["_s,
                                        u"]"_s,
                                        u"sudo"_s,
                                        u"sh"_s,
                                        u"-c"_s,
                                        u"eval"_s,
                                        u"env"_s,
                                        u"FOO=1"_s,
                                        u"rm -rf /"_s,
                                        u"$'"_s,
                                        u"!"_s,
                                        u"if"_s,
                                        u"xargs"_s,
                                        u"\t"_s,
                                        u"\r"_s,
                                        QString(QChar(0)),
                                        QString(QChar(0xFFFF)),
                                        QString(QChar(0xD800)),
                                        u"é"_s,
                                        u"ls"_s,
                                        u"<<-"_s,
                                        u"<<<"_s,
                                        u"&>"_s,
                                        u">/dev/null"_s,
                                        u"~"_s,
                                        u","_s,
                                        u"="_s};
        std::mt19937 random(20261120);
        const auto upTo = [&](size_t limit) { return qsizetype(random() % limit); };
        const QList<Rule> rules{{u"shell(ls *)"_s, {}, Decide::Allow, {}},
                                {u"shell(git push *)"_s, {}, Decide::Deny, {}},
                                {u"shell(*rm -rf*)"_s, {}, Decide::Ask, {}},
                                {u"shell"_s, {}, Decide::Allow, {}}};
        QElapsedTimer timer;
        timer.start();
        int lines = 0;
        while (timer.elapsed() < 3000 && lines < 60000) {
            QString line;
            for (auto length = upTo(30); length >= 0; --length) {
                line += pieces[upTo(size_t(pieces.size()))];
            }
            Action action;
            action.tool = u"shell"_s;
            action.subject = line;
            const auto decision = decide(rules, action);
            const auto split = splitShell(line);
            if (decision.verdict == Verdict::Allow) {
                QVERIFY2(split.certain && !split.commands.isEmpty(), qPrintable(line));
                QVERIFY2(!readShell(line).commands.isEmpty(), qPrintable(line));
            }
            // Each command of a certain line reads as one command again, the same one.
            if (split.certain) {
                for (const QString& command : split.commands) {
                    const auto again = readShell(command);
                    QVERIFY2(again.commands.size() == 1, qPrintable(line));
                }
            }
            QVERIFY(!decision.reason.isEmpty());
            ++lines;
        }
        qInfo("%d lines", lines);
    }

    // What is quoted as sh wants it stays one word with the same characters, whatever it holds.
    void quotedWordsSurvive()
    {
        std::mt19937 random(7);
        for (int i = 0; i < 5000; ++i) {
            QString word;
            for (int length = int(random() % 12) + 1; length > 0; --length) {
                word += QChar(ushort(0x20 + random() % 0x5F));
            }
            const QString quoted = u'\'' + QString(word).replace(u'\'', u"'\\''"_s) + u'\'';
            const auto line = readShell(u"echo "_s + quoted);
            QVERIFY2(line.isCertain(), qPrintable(quoted));
            QCOMPARE(line.commands.size(), 1);
            QCOMPARE(line.commands.first().words, (QStringList{u"echo"_s, word}));
        }
    }
};

QTEST_GUILESS_MAIN(FuzzShell)
#include "fuzz_Shell.moc"
