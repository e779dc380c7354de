-- The catalogue as projected from the events, and the events themselves.
--
-- Digests are text (`sha256:…`), not blobs: half again as long in the indexes, but readable with any SQLite shell, and
-- their byte order is the order in which they are listed. Times are microseconds since 1970.

-- The head of the sequence. Every change locks this row first.
CREATE TABLE counter (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    n INTEGER NOT NULL,
    time INTEGER NOT NULL
);
INSERT INTO counter (one, n, time) VALUES (1, 0, 0);

CREATE TABLE identity (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    id TEXT NOT NULL
);

CREATE TABLE events (
    n INTEGER PRIMARY KEY,
    bytes BLOB NOT NULL
);

-- Every repository that was ever pushed to, emptied ones too.
CREATE TABLE repositories (
    name TEXT PRIMARY KEY
) WITHOUT ROWID;

-- state: 0 live, 1 hidden (a deleted version, kept for a restore).
CREATE TABLE manifests (
    id INTEGER PRIMARY KEY,
    repository TEXT NOT NULL,
    digest TEXT NOT NULL,
    area TEXT NOT NULL,
    media_type TEXT NOT NULL,
    size INTEGER NOT NULL,
    artifact_type TEXT,
    subject TEXT,
    annotations TEXT NOT NULL,
    state INTEGER NOT NULL,
    n INTEGER NOT NULL,
    UNIQUE (repository, digest)
);
CREATE INDEX manifests_by_subject ON manifests (repository, subject, n) WHERE subject IS NOT NULL;

CREATE TABLE manifest_blobs (
    repository TEXT NOT NULL,
    manifest TEXT NOT NULL,
    blob TEXT NOT NULL,
    PRIMARY KEY (repository, manifest, blob)
) WITHOUT ROWID;

CREATE TABLE tags (
    repository TEXT NOT NULL,
    tag TEXT NOT NULL,
    digest TEXT NOT NULL,
    PRIMARY KEY (repository, tag)
) WITHOUT ROWID;

-- shown and what follows it describe the version that the package shows; shown is NULL when none can be read, and the
-- package is then not found, but keeps its kind. card: the words of that version, JSON.
CREATE TABLE packages (
    name TEXT PRIMARY KEY,
    org TEXT NOT NULL,
    kind TEXT NOT NULL,
    visibility TEXT NOT NULL,
    created INTEGER NOT NULL,
    updated INTEGER NOT NULL,
    shown TEXT,
    latest TEXT,
    card TEXT,
    versions INTEGER NOT NULL
);
CREATE INDEX packages_by_time ON packages (updated DESC, name) WHERE shown IS NOT NULL;

-- type: 0 tag, 1 skill. Only packages that can be found have rows here.
CREATE TABLE package_labels (
    type INTEGER NOT NULL,
    label TEXT NOT NULL,
    name TEXT NOT NULL,
    PRIMARY KEY (type, label, name)
) WITHOUT ROWID;
CREATE INDEX package_labels_by_name ON package_labels (name);

-- number: the version without build metadata. rank: byte order is the order in which versions are shown; NULL when deleted.
CREATE TABLE versions (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    number TEXT NOT NULL,
    version TEXT NOT NULL,
    rank TEXT,
    digest TEXT NOT NULL,
    kind TEXT NOT NULL,
    record TEXT NOT NULL,
    yanked INTEGER NOT NULL,
    reason TEXT,
    deleted INTEGER NOT NULL,
    published INTEGER NOT NULL,
    event INTEGER NOT NULL,
    config TEXT,
    UNIQUE (name, number)
);
CREATE INDEX versions_by_rank ON versions (name, rank) WHERE rank IS NOT NULL;
CREATE INDEX versions_by_digest ON versions (name, digest);

-- state: 0 live, 1 condemned (at the time beside it), 2 being deleted.
CREATE TABLE blobs (
    area TEXT NOT NULL,
    digest TEXT NOT NULL,
    size INTEGER NOT NULL,
    touched INTEGER NOT NULL,
    state INTEGER NOT NULL,
    condemned INTEGER,
    PRIMARY KEY (area, digest)
) WITHOUT ROWID;
CREATE INDEX blobs_not_live ON blobs (state, condemned) WHERE state > 0;

-- recorded: an event says so. Links of uploads and mounts alone are not, and a rebuild does not bring them back.
CREATE TABLE links (
    repository TEXT NOT NULL,
    digest TEXT NOT NULL,
    area TEXT NOT NULL,
    recorded INTEGER NOT NULL,
    PRIMARY KEY (repository, digest)
) WITHOUT ROWID;
CREATE INDEX links_by_digest ON links (digest, area);
