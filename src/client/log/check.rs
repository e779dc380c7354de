//! What a client asks of a registry's log before it believes what it pulled.

use std::time::{SystemTime, UNIX_EPOCH};

use serde::Serialize;

use super::super::error::ClientError;
use super::super::transport::Client;
use super::{Log, LogMemory, Remembered};
use crate::domain::{Body, Digest, Event, Name, Timestamp, Version};
use crate::tlog::{Checkpoint, Entry, SignedCheckpoint};

/// What the log says of a version that was pulled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum Logged {
    /// The registry keeps no log, and none was ever seen of it.
    NoLog,
    /// The event that published it is in the log.
    Included {
        /// The log's name.
        origin: String,
        /// Number of the event.
        event: u64,
        /// How many entries the log has.
        size: u64,
    },
    /// It was never published as this version, so that nobody says which entry it must be.
    NotPublished,
    /// An entry is there, which tells nothing to who does not know the event.
    Sealed {
        /// The log's name.
        origin: String,
        /// Number of the event.
        event: u64,
    },
}

/// A log that was compared with what is remembered of it, and is remembered now.
pub struct Seen {
    /// The log.
    pub log: Log,
    /// Its head.
    pub head: SignedCheckpoint,
    /// What was remembered before, if anything was.
    pub before: Option<Checkpoint>,
}

impl Client {
    /// The registry's log as it is now, which must be what the remembered one has become; remembers it. `None` if there is no log and
    /// none is remembered.
    ///
    /// Errors with [`ClientError::NotVerified`] if the log was rolled back, forked, has another key, or is gone.
    pub async fn seen_log(&self, memory: &LogMemory) -> Result<Option<Seen>, ClientError> {
        let remembered = memory.recall(self.address())?;
        let not_verified =
            |why: String| ClientError::NotVerified { what: format!("the log of {}", self.address()), why };
        let path = || memory.path(self.address()).display().to_string();
        let (known, before) = match &remembered {
            Some(remembered) => {
                let (key, checkpoint) = remembered.open().map_err(|error| {
                    not_verified(format!("what is remembered of it in {} cannot be read: {error}", path()))
                })?;
                (Some(key), Some(checkpoint.checkpoint().clone()))
            }
            None => (None, None),
        };
        let Some(log) = self.log().await? else {
            return match known {
                Some(key) => Err(not_verified(format!("it had the log {}, and has none any more", key.name()))),
                None => Ok(None),
            };
        };
        if let Some(known) = &known
            && known != log.key()
        {
            let why = format!(
                "its key was {known}, and is {} now; if its operator says that this is right, remove {}",
                log.key(),
                path()
            );
            return Err(not_verified(why));
        }
        let head = log.checkpoint(&[]).await?;
        if let Some(before) = &before {
            log.grew(before, head.checkpoint()).await?;
        }
        memory.remember(&Remembered {
            registry: self.address().to_owned(),
            key: log.key().to_string(),
            checkpoint: head.note().to_string(),
            seen: now(),
        })?;
        Ok(Some(Seen { log, head, before }))
    }

    /// What the log says of this version of this digest. Errors with [`ClientError::NotVerified`] if the registry has a log and the version
    /// is not in it.
    pub async fn logged(
        &self,
        memory: &LogMemory,
        name: &Name,
        version: &Version,
        digest: &Digest,
    ) -> Result<Logged, ClientError> {
        let Some(seen) = self.seen_log(memory).await? else { return Ok(Logged::NoLog) };
        let what = format!("{name}@{version}");
        let event = match self.version(name, version).await {
            Ok(detail) => detail.published.event,
            Err(ClientError::NotFound { .. }) => return Ok(Logged::NotPublished),
            Err(error) => return Err(error),
        };
        let included = seen.log.entry(seen.head.checkpoint(), event).await?;
        let origin = seen.log.key().name().to_string();
        let size = seen.head.checkpoint().size();
        let bytes = match included.entry {
            Entry::Event { bytes, .. } => bytes,
            Entry::Sealed { .. } | Entry::Long { .. } => return Ok(Logged::Sealed { origin, event }),
        };
        let publishes = match Event::parse(&bytes).map(|event| event.body) {
            Ok(Body::Publish { accepted, version: published, .. }) => {
                accepted.repository == name.repository() && published == *version && accepted.digest == *digest
            }
            _ => false,
        };
        match publishes {
            true => Ok(Logged::Included { origin, event, size }),
            false => Err(ClientError::NotVerified {
                what,
                why: format!("entry {event} of the log {origin} publishes something else than {digest}"),
            }),
        }
    }
}

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}
