-- owners: JSON, the names of users, sorted. Whoever published a package first owns it, if it was a user.
ALTER TABLE packages ADD COLUMN owners TEXT NOT NULL DEFAULT '[]';
UPDATE packages SET owners = coalesce((
    SELECT json_array(substr(json_extract(CAST(e.bytes AS TEXT), '$.actor'), 6)) FROM events e
    WHERE e.n = (SELECT min(v.event) FROM versions v WHERE v.name = packages.name)
    AND json_extract(CAST(e.bytes AS TEXT), '$.actor') LIKE 'user:%'), '[]');

-- Labels of type 6 are owners.
INSERT INTO package_labels (type, label, name)
    SELECT 6, owners ->> '$[0]', name FROM packages WHERE owners <> '[]' AND shown IS NOT NULL;
