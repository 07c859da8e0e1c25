#include "core/config/Reader.h"

#include <QDir>
#include <QRegularExpression>

using namespace Qt::StringLiterals;

namespace sb::config {

namespace {

using Kind = YamlNode::Kind;

// How many letters must change to make one word of the other; more than `limit` is not counted.
qsizetype distance(QStringView a, QStringView b)
{
    std::vector<qsizetype> row(size_t(b.size()) + 1);
    for (size_t i = 0; i < row.size(); ++i) {
        row[i] = qsizetype(i);
    }
    for (qsizetype i = 1; i <= a.size(); ++i) {
        qsizetype before = std::exchange(row[0], i);
        for (qsizetype j = 1; j <= b.size(); ++j) {
            const auto at = size_t(j);
            const qsizetype change = before + (a[i - 1].toLower() == b[j - 1].toLower() ? 0 : 1);
            before = row[at];
            row[at] = std::min({row[at] + 1, row[at - 1] + 1, change});
        }
    }
    return row.back();
}

} // namespace

QString suggestion(const QString& word, const QStringList& known)
{
    QString best;
    qsizetype bestDistance = std::max<qsizetype>(2, word.size() / 3) + 1;
    for (const QString& candidate : known) {
        const auto d = word.size() > 100 ? bestDistance : distance(word, candidate);
        if (d < bestDistance && d < candidate.size()) {
            bestDistance = d;
            best = candidate;
        }
    }
    if (!best.isEmpty()) {
        return u"; did you mean \"%1\"?"_s.arg(best);
    }
    return known.isEmpty() || known.size() > 12 ? QString()
                                                : u"; known here: %1"_s.arg(known.join(u", "_s));
}

QString shortened(const QString& text)
{
    return text.size() > 60 ? QString(text.left(57) + u"…"_s) : text;
}

std::unexpected<Error> Reader::at(const YamlNode& node, const QString& message) const
{
    return yamlError(m_fileName, node.line, node.column, message);
}

// A map that holds only these keys.
Result<> Reader::keys(const YamlNode& node, const QString& what, const QStringList& known)
{
    if (node.kind != Kind::Map) {
        return at(node, u"%1 must be a set of keys (key: value)"_s.arg(what));
    }
    for (const auto& [key, value] : node.pairs) {
        if (!known.contains(key.text)) {
            QString message = u"\"%1\" is not a known key of %2"_s.arg(shortened(key.text), what) +
                              suggestion(key.text, known);
            auto error = at(key, message);
            if (message.endsWith(u'?')) {
                error.error().message.chop(1); // the question mark ends the sentence
            }
            return error;
        }
    }
    return {};
}

Result<const YamlNode*>
Reader::required(const YamlNode& node, const QString& key, const QString& what)
{
    const YamlNode* found = node.find(key);
    if (!found) {
        return at(node, u"%1 needs the key \"%2\""_s.arg(what, key));
    }
    return found;
}

Result<> Reader::list(const YamlNode& node, const QString& what)
{
    if (node.kind != Kind::List) {
        return at(node, u"%1 must be a list (lines that start with -, or [a, b])"_s.arg(what));
    }
    return {};
}

Result<QString> Reader::text(const YamlNode& node, const QString& what)
{
    if (node.kind != Kind::Scalar) {
        return at(node, u"%1 must be a text"_s.arg(what));
    }
    if (node.text.trimmed().isEmpty()) {
        return at(node, u"%1 must not be empty"_s.arg(what));
    }
    return node.text;
}

Result<QString> Reader::requiredText(const YamlNode& node, const QString& key, const QString& what)
{
    SB_TRY(const YamlNode* found, required(node, key, what));
    return text(*found, key);
}
Result<double> Reader::number(const YamlNode& node, const QString& what, double least, double most)
{
    bool ok = false;
    const double value = node.text.toDouble(&ok);
    if (node.kind != Kind::Scalar || node.quoted || !ok || !(value >= least && value <= most)) {
        return at(node,
                  u"%1 must be a number from %2 to %3"_s.arg(
                      what, QString::number(least), QString::number(most, 'f', 0)));
    }
    return value;
}

Result<int> Reader::whole(const YamlNode& node, const QString& what, int least, int most)
{
    SB_TRY(const double value, number(node, what, least, most));
    if (value != double(int(value))) {
        return at(node, u"%1 must be a whole number"_s.arg(what));
    }
    return int(value);
}

// 90, 90s, 15m, 24h, 7d.
Result<Milliseconds> Reader::duration(const YamlNode& node, const QString& what)
{
    const auto bad = [&] {
        return at(node,
                  u"%1 must be a time such as 90s, 15m, 24h or 7d, at most 366 days"_s.arg(what));
    };
    if (node.kind != Kind::Scalar || node.text.isEmpty()) {
        return bad();
    }
    static const QMap<QChar, qint64> units{{u's', 1}, {u'm', 60}, {u'h', 3600}, {u'd', 86400}};
    const QChar last = node.text.back();
    const bool hasUnit = units.contains(last);
    bool ok = false;
    const double count = QStringView(node.text).chopped(hasUnit ? 1 : 0).toDouble(&ok);
    const double seconds = count * double(hasUnit ? units[last] : 1);
    if (!ok || !(seconds > 0) || seconds > 366.0 * 86400) {
        return bad();
    }
    return Milliseconds(std::max<qint64>(1, qint64(seconds * 1000)));
}

Result<qint64> Reader::size(const YamlNode& node, const QString& what)
{
    static const QRegularExpression pattern(u"\\A([0-9]{1,15})\\s*(?:([KMGT])(?:i?B)?|B)?\\z"_s,
                                            QRegularExpression::CaseInsensitiveOption);
    constexpr qint64 most = qint64(1) << 50;
    const auto match = pattern.match(node.kind == Kind::Scalar ? node.text.trimmed() : QString());
    const qint64 count = match.hasMatch() ? match.captured(1).toLongLong() : 0;
    const QString unit = match.captured(2).toUpper();
    const int shift = unit.isEmpty() ? 0 : 10 * int(u"KMGT"_s.indexOf(unit) + 1);
    if (count < 1 || count > (most >> shift)) {
        return at(node, u"%1 must be a size such as 500MB or 2GB, at most 1024TB"_s.arg(what));
    }
    return count << shift;
}

// ~ is the home; a relative path starts at the file's folder.
Result<QString> Reader::path(const YamlNode& node, const QString& what, QString value)
{
    if (value.startsWith(u'$')) {
        return at(
            node,
            u"%1 cannot hold a variable; write ~ for the home folder, or the whole path"_s.arg(
                what));
    }
    if (value == "~"_L1 || value.startsWith("~/"_L1)) {
        value.replace(0, 1, m_environment.home);
    } else if (value.startsWith(u'~')) {
        return at(
            node,
            u"%1 can start with ~/ for your own home, not with that of another user"_s.arg(what));
    } else if (!value.startsWith(u'/')) {
        value = m_environment.folder + u'/' + value;
    }
    for (const QChar c : value) {
        if (c.unicode() < 0x20) {
            return at(node, u"%1 holds a control character"_s.arg(what));
        }
    }
    return QDir::cleanPath(value);
}
// Never shows the value: it may be a key that somebody pasted.
Result<QString> Reader::keyReference(const YamlNode& node)
{
    const auto bad = [&] {
        return at(node,
                  u"keys are references, never values: env:NAME, keychain:NAME, file:PATH, "
                  u"vault:NAME, exec:COMMAND or hashicorp:PATH#FIELD"_s);
    };
    if (node.kind != Kind::Scalar) {
        return bad();
    }
    const auto colon = node.text.indexOf(u':');
    const QString kind = node.text.left(std::max<qsizetype>(0, colon));
    QString name = node.text.mid(colon + 1);
    if (colon < 0 || name.trimmed().isEmpty()) {
        return bad();
    }
    if (kind == "env"_L1) {
        static const QRegularExpression variable(u"\\A[A-Za-z_][A-Za-z0-9_]{0,127}\\z"_s);
        if (!variable.match(name).hasMatch()) {
            return at(node, u"env: must be followed by the name of an environment variable"_s);
        }
    } else if (kind == "file"_L1) {
        SB_TRY(name, path(node, u"key"_s, name));
    } else if (kind == "keychain"_L1 || kind == "vault"_L1) {
        static const QRegularExpression plain(u"\\A[^\\x00-\\x1f\\x7f]{1,128}\\z"_s);
        if (!plain.match(name).hasMatch()) {
            return at(node,
                      u"%1: must be followed by a name of at most 128 characters"_s.arg(kind));
        }
    } else if (kind == "exec"_L1) {
        SB_TRY(name, command(node, name.trimmed()));
    } else if (kind == "hashicorp"_L1) {
        static const QRegularExpression field(
            u"\\A(?!\\.{1,2}[/#])[\\w.@-]+(/(?!\\.{1,2}[/#])[\\w.@-]+)*#[\\w.@-]+\\z"_s);
        if (name.size() > 512 || !field.match(name).hasMatch()) {
            return at(node,
                      u"hashicorp: must be followed by a path and a field, as in "
                      u"hashicorp:team/gitlab#token"_s);
        }
    } else {
        return bad();
    }
    return QString(kind + u':' + name);
}

// A program of its whole path, of the home (~/bin/x), or of the system's folders (pass), and its
// words. What runs must not hang on the folder that this program was started in.
Result<QString> Reader::command(const YamlNode& node, QString line)
{
    if (line.startsWith("~/"_L1)) {
        line.replace(0, 1, m_environment.home);
    }
    const QString program = line.section(u' ', 0, 0);
    if (program.contains(u'/') && !program.startsWith(u'/')) {
        return at(node, u"exec: needs the whole path of the program, or its name alone"_s);
    }
    if (line.size() > 4096 ||
        std::ranges::any_of(line, [](QChar c) { return c.unicode() < 0x20; })) {
        return at(node, u"exec: must be followed by one line, a program and its arguments"_s);
    }
    if (line.count(u'"') % 2 != 0 && !line.contains(u'\'')) {
        return at(node, u"exec: has a quotation mark that is not closed"_s);
    }
    return line;
}

Result<QString> Reader::address(const YamlNode& node)
{
    SB_TRY(const QString value, text(node, u"an address"_s));
    static const QRegularExpression pattern(
        u"\\A(\\*\\.)?([a-z0-9_]([a-z0-9_-]*[a-z0-9_])?\\.)*[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?:([0-9]{1,5})\\z"_s);
    static const QRegularExpression six(u"\\A\\[[0-9a-f:.]+\\]:([0-9]{1,5})\\z"_s);
    QString lower = value.toLower();
    const auto match = pattern.match(lower);
    const auto sixMatch = six.match(lower);
    const int port = match.hasMatch()      ? match.captured(5).toInt()
                     : sixMatch.hasMatch() ? sixMatch.captured(1).toInt()
                                           : 0;
    if (port < 1 || port > 65535) {
        return at(
            node,
            u"the address \"%1\" must be written host:port, as in gitlab.com:443 or *.example.org:443"_s
                .arg(shortened(value)));
    }
    return lower;
}

} // namespace sb::config
