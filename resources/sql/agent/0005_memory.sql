-- Memories: readings of memory.changed, see core/memory/README.md. Every version stays, so that what was known at any
-- moment can be read; known_to is 0 for the current one.
CREATE TABLE memory (
    id TEXT NOT NULL,
    seq INTEGER NOT NULL, -- of the entry that made this version
    known_from INTEGER NOT NULL,
    known_to INTEGER NOT NULL DEFAULT 0,
    type TEXT NOT NULL,
    content TEXT NOT NULL,
    importance REAL NOT NULL,
    provenance TEXT NOT NULL,
    pinned INTEGER NOT NULL,
    promoted INTEGER NOT NULL,
    suspicion TEXT NOT NULL,
    valid_from INTEGER NOT NULL,
    valid_to INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    created_seq INTEGER NOT NULL,
    forgotten_at INTEGER NOT NULL,
    merged_into TEXT NOT NULL,
    source TEXT NOT NULL, -- JSON of a protocol::MemorySource
    sources TEXT NOT NULL, -- JSON as taint::toJson writes it
    PRIMARY KEY (id, seq)
) WITHOUT ROWID;
CREATE INDEX memory_now ON memory (created_at) WHERE known_to = 0;
CREATE INDEX memory_known ON memory (known_from, known_to);

CREATE TABLE memory_edge (
    from_id TEXT NOT NULL,
    to_id TEXT NOT NULL,
    relation TEXT NOT NULL,
    seq INTEGER NOT NULL, -- of the entry that drew it
    known_from INTEGER NOT NULL,
    known_to INTEGER NOT NULL DEFAULT 0,
    weight REAL NOT NULL,
    drawn_by TEXT NOT NULL,
    PRIMARY KEY (from_id, to_id, relation, seq)
) WITHOUT ROWID;
CREATE INDEX memory_edge_back ON memory_edge (to_id, from_id);

-- How often a memory was recalled, as the results of memory_recall tell.
CREATE TABLE memory_access (
    id TEXT PRIMARY KEY,
    count INTEGER NOT NULL,
    at INTEGER NOT NULL,
    seq INTEGER NOT NULL -- of the newest tool.result
) WITHOUT ROWID;

CREATE TABLE bulletin (
    seq INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    text TEXT NOT NULL,
    memories TEXT NOT NULL, -- JSON array of ids
    made_by TEXT NOT NULL,
    sources TEXT NOT NULL
);

-- Pieces of files that were read into memories, so that a file is not read twice.
CREATE TABLE ingested (
    file TEXT NOT NULL,
    piece TEXT NOT NULL, -- SHA-256, hex, of the piece
    memory TEXT NOT NULL,
    seq INTEGER NOT NULL,
    PRIMARY KEY (file, piece)
) WITHOUT ROWID;
