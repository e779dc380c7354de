-- What owners say of published versions, the history of a repository, and lists by age.

-- pinned: number of the version that latest names, as long as that one is neither yanked nor deleted.
ALTER TABLE packages ADD COLUMN pinned TEXT;

-- deprecation: JSON, NULL if nothing is said against the version.
ALTER TABLE versions ADD COLUMN deprecation TEXT;

ALTER TABLE events ADD COLUMN repository TEXT NOT NULL DEFAULT '';
UPDATE events SET repository = coalesce(
    json_extract(CAST(bytes AS TEXT), '$.repository'),
    json_extract(CAST(bytes AS TEXT), '$.name'),
    '');
CREATE INDEX events_by_repository ON events (repository, n);

CREATE INDEX packages_by_age ON packages (created DESC, name) WHERE shown IS NOT NULL;
