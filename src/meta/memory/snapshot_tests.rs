//! Rows written down and read back: what a snapshot and the events after it come to, and which snapshots are not believed.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use proptest::prelude::*;
use sha2::{Digest as _, Sha256};

use super::super::contract::{Artifact, Failure, Stores, World, dump};
use super::super::{Act, Meta, MetaError, Replay};
use super::snapshot::HASH;
use super::{Archive, Memory, SNAPSHOT, Unbelievable};
use crate::domain::{Deprecation, Digest};

struct Kept(Arc<Memory>);

#[async_trait]
impl Stores for Kept {
    async fn empty(&self) -> Result<Meta, MetaError> {
        Ok(self.0.clone().meta())
    }
}

/// All events, as an object store has them.
struct All(BTreeMap<u64, Bytes>);

#[async_trait]
impl Archive for All {
    async fn events(&self, numbers: &[u64]) -> Result<Vec<Bytes>, MetaError> {
        Ok(numbers.iter().map(|n| self.0[n].clone()).collect())
    }
}

/// One thing that happens: what, to which of the packages, which of its versions.
type Step = (u8, u8, u8);

fn spec(package: u8, version: u8) -> String {
    format!("acme/p{}@1.{}.0", package % 3, version % 4)
}

/// Whatever comes of it: a refusal is a step that changed nothing.
async fn step(
    world: &World,
    made: &mut BTreeMap<Digest, Artifact>,
    (what, package, version): Step,
) -> Result<(), Failure> {
    let text = spec(package, version);
    let artifact = Artifact::new(&text)?.labels(&[&format!("tag-{}", version % 4)], &["skill"]);
    let (name, number) =
        (artifact.repository.package().ok_or("a package")?, artifact.version.clone().ok_or("a version")?);
    let image = Artifact::image(&format!("team/image{}:v{version}", package % 2))?.seed(&format!("image {text}"));
    match what % 12 {
        0..=3 => {
            made.insert(artifact.digest(), artifact.clone());
            let _ = world.try_push(&artifact).await?;
        }
        4 => drop(world.yank(&text, None).await?),
        5 => drop(world.unyank(&text).await?),
        6 => drop(world.delete_tag(&text.replace('@', ":")).await?),
        7 => drop(world.restore(&text).await?),
        8 => {
            let deprecation = Deprecation { reason: None, replacement: Some("acme/other".parse()?) };
            drop(world.act(Act::Deprecate { name, version: number, deprecation, area: None }).await?);
        }
        9 => {
            drop(world.act(if version == 0 { Act::Unpin { name } } else { Act::Pin { name, version: number } }).await?)
        }
        10 => {
            let mut image = image;
            image.subject = Some(artifact.digest());
            made.insert(image.digest(), image.clone());
            drop(world.try_push(&image).await?);
        }
        // No events: what is uploaded alone, and a collection in the middle of its work.
        _ => {
            world.upload(&image.seed(&format!("{package} {version}"))).await?;
            let now = world.now();
            world.meta.blobs.condemn(now, now).await?;
            world.meta.blobs.take_condemned(world.now(), version.into()).await?;
        }
    }
    Ok(())
}

async fn memory() -> Result<(Arc<Memory>, World), Failure> {
    let memory = Arc::new(Memory::new());
    let world = World::new(&Kept(Arc::clone(&memory))).await?;
    Ok((memory, world))
}

async fn replays(world: &World, made: &BTreeMap<Digest, Artifact>) -> Result<Vec<Replay>, Failure> {
    world.replays(|digest| made.get(digest).cloned()).await
}

/// What events say of every row, as text.
fn rows(memory: &Memory) -> Vec<String> {
    let state = memory.read();
    vec![
        format!("{:?}", state.history),
        format!("{:?}", state.repositories),
        format!("{:?}", state.manifests),
        format!("{:?}", state.subjects),
        format!("{:?}", state.tags),
        format!("{:?}", state.packages),
        format!("{:?}", state.by_time),
        format!("{:?}", state.by_age),
        format!("{:?}", state.versions),
        format!("{:?}", state.ranks),
        format!("{:?}", state.by_digest),
        format!("{:?}", state.links),
        format!("{:?}", state.linked),
        format!("{:?}", state.by_id),
        format!("{:?}", state.gathered),
    ]
}

async fn snapshot_and_tail(before: Vec<Step>, during: Vec<Step>, after: Vec<Step>) -> Result<(), Failure> {
    let (memory, world) = memory().await?;
    let mut made = BTreeMap::new();
    world.publish("acme/first@1.0.0").await?;
    made.insert(Artifact::new("acme/first@1.0.0")?.digest(), Artifact::new("acme/first@1.0.0")?);
    for one in before {
        step(&world, &mut made, one).await?;
    }
    // Frozen by hand, so that something happens between the pages.
    let expected = memory.snapshot()?.ok_or("a snapshot")?;
    memory.lock().freeze();
    for one in during {
        step(&world, &mut made, one).await?;
    }
    let frozen = memory.write_rows(Vec::new())?;
    memory.lock().thaw();
    let begin = header_of(&expected.bytes).len();
    let written = &expected.bytes[begin..expected.bytes.len() - HASH];
    assert!(frozen == written, "what came meanwhile is not in it");
    for one in after {
        step(&world, &mut made, one).await?;
    }

    let events = replays(&world, &made).await?;
    let (whole, replayed) = self::memory().await?;
    replayed.meta.catalog.replay(&events).await?;
    let last = events[expected.event as usize - 1].bytes.clone();
    let all = All(events.iter().map(|replay| (replay.event.n, replay.bytes.clone())).collect());
    let (begun, tail) = self::memory().await?;
    begun.restore(&expected.bytes, expected.event, &last, Arc::new(all))?;
    // Events that it knows are compared, those before the snapshot too.
    tail.meta.catalog.replay(&events).await?;
    assert!(dump(&tail.meta).await? == dump(&replayed.meta).await?, "the catalogues differ");
    assert_eq!(rows(&begun), rows(&whole));
    let repository = "acme/first".parse()?;
    let history = tail.meta.ledger.history(&repository, None, 10).await?;
    assert_eq!(history, replayed.meta.ledger.history(&repository, None, 10).await?);
    // And it goes on: the next snapshot is one of everything.
    let next = begun.snapshot()?.ok_or("a snapshot")?;
    begun.release_events(next.event);
    assert!(dump(&tail.meta).await? == dump(&replayed.meta).await?, "the catalogues differ");
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_snapshot_and_the_events_after_it_are_what_all_events_are(
        before in proptest::collection::vec(any::<Step>(), 0..40),
        during in proptest::collection::vec(any::<Step>(), 0..20),
        after in proptest::collection::vec(any::<Step>(), 0..40),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(snapshot_and_tail(before, during, after)).unwrap();
    }
}

/// A snapshot of one event, and that event.
async fn one() -> Result<(Vec<u8>, Bytes), Failure> {
    let (memory, world) = memory().await?;
    world.publish("acme/hello@1.0.0").await?;
    let (_, last) = world.meta.ledger.events(0, 1).await?.remove(0);
    Ok((memory.snapshot()?.ok_or("a snapshot")?.bytes.to_vec(), last))
}

fn restore(snapshot: &[u8], event: u64, last: &Bytes) -> Result<(), Unbelievable> {
    let memory = Memory::new();
    let restored = memory.restore(snapshot, event, last, Arc::new(All(BTreeMap::new())));
    assert!(restored.is_ok() || memory.read().head.n == 0, "what is not believed leaves nothing behind");
    restored.map(drop)
}

#[tokio::test]
async fn no_cut_and_no_changed_byte_is_believed() -> Result<(), Failure> {
    let (snapshot, last) = one().await?;
    restore(&snapshot, 1, &last)?;
    for end in 0..snapshot.len() {
        let cut = restore(&snapshot[..end], 1, &last);
        assert!(matches!(cut, Err(Unbelievable::Damaged(_))), "cut at {end}: {cut:?}");
    }
    for at in 0..snapshot.len() {
        let mut changed = snapshot.clone();
        changed[at] ^= 1;
        assert!(restore(&changed, 1, &last).is_err(), "byte {at}");
    }
    Ok(())
}

/// The first line.
fn header_of(snapshot: &[u8]) -> &[u8] {
    let end = snapshot.iter().position(|byte| *byte == b'\n').unwrap();
    &snapshot[..=end]
}

/// Other bytes before the digest, and a digest that is right.
fn with(snapshot: &[u8], change: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut bytes = snapshot[..snapshot.len() - HASH].to_vec();
    change(&mut bytes);
    let hash = Sha256::digest(&bytes);
    [bytes.as_slice(), hash.as_slice()].concat()
}

/// The same rows under another header.
fn with_header(snapshot: &[u8], from: &str, to: &str) -> Vec<u8> {
    with(snapshot, |bytes| {
        let header = header_of(bytes).to_vec();
        let text = String::from_utf8(header.clone()).unwrap();
        assert!(text.contains(from));
        bytes.splice(..header.len(), text.replacen(from, to, 1).into_bytes());
    })
}

#[tokio::test]
async fn newer_snapshots_and_those_of_others_are_not_believed() -> Result<(), Failure> {
    let (snapshot, last) = one().await?;
    let newer = with_header(&snapshot, &format!("\"snapshot\":{SNAPSHOT}"), &format!("\"snapshot\":{}", SNAPSHOT + 1));
    assert!(matches!(restore(&newer, 1, &last), Err(Unbelievable::Newer(_))));
    let release = format!("\"release\":\"{}\"", env!("CARGO_PKG_VERSION"));
    let other = with_header(&snapshot, &release, "\"release\":\"0.0.0-other\"");
    assert!(matches!(restore(&other, 1, &last), Err(Unbelievable::Release(_))));
    let (foreign, _) = one().await?;
    assert!(matches!(restore(&foreign, 1, &last), Err(Unbelievable::Foreign)), "ids of events differ");
    assert!(matches!(restore(&snapshot, 2, &last), Err(Unbelievable::Foreign)), "under another name");
    let older = with_header(&snapshot, "\"rows\":", "\"rows\":1");
    assert!(matches!(restore(&older, 1, &last), Err(Unbelievable::Release(_))));
    // Whole by its digest, and no rows: a table that is not known, a page that is cut, a page that is longer than all there is.
    let begin = header_of(&snapshot).len();
    for change in [
        |bytes: &mut Vec<u8>, begin: usize| bytes[begin + 4] = 99,
        |bytes: &mut Vec<u8>, _| bytes.truncate(bytes.len() - 1),
        |bytes: &mut Vec<u8>, begin: usize| bytes[begin + 3] = 255,
    ] {
        let garbled = with(&snapshot, |bytes| change(bytes, begin));
        assert!(matches!(restore(&garbled, 1, &last), Err(Unbelievable::Damaged(_))));
    }
    Ok(())
}

#[tokio::test]
async fn there_is_no_snapshot_of_nothing_and_only_one_at_a_time() -> Result<(), Failure> {
    let (memory, world) = memory().await?;
    assert!(memory.snapshot()?.is_none());
    world.publish("acme/hello@1.0.0").await?;
    let turn = memory.snapshots.lock();
    assert!(memory.snapshot()?.is_none());
    drop(turn);
    assert!(memory.snapshot()?.is_some());
    Ok(())
}
