#pragma once
#include "core/leaks/Patterns.h"

#include <QByteArrayView>
#include <vector>

namespace sb::leaks {

/// A place where some pattern's anchor stands.
struct Anchor
{
    qsizetype at = 0;
    const Pattern* pattern = nullptr;
};

/// Which engine looks for anchors. Automatic: a small filter of our own for short texts, vectorscan
/// for others, if its library is there and was once worth loading. Both find the same.
enum class Engine { Automatic, Filter, Vectorscan };

/// Puts all anchors that begin in the text into `found`, in order of their places. Thread-safe.
/// The first long text loads vectorscan and compiles its table: some ten milliseconds, once.
void findAnchors(QByteArrayView text,
                 std::vector<Anchor>& found,
                 Engine engine = Engine::Automatic);

/// Where the text may end within an anchor: the first such place, or the text's size.
[[nodiscard]] qsizetype anchorCutOff(QByteArrayView text);

/// Whether vectorscan can be used on this machine; loads it.
[[nodiscard]] bool hasVectorscan();

} // namespace sb::leaks
