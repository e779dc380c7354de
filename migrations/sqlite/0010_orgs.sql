-- What organisations say of themselves. One that only has packages has no row. profile: JSON, the document itself.
-- visibility: who sees its packages when they are new.
CREATE TABLE orgs (
    name TEXT PRIMARY KEY,
    document TEXT NOT NULL,
    profile TEXT NOT NULL,
    visibility TEXT NOT NULL,
    created INTEGER NOT NULL,
    updated INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX orgs_by_document ON orgs (document);
