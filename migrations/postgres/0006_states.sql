-- How the version stands that a package shows is a label of it, of type 102: published, deprecated, yanked.
INSERT INTO labels (type, label, packages, public)
    SELECT 102, s.state, count(*), count(*) FILTER (WHERE p.visibility = 'public')
    FROM packages p JOIN versions v ON v.name = p.name AND v.version = p.shown
    CROSS JOIN LATERAL (VALUES
        ('published', NOT v.yanked AND v.deprecation IS NULL),
        ('deprecated', v.deprecation IS NOT NULL),
        ('yanked', v.yanked)) AS s (state, holds)
    WHERE s.holds GROUP BY s.state;
-- The new labels have the highest numbers, so that the arrays stay in order.
UPDATE label_sets l SET labels = l.labels || f.ids
    FROM (
        SELECT p.name, array_agg(b.id ORDER BY b.id) AS ids
        FROM packages p JOIN versions v ON v.name = p.name AND v.version = p.shown
        CROSS JOIN LATERAL (VALUES
            ('published', NOT v.yanked AND v.deprecation IS NULL),
            ('deprecated', v.deprecation IS NOT NULL),
            ('yanked', v.yanked)) AS s (state, holds)
        JOIN labels b ON b.type = 102 AND b.label = s.state
        WHERE s.holds GROUP BY p.name
    ) f WHERE f.name = l.name;
