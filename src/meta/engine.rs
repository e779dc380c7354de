//! Carries out batches of changes and replays on the rows of a store that answers at once (memory, SQLite).
//!
//! Knows the order of things: facts, decision, writes, event. Knows nothing of transactions: the store begins one before
//! and commits or rolls back after. Public for stores that are written elsewhere: who implements [`Rows`] inside a transaction has
//! most of a [`Catalog`](super::Catalog).

use bytes::Bytes;

use crate::domain::Event;

use super::rules::{self, Facts, Mode, Wanted, Write};
use super::{Act, Applied, Atomicity, Change, Head, MetaError, Outcome, Refused, Replay};

/// The rows of a store, inside a transaction.
pub trait Rows {
    /// Reads what a decision needs.
    fn facts(&mut self, wanted: &Wanted) -> Result<Facts, MetaError>;

    /// Carries out one write of the event.
    fn write(&mut self, write: &Write, event: &Event) -> Result<(), MetaError>;

    /// Adds the event to the sequence; it is the head from now on.
    fn append(&mut self, event: &Event, bytes: &Bytes) -> Result<(), MetaError>;

    /// The exact bytes of an event.
    fn event(&mut self, n: u64) -> Result<Option<Bytes>, MetaError>;
}

/// A change that was decided: what its caller hears, and what it writes.
#[derive(Clone, Debug)]
pub struct Planned {
    /// The event with its exact bytes, and the tags that it moves.
    pub applied: Applied,
    pub(super) writes: Vec<Write>,
}

/// Applies the changes in order, each seeing those before it; `head` is moved along. The caller rolls back unless the batch
/// [`stands`].
pub fn apply(
    rows: &mut impl Rows,
    head: &mut Head,
    changes: &[Change],
    atomicity: Atomicity,
) -> Result<Vec<Result<Planned, Refused>>, MetaError> {
    let outcomes = changes.iter().map(|change| apply_one(rows, head, change));
    let mut outcomes = outcomes.collect::<Result<Vec<_>, MetaError>>()?;
    if !stands(&outcomes, atomicity) {
        // What is taken back says so; all that were refused say why.
        for outcome in outcomes.iter_mut().filter(|outcome| outcome.is_ok()) {
            *outcome = Err(Refused::Batch);
        }
    }
    Ok(outcomes)
}

/// Whether what was written for a batch is to be kept.
pub fn stands<T>(outcomes: &[Result<T, Refused>], atomicity: Atomicity) -> bool {
    atomicity == Atomicity::Each || outcomes.iter().all(Result::is_ok)
}

/// What the callers of a batch hear.
pub fn outcomes(planned: Vec<Result<Planned, Refused>>) -> Vec<Outcome> {
    planned.into_iter().map(|planned| planned.map(|planned| planned.applied)).collect()
}

fn apply_one(rows: &mut impl Rows, head: &mut Head, change: &Change) -> Result<Result<Planned, Refused>, MetaError> {
    let facts = rows.facts(&rules::wanted(&change.act))?;
    let mut decision = match rules::decide(&change.act, &change.actor, &facts, Mode::New) {
        Ok(decision) => decision,
        Err(refused) => return Ok(Err(refused)),
    };
    let writes = std::mem::take(&mut decision.writes);
    let hidden = rules::is_hidden(&change.act, &facts);
    let event = decision.body.take().map(|body| rules::seal(change, body, hidden, *head));
    if let Some((event, bytes)) = &event {
        write(rows, head, event, bytes, &writes)?;
    }
    Ok(Ok(Planned { applied: rules::applied(event, decision), writes }))
}

/// Makes a planned change so. [`MetaError::Gap`] unless it follows the head.
pub(super) fn absorb(rows: &mut impl Rows, head: &mut Head, planned: &Planned) -> Result<(), MetaError> {
    let Some((event, bytes)) = &planned.applied.event else { return Ok(()) };
    follows(head, event)?;
    write(rows, head, event, bytes, &planned.writes)
}

/// Applies events again. Those up to the head are compared. On an error the caller rolls back.
pub fn replay(rows: &mut impl Rows, head: &mut Head, events: &[Replay]) -> Result<(), MetaError> {
    for replay in events {
        let n = replay.event.n;
        if n <= head.n {
            if rows.event(n)?.as_ref() != Some(&replay.bytes) {
                return Err(MetaError::Diverged(n));
            }
            continue;
        }
        follows(head, &replay.event)?;
        let act: Act = rules::act_of(replay);
        let facts = rows.facts(&rules::wanted(&act))?;
        let decision = rules::decide(&act, &replay.event.actor, &facts, Mode::Replay).map_err(|refused| {
            MetaError::Corrupt(format!("event {n} does not follow from those before it: {refused}"))
        })?;
        if decision.body.as_ref() != Some(&replay.event.body) {
            return Err(MetaError::Corrupt(format!(
                "event {n} does not follow from those before it: it changes nothing"
            )));
        }
        write(rows, head, &replay.event, &replay.bytes, &decision.writes)?;
    }
    Ok(())
}

fn follows(head: &Head, event: &Event) -> Result<(), MetaError> {
    match event.n == head.n + 1 {
        true => Ok(()),
        false => Err(MetaError::Gap { head: head.n, found: event.n }),
    }
}

fn write(
    rows: &mut impl Rows,
    head: &mut Head,
    event: &Event,
    bytes: &Bytes,
    writes: &[Write],
) -> Result<(), MetaError> {
    for write in writes {
        rows.write(write, event)?;
    }
    rows.append(event, bytes)?;
    *head = Head { n: event.n, time: event.time };
    Ok(())
}
