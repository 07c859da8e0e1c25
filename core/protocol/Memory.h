#pragma once
#include "core/protocol/Values.h"

/// What an agent remembers, as it travels between the runtime and whoever looks at it or puts it
/// right. What each thing means is told in core/memory/README.md.
namespace sb::protocol {

enum class MemoryType {
    Identity,
    Goal,
    Human,
    Decision,
    Todo,
    Preference,
    Fact,
    Event,
    Observation
};
enum class Relation { RelatedTo, Updates, Contradicts, CausedBy, ResultOf, PartOf };
/// Who vouches for a memory.
enum class Provenance { Owner, Agent, Untrusted, System };
enum class MemoryOp { Save, Edit, Link, Cut };
enum class ExportFormat { Json, GraphMl, Html };

#define SB_PROTOCOL_ENUM(E)                                                                        \
    QString enumName(E value);                                                                     \
    std::optional<E> enumFromName(QStringView name, E*);
SB_PROTOCOL_ENUM(MemoryType)
SB_PROTOCOL_ENUM(Relation)
SB_PROTOCOL_ENUM(Provenance)
SB_PROTOCOL_ENUM(MemoryOp)
SB_PROTOCOL_ENUM(ExportFormat)
#undef SB_PROTOCOL_ENUM

/// How much a memory of a type matters when nobody says otherwise: 0 to 1.
double standardImportance(MemoryType type);

/// Where a memory comes from. What does not apply is empty.
struct MemorySource
{
    qint64 entry = 0; ///< seq of the journal entry that it was taken from
    QString channel;
    QString process;
    QString file; ///< absolute path of an ingested file
    int line = 0; ///< the first, counted from 1; of a PDF its page
    int lastLine = 0;
    QString digest; ///< SHA-256, hex, of the file as it was read
    bool operator==(const MemorySource&) const = default;
    template <class S, class V>
    static void fields(S& s, V&& v)
    {
        v("entry", s.entry);
        v("channel", s.channel);
        v("process", s.process);
        v("file", s.file);
        v("line", s.line);
        v("last_line", s.lastLine);
        v("digest", s.digest);
    }
};

/// One memory as it was known at a moment: the version that is current, or one of the past.
struct MemoryInfo
{
    QString id;
    QString agent;
    MemoryType type = MemoryType::Fact;
    QString content;
    double importance = 0.6; ///< 0 to 1, as it was set; never changed by time
    Provenance provenance = Provenance::Agent;
    bool isPinned = false;
    bool isPromoted = false; ///< a person lets it into the bulletin although nobody vouches for it
    QString suspicion;       ///< why it reads like an instruction to the agent; empty: it does not
    QStringList labels;      ///< of core/taint, by name
    TimeUs validFrom = 0;    ///< when it began to be true; 0: not known
    TimeUs validTo = 0;      ///< when it ceased to be true; 0: it is
    TimeUs knownFrom = 0;    ///< when this version was written down
    TimeUs knownTo = 0;      ///< when it was replaced; 0: it is the current one
    TimeUs createdAt = 0;
    TimeUs forgottenAt = 0; ///< 0: it is remembered
    QString mergedInto;     ///< the memory that stands for it now
    MemorySource source;
    qint64 seq = 0;        ///< of the memory.changed that made this version
    qint64 createdSeq = 0; ///< of the one that made the first
    int accessCount = 0;   ///< how often it was recalled
    TimeUs accessedAt = 0; ///< 0: never
    bool operator==(const MemoryInfo&) const = default;
    template <class S, class V>
    static void fields(S& s, V&& v)
    {
        v("id", s.id);
        v("agent", s.agent);
        v("type", s.type);
        v("content", s.content);
        v("importance", s.importance);
        v("provenance", s.provenance);
        v("pinned", s.isPinned);
        v("promoted", s.isPromoted);
        v("suspicion", s.suspicion);
        v("labels", s.labels);
        v("valid_from", s.validFrom);
        v("valid_to", s.validTo);
        v("known_from", s.knownFrom);
        v("known_to", s.knownTo);
        v("created_at", s.createdAt);
        v("forgotten_at", s.forgottenAt);
        v("merged_into", s.mergedInto);
        v("source", s.source);
        v("seq", s.seq);
        v("created_seq", s.createdSeq);
        v("access_count", s.accessCount);
        v("accessed_at", s.accessedAt);
    }
};

/// A directed, weighted edge; there is at most one of a relation from one memory to another.
struct MemoryEdge
{
    QString from;
    QString to;
    Relation relation = Relation::RelatedTo;
    double weight = 1; ///< 0 to 1
    QString by;        ///< who drew it: "owner", "cortex", a process's id
    qint64 seq = 0;    ///< of the memory.changed that drew it
    TimeUs knownFrom = 0;
    TimeUs knownTo = 0; ///< when it was cut; 0: it stands
    bool operator==(const MemoryEdge&) const = default;
    template <class S, class V>
    static void fields(S& s, V&& v)
    {
        v("from", s.from);
        v("to", s.to);
        v("relation", s.relation);
        v("weight", s.weight);
        v("by", s.by);
        v("seq", s.seq);
        v("known_from", s.knownFrom);
        v("known_to", s.knownTo);
    }
};

/// One step of a change. Save takes the fields of a memory, Edit the id and what is to be another,
/// Link and Cut an edge.
struct MemoryChange
{
    MemoryOp op = MemoryOp::Save;
    QString id; ///< of Edit; of Save: made where it is empty
    std::optional<QString> content;
    std::optional<MemoryType> type;
    std::optional<double> importance;
    std::optional<Provenance> provenance;
    std::optional<bool> pinned;
    std::optional<bool> promoted;
    std::optional<bool> forgotten;
    std::optional<TimeUs> validFrom;
    std::optional<TimeUs> validTo;
    std::optional<QString> mergedInto;
    std::optional<MemorySource> source; ///< of Save
    QString from;
    QString to;
    Relation relation = Relation::RelatedTo;
    double weight = 1;
    bool operator==(const MemoryChange&) const = default;
    template <class S, class V>
    static void fields(S& s, V&& v)
    {
        v("op", s.op);
        v("id", s.id);
        v("content", s.content);
        v("type", s.type);
        v("importance", s.importance);
        v("provenance", s.provenance);
        v("pinned", s.pinned);
        v("promoted", s.promoted);
        v("forgotten", s.forgotten);
        v("valid_from", s.validFrom);
        v("valid_to", s.validTo);
        v("merged_into", s.mergedInto);
        v("source", s.source);
        v("from", s.from);
        v("to", s.to);
        v("relation", s.relation);
        v("weight", s.weight);
    }
};

/// What a change came to: its entry, and everything that it touched as it is now.
struct MemoryChanged
{
    qint64 seq = 0;
    QList<MemoryInfo> memories;
    QList<MemoryEdge> edges; ///< those drawn, and those cut with knownTo set
    template <class S, class V>
    static void fields(S& s, V&& v)
    {
        v("seq", s.seq);
        v("memories", s.memories);
        v("edges", s.edges);
    }
};

/// Which memories are meant. What is empty does not narrow.
struct MemoryFilter
{
    QList<MemoryType> types;
    QList<Provenance> provenances;
    TimeUs knownAt = 0; ///< as it was known then; 0: now
    TimeUs trueAt = 0;  ///< only what was true then; 0: whenever
    TimeUs since = 0;   ///< made at this time or later
    bool withForgotten = false;
    bool operator==(const MemoryFilter&) const = default;
    template <class S, class V>
    static void fields(S& s, V&& v)
    {
        v("types", s.types);
        v("provenances", s.provenances);
        v("known_at", s.knownAt);
        v("true_at", s.trueAt);
        v("since", s.since);
        v("with_forgotten", s.withForgotten);
    }
};

/// Why a memory was found by one of the ways of looking.
struct HitReason
{
    QString way;  ///< "vector", "text", "graph"
    int rank = 0; ///< counted from 1
    QString what; ///< "similarity 0.83", "the words harbour, crane", "related to mem-…"
    bool operator==(const HitReason&) const = default;
    template <class S, class V>
    static void fields(S& s, V&& v)
    {
        v("way", s.way);
        v("rank", s.rank);
        v("what", s.what);
    }
};

struct MemoryHit
{
    MemoryInfo memory;
    double score = 0;
    QList<HitReason> reasons;
    template <class S, class V>
    static void fields(S& s, V&& v)
    {
        v("memory", s.memory);
        v("score", s.score);
        v("reasons", s.reasons);
    }
};

/// State of the index that recall looks in; a cache over the memories.
struct MemoryIndexInfo
{
    QString backend;   ///< "hashed", "provider/model", the folder of a model
    int dimension = 0; ///< of a vector
    qint64 indexed = 0;
    qint64 waiting = 0; ///< memories whose vectors are not made yet
    QString problem;    ///< why vectors cannot be made now; recall uses text and graph meanwhile
    bool operator==(const MemoryIndexInfo&) const = default;
    template <class S, class V>
    static void fields(S& s, V&& v)
    {
        v("backend", s.backend);
        v("dimension", s.dimension);
        v("indexed", s.indexed);
        v("waiting", s.waiting);
        v("problem", s.problem);
    }
};

struct NamedCount
{
    QString name;
    qint64 count = 0;
    bool operator==(const NamedCount&) const = default;
    template <class S, class V>
    static void fields(S& s, V&& v)
    {
        v("name", s.name);
        v("count", s.count);
    }
};

/// The word of a Cortex on what matters now, as every prompt of a channel carries it.
struct BulletinInfo
{
    qint64 seq = 0; ///< of the memory.changed that holds it; 0: there is none yet
    TimeUs at = 0;
    QString text;
    QStringList memories; ///< ids of those that it was made of
    QString by;           ///< "rules", or the model's name
    bool operator==(const BulletinInfo&) const = default;
    template <class S, class V>
    static void fields(S& s, V&& v)
    {
        v("seq", s.seq);
        v("at", s.at);
        v("text", s.text);
        v("memories", s.memories);
        v("by", s.by);
    }
};

/// One file, or one folder with what is in it, on its way into the memory.
struct IngestInfo
{
    QString id;
    QString agent;
    QString path;
    QString state;   ///< "running", "done", "stopped", "failed"
    QString current; ///< the file that it is at
    qint64 files = 0;
    qint64 filesDone = 0;
    qint64 bytes = 0;
    qint64 bytesDone = 0;
    qint64 memories = 0;  ///< made so far
    qint64 known = 0;     ///< pieces that were there already
    qint64 forgotten = 0; ///< pieces that the files do not hold any more
    QStringList problems; ///< one sentence a file that could not be read; at most a hundred
    bool operator==(const IngestInfo&) const = default;
    template <class S, class V>
    static void fields(S& s, V&& v)
    {
        v("id", s.id);
        v("agent", s.agent);
        v("path", s.path);
        v("state", s.state);
        v("current", s.current);
        v("files", s.files);
        v("files_done", s.filesDone);
        v("bytes", s.bytes);
        v("bytes_done", s.bytesDone);
        v("memories", s.memories);
        v("known", s.known);
        v("forgotten", s.forgotten);
        v("problems", s.problems);
    }
};

/// Looks for memories; the best first.
struct SearchMemory
{
    static constexpr auto name = "search_memory";
    struct Reply
    {
        QList<MemoryHit> hits;
        QString notice; ///< what recall could not use this time; empty: it used all
        template <class S, class V>
        static void fields(S& s, V&& v)
        {
            v("hits", s.hits);
            v("notice", s.notice);
        }
    };
    QString agent;
    QString words;
    int limit = 20;
    MemoryFilter filter;
    template <class S, class V>
    static void fields(S& s, V&& v)
    {
        v("agent", s.agent);
        v("words", s.words);
        v("limit", s.limit);
        v("filter", s.filter);
    }
};

/// A page of memories, newest first.
struct ListMemories
{
    static constexpr auto name = "list_memories";
    struct Reply
    {
        QList<MemoryInfo> memories;
        qint64 total = 0;
        template <class S, class V>
        static void fields(S& s, V&& v)
        {
            v("memories", s.memories);
            v("total", s.total);
        }
    };
    QString agent;
    MemoryFilter filter;
    int offset = 0;
    int limit = 200;
    template <class S, class V>
    static void fields(S& s, V&& v)
    {
        v("agent", s.agent);
        v("filter", s.filter);
        v("offset", s.offset);
        v("limit", s.limit);
    }
};

/// One memory with its past (versions, newest first) and its edges.
struct GetMemory
{
    static constexpr auto name = "memory";
    struct Reply
    {
        MemoryInfo memory;
        QList<MemoryInfo> versions;
        QList<MemoryEdge> edges;
        QList<MemoryInfo> neighbours;
        template <class S, class V>
        static void fields(S& s, V&& v)
        {
            v("memory", s.memory);
            v("versions", s.versions);
            v("edges", s.edges);
            v("neighbours", s.neighbours);
        }
    };
    QString agent;
    QString id;
    template <class S, class V>
    static void fields(S& s, V&& v)
    {
        v("agent", s.agent);
        v("id", s.id);
    }
};

/// The graph, or what of it lies within `depth` edges around a memory. Contents are cut after 200
/// characters.
struct GetMemoryGraph
{
    static constexpr auto name = "memory_graph";
    struct Reply
    {
        QList<MemoryInfo> memories;
        QList<MemoryEdge> edges;
        bool isCut = false; ///< there are more than `limit`: the most important ones are here
        template <class S, class V>
        static void fields(S& s, V&& v)
        {
            v("memories", s.memories);
            v("edges", s.edges);
            v("is_cut", s.isCut);
        }
    };
    QString agent;
    QString around; ///< a memory's id; empty: all of it
    int depth = 2;
    int limit = 100'000;
    MemoryFilter filter;
    template <class S, class V>
    static void fields(S& s, V&& v)
    {
        v("agent", s.agent);
        v("around", s.around);
        v("depth", s.depth);
        v("limit", s.limit);
        v("filter", s.filter);
    }
};

/// Changes memories and edges, all of it in one entry, or nothing. NotFound, InvalidInput (an edge
/// to itself, a memory that is too long), Conflict.
struct ChangeMemory
{
    static constexpr auto name = "change_memory";
    using Reply = MemoryChanged;
    QString agent;
    QList<MemoryChange> changes;
    QString by;
    QString reason;
    template <class S, class V>
    static void fields(S& s, V&& v)
    {
        v("agent", s.agent);
        v("changes", s.changes);
        v("by", s.by);
        v("reason", s.reason);
    }
};

/// Makes one memory of several: the first stands for all of them, the others stay as its history.
struct MergeMemories
{
    static constexpr auto name = "merge_memories";
    using Reply = MemoryChanged;
    QString agent;
    QStringList ids;
    QString content; ///< of the one that stays; empty: as it is
    QString by;
    template <class S, class V>
    static void fields(S& s, V&& v)
    {
        v("agent", s.agent);
        v("ids", s.ids);
        v("content", s.content);
        v("by", s.by);
    }
};

/// Makes several memories of one, which is forgotten; each is part of it and keeps its edges.
struct SplitMemory
{
    static constexpr auto name = "split_memory";
    using Reply = MemoryChanged;
    QString agent;
    QString id;
    QStringList contents; ///< two or more
    QString by;
    template <class S, class V>
    static void fields(S& s, V&& v)
    {
        v("agent", s.agent);
        v("id", s.id);
        v("contents", s.contents);
        v("by", s.by);
    }
};

/// Takes a change back, or takes back what took one back. Conflict when what it touched was changed
/// since.
struct UndoMemoryChange
{
    static constexpr auto name = "undo_memory_change";
    using Reply = MemoryChanged;
    QString agent;
    qint64 seq = 0; ///< of the memory.changed
    QString by;
    template <class S, class V>
    static void fields(S& s, V&& v)
    {
        v("agent", s.agent);
        v("seq", s.seq);
        v("by", s.by);
    }
};

struct GetMemoryStats
{
    static constexpr auto name = "memory_stats";
    struct Reply
    {
        qint64 memories = 0;
        qint64 edges = 0;
        qint64 forgotten = 0;
        qint64 untrusted = 0;
        qint64 suspicious = 0;
        QList<NamedCount> byType;
        QList<NamedCount> byRelation;
        TimeUs first = 0; ///< when the first was written down; where a time slider begins
        TimeUs last = 0;
        MemoryIndexInfo index;
        BulletinInfo bulletin;
        template <class S, class V>
        static void fields(S& s, V&& v)
        {
            v("memories", s.memories);
            v("edges", s.edges);
            v("forgotten", s.forgotten);
            v("untrusted", s.untrusted);
            v("suspicious", s.suspicious);
            v("by_type", s.byType);
            v("by_relation", s.byRelation);
            v("first", s.first);
            v("last", s.last);
            v("index", s.index);
            v("bulletin", s.bulletin);
        }
    };
    QString agent;
    template <class S, class V>
    static void fields(S& s, V&& v)
    {
        v("agent", s.agent);
    }
};

/// Writes the memory to a file on the runtime's machine. The reply tells how many.
struct ExportMemory
{
    static constexpr auto name = "export_memory";
    struct Reply
    {
        qint64 memories = 0;
        qint64 edges = 0;
        template <class S, class V>
        static void fields(S& s, V&& v)
        {
            v("memories", s.memories);
            v("edges", s.edges);
        }
    };
    QString agent;
    QString path;
    ExportFormat format = ExportFormat::Json;
    MemoryFilter filter;
    template <class S, class V>
    static void fields(S& s, V&& v)
    {
        v("agent", s.agent);
        v("path", s.path);
        v("format", s.format);
        v("filter", s.filter);
    }
};

/// Begins to read files into the memory; MemoryIngest events tell how it goes. What was read before
/// and has not changed is passed over.
struct IngestPaths
{
    static constexpr auto name = "ingest";
    struct Reply
    {
        QList<IngestInfo> jobs;
        template <class S, class V>
        static void fields(S& s, V&& v)
        {
            v("jobs", s.jobs);
        }
    };
    QString agent;
    QStringList paths; ///< absolute
    QString by;
    template <class S, class V>
    static void fields(S& s, V&& v)
    {
        v("agent", s.agent);
        v("paths", s.paths);
        v("by", s.by);
    }
};

/// Those of this life of the program, running ones first.
struct ListIngests
{
    static constexpr auto name = "list_ingests";
    using Reply = IngestPaths::Reply;
    QString agent;
    template <class S, class V>
    static void fields(S& s, V&& v)
    {
        v("agent", s.agent);
    }
};

/// Stops reading; what was made stays.
struct StopIngest
{
    static constexpr auto name = "stop_ingest";
    using Reply = IngestInfo;
    QString id;
    template <class S, class V>
    static void fields(S& s, V&& v)
    {
        v("id", s.id);
    }
};

/// An agent's memories or edges changed.
struct MemoryUpdated
{
    static constexpr auto name = "memory_updated";
    QString agent;
    MemoryChanged change;
    template <class S, class V>
    static void fields(S& s, V&& v)
    {
        v("agent", s.agent);
        v("change", s.change);
    }
};

/// A picture of progress: how far an ingestion is.
struct MemoryIngest
{
    static constexpr auto name = "memory_ingest";
    IngestInfo job;
    template <class S, class V>
    static void fields(S& s, V&& v)
    {
        v("job", s.job);
    }
};

/// A picture of progress: how far the index is.
struct MemoryIndexed
{
    static constexpr auto name = "memory_indexed";
    QString agent;
    MemoryIndexInfo index;
    template <class S, class V>
    static void fields(S& s, V&& v)
    {
        v("agent", s.agent);
        v("index", s.index);
    }
};

} // namespace sb::protocol
