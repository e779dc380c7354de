-- Ordered bundles of packages. What they say is a blob in the public area; kept of it is what lists show.
CREATE TABLE collections (
    name text COLLATE "C" PRIMARY KEY,
    org text COLLATE "C" NOT NULL,
    document text COLLATE "C" NOT NULL,
    title text,
    description text,
    visibility text COLLATE "C" NOT NULL,
    items bigint NOT NULL,
    created bigint NOT NULL,
    updated bigint NOT NULL
);
CREATE INDEX collections_by_document ON collections (document);
CREATE INDEX collections_by_org ON collections (org, name);

-- Which collections a package is in.
CREATE TABLE collection_items (
    package text COLLATE "C" NOT NULL,
    collection text COLLATE "C" NOT NULL,
    PRIMARY KEY (package, collection)
);
CREATE INDEX collection_items_by_collection ON collection_items (collection);
