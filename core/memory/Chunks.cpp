#include "core/memory/Chunks.h"

#include <QCryptographicHash>
#include <QFileInfo>
#include <QRegularExpression>
#include <QSet>
#include <QStringDecoder>
#include <QTextBoundaryFinder>

namespace sb::memory {

using namespace Qt::StringLiterals;

namespace {

constexpr qsizetype mostOfHead = 240;
constexpr qsizetype mostOfHeading = 100;
constexpr qsizetype looked = 65536; ///< bytes that tell whether a file is text
const QString arrow = u" › "_s;

// What Windows and the web mean by Latin-1 where Latin-1 has only controls; 0: nothing.
constexpr std::array<char16_t, 32> windows1252{
    0x20AC, 0,      0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021, 0x02C6, 0x2030, 0x0160,
    0x2039, 0x0152, 0,      0x017D, 0,      0,      0x2018, 0x2019, 0x201C, 0x201D, 0x2022,
    0x2013, 0x2014, 0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, 0,      0x017E, 0x0178};

std::unexpected<Error> noText()
{
    return fail(ErrorCode::InvalidInput, u"it is not text"_s);
}

bool looksBinary(QByteArrayView bytes)
{
    qsizetype controls = 0;
    const QByteArrayView part = bytes.first(std::min(bytes.size(), looked));
    for (const char c : part) {
        const auto byte = uchar(c);
        if (byte == 0) {
            return true;
        }
        // Escapes, backspaces and page breaks stand in logs, manuals and listings.
        const bool isUsual = byte >= 0x20 || (byte >= '\b' && byte <= '\r') || byte == 0x1B;
        controls += isUsual ? 0 : 1;
    }
    return controls * 32 > part.size();
}

/// The text up to `most` units, without a cut through a grapheme.
qsizetype graphemeBefore(QStringView text, qsizetype most)
{
    QTextBoundaryFinder finder(QTextBoundaryFinder::Grapheme, text.data(), text.size());
    finder.setPosition(most);
    if (finder.isAtBoundary()) {
        return most;
    }
    const qsizetype before = finder.toPreviousBoundary();
    if (before > 0) {
        return before;
    }
    // One grapheme of more than a piece, which nobody writes: only its pairs are kept together.
    return text[most].isLowSurrogate() && text[most - 1].isHighSurrogate() ? most - 1 : most;
}

QString shortened(const QString& text, qsizetype most)
{
    return text.size() <= most ? text : text.left(graphemeBefore(text, most - 1)) + u'…';
}

/// Lines of the text that belong together.
struct Block
{
    qsizetype start = 0;
    qsizetype end = 0;
    bool isBeginning = false; ///< a piece is well closed before it
    QString path{};           ///< the headings that it stands under
};

class Text
{
public:
    explicit Text(const QString& text) : m_text(text)
    {
        m_text.replace("\r\n"_L1, "\n"_L1).replace(u'\r', u'\n');
        m_starts.append(0);
        for (qsizetype at = m_text.indexOf(u'\n'); at >= 0; at = m_text.indexOf(u'\n', at + 1)) {
            m_starts.append(at + 1);
        }
        m_starts.append(m_text.size() + 1); // behind the end of the last line
    }
    [[nodiscard]] qsizetype lines() const { return m_starts.size() - 1; }
    [[nodiscard]] qsizetype start(qsizetype line) const { return m_starts[line]; }
    [[nodiscard]] qsizetype end(qsizetype line) const { return m_starts[line + 1] - 1; }
    [[nodiscard]] QStringView line(qsizetype index) const
    {
        return QStringView(m_text).sliced(start(index), end(index) - start(index));
    }
    [[nodiscard]] bool isBlank(qsizetype index) const { return line(index).trimmed().isEmpty(); }
    [[nodiscard]] QStringView slice(qsizetype from, qsizetype to) const
    {
        return QStringView(m_text).sliced(from, to - from);
    }
    /// The number, counted from 1, of the line in which that position lies.
    [[nodiscard]] int lineOf(qsizetype position) const
    {
        return int(std::ranges::upper_bound(m_starts, position) - m_starts.begin());
    }

private:
    QString m_text;
    QList<qsizetype> m_starts;
};

/// Paragraphs, or what blank lines divide in code.
QList<Block> paragraphsOf(const Text& text, TextKind kind)
{
    QList<Block> blocks;
    bool isOpen = false;
    for (qsizetype i = 0; i < text.lines(); ++i) {
        if (text.isBlank(i)) {
            isOpen = false;
            continue;
        }
        if (!isOpen) {
            // In code, what begins at the margin begins something new: a function, a class.
            const QChar first = text.line(i).front();
            const bool isNew =
                kind == TextKind::Plain || (!first.isSpace() && first != u'}' && first != u')');
            blocks.append({text.start(i), text.end(i), isNew});
            isOpen = true;
        }
        blocks.last().end = text.end(i);
    }
    return blocks;
}

/// Markdown's blocks. A heading stays with what follows it, a fence with its content.
class Markdown
{
public:
    explicit Markdown(const Text& text) : m_text(text) {}

    QList<Block> blocks()
    {
        for (qsizetype i = skipFrontMatter(); i < m_text.lines(); ++i) {
            const QStringView line = m_text.line(i);
            if (!m_fence.isEmpty()) {
                add(i);
                const QStringView words = line.trimmed();
                if (words.startsWith(m_fence) && words.count(m_fence.front()) == words.size()) {
                    m_fence.clear();
                    m_isOpen = false;
                }
            } else if (m_text.isBlank(i)) {
                m_isOpen = m_isOpen && m_hasOnlyHeadings;
            } else if (const auto fence = fenceOf(line); !fence.isEmpty()) {
                m_fence = fence;
                m_hasOnlyHeadings = false;
                add(i);
            } else if (const int level = atxLevel(line); level > 0) {
                static const QRegularExpression marks(u"^\\s*#+\\s*|\\s+#+\\s*$"_s);
                head(i, level, line.toString().remove(marks));
            } else if (const int under = i + 1 < m_text.lines() && !(m_isOpen && !m_hasOnlyHeadings)
                                             ? underline(m_text.line(i + 1))
                                             : 0;
                       under > 0) {
                head(i, under, line.trimmed().toString());
                add(++i);
            } else {
                m_hasOnlyHeadings = false;
                add(i);
            }
        }
        return m_blocks;
    }

private:
    static QString fenceOf(QStringView line)
    {
        const QStringView words = line.trimmed();
        for (const QChar mark : {u'`', u'~'}) {
            qsizetype count = 0;
            while (count < words.size() && words[count] == mark) {
                ++count;
            }
            if (count >= 3) {
                return QString(count, mark);
            }
        }
        return {};
    }
    static int atxLevel(QStringView line)
    {
        static const QRegularExpression heading(u"^ {0,3}(#{1,6})(\\s|$)"_s);
        const auto match = heading.matchView(line);
        return match.hasMatch() ? int(match.capturedLength(1)) : 0;
    }
    static int underline(QStringView line)
    {
        static const QRegularExpression under(u"^ {0,3}(=+|-{2,})\\s*$"_s);
        const auto match = under.matchView(line);
        return !match.hasMatch() ? 0 : match.capturedView(1).front() == u'=' ? 1 : 2;
    }

    /// What stands between two lines of dashes on top is data about the text.
    qsizetype skipFrontMatter()
    {
        if (m_text.lines() < 3 || m_text.line(0) != "---"_L1) {
            return 0;
        }
        for (qsizetype i = 1; i < m_text.lines(); ++i) {
            if (m_text.line(i) == "---"_L1 || m_text.line(i) == "..."_L1) {
                m_blocks.append({m_text.start(0), m_text.end(i), true});
                return i + 1;
            }
        }
        return 0;
    }
    void add(qsizetype line)
    {
        if (!m_isOpen) {
            m_blocks.append({m_text.start(line), m_text.end(line), false, path()});
            m_isOpen = true;
        }
        m_blocks.last().end = m_text.end(line);
    }
    void head(qsizetype line, int level, const QString& words)
    {
        while (!m_path.isEmpty() && m_path.last().first >= level) {
            m_path.removeLast();
        }
        m_path.append({level, shortened(words.simplified(), mostOfHeading)});
        // A heading right below another one: both stay with what follows.
        if (!(m_isOpen && m_hasOnlyHeadings)) {
            m_blocks.append({m_text.start(line), m_text.end(line), true});
        }
        m_blocks.last().end = m_text.end(line);
        m_blocks.last().path = path();
        m_isOpen = true;
        m_hasOnlyHeadings = true;
    }
    [[nodiscard]] QString path() const
    {
        QStringList words;
        for (const auto& [level, heading] : m_path) {
            if (!heading.isEmpty()) {
                words.append(heading);
            }
        }
        return words.join(arrow);
    }

    const Text& m_text;
    QList<Block> m_blocks;
    QList<std::pair<int, QString>> m_path;
    QString m_fence;
    bool m_isOpen = false;
    bool m_hasOnlyHeadings = false;
};

/// Where a text of more than `most` is best cut: at most there, and not too early.
qsizetype cutOf(QStringView text, qsizetype most, TextKind kind)
{
    const qsizetype fewest = most * 2 / 5;
    const QStringView window = text.first(std::min(text.size(), most + 100));
    const qsizetype lineEnd = window.first(most).lastIndexOf(u'\n') + 1;
    if (kind == TextKind::Code && lineEnd >= fewest) {
        return lineEnd;
    }
    for (const auto type : {QTextBoundaryFinder::Sentence, QTextBoundaryFinder::Word}) {
        QTextBoundaryFinder finder(type, window.data(), window.size());
        finder.setPosition(most);
        const qsizetype at = finder.isAtBoundary() ? most : finder.toPreviousBoundary();
        if (at >= fewest) {
            return at;
        }
        if (lineEnd >= fewest) {
            return lineEnd;
        }
    }
    return graphemeBefore(window, most);
}

QString headOf(const QString& name, const QString& path)
{
    QString head = shortened(name, mostOfHead / 2);
    QStringList headings = path.isEmpty() ? QStringList() : path.split(arrow);
    while (!headings.isEmpty() &&
           head.size() + arrow.size() + headings.join(arrow).size() > mostOfHead) {
        headings.removeFirst(); // the nearest ones say most
    }
    return headings.isEmpty() ? head : head + arrow + headings.join(arrow);
}

/// Puts blocks together to pieces.
class Pieces
{
public:
    Pieces(const Text& text, TextKind kind, QString name)
        : m_text(text), m_kind(kind), m_name(std::move(name))
    {
    }

    QList<Chunk> of(const QList<Block>& blocks)
    {
        for (const Block& block : blocks) {
            const qsizetype room = MostOfPiece - headOf(m_name, block.path).size() - 1;
            Block rest = block;
            while (rest.end - rest.start > room) {
                Block part = rest;
                part.end = rest.start + cutOf(m_text.slice(rest.start, rest.end), room, m_kind);
                add(part);
                rest.start = part.end;
                rest.isBeginning = false;
            }
            add(rest);
        }
        close();
        return std::move(m_chunks);
    }

private:
    void add(const Block& block)
    {
        if (m_open) {
            const qsizetype room = MostOfPiece - headOf(m_name, m_open->path).size() - 1;
            const bool isFull = block.end - m_open->start > room;
            if (isFull || (block.isBeginning && m_open->end - m_open->start >= FewestOfPiece)) {
                close();
            }
        }
        if (m_open) {
            m_open->end = block.end;
        } else {
            m_open = block;
        }
    }
    void close()
    {
        if (!m_open) {
            return;
        }
        qsizetype from = m_open->start;
        qsizetype to = m_open->end;
        while (to > from && m_text.slice(to - 1, to).front().isSpace()) {
            --to;
        }
        // Blank lines go; what the first line is indented by stays.
        for (qsizetype at = from; at < to && m_text.slice(at, at + 1).front().isSpace(); ++at) {
            if (m_text.slice(at, at + 1).front() == u'\n') {
                from = at + 1;
            }
        }
        if (from < to) {
            Chunk chunk;
            chunk.text = headOf(m_name, m_open->path) + u'\n' + m_text.slice(from, to);
            chunk.line = m_text.lineOf(from);
            chunk.lastLine = m_text.lineOf(to - 1);
            chunk.digest = QString::fromLatin1(
                QCryptographicHash::hash(chunk.text.toUtf8(), QCryptographicHash::Sha256).toHex());
            m_chunks.append(std::move(chunk));
        }
        m_open.reset();
    }

    const Text& m_text;
    TextKind m_kind;
    QString m_name;
    QList<Chunk> m_chunks;
    std::optional<Block> m_open;
};

} // namespace

TextKind textKindOf(const QString& fileName)
{
    static const QSet<QString> markdown{u"md"_s, u"markdown"_s, u"mdown"_s, u"mkd"_s, u"mdx"_s};
    static const QSet<QString> code{
        u"c"_s,     u"h"_s,     u"cc"_s,     u"cpp"_s,  u"cxx"_s,  u"hh"_s,   u"hpp"_s,   u"hxx"_s,
        u"inl"_s,   u"m"_s,     u"mm"_s,     u"cs"_s,   u"java"_s, u"kt"_s,   u"scala"_s, u"go"_s,
        u"rs"_s,    u"swift"_s, u"py"_s,     u"rb"_s,   u"php"_s,  u"pl"_s,   u"pm"_s,    u"lua"_s,
        u"r"_s,     u"jl"_s,    u"js"_s,     u"mjs"_s,  u"cjs"_s,  u"jsx"_s,  u"ts"_s,    u"tsx"_s,
        u"vue"_s,   u"css"_s,   u"scss"_s,   u"less"_s, u"html"_s, u"htm"_s,  u"xml"_s,   u"svg"_s,
        u"qml"_s,   u"sql"_s,   u"sh"_s,     u"bash"_s, u"zsh"_s,  u"fish"_s, u"ps1"_s,   u"bat"_s,
        u"cmake"_s, u"mk"_s,    u"gradle"_s, u"json"_s, u"yaml"_s, u"yml"_s,  u"toml"_s,  u"ini"_s,
        u"cfg"_s,   u"conf"_s,  u"proto"_s,  u"tf"_s,   u"nix"_s,  u"zig"_s,  u"hs"_s,    u"ml"_s,
        u"ex"_s,    u"exs"_s,   u"erl"_s,    u"clj"_s,  u"dart"_s, u"el"_s};
    static const QSet<QString> names{
        u"makefile"_s, u"cmakelists.txt"_s, u"dockerfile"_s, u"rakefile"_s, u"justfile"_s};
    const QFileInfo info(fileName.toLower());
    if (markdown.contains(info.suffix())) {
        return TextKind::Markdown;
    }
    return code.contains(info.suffix()) || names.contains(info.fileName()) ? TextKind::Code
                                                                           : TextKind::Plain;
}

Result<QString> decodedText(QByteArrayView bytes, bool isWhole)
{
    // What more follows waits in the decoder; where nothing follows, it is an error.
    const auto flags =
        isWhole ? QStringConverter::Flag::Stateless : QStringConverter::Flag::Default;
    const auto marked = QStringConverter::encodingForData(bytes);
    if (marked && *marked != QStringConverter::Utf8) {
        QStringDecoder decoder(*marked, flags);
        QString text = decoder.decode(bytes);
        if (!isWhole && !text.isEmpty() && text.back().isHighSurrogate()) {
            text.chop(1);
        }
        if (decoder.hasError() || text.contains(QChar::Null) || !text.isValidUtf16()) {
            return noText();
        }
        return text;
    }
    if (looksBinary(bytes)) {
        return noText();
    }
    QStringDecoder decoder(QStringConverter::Utf8, flags);
    QString text = decoder.decode(bytes);
    if (!decoder.hasError()) {
        return text;
    }
    text = QString::fromLatin1(bytes);
    for (QChar& c : text) {
        if (c.unicode() >= 0x80 && c.unicode() < 0xA0 && windows1252[c.unicode() - 0x80] != 0) {
            c = QChar(windows1252[c.unicode() - 0x80]);
        }
    }
    return text;
}

QList<Chunk> chunksOf(const QString& whole, TextKind kind, const QString& name)
{
    const Text text(whole);
    Pieces pieces(text, kind, name);
    return pieces.of(kind == TextKind::Markdown ? Markdown(text).blocks()
                                                : paragraphsOf(text, kind));
}

} // namespace sb::memory
