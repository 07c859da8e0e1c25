#include "core/tools/Workspace.h"
#include "tests/unit/ToolTestKit.h"

#include <QTest>
#include <atomic>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <thread>
#include <unistd.h>

using namespace Qt::StringLiterals;
using namespace sb;
using namespace sb::tools;
using toolkit::get;
using toolkit::put;

class tst_Workspace : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void init()
    {
        m_place = std::make_unique<toolkit::Place>();
        put(m_place->in(u"a.txt"_s), "a\n");
        put(m_place->in(u"sub/b.txt"_s), "b\n");
        QFile::link(m_place->outside, m_place->in(u"out"_s));
        QFile::link(m_place->outside + u"/secret.txt"_s, m_place->in(u"secret"_s));
        QFile::link(u"sub"_s, m_place->in(u"inner"_s));
        QFile::link(u"../work/sub/b.txt"_s, m_place->in(u"around"_s));
        QFile::link(u"loop"_s, m_place->in(u"loop"_s));
        QFile::link(m_place->outside + u"/not-yet"_s, m_place->in(u"dangling"_s));
    }

    void resolvesPaths_data()
    {
        QTest::addColumn<QString>("given");    // WORK and OUT are put in
        QTest::addColumn<QString>("expected"); // relative; "out" for outside; "error"
        QTest::newRow("relative") << u"a.txt"_s << u"a.txt"_s;
        QTest::newRow("absolute inside") << u"WORK/sub/b.txt"_s << u"sub/b.txt"_s;
        QTest::newRow("dots") << u"./sub/..//sub/./b.txt"_s << u"sub/b.txt"_s;
        QTest::newRow("the workspace") << u"."_s << u"."_s;
        QTest::newRow("the workspace, absolute") << u"WORK/"_s << u"."_s;
        QTest::newRow("out and back in") << u"../work/a.txt"_s << u"a.txt"_s;
        QTest::newRow("not there yet") << u"new/deep/file"_s << u"new/deep/file"_s;
        QTest::newRow("link that stays inside") << u"inner/b.txt"_s << u"sub/b.txt"_s;
        QTest::newRow("link out and back in") << u"around"_s << u"sub/b.txt"_s;
        QTest::newRow("dots behind a link") << u"inner/../a.txt"_s << u"a.txt"_s;
        QTest::newRow("a file named like a home") << u"./~root"_s << u"~root"_s;
        QTest::newRow("spaces and letters") << u"ä ö/文.txt"_s << u"ä ö/文.txt"_s;
        QTest::newRow("up and out") << u"../../etc/passwd"_s << u"out"_s;
        QTest::newRow("beside, same beginning") << u"WORK-2/x"_s << u"out"_s;
        QTest::newRow("absolute") << u"/etc/passwd"_s << u"out"_s;
        QTest::newRow("root") << u"/"_s << u"out"_s;
        QTest::newRow("many dots") << QString(u"../"_s).repeated(200) + u"etc/passwd" << u"out"_s;
        QTest::newRow("folder link out") << u"out/secret.txt"_s << u"out"_s;
        QTest::newRow("file link out") << u"secret"_s << u"out"_s;
        QTest::newRow("dangling link out") << u"dangling"_s << u"out"_s;
        QTest::newRow("through an absent folder") << u"nope/../../outside/secret.txt"_s << u"out"_s;
        QTest::newRow("proc root") << u"/proc/self/root/etc/passwd"_s << u"out"_s;
        QTest::newRow("proc cwd") << u"/proc/self/cwd/x"_s << u"out"_s;
        QTest::newRow("home") << u"~/.ssh/id_rsa"_s << u"out"_s;
        QTest::newRow("another's home") << u"~root/.ssh/id_rsa"_s << u"out"_s;
        QTest::newRow("empty") << QString() << u"error"_s;
        QTest::newRow("NUL") << u"a.txt"_s + QChar(0) + u"/../../x" << u"error"_s;
        QTest::newRow("line break") << u"a\nb"_s << u"error"_s;
        QTest::newRow("escape") << u"a\x1b[2Jb"_s << u"error"_s;
        QTest::newRow("bidirectional") << u"a\u202etxt.exe"_s << u"error"_s;
        QTest::newRow("half a character") << QString(QChar(0xd800)) << u"error"_s;
        QTest::newRow("5000 characters") << QString(5000, u'x') << u"error"_s;
        QTest::newRow("5000 short parts") << QString(u"a/"_s).repeated(2500) << u"error"_s;
        QTest::newRow("a long part") << QString(300, u'x') << u"error"_s;
        QTest::newRow("a link to itself") << u"loop"_s << u"error"_s;
    }
    void resolvesPaths()
    {
        QFETCH(QString, given);
        QFETCH(QString, expected);
        given.replace(u"WORK"_s, m_place->work);
        const auto workspace = Workspace::open(m_place->work);
        QVERIFY(workspace);
        const auto place = workspace->resolve(given);
        if (expected == "error"_L1) {
            QVERIFY(!place);
            QCOMPARE(place.error().code, ErrorCode::InvalidInput);
            return;
        }
        QVERIFY(place);
        QCOMPARE(place->leavesWorkspace, expected == "out"_L1);
        QCOMPARE(place->relative, expected == "out"_L1 ? QString() : expected);
        if (!place->leavesWorkspace) {
            QCOMPARE(QDir::cleanPath(m_place->in(place->relative)), place->absolute);
        }
    }

    void keepsTheLastLinkWhenAsked()
    {
        const auto workspace = Workspace::open(m_place->work);
        QCOMPARE(workspace->resolve(u"secret"_s, LastLink::Keep)->relative, u"secret"_s);
        QVERIFY(workspace->resolve(u"out/secret.txt"_s, LastLink::Keep)->leavesWorkspace);
    }

    void opensThroughALinkToTheWorkspace()
    {
        QFile::link(m_place->work, m_place->top + u"/alias"_s);
        const auto workspace = Workspace::open(m_place->top + u"/alias"_s);
        QCOMPARE(workspace->root(), m_place->work);
        QCOMPARE(workspace->resolve(m_place->top + u"/alias/a.txt"_s)->relative, u"a.txt"_s);
        QCOMPARE(Workspace::open(m_place->top + u"/none"_s).error().code, ErrorCode::NotFound);
    }

    void theKernelStopsLinksThatComeLater()
    {
        const auto workspace = Workspace::open(m_place->work);
        const auto place = workspace->resolve(u"sub/secret.txt"_s); // seen while sub is a folder
        QVERIFY(QFile::rename(m_place->in(u"sub"_s), m_place->in(u"old"_s)));
        QFile::link(m_place->outside, m_place->in(u"sub"_s));
        QCOMPARE(workspace->read(place->relative, 1000).error().code, ErrorCode::Forbidden);
        QCOMPARE(workspace->readLines(place->relative, 1, 10, 1000).error().code,
                 ErrorCode::Forbidden);
        QCOMPARE(workspace->list(u"sub"_s, 10).error().code, ErrorCode::Forbidden);
        QVERIFY(!workspace->write(place->relative, "x", digestOf("secret\n")));
        QVERIFY(!workspace->write(u"sub/made.txt"_s, "x", {}));
        QCOMPARE(get(m_place->outside + u"/secret.txt"_s), "secret\n");
        QCOMPARE(QDir(m_place->outside).entryList(QDir::Files), QStringList(u"secret.txt"_s));
    }

    void aRaceWithLinksNeverReadsOutside()
    {
        const auto workspace = Workspace::open(m_place->work);
        put(m_place->in(u"race/secret.txt"_s), "inside\n");
        std::atomic<bool> stop = false;
        std::thread swapper([&, race = m_place->in(u"race"_s), aside = m_place->in(u"aside"_s)] {
            while (!stop) {
                ::rename(qPrintable(race), qPrintable(aside));
                QFile::link(m_place->outside, race);
                ::unlink(qPrintable(race));
                ::rename(qPrintable(aside), qPrintable(race));
            }
        });
        int read = 0;
        // On a busy machine the swapper may have the better of it for a long time.
        for (int i = 0; i < 3000 || (read == 0 && i < 1'000'000); ++i) {
            const auto place = workspace->resolve(u"race/secret.txt"_s);
            if (!place || place->leavesWorkspace) {
                continue;
            }
            const auto bytes = workspace->read(place->relative, 1000);
            if (bytes && *bytes) {
                ++read;
                if (**bytes != "inside\n") {
                    stop = true;
                    swapper.join();
                    QFAIL("it read a file outside of the workspace");
                }
            }
            (void)workspace->write(place->relative, "inside\n", digestOf("inside\n"));
        }
        stop = true;
        swapper.join();
        QVERIFY(read > 0);
        QCOMPARE(get(m_place->outside + u"/secret.txt"_s), "secret\n");
    }

    void refusesWhatIsNoFile_data()
    {
        QTest::addColumn<QString>("kind");
        QTest::addColumn<QString>("words");
        QTest::newRow("fifo") << u"fifo"_s << u"named pipe"_s;
        QTest::newRow("socket") << u"socket"_s << u"socket"_s;
        QTest::newRow("folder") << u"folder"_s << u"folder"_s;
        QTest::newRow("device") << u"device"_s
                                << QString(); // some file systems refuse to open it at all
    }
    void refusesWhatIsNoFile()
    {
        QFETCH(QString, kind);
        QFETCH(QString, words);
        const QByteArray path = m_place->in(u"thing"_s).toUtf8();
        if (kind == "fifo"_L1) {
            QCOMPARE(mkfifo(path.constData(), 0600), 0);
        } else if (kind == "socket"_L1) {
            const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
            sockaddr_un address{};
            address.sun_family = AF_UNIX;
            qstrncpy(address.sun_path, path.constData(), sizeof address.sun_path);
            QCOMPARE(bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
            ::close(fd);
        } else if (kind == "folder"_L1) {
            QDir().mkpath(QString::fromUtf8(path));
        } else if (mknod(path.constData(), S_IFCHR | 0600, makedev(1, 5)) != 0) {
            QSKIP("Only an administrator can make a device.");
        }
        const auto workspace = Workspace::open(m_place->work);
        const auto whole = workspace->read(u"thing"_s, 1000); // and it does not hang
        QVERIFY(!whole);
        const QByteArray message = whole.error().message.toUtf8();
        QVERIFY2(message.contains(words.toUtf8()), message.constData());
        QVERIFY(!workspace->readLines(u"thing"_s, 1, 10, 1000));
        QVERIFY(!workspace->write(u"thing"_s, "x", {}));
        QVERIFY(!workspace->write(u"thing"_s, "x", digestOf("")));
    }

    void readsLines()
    {
        const auto workspace = Workspace::open(m_place->work);
        put(m_place->in(u"n"_s), "1\n2\n3\n4\n5");
        const auto lines = [&](qint64 first, qint64 most, qint64 bytes = 1000) {
            return *workspace->readLines(u"n"_s, first, most, bytes);
        };
        QCOMPARE(lines(1, 10).bytes, "1\n2\n3\n4\n5");
        QCOMPARE(lines(1, 10).lines, 5);
        QVERIFY(lines(1, 10).atEnd);
        QCOMPARE(lines(2, 2).bytes, "2\n3\n");
        QVERIFY(!lines(2, 2).atEnd);
        QCOMPARE(lines(5, 1).bytes, "5");
        QVERIFY(lines(5, 1).atEnd);
        QCOMPARE(lines(9, 1).bytes, "");
        QCOMPARE(lines(9, 1).linesBefore, 5);
        QCOMPARE(lines(1, 10, 5).bytes, "1\n2\n");
        put(m_place->in(u"n"_s), "äää");
        QCOMPARE(lines(1, 10, 3).bytes, "ä");
        QVERIFY(lines(1, 10, 3).lineCut);
        put(m_place->in(u"n"_s), "");
        QVERIFY(lines(1, 10).atEnd);
    }

    void readsAHugeFileInPart()
    {
        const auto workspace = Workspace::open(m_place->work);
        {
            QFile file(m_place->in(u"huge"_s));
            QVERIFY(file.open(QIODevice::WriteOnly));
            const QByteArray block = QByteArray("0123456789abcde\n").repeated(65536);
            for (int i = 0; i < 100; ++i) {
                file.write(block);
            }
        }
        const auto head = workspace->readLines(u"huge"_s, 1, 2000, 65536);
        QCOMPARE(head->lines, 2000);
        QCOMPARE(head->size, qint64(100) << 20);
        const auto tail = workspace->readLines(u"huge"_s, 6'553'600, 2000, 65536);
        QCOMPARE(tail->bytes, "0123456789abcde\n");
        QVERIFY(tail->atEnd);
        QCOMPARE(workspace->read(u"huge"_s, 16 << 20).error().code, ErrorCode::InvalidInput);
    }

    void writesInOneStep()
    {
        const auto workspace = Workspace::open(m_place->work);
        QFile::setPermissions(m_place->in(u"a.txt"_s), QFile::Permissions(0x7740));
        struct stat before{};
        stat(qPrintable(m_place->in(u"a.txt"_s)), &before);
        QVERIFY(workspace->write(u"a.txt"_s, "new", digestOf("a\n")));
        QCOMPARE(get(m_place->in(u"a.txt"_s)), "new");
        struct stat after{};
        stat(qPrintable(m_place->in(u"a.txt"_s)), &after);
        QCOMPARE(after.st_mode, before.st_mode);
        QVERIFY(workspace->write(u"x/y/z.txt"_s, "z", {}));
        QCOMPARE(get(m_place->in(u"x/y/z.txt"_s)), "z");
        // Nothing is left beside.
        QCOMPARE(QDir(m_place->in(u"x/y"_s))
                     .entryList(QDir::AllEntries | QDir::Hidden | QDir::NoDotAndDotDot),
                 QStringList(u"z.txt"_s));
    }

    void writesOnlyWhatWasSeen()
    {
        const auto workspace = Workspace::open(m_place->work);
        QCOMPARE(workspace->write(u"a.txt"_s, "new", digestOf("other")).error().code,
                 ErrorCode::Conflict);
        QCOMPARE(workspace->write(u"a.txt"_s, "new", {}).error().code, ErrorCode::Conflict);
        QCOMPARE(workspace->write(u"none"_s, "new", digestOf("x")).error().code,
                 ErrorCode::Conflict);
        QCOMPARE(get(m_place->in(u"a.txt"_s)), "a\n");
        QVERIFY(!QFile::exists(m_place->in(u"none"_s)));
        QCOMPARE(QDir(m_place->work).entryList({u".sb-*"_s}, QDir::AllEntries | QDir::Hidden),
                 QStringList());
        QVERIFY(!workspace->write(u"a.txt/below"_s, "x", {}));
        QVERIFY(!workspace->write(u"."_s, "x", {}));
    }

    void concurrentWritersNeverLoseOne()
    {
        // Each adds its line to what it read; whoever loses the race must notice.
        put(m_place->in(u"count"_s), "");
        const auto worker = [&](int lines) {
            const auto workspace = Workspace::open(m_place->work);
            for (int done = 0; done < lines;) {
                const auto before = workspace->read(u"count"_s, 1 << 20);
                if (before && *before &&
                    workspace->write(u"count"_s, **before + "x\n", digestOf(**before))) {
                    ++done;
                }
            }
        };
        std::thread one([&] { worker(100); });
        std::thread two([&] { worker(100); });
        one.join();
        two.join();
        QCOMPARE(get(m_place->in(u"count"_s)).count('\n'), 200);
    }

    void listsAFolder()
    {
        const auto workspace = Workspace::open(m_place->work);
        const auto listing = workspace->list(u"."_s, 100);
        QStringList names;
        for (const auto& entry : listing->entries) {
            names.append(entry.name);
        }
        QCOMPARE(names,
                 QStringList({u"sub"_s,
                              u"a.txt"_s,
                              u"around"_s,
                              u"dangling"_s,
                              u"inner"_s,
                              u"loop"_s,
                              u"out"_s,
                              u"secret"_s}));
        QCOMPARE(listing->entries.at(1), (FolderEntry{u"a.txt"_s, FolderEntry::Kind::File, 2, {}}));
        QCOMPARE(listing->entries.at(4).target, u"sub"_s);
        QCOMPARE(workspace->list(u"."_s, 2)->entries.size(), 2);
        QCOMPARE(workspace->list(u"."_s, 2)->total, 8);
        QCOMPARE(workspace->list(u"a.txt"_s, 2).error().code, ErrorCode::InvalidInput);
        QCOMPARE(workspace->list(u"none"_s, 2).error().code, ErrorCode::NotFound);
    }

private:
    std::unique_ptr<toolkit::Place> m_place;
};

QTEST_GUILESS_MAIN(tst_Workspace)
#include "tst_Workspace.moc"
