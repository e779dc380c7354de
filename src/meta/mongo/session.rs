//! Transactions: begun, tried again when they conflict, committed.
//!
//! The rules that decide on changes are synchronous, and so is the work inside a transaction: it runs on a blocking thread and
//! waits there for each operation. A caller who goes away leaves no transaction open, since nothing of it runs on the caller.

use std::time::{Duration, Instant};

use futures::TryStreamExt;
use mongodb::bson::{Document, RawDocumentBuf, doc};
use mongodb::error::{Error, Result as Driver, UNKNOWN_TRANSACTION_COMMIT_RESULT};
use mongodb::options::ReadConcern;
use mongodb::{ClientSession, Collection};
use serde::de::DeserializeOwned;
use tokio::runtime::Handle;
use uuid::Uuid;

use super::super::MetaError;
use super::address::durable;
use super::connection::{BATCH, Connection, OPERATION, SWEEP, within};
use super::error::{failed, is_answer, is_to_be_apart, patience};
use super::rows::{COUNTER, Counter, REGISTRY};

/// First pause before a transaction is tried again; twice as long after each try.
const PAUSE: Duration = Duration::from_millis(2);
const PAUSE_MAX: Duration = Duration::from_millis(200);
/// How long an unknown outcome of a commit is asked for again.
const COMMIT: Duration = Duration::from_secs(4);
/// How long to wait for the server to take back a transaction.
const ABORT: Duration = Duration::from_secs(1);
/// After this the server has ended a transaction by itself (`transactionLifetimeLimitSeconds`).
const LOST: Duration = Duration::from_secs(60);

/// Keys of documents, by their collection.
pub(super) type Asked = Vec<(&'static str, Vec<String>)>;

/// Whether what was written is to be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Commit,
    RollBack,
}

/// A session of the server, with an open transaction while work runs. Used on a blocking thread alone.
pub(super) struct Session {
    pub connection: Connection,
    runtime: Handle,
    inner: ClientSession,
    /// What the driver said last, which tells whether to try again.
    failure: Option<Error>,
    /// Documents of several collections cannot be read in one message.
    apart: bool,
    /// An operation had no answer: the server may hold its transaction open, with all that it wrote locked.
    is_lost: bool,
}

impl Connection {
    /// Runs `work` in a transaction: it sees one state of the database, and all or none of its writes are kept, durable on
    /// return. It runs again, from the beginning, if another transaction wrote what it writes.
    pub async fn transact<T: Send + 'static>(
        &self,
        work: impl FnMut(&mut Session) -> Result<(T, End), MetaError> + Send + 'static,
    ) -> Result<T, MetaError> {
        let (connection, runtime) = (self.clone(), Handle::current());
        let inner = within(OPERATION, self.client.start_session().into_future()).await?;
        let inner = inner.map_err(|error| failed(&error))?;
        let session = Session { connection, runtime, inner, failure: None, apart: false, is_lost: false };
        let transaction = move || session.persist(work);
        tokio::task::spawn_blocking(transaction).await.map_err(|failed| MetaError::Unavailable(failed.into()))?
    }
}

/// A number below one that differs from thread to thread: the end of an identifier is random.
fn chance() -> f64 {
    let [.., high, low] = Uuid::now_v7().into_bytes();
    f64::from(u16::from_be_bytes([high, low])) / 65536.0
}

impl Session {
    /// Tries until the transaction ends, or the failure is none that passes. A later transaction of one session takes the
    /// place of an earlier one at the server, so that a try that was lost is not in the way of the next.
    fn persist<T>(mut self, mut work: impl FnMut(&mut Self) -> Result<(T, End), MetaError>) -> Result<T, MetaError> {
        let (started, mut pause) = (Instant::now(), PAUSE);
        loop {
            let apart = self.apart;
            let ended = self.attempt(&mut work);
            let again = self.failure.take().is_some_and(|failure| started.elapsed() < patience(&failure));
            let again = again || self.apart != apart;
            match ended {
                Err(MetaError::Unavailable(_)) if again => {}
                ended => {
                    if self.is_lost {
                        self.runtime.clone().spawn(supersede(self.connection, self.inner));
                    }
                    return ended;
                }
            }
            // Two that conflicted must not meet again.
            std::thread::sleep(pause.mul_f64(0.5 + chance() / 2.0));
            pause = (pause * 2).min(PAUSE_MAX);
        }
    }

    fn attempt<T>(&mut self, work: &mut impl FnMut(&mut Self) -> Result<(T, End), MetaError>) -> Result<T, MetaError> {
        let begun = self.runtime.block_on(within(OPERATION, begin(&mut self.inner)))?;
        if let Err(error) = begun {
            let meaning = failed(&error);
            self.failure = Some(error);
            return Err(meaning);
        }
        match work(self) {
            Ok((made, End::Commit)) => self.commit().map(|()| made),
            ended => {
                // Where the server is not told, this session's next transaction tells it.
                let told = self.runtime.block_on(within(ABORT, self.inner.abort_transaction().into_future()));
                self.is_lost |= !matches!(told, Ok(Ok(())));
                ended.map(|(made, _)| made)
            }
        }
    }
}

/// A snapshot, which is what `local` is inside a transaction: `snapshot` would leave out writes of this very moment that a
/// primary alone has acknowledged, such as the links of an upload. What was read is with a majority when the commit is, as
/// the commit comes after it in the log.
async fn begin(session: &mut ClientSession) -> Driver<()> {
    session.start_transaction().read_concern(ReadConcern::local()).write_concern(durable()).await
}

/// Begins another transaction on a session whose last one was lost. The server then gives up that one, and what of it is
/// still on its way; by itself it would do so a minute later, and hold up every change until then.
async fn supersede(connection: Connection, mut session: ClientSession) {
    let registry = connection.database.collection::<Document>(REGISTRY);
    let started = Instant::now();
    while started.elapsed() < LOST {
        let begun = async {
            begin(&mut session).await?;
            registry.find_one(doc! { "_id": COUNTER }).session(&mut session).await
        };
        let begun = within(OPERATION, begun).await;
        let _ = within(ABORT, session.abort_transaction().into_future()).await;
        if matches!(begun, Ok(Ok(_))) {
            return;
        }
        tokio::time::sleep(PAUSE_MAX).await;
    }
    tracing::warn!("a transaction may be open at the server until its own limit ends it");
}

impl Session {
    /// The head, after writing to its document: from here on every other change waits or begins again.
    pub fn lock_head(&mut self) -> Result<Counter, MetaError> {
        let registry = self.connection.database.collection::<Counter>(REGISTRY);
        let counter = self.run(OPERATION, async |session| {
            registry
                .find_one_and_update(doc! { "_id": COUNTER }, doc! { "$inc": { "changes": 1i64 } })
                .session(session)
                .await
        })?;
        counter.ok_or_else(|| MetaError::Corrupt("the event counter is gone".to_owned()))
    }

    pub fn write_head(&mut self, head: Counter) -> Result<(), MetaError> {
        let registry = self.connection.database.collection::<Counter>(REGISTRY);
        let set = doc! { "$set": { "n": head.n, "time": head.time, "packages": head.packages } };
        self.run(OPERATION, async |session| {
            registry.update_one(doc! { "_id": COUNTER }, set).session(session).await.map(drop)
        })
    }

    /// Everything that a query finds. `limit` 0 is none.
    pub fn find<T: DeserializeOwned + Send + Sync>(
        &mut self,
        collection: &str,
        filter: Document,
        sort: Document,
        limit: i64,
    ) -> Result<Vec<T>, MetaError> {
        let collection: Collection<T> = self.connection.database.collection(collection);
        self.run(OPERATION, async |session| {
            let query = collection.find(filter).sort(sort).limit(limit).batch_size(BATCH);
            let mut cursor = query.session(&mut *session).await?;
            cursor.stream(session).try_collect().await
        })
    }

    /// The counter, as `counter`, and the documents with these keys: an array for each collection, by its name. `None` where they are
    /// to be read apart.
    pub fn together(&mut self, asked: &Asked) -> Result<Option<RawDocumentBuf>, MetaError> {
        if self.apart {
            return Ok(None);
        }
        // The counter has a field that is named like a collection.
        let counter = doc! { "$replaceWith": { "counter": "$$ROOT" } };
        let mut pipeline = vec![doc! { "$match": { "_id": COUNTER } }, counter];
        pipeline.extend(asked.iter().map(|(collection, keys)| {
            let found = vec![doc! { "$match": { "_id": { "$in": keys } } }];
            doc! { "$lookup": { "from": collection, "pipeline": found, "as": collection } }
        }));
        let registry: Collection<Document> = self.connection.database.collection(REGISTRY);
        let found: Result<Vec<RawDocumentBuf>, MetaError> = self.run(OPERATION, async |session| {
            let looked_up = registry.aggregate(pipeline).with_type::<RawDocumentBuf>();
            let mut cursor = looked_up.session(&mut *session).await?;
            cursor.stream(session).try_collect().await
        });
        self.apart = self.failure.as_ref().is_some_and(is_to_be_apart);
        let found = found?.into_iter().next();
        found.map(Some).ok_or_else(|| MetaError::Corrupt("the event counter is gone".to_owned()))
    }

    /// What a pipeline makes of a collection.
    pub fn aggregate(&mut self, collection: &str, pipeline: Vec<Document>) -> Result<Vec<Document>, MetaError> {
        let collection: Collection<Document> = self.connection.database.collection(collection);
        self.run(SWEEP, async |session| {
            let mut cursor = collection.aggregate(pipeline).session(&mut *session).await?;
            cursor.stream(session).try_collect().await
        })
    }

    /// A command that writes: `update` or `delete` with any number of statements. Answers how many documents it met.
    pub fn write(&mut self, command: RawDocumentBuf) -> Result<i64, MetaError> {
        let database = self.connection.database.clone();
        let answer = self.run(OPERATION, async |session| database.run_raw_command(command).session(session).await)?;
        // The command as a whole succeeds where a statement of it fails.
        if let Some(first) = answer.get_array("writeErrors").ok().and_then(|errors| errors.first()) {
            return Err(MetaError::Corrupt(format!("a document was refused: {first}")));
        }
        Ok(answer.get_i32("n").map(i64::from).or_else(|_| answer.get_i64("n")).unwrap_or_default())
    }

    fn run<T>(
        &mut self,
        time: Duration,
        operation: impl AsyncFnOnce(&mut ClientSession) -> Driver<T>,
    ) -> Result<T, MetaError> {
        self.connection.count();
        self.is_lost = true;
        let made = self.runtime.block_on(within(time, operation(&mut self.inner)))?;
        self.is_lost = made.as_ref().is_err_and(|error| !is_answer(error));
        made.map_err(|error| {
            let meaning = failed(&error);
            self.failure = Some(error);
            meaning
        })
    }

    /// Asks again as long as the outcome is unknown: the server takes a second commit of one transaction for the first.
    fn commit(&mut self) -> Result<(), MetaError> {
        let started = Instant::now();
        loop {
            let committed = self.run(OPERATION, async |session| session.commit_transaction().await);
            let unknown = |failure: &Error| {
                failure.contains_label(UNKNOWN_TRANSACTION_COMMIT_RESULT) && started.elapsed() < COMMIT
            };
            match (&committed, &self.failure) {
                (Err(_), Some(failure)) if unknown(failure) => std::thread::sleep(PAUSE_MAX),
                _ => return committed,
            }
        }
    }
}
