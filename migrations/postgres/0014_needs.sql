-- Labels of type 5 are packages that are needed: `@acme/x` is acme/x, and a bare `x` the one of the organisation that says so.
-- What names no package is no label. The rules are those of `resolve::package`.
CREATE TABLE needed AS
    SELECT s.name, m.means FROM label_sets s
    CROSS JOIN LATERAL unnest(s.labels) AS u (id)
    JOIN labels l ON l.id = u.id AND l.type = 5
    CROSS JOIN LATERAL (SELECT btrim(l.label, E'\t\n\u000B\f\r \u0085\u00A0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006'
        '\u2007\u2008\u2009\u200A\u2028\u2029\u202F\u205F\u3000') AS said) t
    CROSS JOIN LATERAL (SELECT CASE
        WHEN t.said ~ '^@.*/' THEN substr(t.said, 2)
        WHEN t.said LIKE '%/%' THEN t.said
        -- A file beside the source.
        WHEN t.said ~ '\.(pcl|md|json|yaml|yml)$' THEN ''
        ELSE split_part(s.name, '/', 1) || '/' || t.said END AS means) m;
-- Lower-case letters and digits, joined by one '.', one or two '_', or any number of '-'.
UPDATE needed SET means = NULL WHERE length(means) > 200
    OR means !~ '^[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*$'
    OR split_part(means, '/', 1) IN ('v2', 'api', 'blobs', 'index', 'log', 'events', 'private', 'public', 'staging',
        'assets', 'search', 'health', 'metrics', 'admin', 'login');

INSERT INTO labels (type, label, packages, public)
    SELECT DISTINCT 5, n.means, 0, 0 FROM needed n WHERE n.means IS NOT NULL
    AND NOT EXISTS (SELECT 1 FROM labels l WHERE l.type = 5 AND md5(l.label) = md5(n.means) AND l.label = n.means);
UPDATE label_sets s SET labels = f.labels
    FROM (
        SELECT name, array_agg(id ORDER BY id) AS labels FROM (
            SELECT o.name, l.id FROM label_sets o CROSS JOIN LATERAL unnest(o.labels) AS u (id)
                JOIN labels l ON l.id = u.id AND l.type <> 5
                WHERE o.name IN (SELECT name FROM needed)
            UNION
            SELECT n.name, l.id FROM needed n JOIN labels l ON l.type = 5 AND l.label = n.means
        ) found GROUP BY name
    ) f WHERE f.name = s.name AND f.labels <> s.labels;
UPDATE labels l SET packages = f.packages, public = f.public
    FROM (
        SELECT a.id, count(p.name) AS packages, count(p.name) FILTER (WHERE p.visibility = 'public') AS public
        FROM labels a
        LEFT JOIN (SELECT s.name, u.id FROM label_sets s CROSS JOIN LATERAL unnest(s.labels) AS u (id)) h ON h.id = a.id
        LEFT JOIN packages p ON p.name = h.name
        WHERE a.type = 5 GROUP BY a.id
    ) f WHERE f.id = l.id AND (l.packages, l.public) <> (f.packages, f.public);
DELETE FROM labels WHERE type = 5 AND packages = 0;
DROP TABLE needed;
