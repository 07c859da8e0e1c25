-- The journal: see core/journal/README.md for what the hashes cover.
CREATE TABLE entry (
    seq INTEGER PRIMARY KEY,
    time_us INTEGER NOT NULL,
    agent TEXT NOT NULL,
    process TEXT NOT NULL,
    kind TEXT NOT NULL,
    cause TEXT NOT NULL,
    trace_id TEXT NOT NULL,
    span_id TEXT NOT NULL,
    payload_hash BLOB NOT NULL,
    prev_hash BLOB NOT NULL,
    hash BLOB NOT NULL
);

-- One an entry, under the entry's seq, so that an append only touches the end of each tree. Erasing deletes the row.
CREATE TABLE payload (
    seq INTEGER PRIMARY KEY,
    salt BLOB NOT NULL,
    bytes BLOB NOT NULL
);

-- Bytes that payloads refer to by hash: prompts, tool lists, before-images.
CREATE TABLE part (
    id INTEGER PRIMARY KEY,
    hash BLOB NOT NULL UNIQUE,
    salt BLOB NOT NULL,
    bytes BLOB NOT NULL
);

-- Signed heads: the Merkle tree over the first `count` entries.
CREATE TABLE head (
    count INTEGER PRIMARY KEY,
    time_us INTEGER NOT NULL,
    root BLOB NOT NULL,
    last_hash BLOB NOT NULL,
    peaks BLOB NOT NULL,
    public_key BLOB NOT NULL,
    signature BLOB NOT NULL
);
