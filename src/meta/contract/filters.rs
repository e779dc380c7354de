//! Lists and counts under filters, compared with what looking at each package by itself gives.

use serde_json::json;

use crate::domain::{Deprecation, Kind, Name, Published, State, Timestamp, UserName, Version, Visibility};

use super::super::{Act, Between, Filter, Label, Order, Outcome};
use super::world::{Artifact, artifact, parse};
use super::{Check, Failure, Stores, World, lists};

/// Packages of the check; enough that pages of every order go on in the middle of equal labels.
const PACKAGES: usize = 24;

/// Every order.
const ORDERS: [Order; 5] = [Order::Name, Order::Updated, Order::Created, Order::Downloads, Order::Stars];

/// A package as the check knows it.
struct Known {
    name: String,
    kind: Kind,
    visibility: Visibility,
    labels: Vec<(Label, String)>,
    created: Timestamp,
    updated: Timestamp,
    downloads: u64,
    stars: u64,
}

impl Known {
    /// What it stands by in a list, largest first, before its name.
    fn rank(&self, order: Order) -> u64 {
        match order {
            Order::Name => 0,
            Order::Updated => self.updated.micros().unsigned_abs(),
            Order::Created => self.created.micros().unsigned_abs(),
            Order::Downloads => self.downloads,
            Order::Stars => self.stars,
        }
    }
}

fn label(label: Label, text: impl ToString) -> (Label, String) {
    (label, text.to_string())
}

/// Sets the clock, in seconds after the world's beginning.
fn set_seconds(world: &World, seconds: usize) {
    world.set_clock(seconds as i64 * 1_000_000);
}

/// When the event of a change happened.
fn time_of(outcome: Outcome) -> Result<Timestamp, Failure> {
    let (event, _) = outcome?.event.ok_or("no event")?;
    Ok(event.time)
}

/// Publishes them, three at a time; their first and last changes are in different orders.
async fn publish(world: &World) -> Result<Vec<Known>, Failure> {
    let mut known = Vec::new();
    for at in 0..PACKAGES {
        let org = ["acme", "other", "third"][at % 3];
        let kind = [Kind::Skill, Kind::Persona, Kind::Skill, Kind::Team][at % 4];
        let (parity, third, eighth) = (at % 2, at / 8, at % 8);
        // Dozens share a parity, none has both, and one alone has its own number.
        let license = ["MIT", "Apache-2.0"][parity];
        let author = format!("fifth-{}", at % 5);
        let about = json!({
            "tags": ["all", format!("third-{third}")],
            "skills": [{ "name": format!("eighth-{eighth}") }],
            "authors": ["somebody", author],
            "license": license,
            "metadata": { "deep": { "parity": parity, "number": at } },
        });
        // The order of names is not that of time.
        let name = format!("{org}/p{:02}", at * 7 % PACKAGES);
        let artifact =
            Artifact { about: serde_json::from_value(about)?, ..artifact(&format!("{name}@1.0.0"))?.kind(kind) };
        world.upload(&artifact).await?;
        set_seconds(world, at / 3 * 100);
        let created = time_of(world.act(artifact.accept()?).await?)?;
        let labels = vec![
            label(Label::Tag, "all"),
            label(Label::Tag, format!("third-{third}")),
            label(Label::Skill, format!("eighth-{eighth}")),
            label(Label::Author, "somebody"),
            label(Label::Author, author),
            label(Label::License, license),
            label(Label::Field, format!("deep.parity={parity}")),
            label(Label::Field, format!("deep.number={at}")),
        ];
        // Several have as many, and some none.
        let (downloads, stars) = (at as u64 % 5, at as u64 * 5 % 4);
        world.download(&format!("{name}@1.0.0"), downloads).await?;
        world.star(&name, stars).await?;
        let (visibility, updated) = (Visibility::Public, created);
        known.push(Known { name, kind, visibility, labels, created, updated, downloads, stars });
    }
    for step in 0..PACKAGES {
        let at = step * 5 % PACKAGES;
        change(world, at, 10_000 + step / 4 * 100, &mut known[at]).await?;
    }
    Ok(known)
}

/// Yanks, deprecates, gives away and hides a package, or does some or none of that.
async fn change(world: &World, at: usize, seconds: usize, known: &mut Known) -> Check {
    let (name, version): (Name, Version) = (parse(&known.name)?, parse("1.0.0")?);
    let (is_yanked, is_deprecated) = (at % 5 == 1, at % 7 == 2);
    let mut acts = Vec::new();
    if is_yanked {
        acts.push(Act::Yank { name: name.clone(), version: version.clone(), reason: None, area: None });
    }
    if is_deprecated {
        let deprecation = Deprecation::default();
        acts.push(Act::Deprecate { name: name.clone(), version, deprecation, area: None });
    }
    let owners = [("ann", at.is_multiple_of(3)), ("ben", at % 4 == 1)];
    let owners = owners.into_iter().filter(|(_, owns)| *owns).map(|(owner, _)| parse::<UserName>(owner));
    let owners: Vec<UserName> = owners.collect::<Result<_, _>>()?;
    known.labels.extend(owners.iter().map(|owner| label(Label::Owner, owner)));
    if !owners.is_empty() {
        acts.push(Act::SetOwners { name, owners, seen: None });
    }
    for act in acts {
        set_seconds(world, seconds);
        known.updated = time_of(world.act(act).await?)?;
    }
    let states = [
        (State::Published, !is_yanked && !is_deprecated),
        (State::Deprecated, is_deprecated),
        (State::Yanked, is_yanked),
    ];
    let states = states.into_iter().filter(|(_, is_so)| *is_so);
    known.labels.extend(states.map(|(state, _)| label(Label::State, state)));
    if at % 6 == 4 {
        known.visibility = Visibility::Unlisted;
    } else if at % 8 == 7 {
        known.visibility = Visibility::Private;
    }
    if known.visibility != Visibility::Public {
        set_seconds(world, seconds);
        known.updated = time_of(world.see(&known.name, known.visibility).await?)?;
    }
    Ok(())
}

/// What filters ask for: each field of theirs, alone and with others of its own sort.
fn conditions(known: &[Known]) -> Vec<Filter> {
    let none = Filter::default;
    let one = |of: Label, text: &str| Filter { labelled: vec![vec![label(of, text)]], ..none() };
    let any = |all: Vec<(Label, String)>| Filter { labelled: vec![all], ..none() };
    let seen = |visibilities: &[Visibility]| Filter { visibilities: visibilities.to_vec(), ..none() };
    let created = |since: Option<usize>, before: Option<usize>| {
        let time = |at: usize| known[at].created;
        Filter { created: Between { since: since.map(time), before: before.map(time) }, ..none() }
    };
    let updated = |since: Option<usize>, before: Option<usize>| {
        let mut times: Vec<Timestamp> = known.iter().map(|known| known.updated).collect();
        times.sort_unstable();
        let time = |at: usize| times[at];
        Filter { updated: Between { since: since.map(time), before: before.map(time) }, ..none() }
    };
    use Visibility::{Private, Public, Unlisted};
    vec![
        none(),
        Filter { kinds: vec![Kind::Skill], ..none() },
        Filter { kinds: vec![Kind::Team, Kind::Persona], ..none() },
        Filter { kinds: vec![Kind::Enum], ..none() },
        Filter { org: Some("acme".to_owned()), ..none() },
        Filter { org: Some("nobody".to_owned()), ..none() },
        Filter { tags: vec!["all".to_owned()], ..none() },
        Filter { tags: vec!["third-1".to_owned(), "third-1".to_owned()], ..none() },
        Filter { skills: vec!["eighth-3".to_owned()], ..none() },
        one(Label::License, "MIT"),
        one(Label::Author, "fifth-2"),
        one(Label::Owner, "ann"),
        one(Label::State, "yanked"),
        one(Label::State, "published"),
        one(Label::Field, "deep.parity=1"),
        one(Label::Field, "deep.number=5"),
        one(Label::Tag, "nothing"),
        any(vec![label(Label::Tag, "third-0"), label(Label::Skill, "eighth-7"), label(Label::Tag, "nothing")]),
        any(vec![label(Label::Tag, "all"), label(Label::License, "MIT")]),
        any(vec![label(Label::State, "deprecated"), label(Label::Owner, "ben"), label(Label::Author, "nobody")]),
        seen(&[Unlisted]),
        seen(&[Private]),
        seen(&[Unlisted, Private]),
        seen(&[Public, Unlisted, Private]),
        created(Some(7), None),
        created(None, Some(15)),
        created(Some(3), Some(12)),
        updated(Some(10), None),
        updated(None, Some(16)),
        updated(Some(5), Some(20)),
        Filter { downloads_min: 3, ..none() },
        Filter { stars_min: 1, ..none() },
        Filter { downloads_min: 2, stars_min: 3, ..none() },
    ]
}

/// Every pair of conditions, in every order and in pages of several sizes, gives the packages that have both, each once; the
/// count is theirs.
pub async fn conditions_combine_pairwise(stores: &dyn Stores) -> Check {
    let world = World::new(stores).await?;
    let known = publish(&world).await?;
    let conditions = conditions(&known);
    for (at, first) in conditions.iter().enumerate() {
        for (more, second) in conditions[at..].iter().enumerate() {
            // Kinds are alternatives, and so two lists of them would be, as of who sees a package; of organisations there is one.
            let are_two = |has: fn(&Filter) -> bool| more > 0 && has(first) && has(second);
            if are_two(|filter| !filter.kinds.is_empty())
                || are_two(|filter| !filter.visibilities.is_empty())
                || are_two(|filter| filter.org.is_some())
            {
                continue;
            }
            let filter = both(first, second);
            let is_found = |known: &&Known| is_seen(known, &filter) && passes(known, first) && passes(known, second);
            let mut found: Vec<&Known> = known.iter().filter(is_found).collect();
            assert_eq!(world.meta.catalog.count(&filter).await?, found.len() as u64, "{filter:?}");
            // One order of each pair, and one size of pages, so that all are met; and all in one page.
            let order = ORDERS[(at + more) % ORDERS.len()];
            found.sort_by(|one, other| {
                let by_rank = other.rank(order).cmp(&one.rank(order));
                by_rank.then_with(|| one.name.cmp(&other.name))
            });
            let names: Vec<&str> = found.iter().map(|known| known.name.as_str()).collect();
            for limit in [1 + (at + more) % 4, PACKAGES] {
                assert_eq!(lists::names(&world, &filter, order, limit).await?, names, "{filter:?} {order:?} {limit}");
            }
        }
    }
    Ok(())
}

fn both(first: &Filter, second: &Filter) -> Filter {
    let mut filter = first.clone();
    filter.kinds.extend(&second.kinds);
    filter.visibilities.extend(&second.visibilities);
    filter.tags.extend(second.tags.clone());
    filter.skills.extend(second.skills.clone());
    filter.labelled.extend(second.labelled.clone());
    filter.org = filter.org.or_else(|| second.org.clone());
    filter.created = within(first.created, second.created);
    filter.updated = within(first.updated, second.updated);
    filter.downloads_min = filter.downloads_min.max(second.downloads_min);
    filter.stars_min = filter.stars_min.max(second.stars_min);
    filter
}

/// What lies in both spans.
fn within(one: Between, other: Between) -> Between {
    Between { since: one.since.max(other.since), before: one.before.into_iter().chain(other.before).min() }
}

fn is_seen(known: &Known, filter: &Filter) -> bool {
    match filter.visibilities.as_slice() {
        [] => known.visibility == Visibility::Public,
        visibilities => visibilities.contains(&known.visibility),
    }
}

/// Whether the package has what the filter asks for, whoever sees it.
fn passes(known: &Known, filter: &Filter) -> bool {
    let has = |(of, text): (Label, &str)| known.labels.iter().any(|(label, found)| *label == of && found == text);
    let lies_in = |between: &Between, time: Timestamp| {
        between.since.is_none_or(|since| since <= time) && between.before.is_none_or(|before| time < before)
    };
    let org = known.name.split('/').next();
    (filter.kinds.is_empty() || filter.kinds.contains(&known.kind))
        && (filter.org.is_none() || filter.org.as_deref() == org)
        && lies_in(&filter.created, known.created)
        && lies_in(&filter.updated, known.updated)
        && known.downloads >= filter.downloads_min
        && known.stars >= filter.stars_min
        && filter.groups().into_iter().all(|group| group.into_iter().any(has))
}

/// Versions that are asked for together are those that are there, in the order in which they were asked for.
pub async fn versions_come_together(stores: &dyn Stores) -> Check {
    let world = World::new(stores).await?;
    for spec in ["acme/a@1.0.0", "acme/a@1.1.0", "acme/b@1.0.0-rc.1"] {
        world.publish(spec).await?;
    }
    world.delete_tag("acme/a:1.1.0").await??;
    let wanted = ["acme/b 1.0.0-rc.1", "acme/a 1.1.0", "acme/none 1.0.0", "acme/a 2.0.0", "acme/a 1.0.0+build"];
    let wanted = wanted.iter().map(|text| {
        let (name, version) = text.split_once(' ').ok_or("a name and a version")?;
        Ok::<_, Failure>((name.parse::<Name>()?, version.parse::<Version>()?))
    });
    let wanted: Vec<(Name, Version)> = wanted.collect::<Result<_, _>>()?;
    let found = world.meta.catalog.versions(&wanted).await?;
    for (published, (name, version)) in found.iter().zip([&wanted[0], &wanted[1], &wanted[4]]) {
        assert_eq!(Some(published), world.meta.catalog.version(name, version).await?.as_ref());
        assert!(published.config.is_some());
    }
    assert_eq!(found.iter().map(|published| published.deleted).collect::<Vec<_>>(), [false, true, false]);
    assert!(world.meta.catalog.versions(&[]).await?.is_empty());
    let without_config = |published: Published| Published { config: None, ..published };
    let bare: Vec<Published> = found.into_iter().map(without_config).collect();
    assert_eq!(world.meta.catalog.bare_versions(&wanted).await?, bare);
    Ok(())
}
