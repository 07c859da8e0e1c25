-- Readings of the journal that the processes work with; every row here can be rebuilt from the entries.

CREATE TABLE channel (
    id TEXT PRIMARY KEY,
    title TEXT NOT NULL,
    origin TEXT NOT NULL,
    created_seq INTEGER NOT NULL,
    last_seq INTEGER NOT NULL DEFAULT 0,
    last_time INTEGER NOT NULL DEFAULT 0,
    last_text TEXT NOT NULL DEFAULT '',
    turn_open INTEGER NOT NULL DEFAULT 0 -- a turn has begun and not ended
);

CREATE TABLE process (
    id TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    state TEXT NOT NULL,
    parent TEXT NOT NULL,
    channel TEXT NOT NULL,
    run TEXT NOT NULL,
    task TEXT NOT NULL,
    status TEXT NOT NULL DEFAULT '',
    result TEXT NOT NULL DEFAULT '',
    started_at INTEGER NOT NULL,
    ended_at INTEGER NOT NULL DEFAULT 0,
    tool_calls INTEGER NOT NULL DEFAULT 0,
    model_calls INTEGER NOT NULL DEFAULT 0,
    input_tokens INTEGER NOT NULL DEFAULT 0,
    output_tokens INTEGER NOT NULL DEFAULT 0,
    started_seq INTEGER NOT NULL,
    fork_through INTEGER NOT NULL DEFAULT 0, -- of a branch: the last seq of its parent's history that it has seen
    call_seq INTEGER NOT NULL DEFAULT 0, -- the tool.call that started it
    interactive INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX process_call ON process (parent, call_seq);
CREATE INDEX process_channel ON process (channel, started_seq);
CREATE INDEX process_open ON process (ended_at, kind) WHERE ended_at = 0;

-- What waits for an owner. A row leaves by being taken into the owner's history, in one transaction with it.
CREATE TABLE mailbox (
    seq INTEGER PRIMARY KEY, -- of the entry that made it
    owner TEXT NOT NULL,
    kind TEXT NOT NULL, -- message, result
    message TEXT NOT NULL, -- what the owner's model will read
    key TEXT,
    taken_seq INTEGER
);
CREATE INDEX mailbox_open ON mailbox (owner, seq) WHERE taken_seq IS NULL;
CREATE UNIQUE INDEX mailbox_key ON mailbox (owner, key) WHERE key IS NOT NULL;

-- What each process's model has read and said, in order; never deleted, only covered by a summary.
CREATE TABLE history (
    process TEXT NOT NULL,
    seq INTEGER NOT NULL, -- of the entry that added it
    part INTEGER NOT NULL, -- one entry may add several
    message TEXT NOT NULL, -- JSON as llm::toJson writes it
    PRIMARY KEY (process, seq, part)
) WITHOUT ROWID;

CREATE TABLE summary (
    process TEXT NOT NULL,
    seq INTEGER NOT NULL,
    through INTEGER NOT NULL, -- history up to this seq is covered
    text TEXT NOT NULL,
    PRIMARY KEY (process, seq)
) WITHOUT ROWID;

-- Tool calls under way; a row is gone once its result is in the history.
CREATE TABLE open_call (
    process TEXT NOT NULL,
    call TEXT NOT NULL,
    call_seq INTEGER NOT NULL,
    started_seq INTEGER NOT NULL DEFAULT 0,
    approval TEXT NOT NULL DEFAULT '',
    arguments TEXT NOT NULL DEFAULT '{}', -- those that it began with, where a person had changed them
    PRIMARY KEY (process, call)
) WITHOUT ROWID;

CREATE TABLE run (
    id TEXT PRIMARY KEY,
    channel TEXT NOT NULL,
    task TEXT NOT NULL,
    approve TEXT NOT NULL,
    unattended INTEGER NOT NULL,
    started_seq INTEGER NOT NULL,
    finished_seq INTEGER NOT NULL DEFAULT 0,
    outcome TEXT NOT NULL DEFAULT '',
    text TEXT NOT NULL DEFAULT ''
);
CREATE INDEX run_channel ON run (channel);

CREATE TABLE transcript (
    channel TEXT NOT NULL,
    seq INTEGER NOT NULL,
    id TEXT NOT NULL,
    item TEXT NOT NULL, -- JSON of a protocol::TranscriptItem
    PRIMARY KEY (channel, seq)
) WITHOUT ROWID;
CREATE UNIQUE INDEX transcript_item ON transcript (channel, id);

-- Money spent, by day (UTC) and model.
CREATE TABLE cost (
    day TEXT NOT NULL,
    model TEXT NOT NULL,
    micro_usd INTEGER NOT NULL,
    PRIMARY KEY (day, model)
) WITHOUT ROWID;
