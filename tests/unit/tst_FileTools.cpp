#include "core/tools/FilesTool.h"
#include "core/tools/Schema.h"
#include "tests/unit/ToolTestKit.h"

#include <QTest>
#include <sys/stat.h>

using namespace Qt::StringLiterals;
using namespace sb;
using namespace sb::tools;
using toolkit::call;
using toolkit::get;
using toolkit::put;

class tst_FileTools : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void init() { m_place = std::make_unique<toolkit::Place>(); }

    void schemasAreStrict()
    {
        for (const BuiltinTool* tool : {static_cast<BuiltinTool*>(&m_read),
                                        static_cast<BuiltinTool*>(&m_write),
                                        static_cast<BuiltinTool*>(&m_edit),
                                        static_cast<BuiltinTool*>(&m_list)}) {
            const QJsonObject schema = tool->spec().schema;
            QVERIFY(!checkArguments(schema, {{u"path"_s, 3}}));
            QVERIFY(!checkArguments(schema, {{u"path"_s, u"a"_s}, {u"other"_s, 1}}));
            QVERIFY(!tool->spec().description.isEmpty());
        }
        QVERIFY(checkArguments(m_read.spec().schema,
                               {{u"path"_s, u"a"_s}, {u"offset"_s, 5}, {u"limit"_s, 10}}));
        QVERIFY(!checkArguments(m_read.spec().schema, {{u"path"_s, u"a"_s}, {u"offset"_s, 0}}));
        QVERIFY(!checkArguments(m_read.spec().schema, {{u"path"_s, u"a"_s}, {u"offset"_s, 1.5}}));
        QVERIFY(!checkArguments(m_edit.spec().schema, {{u"path"_s, u"a"_s}, {u"old"_s, u"b"_s}}));
        QVERIFY(checkArguments(m_list.spec().schema, {}));
    }

    void nothingCrashesOnNonsense()
    {
        const QList<QJsonValue> values{QJsonValue(),
                                       QJsonValue(true),
                                       QJsonValue(-1e300),
                                       QJsonValue(u""_s),
                                       QJsonArray{1},
                                       QJsonObject(),
                                       QString(100'000, u'x')};
        for (BuiltinTool* tool : {static_cast<BuiltinTool*>(&m_read),
                                  static_cast<BuiltinTool*>(&m_write),
                                  static_cast<BuiltinTool*>(&m_edit),
                                  static_cast<BuiltinTool*>(&m_list)}) {
            for (const QJsonValue& value : values) {
                QJsonObject arguments;
                for (const auto* name :
                     {"path", "content", "old", "new", "offset", "limit", "replace_all"}) {
                    arguments.insert(QLatin1StringView(name), value);
                }
                (void)call(*tool, arguments, m_place->context);
                arguments.insert(u"path"_s, u"a.txt"_s);
                (void)call(*tool, arguments, m_place->context);
            }
        }
        Context nowhere = m_place->context;
        nowhere.workspace = u"/nonexistent"_s;
        QVERIFY(call(m_read, {{u"path"_s, u"a"_s}}, nowhere)
                    .text.contains(u"workspace is not there"_s));
    }

    void pathsThatLeaveAreFacts()
    {
        QFile::link(m_place->outside, m_place->in(u"out"_s));
        for (const QString& path : {u"../outside/secret.txt"_s,
                                    u"/etc/passwd"_s,
                                    u"out/secret.txt"_s,
                                    u"~/.ssh/id_rsa"_s,
                                    u"/proc/self/root/etc/passwd"_s}) {
            for (BuiltinTool* tool : {static_cast<BuiltinTool*>(&m_read),
                                      static_cast<BuiltinTool*>(&m_write),
                                      static_cast<BuiltinTool*>(&m_edit),
                                      static_cast<BuiltinTool*>(&m_list)}) {
                const auto plan = tool->plan({{u"path"_s, path},
                                              {u"content"_s, u"x"_s},
                                              {u"old"_s, u"secret"_s},
                                              {u"new"_s, u"x"_s}},
                                             m_place->context);
                QVERIFY(plan);
                QVERIFY(plan->action.leavesWorkspace);
                QCOMPARE(plan->action.subject, plan->paths.value(0));
                QVERIFY(plan->before.isEmpty());
                // Even if the gate let it through, nothing would happen.
                QVERIFY(toolkit::run(*tool, *plan, m_place->context)->isError);
            }
        }
        QCOMPARE(get(m_place->outside + u"/secret.txt"_s), "secret\n");
    }

    void readsText()
    {
        put(m_place->in(u"a.txt"_s), "one\r\ntwo\nthree");
        const auto whole = call(m_read, {{u"path"_s, u"a.txt"_s}}, m_place->context);
        QCOMPARE(whole.text, u"one\r\ntwo\nthree"_s);
        QVERIFY(!whole.isError);
        const auto part = call(
            m_read, {{u"path"_s, u"a.txt"_s}, {u"offset"_s, 2}, {u"limit"_s, 1}}, m_place->context);
        QCOMPARE(part.text,
                 u"two\n[These are lines 2 to 2 of a file of 14 bytes. Go on with offset 3.]"_s);
        QCOMPARE(call(m_read, {{u"path"_s, u"a.txt"_s}, {u"offset"_s, 9}}, m_place->context).text,
                 u"[The file has no line 9; its last is 3.]"_s);
        put(m_place->in(u"empty"_s), "");
        QCOMPARE(call(m_read, {{u"path"_s, u"empty"_s}}, m_place->context).text,
                 u"[The file is empty.]"_s);
        QVERIFY(call(m_read, {{u"path"_s, u"none"_s}}, m_place->context)
                    .text.contains(u"There is no none"_s));
        QVERIFY(call(m_read, {{u"path"_s, u"."_s}}, m_place->context).text.contains(u"folder"_s));
    }

    void readsWhatIsNoText()
    {
        put(m_place->in(u"bin"_s),
            QByteArray("\x7f"
                       "ELF\0\0",
                       6));
        const auto binary = call(m_read, {{u"path"_s, u"bin"_s}}, m_place->context);
        QVERIFY(binary.isError);
        QVERIFY(binary.text.contains(u"binary file of 6 bytes"_s));
        put(m_place->in(u"latin1"_s), "gr\xfc\xdf\n");
        const auto latin = call(m_read, {{u"path"_s, u"latin1"_s}}, m_place->context);
        QVERIFY(latin.text.startsWith(u"gr\ufffd\ufffd\n[The file is not valid UTF-8"_s));
        put(m_place->in(u"bom"_s), "\xef\xbb\xbfhi\n");
        QCOMPARE(call(m_read, {{u"path"_s, u"bom"_s}}, m_place->context).text, u"hi\n"_s);
        mkfifo(qPrintable(m_place->in(u"fifo"_s)), 0600);
        QVERIFY(call(m_read, {{u"path"_s, u"fifo"_s}}, m_place->context)
                    .text.contains(u"named pipe"_s));
    }

    void readsALongFileInPieces()
    {
        QByteArray text;
        for (int i = 1; i <= 5000; ++i) {
            text += QByteArray::number(i) + '\n';
        }
        put(m_place->in(u"long"_s), text);
        QString joined;
        qint64 offset = 1;
        for (int pieces = 0; pieces < 10; ++pieces) {
            const auto output =
                call(m_read, {{u"path"_s, u"long"_s}, {u"offset"_s, offset}}, m_place->context);
            const qint64 lines = output.facts.value(u"lines"_s).toInteger();
            joined += output.text.section(u'\n', 0, int(lines) - 1) + u'\n';
            offset += lines;
            if (!output.facts.value(u"truncated"_s).toBool()) {
                break;
            }
        }
        QCOMPARE(joined.toUtf8(), text);
        put(m_place->in(u"wide"_s), QByteArray(200'000, 'x'));
        const auto wide = call(m_read, {{u"path"_s, u"wide"_s}}, m_place->context);
        QVERIFY(wide.text.size() < 66'000);
        QVERIFY(wide.text.contains(u"Line 1 is longer than 64 KiB"_s));
    }

    void listsAFolder()
    {
        put(m_place->in(u"b.txt"_s), "12345");
        put(m_place->in(u".hidden"_s), "");
        put(m_place->in(u"dir/c"_s), "");
        put(m_place->in(u"two\nlines"_s), "");
        QFile::link(u"b.txt"_s, m_place->in(u"link"_s));
        QCOMPARE(call(m_list, {}, m_place->context).text,
                 u"dir/\n.hidden  0\nb.txt  5\nlink -> b.txt\ntwo\ufffdlines  0"_s);
        QCOMPARE(call(m_list, {{u"path"_s, u"dir"_s}}, m_place->context).text, u"c  0"_s);
        for (int i = 0; i < 1200; ++i) {
            put(m_place->in(u"many/%1"_s.arg(i)), "");
        }
        QVERIFY(call(m_list, {{u"path"_s, u"many"_s}}, m_place->context)
                    .text.contains(u"[200 more entries"_s));
    }

    void writesAndKeepsWhatWasThere()
    {
        const QJsonObject arguments{{u"path"_s, u"src/new.txt"_s}, {u"content"_s, u"one\ntwo"_s}};
        const auto plan = m_write.plan(arguments, m_place->context);
        QVERIFY(plan);
        const QString absolute = m_place->in(u"src/new.txt"_s);
        QCOMPARE(plan->action.subject, u"src/new.txt"_s);
        QCOMPARE(plan->action.effect, policy::Effect::WriteWorkspace);
        QCOMPARE(plan->paths, QStringList(absolute));
        QCOMPARE(plan->digests, (QMap<QString, QString>{{absolute, QString()}}));
        QCOMPARE(plan->before,
                 (QMap<QString, std::optional<QByteArray>>{{absolute, std::nullopt}}));
        QVERIFY(plan->diff.contains(u"+one\n+two\n\\ No newline at end of file"_s));
        QCOMPARE(plan->command, u"Create src/new.txt (+2)"_s);
        QVERIFY(!QFile::exists(absolute)); // a plan changes nothing
        QVERIFY(!QFile::exists(m_place->in(u"src"_s)));
        QVERIFY(!toolkit::run(m_write, *plan, m_place->context)->isError);
        QCOMPARE(get(absolute), "one\ntwo");

        const auto again = m_write.plan(
            {{u"path"_s, u"src/new.txt"_s}, {u"content"_s, u"three\n"_s}}, m_place->context);
        QCOMPARE(again->before.value(absolute), std::optional<QByteArray>("one\ntwo"));
        QCOMPARE(again->digests.value(absolute), digestOf("one\ntwo"));
        QCOMPARE(again->command, u"Change src/new.txt (+1 -2)"_s);
        const auto output = toolkit::run(m_write, *again, m_place->context);
        QCOMPARE(output->facts.value(u"insertions"_s).toInt(), 1);
        QCOMPARE(output->facts.value(u"created"_s).toBool(true), false);
        QVERIFY(call(m_write,
                     {{u"path"_s, u"src/new.txt"_s}, {u"content"_s, u"three\n"_s}},
                     m_place->context)
                    .text.contains(u"already"_s));
    }

    void noticesChangesSinceThePlan()
    {
        put(m_place->in(u"a.txt"_s), "one\n");
        const auto plan = m_edit.plan(edit(u"one"_s, u"two"_s), m_place->context);
        QVERIFY(plan);
        put(m_place->in(u"a.txt"_s), "one and more\n");
        const auto output = toolkit::run(m_edit, *plan, m_place->context);
        QVERIFY(output->isError);
        QVERIFY(output->text.contains(u"has changed since"_s));
        QCOMPARE(get(m_place->in(u"a.txt"_s)), "one and more\n");

        const auto create =
            m_write.plan({{u"path"_s, u"b.txt"_s}, {u"content"_s, u"mine"_s}}, m_place->context);
        put(m_place->in(u"b.txt"_s), "theirs");
        QVERIFY(toolkit::run(m_write, *create, m_place->context)->isError);
        QCOMPARE(get(m_place->in(u"b.txt"_s)), "theirs");

        const auto gone =
            m_write.plan({{u"path"_s, u"b.txt"_s}, {u"content"_s, u"mine"_s}}, m_place->context);
        QFile::remove(m_place->in(u"b.txt"_s));
        QVERIFY(toolkit::run(m_write, *gone, m_place->context)->isError);
        QVERIFY(!QFile::exists(m_place->in(u"b.txt"_s)));
    }

    void editsKeepEverythingElse_data()
    {
        QTest::addColumn<QByteArray>("before");
        QTest::addColumn<QString>("old");
        QTest::addColumn<QString>("now");
        QTest::addColumn<QByteArray>("after");
        const auto row = [](const char* name,
                            const char* before,
                            const QString& old,
                            const QString& now,
                            const char* after) {
            QTest::newRow(name) << QByteArray(before) << old << now << QByteArray(after);
        };
        row("one line", "a\nb\nc\n", u"b"_s, u"B"_s, "a\nB\nc\n");
        row("no final newline", "a\nb", u"b"_s, u"B"_s, "a\nB");
        row("CRLF, model writes LF",
            "a\r\nb\r\nc\r\n",
            u"a\nb\n"_s,
            u"x\ny\nz\n"_s,
            "x\r\ny\r\nz\r\nc\r\n");
        row("CRLF, model writes CRLF", "a\r\nb\r\n", u"a\r\nb"_s, u"x\r\ny"_s, "x\r\ny\r\n");
        row("CRLF without final newline", "a\r\nb", u"b"_s, u"b\nc"_s, "a\r\nb\r\nc");
        row("mixed ends", "a\r\nb\nc\n", u"b\nc"_s, u"x\ny"_s, "a\r\nx\ny\n");
        row("BOM",
            "\xef\xbb\xbf"
            "a\nb\n",
            u"a"_s,
            u"x"_s,
            "\xef\xbb\xbfx\nb\n");
        row("deletes", "a\nb\nc\n", u"b\n"_s, QString(), "a\nc\n");
        row("tabs and trailing spaces", "\ta  \n\tb\t\n", u"\tb\t"_s, u"\tc\t"_s, "\ta  \n\tc\t\n");
        row("beyond the BMP", "x😀y\n", u"😀"_s, u"文"_s, "x文y\n");
        row("no pattern", "a.c\nabc\n", u"a.c"_s, u"\\1$&"_s, "\\1$&\nabc\n");
        row("decomposed stays", "e\xcc\x81 x\n", u"x"_s, u"é"_s, "e\xcc\x81 \xc3\xa9\n");
    }
    void editsKeepEverythingElse()
    {
        QFETCH(QByteArray, before);
        QFETCH(QString, old);
        QFETCH(QString, now);
        QFETCH(QByteArray, after);
        put(m_place->in(u"a.txt"_s), before);
        const auto output = call(m_edit, edit(old, now), m_place->context);
        QVERIFY2(!output.isError, qPrintable(output.text));
        QCOMPARE(get(m_place->in(u"a.txt"_s)), after);
    }

    void refusesEdits_data()
    {
        QTest::addColumn<QByteArray>("content");
        QTest::addColumn<QString>("old");
        QTest::addColumn<QString>("words");
        QTest::newRow("absent text")
            << QByteArray("int main()\n{\n    return 1;\n}\n") << u"  return  1 ;"_s
            << u"does not occur in a.txt; it must match letter for letter. Line 3 comes nearest:     return 1;"_s;
        QTest::newRow("twice") << QByteArray("x\ny\nx\n") << u"x"_s
                               << u"occurs 2 times in a.txt (lines 1, 3)"_s;
        QTest::newRow("overlapping") << QByteArray("aaa\n") << u"aa"_s << u"occurs 2 times"_s;
        QTest::newRow("empty") << QByteArray("x\n") << QString() << u"\"old\" is empty"_s;
        QTest::newRow("same") << QByteArray("x\n") << u"new"_s << u"are the same"_s;
        QTest::newRow("binary") << QByteArray("x\0y", 3) << u"x"_s << u"not a UTF-8 text file"_s;
        QTest::newRow("Latin-1") << QByteArray("gr\xfc\n") << u"gr"_s << u"not a UTF-8 text file"_s;
    }
    void refusesEdits()
    {
        QFETCH(QByteArray, content);
        QFETCH(QString, old);
        QFETCH(QString, words);
        put(m_place->in(u"a.txt"_s), content);
        const auto output = call(m_edit, edit(old, u"new"_s), m_place->context);
        QVERIFY(output.isError);
        QVERIFY2(output.text.contains(words), qPrintable(output.text));
        QCOMPARE(get(m_place->in(u"a.txt"_s)), content);
    }

    void replacesEverywhereWhenAsked()
    {
        put(m_place->in(u"a.txt"_s), "x x x\n");
        QJsonObject arguments = edit(u"x"_s, u"xx"_s);
        arguments.insert(u"replace_all"_s, true);
        QVERIFY(!call(m_edit, arguments, m_place->context).isError);
        QCOMPARE(get(m_place->in(u"a.txt"_s)), "xx xx xx\n");
        QVERIFY(call(m_edit,
                     {{u"path"_s, u"none"_s}, {u"old"_s, u"a"_s}, {u"new"_s, u"b"_s}},
                     m_place->context)
                    .text.contains(u"file_write creates files"_s));
    }

    void leavesTheRepositoryAlone()
    {
        put(m_place->in(u".git/config"_s), "[core]\n");
        for (const QString& path :
             {u".git/hooks/pre-commit"_s, u".git/config"_s, u"sub/.GIT/config"_s, u".git"_s}) {
            const auto plan =
                m_write.plan({{u"path"_s, path}, {u"content"_s, u"x"_s}}, m_place->context);
            QVERIFY(!plan);
            QCOMPARE(plan.error().code, ErrorCode::Forbidden);
        }
        QVERIFY(
            m_write.plan({{u"path"_s, u".gitignore"_s}, {u"content"_s, u"x"_s}}, m_place->context));
        QCOMPARE(call(m_read, {{u"path"_s, u".git/config"_s}}, m_place->context).text,
                 u"[core]\n"_s);
    }

    void aDiffCannotSpoofATerminal()
    {
        const auto plan = m_write.plan(
            {{u"path"_s, u"a.txt"_s}, {u"content"_s, u"ok\x1b[2K\x1b]0;title\x07\u202etxt"_s}},
            m_place->context);
        QVERIFY(!plan->diff.contains(QChar(0x1b)));
        QVERIFY(!plan->diff.contains(QChar(0x202e)));
        QVERIFY(!toolkit::run(m_write, *plan, m_place->context)->isError);
        QCOMPARE(get(m_place->in(u"a.txt"_s)), u"ok\x1b[2K\x1b]0;title\x07\u202etxt"_s.toUtf8());
    }

    void refusesWhatIsTooLarge()
    {
        {
            QFile file(m_place->in(u"big"_s));
            QVERIFY(file.open(QIODevice::WriteOnly));
            QVERIFY(file.resize(qint64(17) << 20));
        }
        QVERIFY(call(m_write, {{u"path"_s, u"big"_s}, {u"content"_s, u"x"_s}}, m_place->context)
                    .text.contains(u"larger than 16 MiB"_s));
        QVERIFY(call(m_write,
                     {{u"path"_s, u"b"_s}, {u"content"_s, QString(17 << 20, u'x')}},
                     m_place->context)
                    .text.contains(u"larger than 16 MiB"_s));
    }

    void stopsBeforeItBegins()
    {
        const auto plan =
            m_write.plan({{u"path"_s, u"a"_s}, {u"content"_s, u"x"_s}}, m_place->context);
        std::stop_source stop;
        stop.request_stop();
        const auto output = toolkit::run(m_write, *plan, m_place->context, stop.get_token());
        QVERIFY(!output);
        QCOMPARE(output.error().code, ErrorCode::Cancelled);
        QVERIFY(!QFile::exists(m_place->in(u"a"_s)));
    }

private:
    static QJsonObject edit(const QString& old, const QString& now)
    {
        return {{u"path"_s, u"a.txt"_s}, {u"old"_s, old}, {u"new"_s, now}};
    }

    std::unique_ptr<toolkit::Place> m_place;
    git::Library m_library;
    Pool m_pool{2, u"pool"_s};
    const Files m_files{m_pool,
                        [](const QString& workspace) { return Workspace::open(workspace); }};
    FileReadTool m_read{m_files};
    FileListTool m_list{m_files};
    FileWriteTool m_write{m_files, m_library};
    FileEditTool m_edit{m_files, m_library};
};

QTEST_GUILESS_MAIN(tst_FileTools)
#include "tst_FileTools.moc"
