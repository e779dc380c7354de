//! Every event: there, readable, canonical, in order, and the same in store and database.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bytes::Bytes;
use futures::{StreamExt as _, TryStreamExt as _, stream};

use super::super::RegistryError;
use super::check::{Check, CheckStage};
use super::finding::Finding;
use super::report::Report;
use crate::domain::{Event, Timestamp};
use crate::storage::{EVENT_MAX, Key, StorageError};

/// Events that are compared at once.
const PAGE: u64 = 256;
/// Objects that are read at once.
const READS: usize = 32;
/// How often an object is waited for that a server may be about to write, all of them together.
const PATIENCE: u32 = 20;
const PAUSE: Duration = Duration::from_millis(100);

/// What is known of the events.
#[derive(Debug, Default)]
pub(super) struct Events {
    /// The last that is there.
    pub head: u64,
    /// Those whose objects are not to be believed: the database has them.
    pub in_database: BTreeSet<u64>,
    /// One behind the last, which was cut and never was.
    pub cut: Option<u64>,
}

impl Events {
    /// The exact bytes of an event, wherever they are; `None` if nowhere.
    pub async fn bytes(&self, check: &Check, n: u64) -> Result<Option<Bytes>, RegistryError> {
        if !self.in_database.contains(&n) {
            match check.storage.get(&Key::Event(n), EVENT_MAX).await {
                Ok(bytes) => return Ok(Some(bytes)),
                // A server that runs has perhaps committed it, and not written it yet.
                Err(StorageError::NotFound { .. }) => {}
                Err(StorageError::TooLarge { .. }) => return Ok(None),
                Err(error) => return Err(error.into()),
            }
        }
        if !check.has_database() {
            return Ok(None);
        }
        let found = check.side.meta.ledger.events(n - 1, 1).await?.pop();
        Ok(found.filter(|(number, _)| *number == n).map(|(_, bytes)| bytes))
    }
}

/// What lies under the name of an event.
enum Object {
    Absent,
    TooLarge,
    Bytes(Bytes),
}

/// Checks the events up to `head`, and writes those objects anew that the database has.
pub(super) async fn check(check: &Check, head: u64, report: &mut Report) -> Result<Events, RegistryError> {
    let (mut events, mut patience) = (Events { head, ..Events::default() }, PATIENCE);
    let (mut first, mut before) = (1, Timestamp::from_micros(0));
    while first <= head {
        let last = first.saturating_add(PAGE - 1).min(head);
        let kept = kept(check, first, last).await?;
        let objects: Vec<Object> =
            stream::iter(first..=last).map(|n| object(check, n)).buffered(READS).try_collect().await?;
        for (n, mut object) in (first..=last).zip(objects) {
            let in_flight = check.has_database() && !check.is_alone();
            while in_flight && matches!(object, Object::Absent) && patience > 0 {
                patience -= 1;
                tokio::time::sleep(PAUSE).await;
                object = self::object(check, n).await?;
            }
            judge(check, &mut events, n, object, kept.get(&n), &mut before, report).await?;
        }
        check.tell(CheckStage::Events, last, head);
        first = last + 1;
    }
    if check.has_database() {
        let last = check.storage.last_event(head).await?;
        // A server may have committed more since.
        if last > head && last > check.head().await? {
            report.tell(Finding::StoreAhead { head, last });
        }
    }
    Ok(events)
}

/// What the database has of these events.
async fn kept(check: &Check, first: u64, last: u64) -> Result<BTreeMap<u64, Bytes>, RegistryError> {
    if !check.has_database() {
        return Ok(BTreeMap::new());
    }
    let events = check.side.meta.ledger.events(first - 1, PAGE as usize).await?;
    Ok(events.into_iter().filter(|(n, _)| *n <= last).collect())
}

async fn object(check: &Check, n: u64) -> Result<Object, RegistryError> {
    match check.storage.get(&Key::Event(n), EVENT_MAX).await {
        Ok(bytes) => Ok(Object::Bytes(bytes)),
        Err(StorageError::NotFound { .. }) => Ok(Object::Absent),
        Err(StorageError::TooLarge { .. }) => Ok(Object::TooLarge),
        Err(error) => Err(error.into()),
    }
}

async fn judge(
    check: &Check,
    events: &mut Events,
    n: u64,
    object: Object,
    kept: Option<&Bytes>,
    before: &mut Timestamp,
    report: &mut Report,
) -> Result<(), RegistryError> {
    let in_database = kept.and_then(|bytes| Some((bytes, whole(n, bytes, *before).ok()?)));
    let (why, bytes) = match &object {
        Object::Bytes(bytes) => match whole(n, bytes, *before) {
            Ok(time) => {
                *before = time;
                match (kept, in_database) {
                    (Some(kept), _) if kept == bytes => {}
                    (Some(_), Some(_)) => report.tell(Finding::EventDiverged { event: n }),
                    (_, None) if check.has_database() => report.tell(Finding::LedgerDamaged { event: n }),
                    _ => {}
                }
                return Ok(());
            }
            Err(why) => (Some(why), Some(bytes)),
        },
        Object::TooLarge => (Some(format!("it is longer than {EVENT_MAX} bytes")), None),
        Object::Absent => (None, None),
    };
    let has = in_database.is_some();
    let finding = match why {
        // A whole event is an object of JSON; one that was cut has no end.
        Some(_) if !check.has_database() && n == events.head && bytes.is_some_and(|bytes| !bytes.ends_with(b"}")) => {
            events.head -= 1;
            events.cut = Some(n);
            Finding::EventCut { event: n }
        }
        Some(why) => Finding::EventDamaged { event: n, why, in_database: has },
        None => Finding::EventMissing { event: n, in_database: has },
    };
    if let Some((_, time)) = in_database {
        *before = time;
        events.in_database.insert(n);
    }
    if !check.is_alone() {
        report.tell(finding);
        return Ok(());
    }
    let key = Key::Event(n);
    match (in_database, &finding) {
        (Some((bytes, _)), _) => {
            let outcome = async {
                check.storage.put(&key, bytes.clone()).await?;
                check.storage.settle(std::slice::from_ref(&key)).await
            };
            report.mended(finding, outcome.await.map(|()| "written again from the database"));
        }
        (None, Finding::EventCut { .. }) => {
            report.mended(finding, check.storage.delete(&key).await.map(|()| "removed"));
        }
        (None, _) => report.tell(finding),
    }
    Ok(())
}

/// The time of an event whose bytes are what this program writes, with that number, and no earlier than the event before it.
fn whole(n: u64, bytes: &[u8], before: Timestamp) -> Result<Timestamp, String> {
    let event = Event::parse(bytes).map_err(|error| error.to_string())?;
    if event.n != n {
        return Err(format!("it says that it is event {}", event.n));
    }
    // Members that a newer release added stay, so the text is compared and not the event.
    let canonical = serde_json::from_slice::<serde_json::Value>(bytes).map(|value| value.to_string());
    if canonical.map_err(|error| error.to_string())?.as_bytes() != bytes {
        return Err("its bytes are not canonical".to_owned());
    }
    if event.time < before {
        return Err("its time is before that of the event before it".to_owned());
    }
    Ok(event.time)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unpin(time: &str) -> String {
        format!(
            r#"{{"actor":"operator","id":"00000000-0000-0000-0000-000000000001","n":7,"name":"acme/hello","time":"{time}","type":"unpin","v":1}}"#
        )
    }

    fn check(bytes: &str, expected: Result<(), &str>) {
        let before = "2026-01-31T09:30:00.000001Z".parse().unwrap();
        match (whole(7, bytes.as_bytes(), before), expected) {
            (Ok(_), Ok(())) => {}
            (Err(why), Err(part)) => assert!(why.contains(part), "{why}"),
            (found, expected) => panic!("{bytes}: expected {expected:?}, found {found:?}"),
        }
    }

    #[test]
    fn an_event_is_its_bytes() {
        let event = unpin("2026-01-31T09:30:00.000001Z");
        check(&event, Ok(()));
        check(&event.replace(r#""v":1}"#, r#""v":1,"x":2}"#), Ok(()));
        check(&event.replace(r#""n":7"#, r#""n":8"#), Err("it is event 8"));
        check(&event.replace(r#""n":7"#, r#""n": 7"#), Err("canonical"));
        check(&event.replace(r#""actor":"operator","#, r#""actor":"operator","actor":"operator","#), Err(""));
        check(&event.replace("unpin", "explode"), Err("explode"));
        check(&event[..40], Err("EOF"));
        check(&unpin("2026-01-31T09:30:00.000000Z"), Err("time"));
    }
}
