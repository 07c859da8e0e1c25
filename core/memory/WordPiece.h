#pragma once
#include "core/base/Result.h"

#include <QHash>
#include <QString>
#include <vector>

namespace sb::memory {

/// Cuts texts into the pieces that a BERT model was taught: words and marks, then the longest
/// beginnings that the vocabulary has, "##" before what goes on.
class WordPiece
{
public:
    /// One piece a line, its number is the line's. InvalidInput when [CLS], [SEP], [PAD] or [UNK]
    /// is missing.
    static Result<WordPiece> fromVocabulary(const QByteArray& lines, bool lowerCase);

    /// Numbers of the pieces, [CLS] first and [SEP] last, at most `most` in all.
    [[nodiscard]] std::vector<qint64> encode(const QString& text, size_t most) const;
    [[nodiscard]] qint64 padding() const { return m_padding; }

private:
    void addWord(QStringView word, size_t most, std::vector<qint64>& pieces) const;
    QHash<QString, qint64> m_numbers;
    bool m_lowerCase = true;
    qint64 m_begin = 0;
    qint64 m_end = 0;
    qint64 m_padding = 0;
    qint64 m_unknown = 0;
};

} // namespace sb::memory
