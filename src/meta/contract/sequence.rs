//! The sequence of events: numbers, times, and what a replay makes of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use crate::domain::{Digest, Timestamp, Visibility};

use super::super::{MetaError, Releases, Replay};
use super::world::{artifact, image, parse};
use super::{Artifact, Check, Failure, Stores, World, dump};

/// How long a check waits to be told of a head.
const TOLD: Duration = Duration::from_secs(20);

/// Changes that arrive together get every number once, in the order in which they were applied.
pub async fn concurrent_changes_are_numbered_without_gaps(stores: &dyn Stores) -> Check {
    let world = Arc::new(World::new(stores).await?);
    let mut publishers = tokio::task::JoinSet::new();
    for publisher in 0..40 {
        let world = world.clone();
        publishers.spawn(async move {
            // Every second one is refused.
            let artifact = artifact(&format!("acme/hello@{}.0.0", publisher / 2))?.seed(&format!("{publisher}"));
            let outcome = world.try_push(&artifact).await?;
            Ok::<_, Failure>(outcome.ok().and_then(|applied| applied.event).map(|(event, bytes)| (event.n, bytes)))
        });
    }
    let mut heard = BTreeMap::new();
    while let Some(joined) = publishers.join_next().await {
        heard.extend(joined??);
    }
    let kept = world.meta.ledger.events(0, 100).await?;
    assert_eq!(kept.iter().map(|(n, _)| *n).collect::<Vec<_>>(), (1..=20).collect::<Vec<_>>());
    assert_eq!(kept.into_iter().collect::<BTreeMap<_, _>>(), heard, "each publisher heard its own event");
    let times: Vec<Timestamp> = world.events().await?.iter().map(|event| event.time).collect();
    assert!(times.is_sorted());
    assert_eq!(world.meta.ledger.head().await?.n, 20);
    Ok(())
}

/// An event is never earlier than the one before it.
pub async fn a_clock_that_goes_back_is_held(stores: &dyn Stores) -> Check {
    let world = World::new(stores).await?;
    world.set_clock(1_000_000_000);
    world.publish("acme/one@1.0.0").await?;
    world.set_clock(0);
    world.publish("acme/two@1.0.0").await?;
    let events = world.events().await?;
    assert_eq!(events[0].time, events[1].time);
    assert_eq!(world.meta.ledger.head().await?.time, events[0].time);
    assert_eq!(world.package("acme/two").await?.created, events[0].time);
    Ok(())
}

/// Microseconds survive, in events and in rows.
pub async fn times_are_kept_to_the_microsecond(stores: &dyn Stores) -> Check {
    let world = World::new(stores).await?;
    let hello = artifact("acme/hello@1.0.0")?;
    world.upload(&hello).await?;
    world.set_clock(123_456_789_001);
    let applied = world.act(hello.accept()?).await??;
    let (event, bytes) = applied.event.ok_or("an event")?;
    assert_eq!(event.time.micros() % 1_000_000, 789_001);
    assert_eq!(event.to_bytes(), bytes);
    let package = world.package("acme/hello").await?;
    assert_eq!((package.created, package.updated), (event.time, event.time));
    let releases = world.meta.catalog.releases(&parse("acme/hello")?, Releases::Readable).await?;
    assert_eq!(releases[0].published, event.time);
    assert_eq!(world.meta.ledger.head().await?.time, event.time);
    Ok(())
}

/// Every store has an identity of its own, always the same.
pub async fn an_identity_lasts(stores: &dyn Stores) -> Check {
    let (one, other) = (World::new(stores).await?, World::new(stores).await?);
    let identity = one.meta.ledger.identity().await?;
    assert!(!identity.is_empty());
    one.publish("acme/hello@1.0.0").await?;
    assert_eq!(one.meta.ledger.identity().await?, identity);
    assert_ne!(other.meta.ledger.identity().await?, identity);
    Ok(())
}

/// Pages of events begin after a number and end at a limit.
pub async fn events_come_in_pages(stores: &dyn Stores) -> Check {
    let world = World::new(stores).await?;
    for at in 0..5 {
        world.push(&image(&format!("plain:v{at}"))?).await?;
    }
    for (after, limit, expected) in
        [(0, 2, vec![1, 2]), (2, 2, vec![3, 4]), (4, 2, vec![5]), (5, 2, vec![]), (9, 2, vec![])]
    {
        let page = world.meta.ledger.events(after, limit).await?;
        assert_eq!(page.into_iter().map(|(n, _)| n).collect::<Vec<_>>(), expected);
    }
    Ok(())
}

/// Whoever asked to be told hears of the head there is, and of that of each change, and of nothing that was refused.
pub async fn heads_are_told(stores: &dyn Stores) -> Check {
    let world = World::new(stores).await?;
    world.publish("acme/one@1.0.0").await?;
    let mut heads = world.meta.ledger.heads().await?;
    let mut later = world.meta.ledger.heads().await?;
    assert_eq!(*heads.borrow_and_update(), 1);
    for n in 2..5u64 {
        world.publish(&format!("acme/one@{n}.0.0")).await?;
        tokio::time::timeout(TOLD, heads.wait_for(|told| *told == n)).await??;
    }
    assert!(world.try_push(&artifact("acme/one@2.0.0")?.seed("other")).await?.is_err());
    world.publish("acme/two@1.0.0").await?;
    tokio::time::timeout(TOLD, heads.wait_for(|told| *told == 5)).await??;
    assert_eq!(*later.wait_for(|told| *told >= 5).await?, 5, "everybody hears it");
    assert_eq!(*world.meta.ledger.heads().await?.borrow(), 5);
    Ok(())
}

/// A history with everything in it, and the artifacts of it by digest.
async fn history(world: &World) -> Result<BTreeMap<Digest, Artifact>, Failure> {
    let mut pushed = BTreeMap::new();
    let mut signature = image("acme/hello:signature")?.seed("signature").tags(&[]);
    let hello = artifact("acme/hello@1.0.0")?.labels(&["a", "b"], &["x"]);
    signature.subject = Some(hello.digest());
    let mut hidden = artifact("acme/hidden@1.0.0")?;
    hidden.area = crate::domain::Area::private(&hidden.repository);
    world.see("acme/hidden", Visibility::Private).await??;
    let plain = image("plain/image:v1")?.tags(&["v1", "latest"]);
    for artifact in [
        hello.clone(),
        signature,
        artifact("acme/hello@1.1.0-rc.1+build")?.labels(&["b", "c"], &[]),
        artifact("acme/hello@0.9.0")?,
        artifact("acme/gone@1.0.0")?,
        artifact("acme/gone@2.0.0")?,
        hidden,
        plain.clone(),
        plain.clone().seed("moved"),
        image("plain/removed:v1")?,
    ] {
        world.push(&artifact).await?;
        pushed.insert(artifact.digest(), artifact);
    }
    world.yank("acme/hello@1.0.0", Some(Digest::sha256(b"a reason"))).await??;
    world.yank("acme/hello@0.9.0", None).await??;
    world.unyank("acme/hello@0.9.0").await??;
    world.delete_tag("acme/gone:1.0.0").await??;
    let gone = artifact("acme/gone@2.0.0")?;
    world.delete_manifest(&gone.repository, gone.digest()).await??;
    world.delete_blob(&gone.repository, gone.blobs()[0].0).await??;
    let removed = image("plain/removed:v1")?;
    world.delete_manifest(&removed.repository, removed.digest()).await??;
    world.delete_tag("plain/image:v1").await??;
    // A blob that was deleted under a manifest, and pushed again with it: an event, though no tag moves.
    world.delete_blob(&plain.repository, plain.blobs()[1].0).await??;
    let again = world.try_push(&plain.tags(&[])).await??;
    assert!(again.event.is_some(), "a rebuild would not know that the blob is back");
    world.restore("acme/gone@2.0.0").await??;
    Ok(pushed)
}

/// Replaying every event into an empty store gives the same catalogue, event for event and row for row.
pub async fn a_replay_gives_the_same_catalogue(stores: &dyn Stores) -> Check {
    let (world, copy) = (World::new(stores).await?, World::new(stores).await?);
    let pushed = history(&world).await?;
    copy.meta.catalog.replay(&world.replays(|digest| pushed.get(digest).cloned()).await?).await?;
    assert_eq!(dump(&copy.meta).await?, dump(&world.meta).await?);
    Ok(())
}

/// So does replaying in pieces of any size, with overlaps.
pub async fn a_replay_in_pieces_gives_the_same_catalogue(stores: &dyn Stores) -> Check {
    let world = World::new(stores).await?;
    let pushed = history(&world).await?;
    let replays = world.replays(|digest| pushed.get(digest).cloned()).await?;
    let expected = dump(&world.meta).await?;
    for size in [1, 2, 7] {
        let copy = World::new(stores).await?;
        for start in (0..replays.len()).step_by(size) {
            let overlap = start.saturating_sub(1);
            copy.meta.catalog.replay(&replays[overlap..replays.len().min(start + size)]).await?;
        }
        assert_eq!(dump(&copy.meta).await?, expected);
    }
    Ok(())
}

/// Events up to the head are compared; one that differs, or does not follow, refuses the whole replay.
pub async fn a_replay_compares_what_is_there(stores: &dyn Stores) -> Check {
    let (world, copy) = (World::new(stores).await?, World::new(stores).await?);
    let pushed = history(&world).await?;
    let replays = world.replays(|digest| pushed.get(digest).cloned()).await?;
    let (before, after) = replays.split_at(4);
    copy.meta.catalog.replay(before).await?;
    let kept = dump(&copy.meta).await?;
    let refused = copy.meta.catalog.replay(&after[1..]).await;
    assert!(matches!(refused, Err(MetaError::Gap { head: 4, found: 6 })), "{refused:?}");
    let mut differing: Vec<Replay> = replays.clone();
    differing[1].bytes = replays[2].bytes.clone();
    let refused = copy.meta.catalog.replay(&differing).await;
    assert!(matches!(refused, Err(MetaError::Diverged(2))), "{refused:?}");
    // Good events before a bad one are not kept either.
    let mut late = after.to_vec();
    late.swap(2, 3);
    assert!(matches!(copy.meta.catalog.replay(&late).await, Err(MetaError::Gap { head: 6, found: 8 })));
    // An event that could not have happened here: a version that is published already.
    let mut impossible = before[1].clone();
    impossible.event.n = 5;
    assert!(matches!(copy.meta.catalog.replay(&[impossible]).await, Err(MetaError::Corrupt(_))));
    assert_eq!(dump(&copy.meta).await?, kept);
    copy.meta.catalog.replay(&replays).await?;
    assert_eq!(dump(&copy.meta).await?, dump(&world.meta).await?);
    Ok(())
}

/// Where content was purged, names, numbers and times stay, and the words are empty.
pub async fn a_replay_does_without_purged_content(stores: &dyn Stores) -> Check {
    let (world, copy) = (World::new(stores).await?, World::new(stores).await?);
    history(&world).await?;
    copy.meta.catalog.replay(&world.replays(|_| None).await?).await?;
    assert_eq!(copy.releases("acme/hello").await?, world.releases("acme/hello").await?);
    assert_eq!(copy.tag("acme/hello:latest").await?, world.tag("acme/hello:latest").await?);
    let version = copy.meta.catalog.version(&parse("acme/hello")?, &parse("1.0.0")?).await?.ok_or("a version")?;
    assert_eq!((version.config, version.yanked), (None, true));
    let package = copy.package("acme/hello").await?;
    assert_eq!((package.tags, package.updated), (vec![], world.package("acme/hello").await?.updated));
    assert_eq!(copy.meta.ledger.head().await?, world.meta.ledger.head().await?);
    Ok(())
}

/// A store that was made by a replay takes changes as the first one does: burnt numbers, kinds and links are known.
pub async fn changes_go_on_after_a_replay(stores: &dyn Stores) -> Check {
    let (world, copy) = (World::new(stores).await?, World::new(stores).await?);
    let pushed = history(&world).await?;
    copy.meta.catalog.replay(&world.replays(|digest| pushed.get(digest).cloned()).await?).await?;
    let mut ids = BTreeSet::new();
    for next in [
        artifact("acme/gone@1.0.0")?,
        artifact("acme/hello@1.0.0")?,
        artifact("acme/hello@1.0.0")?.seed("other"),
        artifact("acme/hello@3.0.0")?.kind(crate::domain::Kind::Team),
        artifact("acme/hello@3.0.0")?,
    ] {
        copy.set_clock(0);
        world.set_clock(0);
        let (one, other) = (world.try_push(&next).await?, copy.try_push(&next).await?);
        let what = |outcome: super::super::Outcome| {
            outcome.map(|applied| (applied.event.map(|(event, _)| (event.n, event.time, event.body)), applied.tags))
        };
        ids.extend(other.iter().flat_map(|applied| &applied.event).map(|(event, _)| event.id));
        assert_eq!(what(one), what(other));
    }
    assert_eq!(ids.len(), 1);
    Ok(())
}
