-- owners: JSON, the names of users, sorted. Whoever published a package first owns it, if it was a user.
ALTER TABLE packages ADD COLUMN owners text NOT NULL DEFAULT '[]';
UPDATE packages p SET owners = json_build_array(substr(first.actor, 6))::text FROM (
    SELECT v.name, convert_from(e.bytes, 'UTF8')::json ->> 'actor' AS actor
    FROM (SELECT name, min(event) AS event FROM versions GROUP BY name) v JOIN events e ON e.n = v.event
) first WHERE first.name = p.name AND first.actor LIKE 'user:%';

-- Labels of type 6 are owners.
INSERT INTO labels (type, label, packages, public)
    SELECT 6, owners::json ->> 0, count(*), count(*) FILTER (WHERE visibility = 'public')
    FROM packages WHERE owners <> '[]' AND shown IS NOT NULL GROUP BY 2;
UPDATE label_sets s SET labels = (SELECT array_agg(id ORDER BY id) FROM unnest(s.labels || l.id) AS id)
    FROM packages p JOIN labels l ON l.type = 6 AND l.label = p.owners::json ->> 0
    WHERE p.name = s.name AND p.owners <> '[]' AND p.shown IS NOT NULL;
