-- Labels: see core/taint/README.md. Each column of sources holds JSON as taint::toJson writes it.
ALTER TABLE summary ADD COLUMN sources TEXT NOT NULL DEFAULT '[]'; -- of all that it covers

-- What was written into a file of the workspace, and from where. The newest row of a path holds; one without sources says
-- that the file was written anew with nothing to tell of. A row with a digest speaks of copies of that content too.
CREATE TABLE file_label (
    path TEXT NOT NULL,
    seq INTEGER NOT NULL, -- of the entry that told of the write
    digest TEXT NOT NULL, -- SHA-256, hex, of what the write left; empty where it is not known
    sources TEXT NOT NULL,
    PRIMARY KEY (path, seq)
) WITHOUT ROWID;
CREATE INDEX file_label_digest ON file_label (digest) WHERE digest <> '' AND sources <> '[]';
