#include "core/sandbox/Seatbelt.h"
#include "core/sandbox/WindowsLaunch.h"

#include <QFile>
#include <QProcess>
#include <QRegularExpression>
#include <QStandardPaths>
#include <QTest>

using namespace sb;
using namespace sb::sandbox;
using namespace Qt::StringLiterals;

/// What would be launched on macOS and Windows, as data. Nothing of it runs here.
class tst_SandboxSystems : public QObject
{
    Q_OBJECT

    static LaunchPlan macPlan()
    {
        LaunchPlan plan;
        plan.argv = {u"/bin/sh"_s, u"-c"_s, u"make test"_s};
        plan.workspace = plan.cwd = u"/Users/ada/work/demo"_s;
        plan.environment = {{u"HOME"_s, plan.workspace}, {u"LANG"_s, u"C.UTF-8"_s}};
        return plan;
    }
    static SeatbeltHost macHost()
    {
        return {{u"/Users/ada/work/demo/.signalbox"_s}, u"/private/var/folders/x/launch-1"_s};
    }
    static LaunchPlan windowsPlan()
    {
        LaunchPlan plan;
        plan.argv = {
            u"C:\\Program Files\\Git\\bin\\git.exe"_s, u"commit"_s, u"-m"_s, u"a \"b\" c"_s};
        plan.workspace = plan.cwd = u"C:\\Users\\ada\\demo"_s;
        plan.environment = {
            {u"HOME"_s, plan.workspace}, {u"LANG"_s, u"C.UTF-8"_s}, {u"PATH"_s, u"/usr/bin"_s}};
        return plan;
    }
    static WindowsHost windowsHost()
    {
        return {u"signalbox.assistant"_s,
                u"C:\\Windows"_s,
                u"C:\\Users\\ada\\AppData\\Local\\Temp\\sb1"_s};
    }

    // The kept text; SB_UPDATE_GOLDEN writes it anew.
    static QString golden(const QString& name, const QString& now)
    {
        QFile file(QStringLiteral(SB_SOURCE_DIR "/tests/data/sandbox/") + name);
        if (qEnvironmentVariableIsSet("SB_UPDATE_GOLDEN") && file.open(QIODevice::WriteOnly)) {
            file.write(now.toUtf8());
            file.close();
        }
        return file.open(QIODevice::ReadOnly) ? QString::fromUtf8(file.readAll()) : QString();
    }

    // How Microsoft's C library takes a command line apart (after the program's own word).
    static QStringList taken(const QString& line)
    {
        QStringList words;
        QString word;
        bool inside = false;
        bool any = false;
        for (qsizetype i = 0; i < line.size();) {
            qsizetype slashes = 0;
            while (i < line.size() && line[i] == u'\\') {
                ++slashes;
                ++i;
            }
            if (i < line.size() && line[i] == u'"') {
                word += QString(slashes / 2, u'\\');
                any = true;
                if (slashes % 2 == 1) {
                    word += u'"';
                } else if (inside && i + 1 < line.size() && line[i + 1] == u'"') {
                    word += u'"';
                    ++i;
                } else {
                    inside = !inside;
                }
                ++i;
                continue;
            }
            word += QString(slashes, u'\\');
            any = any || slashes > 0;
            if (i == line.size()) {
                break;
            }
            if (!inside && (line[i] == u' ' || line[i] == u'\t')) {
                if (any) {
                    words << word;
                }
                word.clear();
                any = false;
            } else {
                word += line[i];
                any = true;
            }
            ++i;
        }
        if (any) {
            words << word;
        }
        return words;
    }

private Q_SLOTS:
    void seatbeltIsAsKept()
    {
        auto plan = macPlan();
        plan.network = true;
        const auto profile = seatbeltProfile(plan, macHost());
        QVERIFY(profile);
        QCOMPARE(*profile, golden(u"seatbelt-network.sb"_s, *profile));
        plan.network = false;
        plan.workspaceReadOnly = true;
        const auto readOnly = seatbeltProfile(plan, macHost());
        QVERIFY(readOnly);
        QCOMPARE(*readOnly, golden(u"seatbelt-read-only.sb"_s, *readOnly));
    }
    void seatbeltDeniesByDefault()
    {
        for (const bool network : {false, true}) {
            auto plan = macPlan();
            plan.network = network;
            const auto profile = seatbeltProfile(plan, macHost());
            QVERIFY(profile);
            QVERIFY(profile->startsWith(u"(version 1)\n(deny default)\n"_s));
            QVERIFY(!profile->contains(u"(allow default)"_s));
            QVERIFY(
                !profile->contains(u"mach-lookup"_s)); // keychains, the clipboard, other programs
            QVERIFY(!profile->contains(u"/Users/ada\""_s));
            const auto lines = profile->split(u'\n');
            QCOMPARE(
                lines.filter(u"network"_s),
                network ? QStringList{u"(allow network-outbound (remote tcp \"localhost:3128\"))"_s}
                        : QStringList());
            // Written is only in the workspace and the launch's own folder.
            for (const auto& line : lines.filter(u"(allow"_s).filter(u"file-write*"_s)) {
                QVERIFY2(line.contains(u"\"/Users/ada/work/demo\""_s) ||
                             line.contains(u"\"/private/var/folders/x/launch-1\""_s),
                         qPrintable(line));
            }
            QCOMPARE(profile->count(u'('), profile->count(u')'));
        }
    }
    void seatbeltQuotesHostileFolders_data()
    {
        QTest::addColumn<QString>("path");
        QTest::addColumn<QString>("spelled");
        QTest::newRow("quotation mark")
            << u"/w/a\") (allow default) (\""_s << u"\"/w/a\\\") (allow default) (\\\"\""_s;
        QTest::newRow("backslash") << u"/w/a\\"_s << u"\"/w/a\\\\\""_s;
        QTest::newRow("both") << u"/w/\\\""_s << u"\"/w/\\\\\\\"\""_s;
        QTest::newRow("comment") << u"/w/;x"_s << u"\"/w/;x\""_s;
        QTest::newRow("line end") << u"/w/\n(allow default)"_s << QString();
        QTest::newRow("NUL") << QString(u"/w/"_s + QChar(u'\0')) << QString();
        QTest::newRow("relative") << u"w"_s << QString();
    }
    void seatbeltQuotesHostileFolders()
    {
        QFETCH(QString, path);
        QFETCH(QString, spelled);
        auto plan = macPlan();
        plan.workspace = path;
        const auto profile = seatbeltProfile(plan, macHost());
        if (spelled.isEmpty()) {
            QVERIFY(!profile);
            QCOMPARE(profile.error().code, ErrorCode::InvalidInput);
            return;
        }
        QVERIFY(profile);
        QVERIFY2(profile->contains(u"(subpath %1)"_s.arg(spelled)), qPrintable(*profile));
        QVERIFY(!profile->split(u'\n').contains(u"(allow default)"_s));
    }
    void seatbeltCommandIsWhole()
    {
        const auto words = seatbeltCommand(macPlan(), macHost());
        QVERIFY(words);
        QCOMPARE(words->mid(0, 2), (QStringList{u"/usr/bin/sandbox-exec"_s, u"-p"_s}));
        QCOMPARE(words->mid(3), QStringList{u"--"_s} + macPlan().argv);
    }

    void windowsIsAsKept()
    {
        const auto launch = windowsLaunch(windowsPlan(), windowsHost());
        QVERIFY(launch);
        const auto bytes = windowsParameters(*launch);
        QVERIFY(bytes.size() % 2 == 0 && bytes.endsWith(QByteArray(4, '\0')));
        QString text = QString::fromUtf16(reinterpret_cast<const char16_t*>(bytes.constData()),
                                          bytes.size() / 2);
        text.replace(QChar(u'\0'), u'\n');
        QCOMPARE(text, golden(u"windows-parameters.txt"_s, text));
    }
    void windowsGrantsNothing()
    {
        auto plan = windowsPlan();
        const auto launch = windowsLaunch(plan, windowsHost());
        QVERIFY(launch);
        QVERIFY(launch->capabilities.isEmpty());
        QVERIFY(launch->lessPrivileged);
        QCOMPARE(launch->uiRestrictions, 0xffU);
        QCOMPARE(launch->writable, (QStringList{plan.workspace, windowsHost().temporary}));
        QVERIFY(launch->readable.isEmpty());
        QCOMPARE(launch->processes, quint32(plan.limits.processes));
        QCOMPARE(launch->jobMemoryBytes, quint64(plan.limits.totalMemoryBytes));
        QCOMPARE(launch->cpuHundredNs, quint64(plan.limits.cpuSeconds) * 10'000'000);
        QVERIFY(std::ranges::is_sorted(launch->environment, [](const auto& a, const auto& b) {
            return a.compare(b, Qt::CaseInsensitive) < 0;
        }));
        plan.workspaceReadOnly = true;
        const auto readOnly = windowsLaunch(plan, windowsHost());
        QVERIFY(readOnly);
        QCOMPARE(readOnly->writable, QStringList{windowsHost().temporary});
        QCOMPARE(readOnly->readable, QStringList{plan.workspace});
    }
    void windowsRefuses_data()
    {
        QTest::addColumn<QStringList>("argv");
        QTest::addColumn<bool>("network");
        QTest::newRow("nothing") << QStringList() << false;
        QTest::newRow("batch") << QStringList{u"C:\\x\\run.BAT"_s, u"&calc"_s} << false;
        QTest::newRow("batch with dots") << QStringList{u"C:\\x\\run.cmd. ."_s} << false;
        QTest::newRow("NUL") << QStringList{u"x.exe"_s, QString(QChar(u'\0'))} << false;
        QTest::newRow("quoted program") << QStringList{u"x\".exe"_s} << false;
        QTest::newRow("long") << QStringList{u"x.exe"_s, QString(40'000, u'a')} << false;
        QTest::newRow("network") << QStringList{u"x.exe"_s} << true;
    }
    void windowsRefuses()
    {
        QFETCH(QStringList, argv);
        QFETCH(bool, network);
        auto plan = windowsPlan();
        plan.argv = argv;
        plan.network = network;
        const auto launch = windowsLaunch(plan, windowsHost());
        QVERIFY(!launch);
        QCOMPARE(launch.error().code, network ? ErrorCode::Unsupported : ErrorCode::InvalidInput);
    }
    void windowsQuotesHostileArguments_data()
    {
        QTest::addColumn<QString>("argument");
        for (const char* argument : {"",
                                     "plain",
                                     "two words",
                                     "\"",
                                     "\\",
                                     "\\\\",
                                     "a\\",
                                     "a b\\",
                                     "a\\\"b",
                                     "a\\\\\" b",
                                     "\\\\server\\share\\",
                                     "\" & calc & \"",
                                     "%PATH%",
                                     "^&|<>",
                                     "tab\there",
                                     "line\nend",
                                     "\"\"\"",
                                     "-m \"x\" --exec=evil"}) {
            QTest::newRow(argument[0] != 0 ? argument : "empty") << QString::fromLatin1(argument);
        }
    }
    void windowsQuotesHostileArguments()
    {
        QFETCH(QString, argument);
        const QStringList words{u"one"_s, argument, u"last"_s};
        QStringList quoted;
        for (const auto& word : words) {
            quoted << windowsQuoted(word);
        }
        QCOMPARE(taken(quoted.join(u' ')), words);
    }

    void windowsHelperIsAProgram()
    {
        if (QStandardPaths::findExecutable(u"x86_64-w64-mingw32-gcc"_s).isEmpty()) {
            QSKIP("The compiler for Windows is not on this machine.");
        }
        QFile program(QStringLiteral(SB_BIN_DIR "/windows/signalbox-sandbox-helper.exe"));
        QVERIFY2(program.open(QIODevice::ReadOnly), qPrintable(program.fileName()));
        const auto bytes = program.readAll();
        QVERIFY(bytes.startsWith("MZ"));
        const auto header = qsizetype(quint8(bytes[0x3c])) | (qsizetype(quint8(bytes[0x3d])) << 8);
        QCOMPARE(bytes.mid(header, 6), QByteArray("PE\0\0\x64\x86", 6));
        QProcess dump;
        dump.start(u"x86_64-w64-mingw32-objdump"_s, {u"-p"_s, program.fileName()});
        QVERIFY(dump.waitForFinished());
        const auto imports = dump.readAllStandardOutput();
        for (const char* name : {"CreateAppContainerProfile",
                                 "DeriveAppContainerSidFromAppContainerName",
                                 "CreateJobObjectW",
                                 "SetInformationJobObject",
                                 "TerminateJobObject",
                                 "CreateRestrictedToken",
                                 "CreateProcessAsUserW",
                                 "UpdateProcThreadAttribute",
                                 "SetNamedSecurityInfoW"}) {
            QVERIFY2(imports.contains(name), name);
        }
        // Only what every Windows has.
        static const QRegularExpression library(u"DLL Name: (\\S+)"_s);
        auto found = library.globalMatch(QString::fromLatin1(imports));
        while (found.hasNext()) {
            const auto name = found.next().captured(1).toLower();
            QVERIFY2(QStringList({u"kernel32.dll"_s,
                                  u"advapi32.dll"_s,
                                  u"userenv.dll"_s,
                                  u"msvcrt.dll"_s,
                                  u"user32.dll"_s})
                             .contains(name) ||
                         name.startsWith(u"api-ms-win-crt"_s),
                     qPrintable(name));
        }
    }
};

QTEST_GUILESS_MAIN(tst_SandboxSystems)
#include "tst_SandboxSystems.moc"
