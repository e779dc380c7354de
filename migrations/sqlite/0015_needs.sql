-- Labels of type 5 are packages that are needed: `@acme/x` is acme/x, and a bare `x` the one of the organisation that says so.
-- What names no package is no label. The rules are those of `resolve::package`.
CREATE TABLE needed AS
    SELECT name, label, CASE WHEN instr(said, '/') THEN said ELSE substr(name, 1, instr(name, '/')) || said END AS means,
        NOT instr(said, '/') AND (said GLOB '*.pcl' OR said GLOB '*.md' OR said GLOB '*.json' OR said GLOB '*.yaml'
            OR said GLOB '*.yml') AS is_file
    FROM (
        SELECT name, label, CASE WHEN said GLOB '@*/*' THEN substr(said, 2) ELSE said END AS said FROM (
            SELECT name, label, trim(label, char(9, 10, 11, 12, 13, 32, 133, 160, 5760, 8192, 8193, 8194, 8195, 8196, 8197,
                8198, 8199, 8200, 8201, 8202, 8232, 8233, 8239, 8287, 12288)) AS said
            FROM package_labels WHERE type = 5
        )
    );
DELETE FROM needed WHERE is_file
    OR length(means) > 200 OR length(means) <> length(CAST(means AS BLOB))
    OR length(means) - length(replace(means, '/', '')) <> 1
    OR substr(means, 1, instr(means, '/') - 1) IN ('v2', 'api', 'blobs', 'index', 'log', 'events', 'private', 'public',
        'staging', 'assets', 'search', 'health', 'metrics', 'admin', 'login')
    -- Lower-case letters and digits, joined by one '.', one or two '_', or any number of '-'.
    OR means GLOB '*[^a-z0-9._/-]*'
    OR means GLOB '[._/-]*' OR means GLOB '*[._/-]' OR means GLOB '*/[._-]*' OR means GLOB '*[._-]/*'
    OR means GLOB '*.[._-]*' OR means GLOB '*[_-].*' OR means GLOB '*_-*' OR means GLOB '*-_*' OR means GLOB '*___*';
DELETE FROM package_labels WHERE type = 5
    AND (name, label) NOT IN (SELECT name, label FROM needed WHERE means = label);
INSERT OR IGNORE INTO package_labels (type, label, name) SELECT 5, means, name FROM needed;
DROP TABLE needed;
