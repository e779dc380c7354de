-- purged: deleted for good. Nothing of the version's content is known any more, and its row keeps no blob.
ALTER TABLE versions ADD COLUMN purged INTEGER NOT NULL DEFAULT 0;
