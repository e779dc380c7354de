//! Failures at any table.

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use tempfile::TempDir;
use uuid::Uuid;

use super::super::contract::faults::{Life, Places, nothing_of_a_failed_change_stays};
use super::super::contract::{Check, Failure, World};
use super::Sqlite;

fn next(folder: &TempDir) -> PathBuf {
    folder.path().join(format!("{}.sqlite", Uuid::now_v7()))
}

/// Tables whose rows cannot be written.
struct Tables(Arc<Sqlite>);

impl Tables {
    fn run(&self, sql: String) -> Result<(), Failure> {
        Ok(self.0.pool.with_writer(move |writer| writer.execute_batch(&sql))?)
    }
}

#[async_trait]
impl Places for Tables {
    async fn fail_at(&self, at: usize) -> Result<bool, Failure> {
        let tables = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name";
        let tables: Vec<String> = self.0.pool.with_writer(move |writer| {
            writer.prepare(tables)?.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()
        })?;
        let Some(table) = tables.get(at) else { return Ok(false) };
        for write in ["INSERT", "UPDATE", "DELETE"] {
            let fails = "BEGIN SELECT RAISE(ABORT, 'in the middle'); END";
            self.run(format!("CREATE TEMP TRIGGER fails_{write} AFTER {write} ON main.{table} {fails}"))?;
        }
        Ok(true)
    }

    async fn heal(&self) -> Result<(), Failure> {
        self.run(["INSERT", "UPDATE", "DELETE"].map(|write| format!("DROP TRIGGER fails_{write};")).concat())
    }
}

async fn a_failure_at_any_table_leaves_nothing(life: Life) -> Check {
    let (folder, mut failures) = (tempfile::tempdir()?, 0);
    for at in 0.. {
        let sqlite = Arc::new(Sqlite::open(next(&folder))?);
        let world = World::over(sqlite.clone().meta());
        match nothing_of_a_failed_change_stays(world, &Tables(sqlite), life, at).await? {
            Some(more) => failures += more,
            None => break,
        }
    }
    assert!(failures >= 10, "only {failures} changes failed");
    Ok(())
}

mod at_any_table {
    crate::every_life!(super::a_failure_at_any_table_leaves_nothing);
}
