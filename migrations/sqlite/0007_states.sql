-- How the version stands that a package shows is a label of it, of type 102: published, deprecated, yanked.
INSERT OR IGNORE INTO package_labels (type, label, name)
    SELECT 102, s.state, p.name FROM packages p JOIN versions v ON v.name = p.name AND v.version = p.shown
    JOIN (SELECT 'published' AS state UNION ALL SELECT 'deprecated' UNION ALL SELECT 'yanked') s
        ON CASE s.state WHEN 'yanked' THEN v.yanked WHEN 'deprecated' THEN v.deprecation IS NOT NULL
            ELSE NOT v.yanked AND v.deprecation IS NULL END
    WHERE p.shown IS NOT NULL;
