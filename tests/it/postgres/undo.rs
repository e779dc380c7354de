//! Takes steps of the schema back, for tests of what they make of rows that are there already.

use super::database::Database;

/// What takes a step back, by its name, the last step first.
const BACK: &[(&str, &str)] = &[
    ("log", "DROP TABLE log_head"),
    ("label_order", "DROP TABLE package_labels"),
    // What it wrote of stored packages is what is written of new ones.
    ("needs", "DO 'BEGIN END'"),
    ("hidden", "DROP INDEX packages_hidden"),
    (
        "references",
        "DROP INDEX manifests_by_digest, manifest_blobs_by_blob, versions_by_record, versions_by_reason,
             versions_by_deprecation",
    ),
    ("names", "DROP TABLE names"),
    (
        "social",
        "DROP TABLE stars, download_batches, daily_downloads, downloads;
         DROP INDEX packages_by_kind, packages_by_stars, packages_by_downloads;
         ALTER TABLE packages DROP COLUMN stars, DROP COLUMN downloads",
    ),
    // Its other index takes the place of one of the same name.
    ("orgs", "DROP TABLE orgs; DROP INDEX labels_of_orgs"),
    ("collections", "DROP TABLE collections, collection_items"),
    (
        "owners",
        "ALTER TABLE packages DROP COLUMN owners;
         UPDATE label_sets SET labels = ARRAY(SELECT id FROM unnest(labels) AS id
             WHERE id NOT IN (SELECT id FROM labels WHERE type = 6) ORDER BY id);
         DELETE FROM labels WHERE type = 6",
    ),
    (
        "states",
        "UPDATE label_sets SET labels = ARRAY(SELECT id FROM unnest(labels) AS id
             WHERE id NOT IN (SELECT id FROM labels WHERE type = 102) ORDER BY id);
         DELETE FROM labels WHERE type = 102",
    ),
    ("version_ids", "ALTER TABLE versions DROP COLUMN event_id"),
];

/// Makes the database one from before the step with that name.
pub async fn back_to_before(database: &Database, step: &str) {
    for (name, back) in BACK {
        let sql = format!("{back}; DELETE FROM pclr_migrations WHERE name = '{name}' RETURNING number");
        assert_eq!(database.run(&sql).await.len(), 1, "{name}");
        if *name == step {
            return;
        }
    }
    panic!("nothing takes {step} back: add it, and every step after it");
}
