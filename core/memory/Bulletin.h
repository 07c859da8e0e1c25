#pragma once
#include "core/memory/Memories.h"

namespace sb::memory {

/// What matters now, as text for a prompt.
struct Bulletin
{
    QString text; ///< Markdown: a heading a section, a line a memory; empty: nothing matters
    QStringList memories;         ///< ids of what it is made of, in order
    QList<taint::Source> sources; ///< where their contents come from
    QString digest;               ///< SHA-256, hex, of the text and the ids: the same for the same
    bool operator==(const Bulletin&) const = default;
};

/// Made by rules alone: of what is true and remembered, what weighs most of each section, without
/// what nobody vouches for or what reads like an instruction unless a person promoted it. The same
/// memory gives the same bulletin for at least as long as the minute is the same. At most
/// `mostWords` words in all; of a script without spaces two characters count as one.
/// SQLite's exceptions may fly.
Bulletin composeBulletin(store::Connection& connection, TimeUs now, int mostWords = 500);

/// How many words a text has, as a bulletin counts them.
int wordsIn(const QString& text);

} // namespace sb::memory
