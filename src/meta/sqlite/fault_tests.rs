//! Failures at any table, and at any statement: before it is run and after it.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use tempfile::TempDir;
use uuid::Uuid;

use super::super::contract::faults::{
    Life, Met, Places, Statements, nothing_of_a_failed_change_stays, nothing_of_a_failed_statement_stays,
};
use super::super::contract::{Check, Failure, Stores, World};
use super::super::trap::Trap;
use super::super::{Meta, MetaError};
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

/// How a statement fails.
#[derive(Clone, Copy)]
enum Fault {
    NotDone,
    Done,
}

/// Files with a statement that fails in the one that was opened last.
struct Failing {
    folder: TempDir,
    fault: Fault,
    opened: Mutex<Option<Arc<Sqlite>>>,
}

impl Failing {
    fn trap<T>(&self, set: impl FnOnce(&Trap) -> T) -> Result<T, Failure> {
        let opened = self.opened.lock().unwrap().clone().ok_or("none is open")?;
        let statements = opened.pool.statements();
        Ok(set(match self.fault {
            Fault::NotDone => &statements.before,
            Fault::Done => &statements.after,
        }))
    }
}

#[async_trait]
impl Stores for Failing {
    async fn empty(&self) -> Result<Meta, MetaError> {
        let sqlite = Arc::new(Sqlite::open(next(&self.folder))?);
        *self.opened.lock().unwrap() = Some(sqlite.clone());
        Ok(sqlite.meta())
    }
}

#[async_trait]
impl Statements for Failing {
    async fn fail_at(&self, at: usize) -> Result<(), Failure> {
        self.trap(|trap| trap.set(at))
    }

    async fn met(&self) -> Result<Met, Failure> {
        self.trap(Trap::take)
    }
}

async fn leaves_nothing(life: Life, fault: Fault) -> Check {
    let stores = Failing { folder: tempfile::tempdir()?, fault, opened: Mutex::default() };
    for (step, failures) in nothing_of_a_failed_statement_stays(&stores, life).await? {
        // Begin, the head, a fact, a row, the event, the head, commit.
        assert!(failures >= 7, "{step}: only {failures} failures");
    }
    Ok(())
}

async fn a_statement_that_was_not_run_leaves_nothing(life: Life) -> Check {
    leaves_nothing(life, Fault::NotDone).await
}

async fn a_statement_that_was_run_leaves_nothing(life: Life) -> Check {
    leaves_nothing(life, Fault::Done).await
}

mod before_any_statement {
    crate::every_life!(super::a_statement_that_was_not_run_leaves_nothing);
}

mod after_any_statement {
    crate::every_life!(super::a_statement_that_was_run_leaves_nothing);
}
