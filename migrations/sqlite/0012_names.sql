-- Who sees what is under a name, as was said before there was a package. Once there is one, its own row counts.
CREATE TABLE names (
    name TEXT PRIMARY KEY,
    visibility TEXT NOT NULL
) WITHOUT ROWID;
