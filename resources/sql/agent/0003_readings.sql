-- Each sum names the newest entry that is in it.
DROP TABLE cost;
CREATE TABLE cost (
    day TEXT NOT NULL,
    model TEXT NOT NULL,
    micro_usd INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    PRIMARY KEY (day, model)
) WITHOUT ROWID;
INSERT INTO cost (day, model, micro_usd, seq)
    SELECT date(time_us / 1000000, 'unixepoch'), json ->> 'model', sum(json ->> 'cost_micro_usd'), max(seq)
    FROM (SELECT e.seq, e.time_us, CAST(p.bytes AS TEXT) AS json
          FROM entry e JOIN payload p ON p.seq = e.seq WHERE e.kind = 'model.response')
    WHERE json_type(json, '$.cost_micro_usd') IN ('integer', 'real')
    GROUP BY 1, 2;

-- Standing permissions: a reading of config.changed (core/approvals/Grants).
CREATE TABLE grants (
    id TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    what TEXT NOT NULL,
    given_by TEXT NOT NULL,
    at INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    revoked_at INTEGER NOT NULL
);

-- The message that a conversation without a name is called by; 0: none.
ALTER TABLE channel ADD COLUMN title_seq INTEGER NOT NULL DEFAULT 0;
