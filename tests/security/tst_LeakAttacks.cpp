#include "core/leaks/Watch.h"
#include "core/tools/ShellTool.h"
#include "tests/security/Attack.h"
#include "tests/unit/LeaksKit.h"
#include "tests/unit/ToolTestKit.h"

using namespace Qt::StringLiterals;
using namespace sb;
using attack::Attack;
using attack::Outcome;

namespace {

const QByteArray value = "Fk3xT9vQ2mZr8LpW/wN5c:Yb7";

std::shared_ptr<const leaks::Scanner> scanner()
{
    return leakskit::knowing(value);
}

leaks::Watch watching(leaks::Watch::Sink sink = {})
{
    const auto known = scanner();
    return {[known] { return known; }, std::move(sink)};
}

// What a model, a window or a journal would get of an output that comes in these pieces.
QByteArray passed(const QByteArrayList& chunks)
{
    leaks::Stream stream(scanner());
    QByteArray clean;
    for (const QByteArray& chunk : chunks) {
        stream.feed(chunk);
        clean += stream.redacted();
    }
    stream.finish();
    return clean + stream.redacted();
}

// The attacker wants the form to come through as it is.
Outcome through(const QByteArray& form, const QByteArray& front = "before ")
{
    return passed({front + form + " behind"}).contains(form) ? Outcome::Succeeded
                                                             : Outcome::Refused;
}

Attack form(const char* name, const char* defence, const QByteArray& text)
{
    return {name, defence, [text] { return through(text); }};
}

QByteArray joined(const QByteArray& bytes, int every, const QByteArray& between)
{
    QByteArray out;
    for (qsizetype i = 0; i < bytes.size(); ++i) {
        out += i > 0 && i % every == 0 ? between : QByteArray();
        out += bytes[i];
    }
    return out;
}

QByteArray eachByte(const char* before)
{
    QByteArray out;
    for (const char c : value) {
        out += before + QByteArray(1, c).toHex();
    }
    return out;
}

QByteArray reversed()
{
    QByteArray out = value;
    std::ranges::reverse(out);
    return out;
}

QByteArray shifted(int shift)
{
    return QByteArray(QByteArray(shift, '#') + value).toBase64();
}

Outcome cutAtEveryPlace()
{
    for (qsizetype cut = 1; cut < value.size(); ++cut) {
        if (passed({"x " + value.first(cut), value.sliced(cut) + " y"}).contains(value)) {
            return Outcome::Succeeded;
        }
    }
    return Outcome::Refused;
}

Outcome aByteAtATime(const QByteArray& text)
{
    QByteArrayList bytes;
    for (const char c : text) {
        bytes.append(QByteArray(1, c));
    }
    return passed(bytes).contains(text) ? Outcome::Succeeded : Outcome::Refused;
}

// Ten megabytes, the value somewhere in their middle, in pieces of an odd size.
Outcome inNoise()
{
    QByteArray noise = leakskit::madeUp(10'000'000 + 77);
    noise.insert(5'123'456, value);
    QByteArrayList chunks;
    for (qsizetype at = 0; at < noise.size(); at += 4093) {
        chunks.append(noise.sliced(at, std::min<qsizetype>(4093, noise.size() - at)));
    }
    return passed(chunks).contains(value) ? Outcome::Succeeded : Outcome::Refused;
}

} // namespace

class tst_LeakAttacks : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void initTestCase()
    {
        if (!m_sandbox.capabilities().usable) {
            QSKIP(qPrintable(m_sandbox.capabilities().problem));
        }
    }
    void attack_data() { attack::addRows(attacks()); }
    void attack() { attack::check(attacks()); }

private:
    // A real command in a real sandbox, whose workspace holds the value in "key".
    struct Ran
    {
        tools::Output output;
        QString shown;
        bool wentOn = false; ///< it left the file "on"
        QList<leaks::Incident> incidents;
    };
    Ran run(const QString& command, const QByteArray& held = value)
    {
        toolkit::Place place;
        toolkit::put(place.in(u"key"_s), held);
        Ran ran;
        std::mutex mutex;
        tools::ShellTool tool(m_sandbox, watching([&](const leaks::Incident& incident) {
                                  const std::scoped_lock lock(mutex);
                                  ran.incidents.append(incident);
                              }));
        const auto plan = tool.plan({{u"command"_s, command}}, place.context);
        if (!plan) {
            qFatal("no plan");
        }
        const auto output = toolkit::run(tool, *plan, place.context, {}, [&](const QString& text) {
            const std::scoped_lock lock(mutex);
            ran.shown += text;
        });
        if (!output) {
            qFatal("%s", qPrintable(output.error().message));
        }
        ran.output = *output;
        ran.wentOn = QFile::exists(place.in(u"on"_s));
        return ran;
    }
    // The attacker wants the model or the window to get it.
    Outcome printed(const QString& command, const QByteArray& wanted = value)
    {
        const Ran ran = run(command);
        const QString text = QString::fromLatin1(wanted);
        return ran.output.text.contains(text) || ran.shown.contains(text) ? Outcome::Succeeded
                                                                          : Outcome::Refused;
    }

    QList<Attack> attacks()
    {
        QList<Attack> all = {
            form("leaks.plain", "leaks.known", value),
            {"leaks.cut-at-every-place", "leaks.stream", cutAtEveryPlace},
            {"leaks.a-byte-at-a-time", "leaks.stream", [] { return aByteAtATime(value); }},
            {"leaks.base64-a-byte-at-a-time",
             "leaks.stream",
             [] { return aByteAtATime(value.toBase64(QByteArray::OmitTrailingEquals)); }},
            form("leaks.base64-first-alignment", "leaks.base64", shifted(0)),
            form("leaks.base64-second-alignment", "leaks.base64", shifted(1)),
            form("leaks.base64-third-alignment", "leaks.base64", shifted(2)),
            form("leaks.base64url", "leaks.base64", value.toBase64(QByteArray::Base64UrlEncoding)),
            form("leaks.base64-in-lines", "leaks.split", joined(shifted(0), 8, "\r\n")),
            form("leaks.hex", "leaks.hex", value.toHex()),
            form("leaks.hex-capitals", "leaks.hex", value.toHex().toUpper()),
            form("leaks.hex-with-colons", "leaks.split", value.toHex(':')),
            form("leaks.hex-as-in-c", "leaks.hex", eachByte("\\x")),
            form("leaks.percent-reserved", "leaks.percent", value.toPercentEncoding()),
            form("leaks.percent-every-byte", "leaks.hex", eachByte("%")),
            form("leaks.json-every-character", "leaks.json", eachByte("\\u00")),
            form("leaks.json-line-ends", "leaks.json", joined(value, 5, "\\n")),
            form("leaks.reversed", "leaks.reversed", reversed()),
            form("leaks.in-lines", "leaks.split", joined(value, 5, "\n")),
            form("leaks.spaced-out", "leaks.split", joined(value, 1, " ")),
            form("leaks.string-pieces", "leaks.split", joined(value, 4, "\" + \"")),
            form("leaks.utf-16", "leaks.split", joined(value, 1, QByteArray(1, '\0'))),
            form("leaks.colours-between", "leaks.escapes", joined(value, 4, "\x1b[38;5;12m")),
            form("leaks.half-an-escape-before", "leaks.known", "\x1b[" + value),
            {"leaks.in-ten-megabytes", "leaks.known", inNoise},
            {"leaks.pattern-of-a-key",
             "leaks.patterns",
             [] { return through("glpat-" + leakskit::madeUp(20)); }},
            {"leaks.command-prints", "leaks.known", [this] { return printed(u"cat key"_s); }},
            {"leaks.command-prints-to-stderr",
             "leaks.known",
             [this] { return printed(u"cat key >&2"_s); }},
            {"leaks.command-encodes",
             "leaks.base64",
             [this] { return printed(u"base64 -w0 key"_s, value.toBase64()); }},
            {"leaks.command-prints-slowly",
             "leaks.stream",
             [this] {
                 const Ran ran = run(u"head -c 9 key; sleep 0.3; tail -c +10 key"_s);
                 return ran.shown.contains(QString::fromLatin1(value)) ? Outcome::Succeeded
                                                                       : Outcome::Refused;
             }},
            {"leaks.command-goes-on",
             "leaks.kill",
             [this] {
                 return run(u"cat key; echo; sleep 2; echo x > on"_s).wentOn ? Outcome::Succeeded
                                                                             : Outcome::Refused;
             }},
            {"leaks.command-goes-on-in-the-background",
             "leaks.kill",
             [this] {
                 return run(u"(sleep 2; echo x > on) & cat key; echo; wait"_s).wentOn
                            ? Outcome::Succeeded
                            : Outcome::Refused;
             }},
            {"leaks.command-prints-in-a-flood",
             "leaks.flood",
             [this] {
                 // Far more than is shown, with the value in its middle; it wants to go on.
                 const QByteArray half = QByteArray("all is well\n").repeated(200'000);
                 return run(u"cat key; sleep 2; echo x > on"_s, half + value + half).wentOn
                            ? Outcome::Succeeded
                            : Outcome::Refused;
             }},
            {"leaks.a-file-that-is-read",
             "leaks.known",
             [] {
                 // What the gate does with any tool's answer, a model's words, and a message.
                 const leaks::Watch watch = watching();
                 const QString text = u"1\tkey="_s + QString::fromLatin1(value);
                 return watch.screen(text, {u"tool:file_read"_s}).text == text ? Outcome::Succeeded
                                                                               : Outcome::Refused;
             }},
            {"leaks.body-on-its-way-out",
             "leaks.base64",
             [] {
                 leaks::BodyWatch body(watching(), {u"egress:example.com"_s});
                 const QByteArray coded = "data=" + value.toBase64() + "&x=1";
                 const bool stops =
                     body.feed(coded.first(20)) || body.feed(coded.sliced(20)) || body.finish();
                 return stops ? Outcome::Refused : Outcome::Succeeded;
             }},
        };
        return all;
    }

    SystemClock m_clock;
    sandbox::Sandbox m_sandbox{
        {QStringLiteral(SB_BIN_DIR "/signalbox-sandbox-helper"), u"bwrap"_s, {}}, m_clock};
};

QTEST_GUILESS_MAIN(tst_LeakAttacks)
#include "tst_LeakAttacks.moc"
