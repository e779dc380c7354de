-- Packages that not everybody sees, by organisation: lists of them alone read no others.
CREATE INDEX packages_hidden ON packages (org, name) WHERE visibility <> 'public' AND shown IS NOT NULL;
