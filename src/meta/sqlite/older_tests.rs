//! Databases that an earlier release wrote.

use std::sync::Arc;

use super::super::contract::{World, needs};
use super::Sqlite;
use super::undo::back_to_before;

#[tokio::test]
async fn what_is_needed_is_read_again_in_an_older_database() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("meta.sqlite");
    let open = || World::over(Arc::new(Sqlite::open(&path).unwrap()).meta());
    needs::publish(&open()).await.unwrap();
    // As it was written before: each text as it is.
    back_to_before(&path, "needs");
    let mut older = "DELETE FROM package_labels WHERE type = 5;".to_owned();
    for (name, said) in needs::SAID {
        for text in *said {
            older += &format!("INSERT INTO package_labels (type, label, name) VALUES (5, '{text}', '{name}');");
        }
    }
    rusqlite::Connection::open(&path).unwrap().execute_batch(&older).unwrap();
    needs::assert_found(&open()).await.unwrap();
}
