-- The catalogue as projected from the events, and the events themselves.
--
-- Text whose order matters is compared byte by byte, COLLATE "C", whatever the database's language. Digests are text
-- (`sha256:…`): their byte order is the order in which they are listed. Times are microseconds since 1970.
--
-- PostgreSQL stores no NUL in text. Text that may hold one is JSON, which escapes it, kept as text and not as jsonb, which
-- refuses it; where it is not JSON (media_type, artifact_type, label) the program escapes it.

-- The head of the sequence. Every change locks this row first.
CREATE TABLE counter (
    one smallint PRIMARY KEY CHECK (one = 1),
    n bigint NOT NULL,
    time bigint NOT NULL
);
INSERT INTO counter (one, n, time) VALUES (1, 0, 0);

CREATE TABLE identity (
    one smallint PRIMARY KEY CHECK (one = 1),
    id text NOT NULL
);

CREATE TABLE events (
    n bigint PRIMARY KEY,
    repository text COLLATE "C" NOT NULL,
    bytes bytea NOT NULL
);
CREATE INDEX events_by_repository ON events (repository, n);

-- Every repository that was ever pushed to, emptied ones too.
CREATE TABLE repositories (
    name text COLLATE "C" PRIMARY KEY
);

-- state: 0 live, 1 hidden (a deleted version, kept for a restore).
CREATE TABLE manifests (
    repository text COLLATE "C" NOT NULL,
    digest text COLLATE "C" NOT NULL,
    area text COLLATE "C" NOT NULL,
    media_type text NOT NULL,
    size bigint NOT NULL,
    artifact_type text,
    subject text COLLATE "C",
    annotations text NOT NULL,
    state smallint NOT NULL,
    n bigint NOT NULL,
    PRIMARY KEY (repository, digest)
);
CREATE INDEX manifests_by_subject ON manifests (repository, subject, n) WHERE subject IS NOT NULL;

CREATE TABLE manifest_blobs (
    repository text COLLATE "C" NOT NULL,
    manifest text COLLATE "C" NOT NULL,
    blob text COLLATE "C" NOT NULL,
    PRIMARY KEY (repository, manifest, blob)
);

CREATE TABLE tags (
    repository text COLLATE "C" NOT NULL,
    tag text COLLATE "C" NOT NULL,
    digest text COLLATE "C" NOT NULL,
    PRIMARY KEY (repository, tag)
);

-- shown and what follows it describe the version that the package shows; shown is NULL when none can be read, and the
-- package is then not found, but keeps its kind. card: the words of that version, JSON. pinned: number of the version that
-- latest names, as long as that one is neither yanked nor deleted.
CREATE TABLE packages (
    name text COLLATE "C" PRIMARY KEY,
    org text COLLATE "C" NOT NULL,
    kind text COLLATE "C" NOT NULL,
    visibility text COLLATE "C" NOT NULL,
    created bigint NOT NULL,
    updated bigint NOT NULL,
    shown text,
    latest text,
    card text,
    pinned text COLLATE "C",
    versions bigint NOT NULL
);
CREATE INDEX packages_by_time ON packages (updated DESC, name) WHERE shown IS NOT NULL;
CREATE INDEX packages_by_age ON packages (created DESC, name) WHERE shown IS NOT NULL;

-- type: 0 tag, 1 skill, 2 author, 3 licence, 4 value of the metadata, 5 name of a dependency. Only packages that can be found have rows here. A label may be longer than an entry of an index
-- may be, so that only its beginning is indexed.
CREATE TABLE package_labels (
    name text COLLATE "C" NOT NULL,
    type smallint NOT NULL,
    label text COLLATE "C" NOT NULL
);
CREATE INDEX package_labels_by_name ON package_labels (name);
CREATE INDEX package_labels_by_label ON package_labels (type, left(label, 200), name);

-- number: the version without build metadata. rank: byte order is the order in which versions are shown; NULL when deleted.
-- deprecation: JSON, NULL if nothing is said against the version.
CREATE TABLE versions (
    name text COLLATE "C" NOT NULL,
    number text COLLATE "C" NOT NULL,
    version text NOT NULL,
    rank text COLLATE "C",
    digest text COLLATE "C" NOT NULL,
    kind text NOT NULL,
    record text COLLATE "C" NOT NULL,
    yanked boolean NOT NULL,
    reason text COLLATE "C",
    deprecation text,
    deleted boolean NOT NULL,
    published bigint NOT NULL,
    event bigint NOT NULL,
    config text,
    PRIMARY KEY (name, number)
);
CREATE INDEX versions_by_rank ON versions (name, rank) WHERE rank IS NOT NULL;
CREATE INDEX versions_by_digest ON versions (name, digest);

-- state: 0 live, 1 condemned (at the time beside it), 2 being deleted.
CREATE TABLE blobs (
    area text COLLATE "C" NOT NULL,
    digest text COLLATE "C" NOT NULL,
    size bigint NOT NULL,
    touched bigint NOT NULL,
    state smallint NOT NULL,
    condemned bigint,
    PRIMARY KEY (area, digest)
);
CREATE INDEX blobs_not_live ON blobs (state, condemned) WHERE state > 0;

-- recorded: an event says so. Links of uploads and mounts alone are not, and a rebuild does not bring them back.
CREATE TABLE links (
    repository text COLLATE "C" NOT NULL,
    digest text COLLATE "C" NOT NULL,
    area text COLLATE "C" NOT NULL,
    recorded boolean NOT NULL,
    PRIMARY KEY (repository, digest)
);
CREATE INDEX links_by_digest ON links (digest, area);
