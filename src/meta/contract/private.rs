//! What is private: from before its first byte, and where it lies.

use std::collections::BTreeSet;

use crate::domain::{Area, Deprecation, Digest, Name, Profile, Repository, SeenBy, UserName, Version, Visibility};

use super::super::{Act, Filter, Linked, Order, Refused, Seen};
use super::world::{Artifact, artifact, image, parse};
use super::{Check, Failure, Stores, World, dump, lists};

use Visibility::{Private, Public, Unlisted};

/// The same in the private area of its organisation.
fn hidden(artifact: Artifact) -> Artifact {
    Artifact { area: Area::private(&artifact.repository), ..artifact }
}

async fn seen_by(world: &World, name: &str) -> Result<Visibility, Failure> {
    Ok(world.meta.groups.seen_by(&parse(name)?).await?.visibility)
}

async fn repositories(world: &World) -> Result<Vec<String>, Failure> {
    let found = world.meta.refs.repositories(None, 100).await?;
    Ok(found.iter().map(ToString::to_string).collect())
}

async fn begin_as(world: &World, org: &str, visibility: Visibility) -> Result<(), Failure> {
    let profile = Profile { title: Some(org.to_owned()), visibility, ..Profile::default() };
    world.say(org, &profile, Seen::Unsaid).await??;
    Ok(())
}

/// Where a blob lies that the repository of an artifact may read.
async fn area_of(world: &World, of: &Artifact, digest: &Digest) -> Result<Option<Area>, Failure> {
    Ok(world.meta.blobs.blob(&of.repository, digest).await?.map(|blob| blob.area))
}

/// A name is made private while there is nothing under it, is not there for that, and its first version is private.
pub async fn a_name_is_private_before_its_first_byte(stores: &dyn Stores) -> Check {
    let world = World::new(stores).await?;
    assert_eq!(seen_by(&world, "acme/new").await?, Public);
    for other in [Public, Unlisted] {
        assert_eq!(world.see("acme/new", other).await?, Err(Refused::NotFound("the package")));
    }
    assert!(world.see("acme/new", Private).await??.event.is_some());
    assert_eq!(world.see("acme/new", Private).await??.event, None, "it is so already");
    assert_eq!(seen_by(&world, "acme/new").await?, Private);
    let name: Name = parse("acme/new")?;
    assert_eq!(world.meta.catalog.package(&name).await?, None);
    assert_eq!(world.meta.refs.tags(&name.repository(), None, 10).await?, None);
    assert_eq!(world.meta.groups.owners(&name).await?, None);
    let first = hidden(artifact("acme/new@1.0.0")?);
    assert_eq!(world.try_push(&artifact("acme/new@1.0.0")?).await?, Err(Refused::Elsewhere(first.repository.clone())));
    world.push(&first).await?;
    assert_eq!(world.package("acme/new").await?.visibility, Private);
    // What is said of a name can be taken back, and its first version is seen as was said last.
    world.see("acme/other", Private).await??;
    world.see("acme/other", Unlisted).await??;
    world.publish("acme/other@1.0.0").await?;
    assert_eq!(world.package("acme/other").await?.visibility, Unlisted);
    // Not only packages: what is pushed under such a name is in no list.
    world.see("acme/plain", Private).await??;
    world.push(&hidden(image("acme/plain:v1")?)).await?;
    assert_eq!(repositories(&world).await?, Vec::<String>::new());
    world.see("acme/plain", Public).await??;
    assert_eq!(repositories(&world).await?, ["acme/plain"]);
    Ok(())
}

/// Where an organisation says so, everything new is private, and stays so when it says something else. What was public stays public.
pub async fn what_an_organisation_begins_as_private_stays_so(stores: &dyn Stores) -> Check {
    let world = World::new(stores).await?;
    world.push(&image("acme/old:v1")?).await?;
    world.publish("acme/known@1.0.0").await?;
    begin_as(&world, "acme", Private).await?;
    let names = ["acme/old", "acme/known", "acme/one", "acme/plain", "other/one"];
    let seen = async |world: &World| {
        let mut seen = Vec::new();
        for name in names {
            seen.push(seen_by(world, name).await?);
        }
        Ok::<_, Failure>(seen)
    };
    assert_eq!(seen(&world).await?, [Public, Public, Private, Private, Public]);
    let elsewhere = Err(Refused::Elsewhere(parse("acme/one")?));
    assert_eq!(world.try_push(&artifact("acme/one@1.0.0")?).await?, elsewhere);
    world.push(&hidden(artifact("acme/one@1.0.0")?)).await?;
    world.push(&hidden(image("acme/plain:v1")?)).await?;
    world.push(&image("acme/old:v2")?).await?;
    world.publish("acme/known@2.0.0").await?;
    // Repositories that are no names of packages are everybody's.
    world.push(&image("acme/a/b:v1")?).await?;
    begin_as(&world, "acme", Public).await?;
    assert_eq!(seen(&world).await?, [Public, Public, Private, Private, Public]);
    assert_eq!(repositories(&world).await?, ["acme/a/b", "acme/known", "acme/old"]);
    world.push(&hidden(image("acme/plain:v2")?)).await?;
    world.publish("acme/two@1.0.0").await?;
    assert_eq!(world.package("acme/two").await?.visibility, Public);
    Ok(())
}

/// Who sees a package is told together with who owns it, also where no version of it can be read; of many names in the order in which
/// they are asked for.
pub async fn who_sees_a_name_is_known(stores: &dyn Stores) -> Check {
    let world = World::new(stores).await?;
    world.see("acme/new", Private).await??;
    world.push_as("user:ann", &hidden(artifact("acme/new@1.0.0")?)).await??;
    let ann: UserName = parse("ann")?;
    let expected = SeenBy { visibility: Private, owners: vec![ann], is_package: true };
    for _ in 0..2 {
        assert_eq!(world.meta.groups.seen_by(&parse("acme/new")?).await?, expected);
        drop(world.delete_tag("acme/new:1.0.0").await?);
    }
    world.see("acme/said", Private).await??;
    begin_as(&world, "dark", Private).await?;
    world.publish("light/open@1.0.0").await?;
    let names = ["light/open", "dark/absent", "acme/said", "light/absent", "acme/new", "light/open"];
    let names: Vec<Name> = names.into_iter().map(parse).collect::<Result<_, _>>()?;
    let seen = world.meta.groups.seen(&names).await?;
    let said: Vec<_> = seen.iter().map(|seen| (seen.visibility, seen.is_package)).collect();
    let (open, absent) = ((Public, true), (Public, false));
    assert_eq!(said, [open, (Private, false), (Private, false), absent, (Private, true), open]);
    assert_eq!(world.meta.groups.seen(&[]).await?, []);
    Ok(())
}

/// Lists of what is private, be it little or much, in every order, whole and by a label.
pub async fn what_is_private_is_listed(stores: &dyn Stores) -> Check {
    let world = World::new(stores).await?;
    world.publish("acme/open@1.0.0").await?;
    world.see("dark/x", Private).await??;
    world.push(&hidden(artifact("dark/x@1.0.0")?.labels(&["secret"], &[]))).await?;
    let mut expected: Vec<String> = Vec::new();
    for at in 0..6 {
        let name = format!("acme/p{at}");
        world.see(&name, Private).await??;
        let tags: &[&str] = if at < 5 { &["secret"] } else { &[] };
        world.push(&hidden(artifact(&format!("{name}@1.0.0"))?.labels(tags, &[]))).await?;
        world.publish(&format!("acme/open{at}@1.0.0")).await?;
        expected.push(name);
        for tags in [Vec::new(), vec!["secret".to_owned()]] {
            let expected = if tags.is_empty() { &expected[..] } else { &expected[..expected.len().min(5)] };
            let visibilities = vec![Private, Unlisted];
            let filter = Filter { org: Some("acme".to_owned()), visibilities, tags, ..Filter::default() };
            for order in [Order::Name, Order::Updated, Order::Created, Order::Downloads, Order::Stars] {
                let mut found = lists::names(&world, &filter, order, 2).await?;
                if matches!(order, Order::Updated | Order::Created) {
                    found.reverse();
                }
                assert_eq!(found, expected, "{order:?}");
            }
            assert_eq!(world.meta.catalog.count(&filter).await?, expected.len() as u64);
        }
    }
    Ok(())
}

/// All that a package keeps lies in the other area afterwards: manifests of deleted versions too, records, what is said. What it was
/// only about to push is not there for it any more.
pub async fn a_change_of_area_takes_everything_along(stores: &dyn Stores) -> Check {
    let world = World::new(stores).await?;
    let (one, two, other) =
        (artifact("acme/x@1.0.0")?, artifact("acme/x@2.0.0")?, artifact("other/x@1.0.0")?.seed("x"));
    let reason = Digest::sha256(b"a reason");
    for pushed in [&one, &two, &other] {
        world.push(pushed).await?;
    }
    world.yank("acme/x@1.0.0", Some(reason)).await??;
    world.delete_tag("acme/x:2.0.0").await??;
    let begun = artifact("acme/x@3.0.0")?;
    world.upload(&begun).await?;
    let mut all: BTreeSet<Digest> = [&one, &two].iter().flat_map(|it| it.blobs()).map(|(digest, _)| digest).collect();
    all.extend([one.digest(), two.digest(), one.record(), two.record(), reason]);
    let content: Vec<Digest> = world.meta.groups.content(&one.repository).await?;
    assert_eq!(content, all.iter().copied().collect::<Vec<_>>());
    let private = Area::private(&one.repository);
    for (visibility, here, there) in [(Private, &private, &Area::Public), (Unlisted, &Area::Public, &private)] {
        world.see("acme/x", visibility).await??;
        assert_eq!(world.meta.groups.content(&one.repository).await?, content);
        for digest in one.blobs().iter().map(|(digest, _)| digest) {
            assert_eq!(area_of(&world, &one, digest).await?.as_ref(), Some(here));
        }
        let row = world.meta.refs.manifest(&one.repository, &one.digest()).await?.ok_or("it is there")?;
        assert_eq!((&row.area, row.size), (here, "manifest of acme/x@1.0.0".len() as u64));
        // Of what was only uploaded nothing is left where it may be found.
        assert_eq!(area_of(&world, &begun, &begun.blobs()[0].0).await?, None);
        let both = |area: &Area| content.iter().map(|digest| (area.clone(), *digest)).collect::<Vec<_>>();
        assert_eq!(world.meta.blobs.take_unneeded(&both(here)).await?, []);
        let taken = world.meta.blobs.take_unneeded(&both(there)).await?;
        assert_eq!(taken.len(), content.len(), "nothing keeps what lies where it was");
        world.meta.blobs.forget(&taken).await?;
    }
    assert_eq!(area_of(&world, &other, &other.blobs()[0].0).await?, Some(Area::Public));
    // A version that comes back lies where the others do.
    world.see("acme/x", Private).await??;
    world.restore("acme/x@2.0.0").await??;
    assert_eq!(area_of(&world, &two, &two.blobs()[0].0).await?, Some(private));
    Ok(())
}

/// What was pushed after somebody looked is in no other area yet.
pub async fn a_change_of_area_needs_all_of_it_there(stores: &dyn Stores) -> Check {
    let world = World::new(stores).await?;
    let one = world.publish("acme/x@1.0.0").await?;
    let copied = world.meta.groups.content(&one.repository).await?;
    world.publish("acme/x@2.0.0").await?;
    let name: Name = parse("acme/x")?;
    let change = |visibility, copied| Act::SetVisibility { name: name.clone(), visibility, copied };
    let changed = Err(Refused::Changed("the content of the package"));
    assert_eq!(world.act(change(Private, copied.clone())).await?, changed);
    assert_eq!(seen_by(&world, "acme/x").await?, Public);
    world.act(change(Unlisted, Vec::new())).await??;
    assert_eq!(world.act(change(Private, Vec::new())).await?, changed);
    world.see("acme/x", Private).await??;
    assert_eq!(world.try_push(&artifact("acme/x@3.0.0")?).await?, Err(Refused::Elsewhere(one.repository.clone())));
    // What is on its way out there is not there.
    let private = Area::private(&one.repository);
    world.see("acme/x", Public).await??;
    let all = world.meta.groups.content(&one.repository).await?;
    let there: Vec<_> = all.iter().map(|digest| (private.clone(), *digest)).collect();
    let taken: Vec<Digest> = world.meta.blobs.take_unneeded(&there).await?.into_iter().map(|(_, it)| it).collect();
    let refused = world.see("acme/x", Private).await?;
    assert!(matches!(&refused, Err(Refused::BlobsUnknown(gone)) if gone.len() == taken.len()), "{refused:?}");
    world.meta.blobs.forget(&there).await?;
    world.see("acme/x", Private).await??;
    Ok(())
}

/// Who linked something in what is the wrong area by now takes that alone away: neither what a change took along, nor what a push
/// names.
pub async fn only_what_was_uploaded_there_is_taken_away(stores: &dyn Stores) -> Check {
    let world = World::new(stores).await?;
    let (pushed, begun) = (world.publish("acme/x@1.0.0").await?, artifact("acme/x@2.0.0")?);
    world.upload(&begun).await?;
    let (carrier, repository) = (&world.meta.carrier, &pushed.repository);
    let (public, private) = (Area::Public, Area::private(repository));
    let digests = [pushed.blobs()[0].0, begun.blobs()[0].0];
    let areas = async || {
        Ok::<_, Failure>([area_of(&world, &pushed, &digests[0]).await?, area_of(&world, &begun, &digests[1]).await?])
    };
    carrier.unlink(repository, &private, &digests).await?;
    carrier.unlink(&parse("acme/y")?, &public, &digests).await?;
    carrier.unlink(repository, &public, &[]).await?;
    assert_eq!(areas().await?, [Some(public.clone()), Some(public.clone())], "they lie elsewhere, or are another's");
    carrier.unlink(repository, &public, &digests).await?;
    assert_eq!(areas().await?, [Some(public.clone()), None], "an event says of one that it lies there");
    world.see("acme/x", Private).await??;
    carrier.unlink(repository, &public, &digests).await?;
    assert_eq!(areas().await?, [Some(private), None]);
    Ok(())
}

/// An upload that began before its package changed its area ends in the wrong one: what a manifest names stays readable, and the bytes
/// that came are known, so that they can be taken away.
pub async fn an_upload_moves_no_link(stores: &dyn Stores) -> Check {
    let world = World::new(stores).await?;
    let pushed = world.publish("acme/x@1.0.0").await?;
    let (blobs, (digest, size)) = (&world.meta.blobs, pushed.blobs()[0]);
    let private = Area::private(&pushed.repository);
    for (visibility, right, wrong) in [(Private, &private, &Area::Public), (Unlisted, &Area::Public, &private)] {
        world.see("acme/x", visibility).await??;
        blobs.take_unneeded(&[(wrong.clone(), digest)]).await?;
        assert_eq!(blobs.link(&pushed.repository, wrong, &digest, size, world.now()).await?, Linked::Vanishing);
        blobs.forget(&[(wrong.clone(), digest)]).await?;
        for _ in 0..2 {
            assert_eq!(blobs.link(&pushed.repository, wrong, &digest, size, world.now()).await?, Linked::Elsewhere);
            assert_eq!(area_of(&world, &pushed, &digest).await?.as_ref(), Some(right));
            assert_eq!(blobs.find(wrong, &digest, None).await?, None, "nobody can read what came");
        }
        assert_eq!(blobs.link(&pushed.repository, right, &digest, size, world.now()).await?, Linked::Done);
        let both = [right, wrong].map(|area| (area.clone(), digest));
        assert_eq!(blobs.take_unneeded(&both).await?, [(wrong.clone(), digest)]);
        blobs.forget(&both).await?;
        assert_eq!(area_of(&world, &pushed, &digest).await?.as_ref(), Some(right));
        // The link is an event's as before: the same push is none again.
        assert_eq!(world.act(Artifact { area: right.clone(), ..pushed.clone() }.accept()?).await??.event, None);
    }
    Ok(())
}

/// Reasons lie in the area of their package, and are kept there and nowhere else.
pub async fn what_is_said_of_private_versions_is_kept_there(stores: &dyn Stores) -> Check {
    let world = World::new(stores).await?;
    world.see("acme/x", Private).await??;
    world.push(&hidden(artifact("acme/x@1.0.0")?)).await?;
    let (yanked, deprecated) = (Digest::sha256(b"yanked"), Digest::sha256(b"deprecated"));
    world.yank("acme/x@1.0.0", Some(yanked)).await??;
    let deprecation = Deprecation { reason: Some(deprecated), replacement: None };
    world.act(Act::Deprecate { name: parse("acme/x")?, version: parse("1.0.0")?, deprecation, area: None }).await??;
    let repository: Repository = parse("acme/x")?;
    // Who brought one to where the package does not lie any more is told so.
    let (name, version): (Name, Version) = (parse("acme/x")?, parse("1.0.0")?);
    world.unyank("acme/x@1.0.0").await??;
    let yank =
        |area| Act::Yank { name: name.clone(), version: version.clone(), reason: Some(yanked), area: Some(area) };
    let deprecation = Deprecation { reason: Some(yanked), replacement: None };
    let deprecate = |area| {
        let deprecation = deprecation.clone();
        Act::Deprecate { name: name.clone(), version: version.clone(), deprecation, area: Some(area) }
    };
    let elsewhere = Err(Refused::Elsewhere(repository.clone()));
    assert_eq!(world.act(yank(Area::Public)).await?, elsewhere);
    assert_eq!(world.act(deprecate(Area::Public)).await?, elsewhere);
    world.act(yank(Area::private(&repository))).await??;
    for digest in [yanked, deprecated] {
        // Somebody else has the same bytes in the open, and needs them no more.
        world.meta.blobs.link(&parse("other/x")?, &Area::Public, &digest, 5, world.now()).await?;
        let both = [Area::private(&repository), Area::Public].map(|area| (area, digest));
        assert_eq!(world.meta.blobs.take_unneeded(&both).await?, [(Area::Public, digest)]);
    }
    Ok(())
}

/// A store that is made again from the events has everything where it was in the end.
pub async fn a_replay_keeps_where_everything_lies(stores: &dyn Stores) -> Check {
    let (world, copy) = (World::new(stores).await?, World::new(stores).await?);
    let moved = artifact("acme/moved@1.0.0")?;
    let born = hidden(artifact("acme/born@1.0.0")?);
    let plain = hidden(image("dark/plain:v1")?);
    let later = hidden(artifact("acme/moved@2.0.0")?);
    world.push(&moved).await?;
    world.see("acme/moved", Private).await??;
    world.push(&later).await?;
    world.see("acme/born", Private).await??;
    world.push(&born).await?;
    begin_as(&world, "dark", Private).await?;
    world.push(&plain).await?;
    begin_as(&world, "dark", Public).await?;
    let artifacts = [moved, born, plain, later];
    let of = |digest: &_| artifacts.iter().find(|artifact| artifact.digest() == *digest).cloned();
    copy.meta.catalog.replay(&world.replays(of).await?).await?;
    assert_eq!(dump(&copy.meta).await?, dump(&world.meta).await?);
    for (name, visibility) in
        [("acme/moved", Private), ("acme/born", Private), ("dark/plain", Private), ("dark/x", Public)]
    {
        assert_eq!([seen_by(&world, name).await?, seen_by(&copy, name).await?], [visibility; 2], "{name}");
    }
    for artifact in &artifacts {
        let area = Some(Area::private(&artifact.repository));
        assert_eq!(area_of(&copy, artifact, &artifact.blobs()[0].0).await?, area);
    }
    Ok(())
}
