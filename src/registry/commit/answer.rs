//! When a change is acknowledged: once its event is durable and, where there is a transparency log, logged.

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};

use crate::meta::Outcome;

use super::super::RegistryError;

/// What waits to be told to whoever asked for changes.
pub(in crate::registry) struct Answer {
    reply: oneshot::Sender<Result<Vec<Outcome>, RegistryError>>,
    outcomes: Vec<Outcome>,
    /// It may be told once the log has this event and all before it.
    pub(in crate::registry) through: u64,
}

impl Answer {
    /// Tells it. The caller may have hung up: the changes stand all the same.
    pub(in crate::registry) fn give(self) {
        let _ = self.reply.send(Ok(self.outcomes));
    }

    /// Tells that the changes happened and could not be logged, so that nobody counts on them yet.
    pub(in crate::registry) fn fail(self, error: &Arc<RegistryError>) {
        let _ = self.reply.send(Err(RegistryError::Commit(Arc::clone(error))));
    }
}

/// Where answers go.
pub(in crate::registry) enum Answers {
    /// To whoever asked, at once.
    Direct,
    /// Through the log.
    Logged(mpsc::UnboundedSender<Answer>),
}

impl Answers {
    /// Answers for changes whose events, and those that they rest on, are durable up to `through`.
    pub(super) fn give(
        &self,
        reply: oneshot::Sender<Result<Vec<Outcome>, RegistryError>>,
        outcomes: Vec<Outcome>,
        through: u64,
    ) {
        let answer = Answer { reply, outcomes, through };
        match self {
            Self::Direct => answer.give(),
            // The log ends after the lane. Who waits for an answer that nobody gives hears that the registry is stopping.
            Self::Logged(log) => drop(log.send(answer)),
        }
    }
}
