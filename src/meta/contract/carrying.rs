//! What is carried to another store, and whether two stores are found to hold the same.

use std::collections::BTreeMap;

use crate::domain::{
    Algorithm, Area, Collection, Digest, Name, Profile, Repository, Role, Timestamp, UserName, Visibility,
};

use super::super::{
    Act, CarriedBlob, CarriedLink, Life, Linked, Meta, MetaError, Seen, Starred, Table, Unknown, difference, tally,
};
use super::world::{artifact, image, parse};
use super::{Artifact, Check, Failure, Stores, World};

/// Every blob and every link of a store, `limit` at a time.
async fn carried(meta: &Meta, limit: usize) -> Result<(Vec<CarriedBlob>, Vec<CarriedLink>), MetaError> {
    let (mut blobs, mut links) = (Vec::<CarriedBlob>::new(), Vec::<CarriedLink>::new());
    loop {
        let page = meta.carrier.blobs(blobs.last().map(CarriedBlob::key).as_ref(), limit).await?;
        assert!(page.len() <= limit);
        if page.is_empty() {
            break;
        }
        blobs.extend(page);
    }
    loop {
        let page = meta.carrier.links(links.last().map(CarriedLink::key).as_ref(), limit).await?;
        assert!(page.len() <= limit);
        if page.is_empty() {
            return Ok((blobs, links));
        }
        links.extend(page);
    }
}

/// Blobs in both sorts of area, with both sorts of digest, in every state of a collection. Gives what was pushed.
async fn history(world: &World) -> Result<BTreeMap<Digest, Artifact>, Failure> {
    let mut pushed = BTreeMap::new();
    let mut private = artifact("acme/hidden@1.0.0")?;
    private.area = Area::private(&private.repository);
    world.see("acme/hidden", Visibility::Private).await??;
    for artifact in [artifact("acme/hello@1.0.0")?.labels(&["b", "a"], &["x"]), private, image("plain/image:v1")?] {
        world.push(&artifact).await?;
        pushed.insert(artifact.digest(), artifact);
    }
    let blobs = &world.meta.blobs;
    // Two that nothing needs: bytes of one are being deleted, the other waits.
    let (first, second) = (image("plain/image:first")?, image("plain/image:second")?);
    world.upload(&first).await?;
    blobs.condemn(world.now(), world.now()).await?;
    let taken = blobs.take_condemned(world.now(), 1).await?;
    assert_eq!(taken.len(), 1);
    world.upload(&second).await?;
    let long = Digest::of(Algorithm::Sha512, b"long");
    let (one, other): (Repository, Repository) = (parse("zeta/x")?, parse("zeta/y")?);
    for (repository, area) in [(&one, Area::Public), (&other, Area::private(&other))] {
        assert_eq!(blobs.link(repository, &area, &long, 4, world.now()).await?, Linked::Done);
    }
    Ok(pushed)
}

/// Rows come once each, in the order of the text of their keys, whatever the size of a page.
pub async fn carried_rows_come_in_byte_order(stores: &dyn Stores) -> Check {
    let world = World::new(stores).await?;
    assert_eq!(carried(&world.meta, 10).await?, (vec![], vec![]));
    history(&world).await?;
    let (blobs, links) = carried(&world.meta, usize::MAX).await?;
    let texts: Vec<_> = blobs.iter().map(|blob| (blob.area.to_string(), blob.digest.to_string())).collect();
    assert!(texts.windows(2).all(|pair| pair[0] < pair[1]), "{texts:#?}");
    assert!(texts.iter().any(|(area, _)| area == "public") && texts.iter().any(|(area, _)| area != "public"));
    let texts: Vec<_> = links.iter().map(|link| (link.repository.to_string(), link.digest.to_string())).collect();
    assert!(texts.windows(2).all(|pair| pair[0] < pair[1]), "{texts:#?}");
    let lives: Vec<Life> = blobs.iter().map(|blob| blob.life).collect();
    assert!(lives.contains(&Life::Live) && lives.contains(&Life::Deleting), "{lives:?}");
    assert!(lives.iter().any(|life| matches!(life, Life::Condemned(_))), "{lives:?}");
    assert!(links.iter().any(|link| link.recorded) && links.iter().any(|link| !link.recorded));
    for limit in [1, 2, 3] {
        assert_eq!(carried(&world.meta, limit).await?, (blobs.clone(), links.clone()), "{limit} at a time");
    }
    Ok(())
}

/// Putting rows makes them so exactly, also a second time, and takes others away; nothing else changes.
pub async fn carried_rows_are_put_as_they_are(stores: &dyn Stores) -> Check {
    let (world, copy) = (World::new(stores).await?, World::new(stores).await?);
    history(&world).await?;
    let (blobs, links) = carried(&world.meta, usize::MAX).await?;
    let carrier = &copy.meta.carrier;
    for _ in 0..2 {
        carrier.put_blobs(&blobs, &[]).await?;
        carrier.put_links(&links, &[]).await?;
        assert_eq!(carried(&copy.meta, usize::MAX).await?, (blobs.clone(), links.clone()));
    }
    let early = Timestamp::from_micros(-1);
    let changed = CarriedBlob { touched: early, size: 0, life: Life::Condemned(early), ..blobs[0].clone() };
    carrier.put_blobs(std::slice::from_ref(&changed), &[blobs[1].key()]).await?;
    let moved = CarriedLink { area: Area::private(&parse("other/x")?), recorded: false, ..links[0].clone() };
    carrier.put_links(std::slice::from_ref(&moved), &[links[1].key()]).await?;
    carrier.put_blobs(&[], &[(Area::Public, Digest::sha256(b"unknown"))]).await?;
    carrier.put_links(&[], &[]).await?;
    let (mut expected, mut linked) = (blobs, links);
    (expected[0], linked[0]) = (changed, moved);
    expected.remove(1);
    linked.remove(1);
    assert_eq!(carried(&copy.meta, usize::MAX).await?, (expected, linked));
    assert_eq!(copy.meta.ledger.head().await?.n, 0, "none of this is an event");
    Ok(())
}

/// A store with the same events and the same carried rows.
async fn copied(stores: &dyn Stores, world: &World, pushed: &BTreeMap<Digest, Artifact>) -> Result<World, Failure> {
    let copy = World::new(stores).await?;
    copy.meta.catalog.replay(&world.replays(|digest| pushed.get(digest).cloned()).await?).await?;
    let (blobs, links) = carried(&world.meta, usize::MAX).await?;
    copy.meta.carrier.put_blobs(&blobs, &[]).await?;
    copy.meta.carrier.put_links(&links, &[]).await?;
    Ok(copy)
}

/// What was carried counts as if it had come about there: uploads can be read and pushed, collection goes on where it was.
pub async fn what_is_carried_lives_on(stores: &dyn Stores) -> Check {
    let world = World::new(stores).await?;
    let pushed = history(&world).await?;
    let copy = copied(stores, &world, &pushed).await?;
    let second = image("plain/image:second")?;
    let later = Timestamp::from_micros(4_000_000_000_000_000);
    for world in [&world, &copy] {
        for (digest, size) in second.blobs() {
            let found = world.meta.blobs.blob(&second.repository, &digest).await?;
            assert_eq!(found.map(|blob| blob.size), Some(size));
        }
        assert!(world.act(second.accept()?).await?.is_ok(), "what was uploaded can be pushed");
    }
    let mut taken = Vec::new();
    for world in [&world, &copy] {
        taken.push(world.meta.blobs.take_condemned(later, 100).await?);
    }
    assert!(!taken[0].is_empty());
    assert_eq!(taken[0], taken[1]);
    for world in [&world, &copy] {
        world.meta.blobs.forget(&taken[0]).await?;
        assert_eq!(world.meta.blobs.take_condemned(later, 100).await?, []);
    }
    Ok(())
}

/// Two stores of the same events, accounts and carried rows come to the same, table by table.
pub async fn equal_stores_have_equal_tallies(stores: &dyn Stores) -> Check {
    let world = World::new(stores).await?;
    let pushed = history(&world).await?;
    let (hello, ann): (Name, UserName) = (parse("acme/hello")?, parse("ann")?);
    world.act(Act::SetOwners { name: hello.clone(), owners: vec![ann.clone()], seen: None }).await??;
    world.collect("acme/start", &Collection::default(), Seen::Absent).await??;
    world.say("acme", &Profile::default(), Seen::Absent).await??;
    let copy = copied(stores, &world, &pushed).await?;
    let now = world.now();
    for world in [&world, &copy] {
        world.meta.accounts.add_user(&ann, now).await?;
        world.meta.accounts.set_role(&parse("acme")?, &ann, Some(Role::Member)).await?;
        world.download("acme/hello@1.0.0", 2).await?;
        assert_eq!(world.meta.social.star(&hello, &ann, Some(now)).await?, Starred::Done);
    }
    let mut told = Vec::new();
    let ours = tally(&world.meta, &Table::ALL, |table, rows| told.push((table, rows))).await?;
    assert_eq!(tally(&copy.meta, &Table::ALL, |_, _| {}).await?, ours);
    assert!(told.contains(&(Table::Events, 6)) && told.contains(&(Table::Users, 1)), "{told:?}");
    for table in Table::ALL {
        let rows = ours.iter().find(|count| count.table == table).map(|count| count.rows);
        assert_eq!(rows == Some(0), table == Table::Tokens, "{table}: {rows:?}");
        assert_eq!(difference(&world.meta, &copy.meta, table).await?, None);
    }
    Ok(())
}

/// What differs is found in its table, and named.
pub async fn a_tally_finds_what_differs(stores: &dyn Stores) -> Check {
    let world = World::new(stores).await?;
    let pushed = history(&world).await?;
    let copy = copied(stores, &world, &pushed).await?;
    let differing = async |table: Table| -> Result<Option<String>, Failure> {
        let (one, other) =
            (tally(&world.meta, &[table], |_, _| {}).await?, tally(&copy.meta, &[table], |_, _| {}).await?);
        let found = difference(&world.meta, &copy.meta, table).await?;
        assert_eq!(one == other, found.is_none(), "{table}");
        Ok(found.map(|found| found.to_string()))
    };
    let repository: Repository = parse("plain/image")?;
    let digest = image("plain/image:v1")?.blobs()[0].0;
    world.meta.blobs.touch(&Area::Public, &[digest], Unknown::PassOver, world.now()).await?;
    assert_eq!(differing(Table::Blobs).await?, Some(format!("blobs: public {digest} differs")));
    let link = (repository, digest);
    copy.meta.carrier.put_links(&[], std::slice::from_ref(&link)).await?;
    assert!(differing(Table::Links).await?.is_some());
    copy.meta.accounts.add_user(&parse("zoe")?, copy.now()).await?;
    assert_eq!(differing(Table::Users).await?.as_deref(), Some("users: only the other has zoe"));
    world.download("acme/hello@1.0.0", 1).await?;
    assert_eq!(differing(Table::Downloads).await?.as_deref(), Some("downloads: acme/hello differs"));
    for table in [Table::Events, Table::Packages, Table::Versions] {
        assert_eq!(differing(table).await?, None, "{table}");
    }
    world.yank("acme/hello@1.0.0", None).await??;
    copy.see("acme/hello", Visibility::Unlisted).await??;
    for table in [Table::Events, Table::Packages, Table::Versions] {
        assert!(differing(table).await?.is_some(), "{table}");
    }
    assert_eq!(differing(Table::Events).await?.as_deref(), Some("events: event 5 differs"));
    assert!(differing(Table::Tags).await?.is_some(), "latest names nothing here");
    Ok(())
}
