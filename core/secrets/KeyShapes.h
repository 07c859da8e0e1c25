#pragma once
#include <QByteArrayView>
#include <QStringView>

namespace sb::secrets {

/// A piece of text that looks like a key.
struct KeyShape
{
    qsizetype start = 0; ///< where it begins: for "Bearer x" that is x
    qsizetype size = 0;  ///< 0: it is none
    const char* name = "";
};

/// Whether a key begins at the place, whose character is one of those that keyShapeStarts() knows.
KeyShape keyShapeAt(QStringView text, qsizetype at);
KeyShape keyShapeAt(QByteArrayView text, qsizetype at);

/// Whether a key can begin with the character: a quick no for most of a text.
constexpr bool keyShapeStarts(char16_t c)
{
    switch (c) {
    case u's':
    case u'g':
    case u'A':
    case u'x':
    case u'-':
    case u'B':
    case u'b':
    case u'h':
    case u'n':
    case u'e':
        return true;
    default:
        return false;
    }
}

} // namespace sb::secrets
