#include "core/tools/WasmTool.h"
#include "tests/unit/ToolTestKit.h"

#include <QJsonArray>
#include <QJsonDocument>
#include <QTest>

using namespace sb;
using namespace sb::tools;
using namespace toolkit;

/// The example skills, as they lie in the repository.
class tst_WasmSkills : public QObject
{
    Q_OBJECT

    SystemClock m_clock;
    Pool m_pool{1, u"pool"_s};
    wasm::KvStores m_stores;
    std::unique_ptr<wasm::Hosts> m_hosts;

    static QString fileOf(const QString& skill, const QString& module)
    {
        return QStringLiteral(SB_SOURCE_DIR "/resources/skills/") + skill + u'/' + module;
    }
    std::unique_ptr<WasmTool> tool(WasmToolSpec spec, const Place& place)
    {
        spec.limits.instructions = 50'000'000;
        WasmTool::Parts parts{*m_hosts, m_stores, m_pool, m_clock, {}, {}};
        parts.through = [work = place.work](const Context&, const llm::ToolCall& call) {
            const QByteArray bytes = get(work + u'/' + call.arguments.value(u"path"_s).toString());
            return Future<Output>::ready(
                Output{call.name + u": "_s + QString::fromUtf8(bytes), false, {}});
        };
        return std::move(*WasmTool::create(std::move(spec), std::move(parts)));
    }

private Q_SLOTS:
    void init()
    {
        wasm::Hosts::Settings settings;
        settings.program = QStringLiteral(SB_BIN_DIR "/signalbox-wasm-host");
        m_hosts = std::make_unique<wasm::Hosts>(settings, m_clock);
    }
    void cleanup() { m_hosts.reset(); }

    void fileTally()
    {
        const Place place;
        put(place.in(u"notes.txt"_s), "one \"two\"\n\tthr\\ee \xe2\x82\xac\nfour");
        WasmToolSpec spec;
        spec.skill = u"file-tally"_s;
        spec.name = u"file_tally"_s;
        spec.module = fileOf(u"file-tally"_s, u"tally.wasm"_s);
        spec.capabilities = QStringList{u"fs_read"_s, u"kv"_s};
        spec.dataFolder = place.top + u"/data"_s;
        const auto made = tool(spec, place);
        const QJsonObject wanted{{u"path"_s, u"notes.txt"_s}};
        auto output = call(*made, wanted, place.context);
        // "file_read: " stands before what was read.
        QCOMPARE(output.text, u"{\"bytes\":37,\"words\":6,\"lines\":3,\"words_before\":null}"_s);
        QVERIFY(!output.isError);
        put(place.in(u"notes.txt"_s), "one");
        output = call(*made, wanted, place.context);
        QCOMPARE(output.text, u"{\"bytes\":14,\"words\":2,\"lines\":1,\"words_before\":6}"_s);
        QCOMPARE(output.facts.value(u"host_calls"_s).toInt(), 3);

        spec.capabilities = QStringList{u"kv"_s};
        const auto weaker = tool(spec, place);
        output = call(*weaker, wanted, place.context);
        QCOMPARE(output.text,
                 u"{\"error\":\"The skill \\\"file-tally\\\" does not have the capability "
                 "\\\"fs_read\\\".\"}"_s);
        QVERIFY(output.isError);
    }
    void csvTable()
    {
        const Place place;
        WasmToolSpec spec;
        spec.skill = u"csv-table"_s;
        spec.name = u"csv_table"_s;
        spec.module = fileOf(u"csv-table"_s, u"table.wasm"_s);
        const auto made = tool(spec, place);
        QVERIFY(made->isIdempotent());
        const auto output =
            call(*made,
                 {{u"csv"_s, u"name,note\r\nAda,\"a, \"\"b\"\"\nc\"\nBj\u00f6rn \U0001F600,x,y"_s}},
                 place.context);
        QVERIFY2(!output.isError, qPrintable(output.text));
        QCOMPARE(QJsonDocument::fromJson(output.text.toUtf8()).object(),
                 (QJsonObject{
                     {u"columns"_s, QJsonArray{u"name"_s, u"note"_s}},
                     {u"rows"_s,
                      QJsonArray{QJsonObject{{u"name"_s, u"Ada"_s}, {u"note"_s, u"a, \"b\"\nc"_s}},
                                 QJsonObject{{u"name"_s, u"Bj\u00f6rn \U0001F600"_s},
                                             {u"note"_s, u"x"_s}}}}}));
        const auto none = call(*made, {{u"csv"_s, QString()}}, place.context);
        QVERIFY(none.isError);
        QCOMPARE(none.text, u"{\"error\":\"There is no CSV.\"}"_s);
    }
    void modulesAreWhatTheirSourcesGive()
    {
#ifdef SB_BUILT_SKILLS
        for (const auto& [skill, module] : {std::pair{u"file-tally"_s, u"tally.wasm"_s},
                                            std::pair{u"csv-table"_s, u"table.wasm"_s}}) {
            const QByteArray built = get(QStringLiteral(SB_BUILT_SKILLS "/") + module);
            const QByteArray shipped = get(fileOf(skill, module));
            QVERIFY2(built == shipped,
                     qPrintable(module + u" is not what its source gives; build skills-update"_s));
        }
#else
        QSKIP("WebAssembly cannot be compiled here");
#endif
    }
};

QTEST_GUILESS_MAIN(tst_WasmSkills)
#include "tst_WasmSkills.moc"
