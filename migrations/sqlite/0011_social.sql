-- Downloads and stars. No event tells of them.

-- What a package has of both stands in its row, so that lists are ordered by it as by anything else.
ALTER TABLE packages ADD COLUMN downloads INTEGER NOT NULL DEFAULT 0;
ALTER TABLE packages ADD COLUMN stars INTEGER NOT NULL DEFAULT 0;
CREATE INDEX packages_by_downloads ON packages (downloads DESC, name) WHERE shown IS NOT NULL;
CREATE INDEX packages_by_stars ON packages (stars DESC, name) WHERE shown IS NOT NULL;
-- What is added up of all public packages, with all that the sum asks for, so that no row is read.
CREATE INDEX packages_by_kind ON packages (kind, versions, downloads, stars, visibility, shown)
    WHERE shown IS NOT NULL AND visibility = 'public';

-- day: since 1970-01-01, UTC. version: without build metadata.
CREATE TABLE downloads (
    name TEXT NOT NULL,
    version TEXT NOT NULL,
    day INTEGER NOT NULL,
    number INTEGER NOT NULL,
    PRIMARY KEY (name, version, day)
) WITHOUT ROWID;
-- The same without versions, which is what trends read.
CREATE TABLE daily_downloads (
    day INTEGER NOT NULL,
    name TEXT NOT NULL,
    number INTEGER NOT NULL,
    PRIMARY KEY (day, name)
) WITHOUT ROWID;

-- The last batch that each sender had counted: one that is sent again is not counted again.
CREATE TABLE download_batches (
    sender TEXT PRIMARY KEY,
    number INTEGER NOT NULL
) WITHOUT ROWID;

-- day: of starred.
CREATE TABLE stars (
    user TEXT NOT NULL REFERENCES users (name) ON DELETE CASCADE,
    name TEXT NOT NULL,
    starred INTEGER NOT NULL,
    day INTEGER NOT NULL,
    PRIMARY KEY (user, name)
) WITHOUT ROWID;
CREATE INDEX stars_by_day ON stars (day, name);
