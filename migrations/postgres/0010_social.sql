-- Downloads and stars. No event tells of them.

-- What a package has of both stands in its row, so that lists are ordered by it as by anything else.
ALTER TABLE packages ADD COLUMN downloads bigint NOT NULL DEFAULT 0;
ALTER TABLE packages ADD COLUMN stars bigint NOT NULL DEFAULT 0;
CREATE INDEX packages_by_downloads ON packages (downloads DESC, name) WHERE shown IS NOT NULL;
CREATE INDEX packages_by_stars ON packages (stars DESC, name) WHERE shown IS NOT NULL;
-- What is added up of all public packages.
CREATE INDEX packages_by_kind ON packages (kind) INCLUDE (versions, downloads, stars)
    WHERE shown IS NOT NULL AND visibility = 'public';

-- day: since 1970-01-01, UTC. version: without build metadata.
CREATE TABLE downloads (
    name text COLLATE "C" NOT NULL,
    version text COLLATE "C" NOT NULL,
    day integer NOT NULL,
    number bigint NOT NULL,
    PRIMARY KEY (name, version, day)
);
-- The same without versions, which is what trends read: from the index alone.
CREATE TABLE daily_downloads (
    day integer NOT NULL,
    name text COLLATE "C" NOT NULL,
    number bigint NOT NULL,
    PRIMARY KEY (day, name) INCLUDE (number)
);

-- The last batch that each sender had counted: one that is sent again is not counted again.
CREATE TABLE download_batches (
    sender text COLLATE "C" PRIMARY KEY,
    number bigint NOT NULL
);

-- day: of starred.
CREATE TABLE stars (
    "user" text COLLATE "C" NOT NULL REFERENCES users (name) ON DELETE CASCADE,
    name text COLLATE "C" NOT NULL,
    starred bigint NOT NULL,
    day integer NOT NULL,
    PRIMARY KEY ("user", name)
);
CREATE INDEX stars_by_day ON stars (day, name);
