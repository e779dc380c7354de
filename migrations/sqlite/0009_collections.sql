-- Ordered bundles of packages. What they say is a blob in the public area; kept of it is what lists show.
CREATE TABLE collections (
    name TEXT PRIMARY KEY,
    org TEXT NOT NULL,
    document TEXT NOT NULL,
    title TEXT,
    description TEXT,
    visibility TEXT NOT NULL,
    items INTEGER NOT NULL,
    created INTEGER NOT NULL,
    updated INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX collections_by_document ON collections (document);

-- Which collections a package is in.
CREATE TABLE collection_items (
    package TEXT NOT NULL,
    collection TEXT NOT NULL,
    PRIMARY KEY (package, collection)
) WITHOUT ROWID;
CREATE INDEX collection_items_by_collection ON collection_items (collection);
