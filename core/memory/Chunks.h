#pragma once
#include "core/base/Result.h"

#include <QByteArrayView>
#include <QList>
#include <QString>

/// Text of files, cut into pieces that each make sense alone.
namespace sb::memory {

/// A piece is closed at the first good place from here on …
constexpr qsizetype FewestOfPiece = 600;
/// … and is never longer than this, in UTF-16 units, its first line included.
constexpr qsizetype MostOfPiece = 1500;

enum class TextKind { Plain, Markdown, Code };

/// By the ending of the name, or the name itself (Makefile).
TextKind textKindOf(const QString& fileName);

struct Chunk
{
    QString text;     ///< its first line says where it stands: the file, and headings above it
    int line = 0;     ///< the first of the file's lines in it, counted from 1
    int lastLine = 0; ///< the last
    QString digest;   ///< SHA-256, hex, of the text
    bool operator==(const Chunk&) const = default;
};

/// The bytes as text: UTF-8, UTF-16 or UTF-32 with a byte order mark, else what Windows and the web
/// take for Latin-1. `isWhole` is false where more follows: a character that is cut in two is left
/// out. InvalidInput for what is no text.
Result<QString> decodedText(QByteArrayView bytes, bool isWhole = true);

/// `name` stands in each piece's first line. Pieces follow each other in the text's order, hold all
/// of its words, and two of the same words are there twice.
QList<Chunk> chunksOf(const QString& text, TextKind kind, const QString& name);

} // namespace sb::memory
