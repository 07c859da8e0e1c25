#include "core/memory/WordPiece.h"

#include <QStringList>

namespace sb::memory {

using namespace Qt::StringLiterals;

namespace {

constexpr qsizetype longestWord = 100; // characters; BERT takes a longer one for unknown

bool isIdeograph(char32_t c)
{
    return (c >= 0x4e00 && c <= 0x9fff) || (c >= 0x3400 && c <= 0x4dbf) ||
           (c >= 0x20000 && c <= 0x2ceaf) || (c >= 0xf900 && c <= 0xfaff) ||
           (c >= 0x2f800 && c <= 0x2fa1f);
}

// As BERT sees it: every ASCII sign that is no letter or digit, and Unicode's punctuation.
bool isMark(char32_t c)
{
    if (c < 128) {
        return (c >= 33 && c <= 47) || (c >= 58 && c <= 64) || (c >= 91 && c <= 96) ||
               (c >= 123 && c <= 126);
    }
    return QChar::isPunct(c);
}

bool isLeftOut(char32_t c)
{
    const auto category = QChar::category(c);
    return c == 0 || c == 0xfffd || category == QChar::Other_Control ||
           category == QChar::Other_Format;
}

QStringList wordsIn(const QString& text, bool lowerCase)
{
    QString plain = text;
    if (lowerCase) {
        plain = plain.toLower().normalized(QString::NormalizationForm_D);
    }
    QStringList words;
    QString word;
    const auto end = [&] {
        if (!word.isEmpty()) {
            words.append(std::exchange(word, {}));
        }
    };
    for (const uint point : plain.toUcs4()) {
        const char32_t c = point;
        if (QChar::isSpace(c)) { // before controls, of which a line's end is one
            end();
        } else if (isLeftOut(c) || (lowerCase && QChar::category(c) == QChar::Mark_NonSpacing)) {
            continue;
        } else if (isMark(c) || isIdeograph(c)) {
            end();
            words.append(QString::fromUcs4(&c, 1));
        } else {
            word += QString::fromUcs4(&c, 1);
        }
    }
    end();
    return words;
}

} // namespace

Result<WordPiece> WordPiece::fromVocabulary(const QByteArray& lines, bool lowerCase)
{
    WordPiece made;
    made.m_lowerCase = lowerCase;
    qint64 number = 0;
    for (const QByteArray& line : lines.split('\n')) {
        const QString piece = QString::fromUtf8(line).trimmed();
        if (!piece.isEmpty() && !made.m_numbers.contains(piece)) {
            made.m_numbers.insert(piece, number);
        }
        ++number;
    }
    const auto take = [&](const QString& piece, qint64& place) -> Result<> {
        const auto found = made.m_numbers.constFind(piece);
        if (found == made.m_numbers.constEnd()) {
            return fail(ErrorCode::InvalidInput,
                        u"The vocabulary has no %1, so it is none of a BERT model."_s.arg(piece));
        }
        place = *found;
        return {};
    };
    SB_CHECK(take(u"[CLS]"_s, made.m_begin));
    SB_CHECK(take(u"[SEP]"_s, made.m_end));
    SB_CHECK(take(u"[PAD]"_s, made.m_padding));
    SB_CHECK(take(u"[UNK]"_s, made.m_unknown));
    return made;
}

void WordPiece::addWord(QStringView word, size_t most, std::vector<qint64>& pieces) const
{
    const size_t before = pieces.size();
    if (word.toUcs4().size() > longestWord) {
        pieces.push_back(m_unknown);
        return;
    }
    for (qsizetype at = 0; at < word.size() && pieces.size() < most;) {
        qsizetype end = word.size();
        for (; end > at; --end) {
            const QStringView part = word.sliced(at, end - at);
            const auto found =
                m_numbers.constFind(at == 0 ? part.toString() : u"##"_s + part.toString());
            if (found != m_numbers.constEnd()) {
                pieces.push_back(*found);
                break;
            }
        }
        if (end == at) { // a word is known as a whole or not at all
            pieces.resize(before);
            pieces.push_back(m_unknown);
            return;
        }
        at = end;
    }
}

std::vector<qint64> WordPiece::encode(const QString& text, size_t most) const
{
    std::vector<qint64> pieces{m_begin};
    for (const QString& word : wordsIn(text, m_lowerCase)) {
        if (pieces.size() + 1 >= most) {
            break;
        }
        addWord(word, most - 1, pieces);
    }
    pieces.push_back(m_end);
    return pieces;
}

} // namespace sb::memory
