//! Organisations: what they say of themselves, and their members.

use super::super::{OrgRow, Refused, Seen};
use super::world::{artifact, image, parse};
use super::{Check, Failure, Stores, World, dump};
use crate::domain::{Digest, OrgName, Profile, Role, Visibility};

/// A profile with this title.
fn titled(title: &str, visibility: Visibility) -> Profile {
    Profile { title: Some(title.to_owned()), visibility, ..Profile::default() }
}

async fn read(world: &World, org: &str) -> Result<Option<OrgRow>, Failure> {
    Ok(world.meta.groups.org(&parse::<OrgName>(org)?).await?)
}

/// Names of organisations with the numbers of their packages.
async fn listed(world: &World, after: Option<&str>, limit: usize) -> Result<Vec<(String, u64)>, Failure> {
    let after: Option<OrgName> = after.map(parse).transpose()?;
    let rows = world.meta.groups.orgs(after.as_ref(), limit).await?;
    Ok(rows.into_iter().map(|row| (row.name.to_string(), row.packages)).collect())
}

fn counted(rows: &[(&str, u64)]) -> Vec<(String, u64)> {
    rows.iter().map(|(name, packages)| ((*name).to_owned(), *packages)).collect()
}

/// It says what it was told last; the same again is no event; of two who saw the same one is refused.
pub async fn an_organisation_says_what_it_is(stores: &dyn Stores) -> Check {
    let world = World::new(stores).await?;
    assert_eq!(read(&world, "acme").await?, None);
    let first = Profile {
        description: Some("What\nit does\0".to_owned()),
        homepage: Some("https://acme.example".to_owned()),
        ..titled("Acme", Visibility::Public)
    };
    assert!(world.say("acme", &first, Seen::Absent).await??.event.is_some());
    assert_eq!(world.say("acme", &first, Seen::Unsaid).await??.event, None, "it says so already");
    let row = read(&world, "acme").await?.ok_or("it is there")?;
    let said = row.said.ok_or("it has said something")?;
    assert_eq!((&said.profile, row.packages), (&first, 0));
    assert_eq!((said.document, said.created), (Digest::sha256(&first.to_bytes()), said.updated));
    let changed = Err(Refused::Changed("the profile of the organisation"));
    let second = titled("Acme 2", Visibility::Unlisted);
    assert_eq!(world.say("acme", &second, Seen::Absent).await?, changed);
    world.say("acme", &second, Seen::Document(said.document)).await??;
    assert_eq!(world.say("acme", &first, Seen::Document(said.document)).await?, changed);
    let later = read(&world, "acme").await?.and_then(|row| row.said).ok_or("it has said something")?;
    assert_eq!((&later.profile, later.created), (&second, said.created));
    assert!(later.updated > said.updated);
    // What it says now is kept, what it said is not.
    world.set_clock(3_600_000_000);
    world.meta.blobs.condemn(world.now(), world.now()).await?;
    let taken = world.meta.blobs.take_condemned(world.now(), 100).await?;
    assert_eq!(taken.into_iter().map(|(_, digest)| digest).collect::<Vec<_>>(), [said.document]);
    assert_eq!(world.say("other", &first, Seen::Unsaid).await?, Err(Refused::BlobsUnknown(vec![said.document])));
    let now = (crate::domain::Area::Public, later.document);
    assert_eq!(world.meta.blobs.take_unneeded(&[now]).await?, Vec::new());
    Ok(())
}

/// Those that said something and those with public packages, each once, with how many of these they have.
pub async fn organisations_are_listed_by_name(stores: &dyn Stores) -> Check {
    let world = World::new(stores).await?;
    for spec in
        ["b/one@1.0.0", "b/two@1.0.0", "a-b/one@1.0.0", "a/one@1.0.0", "a/one@2.0.0", "c/hidden@1.0.0", "d/gone@1.0.0"]
    {
        world.publish(spec).await?;
    }
    world.push(&image("e/plain:v1")?).await?;
    world.see("c/hidden", Visibility::Unlisted).await??;
    world.delete_tag("d/gone:1.0.0").await??;
    for org in ["b", "silent"] {
        world.say(org, &titled(org, Visibility::Public), Seen::Unsaid).await??;
    }
    let all = counted(&[("a", 1), ("a-b", 1), ("b", 2), ("silent", 0)]);
    assert_eq!(listed(&world, None, 100).await?, all);
    assert_eq!(listed(&world, None, 2).await?, all[..2]);
    assert_eq!(listed(&world, Some("a"), 2).await?, all[1..3]);
    assert_eq!(listed(&world, Some("silent"), 2).await?, []);
    for (org, expected) in [("a", Some(1)), ("silent", Some(0)), ("c", None), ("d", None), ("e", None), ("none", None)]
    {
        assert_eq!(read(&world, org).await?.map(|row| row.packages), expected, "{org}");
    }
    world.restore("d/gone@1.0.0").await??;
    world.see("c/hidden", Visibility::Public).await??;
    let later = counted(&[("c", 1), ("d", 1)]);
    assert_eq!(listed(&world, Some("b"), 2).await?, later);
    Ok(())
}

/// Members are those with a role in the organisation, and in no other.
pub async fn members_are_listed_by_name(stores: &dyn Stores) -> Check {
    let world = World::new(stores).await?;
    let (acme, other): (OrgName, OrgName) = (parse("acme")?, parse("acme-2")?);
    for (user, org, role) in [
        ("cai", &acme, Role::Owner),
        ("ann", &acme, Role::Reader),
        ("ann", &other, Role::Owner),
        ("bob", &other, Role::Member),
        ("bob", &acme, Role::Member),
        ("dee", &other, Role::Member),
    ] {
        let user = parse(user)?;
        world.meta.accounts.add_user(&user, world.now()).await?;
        assert!(world.meta.accounts.set_role(org, &user, Some(role)).await?);
    }
    let all = [(parse("ann")?, Role::Reader), (parse("bob")?, Role::Member), (parse("cai")?, Role::Owner)];
    let groups = &world.meta.groups;
    assert_eq!(groups.members(&acme, None, 100).await?, all);
    assert_eq!(groups.members(&acme, None, 2).await?, all[..2]);
    assert_eq!(groups.members(&acme, Some(&parse("ann")?), 100).await?, all[1..]);
    world.meta.accounts.set_role(&acme, &parse("bob")?, None).await?;
    world.meta.accounts.remove_user(&parse("cai")?).await?;
    assert_eq!(groups.members(&acme, None, 100).await?, all[..1]);
    assert_eq!(groups.members(&parse("none")?, None, 100).await?, Vec::new());
    Ok(())
}

/// A new package is seen as its organisation says at that time; those that are there stay as they are.
pub async fn new_packages_are_seen_as_their_organisation_says(stores: &dyn Stores) -> Check {
    use Visibility::{Public, Unlisted};
    let world = World::new(stores).await?;
    let seen = async |name: &str| Ok::<_, Failure>(world.package(name).await?.visibility);
    world.publish("acme/before@1.0.0").await?;
    world.say("acme", &titled("Acme", Unlisted), Seen::Unsaid).await??;
    world.publish("acme/first@1.0.0").await?;
    world.publish("acme/before@2.0.0").await?;
    world.publish("other/first@1.0.0").await?;
    assert_eq!(
        [seen("acme/before").await?, seen("acme/first").await?, seen("other/first").await?],
        [Public, Unlisted, Public]
    );
    world.say("acme", &titled("Acme", Public), Seen::Unsaid).await??;
    world.publish("acme/first@2.0.0").await?;
    world.publish("acme/second@1.0.0").await?;
    assert_eq!([seen("acme/first").await?, seen("acme/second").await?], [Unlisted, Public]);
    assert_eq!(listed(&world, None, 9).await?, counted(&[("acme", 2), ("other", 1)]));
    Ok(())
}

/// A store that is made again from the events has the same organisations, and its packages are seen as they were, also where what an
/// organisation said is gone.
pub async fn a_replay_keeps_the_organisations(stores: &dyn Stores) -> Check {
    let (world, copy, poor) = (World::new(stores).await?, World::new(stores).await?, World::new(stores).await?);
    let artifacts = [artifact("acme/one@1.0.0")?, artifact("acme/two@1.0.0")?, artifact("acme/three@1.0.0")?];
    for (artifact, visibility) in artifacts.iter().zip([Visibility::Public, Visibility::Unlisted, Visibility::Public]) {
        world.say("acme", &titled("Acme", visibility), Seen::Unsaid).await??;
        world.push(artifact).await?;
    }
    let of = |digest: &_| artifacts.iter().find(|artifact| artifact.digest() == *digest).cloned();
    let replays = world.replays(of).await?;
    copy.meta.catalog.replay(&replays).await?;
    assert_eq!(dump(&copy.meta).await?, dump(&world.meta).await?);
    let purged: Vec<_> = replays.into_iter().map(|replay| super::super::Replay { profile: None, ..replay }).collect();
    poor.meta.catalog.replay(&purged).await?;
    assert_eq!(poor.package("acme/two").await?.visibility, Visibility::Unlisted);
    let said = read(&poor, "acme").await?.and_then(|row| row.said).ok_or("it has said something")?;
    assert_eq!(said.profile, Profile::default());
    Ok(())
}
