#include "MemoriesFixture.h"

#include "core/memory/Chunks.h"
#include "core/memory/FileWalk.h"
#include "core/memory/Ingest.h"

#include <QDir>
#include <QFile>
#include <QTest>

#include <sys/stat.h>
#include <unistd.h>

using namespace sb;
using protocol::IngestInfo;
using protocol::MemoryInfo;
using namespace Qt::StringLiterals;

namespace {

/// A paragraph of about 700 characters, which becomes a piece of its own.
QString paragraph(const QString& word)
{
    QString text;
    for (int i = 0; i < 20; ++i) {
        text += u"The %1 number %2 stands at the quay. "_s.arg(word).arg(i);
    }
    return text.trimmed() + u"\n\n"_s;
}

class Fixture : public MemoriesFixture
{
public:
    Fixture() { QDir().mkpath(folder()); }

    [[nodiscard]] QString folder() const { return files.path() + u"/notes"_s; }
    [[nodiscard]] QString path(const QString& name) const { return folder() + u'/' + name; }
    void put(const QString& name, const QByteArray& bytes) const
    {
        QDir().mkpath(QFileInfo(path(name)).path());
        QFile file(path(name));
        QVERIFY(file.open(QIODevice::WriteOnly) && file.write(bytes) == bytes.size());
    }
    void put(const QString& name, const QString& text) const { put(name, text.toUtf8()); }

    IngestInfo read(const QString& what, const std::stop_token& stop = {})
    {
        clock.advance(std::chrono::seconds(1));
        IngestInfo job;
        job.id = u"ing-1"_s;
        job.path = what;
        memory::Ingest ingest(
            {*memories,
             clock,
             [this](const QString& file, const std::stop_token&) { return readPdf(file); },
             closed,
             [this](const IngestInfo& now) {
                 pictures.append(now);
                 if (atPicture) {
                     atPicture(now);
                 }
             }},
            std::move(job));
        return ingest.run(stop);
    }
    IngestInfo read() { return read(folder()); }
    /// What is remembered, in the order of places.
    QList<MemoryInfo> all()
    {
        auto list = memories->list({}, 0, 100'000).value_or(protocol::ListMemories::Reply());
        std::ranges::sort(list.memories, [](const MemoryInfo& a, const MemoryInfo& b) {
            return std::tie(a.source.file, a.source.line, a.content) <
                   std::tie(b.source.file, b.source.line, b.content);
        });
        return list.memories;
    }
    QStringList contents()
    {
        QStringList texts;
        for (const MemoryInfo& memory : all()) {
            texts.append(memory.content);
        }
        texts.sort();
        return texts;
    }

    QTemporaryDir files;
    QStringList closed;
    std::function<Result<memory::PdfText>(const QString&)> readPdf = [](const QString&) {
        return Result<memory::PdfText>(fail(ErrorCode::InvalidInput, u"it is damaged"_s));
    };
    QList<IngestInfo> pictures;
    std::function<void(const IngestInfo&)> atPicture;
};

} // namespace

/// Files and folders as memories.
class tst_Ingest final : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void a_memory_knows_its_place_and_nobody_vouches_for_it()
    {
        Fixture f;
        f.put(u"harbour.md"_s,
              u"# Harbour\n\n"_s + paragraph(u"crane"_s) + u"## Ships\n\n"_s +
                  paragraph(u"ship"_s));
        const auto job = f.read();
        QCOMPARE(job.state, u"done"_s);
        QCOMPARE(job.files, 1);
        QCOMPARE(job.filesDone, 1);
        QCOMPARE(job.bytesDone, job.bytes);
        QCOMPARE(job.memories, 2);
        QVERIFY(job.problems.isEmpty());
        const auto all = f.all();
        QCOMPARE(all.size(), 2);
        QVERIFY(all[1].content.startsWith(u"notes/harbour.md › Harbour › Ships\n"_s));
        QCOMPARE(all[1].source.file, f.path(u"harbour.md"_s));
        QCOMPARE(all[1].source.line, 5);
        QCOMPARE(all[1].source.lastLine, 7);
        QCOMPARE(all[1].source.digest.size(), 64);
        QCOMPARE(all[1].type, protocol::MemoryType::Fact);
        QCOMPARE(all[1].provenance, protocol::Provenance::Untrusted);
        QCOMPARE(all[1].labels, QStringList{u"untrusted_file"_s});
    }

    void reading_again_doubles_nothing()
    {
        Fixture f;
        f.put(u"a.txt"_s, paragraph(u"crane"_s) + paragraph(u"ship"_s));
        f.put(u"b/c.txt"_s, paragraph(u"tug"_s));
        QCOMPARE(f.read().memories, 3);
        const auto before = f.contents();
        const qint64 seq = f.journal->lastSeq();
        const auto again = f.read();
        QCOMPARE(again.memories, 0);
        QCOMPARE(again.known, 3);
        QCOMPARE(f.contents(), before);
        QCOMPARE(f.journal->lastSeq(), seq);
        // Whether a folder around it is read, or it alone.
        QCOMPARE(f.read(f.path(u"b/c.txt"_s)).known, 1);
        QCOMPARE(f.journal->lastSeq(), seq);
    }

    void a_changed_file_is_followed_and_that_can_be_taken_back()
    {
        Fixture f;
        f.put(u"a.txt"_s, paragraph(u"crane"_s) + paragraph(u"ship"_s) + paragraph(u"tug"_s));
        (void)f.read();
        const auto before = f.contents();
        f.put(u"a.txt"_s, paragraph(u"crane"_s) + paragraph(u"ferry"_s) + paragraph(u"tug"_s));
        const auto job = f.read();
        QCOMPARE(job.memories, 1);
        QCOMPARE(job.known, 2);
        QCOMPARE(job.forgotten, 1);
        QCOMPARE(f.contents().size(), 3);
        QVERIFY(f.contents().join(u' ').contains(u"ferry"_s));
        QVERIFY(!f.contents().join(u' ').contains(u"ship"_s));
        // The newest entry is the one that forgets.
        QVERIFY(f.undo(f.journal->lastSeq()).has_value());
        QVERIFY(f.contents().join(u' ').contains(u"ship"_s));

        // The file as it was before: what was forgotten is remembered, not made twice.
        f.put(u"a.txt"_s, paragraph(u"crane"_s) + paragraph(u"ferry"_s) + paragraph(u"tug"_s));
        (void)f.read();
        f.put(u"a.txt"_s, paragraph(u"crane"_s) + paragraph(u"ship"_s) + paragraph(u"tug"_s));
        QCOMPARE(f.read().memories, 1);
        QCOMPARE(f.contents(), before);
    }

    void a_deleted_file_is_forgotten_when_its_folder_is_read()
    {
        Fixture f;
        f.put(u"a.txt"_s, paragraph(u"crane"_s));
        f.put(u"deep/b.txt"_s, paragraph(u"ship"_s));
        f.put(u"../notes2/c.txt"_s, paragraph(u"tug"_s));
        (void)f.read();
        (void)f.read(f.files.path() + u"/notes2"_s);
        QVERIFY(QDir(f.path(u"deep"_s)).removeRecursively());
        QVERIFY(QDir(f.files.path() + u"/notes2"_s).removeRecursively());
        const auto job = f.read();
        QCOMPARE(job.forgotten, 1);
        const auto left = f.contents().join(u' ');
        QVERIFY(left.contains(u"crane"_s) && left.contains(u"tug"_s) && !left.contains(u"ship"_s));
    }

    void what_a_person_did_stands()
    {
        Fixture f;
        f.put(u"a.txt"_s,
              paragraph(u"crane"_s) + paragraph(u"ship"_s) + paragraph(u"tug"_s) +
                  paragraph(u"ferry"_s));
        (void)f.read();
        const auto all = f.all();
        auto pin = f.editing(all[0].id);
        pin.pinned = true;
        auto correct = f.editing(all[1].id);
        correct.content = u"The ships left in 1987."_s;
        correct.provenance = protocol::Provenance::Owner;
        QVERIFY(f.change({pin, correct, f.forgetting(all[2].id)}).has_value());
        // Forgotten by the owner: reading again does not bring it back.
        QCOMPARE(f.read().memories, 0);
        QVERIFY(f.now(all[2].id).forgottenAt != 0);
        // Pinned or corrected: that the file says something else does not take it away.
        f.put(u"a.txt"_s, paragraph(u"barge"_s));
        const auto job = f.read();
        QCOMPARE(job.forgotten, 1);
        QCOMPARE(f.now(all[0].id).forgottenAt, 0);
        QCOMPARE(f.now(all[1].id).content, u"The ships left in 1987."_s);
        QVERIFY(f.now(all[3].id).forgottenAt != 0);
    }

    void what_another_file_counts_on_stays()
    {
        Fixture f;
        f.put(u"a.txt"_s, paragraph(u"crane"_s));
        f.put(u"b.txt"_s, paragraph(u"crane"_s));
        (void)f.read();
        const auto all = f.all();
        QVERIFY(f.memories->merge({all[0].id, all[1].id}, {}, {.by = u"cortex"_s}).wait());
        f.put(u"a.txt"_s, paragraph(u"ship"_s));
        QCOMPARE(f.read().forgotten, 0);
        QCOMPARE(f.now(all[0].id).forgottenAt, 0);
    }

    void hidden_and_made_folders_are_passed_over()
    {
        Fixture f;
        f.put(u"src/main.cpp"_s, u"int main() {}\n"_s);
        for (const auto& name : {u".git/config"_s,
                                 u".hidden"_s,
                                 u"node_modules/x/index.js"_s,
                                 u"build/out.txt"_s,
                                 u"cache/CACHEDIR.TAG"_s,
                                 u"cache/big.txt"_s,
                                 u"out/CMakeCache.txt"_s,
                                 u"own/run/token"_s}) {
            f.put(name, u"nobody wants this\n"_s);
        }
        f.closed = {f.path(u"own/run"_s), f.path(u"missing"_s)};
        QCOMPARE(memory::filesIn(f.folder(), f.closed, {}).files,
                 (QList<memory::FoundFile>{{f.path(u"src/main.cpp"_s), 14}}));
        // What a person names is read, whatever it is called.
        QCOMPARE(f.read(f.path(u".hidden"_s)).memories, 1);
    }

    void links_are_not_followed_and_loops_end()
    {
        Fixture f;
        f.put(u"a/b.txt"_s, u"inside\n"_s);
        f.put(u"../secret.txt"_s, u"outside\n"_s);
        QVERIFY(QFile::link(f.folder(), f.path(u"a/loop"_s)));
        QVERIFY(QFile::link(u"loop2"_s, f.path(u"a/loop2"_s)));
        QVERIFY(QFile::link(f.path(u"a/b.txt"_s), f.path(u"a/twice.txt"_s)));
        QVERIFY(QFile::link(f.files.path() + u"/secret.txt"_s, f.path(u"a/out.txt"_s)));
        const auto job = f.read();
        QCOMPARE(job.state, u"done"_s);
        QCOMPARE(job.memories, 1);
        QCOMPARE(job.problems,
                 QStringList{u"The link %1 leads out of the folder and was not followed."_s.arg(
                     f.path(u"a/out.txt"_s))});
        // A folder that is itself reached by a link is the folder that it leads to.
        QVERIFY(QFile::link(f.folder(), f.files.path() + u"/link"_s));
        QCOMPARE(f.read(f.files.path() + u"/link"_s).known, 1);
    }

    void what_cannot_be_read_is_told_and_the_rest_goes_on()
    {
        Fixture f;
        f.put(u"a.txt"_s, u"first\n"_s);
        f.put(u"b.png"_s, QByteArray("\x89PNG\r\n\x1a\n\0\0\0", 11));
        f.put(u"c.pdf"_s, QByteArray("%PDF-1.7 broken"));
        f.put(u"d.txt"_s, QByteArray());
        f.put(u"e.txt"_s, u"last\n"_s);
        QCOMPARE(::mkfifo(f.path(u"pipe"_s).toLocal8Bit().constData(), 0600), 0);
        const bool isRoot = ::geteuid() == 0; // who may read everything
        f.put(u"f.txt"_s, u"closed\n"_s);
        QVERIFY(isRoot || QFile::setPermissions(f.path(u"f.txt"_s), {}));
        const auto job = f.read();
        QCOMPARE(job.state, u"done"_s);
        QCOMPARE(job.filesDone, job.files);
        QCOMPARE(job.memories, isRoot ? 3 : 2);
        QStringList expected{u"%1 was passed over: it is not text."_s.arg(f.path(u"b.png"_s)),
                             u"%1 was passed over: it is damaged."_s.arg(f.path(u"c.pdf"_s))};
        if (!isRoot) {
            expected.append(u"%1 was passed over: it cannot be read."_s.arg(f.path(u"f.txt"_s)));
        }
        QCOMPARE(job.problems, expected);
    }

    void one_file_that_cannot_be_read_fails_data()
    {
        QTest::addColumn<QString>("name");
        QTest::addColumn<QString>("sentence");
        QTest::newRow("missing") << u"nothing"_s << u"There is no file or folder %1."_s;
        QTest::newRow("binary") << u"b.png"_s << u"%1 was passed over: it is not text."_s;
        QTest::newRow("a pipe") << u"pipe"_s << u"%1 is neither a file nor a folder."_s;
    }
    void one_file_that_cannot_be_read_fails()
    {
        QFETCH(QString, name);
        QFETCH(QString, sentence);
        Fixture f;
        f.put(u"b.png"_s, QByteArray("\x89PNG\0", 5));
        QCOMPARE(::mkfifo(f.path(u"pipe"_s).toLocal8Bit().constData(), 0600), 0);
        const auto job = f.read(f.path(name));
        QCOMPARE(job.state, u"failed"_s);
        QCOMPARE(job.problems, QStringList{sentence.arg(f.path(name))});
    }

    void of_a_large_file_the_beginning_is_read()
    {
        Fixture f;
        const QByteArray line = paragraph(u"crane"_s).toUtf8();
        QFile file(f.path(u"large.log"_s));
        QVERIFY(file.open(QIODevice::WriteOnly));
        for (qint64 at = 0; at < memory::MostOfFile; at += line.size()) {
            file.write(QByteArray::number(at) + line);
        }
        // The rest is a hole: it takes no disk.
        QVERIFY(file.resize(qint64(1) << 30));
        file.close();
        const auto job = f.read(f.path(u"large.log"_s));
        QCOMPARE(job.state, u"done"_s);
        QCOMPARE(job.problems,
                 QStringList{u"%1 has 1024 MiB, and only the first 8 were read."_s.arg(
                     f.path(u"large.log"_s))});
        QVERIFY(job.memories > 5000);
        QCOMPARE(job.bytesDone, memory::MostOfFile);
        // Between the first picture and the last, a tenth of a second lies between any two of them,
        // and this clock stands.
        QCOMPARE(f.pictures.size(), 2);
    }

    void a_pdf_has_pages()
    {
        Fixture f;
        f.put(u"report.pdf"_s, QByteArray("%PDF-1.7"));
        f.readPdf = [](const QString&) -> Result<memory::PdfText> {
            return memory::PdfText{{u"First things.\n"_s, QString(), u"Third things.\n"_s}, true};
        };
        const auto job = f.read(f.path(u"report.pdf"_s));
        QCOMPARE(job.state, u"done"_s);
        QCOMPARE(job.problems.size(), 1);
        const auto all = f.all();
        QCOMPARE(all.size(), 2);
        QCOMPARE(all[1].content, u"notes/report.pdf\nThird things."_s);
        QCOMPARE(all[1].source.line, 3);
        f.readPdf = [](const QString&) -> Result<memory::PdfText> {
            return memory::PdfText{{u" \n"_s, QString()}};
        };
        QCOMPARE(f.read(f.path(u"report.pdf"_s)).problems,
                 QStringList{u"%1 was passed over: its pages hold no text."_s.arg(
                     f.path(u"report.pdf"_s))});
    }

    void stopping_keeps_what_was_made_and_the_next_run_ends_it()
    {
        Fixture f;
        for (int i = 0; i < 40; ++i) {
            f.put(u"%1.txt"_s.arg(i, 2, 10, QChar(u'0')), paragraph(u"thing%1"_s.arg(i)));
        }
        std::stop_source stop;
        f.atPicture = [&](const IngestInfo& now) {
            f.clock.advance(std::chrono::milliseconds(200));
            if (now.memories == 7) {
                stop.request_stop();
            }
        };
        const auto job = f.read(f.folder(), stop.get_token());
        QCOMPARE(job.state, u"stopped"_s);
        QCOMPARE(job.memories, 7);
        QCOMPARE(f.all().size(), 7);
        f.atPicture = {};
        const auto rest = f.read();
        QCOMPARE(rest.state, u"done"_s);
        QCOMPARE(rest.memories, 33);
        QCOMPARE(rest.known, 7);
        QCOMPARE(f.all().size(), 40);
    }

    void many_forgotten_pieces_fit_the_journal()
    {
        Fixture f;
        QString text;
        for (int i = 0; i < 100; ++i) {
            // Characters that JSON writes with six.
            text += QString::number(i) + QString(700, u'\x1b') + u"\n\n"_s;
        }
        for (int i = 0; i < 100; ++i) {
            text += u"港口里有许多起重机%1。"_s.arg(i).repeated(70) + u"\n\n"_s;
        }
        f.put(u"a.txt"_s, text);
        const auto first = f.read();
        QCOMPARE(first.state, u"done"_s);
        QVERIFY(first.memories >= 190);
        f.put(u"a.txt"_s, u"Nothing of that.\n"_s);
        const auto second = f.read();
        QCOMPARE(second.state, u"done"_s);
        QCOMPARE(second.forgotten, first.memories);
        QCOMPARE(f.all().size(), 1);
    }
};

QTEST_GUILESS_MAIN(tst_Ingest)
#include "tst_Ingest.moc"
