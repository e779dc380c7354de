//! What the metadata store says, against what the events come to: the database, or the snapshot of a store that owns itself.

use std::sync::Arc;

use super::super::RegistryError;
use super::super::snapshot::restore;
use super::blobs::Hashes;
use super::check::{Check, CheckStage};
use super::events::Events;
use super::finding::Finding;
use super::fold::Fold;
use super::references::Evaluated;
use super::report::Report;
use super::sparse;
use super::survey::Survey;
use crate::meta::{Difference, Memory, Meta, MetaError, Table, Unbelievable, difference, tally};
use crate::storage::Key;

/// How often the two are compared, where the database changes meanwhile.
const LOOKS: usize = 4;

/// Tells in which tables the two differ.
pub(super) async fn compare(
    check: &Check,
    fold: &mut Fold,
    events: &Events,
    hashes: &Hashes,
    survey: &Survey,
    evaluated: &Evaluated,
    report: &mut Report,
) -> Result<(), RegistryError> {
    let is_other = |finding: &Finding| matches!(finding, Finding::EventDiverged { .. } | Finding::LedgerDamaged { .. });
    if fold.stopped.is_some() || !evaluated.is_complete {
        report.note("not compared with the database or a snapshot: not all that the events name can be read");
        return Ok(());
    }
    if report.found.iter().any(|found| is_other(&found.finding)) {
        report.note("not compared with the database: it has other events");
        return Ok(());
    }
    if !check.has_database() {
        return snapshot(check, fold, events, hashes, survey, report).await;
    }
    for _ in 0..LOOKS {
        let found = differences(check, fold, &check.side.meta).await?;
        let head = check.head().await?;
        if found.is_empty() || head <= fold.head {
            for (table, row) in found {
                report.tell(Finding::CatalogueDiffers { table, row });
            }
            return Ok(());
        }
        fold.advance(check, events, hashes, head).await?;
    }
    report.note("not compared with the database: it changed all the while");
    Ok(())
}

/// The tables in which they differ, each with the first row.
async fn differences(check: &Check, fold: &Fold, other: &Meta) -> Result<Vec<(Table, String)>, RegistryError> {
    let tell = |table, rows| check.tell(CheckStage::Comparing(table), rows, 0);
    let ours = tally(&fold.meta, &Table::CATALOGUE, tell).await?;
    let theirs = match tally(other, &Table::CATALOGUE, tell).await {
        Ok(theirs) => theirs,
        Err(MetaError::Corrupt(why)) => return Ok(vec![(Table::Events, why)]),
        Err(error) => return Err(error.into()),
    };
    let mut found = Vec::new();
    for (one, other_count) in ours.iter().zip(&theirs).filter(|(one, other)| one != other) {
        if one.table == Table::Manifests && sparse::explains(fold, other).await? {
            continue;
        }
        let _ = other_count;
        let row = match difference(&fold.meta, other, one.table).await? {
            Some(Difference { one: Some(one), other: Some(other), .. }) if one == other => format!("{one} differs"),
            Some(Difference { one: Some(one), other, .. }) if other.as_ref().is_none_or(|other| one < *other) => {
                format!("{one} is missing")
            }
            Some(Difference { other: Some(other), .. }) => format!("{other} is there, and no event says so"),
            _ => "it changed while it was read".to_owned(),
        };
        found.push((one.table, row));
    }
    Ok(found)
}

/// Compares the newest snapshot, with the events after it, with all events.
async fn snapshot(
    check: &Check,
    fold: &Fold,
    events: &Events,
    hashes: &Hashes,
    survey: &Survey,
    report: &mut Report,
) -> Result<(), RegistryError> {
    let Some(event) = survey.snapshots.last().copied() else { return Ok(()) };
    let key = Key::EventSnapshot(event);
    let memory = Arc::new(Memory::new());
    let why = match restore(&check.storage, &memory, event).await {
        Err(why @ (Unbelievable::Newer(_) | Unbelievable::Release(_))) => {
            report.note(format!("the snapshot of event {event} was not compared: {why}"));
            return Ok(());
        }
        Err(why) => why.to_string(),
        Ok(()) => {
            let mut restored = Fold::from(memory, event);
            restored.advance(check, events, hashes, fold.head).await?;
            let differs = match restored.stopped.take() {
                Some((_, why)) => Some(why),
                None => {
                    let found = differences(check, fold, &restored.meta).await?;
                    found.into_iter().next().map(|(table, row)| format!("{table}: {row}"))
                }
            };
            match differs {
                None => return Ok(()),
                Some(why) => format!("its rows are not what the events come to: {why}"),
            }
        }
    };
    // A server may have written another one since.
    if !check.storage.exists(&key).await? {
        return Ok(());
    }
    let finding = Finding::SnapshotUnbelievable { event, why };
    match check.is_alone() {
        true => report.mended(finding, check.storage.delete(&key).await.map(|()| "removed")),
        false => report.tell(finding),
    }
    Ok(())
}
