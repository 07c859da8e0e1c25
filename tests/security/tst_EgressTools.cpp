#include "tests/security/EgressFixture.h"

#include <QDir>
#include <QProcess>
#include <QStandardPaths>

using namespace egresskit;

namespace {

QByteArray bytesOf(const QString& path)
{
    QFile file(path);
    return file.open(QIODevice::ReadOnly) ? file.readAll() : QByteArray();
}

void put(const QString& path, const QByteArray& bytes)
{
    QDir().mkpath(QFileInfo(path).path());
    QFile file(path);
    if (!file.open(QIODevice::WriteOnly) || file.write(bytes) != bytes.size()) {
        qFatal("%s could not be written", qPrintable(path));
    }
}

QByteArray pathOf(const QByteArray& request)
{
    const qsizetype from = request.indexOf(' ') + 1;
    return request.sliced(from, request.indexOf(' ', from) - from);
}

QByteArray headerOf(const QByteArray& request, const QByteArray& name)
{
    const QByteArray wanted = "\r\n" + name.toLower() + ": ";
    const qsizetype at = request.toLower().indexOf(wanted);
    const qsizetype from = at + name.size() + 4;
    return at < 0 ? QByteArray() : request.sliced(from, request.indexOf("\r\n", from) - from);
}

const QByteArray kMissing = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";

/// git http-backend behind the test's server, as CGI.
QByteArray gitBackend(const QString& root, const QByteArray& request)
{
    const QByteArray target = pathOf(request);
    const qsizetype question = target.indexOf('?');
    const qsizetype head = request.indexOf("\r\n\r\n");
    QProcessEnvironment environment;
    environment.insert(u"PATH"_s, u"/usr/local/bin:/usr/bin:/bin"_s);
    environment.insert(u"GIT_PROJECT_ROOT"_s, root);
    environment.insert(u"GIT_HTTP_EXPORT_ALL"_s, u"1"_s);
    environment.insert(u"GIT_CONFIG_NOSYSTEM"_s, u"1"_s);
    environment.insert(u"GIT_CONFIG_COUNT"_s, u"1"_s);
    environment.insert(u"GIT_CONFIG_KEY_0"_s, u"safe.directory"_s);
    environment.insert(u"GIT_CONFIG_VALUE_0"_s, u"*"_s);
    environment.insert(u"REQUEST_METHOD"_s,
                       QString::fromLatin1(request.first(request.indexOf(' '))));
    environment.insert(u"PATH_INFO"_s,
                       QString::fromLatin1(question < 0 ? target : target.first(question)));
    environment.insert(u"QUERY_STRING"_s,
                       question < 0 ? QString() : QString::fromLatin1(target.sliced(question + 1)));
    environment.insert(u"CONTENT_TYPE"_s, QString::fromLatin1(headerOf(request, "Content-Type")));
    environment.insert(u"CONTENT_LENGTH"_s, QString::number(request.size() - head - 4));
    environment.insert(u"HTTP_CONTENT_ENCODING"_s,
                       QString::fromLatin1(headerOf(request, "Content-Encoding")));
    environment.insert(u"GIT_PROTOCOL"_s, QString::fromLatin1(headerOf(request, "Git-Protocol")));
    QProcess process;
    process.setProcessEnvironment(environment);
    process.start(u"git"_s, {u"http-backend"_s});
    process.write(request.sliced(head + 4));
    process.closeWriteChannel();
    process.waitForFinished(60'000);
    const QByteArray out = process.readAllStandardOutput();
    const qsizetype end = out.indexOf("\r\n\r\n");
    if (end < 0) {
        return kMissing;
    }
    QByteArray lines = out.first(end + 2);
    QByteArray status = "200 OK";
    if (lines.startsWith("Status: ")) {
        status = lines.sliced(8, lines.indexOf("\r\n") - 8);
        lines.remove(0, lines.indexOf("\r\n") + 2);
    }
    const QByteArray body = out.sliced(end + 4);
    return "HTTP/1.1 " + status + "\r\n" + lines +
           "Content-Length: " + QByteArray::number(body.size()) + "\r\n\r\n" + body;
}

} // namespace

/// Programs that agents use, unchanged: all that they know of the proxy is its address.
class tst_EgressTools : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void init()
    {
        m_folder = std::make_unique<QTemporaryDir>();
        m_certificates = std::make_unique<Certificates>(QStringList{u"secure.test"_s});
        m_world =
            std::make_unique<World>(Rules{.allow = {u"*.listed.test:*"_s, u"secure.test:*"_s}},
                                    m_certificates->authorities);
        for (const char* name : {"web", "git", "npm", "pip"}) {
            m_world->resolver.set(QLatin1StringView(name) + u".listed.test"_s,
                                  {{u"93.184.216.34"_s}});
        }
        m_world->resolver.set(u"secure.test"_s, {{u"93.184.216.34"_s}});
    }
    void cleanup() { m_world.reset(); }

    void curl()
    {
        if (!found("curl")) {
            QSKIP("there is no curl");
        }
        Server plain([](const QByteArray& request) {
            return ok(request.startsWith("POST") ? request.last(4) : QByteArray("hello"));
        });
        Server secure(
            [](const QByteArray&) { return ok("hello, securely"); }, {}, m_certificates.get());
        const QString url = u"http://web.listed.test:%1/"_s.arg(plain.port);
        QCOMPARE(run(u"curl"_s, {u"-sS"_s, url}), "hello"_ba);
        QCOMPARE(run(u"curl"_s, {u"-sS"_s, url, url}), "hellohello"_ba);
        QCOMPARE(run(u"curl"_s, {u"-sS"_s, u"-d"_s, u"data"_s, url}), "data"_ba);
        // A large upload waits for "continue" first.
        put(in(u"big"_s), QByteArray(5 << 20, 'x') + "tail");
        QCOMPARE(run(u"curl"_s,
                     {u"-sS"_s,
                      u"--data-binary"_s,
                      u'@' + in(u"big"_s),
                      u"-H"_s,
                      u"Expect: 100-continue"_s,
                      u"--expect100-timeout"_s,
                      u"0.1"_s,
                      url}),
                 "tail"_ba);
        QCOMPARE(run(u"curl"_s,
                     {u"-sS"_s,
                      u"--cacert"_s,
                      m_certificates->authorities,
                      u"https://secure.test:%1/"_s.arg(secure.port)}),
                 "hello, securely"_ba);
        QVERIFY(run(u"curl"_s, {u"-sS"_s, u"http://elsewhere.test/"_s})
                    .startsWith("elsewhere.test:80 is not on the list"));
        QVERIFY(run(u"curl"_s, {u"-sS"_s, u"https://elsewhere.test/"_s}).contains("403"));
    }

    void git()
    {
        const QString work = in(u"origin"_s);
        const QString bare = in(u"served/project.git"_s);
        const QStringList who{u"-c"_s,
                              u"user.name=A"_s,
                              u"-c"_s,
                              u"user.email=a@example.com"_s,
                              u"-c"_s,
                              u"init.defaultBranch=main"_s};
        put(work + u"/file.txt"_s, "content\n");
        put(work + u"/random.bin"_s, QByteArray(300'000, Qt::Uninitialized));
        run(u"git"_s, who + QStringList{u"init"_s, u"-q"_s, work});
        run(u"git"_s, QStringList{u"-C"_s, work} + who + QStringList{u"add"_s, u"."_s});
        run(u"git"_s,
            QStringList{u"-C"_s, work} + who + QStringList{u"commit"_s, u"-qm"_s, u"x"_s});
        run(u"git"_s, {u"clone"_s, u"-q"_s, u"--bare"_s, work, bare});
        run(u"git"_s, {u"-C"_s, bare, u"config"_s, u"http.receivepack"_s, u"true"_s});
        Server server([root = in(u"served"_s)](const QByteArray& request) {
            return gitBackend(root, request);
        });
        const QString url = u"http://git.listed.test:%1/project.git"_s.arg(server.port);
        const QString copy = in(u"copy"_s);
        const QByteArray cloned = run(u"git"_s, {u"clone"_s, u"-q"_s, url, copy});
        QVERIFY2(QFile::exists(copy + u"/file.txt"_s), cloned.constData());
        QCOMPARE(bytesOf(copy + u"/file.txt"_s), "content\n"_ba);
        put(copy + u"/new.txt"_s, "new\n");
        run(u"git"_s, QStringList{u"-C"_s, copy} + who + QStringList{u"add"_s, u"."_s});
        run(u"git"_s,
            QStringList{u"-C"_s, copy} + who + QStringList{u"commit"_s, u"-qm"_s, u"y"_s});
        const QByteArray pushed = run(u"git"_s, {u"-C"_s, copy, u"push"_s, u"-q"_s});
        QCOMPARE(run(u"git"_s, {u"-C"_s, bare, u"log"_s, u"-1"_s, u"--format=%s"_s}), "y\n"_ba);
        QVERIFY2(pushed.isEmpty(), pushed.constData());
        QVERIFY(run(u"git"_s, {u"clone"_s, u"-q"_s, u"http://git.other.test/x.git"_s, in(u"no"_s)})
                    .contains("403"));
    }

    void npm()
    {
        if (!found("npm") || !found("tar")) {
            QSKIP("there is no npm");
        }
        put(in(u"made/package/package.json"_s),
            "{\"name\": \"tiny\", \"version\": \"1.0.0\", \"main\": \"index.js\"}");
        put(in(u"made/package/index.js"_s), "module.exports = 42\n");
        run(u"tar"_s, {u"-C"_s, in(u"made"_s), u"-czf"_s, in(u"tiny.tgz"_s), u"package"_s});
        std::atomic<quint16> port = 0; // known once the server's thread runs
        Server server([&](const QByteArray& request) -> QByteArray {
            if (pathOf(request) == "/tiny") {
                QByteArray about =
                    "{'name': 'tiny', 'dist-tags': {'latest': '1.0.0'}, 'versions': {'1.0.0': "
                    "{'name': 'tiny', 'version': '1.0.0', 'dist': {'tarball': "
                    "'http://npm.listed.test:PORT/tiny/-/tiny-1.0.0.tgz'}}}}";
                about.replace("PORT", QByteArray::number(port));
                return ok(about.replace('\'', '"'));
            }
            return pathOf(request).endsWith(".tgz") ? ok(bytesOf(in(u"tiny.tgz"_s))) : kMissing;
        });
        port = server.port;
        const QByteArray said = run(u"npm"_s,
                                    {u"install"_s,
                                     u"--no-audit"_s,
                                     u"--no-fund"_s,
                                     u"--prefix"_s,
                                     in(u"app"_s),
                                     u"--registry"_s,
                                     u"http://npm.listed.test:%1/"_s.arg(server.port),
                                     u"tiny"_s});
        QVERIFY2(QFile::exists(in(u"app/node_modules/tiny/index.js"_s)), said.constData());
    }

    void pip()
    {
        if (!found("pip3") || !found("python3")) {
            QSKIP("there is no pip");
        }
        const QByteArray made = run(
            u"python3"_s,
            {u"-c"_s,
             u"import sys, zipfile\n"
             "z = zipfile.ZipFile(sys.argv[1], 'w')\n"
             "i = 'tiny-1.0.dist-info/'\n"
             "z.writestr('tiny.py', 'answer = 42\\n')\n"
             "z.writestr(i + 'METADATA', 'Metadata-Version: 2.1\\nName: tiny\\nVersion: 1.0\\n')\n"
             "z.writestr(i + 'WHEEL', 'Wheel-Version: 1.0\\nGenerator: x\\n'\n"
             "           'Root-Is-Purelib: true\\nTag: py3-none-any\\n')\n"
             "z.writestr(i + 'RECORD', 'tiny.py,,\\n' + i + 'METADATA,,\\n' + i + 'WHEEL,,\\n'\n"
             "           + i + 'RECORD,,\\n')\n"
             "z.close()\n"_s,
             in(u"tiny.whl"_s)});
        QVERIFY2(made.isEmpty(), made.constData());
        Server server([&](const QByteArray& request) -> QByteArray {
            if (pathOf(request) == "/simple/tiny/") {
                const QByteArray page = "<html><body><a href=\"/files/tiny-1.0-py3-none-any.whl\">"
                                        "tiny-1.0-py3-none-any.whl</a></body></html>";
                return "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: " +
                       QByteArray::number(page.size()) + "\r\n\r\n" + page;
            }
            return pathOf(request).endsWith(".whl") ? ok(bytesOf(in(u"tiny.whl"_s))) : kMissing;
        });
        const QByteArray said = run(u"pip3"_s,
                                    {u"install"_s,
                                     u"--no-deps"_s,
                                     u"--no-cache-dir"_s,
                                     u"--disable-pip-version-check"_s,
                                     u"--target"_s,
                                     in(u"site"_s),
                                     u"--trusted-host"_s,
                                     u"pip.listed.test"_s,
                                     u"--index-url"_s,
                                     u"http://pip.listed.test:%1/simple"_s.arg(server.port),
                                     u"tiny"_s});
        QVERIFY2(QFile::exists(in(u"site/tiny.py"_s)), said.constData());
    }

private:
    static bool found(const char* program)
    {
        return !QStandardPaths::findExecutable(QString::fromLatin1(program)).isEmpty();
    }
    [[nodiscard]] QString in(const QString& name) const { return m_folder->filePath(name); }

    /// Everything that the program says, on either stream.
    [[nodiscard]] QByteArray output(QProcess& process) const
    {
        process.setProcessChannelMode(QProcess::MergedChannels);
        process.setWorkingDirectory(m_folder->path());
        QProcessEnvironment environment;
        const QString proxy = u"http://127.0.0.1:%1"_s.arg(m_world->port);
        for (const char* name : {"http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"}) {
            environment.insert(QString::fromLatin1(name), proxy);
        }
        environment.insert(u"PATH"_s, u"/usr/local/bin:/usr/bin:/bin"_s);
        environment.insert(u"HOME"_s, m_folder->path());
        environment.insert(u"GIT_CONFIG_NOSYSTEM"_s, u"1"_s);
        environment.insert(u"GIT_TERMINAL_PROMPT"_s, u"0"_s);
        environment.insert(u"LC_ALL"_s, u"C.UTF-8"_s);
        process.setProcessEnvironment(environment);
        process.start();
        process.waitForFinished(120'000);
        return process.readAll();
    }
    QByteArray run(const QString& program, const QStringList& arguments) const
    {
        QProcess process;
        process.setProgram(program);
        process.setArguments(arguments);
        return output(process);
    }

    std::unique_ptr<QTemporaryDir> m_folder;
    std::unique_ptr<Certificates> m_certificates;
    std::unique_ptr<World> m_world;
};

EGRESS_TEST_MAIN(tst_EgressTools)
#include "tst_EgressTools.moc"
