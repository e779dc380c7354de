//! Takes steps of the schema back, for tests of what they make of rows that are there already.

use std::path::Path;

/// What takes a step back, by its name, the last step first.
const BACK: &[(&str, &str)] = &[
    ("log", "DROP TABLE log_head;"),
    // What it wrote of stored packages is what is written of new ones.
    ("needs", ""),
    ("hidden", "DROP INDEX packages_hidden;"),
    (
        "references",
        "DROP INDEX manifests_by_digest; DROP INDEX manifest_blobs_by_blob; DROP INDEX versions_by_record;
         DROP INDEX versions_by_reason; DROP INDEX versions_by_deprecation;",
    ),
    ("names", "DROP TABLE names;"),
    (
        "social",
        "DROP TABLE stars; DROP TABLE download_batches; DROP TABLE daily_downloads; DROP TABLE downloads;
         DROP INDEX packages_by_kind; DROP INDEX packages_by_stars; DROP INDEX packages_by_downloads;
         ALTER TABLE packages DROP COLUMN stars; ALTER TABLE packages DROP COLUMN downloads;",
    ),
    ("orgs", "DROP TABLE orgs;"),
    ("collections", "DROP TABLE collections; DROP TABLE collection_items;"),
    ("owners", "ALTER TABLE packages DROP COLUMN owners; DELETE FROM package_labels WHERE type = 6;"),
    ("states", "DELETE FROM package_labels WHERE type = 102;"),
    ("version_ids", "DROP INDEX versions_by_event_id; ALTER TABLE versions DROP COLUMN event_id;"),
];

/// Makes the database at the path one from before the step with that name.
pub fn back_to_before(path: &Path, step: &str) {
    let connection = rusqlite::Connection::open(path).unwrap();
    for (name, back) in BACK {
        connection.execute_batch(back).unwrap();
        assert_eq!(connection.execute("DELETE FROM migrations WHERE name = ?1", [name]), Ok(1), "{name}");
        if *name == step {
            return;
        }
    }
    panic!("nothing takes {step} back: add it, and every step after it");
}
