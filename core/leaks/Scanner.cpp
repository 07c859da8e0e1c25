#include "core/leaks/Scanner.h"

#include "core/base/Defence.h"

#include <sodium.h>

namespace sb::leaks {

using namespace Qt::StringLiterals;

namespace {

constexpr qsizetype windowSize = 64 << 10;
constexpr qsizetype longestHeld = 16 << 10;
constexpr qsizetype lookBackSize = 64;
constexpr qsizetype leastPattern = 10;  // the shortest address with a password
constexpr size_t largestKept = 1 << 20; // of a thread's workspace

// In which state a text ends; a sequence that is longer than we look back is none.
Canon::State stateBehind(QByteArrayView text)
{
    return Canon::stateAt(text.last(std::min(text.size(), lookBackSize)), Canon::State::Text);
}

Hit hitOf(const QString& what, qint64 offset, qint64 length, Encoding encoding, bool verified)
{
    return {what, offset, length, encoding, verified};
}

} // namespace

QString encodingName(Encoding encoding)
{
    switch (encoding) {
    case Encoding::Plain:
        return u"plain"_s;
    case Encoding::Base64:
        return u"base64"_s;
    case Encoding::Hex:
        return u"hex"_s;
    case Encoding::Percent:
        return u"percent"_s;
    case Encoding::Json:
        return u"json"_s;
    case Encoding::Reversed:
        return u"reversed"_s;
    }
    return {};
}

/// What a look needs besides, kept by each thread so that a small text costs no allocation.
struct Scanner::Workspace
{
    Canon canon;
    Canon unescaped;
    QByteArray narrowed;
    std::vector<Anchor> anchors;
    std::vector<Known::Match> matches;
    std::vector<Piece> pieces;
};

Scanner::Workspace& Scanner::workspace()
{
    static thread_local Workspace space;
    return space;
}

QString Scanner::Piece::label() const
{
    return value ? value->name : QString::fromLatin1(name);
}

std::shared_ptr<const Scanner> Scanner::create()
{
    return std::shared_ptr<const Scanner>(new Scanner({}));
}

std::shared_ptr<const Scanner> Scanner::with(const std::shared_ptr<const Scanner>& scanner,
                                             const QString& name,
                                             const SecretString& value)
{
    const bool skips = value.expose([&](QByteArrayView bytes) {
        return !Known::isTellable(bytes) ||
               std::ranges::any_of(scanner->m_known.values(), [&](const Known::Value& known) {
                   return known.bytes.expose([&](QByteArrayView other) { return bytes == other; });
               });
    });
    if (skips) {
        return scanner;
    }
    std::vector<Known::Value> values;
    for (const Known::Value& known : scanner->m_known.values()) {
        values.push_back({known.name, known.bytes.clone()});
    }
    values.push_back({name, value.clone()});
    return std::shared_ptr<const Scanner>(new Scanner(std::move(values)));
}

void Scanner::patterns(
    Workspace& space, QByteArrayView text, qsizetype from, bool ends, qsizetype& decided)
{
    auto& anchors = space.anchors;
    auto& pieces = space.pieces;
    anchors.clear();
    findAnchors(text.sliced(from), anchors);
    qsizetype next = 0;
    for (const Anchor& anchor : anchors) {
        const qsizetype at = anchor.at + from;
        if (at < next) {
            continue;
        }
        const Finding finding = findAt(*anchor.pattern, text, at, ends);
        if (finding.openFrom >= 0) {
            decided = std::min(decided, std::max(finding.openFrom, from));
            break; // whatever follows is looked at again, when this is decided
        }
        if (finding.size > 0) {
            pieces.push_back({finding.start,
                              finding.size,
                              nullptr,
                              finding.name,
                              Encoding::Plain,
                              finding.verified});
            next = finding.start + finding.size;
        }
    }
    if (!ends) {
        decided = std::min(decided, from + anchorCutOff(text.sliced(from)));
    }
}

qsizetype Scanner::look(Workspace& space,
                        QByteArrayView text,
                        qsizetype from,
                        Text kind,
                        End end,
                        Canon::State state) const
{
    const bool ends = end == End::Final;
    auto& pieces = space.pieces;
    pieces.clear();
    qsizetype decided = text.size();
    const qsizetype size = text.size() - from;
    if (!m_known.isEmpty() && (!ends || size >= m_known.least())) {
        const QByteArrayView rest = text.sliced(from);
        space.matches.clear();
        space.canon.read(rest, Canon::Mode::AsIs);
        qsizetype held = m_known.find(rest, space.canon, ends, space.matches);
        // Both readings: an attacker may put half of an escape sequence in front of a value, so
        // that reading it as one would eat the beginning.
        if (space.canon.hasEscapes() || state != Canon::State::Text) {
            space.unescaped.read(rest, Canon::Mode::Unescaped, state);
            held = std::min(held, m_known.find(rest, space.unescaped, ends, space.matches));
        }
        held = std::min(held, m_known.findRaw(rest, kind, ends, space.matches));
        decided = from + held;
        for (const Known::Match& match : space.matches) {
            pieces.push_back(
                {from + match.start, match.size, match.value, "", match.encoding, true});
        }
    }
    if ((!ends || size >= leastPattern) && defended("leaks.patterns")) {
        patterns(space, text, from, end != End::Open, decided);
    }
    if (pieces.empty()) {
        return decided;
    }
    std::ranges::sort(pieces, [](const Piece& a, const Piece& b) {
        return a.start != b.start ? a.start < b.start : a.size > b.size;
    });
    // What overlaps becomes one; the name of a known value says more than that of a pattern.
    size_t kept = 0;
    for (size_t i = 0; i < pieces.size(); ++i) {
        if (pieces[i].start >= decided) {
            break; // found again, when what comes before is decided
        }
        Piece* last = kept > 0 ? &pieces[kept - 1] : nullptr;
        if (last && pieces[i].start < last->start + last->size) {
            const qsizetype stop =
                std::max(last->start + last->size, pieces[i].start + pieces[i].size);
            const qsizetype start = last->start;
            if (!last->value && pieces[i].value) {
                *last = pieces[i];
            }
            last->start = start;
            last->size = stop - start;
        } else {
            pieces[kept++] = pieces[i];
        }
        decided = std::max(decided, pieces[kept - 1].start + pieces[kept - 1].size);
    }
    pieces.resize(kept);
    return decided;
}

std::vector<Scanner::Piece> Scanner::all(Workspace& space, QByteArrayView text, Text kind) const
{
    std::vector<Piece> found;
    Canon::State state = Canon::State::Text;
    qsizetype from = 0;
    qsizetype to = std::min(windowSize, text.size());
    for (;;) {
        const End end = to == text.size()                      ? End::Final
                        : to - from > windowSize + longestHeld ? End::Forced
                                                               : End::Open;
        const qsizetype decided = look(space, text.first(to), from, kind, end, state);
        found.insert(found.end(), space.pieces.begin(), space.pieces.end());
        if (end == End::Final) {
            break;
        }
        state = stateBehind(text.first(decided));
        from = decided;
        to = std::min(std::max(from + windowSize, to + 1), text.size());
    }
    return found;
}

QList<Hit> Scanner::scan(QByteArrayView utf8) const
{
    QList<Hit> hits;
    for (const Piece& piece : all(workspace(), utf8, Text::Utf8)) {
        const QString what = (piece.value ? u"known:"_s : u"pattern:"_s) + piece.label();
        hits.append(hitOf(what, piece.start, piece.size, piece.encoding, piece.verified));
    }
    return hits;
}

namespace {

// The narrowed text of this thread's workspace is a copy of what somebody handed in: it is wiped
// when it held a secret, and given back when it is large.
void tidy(QByteArray& narrowed, bool held)
{
    if (held) {
        sodium_memzero(narrowed.data(), size_t(narrowed.size()));
    }
    if (size_t(narrowed.capacity()) > largestKept) {
        narrowed = QByteArray();
    }
}

} // namespace

QList<Hit> Scanner::scan(QStringView text) const
{
    Workspace& space = workspace();
    QByteArray& narrowed = space.narrowed;
    narrow(text, narrowed);
    QList<Hit> hits;
    for (const Piece& piece : all(space, narrowed, Text::Narrow)) {
        const QString what = (piece.value ? u"known:"_s : u"pattern:"_s) + piece.label();
        hits.append(hitOf(what, piece.start, piece.size, piece.encoding, piece.verified));
    }
    tidy(narrowed, !hits.isEmpty());
    return hits;
}

std::optional<QByteArray> Scanner::redact(QByteArrayView utf8) const
{
    const auto pieces = all(workspace(), utf8, Text::Utf8);
    if (pieces.empty()) {
        return std::nullopt;
    }
    QByteArray out;
    out.reserve(utf8.size());
    qsizetype kept = 0;
    for (const Piece& piece : pieces) {
        out += utf8.sliced(kept, piece.start - kept);
        out += "[redacted:" + piece.label().toUtf8() + ']';
        kept = piece.start + piece.size;
    }
    out += utf8.sliced(kept);
    return out;
}

std::optional<QString> Scanner::redact(QStringView text) const
{
    if (text.size() < Known::leastBytes) {
        return std::nullopt;
    }
    Workspace& space = workspace();
    QByteArray& narrowed = space.narrowed;
    narrow(text, narrowed);
    const auto pieces = all(space, narrowed, Text::Narrow);
    tidy(narrowed, !pieces.empty());
    if (pieces.empty()) {
        return std::nullopt;
    }
    QString out;
    out.reserve(text.size());
    qsizetype kept = 0;
    for (const Piece& piece : pieces) {
        out += text.sliced(kept, piece.start - kept);
        out += u"[redacted:"_s + piece.label() + u']';
        kept = piece.start + piece.size;
    }
    out += text.sliced(kept);
    return out;
}

Stream::Stream(std::shared_ptr<const Scanner> scanner, Keep keep)
    : m_scanner(std::move(scanner)), m_keep(keep)
{
}

QList<Hit> Stream::feed(QByteArrayView bytes)
{
    QList<Hit> hits;
    while (!bytes.isEmpty()) {
        const QByteArrayView part = bytes.first(std::min(bytes.size(), windowSize));
        take(part, !defended("leaks.stream"), hits);
        bytes = bytes.sliced(part.size());
    }
    return hits;
}

QList<Hit> Stream::finish()
{
    QList<Hit> hits;
    take({}, true, hits);
    m_swallows = false;
    return hits;
}

QByteArray Stream::redacted()
{
    return std::exchange(m_out, {});
}

void Stream::take(QByteArrayView bytes, bool ends, QList<Hit>& hits)
{
    while (m_swallows && !bytes.isEmpty()) {
        const char c = bytes.front();
        m_swallows = isCanonical(uchar(c)) || c == '+' || c == '/' || c == '=' || c == '_' ||
                     c == '-' || c == '.' || c == '~';
        if (m_swallows) {
            bytes = bytes.sliced(1);
            ++m_released;
        }
    }
    using End = Scanner::End;
    const End end = ends                                         ? End::Final
                    : m_buffer.size() - m_lookBack > longestHeld ? End::Forced
                                                                 : End::Open;
    m_buffer += bytes;
    auto& space = Scanner::workspace();
    const auto& pieces = space.pieces;
    const qsizetype decided =
        m_scanner->look(space, m_buffer, m_lookBack, Text::Utf8, end, m_state);
    qsizetype kept = m_lookBack;
    for (const auto& piece : pieces) {
        const QString what = (piece.value ? u"known:"_s : u"pattern:"_s) + piece.label();
        hits.append(hitOf(what,
                          m_released + piece.start - m_lookBack,
                          piece.size,
                          piece.encoding,
                          piece.verified));
        if (m_keep == Keep::Text) {
            m_out += QByteArrayView(m_buffer).sliced(kept, piece.start - kept);
            m_out += "[redacted:" + piece.label().toUtf8() + ']';
        }
        kept = piece.start + piece.size;
    }
    if (m_keep == Keep::Text) {
        m_out += QByteArrayView(m_buffer).sliced(kept, decided - kept);
    }
    m_swallows = end == End::Forced && !pieces.empty() && kept == m_buffer.size();
    m_state = stateBehind(QByteArrayView(m_buffer).first(decided));
    m_released += decided - m_lookBack;
    // A few bytes stay, to be looked back at.
    const qsizetype drop = std::max<qsizetype>(0, decided - lookBackSize);
    m_lookBack = decided - drop;
    m_buffer.remove(0, drop);
}

} // namespace sb::leaks
