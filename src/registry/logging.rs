//! The transparency log beside the commits: what waits for its answer is logged together, while the next is committed.
//!
//! A batch is what arrived while the one before it was written; there is no timer. What cannot be logged is committed all the same:
//! whoever asked hears of an error, and the log goes on with it as soon as it can.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};

use crate::log::{Heads, Identity, LogError, Sequencer};
use crate::meta::Meta;
use crate::storage::{Role, Storage};
use crate::tlog::NoteSigner;

use super::commit::{Answer, Answers, Committing};
use super::{Clock, OpenError, RegistryError};

/// How often readers are told that the head is what it was, where nothing is added: whoever is shown an old one can tell.
const RENEW_EVERY: Duration = Duration::from_secs(15 * 60);

/// How long to wait before what could not be logged is tried again.
const RETRY: Duration = Duration::from_secs(1);

/// The log of a registry that is opened, with all events up to `written`; `None` if none is kept, or nothing is committed by who opens it.
///
/// Errors with [`OpenError::LogKept`] if the store has a log and there is no key.
pub(super) async fn open(
    storage: &Storage,
    meta: &Meta,
    committing: &Committing,
    key: Option<&Arc<NoteSigner>>,
    role: Role,
    written: u64,
    clock: &Clock,
) -> Result<Option<Sequencer>, OpenError> {
    if !matches!(role, Role::Server | Role::Command) {
        return Ok(None);
    }
    let failed = |error: LogError| OpenError::Registry(error.into());
    let Some(key) = key.cloned() else {
        return match Identity::read(storage).await.map_err(failed)? {
            Some(identity) => Err(OpenError::LogKept(identity.verifier.name().to_string())),
            None => Ok(None),
        };
    };
    let heads = match committing {
        Committing::Database => Heads::Database(Arc::clone(&meta.ledger)),
        Committing::Store(_) => Heads::Store(storage.clone()),
    };
    let mut log = Sequencer::load(storage.clone(), heads, key, &*meta.ledger, seconds(clock)).await.map_err(failed)?;
    if log.size() < written {
        tracing::info!(
            logged = log.size(),
            events = written,
            "the transparency log takes in events that it does not have"
        );
    }
    log.advance(&*meta.ledger, written, seconds(clock)).await.map_err(failed)?;
    Ok(Some(log))
}

/// Starts the log beside the commits, whose answers go where this says. The other half tells how far it is.
pub(super) fn start(log: Option<Sequencer>, meta: &Meta, clock: &Clock) -> (Answers, Option<watch::Receiver<u64>>) {
    let Some(log) = log else { return (Answers::Direct, None) };
    let (waiting, answers) = mpsc::unbounded_channel();
    let (sender, logged) = watch::channel(log.told());
    let logging = Logging { log, meta: meta.clone(), clock: clock.clone(), behind: None, logged: sender };
    tokio::spawn(logging.follow(answers));
    (Answers::Logged(waiting), Some(logged))
}

struct Logging {
    log: Sequencer,
    meta: Meta,
    clock: Clock,
    /// How far the log must come, where it failed to.
    behind: Option<u64>,
    /// How far it is.
    logged: watch::Sender<u64>,
}

impl Logging {
    /// Logs what the answers wait for, and gives them, until nobody commits any more.
    async fn follow(mut self, mut answers: mpsc::UnboundedReceiver<Answer>) {
        loop {
            let pause = if self.behind.is_some() { RETRY } else { RENEW_EVERY };
            let Ok(first) = tokio::time::timeout(pause, answers.recv()).await else {
                self.look().await;
                continue;
            };
            let Some(first) = first else { return };
            let mut batch = vec![first];
            while let Ok(answer) = answers.try_recv() {
                batch.push(answer);
            }
            metrics::histogram!("pclr_log_batch").record(batch.len() as f64);
            let through = batch.iter().map(|answer| answer.through).max().unwrap_or_default();
            let outcome = self.advance(through.max(self.behind.unwrap_or_default())).await;
            for answer in batch {
                match &outcome {
                    Err(error) if answer.through > self.log.told() => answer.fail(error),
                    _ => answer.give(),
                }
            }
        }
    }

    async fn advance(&mut self, through: u64) -> Result<(), Arc<RegistryError>> {
        let outcome = self.log.advance(&*self.meta.ledger, through, seconds(&self.clock)).await;
        self.behind = outcome.is_err().then_some(through);
        self.logged.send_replace(self.log.told());
        outcome.map_err(|error| {
            tracing::error!(%error, event = through, "the transparency log cannot take an event");
            Arc::new(RegistryError::from(error))
        })
    }

    /// Nobody has asked for anything for a while: what failed is tried again, and readers are told that the head is what it was.
    async fn look(&mut self) {
        if let Some(through) = self.behind {
            let _ = self.advance(through).await;
        } else if let Err(error) = self.log.renew(seconds(&self.clock)).await {
            tracing::warn!(%error, "the head of the transparency log could not be told again");
        }
    }
}

/// Now, in seconds since 1970.
fn seconds(clock: &Clock) -> u64 {
    u64::try_from(clock.now().micros() / 1_000_000).unwrap_or_default()
}
