-- Who has a label, in the order of names: a page of a list by name begins where it is, and reads no more than it shows. The arrays of
-- label_sets say the same: they find those that have several labels, for which a row each would be read.
-- Nobody changes a set until the rows are there.
LOCK TABLE label_sets IN SHARE ROW EXCLUSIVE MODE;
CREATE TABLE package_labels (
    label integer NOT NULL,
    name text COLLATE "C" NOT NULL
);
INSERT INTO package_labels (label, name)
    SELECT u.id, s.name FROM label_sets s CROSS JOIN LATERAL unnest(s.labels) AS u (id) ORDER BY u.id, s.name;
ALTER TABLE package_labels ADD PRIMARY KEY (label, name);
-- Without it the first lists would be planned blindly.
ANALYZE package_labels;
