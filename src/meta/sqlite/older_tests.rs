//! Databases that an earlier release wrote.

use std::sync::Arc;

use super::super::contract::{World, needs};
use super::Sqlite;

#[tokio::test]
async fn what_is_needed_is_read_again_in_an_older_database() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("meta.sqlite");
    let open = || World::over(Arc::new(Sqlite::open(&path).unwrap()).meta());
    needs::publish(&open()).await.unwrap();
    // As it was written before: each text as it is.
    let mut older =
        "DELETE FROM package_labels WHERE type = 5; DELETE FROM migrations WHERE name = 'needs';".to_owned();
    for (name, said) in needs::SAID {
        for text in *said {
            older += &format!("INSERT INTO package_labels (type, label, name) VALUES (5, '{text}', '{name}');");
        }
    }
    rusqlite::Connection::open(&path).unwrap().execute_batch(&older).unwrap();
    needs::assert_found(&open()).await.unwrap();
}
