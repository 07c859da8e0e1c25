#include "core/policy/Policy.h"
#include "core/policy/Shell.h"

#include <QElapsedTimer>
#include <QProcess>
#include <QStandardPaths>
#include <QTemporaryDir>
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

    // What the reader is certain of is what bash really runs: the same commands with the same
    // words. Nothing here exists as a program; bash hands each command to a function that prints
    // it.
    void bashAgrees()
    {
        const QString bash = QStandardPaths::findExecutable(u"bash"_s);
        if (bash.isEmpty()) {
            QSKIP("bash is not installed");
        }
        static const QStringList pieces{
            u"alpha"_s,       u"beta"_s, u"gamma"_s, u" "_s,      u" "_s,    u" "_s,
            u"\t"_s,          u";"_s,    u"\n"_s,    u"&&"_s,     u"'"_s,    u"'"_s,
            u"\""_s,          u"\""_s,   u"\\"_s,    u"#"_s,      u"2>&1"_s, u">/dev/null"_s,
            u"&>/dev/null"_s, u"2"_s,    u"é"_s,     u"-n"_s,     u","_s,    u"$"_s,
            u"]"_s,           u"@"_s,    u"<&0"_s,   u"\u00A0"_s, u"^"_s,    u"+"_s};
        std::mt19937 random(42);
        QList<ShellLine> lines;
        QByteArray input;
        for (int tries = 0; tries < 200'000 && lines.size() < 3000; ++tries) {
            QString line;
            for (auto length = random() % 14 + 1; length > 0; --length) {
                line += pieces[qsizetype(random() % size_t(pieces.size()))];
            }
            auto read = readShell(line);
            // A name with a slash is a path, which bash does not hand to the function.
            const bool path = std::ranges::any_of(read.commands, [](const ShellCommand& command) {
                return command.words.first().contains(u'/');
            });
            if (read.isCertain() && !read.commands.isEmpty() && !path) {
                input += line.toUtf8() + '\0';
                lines.append(std::move(read));
            }
        }
        QVERIFY(lines.size() > 1000);
        const QTemporaryDir folder;
        QProcess process;
        process.setWorkingDirectory(folder.path());
        auto environment = QProcessEnvironment();
        environment.insert(u"PATH"_s, u"/nonexistent"_s);
        environment.insert(u"LC_ALL"_s, u"C.UTF-8"_s);
        process.setProcessEnvironment(environment);
        process.setStandardErrorFile(QProcess::nullDevice());
        process.start(
            bash,
            {u"--norc"_s,
             u"--noprofile"_s,
             u"-c"_s,
             u"exec 3>&1 4<&0 </dev/null\n"
             // One write for each command, so that those in the background do not mix; a line end
             // would make two of it.
             "command_not_found_handle() { printf -v s '%s\\037' \"$@\"; "
             "printf '%s\\036' \"${s//$'\\n'/$'\\034'}\" >&3; }\n"
             "while IFS= read -r -d '' line <&4; do eval \"$line\"; wait; printf '\\035' >&3; done"_s});
        process.write(input);
        process.closeWriteChannel();
        QVERIFY(process.waitForFinished(60'000));
        const auto answers = process.readAllStandardOutput().replace('\034', '\n').split('\035');
        QCOMPARE(answers.size(), lines.size() + 1);
        qsizetype equal = 0;
        const auto inputs = input.split('\0');
        for (qsizetype i = 0; i < lines.size(); ++i) {
            auto ran = answers[i].split('\036');
            ran.removeLast(); // behind the last mark
            QList<QByteArray> expected;
            for (const ShellCommand& command : lines[i].commands) {
                expected.append(command.words.join(QChar(0x1F)).toUtf8() + '\x1F');
            }
            // What runs behind a single & has no order.
            std::ranges::sort(ran);
            std::ranges::sort(expected);
            // Nothing runs that the reader did not see. A line that bash refuses, or a descriptor
            // that is not open, runs less.
            QVERIFY2(std::ranges::includes(expected, ran),
                     QByteArray(inputs[i] + " | " + ran.join(" / ") + " | " + expected.join(" / "))
                         .constData());
            equal += ran == expected ? 1 : 0;
        }
        QVERIFY2(equal > lines.size() * 8 / 10, qPrintable(QString::number(equal)));
        qInfo("%lld lines", qint64(lines.size()));
    }
};

QTEST_GUILESS_MAIN(FuzzShell)
#include "fuzz_Shell.moc"
