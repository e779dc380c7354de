-- What organisations say of themselves. One that only has packages has no row. profile: JSON, the document itself.
-- visibility: who sees its packages when they are new.
CREATE TABLE orgs (
    name text COLLATE "C" PRIMARY KEY,
    document text COLLATE "C" NOT NULL,
    profile text NOT NULL,
    visibility text COLLATE "C" NOT NULL,
    created bigint NOT NULL,
    updated bigint NOT NULL
);
CREATE INDEX orgs_by_document ON orgs (document);
-- Those that have packages, by name.
CREATE INDEX labels_of_orgs ON labels (label) WHERE type = 101;

-- Labels are listed by use, and nearly all are used once: among those of one count the index goes on in the order of labels, of
-- which it holds the beginnings, since an entry has at most 2,700 bytes.
DROP INDEX labels_by_use;
CREATE INDEX labels_by_use ON labels (type, public DESC, left(label, 200));
