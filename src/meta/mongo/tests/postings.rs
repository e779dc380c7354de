//! Postings and numbers: they are what follows from the packages, whatever happens to these.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures::TryStreamExt;
use mongodb::Database;
use mongodb::bson::{Document, doc};

use super::super::super::contract::{Artifact, World};
use super::super::super::{Act, Atomicity, Filter, Label, Order, Outcome, Refused};
use super::super::{Mongo, keys};
use super::{Databases, database, world};
use crate::domain::{Area, Kind, Name, UserName, Visibility};

const PACKAGES: usize = 10;
const TAGS: [&str; 4] = ["a", "b", "c", "d"];
const KINDS: [Kind; 3] = [Kind::Skill, Kind::Persona, Kind::Team];

/// Packages of a chunk.
const CHUNK: i64 = 16_384;

/// Numbers as of dice, the same in each run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % end
    }
}

async fn all(raw: &Database, collection: &str) -> Vec<Document> {
    let documents = raw.collection::<Document>(collection);
    documents.find(doc! {}).sort(doc! { "_id": 1 }).await.unwrap().try_collect().await.unwrap()
}

/// What a package is found by, from its document.
fn found_by(package: &Document) -> BTreeSet<String> {
    if !package.contains_key("shown") {
        return BTreeSet::new();
    }
    let text = |field: &str| package.get_str(field).unwrap();
    let labels = package.get_array("labels").unwrap().iter();
    let mut found_by: BTreeSet<String> = labels.map(|label| label.as_str().unwrap().to_owned()).collect();
    found_by.extend([format!("org {}", text("org")), format!("kind {}", text("kind"))]);
    if text("visibility") == "public" {
        found_by.insert("visible public".to_owned());
    }
    found_by
}

/// Fails unless numbers follow one another up to the counter, and the postings are those of the packages.
pub(super) async fn assert_right(raw: &Database) {
    let packages = all(raw, "packages").await;
    let mut numbers: Vec<i64> = packages.iter().map(|package| package.get_i64("number").unwrap()).collect();
    numbers.sort_unstable();
    let counter = raw.collection::<Document>("registry").find_one(doc! { "_id": "counter" }).await.unwrap().unwrap();
    let next = counter.get_i64("packages").unwrap();
    assert_eq!(numbers, (next - numbers.len() as i64..next).collect::<Vec<_>>());
    let mut expected = BTreeMap::<String, BTreeSet<i64>>::new();
    for package in &packages {
        let number = package.get_i64("number").unwrap();
        for found_by in found_by(package) {
            expected.entry(keys::posting(&found_by, number)).or_default().insert(number % CHUNK);
        }
    }
    let places = |numbers: BTreeSet<i64>| -> Vec<u8> {
        numbers.into_iter().flat_map(|number| u16::try_from(number).unwrap().to_le_bytes()).collect()
    };
    let expected: BTreeMap<String, Vec<u8>> =
        expected.into_iter().map(|(key, numbers)| (key, places(numbers))).collect();
    let postings = all(raw, "postings").await.into_iter().map(|posting| {
        let bits = posting.get_binary_generic("bits").unwrap().clone();
        (posting.get_str("_id").unwrap().to_owned(), bits)
    });
    assert_eq!(postings.collect::<BTreeMap<_, _>>(), expected);
}

/// Lists and counts of several labels are what looking at each package gives.
async fn assert_found(world: &World, raw: &Database) {
    let packages = all(raw, "packages").await;
    let tag = |text: &str| (Label::Tag, text.to_owned());
    for (one, other) in TAGS.iter().flat_map(|one| TAGS.iter().map(move |other| (*one, *other))) {
        let tags = vec![one.to_owned(), other.to_owned()];
        let (either, published) = (vec![tag(one), tag(other)], vec![(Label::State, "published".to_owned())]);
        let acme = Some("acme".to_owned());
        for filter in [
            Filter { tags: vec![one.to_owned()], ..Filter::default() },
            Filter { tags: tags.clone(), ..Filter::default() },
            Filter { labelled: vec![either.clone(), published.clone()], ..Filter::default() },
            Filter {
                labelled: vec![either.clone()],
                kinds: KINDS[1..].to_vec(),
                org: acme.clone(),
                ..Filter::default()
            },
            Filter { kinds: KINDS[..2].to_vec(), org: acme, ..Filter::default() },
            Filter {
                labelled: vec![either, published],
                visibilities: vec![Visibility::Public, Visibility::Unlisted],
                ..Filter::default()
            },
            Filter { tags, visibilities: vec![Visibility::Private], ..Filter::default() },
        ] {
            let passing = packages.iter().filter(|package| passes(package, &filter));
            let expected: Vec<&str> = passing.map(|package| package.get_str("_id").unwrap()).collect();
            let page = world.meta.catalog.packages(&filter, Order::Name, None, 100).await.unwrap();
            let found: Vec<String> = page.items.iter().map(|package| package.name.to_string()).collect();
            assert_eq!(found, expected, "{filter:?}");
            assert_eq!(world.meta.catalog.count(&filter).await.unwrap(), expected.len() as u64, "{filter:?}");
        }
    }
}

fn passes(package: &Document, filter: &Filter) -> bool {
    let found_by = found_by(package);
    let visibility = package.get_str("visibility").unwrap();
    let is_seen = match filter.visibilities.as_slice() {
        [] => visibility == "public",
        visibilities => visibilities.iter().any(|seen| seen.as_str() == visibility),
    };
    let is_of_kind = |kind: &Kind| found_by.contains(&format!("kind {kind}"));
    let has = |(label, text): &(Label, &str)| found_by.contains(&keys::label(*label, text));
    !found_by.is_empty()
        && is_seen
        && (filter.kinds.is_empty() || filter.kinds.iter().any(is_of_kind))
        && filter.org.iter().all(|org| found_by.contains(&format!("org {org}")))
        && filter.groups().iter().all(|group| group.iter().any(has))
}

/// The name of a package of these tests.
fn name(at: usize) -> String {
    format!("{}/p{at}", ["acme", "other"][at % 2])
}

/// A version with labels as the dice fall.
fn artifact(at: usize, version: usize, dice: &mut Dice) -> Artifact {
    let tags: Vec<&str> = TAGS.into_iter().filter(|_| dice.below(2) == 0).collect();
    let skills = [["reading", "writing"][dice.below(2)]];
    let artifact = Artifact::new(&format!("{}@{version}.0.0", name(at))).unwrap();
    artifact.kind(KINDS[at % 3]).labels(&tags, &skills)
}

/// Does something to a package of which these versions were published. Whether that was done, or refused.
async fn change(world: &World, at: usize, versions: &mut Vec<usize>, dice: &mut Dice) -> bool {
    let package: Name = name(at).parse().unwrap();
    let some = versions[dice.below(versions.len())];
    // Of all versions now and then, so that another is shown, or none.
    let of = if dice.below(2) == 0 { versions.clone() } else { vec![some] };
    let mut outcomes: Vec<Outcome> = Vec::new();
    match dice.below(10) {
        0..=3 => {
            let version = versions.iter().max().unwrap() + 1;
            let mut next = artifact(at, version, dice);
            if world.meta.groups.seen_by(&package).await.unwrap().visibility == Visibility::Private {
                next.area = Area::private(&next.repository);
            }
            let outcome = world.push_as(["user:ann", "user:ben"][dice.below(2)], &next).await.unwrap();
            if outcome.is_ok() {
                versions.push(version);
            }
            outcomes.push(outcome);
        }
        4 => {
            for version in of {
                outcomes.push(world.yank(&format!("{package}@{version}.0.0"), None).await.unwrap());
            }
        }
        5 => {
            for version in of {
                outcomes.push(world.unyank(&format!("{package}@{version}.0.0")).await.unwrap());
            }
        }
        6 => {
            for version in of {
                outcomes.push(world.delete_tag(&format!("{package}:{version}.0.0")).await.unwrap());
            }
        }
        7 => {
            for version in of {
                outcomes.push(world.restore(&format!("{package}@{version}.0.0")).await.unwrap());
            }
        }
        8 => {
            let visibility = [Visibility::Public, Visibility::Unlisted, Visibility::Private][dice.below(3)];
            outcomes.push(world.see(package.as_str(), visibility).await.unwrap());
        }
        _ => {
            let owners = ["ann", "ben"].into_iter().filter(|_| dice.below(2) == 0);
            let owners: Vec<UserName> = owners.map(|owner| owner.parse().unwrap()).collect();
            outcomes.push(world.act(Act::SetOwners { name: package, owners, seen: None }).await.unwrap());
        }
    }
    outcomes.iter().any(|outcome| outcome.as_ref().is_ok_and(|applied| applied.event.is_some()))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postings_follow_from_the_packages_all_their_lives() {
    let Some(databases) = Databases::new() else { return };
    let address = databases.next();
    let world = world(&Arc::new(Mongo::open(&address).await.unwrap())).await;
    let raw = database(&address).await;
    // Some of the packages are the last of a chunk.
    let counted = doc! { "$set": { "packages": CHUNK - 4 } };
    raw.collection::<Document>("registry").update_one(doc! { "_id": "counter" }, counted).await.unwrap();
    let mut dice = Dice(7);
    // All at once, and one that is refused before them: the numbers are others than were to be expected.
    let mut changes = vec![world.change(Artifact::new("acme/refused@1.0.0").unwrap().accept().unwrap())];
    for at in 0..PACKAGES {
        let artifact = artifact(at, 1, &mut dice);
        world.upload(&artifact).await.unwrap();
        changes.push(world.change(artifact.accept().unwrap()));
    }
    let outcomes = world.meta.catalog.apply(&changes, Atomicity::Each).await.unwrap();
    assert!(matches!(outcomes[0], Err(Refused::BlobsUnknown(_))) && outcomes[1..].iter().all(Result::is_ok));
    assert_right(&raw).await;
    let (mut versions, mut done) = (vec![vec![1]; PACKAGES], 0);
    for step in 0..150 {
        let at = dice.below(PACKAGES);
        done += usize::from(change(&world, at, &mut versions[at], &mut dice).await);
        assert_right(&raw).await;
        if step % 15 == 14 {
            assert_found(&world, &raw).await;
        }
    }
    assert!(done > 60, "only {done} steps changed something");
    assert!(versions.iter().flatten().count() > 30, "versions came: {versions:?}");
}
