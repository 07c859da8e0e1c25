#include "ui/models/VisibleText.h"

#include <QChar>
#include <QCoreApplication>
#include <QHash>
#include <QStringView>

namespace sb::models {

namespace {

bool isInvisible(char32_t c)
{
    if (c == U'\n' || c == U'\t' || c == U' ') {
        return false;
    }
    switch (QChar::category(c)) {
    case QChar::Other_Control:
    case QChar::Other_Format: // zero-width characters, bidirectional overrides, tags, soft hyphen
    case QChar::Other_Surrogate:
    case QChar::Other_PrivateUse:
    case QChar::Other_NotAssigned:
    case QChar::Separator_Space:
    case QChar::Separator_Line:
    case QChar::Separator_Paragraph:
        return true;
    default:
        break;
    }
    // Letters and marks that draw nothing: Hangul fillers, variation selectors, the combining
    // grapheme joiner.
    return c == 0x115F || c == 0x1160 || c == 0x3164 || c == 0xFFA0 || c == 0x034F || c == 0x2800 ||
           c == 0x17B4 || c == 0x17B5 || (c >= 0xFE00 && c <= 0xFE0F) ||
           (c >= 0xE0100 && c <= 0xE01EF);
}

// Letters of other scripts that nearly all fonts draw as a Latin letter.
bool isLatinTwin(char32_t c)
{
    static constexpr QStringView twins = u"аеорсухіјѕԁԛԝһӏвкмнтгАВЕЗКМНОРСТУХІЈЅԌԚԜҺӀ" // Cyrillic
                                         u"αονρτυκιγηωχΑΒΕΖΗΙΚΜΝΟΡΤΥΧϲϳ"               // Greek
                                         u"ցհոսօզՍՏՕ"                                  // Armenian
                                         u"ᎪᎬᎫᎵᏀᏃᏔᏚᏞᏟᎠᏴᏢ";                             // Cherokee
    return QChar::requiresSurrogates(c) ? false : twins.contains(QChar(char16_t(c)));
}

// Characters that pass for an ASCII one wherever they stand.
bool isAlwaysLookAlike(char32_t c, Strictness strictness)
{
    if ((c >= 0xFF01 && c <= 0xFF5E) || (c >= 0x1D400 && c <= 0x1D7FF)) {
        return true; // full-width forms, mathematical alphabets
    }
    if (c == 0x037E || c == 0x0131 || c == 0x2024 || c == 0x2044 || c == 0x2215 || c == 0x29F8 ||
        c == 0xA789 || c == 0x2236 || c == 0x01C3 || c == 0x29F5 || c == 0x2216) {
        return true;
    }
    if (strictness == Strictness::Prose) {
        return false;
    }
    return (c >= 0x2010 && c <= 0x2015) || c == 0x2212 || (c >= 0x2018 && c <= 0x201F) ||
           c == 0x02BC || c == 0x2032 || c == 0x2033 || c == 0x00B4 || c == 0x2039 || c == 0x203A ||
           c == 0x2223 || c == 0x01C0;
}

QString code(char32_t c)
{
    return QStringLiteral("⟨U+%1⟩").arg(
        QString::number(uint(c), 16).toUpper(), 4, QLatin1Char('0'));
}

bool isRightToLeft(char32_t c)
{
    const auto direction = QChar::direction(c);
    return direction == QChar::DirR || direction == QChar::DirAL;
}

bool isWordPart(char32_t c)
{
    return QChar::isLetterOrNumber(c) || QChar::isMark(c);
}

struct Notice
{
    Q_DECLARE_TR_FUNCTIONS(VisibleText)
};

class Builder
{
public:
    explicit Builder(Strictness strictness) : m_strictness(strictness) {}

    void word(const QList<uint>& letters)
    {
        // A word in a foreign script is honest; one that mixes it with Latin, or could wholly pass
        // for Latin, is not.
        bool mixed = false;
        bool allTwins = !letters.isEmpty();
        for (const uint c : letters) {
            if (!QChar::isLetter(c)) {
                continue;
            }
            mixed = mixed || QChar::script(c) == QChar::Script_Latin;
            allTwins = allTwins && isLatinTwin(c);
        }
        for (const uint c : letters) {
            if (isAlwaysLookAlike(c, m_strictness) || ((mixed || allTwins) && isLatinTwin(c))) {
                lookAlike(c);
            } else {
                plain(c);
            }
        }
    }

    void other(char32_t c)
    {
        if (isInvisible(c)) {
            mark(code(c));
            ++m_result.invisible;
        } else if (isAlwaysLookAlike(c, m_strictness)) {
            lookAlike(c);
        } else {
            plain(c);
        }
    }

    VisibleText take() { return std::move(m_result); }

private:
    void plain(char32_t c)
    {
        m_result.rightToLeft = m_result.rightToLeft || isRightToLeft(c);
        m_result.text.append(QChar::fromUcs4(c));
    }
    void lookAlike(char32_t c)
    {
        mark(QString(QChar::fromUcs4(c)) + code(c));
        ++m_result.lookAlike;
    }
    void mark(const QString& shown)
    {
        m_result.marks.append({m_result.text.size(), shown.size()});
        m_result.text.append(shown);
    }

    Strictness m_strictness;
    VisibleText m_result;
};

} // namespace

VisibleText visibleText(const QString& raw, Strictness strictness)
{
    // Nearly all texts are plain ASCII, and some are long.
    if (std::ranges::all_of(raw, [](QChar c) {
            return (c >= QLatin1Char(' ') && c < QLatin1Char('\x7f')) || c == QLatin1Char('\n') ||
                   c == QLatin1Char('\t');
        })) {
        return {.text = raw, .marks = {}};
    }
    Builder builder(strictness);
    QList<uint> word;
    for (const uint c : raw.toUcs4()) {
        if (isWordPart(c) && !isInvisible(c)) {
            word.append(c);
            continue;
        }
        builder.word(word);
        word.clear();
        builder.other(c);
    }
    builder.word(word);
    return builder.take();
}

QString visibleJson(const QString& json)
{
    const auto shown = visibleText(json, Strictness::Prose);
    QString escaped;
    qsizetype from = 0;
    for (const auto& mark : shown.marks) {
        escaped += QStringView(shown.text).mid(from, mark.start - from);
        // A mark ends in ⟨U+XXXX⟩; what stands before it is a look-alike itself.
        const auto text = QStringView(shown.text).mid(mark.start, mark.length);
        const auto open = text.lastIndexOf(u'⟨');
        for (const QChar unit : QString(
                 QChar::fromUcs4(text.mid(open + 3, text.size() - open - 4).toUInt(nullptr, 16)))) {
            escaped += QStringLiteral("\\u%1").arg(int(unit.unicode()), 4, 16, QLatin1Char('0'));
        }
        from = mark.start + mark.length;
    }
    return escaped + QStringView(shown.text).mid(from);
}

QString visibleTextNotice(const VisibleText& text)
{
    QStringList sentences;
    if (text.invisible == 1) {
        sentences.append(Notice::tr("One invisible character is shown by its code."));
    } else if (text.invisible > 1) {
        sentences.append(Notice::tr(
            "%n invisible characters are shown by their codes.", nullptr, text.invisible));
    }
    if (text.lookAlike == 1) {
        sentences.append(
            Notice::tr("One character only looks like another; its code stands behind it."));
    } else if (text.lookAlike > 1) {
        sentences.append(
            Notice::tr("%n characters only look like others; their codes stand behind them.",
                       nullptr,
                       text.lookAlike));
    }
    if (text.rightToLeft) {
        sentences.append(Notice::tr("It holds right-to-left text, so parts may appear in another "
                                    "order than they are read in."));
    }
    return sentences.join(QLatin1Char(' '));
}

} // namespace sb::models
