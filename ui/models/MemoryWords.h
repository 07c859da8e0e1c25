#pragma once
#include "core/protocol/Memory.h"

/// How memories, their edges and what is known of them are said to a person.
namespace sb::models {

QString memoryTypeText(protocol::MemoryType type); ///< "Preference"
/// The letter that stands for the type where a word has no room; each type has another.
QString memoryTypeLetter(protocol::MemoryType type);
QList<protocol::MemoryType> allMemoryTypes();

QString provenanceText(protocol::Provenance provenance); ///< "You", "The agent", …
/// A sentence on what it means that this one vouches for a memory.
QString provenanceSentence(protocol::Provenance provenance);
QString provenanceIcon(protocol::Provenance provenance); ///< of resources/icons
QList<protocol::Provenance> allProvenances();

QString relationText(protocol::Relation relation); ///< "contradicts", read from → to
/// The same read the other way: "is contradicted by".
QString relationBackText(protocol::Relation relation);
QList<protocol::Relation> allRelations();

/// "Found by its words (harbour, crane), and because it is alike": why a search brought it.
QString whyFoundText(const QList<protocol::HitReason>& reasons);
/// Where it comes from, without links: "the channel main", "notes.md, lines 12 to 30".
QString sourceText(const protocol::MemorySource& source);
/// When it is true: "since 3 Nov 2026", "3 Nov to 12 Nov 2026"; empty when nobody said.
QString validityText(const protocol::MemoryInfo& memory);
/// One line for lists and graphs, at most `maximum` characters; never empty.
QString memoryLine(const QString& content, int maximum = 200);
/// Whether nobody vouches for it, so that no prompt carries it unless a person lets it.
bool isDoubted(const protocol::MemoryInfo& memory);

/// The state of the index in a sentence, with what to do where something is wrong.
QString indexText(const protocol::MemoryIndexInfo& index);
/// How far an ingestion is: "12 of 40 files, 31 memories made, 4 known already".
QString ingestText(const protocol::IngestInfo& job);

} // namespace sb::models
