//! The connection that writes, on a thread of its own. What arrives while a transaction runs shares the next one, and its
//! sync: the more write at once, the less each costs. There is no timer, so one alone never waits.
//!
//! Within a shared transaction each is a savepoint: one that fails takes nothing of the others along.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread::JoinHandle;

use rusqlite::Connection;
use tokio::sync::oneshot;

use super::super::MetaError;
use super::checkpoint::Checkpointer;
use super::sql::{Sql, failed};
use super::statements::Statements;

/// Most writes in one transaction.
const SHARED_MAX: usize = 256;

/// Whether what a write did is to be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Commit,
    RollBack,
}

/// When a transaction survives a loss of power. It survives the end of the process either way.
///
/// In WAL mode SQLite syncs the log at a commit only under `synchronous=FULL`, and such a sync covers the whole log: every
/// transaction before it is durable then too, in order, and none can be lost while a later one is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Durable {
    /// Together with the next one that is durable on return.
    WithNext,
    /// On return.
    Now,
}

impl Durable {
    pub fn synchronous(self) -> &'static str {
        match self {
            Self::Now => "FULL",
            Self::WithNext => "NORMAL",
        }
    }
}

/// The way to the thread. Dropped, it waits until what was asked for is done, the log is copied and the file is closed.
pub(super) struct Writer {
    jobs: Option<mpsc::Sender<Job>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

enum Job {
    Write(Durable, Box<dyn Work>),
    #[cfg(test)]
    Outside(Box<dyn FnOnce(&Connection) + Send>),
}

/// A write and whom to tell of it.
trait Work: Send {
    /// Runs within the transaction.
    fn run(&mut self, sql: &Sql<'_>) -> End;
    /// The transaction has ended.
    fn tell(self: Box<Self>, ended: Result<(), MetaError>);
}

struct Typed<T, F> {
    work: Option<F>,
    made: Option<Result<T, MetaError>>,
    answer: oneshot::Sender<Result<T, MetaError>>,
}

impl<T, F> Work for Typed<T, F>
where
    T: Send,
    F: FnOnce(&Sql<'_>) -> Result<(T, End), MetaError> + Send,
{
    fn run(&mut self, sql: &Sql<'_>) -> End {
        let Some(work) = self.work.take() else { return End::RollBack };
        let (made, end) = match catch_unwind(AssertUnwindSafe(|| work(sql))) {
            Ok(Ok((made, end))) => (Ok(made), end),
            Ok(Err(error)) => (Err(error), End::RollBack),
            Err(_) => (Err(MetaError::Unavailable("a write panicked".into())), End::RollBack),
        };
        self.made = Some(made);
        end
    }

    fn tell(self: Box<Self>, ended: Result<(), MetaError>) {
        let made = self.made.unwrap_or_else(|| Err(MetaError::Unavailable("a write was not begun".into())));
        // A caller who is gone needs no answer.
        let _ = self.answer.send(made.and_then(|made| ended.map(|()| made)));
    }
}

impl Writer {
    /// Takes the connection over; its `synchronous` is that of [`Durable::Now`].
    pub fn start(
        connection: Connection,
        checkpointer: Checkpointer,
        statements: Arc<Statements>,
    ) -> std::io::Result<Self> {
        let (jobs, arrived) = mpsc::channel();
        let thread = Thread { checkpointer, connection, durable: Durable::Now, statements };
        let thread = std::thread::Builder::new().name("sqlite-writer".into()).spawn(move || thread.run(&arrived))?;
        Ok(Self { jobs: Some(jobs), thread: Mutex::new(Some(thread)) })
    }

    /// Writes in a transaction that holds the write lock from its beginning. Nothing of `work` is kept if it fails or panics.
    pub async fn write<T: Send + 'static>(
        &self,
        durable: Durable,
        work: impl FnOnce(&Sql<'_>) -> Result<(T, End), MetaError> + Send + 'static,
    ) -> Result<T, MetaError> {
        let (answer, told) = oneshot::channel();
        let work = Box::new(Typed { work: Some(work), made: None, answer });
        self.send(Job::Write(durable, work));
        told.await.map_err(|gone| MetaError::Unavailable(Box::new(gone)))?
    }

    /// Runs `work` outside any transaction.
    #[cfg(test)]
    pub fn outside<T: Send + 'static>(&self, work: impl FnOnce(&Connection) -> T + Send + 'static) -> T {
        let (answer, told) = mpsc::channel();
        self.send(Job::Outside(Box::new(move |connection| answer.send(work(connection)).expect("it is waited for"))));
        told.recv().expect("the thread runs")
    }

    fn send(&self, job: Job) {
        if let Some(jobs) = &self.jobs {
            // A thread that has ended drops the job, and with it the way to answer: its caller is told so.
            let _ = jobs.send(job);
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.jobs = None;
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread.filter(|thread| thread.thread().id() != std::thread::current().id()) {
            let _ = thread.join();
        }
    }
}

struct Thread {
    checkpointer: Checkpointer,
    connection: Connection,
    /// What `synchronous` is set to.
    durable: Durable,
    statements: Arc<Statements>,
}

impl Thread {
    fn run(mut self, arrived: &mpsc::Receiver<Job>) {
        let mut works = Vec::new();
        self.checkpointer.begin(&self.connection);
        while let Ok(job) = arrived.recv() {
            let mut durable = Durable::WithNext;
            let mut next = Some(job);
            while let Some(job) = next.take() {
                match job {
                    Job::Write(wanted, work) => {
                        durable = durable.max(wanted);
                        works.push(work);
                    }
                    #[cfg(test)]
                    Job::Outside(work) => work(&self.connection),
                }
                if works.len() < SHARED_MAX {
                    next = arrived.try_recv().ok();
                }
            }
            if !works.is_empty() {
                self.transact(durable, std::mem::take(&mut works));
                // Whoever wrote has been told: nobody but the next waits for this.
                self.checkpointer.between(&self.connection);
            }
        }
        let Self { checkpointer, connection, .. } = self;
        checkpointer.end(&connection);
    }

    fn transact(&mut self, durable: Durable, mut works: Vec<Box<dyn Work>>) {
        let mut ended = self.shared(durable, &mut works);
        if ended.is_err() && !self.connection.is_autocommit() {
            // If even this fails, so does the next BEGIN, and says so.
            let _ = self.command("ROLLBACK");
        }
        for work in works {
            let told = match &ended {
                Ok(()) => Ok(()),
                Err(MetaError::Corrupt(what)) => Err(MetaError::Corrupt(what.clone())),
                Err(error) => Err(MetaError::Unavailable(error.to_string().into())),
            };
            // The first is told what the database said itself.
            work.tell(if ended.is_err() { std::mem::replace(&mut ended, told) } else { told });
        }
    }

    /// One transaction for all of them.
    fn shared(&mut self, durable: Durable, works: &mut [Box<dyn Work>]) -> Result<(), MetaError> {
        if self.durable != durable {
            self.connection.pragma_update(None, "synchronous", durable.synchronous()).map_err(failed)?;
            self.durable = durable;
        }
        self.command("BEGIN IMMEDIATE")?;
        let sql = Sql::new(&self.connection, &self.statements);
        if let [work] = works {
            return match work.run(&sql) {
                End::Commit => self.command("COMMIT"),
                End::RollBack => self.undo("ROLLBACK"),
            };
        }
        for work in works {
            self.command("SAVEPOINT one")?;
            if work.run(&sql) == End::RollBack {
                self.undo("ROLLBACK TO one")?;
            }
            self.command("RELEASE one")?;
        }
        self.command("COMMIT")
    }

    /// A database that is full or broken has perhaps rolled all back by itself.
    fn undo(&self, command: &'static str) -> Result<(), MetaError> {
        if self.connection.is_autocommit() && command == "ROLLBACK" { Ok(()) } else { self.command(command) }
    }

    fn command(&self, command: &'static str) -> Result<(), MetaError> {
        self.statements.run(command, || {
            let run = self.connection.prepare_cached(command).and_then(|mut statement| statement.execute([]));
            run.map(drop).map_err(failed)
        })
    }
}
