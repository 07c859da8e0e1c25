#include "ui/widgets/PlainLine.h"

#include "ui/widgets/Format.h"

#include <algorithm>

using namespace Qt::StringLiterals;

namespace sb::widgets {

namespace {

constexpr qsizetype longestLine = 4000; // more of one line is never shown

qsizetype runLength(QStringView text, qsizetype at)
{
    qsizetype end = at;
    while (end < text.size() && text.at(end) == text.at(at)) {
        ++end;
    }
    return end - at;
}

// Where the next run of exactly `length` of that character begins; -1: nowhere.
qsizetype findRun(QStringView text, qsizetype from, QChar mark, qsizetype length)
{
    for (qsizetype i = from; i < text.size(); ++i) {
        if (text.at(i) == mark) {
            const qsizetype found = runLength(text, i);
            if (found == length) {
                return i;
            }
            i += found - 1;
        }
    }
    return -1;
}

// The bracket that closes the one at `open`; -1: none does.
qsizetype closing(QStringView text, qsizetype open, QChar begin, QChar end)
{
    int depth = 0;
    for (qsizetype i = open; i < text.size(); ++i) {
        if (text.at(i) == u'\\') {
            ++i;
        } else if (text.at(i) == begin) {
            ++depth;
        } else if (text.at(i) == end && --depth == 0) {
            return i;
        }
    }
    return -1;
}

bool isWord(QStringView text, qsizetype at)
{
    return at >= 0 && at < text.size() && text.at(at).isLetterOrNumber();
}

bool isSpace(QStringView text, qsizetype at)
{
    return at < 0 || at >= text.size() || text.at(at).isSpace();
}

bool isAsciiMark(QChar c)
{
    return c.unicode() < 0x80 && (c.isPunct() || c.isSymbol());
}

QString withoutMarks(QStringView text);

// Emphasis that begins at `at`: its words, and where it ends. Nothing: those marks are words.
std::optional<std::pair<QString, qsizetype>> emphasis(QStringView text, qsizetype at)
{
    const QChar mark = text.at(at);
    const qsizetype length = runLength(text, at);
    const bool isKnown = mark == u'~' ? length == 2 : length <= 3;
    // Inside a word, * and _ are far more often arithmetic, globs and names.
    if (!isKnown || isSpace(text, at + length) || isWord(text, at - 1)) {
        return std::nullopt;
    }
    for (qsizetype end = findRun(text, at + length, mark, length); end >= 0;
         end = findRun(text, end + length, mark, length)) {
        // "__init__.py" is a name, whatever Markdown makes of it.
        const bool isName = mark == u'_' && !isSpace(text, end + length) &&
                            QStringView(u".(").contains(text.at(end + length)) &&
                            !isSpace(text, end + length + 1);
        if (!isSpace(text, end - 1) && !isWord(text, end + length) && !isName) {
            return std::pair{withoutMarks(text.sliced(at + length, end - at - length)),
                             end + length};
        }
    }
    return std::nullopt;
}

QString withoutMarks(QStringView text)
{
    QString out;
    out.reserve(text.size());
    for (qsizetype i = 0; i < text.size();) {
        const QChar c = text.at(i);
        if (c == u'\\' && i + 1 < text.size() && isAsciiMark(text.at(i + 1))) {
            out += text.at(i + 1);
            i += 2;
            continue;
        }
        if (c == u'`') {
            const qsizetype length = runLength(text, i);
            const qsizetype end = findRun(text, i + length, u'`', length);
            out += end < 0 ? text.sliced(i, length)
                           : text.sliced(i + length, end - i - length).trimmed();
            i = (end < 0 ? i : end) + length;
            continue;
        }
        if (c == u'[' || (c == u'!' && i + 1 < text.size() && text.at(i + 1) == u'[')) {
            const qsizetype open = c == u'!' ? i + 1 : i;
            const qsizetype close = closing(text, open, u'[', u']');
            const qsizetype target = close + 1;
            const qsizetype end = close > 0 && target < text.size() && text.at(target) == u'('
                                      ? closing(text, target, u'(', u')')
                                      : -1;
            if (end > 0) {
                out += withoutMarks(text.sliced(open + 1, close - open - 1));
                i = end + 1;
                continue;
            }
        }
        if (c == u'<') {
            const qsizetype end = text.indexOf(u'>', i);
            const auto inside = end < 0 ? QStringView() : text.sliced(i + 1, end - i - 1);
            if (inside.contains(u"://") && !inside.contains(u' ')) {
                out += inside;
                i = end + 1;
                continue;
            }
        }
        if (c == u'*' || c == u'_' || c == u'~') {
            if (const auto found = emphasis(text, i)) {
                out += found->first;
                i = found->second;
            } else {
                const qsizetype length = runLength(text, i);
                out += text.sliced(i, length);
                i += length;
            }
            continue;
        }
        out += c;
        ++i;
    }
    return out;
}

bool isFence(QStringView line)
{
    return line.startsWith(u"```") || line.startsWith(u"~~~");
}

// A rule between parts, or the rule below the head of a table.
bool isRule(QStringView line)
{
    return line.size() >= 3 &&
           std::ranges::all_of(line, [](QChar c) { return QStringView(u"-*_=|: ").contains(c); });
}

QStringView withoutBlockMarks(QStringView line)
{
    for (;;) {
        line = line.trimmed();
        if (line.startsWith(u'>')) {
            line = line.sliced(1);
        } else if (line.startsWith(u"- ") || line.startsWith(u"* ") || line.startsWith(u"+ ")) {
            line = line.sliced(2).trimmed();
            if (line.startsWith(u"[ ] ") || line.startsWith(u"[x] ")) {
                line = line.sliced(4);
            }
        } else if (line.startsWith(u'#')) {
            const qsizetype level = runLength(line, 0);
            if (level > 6 || !isSpace(line, level)) {
                return line;
            }
            line = line.sliced(level);
        } else {
            return line;
        }
    }
}

} // namespace

QString plainLine(const QString& markdown, int maximum)
{
    bool isCode = false;
    for (const auto part : QStringView(markdown).tokenize(u'\n')) {
        const auto line = part.trimmed();
        if (isFence(line)) {
            isCode = !isCode;
            continue;
        }
        if (line.isEmpty() || (!isCode && isRule(line))) {
            continue;
        }
        const auto shown = line.first(std::min(line.size(), longestLine));
        const QString said =
            isCode ? shown.toString() : withoutMarks(withoutBlockMarks(shown)).trimmed();
        if (!said.isEmpty()) {
            return firstLine(said, maximum);
        }
    }
    return firstLine(markdown, maximum); // nothing but marks
}

} // namespace sb::widgets
