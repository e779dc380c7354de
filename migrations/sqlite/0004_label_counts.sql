-- How many packages show each label, kept by triggers: lists begin with the rarest label of a filter, and counts read one row.
--
-- Kind and organisation are labels too, of the types 100 and 101, so that they narrow a list as any other does.
INSERT OR IGNORE INTO package_labels (type, label, name) SELECT 100, kind, name FROM packages WHERE shown IS NOT NULL;
INSERT OR IGNORE INTO package_labels (type, label, name) SELECT 101, org, name FROM packages WHERE shown IS NOT NULL;

-- packages: that can be found; public: those of them that everybody sees.
CREATE TABLE label_counts (
    type INTEGER NOT NULL,
    label TEXT NOT NULL,
    packages INTEGER NOT NULL,
    public INTEGER NOT NULL,
    PRIMARY KEY (type, label)
) WITHOUT ROWID;
INSERT INTO label_counts (type, label, packages, public)
    SELECT l.type, l.label, count(*), sum(p.visibility = 'public')
    FROM package_labels l JOIN packages p ON p.name = l.name GROUP BY l.type, l.label;
CREATE INDEX label_counts_by_use ON label_counts (type, public DESC, label);

CREATE TRIGGER package_labels_added AFTER INSERT ON package_labels BEGIN
    INSERT INTO label_counts (type, label, packages, public)
        VALUES (new.type, new.label, 1, (SELECT visibility = 'public' FROM packages WHERE name = new.name))
        ON CONFLICT DO UPDATE SET packages = packages + 1, public = public + excluded.public;
END;
CREATE TRIGGER package_labels_removed AFTER DELETE ON package_labels BEGIN
    UPDATE label_counts SET packages = packages - 1,
        public = public - (SELECT visibility = 'public' FROM packages WHERE name = old.name)
        WHERE type = old.type AND label = old.label;
    DELETE FROM label_counts WHERE type = old.type AND label = old.label AND packages = 0;
END;
CREATE TRIGGER packages_shown_to AFTER UPDATE OF visibility ON packages
WHEN (old.visibility = 'public') <> (new.visibility = 'public') BEGIN
    UPDATE label_counts SET public = public + CASE new.visibility WHEN 'public' THEN 1 ELSE -1 END
        WHERE (type, label) IN (SELECT type, label FROM package_labels WHERE name = new.name);
END;
