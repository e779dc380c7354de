//! Downloads and stars.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use uuid::Uuid;

use crate::domain::{Day, Digest, Kind, Name, STAR_WEIGHT, Timestamp, UserName, Visibility, trend_weights};

use super::super::{Cursor, DownloadBatch, Downloads, Filter, Order, StarRow, Starred, Totals};
use super::world::{artifact, image, parse};
use super::{Check, Failure, Stores, World};

fn row(spec: &str, day: Day, number: u64) -> Result<Downloads, Failure> {
    let (name, version) = spec.split_once('@').ok_or("org/name@version")?;
    Ok(Downloads { name: name.parse()?, version: version.parse()?, day, number })
}

fn day(at: i32) -> Day {
    Day::from_number(20_000 + at)
}

async fn count(world: &World, rows: &[(&str, i32, u64)]) -> Check {
    let downloads = rows.iter().map(|(spec, at, number)| row(spec, day(*at), *number)).collect::<Result<_, _>>()?;
    let batch = DownloadBatch { sender: Uuid::now_v7(), number: 1, downloads };
    Ok(world.meta.social.count(&batch).await?)
}

/// Versions of a package with their downloads, as text.
async fn versions(world: &World, name: &str) -> Result<String, Failure> {
    let found = world.meta.social.versions(&parse(name)?).await?;
    Ok(found.iter().map(|(version, number)| format!("{version}:{number}")).collect::<Vec<_>>().join(" "))
}

async fn names(world: &World, filter: &Filter, order: Order) -> Result<String, Failure> {
    let page = world.meta.catalog.packages(filter, order, None, 100).await?;
    Ok(page.items.iter().map(|package| package.name.slug()).collect())
}

/// Whoever counts at the same time, nothing is lost or counted twice: in the package, by version and by day.
pub async fn downloads_add_up(stores: &dyn Stores) -> Check {
    const WRITERS: u64 = 16;
    const EACH: u64 = 5;
    let world = Arc::new(World::new(stores).await?);
    for spec in ["acme/a@1.0.0", "acme/a@1.10.0", "acme/b@1.0.0"] {
        world.publish(spec).await?;
    }
    let mut tasks = tokio::task::JoinSet::new();
    for writer in 0..WRITERS {
        let world = world.clone();
        tasks.spawn(async move {
            for at in 0..EACH as i32 {
                // The same version twice in a batch, in an order of the writer's own.
                let mut rows = vec![("acme/a@1.0.0", at, 1), ("acme/b@1.0.0", at, 3), ("acme/a@1.10.0", 0, writer)];
                rows.push(("acme/a@1.0.0", at, 1));
                rows.rotate_left(writer as usize % 4);
                count(&world, &rows).await?;
                // Changes of the same packages meanwhile.
                world.publish(&format!("acme/{}@2.{writer}.{at}", ["a", "b"][at as usize % 2])).await?;
            }
            Ok::<_, Failure>(())
        });
    }
    for done in tasks.join_all().await {
        done?;
    }
    let (of_a, of_b) = (2 * WRITERS * EACH, 3 * WRITERS * EACH);
    let later: u64 = (0..WRITERS).sum::<u64>() * EACH;
    assert_eq!(world.package("acme/a").await?.downloads, of_a + later);
    assert_eq!(world.package("acme/b").await?.downloads, of_b);
    assert_eq!(versions(&world, "acme/a").await?, format!("1.10.0:{later} 1.0.0:{of_a}"));
    let (a, b): (Name, Name) = (parse("acme/a")?, parse("acme/b")?);
    let social = &world.meta.social;
    let days = social.days(&b, None, day(0), day(100)).await?;
    assert_eq!(days, (0..EACH as i32).map(|at| (day(at), 3 * WRITERS)).collect::<Vec<_>>());
    let first = parse("1.0.0+build")?;
    assert_eq!(social.days(&a, Some(&first), day(1), day(2)).await?, [(day(1), 2 * WRITERS), (day(2), 2 * WRITERS)]);
    assert_eq!(social.days(&a, Some(&parse("9.0.0")?), day(0), day(100)).await?, []);
    assert_eq!(social.days(&a, None, day(2), day(1)).await?, []);
    Ok(())
}

/// A batch that is sent again, as after a connection that broke, changes nothing; nor does what never was a package.
pub async fn a_batch_counts_once(stores: &dyn Stores) -> Check {
    let world = World::new(stores).await?;
    world.publish("acme/a@1.0.0").await?;
    let social = &world.meta.social;
    let downloads = vec![row("acme/a@1.0.0", day(0), 2)?, row("acme/none@1.0.0", day(0), 5)?];
    let first = DownloadBatch { sender: Uuid::now_v7(), number: 1, downloads };
    let second = DownloadBatch { number: 2, ..first.clone() };
    let other = DownloadBatch { sender: Uuid::now_v7(), ..first.clone() };
    for (batch, expected) in [(&first, 2), (&first, 2), (&second, 4), (&first, 4), (&second, 4), (&other, 6)] {
        social.count(batch).await?;
        assert_eq!(world.package("acme/a").await?.downloads, expected);
    }
    assert_eq!(social.counted(None, 10).await?, [row("acme/a@1.0.0", day(0), 6)?]);
    social.count(&DownloadBatch { downloads: Vec::new(), ..second }).await?;
    Ok(())
}

/// Pages of any size put together are all that was counted, each once.
pub async fn counted_pages_have_everything(stores: &dyn Stores) -> Check {
    let world = World::new(stores).await?;
    let specs = ["acme/a@1.0.0", "acme/a@1.10.0", "acme/a@1.2.0-rc.1", "acme/a.b@1.0.0", "acme/b@1.0.0"];
    let mut expected = BTreeSet::new();
    for (at, spec) in specs.into_iter().enumerate() {
        world.publish(spec).await?;
        for day in [9, 10, 100, -3000] {
            count(&world, &[(spec, day, at as u64 + 1)]).await?;
            expected.insert(format!("{spec} {day} {}", at + 1));
        }
    }
    for limit in [1, 3, 100] {
        let (mut found, mut after, mut rows) = (BTreeSet::new(), None::<Downloads>, 0);
        loop {
            let page = world.meta.social.counted(after.as_ref(), limit).await?;
            rows += page.len();
            found.extend(page.iter().map(|row| {
                format!("{}@{} {} {}", row.name, row.version, row.day.number() - day(0).number(), row.number)
            }));
            match page.last() {
                Some(last) => after = Some(last.clone()),
                None => break,
            }
        }
        assert_eq!((&found, rows), (&expected, expected.len()), "{limit}");
    }
    Ok(())
}

/// Lists by downloads and by stars, and those with at least so many of both.
pub async fn lists_go_by_downloads_and_stars(stores: &dyn Stores) -> Check {
    let world = World::new(stores).await?;
    for (slug, downloads, stars) in [("a", 0, 1), ("b", 7, 0), ("c", 100, 2), ("d", 7, 3), ("e", 0, 0)] {
        world.publish(&format!("acme/{slug}@1.0.0")).await?;
        world.download(&format!("acme/{slug}@1.0.0"), downloads).await?;
        world.star(&format!("acme/{slug}"), stars).await?;
    }
    let all = Filter::default();
    assert_eq!(names(&world, &all, Order::Downloads).await?, "cbdae");
    assert_eq!(names(&world, &all, Order::Stars).await?, "dcabe");
    for (downloads_min, stars_min, expected) in [(7, 0, "bcd"), (8, 0, "c"), (0, 1, "acd"), (7, 3, "d"), (0, 4, "")] {
        let filter = Filter { downloads_min, stars_min, ..Filter::default() };
        assert_eq!(names(&world, &filter, Order::Name).await?, expected, "{filter:?}");
        assert_eq!(world.meta.catalog.count(&filter).await?, expected.len() as u64, "{filter:?}");
    }
    let package = world.package("acme/d").await?;
    assert_eq!((package.downloads, package.stars), (7, 3));
    // What is downloaded and starred has not changed.
    let updated: BTreeSet<Timestamp> = BTreeSet::from([package.updated, package.created]);
    assert_eq!(updated.len(), 1);
    Ok(())
}

/// Packages whose counts change between two pages may come twice or not at all; all others come once, and the list ends.
pub async fn pages_stand_while_ranks_change(stores: &dyn Stores) -> Check {
    let world = World::new(stores).await?;
    for at in 0..12 {
        let name = format!("acme/p{at:02}");
        world.publish(&format!("{name}@1.0.0")).await?;
        world.download(&format!("{name}@1.0.0"), [0, 5, 5, 9][at % 4]).await?;
        world.star(&name, [2, 0, 1, 2][at % 4]).await?;
    }
    for order in [Order::Downloads, Order::Stars] {
        let (mut seen, mut after, filter) = (BTreeMap::<String, u32>::new(), None::<Cursor>, Filter::default());
        for round in 0..20 {
            let page = world.meta.catalog.packages(&filter, order, after.as_ref(), 2).await?;
            page.items.iter().for_each(|package| *seen.entry(package.name.to_string()).or_default() += 1);
            // The last of the page goes up, and one that was not seen yet.
            for name in page.items.last().map(|last| last.name.to_string()).iter().chain([&"acme/p00".to_owned()]) {
                world.download(&format!("{name}@1.0.0"), 20).await?;
                world.star(name, 3 + round % 2).await?;
            }
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert!(after.is_none(), "the list ends");
        for at in 1..12 {
            let name = format!("acme/p{at:02}");
            assert_eq!(seen.get(&name), Some(&1), "{name} by {order:?}: {seen:?}");
        }
    }
    Ok(())
}

/// A user has one star for a package, whose time stays; it can be taken away, once.
pub async fn stars_come_and_go(stores: &dyn Stores) -> Check {
    let world = World::new(stores).await?;
    for slug in ["c", "a", "b"] {
        world.publish(&format!("acme/{slug}@1.0.0")).await?;
    }
    let (social, ann): (_, UserName) = (&world.meta.social, parse("ann")?);
    let a: Name = parse("acme/a")?;
    assert_eq!(social.star(&a, &ann, Some(world.now())).await?, Starred::NoUser);
    assert_eq!(social.star(&a, &ann, None).await?, Starred::NoUser);
    for user in ["ann", "ann-b"] {
        world.meta.accounts.add_user(&parse(user)?, world.now()).await?;
    }
    assert_eq!(social.star(&parse("acme/none")?, &ann, Some(world.now())).await?, Starred::NoPackage);
    let first = world.now();
    for (at, expected) in [(Some(first), 1), (Some(world.now()), 1), (None, 0), (None, 0), (Some(first), 1)] {
        assert_eq!(social.star(&a, &ann, at).await?, Starred::Done);
        assert_eq!(world.package("acme/a").await?.stars, expected, "{at:?}");
    }
    let later = world.now();
    for (name, user) in [("acme/c", "ann"), ("acme/a", "ann-b"), ("acme/b", "ann")] {
        assert_eq!(social.star(&parse(name)?, &parse(user)?, Some(later)).await?, Starred::Done);
    }
    assert_eq!(world.package("acme/a").await?.stars, 2);
    let star = |name: &str, starred| {
        Ok::<_, Failure>(StarRow { name: parse(name)?, starred, visibility: Some(Visibility::Public) })
    };
    let all = [star("acme/a", first)?, star("acme/b", later)?, star("acme/c", later)?];
    assert_eq!(social.stars(&ann, None, 10).await?, all);
    assert_eq!(social.stars(&ann, None, 2).await?, all[..2]);
    assert_eq!(social.stars(&ann, Some(&all[1].name), 10).await?, all[2..]);
    assert_eq!(social.stars(&parse("nobody")?, None, 10).await?, []);
    world.see("acme/b", Visibility::Unlisted).await??;
    world.delete_tag("acme/c:1.0.0").await??;
    let seen = social.stars(&ann, None, 10).await?;
    let seen: Vec<_> = seen.iter().map(|star| star.visibility).collect();
    assert_eq!(seen, [Some(Visibility::Public), Some(Visibility::Unlisted), None]);
    Ok(())
}

/// A user who is removed takes their stars along, whatever happens at the same time.
pub async fn stars_go_with_their_user(stores: &dyn Stores) -> Check {
    let world = Arc::new(World::new(stores).await?);
    let mut tasks = tokio::task::JoinSet::new();
    for at in 0..4 {
        world.publish(&format!("acme/p{at}@1.0.0")).await?;
        world.star(&format!("acme/p{at}"), 2).await?;
    }
    let gone: UserName = parse("u1")?;
    assert!(world.meta.accounts.remove_user(&gone).await?);
    assert!(!world.meta.accounts.remove_user(&gone).await?);
    assert_eq!(world.meta.social.stars(&gone, None, 10).await?, []);
    for at in 0..4 {
        assert_eq!(world.package(&format!("acme/p{at}")).await?.stars, 1, "p{at}");
    }
    world.meta.accounts.add_user(&gone, world.now()).await?;
    assert_eq!(world.meta.social.stars(&gone, None, 10).await?, [], "a new user of the name has none of the old one's");
    for at in 0..4 {
        let world = world.clone();
        tasks.spawn(async move {
            let name: Name = parse(&format!("acme/p{at}"))?;
            let user: UserName = parse("u1")?;
            if at == 2 {
                world.meta.accounts.remove_user(&user).await?;
            }
            let starred = world.meta.social.star(&name, &user, Some(world.now())).await?;
            world.publish(&format!("acme/p{at}@1.1.0")).await?;
            assert!(starred != Starred::NoPackage);
            Ok::<_, Failure>(())
        });
    }
    for done in tasks.join_all().await {
        done?;
    }
    let (mut stars, held) = (0, world.meta.social.stars(&gone, None, 10).await?.len() as u64);
    for at in 0..4 {
        stars += world.package(&format!("acme/p{at}")).await?.stars;
    }
    assert_eq!(stars, 4 + held, "what packages count is what users have given");
    Ok(())
}

/// What was counted stays when a version, or all of a package, is deleted, and is there again after a restore.
pub async fn counts_outlive_versions(stores: &dyn Stores) -> Check {
    let world = World::new(stores).await?;
    world.publish("acme/a@1.0.0").await?;
    world.download("acme/a@1.0.0", 4).await?;
    world.star("acme/a", 2).await?;
    world.delete_tag("acme/a:1.0.0").await??;
    assert_eq!(names(&world, &Filter::default(), Order::Downloads).await?, "");
    assert_eq!(world.meta.social.trending(&trend_weights(Day::of(world.now()), 7), &[], 10).await?, []);
    world.download("acme/a@1.0.0", 1).await?;
    assert_eq!(world.meta.social.star(&parse("acme/a")?, &parse("u0")?, None).await?, Starred::Done);
    assert_eq!(versions(&world, "acme/a").await?, "1.0.0:5");
    world.restore("acme/a@1.0.0").await??;
    let package = world.package("acme/a").await?;
    assert_eq!((package.downloads, package.stars), (5, 1));
    assert_eq!(names(&world, &Filter::default(), Order::Stars).await?, "a");
    Ok(())
}

/// Newer downloads and stars count more, in whole numbers that are the same everywhere; what lies before the window, and what is
/// not public, counts nothing.
pub async fn trends_fade(stores: &dyn Stores) -> Check {
    let world = World::new(stores).await?;
    let specs = ["acme/old@1.0.0", "acme/new@1.0.0", "acme/gone@1.0.0", "acme/hidden@1.0.0", "acme/starred@1.0.0"];
    for spec in specs.iter().chain(&["acme/same@1.0.0", "acme/none@1.0.0", "acme/old@1.1.0"]) {
        world.push(&artifact(spec)?.kind(if spec.contains("new") { Kind::Team } else { Kind::Skill })).await?;
    }
    let ago = |days: i32| 100 - days;
    count(
        &world,
        &[
            ("acme/old@1.0.0", ago(6), 100),
            ("acme/old@1.1.0", ago(6), 50),
            ("acme/new@1.0.0", ago(0), 90),
            ("acme/gone@1.0.0", ago(7), 1_000_000),
            ("acme/hidden@1.0.0", ago(0), 1_000_000),
            ("acme/same@1.0.0", ago(6), 150),
            ("acme/new@1.0.0", -ago(1), 7),
        ],
    )
    .await?;
    world.see("acme/hidden", Visibility::Unlisted).await??;
    world.meta.accounts.add_user(&parse("ann")?, world.now()).await?;
    for (name, days) in [("acme/starred", 2), ("acme/gone", 9), ("acme/old", 1)] {
        let at = Timestamp::from_micros(i64::from(day(ago(days)).number()) * 86_400_000_000 + 1);
        world.meta.social.star(&parse(name)?, &parse("ann")?, Some(at)).await?;
    }
    let weights = trend_weights(day(100), 7);
    let weight = |days: i32| weights[6 - days as usize].1;
    let mut expected = [
        ("new", 90 * weight(0)),
        ("old", 150 * weight(6) + STAR_WEIGHT * weight(1)),
        ("same", 150 * weight(6)),
        ("starred", STAR_WEIGHT * weight(2)),
    ];
    expected.sort_by_key(|(slug, score)| (std::cmp::Reverse(*score), *slug));
    let trend = async |kinds: &[Kind], limit| {
        let found = world.meta.social.trending(&weights, kinds, limit).await?;
        let found = found.into_iter().map(|(package, score)| (package.name.slug().to_owned(), score));
        Ok::<_, Failure>(found.collect::<Vec<_>>())
    };
    let of = |slugs: &[(&str, u64)]| slugs.iter().map(|(slug, score)| ((*slug).to_owned(), *score)).collect::<Vec<_>>();
    assert_eq!(trend(&[], 10).await?, of(&expected));
    assert_eq!(trend(&[], 2).await?, of(&expected[..2]));
    assert_eq!(trend(&[Kind::Team, Kind::Enum], 10).await?, of(&[("new", 90 * weight(0))]));
    assert_eq!(trend(&[Kind::Enum], 10).await?, []);
    assert_eq!(world.meta.social.trending(&[], &[], 10).await?, []);
    let package = &world.meta.social.trending(&weights, &[], 1).await?[0].0;
    assert_eq!(package, &world.package(package.name.as_str()).await?);
    Ok(())
}

/// All public packages together.
pub async fn totals_are_of_public_packages(stores: &dyn Stores) -> Check {
    let world = World::new(stores).await?;
    assert_eq!(world.meta.social.totals().await?, Totals::default());
    for (spec, kind) in [
        ("acme/a@1.0.0", Kind::Skill),
        ("acme/a@1.1.0", Kind::Skill),
        ("acme/b@1.0.0", Kind::Persona),
        ("other/c@1.0.0", Kind::Skill),
        ("third/hidden@1.0.0", Kind::Skill),
        ("fourth/deleted@1.0.0", Kind::Team),
    ] {
        world.push(&artifact(spec)?.kind(kind)).await?;
        world.download(spec, 3).await?;
        let (name, _) = spec.split_once('@').ok_or("org/name@version")?;
        world.star(name, 1).await?;
    }
    world.see("third/hidden", Visibility::Unlisted).await??;
    world.delete_tag("fourth/deleted:1.0.0").await??;
    world.push(&image("team/image:v1")?).await?;
    let expected = Totals {
        kinds: vec![(Kind::Persona, 1), (Kind::Skill, 2)],
        organisations: 2,
        versions: 4,
        downloads: 12,
        stars: 3,
    };
    assert_eq!(world.meta.social.totals().await?, expected);
    Ok(())
}

/// Which version a manifest is: the last that it was published as, deleted ones too.
pub async fn manifests_are_known_as_versions(stores: &dyn Stores) -> Check {
    let world = World::new(stores).await?;
    let one = world.publish("acme/a@1.0.0").await?;
    // The same bytes under another number.
    let twin = artifact("acme/a@1.1.0")?.seed("acme/a@1.0.0");
    let other = world.publish("acme/b@2.0.0-rc.1").await?;
    world.delete_tag("acme/b:2.0.0-rc.1").await??;
    let plain = image("acme/a:plain")?;
    world.push(&plain).await?;
    let (a, b): (Name, Name) = (parse("acme/a")?, parse("acme/b")?);
    let asked = [
        (b.clone(), other.digest()),
        (a.clone(), plain.digest()),
        (a.clone(), one.digest()),
        (b, one.digest()),
        (a, Digest::sha256(b"nothing")),
    ];
    let known = async || -> Result<Vec<String>, Failure> {
        let found = world.meta.refs.published_as(&asked).await?;
        Ok(found.iter().map(|version| version.as_ref().map_or("-".to_owned(), ToString::to_string)).collect())
    };
    assert_eq!(known().await?, ["2.0.0-rc.1", "-", "1.0.0", "-", "-"]);
    world.push(&twin).await?;
    assert_eq!(known().await?, ["2.0.0-rc.1", "-", "1.1.0", "-", "-"]);
    assert_eq!(world.meta.refs.published_as(&[]).await?, []);
    Ok(())
}
