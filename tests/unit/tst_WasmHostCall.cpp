#include "core/wasm/HostCall.h"
#include "core/wasm/HostProtocol.h"
#include "core/wasm/Hosts.h"
#include "core/wasm/KvStore.h"

#include <QFile>
#include <QJsonDocument>
#include <QTemporaryDir>
#include <QTest>

using namespace sb;
using namespace sb::wasm;
using namespace Qt::StringLiterals;

/// What guests ask for: reading it, what it needs, where it goes; and the frames it comes in.
class tst_WasmHostCall : public QObject
{
    Q_OBJECT

    static QByteArray fetch(const char* url)
    {
        return "{\"method\":\"net_fetch\",\"params\":{\"url\":\"" + QByteArray(url) + "\"}}";
    }

private Q_SLOTS:
    void mapsToTools_data()
    {
        QTest::addColumn<QByteArray>("request");
        QTest::addColumn<QString>("capability");
        QTest::addColumn<QString>("tool");
        QTest::addColumn<QByteArray>("arguments");
        QTest::newRow("read") << QByteArray(R"({"method":"fs_read","params":{"path":"a"}})")
                              << u"fs_read"_s << u"file_read"_s << QByteArray(R"({"path":"a"})");
        QTest::newRow("write")
            << QByteArray(R"({"method":"fs_write","params":{"path":"a","content":"b","mode":7}})")
            << u"fs_write"_s << u"file_write"_s << QByteArray(R"({"content":"b","path":"a"})");
        QTest::newRow("list") << QByteArray(R"({"method":"fs_list","params":{"path":"."}})")
                              << u"fs_list"_s << u"file_list"_s << QByteArray(R"({"path":"."})");
        QTest::newRow("fetch") << fetch("https://a.example/x") << u"net_fetch:a.example:443"_s
                               << u"web_fetch"_s << QByteArray("{\"url\":\"https://a.example/x\"}");
        QTest::newRow("shell") << QByteArray(
                                      R"({"method":"shell_exec","params":{"command":"ls | wc"}})")
                               << u"shell_exec"_s << u"shell"_s
                               << QByteArray(R"({"command":"ls | wc"})");
        QTest::newRow("program")
            << QByteArray(
                   R"({"method":"shell_exec","params":{"command":"ls","args":["a b","it's","$x"]}})")
            << u"shell_exec"_s << u"shell"_s
            << QByteArray(R"({"command":"'ls' 'a b' 'it'\\''s' '$x'"})");
        QTest::newRow("time") << QByteArray(R"({"method":"time_now"})") << QString() << QString()
                              << QByteArray();
        QTest::newRow("store") << QByteArray(R"({"method":"kv_get","params":{"key":"k"}})")
                               << u"kv"_s << QString() << QByteArray();
    }
    void mapsToTools()
    {
        QFETCH(const QByteArray, request);
        QFETCH(const QString, capability);
        QFETCH(const QString, tool);
        QFETCH(const QByteArray, arguments);
        const auto call = readHostCall(request);
        QVERIFY2(call, call ? "" : qPrintable(call.error().message));
        QCOMPARE(neededCapability(*call), Result<QString>(capability));
        const auto mapped = toolFor(*call);
        QCOMPARE(mapped.has_value(), !tool.isEmpty());
        if (mapped) {
            QCOMPARE(mapped->tool, tool);
            QCOMPARE(QJsonDocument(mapped->arguments).toJson(QJsonDocument::Compact), arguments);
        }
    }
    void refusesNonsense_data()
    {
        QTest::addColumn<QByteArray>("request");
        QTest::addColumn<QString>("message");
        QTest::newRow("empty") << QByteArray() << u"A host call must be a JSON object."_s;
        QTest::newRow("array") << QByteArray("[1]") << u"A host call must be a JSON object."_s;
        QTest::newRow("unknown") << QByteArray(R"({"method":"fs_erase"})")
                                 << u"There is no host call \"fs_erase\"."_s;
        QTest::newRow("params") << QByteArray(R"({"method":"fs_read","params":[]})")
                                << u"\"params\" must be an object."_s;
        QTest::newRow("missing") << QByteArray(R"({"method":"fs_read"})")
                                 << u"fs_read needs the text \"path\"."_s;
        QTest::newRow("number") << QByteArray(R"({"method":"fs_read","params":{"path":1}})")
                                << u"fs_read needs the text \"path\"."_s;
    }
    void refusesNonsense()
    {
        QFETCH(const QByteArray, request);
        QFETCH(const QString, message);
        const auto call = readHostCall(request);
        QVERIFY(!call);
        QCOMPARE(call.error().message, message);
    }
    void covers_data()
    {
        QTest::addColumn<QString>("capability");
        QTest::addColumn<QString>("needed");
        QTest::addColumn<bool>("covered");
        const auto row = [](const char* capability, const char* needed, bool covered) {
            QTest::addRow("%s for %s", capability, needed)
                << QString::fromLatin1(capability) << QString::fromLatin1(needed) << covered;
        };
        row("fs_read", "fs_read", true);
        row("fs_read", "fs_write", false);
        row("*", "fs_read", false);
        row("net_fetch:a.example", "net_fetch:a.example:443", true);
        row("net_fetch:A.example", "net_fetch:a.example:80", true);
        row("net_fetch:a.example", "net_fetch:a.example:8443", false);
        row("net_fetch:a.example:8443", "net_fetch:a.example:8443", true);
        row("net_fetch:a.example:*", "net_fetch:a.example:1", true);
        row("net_fetch:*.example", "net_fetch:a.example:443", true);
        row("net_fetch:*.example", "net_fetch:example:443", false);
        row("net_fetch:*.example", "net_fetch:badexample:443", false);
        row("net_fetch:*", "net_fetch:anything:443", true);
        row("net_fetch", "net_fetch:anything:443", false);
        row("net_fetch:", "net_fetch:anything:443", false);
    }
    void covers()
    {
        QFETCH(const QString, capability);
        QFETCH(const QString, needed);
        QFETCH(const bool, covered);
        QCOMPARE(wasm::covers({capability}, needed), covered);
    }
    void addressesThatDeceive()
    {
        for (const char* url : {"ftp://a.example", "https://", "a.example", "file:///etc/passwd"}) {
            const auto call = readHostCall(fetch(url));
            QVERIFY(call);
            QVERIFY2(!neededCapability(*call), url);
        }
        // What stands before the @ is no host.
        const auto call = readHostCall(fetch("https://good.example@bad.example/"));
        QCOMPARE(neededCapability(*call), Result<QString>(u"net_fetch:bad.example:443"_s));
    }
    void capabilitiesAreChecked()
    {
        QVERIFY(checkCapability(u"fs_read"_s));
        QVERIFY(checkCapability(u"net_fetch:a.example"_s));
        for (const auto& wrong : {u"env_read"_s, u"net_fetch"_s, u"net_fetch:"_s, u"*"_s, u""_s}) {
            QVERIFY2(!checkCapability(wrong), qPrintable(wrong));
        }
    }

    void storeKeepsAndForgets()
    {
        const QTemporaryDir folder;
        const QString skill = folder.filePath(u"data/tally"_s);
        KvStores stores;
        QCOMPARE(stores.get(skill, u"a"_s), Result<QJsonValue>(QJsonValue::Null));
        QVERIFY(stores.set(skill, u"a"_s, 5));
        QVERIFY(stores.set(skill, u"b"_s, QJsonObject{{u"x"_s, u"y"_s}}));
        QCOMPARE(KvStores().get(skill, u"a"_s), Result<QJsonValue>(5));
        QVERIFY(stores.set(skill, u"a"_s, QJsonValue::Null));
        QCOMPARE(stores.get(skill, u"a"_s), Result<QJsonValue>(QJsonValue::Null));
        QVERIFY(!stores.set(skill, QString(), 1));
        const auto full = stores.set(skill, u"c"_s, QString(300'000, u'x'));
        QVERIFY(!full);
        QCOMPARE(full.error().message, u"The skill's store is full; it holds 256 KiB."_s);
        QCOMPARE(stores.get(skill, u"c"_s), Result<QJsonValue>(QJsonValue::Null));
        QFile file(skill + u"/kv.json"_s);
        QVERIFY(file.open(QIODevice::WriteOnly));
        file.write("no json");
        file.close();
        QCOMPARE(stores.get(skill, u"a"_s).error().code, ErrorCode::Corrupt);
    }

    void framesComeInAnyPieces()
    {
        const std::string bytes = host::frame(host::Kind::Log, "hello") +
                                  host::frame(host::Kind::Done, host::DoneHead(), "world") +
                                  host::frame(host::Kind::HostCall, "");
        for (size_t piece = 1; piece <= bytes.size(); ++piece) {
            host::FrameReader reader(1000);
            std::vector<host::Frame> frames;
            for (size_t at = 0; at < bytes.size(); at += piece) {
                reader.append(bytes.data() + at, std::min(piece, bytes.size() - at));
                while (auto frame = reader.next()) {
                    frames.push_back(std::move(*frame));
                }
            }
            QCOMPARE(frames.size(), size_t(3));
            QCOMPARE(frames[0].payload, std::string("hello"));
            QCOMPARE(frames[1].payload.substr(sizeof(host::DoneHead)), std::string("world"));
            QVERIFY(frames[2].payload.empty() && frames[2].kind == host::Kind::HostCall);
        }
    }
    void brokenFramesBreakTheStream()
    {
        host::FrameReader large(100);
        const auto bytes = host::frame(host::Kind::Log, std::string(101, 'x'));
        large.append(bytes.data(), bytes.size());
        QVERIFY(!large.next() && large.isBroken());
        host::FrameReader odd(100);
        auto wrong = host::frame(host::Kind::Log, "x");
        wrong[6] = 1;
        odd.append(wrong.data(), wrong.size());
        QVERIFY(!odd.next() && odd.isBroken());
    }
    void modulesAreChecked()
    {
        QCOMPARE(moduleFromBytes("\x7f"
                                 "ELF")
                     .error()
                     .message,
                 u"The file is no WebAssembly module (version 1)."_s);
        QCOMPARE(moduleFromBytes(QByteArray("\0asm\1\0\0\0", 8) + QByteArray(100 << 20, 0))
                     .error()
                     .message,
                 u"The WebAssembly module is larger than 16 MiB."_s);
        QCOMPARE(moduleFromFile(u"/nonexistent/a.wasm"_s).error().code, ErrorCode::NotFound);
    }
};

QTEST_GUILESS_MAIN(tst_WasmHostCall)
#include "tst_WasmHostCall.moc"
