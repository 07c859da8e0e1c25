#include "core/git/Fence.h"
#include "core/git/Repository.h"

#include <QDir>
#include <QFile>
#include <QProcess>
#include <QTemporaryDir>
#include <QTest>
#include <unistd.h>

using namespace Qt::StringLiterals;
using namespace sb;
using namespace sb::git;

namespace {

const Person kAgent{u"Signalbox agent"_s, u"assistant@signalbox.invalid"_s};

void put(const QString& path, const QByteArray& bytes)
{
    QDir().mkpath(QFileInfo(path).path());
    QFile file(path);
    QVERIFY2(file.open(QIODevice::WriteOnly), qPrintable(path));
    file.write(bytes);
}

/// What the real git says, with nothing of this machine's configuration.
QString realGit(const QString& folder, const QStringList& arguments)
{
    QProcess process;
    QProcessEnvironment environment;
    environment.insert(u"PATH"_s, u"/usr/local/bin:/usr/bin:/bin"_s);
    environment.insert(u"HOME"_s, u"/nonexistent"_s);
    environment.insert(u"GIT_CONFIG_NOSYSTEM"_s, u"1"_s);
    environment.insert(u"GIT_AUTHOR_NAME"_s, u"Real"_s);
    environment.insert(u"GIT_AUTHOR_EMAIL"_s, u"real@example.com"_s);
    environment.insert(u"GIT_COMMITTER_NAME"_s, u"Real"_s);
    environment.insert(u"GIT_COMMITTER_EMAIL"_s, u"real@example.com"_s);
    process.setProcessEnvironment(environment);
    process.setWorkingDirectory(folder);
    process.setProcessChannelMode(QProcess::MergedChannels);
    process.start(u"git"_s, QStringList{u"-c"_s, u"safe.directory=*"_s} + arguments);
    process.waitForFinished(30'000);
    return QString::fromUtf8(process.readAll()).trimmed();
}

CommitRequest request(const QString& message, const QStringList& paths = {})
{
    CommitRequest result;
    result.message = message;
    result.paths = paths;
    result.fallback = kAgent;
    return result;
}

/// Why it failed; nothing when it did not.
template <class T>
QByteArray problem(const Result<T>& result)
{
    return result ? QByteArray() : result.error().message.toUtf8();
}

} // namespace

class tst_Git : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void init()
    {
        m_folder = std::make_unique<QTemporaryDir>();
        m_workspace = QFileInfo(m_folder->path()).canonicalFilePath() + u"/work"_s;
        QDir().mkpath(m_workspace);
    }

    void firstCommitOnAnUnbornBranch()
    {
        auto repository = Repository::init(m_library, m_workspace);
        QVERIFY2(repository, problem(repository).constData());
        QCOMPARE(*repository->head(), std::nullopt);
        QCOMPARE(*repository->branch(), std::optional(u"main"_s));
        put(m_workspace + u"/a.txt"_s, "one\n");
        put(m_workspace + u"/sub/b.txt"_s, "two\n");
        put(m_workspace + u"/x.o"_s, "ignored");
        put(m_workspace + u"/.gitignore"_s, "*.o\n");

        const auto preview = repository->preview(request(u"First"_s));
        QVERIFY2(preview, problem(preview).constData());
        QCOMPARE(preview->paths, QStringList({u".gitignore"_s, u"a.txt"_s, u"sub/b.txt"_s}));
        QCOMPARE(preview->author, kAgent);
        QVERIFY(preview->diff.text.contains(u"+++ b/sub/b.txt\n@@ -0,0 +1 @@\n+two\n"_s));
        // A preview writes nothing.
        QCOMPARE(realGit(m_workspace, {u"count-objects"_s}), u"0 objects, 0 kilobytes"_s);

        auto wanted = request(u"First\n\nWith a body  \n\n\n"_s);
        wanted.expectedTree = preview->tree;
        const auto commit = repository->commit(wanted);
        QVERIFY2(commit, problem(commit).constData());
        QCOMPARE(commit->summary, u"First"_s);
        QCOMPARE(*repository->head(), std::optional(commit->id));
        QCOMPARE(realGit(m_workspace, {u"rev-parse"_s, u"HEAD^{tree}"_s}), preview->tree);
        QCOMPARE(realGit(m_workspace, {u"status"_s, u"--porcelain"_s}), QString());
        QCOMPARE(realGit(m_workspace, {u"log"_s, u"-1"_s, u"--format=%an <%ae>|%B"_s}),
                 u"Signalbox agent <assistant@signalbox.invalid>|First\n\nWith a body"_s);
        QCOMPARE(realGit(m_workspace, {u"fsck"_s, u"--strict"_s}), QString());
    }

    void commitOfNamedPathsLeavesTheRest()
    {
        auto repository = started();
        put(m_workspace + u"/a.txt"_s, "changed\n");
        put(m_workspace + u"/new/c.txt"_s, "c\n");
        put(m_workspace + u"/staged.txt"_s, "s\n");
        realGit(m_workspace, {u"add"_s, u"staged.txt"_s});
        QFile::remove(m_workspace + u"/b.txt"_s);

        const auto commit = repository.commit(request(u"Some"_s, {u"a.txt"_s, u"new"_s}));
        QVERIFY2(commit, problem(commit).constData());
        QCOMPARE(realGit(m_workspace, {u"show"_s, u"--name-status"_s, u"--format="_s}),
                 u"M\ta.txt\nA\tnew/c.txt"_s);
        QCOMPARE(realGit(m_workspace, {u"status"_s, u"--porcelain"_s}),
                 u"D b.txt\nA  staged.txt"_s);

        QVERIFY(repository.commit(request(u"All"_s)));
        QCOMPARE(realGit(m_workspace, {u"show"_s, u"--name-status"_s, u"--format="_s}),
                 u"D\tb.txt\nA\tstaged.txt"_s);
        QCOMPARE(realGit(m_workspace, {u"status"_s, u"--porcelain"_s}), QString());
        const auto log = repository.log(10);
        QCOMPARE(log->size(), 3);
        QCOMPARE(log->at(0).summary, u"All"_s);
        QCOMPARE(log->at(0).parents, QStringList{log->at(1).id});
    }

    void modesLinksAndFilesThatBecomeFolders()
    {
        auto repository = started();
        QFile::setPermissions(m_workspace + u"/a.txt"_s, QFile::Permissions(0x7755));
        QFile::remove(m_workspace + u"/b.txt"_s);
        put(m_workspace + u"/b.txt/inner"_s, "i\n");
        QFile::link(u"/etc/passwd"_s, m_workspace + u"/link"_s);
        QVERIFY(repository.commit(request(u"Kinds"_s)));
        QCOMPARE(realGit(m_workspace,
                         {u"ls-tree"_s, u"-r"_s, u"--format=%(objectmode) %(path)"_s, u"HEAD"_s}),
                 u"100755 a.txt\n100644 b.txt/inner\n120000 link"_s);
        QCOMPARE(realGit(m_workspace, {u"cat-file"_s, u"-p"_s, u"HEAD:link"_s}), u"/etc/passwd"_s);
        QCOMPARE(realGit(m_workspace, {u"status"_s, u"--porcelain"_s}), QString());
    }

    void refusesCommits_data()
    {
        QTest::addColumn<QString>("state");
        QTest::addColumn<QString>("message");
        QTest::addColumn<QStringList>("paths");
        QTest::addColumn<ErrorCode>("code");
        QTest::addColumn<QString>("words");
        QTest::newRow("nothing changed") << u"clean"_s << u"m"_s << QStringList()
                                         << ErrorCode::InvalidInput << u"nothing to commit"_s;
        QTest::newRow("path unchanged")
            << u"change"_s << u"m"_s << QStringList(u"b.txt"_s) << ErrorCode::InvalidInput
            << u"nothing to commit in b.txt"_s;
        QTest::newRow("path absent") << u"change"_s << u"m"_s << QStringList(u"nope"_s)
                                     << ErrorCode::InvalidInput << u"nothing to commit in nope"_s;
        QTest::newRow("path ignored") << u"ignored"_s << u"m"_s << QStringList(u"x.o"_s)
                                      << ErrorCode::InvalidInput << u"ignored"_s;
        QTest::newRow("no message") << u"change"_s << u"  \n"_s << QStringList()
                                    << ErrorCode::InvalidInput << u"needs a message"_s;
        QTest::newRow("locked") << u"locked"_s << u"m"_s << QStringList() << ErrorCode::Locked
                                << u"locked"_s;
        QTest::newRow("conflict") << u"conflict"_s << u"m"_s << QStringList() << ErrorCode::Conflict
                                  << u"conflict"_s;
        QTest::newRow("merge") << u"merge"_s << u"m"_s << QStringList() << ErrorCode::Conflict
                               << u"in the middle"_s;
        QTest::newRow("filter") << u"filter"_s << u"m"_s << QStringList() << ErrorCode::Unsupported
                                << u"filter \"lfs\""_s;
    }
    void refusesCommits()
    {
        QFETCH(QString, state);
        QFETCH(QString, message);
        QFETCH(QStringList, paths);
        QFETCH(ErrorCode, code);
        QFETCH(QString, words);
        auto repository = started();
        if (state != "clean"_L1) {
            put(m_workspace + u"/a.txt"_s, "changed\n");
        }
        if (state == "ignored"_L1) {
            put(m_workspace + u"/.gitignore"_s, "*.o\n");
            put(m_workspace + u"/x.o"_s, "o");
        } else if (state == "locked"_L1) {
            put(m_workspace + u"/.git/index.lock"_s, "");
        } else if (state == "filter"_L1) {
            put(m_workspace + u"/.gitattributes"_s, "*.txt filter=lfs\n");
        } else if (state == "conflict"_L1 || state == "merge"_L1) {
            realGit(m_workspace, {u"checkout"_s, u"-q"_s, u"-b"_s, u"other"_s});
            realGit(m_workspace, {u"commit"_s, u"-qam"_s, u"theirs"_s});
            realGit(m_workspace, {u"checkout"_s, u"-q"_s, u"main"_s});
            put(m_workspace + u"/a.txt"_s, "mine\n");
            realGit(m_workspace, {u"commit"_s, u"-qam"_s, u"mine"_s});
            realGit(m_workspace, {u"merge"_s, u"other"_s});
            if (state == "merge"_L1) {
                put(m_workspace + u"/a.txt"_s, "both\n");
                realGit(m_workspace, {u"add"_s, u"a.txt"_s});
                QCOMPARE(repository.status()->underway, u"a merge"_s);
            } else {
                QCOMPARE(repository.status()->entries.at(0).index, QChar(u'U'));
            }
        }
        const QString tip = **repository.head();
        const auto commit = repository.commit(request(message, paths));
        QVERIFY(!commit);
        QCOMPARE(commit.error().code, code);
        QVERIFY2(commit.error().message.contains(words), problem(commit).constData());
        QVERIFY(!repository.preview(request(message, paths)));
        QCOMPARE(**repository.head(), tip);
    }

    void noticesChangesSinceThePreview()
    {
        auto repository = started();
        put(m_workspace + u"/a.txt"_s, "shown\n");
        const auto preview = repository.preview(request(u"m"_s));
        QVERIFY(preview);
        put(m_workspace + u"/a.txt"_s, "slipped in\n");
        auto wanted = request(u"m"_s);
        wanted.expectedTree = preview->tree;
        const auto commit = repository.commit(wanted);
        QVERIFY(!commit);
        QCOMPARE(commit.error().code, ErrorCode::Conflict);
        QCOMPARE(repository.log(10)->size(), 1);
    }

    void statusAndDiffs()
    {
        auto repository = started();
        put(m_workspace + u"/a.txt"_s, "one\nmore\n");
        put(m_workspace + u"/new.txt"_s, "n\n");
        put(m_workspace + u"/staged.txt"_s, "s\n");
        realGit(m_workspace, {u"add"_s, u"staged.txt"_s});
        const auto status = repository.status();
        QCOMPARE(status->branch, u"main"_s);
        QCOMPARE(status->underway, QString());
        QCOMPARE(status->entries,
                 (QList<StatusEntry>{{u"a.txt"_s, u' ', u'M'},
                                     {u"new.txt"_s, u'?', u'?'},
                                     {u"staged.txt"_s, u'A', u' '}}));
        QCOMPARE(repository.status(1)->more, 2);

        const DiffRequest staged{true, {}};
        const auto unstaged = repository.diff({});
        QVERIFY(
            unstaged->text.endsWith(u"--- a/a.txt\n+++ b/a.txt\n@@ -1 +1,2 @@\n one\n+more\n"_s));
        QCOMPARE(unstaged->insertions, 1);
        QCOMPARE(repository.diff(staged)->text.count(u"diff --git"_s), 1);
        QVERIFY(repository.diff(staged)->text.contains(u"+s"_s));
        QCOMPARE(repository.diff({false, {u"b.txt"_s}})->text, QString());
        QVERIFY(repository.diff({false, {u"a*"_s}})->text.isEmpty()); // no pattern
        const auto cut = repository.diff({false, {}, 100});
        QVERIFY(cut->truncated);
        QVERIFY(cut->text.size() <= 100);
        QCOMPARE(cut->insertions, 1);
    }

    void takesTheAuthorFromTheRepositoryOnly()
    {
        auto repository = started();
        realGit(m_workspace, {u"config"_s, u"user.name"_s, u"Ada"_s});
        realGit(m_workspace, {u"config"_s, u"user.email"_s, u"ada@example.com"_s});
        put(m_workspace + u"/a.txt"_s, "x\n");
        QCOMPARE(repository.commit(request(u"m"_s))->author,
                 (Person{u"Ada"_s, u"ada@example.com"_s}));
    }

    void runsNoHook()
    {
        auto repository = started();
        for (const char* hook : {"pre-commit", "commit-msg", "post-commit", "post-index-change"}) {
            const QString path = m_workspace + u"/.git/hooks/"_s + QLatin1StringView(hook);
            put(path, "#!/bin/sh\ntouch \"$PWD/ran\"\nexit 1\n");
            QFile::setPermissions(path, QFile::Permissions(0x7777));
        }
        put(m_workspace + u"/a.txt"_s, "x\n");
        QVERIFY(repository.commit(request(u"m"_s)));
        QVERIFY(!QFile::exists(m_workspace + u"/ran"_s));
    }

    void refusesWhatLeadsOut_data()
    {
        QTest::addColumn<QString>("trick");
        for (const char* trick :
             {"above", "file", "link", "worktree", "log", "ref", "dangling", "alternates"}) {
            QTest::newRow(trick) << QString::fromLatin1(trick);
        }
    }
    void refusesWhatLeadsOut()
    {
        QFETCH(QString, trick);
        const QString outside = m_folder->path() + u"/outside"_s;
        QDir().mkpath(outside);
        QVERIFY(Repository::init(m_library, outside));
        if (trick == "above"_L1) {
            QVERIFY(Repository::init(m_library, m_folder->path()));
            QCOMPARE(Repository::open(m_library, m_workspace).error().code, ErrorCode::NotFound);
            return;
        }
        if (trick == "file"_L1) {
            put(m_workspace + u"/.git"_s, "gitdir: ../outside/.git\n");
        } else if (trick == "link"_L1) {
            QFile::link(outside + u"/.git"_s, m_workspace + u"/.git"_s);
        } else {
            started();
        }
        const QString git = m_workspace + u"/.git"_s;
        if (trick == "worktree"_L1) {
            realGit(m_workspace, {u"config"_s, u"core.worktree"_s, outside});
        } else if (trick == "log"_L1) {
            QFile::remove(git + u"/logs/HEAD"_s);
            put(m_folder->path() + u"/profile"_s, "");
            QFile::link(m_folder->path() + u"/profile"_s, git + u"/logs/HEAD"_s);
        } else if (trick == "ref"_L1) {
            QDir(git + u"/refs/heads"_s).removeRecursively();
            QFile::link(outside, git + u"/refs/heads"_s);
        } else if (trick == "dangling"_L1) {
            QFile::link(m_folder->path() + u"/not-there"_s, git + u"/MERGE_MSG"_s);
        } else if (trick == "alternates"_L1) {
            put(git + u"/objects/info/alternates"_s, outside.toUtf8() + "/.git/objects\n");
        }
        const auto opened = Repository::open(m_library, m_workspace);
        QVERIFY(!opened);
        QCOMPARE(opened.error().code, ErrorCode::Forbidden);
        QVERIFY2(opened.error().message.contains(u"outside of the workspace"_s),
                 problem(opened).constData());
    }

    void opensALinkedWorktreeInside()
    {
        started();
        realGit(m_workspace, {u"worktree"_s, u"add"_s, u"-q"_s, u"tree"_s});
        QCOMPARE(Repository::open(m_library, m_workspace + u"/tree"_s).error().code,
                 ErrorCode::Forbidden); // seen from there, the repository lies outside
        QVERIFY(Repository::open(m_library, m_workspace));
    }

    void saysWhatIsBroken()
    {
        QCOMPARE(Repository::open(m_library, m_workspace).error().code, ErrorCode::NotFound);
        QCOMPARE(Repository::open(m_library, u"/nonexistent"_s).error().code, ErrorCode::NotFound);
        put(m_workspace + u"/.git"_s, "nonsense");
        QCOMPARE(Repository::open(m_library, m_workspace).error().code, ErrorCode::Corrupt);
    }

    void theFenceHolds()
    {
        if (!canFence()) {
            QSKIP("This kernel has no Landlock.");
        }
        put(m_workspace + u"/a"_s, "inside");
        put(m_folder->path() + u"/secret"_s, "outside");
        QFile::link(m_folder->path() + u"/secret"_s, m_workspace + u"/link"_s);
        QFile::link(m_folder->path() + u"/made"_s, m_workspace + u"/dangling"_s);
        const auto seen = fenced(m_workspace, [&]() -> Result<QString> {
            QFile in(m_workspace + u"/a"_s);
            QFile out(m_folder->path() + u"/secret"_s);
            QFile link(m_workspace + u"/link"_s);
            QFile made(m_workspace + u"/dangling"_s);
            return QString::number(int(in.open(QIODevice::ReadWrite))) +
                   QString::number(int(out.open(QIODevice::ReadOnly))) +
                   QString::number(int(link.open(QIODevice::ReadOnly))) +
                   QString::number(int(made.open(QIODevice::WriteOnly)));
        });
        QCOMPARE(*seen, u"1000"_s);
        QVERIFY(!QFile::exists(m_folder->path() + u"/made"_s));
        QFile out(m_folder->path() + u"/secret"_s); // this thread stays free
        QVERIFY(out.open(QIODevice::ReadOnly));
        QVERIFY(!fenced(m_folder->path() + u"/none"_s, [] { return Result<int>(1); }));
    }

    void worksInsideTheFence()
    {
        started();
        put(m_workspace + u"/a.txt"_s, "fenced\n");
        const auto commit = fenced(m_workspace, [&]() -> Result<Commit> {
            SB_TRY(auto repository, Repository::open(m_library, m_workspace));
            SB_CHECK(repository.status());
            SB_CHECK(repository.preview(request(u"m"_s)));
            return repository.commit(request(u"m"_s));
        });
        QVERIFY2(commit, problem(commit).constData());
        QCOMPARE(realGit(m_workspace, {u"rev-parse"_s, u"HEAD"_s}), commit->id);
        QCOMPARE(realGit(m_workspace, {u"fsck"_s, u"--strict"_s}), QString());
    }

    void unifiedDiffs()
    {
        const auto text = [&](const std::optional<QByteArray>& before,
                              const std::optional<QByteArray>& after) {
            return unifiedDiff(m_library, before, after, u"d/f.txt"_s)->text;
        };
        QCOMPARE(text("a\nb\n", "a\nb\n"), QString());
        QVERIFY(text("a\nb\n", "a\nc\n")
                    .endsWith(u"--- a/d/f.txt\n+++ b/d/f.txt\n@@ -1,2 +1,2 @@\n a\n-b\n+c\n"_s));
        QVERIFY2(text({}, "x\n").contains(u"--- /dev/null\n+++ b/d/f.txt\n@@ -0,0 +1 @@\n+x\n"_s),
                 qPrintable(text({}, "x\n")));
        QVERIFY(text("", "x\n").contains(u"@@ -0,0 +1 @@\n+x\n"_s));
        QVERIFY(text("a", "b").contains(u"\\ No newline at end of file"_s));
        QVERIFY(text(QByteArray("a\0b", 3), QByteArray("a\0c", 3)).contains(u"Binary files"_s));
        const auto cut = unifiedDiff(
            m_library, QByteArray(), QByteArray("line\n").repeated(10'000), u"f"_s, 1000);
        QVERIFY(cut->truncated);
        QVERIFY(cut->text.size() <= 1000);
        QCOMPARE(cut->insertions, 10'000);
    }

private:
    /// A repository with one commit of a.txt and b.txt.
    Repository started()
    {
        auto repository = Repository::init(m_library, m_workspace);
        put(m_workspace + u"/a.txt"_s, "one\n");
        put(m_workspace + u"/b.txt"_s, "two\n");
        (void)repository->commit(request(u"Start"_s));
        return std::move(*repository);
    }

    Library m_library;
    std::unique_ptr<QTemporaryDir> m_folder;
    QString m_workspace;
};

QTEST_GUILESS_MAIN(tst_Git)
#include "tst_Git.moc"
