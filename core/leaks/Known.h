#pragma once
#include "core/base/SecretString.h"
#include "core/leaks/Canon.h"

#include <QString>
#include <vector>

namespace sb::leaks {

/// How a value was written where it was found.
enum class Encoding { Plain, Base64, Hex, Percent, Json, Reversed };

/// In which way the text to look through holds what is not ASCII.
enum class Text {
    Utf8,
    Narrow, ///< one byte for each UTF-16 unit, see narrow()
};

/// A string as one byte a unit, so that places in both are the same: ASCII as it is, everything
/// else as some byte from 0x80.
void narrow(QStringView text, QByteArray& into);

/// Known values, in all the ways they may be written. Immutable. Everything that tells about a
/// value – itself, its forms, and the keyed fingerprints by which they are found – is in locked
/// memory.
class Known
{
public:
    struct Value
    {
        QString name;
        SecretString bytes;
    };
    struct Match
    {
        qsizetype start = 0; ///< in the text
        qsizetype size = 0;
        Encoding encoding = Encoding::Plain;
        const Value* value = nullptr;
    };

    /// Values under so many bytes are not looked for: they would blot out plain words.
    static constexpr qsizetype leastBytes = 6;
    /// Whether a value can be told from what people write: not one that is too short, nor a mere
    /// word of under 16 letters ("ollama", "password"), as services that check no key are given.
    [[nodiscard]] static bool isTellable(QByteArrayView value);

    explicit Known(std::vector<Value> values);

    [[nodiscard]] const std::vector<Value>& values() const { return m_values; }
    [[nodiscard]] bool isEmpty() const { return m_values.empty(); }
    /// No text with fewer bytes holds a value.
    [[nodiscard]] qsizetype least() const { return m_raw.empty() ? leastForm : leastBytes; }

    /// Adds what it finds in the text, of which `canon` is the reduction. Unless the text `ends`
    /// here, it answers from where it must be held back because a value may have begun; else, and
    /// when none has, the text's size.
    qsizetype
    find(QByteArrayView text, const Canon& canon, bool ends, std::vector<Match>& matches) const;
    /// The same for values with too few letters and digits to be found in a reduction.
    qsizetype findRaw(QByteArrayView text, Text kind, bool ends, std::vector<Match>& matches) const;

private:
    struct Form
    {
        quint32 at = 0; ///< in m_forms
        quint16 size = 0;
        quint16 span = 0;  ///< from its first to its last letter or digit as it is usually written
        quint16 value = 0; ///< index in m_values
        quint8 before = 0; ///< characters around it that belong to it
        quint8 after = 0;
        Encoding encoding = Encoding::Plain;
        bool anyCase = false;
    };
    struct Entry
    {
        quint32 print;
        quint32 place; ///< form * strideMost + offset of the fingerprint in the form
    };
    struct Raw
    {
        SecretString utf8;
        SecretString narrowed;
        quint16 value = 0;
    };
    class Writer;
    // Shorter reductions are too common in ordinary text.
    static constexpr qsizetype leastForm = 8;

    void fillTables();
    [[nodiscard]] bool equals(const Form& form, const uchar* text, qsizetype size) const;
    [[nodiscard]] bool accepts(const Form& form, const Canon& canon, qsizetype index) const;
    [[nodiscard]] Match
    matchOf(const Form& form, QByteArrayView text, const Canon& canon, qsizetype index) const;
    [[nodiscard]] bool mayHoldAt(const Canon& canon, qsizetype index) const;
    template <class F>
    void candidates(const uchar* four, F&& f) const;

    std::vector<Value> m_values;
    std::vector<Form> m_index;
    std::vector<Raw> m_raw;
    SecretString m_forms;   ///< all forms, one behind the other
    SecretString m_filter;  ///< one bit for each fingerprint
    SecretString m_entries; ///< Entry, sorted by print
    quint64 m_key = 1;
    int m_filterShift = 48;
    qsizetype m_stride = 1;
    qsizetype m_longest = 0;
};

} // namespace sb::leaks
