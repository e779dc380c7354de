//! Lists and counts under filters, compared with what looking at each package by itself gives.

use std::cmp::Reverse;

use serde_json::json;

use crate::domain::{Kind, Name, Version};

use super::super::{Cursor, Filter, Label, Order};
use super::world::{Artifact, artifact};
use super::{Check, Failure, Stores, World};

/// Packages of the check; enough that pages of every order go on in the middle of equal labels.
const PACKAGES: usize = 24;

/// Every order.
const ORDERS: [Order; 5] = [Order::Name, Order::Updated, Order::Created, Order::Downloads, Order::Stars];

/// A package as the check knows it.
struct Known {
    name: String,
    kind: Kind,
    labels: Vec<(Label, String)>,
    downloads: u64,
    stars: u64,
}

fn label(label: Label, text: impl ToString) -> (Label, String) {
    (label, text.to_string())
}

/// Publishes them; their first and last changes are in different orders.
async fn publish(world: &World) -> Result<Vec<Known>, Failure> {
    let mut known = Vec::new();
    for at in 0..PACKAGES {
        let org = ["acme", "other", "third"][at % 3];
        let kind = [Kind::Skill, Kind::Persona, Kind::Skill, Kind::Team][at % 4];
        let (parity, third, eighth) = (at % 2, at / 8, at % 8);
        // Dozens share a parity, none has both, and one alone has its own number.
        let license = ["MIT", "Apache-2.0"][parity];
        let about = json!({
            "tags": ["all", format!("third-{third}")],
            "skills": [{ "name": format!("eighth-{eighth}") }],
            "license": license,
            "metadata": { "deep": { "parity": parity, "number": at } },
        });
        // The order of names is not that of time.
        let name = format!("{org}/p{:02}", at * 7 % PACKAGES);
        let artifact =
            Artifact { about: serde_json::from_value(about)?, ..artifact(&format!("{name}@1.0.0"))?.kind(kind) };
        world.push(&artifact).await?;
        let labels = vec![
            label(Label::Tag, "all"),
            label(Label::Tag, format!("third-{third}")),
            label(Label::Skill, format!("eighth-{eighth}")),
            label(Label::License, license),
            label(Label::Field, format!("deep.parity={parity}")),
            label(Label::Field, format!("deep.number={at}")),
        ];
        // Several have as many, and some none.
        let (downloads, stars) = (at as u64 % 5, at as u64 * 5 % 4);
        world.download(&format!("{name}@1.0.0"), downloads).await?;
        world.star(&name, stars).await?;
        known.push(Known { name, kind, labels, downloads, stars });
    }
    Ok(known)
}

/// Every pair of conditions, in every order and in pages of several sizes, gives the packages that have both, each once; the
/// count is theirs.
pub async fn conditions_combine_pairwise(stores: &dyn Stores) -> Check {
    let world = World::new(stores).await?;
    let known = publish(&world).await?;
    let one = |of: Label, text: &str| Filter { labelled: vec![vec![label(of, text)]], ..Filter::default() };
    let any = |all: Vec<(Label, String)>| Filter { labelled: vec![all], ..Filter::default() };
    let conditions = [
        Filter::default(),
        Filter { kinds: vec![Kind::Skill], ..Filter::default() },
        Filter { kinds: vec![Kind::Team, Kind::Persona], ..Filter::default() },
        Filter { kinds: vec![Kind::Enum], ..Filter::default() },
        Filter { org: Some("acme".to_owned()), ..Filter::default() },
        Filter { org: Some("nobody".to_owned()), ..Filter::default() },
        Filter { tags: vec!["all".to_owned()], ..Filter::default() },
        Filter { tags: vec!["third-1".to_owned(), "third-1".to_owned()], ..Filter::default() },
        Filter { skills: vec!["eighth-3".to_owned()], ..Filter::default() },
        one(Label::License, "MIT"),
        one(Label::Field, "deep.parity=1"),
        one(Label::Field, "deep.number=5"),
        one(Label::Tag, "nothing"),
        any(vec![label(Label::Tag, "third-0"), label(Label::Skill, "eighth-7"), label(Label::Tag, "nothing")]),
        any(vec![label(Label::Tag, "all"), label(Label::License, "MIT")]),
        Filter { downloads_min: 3, ..Filter::default() },
        Filter { stars_min: 1, ..Filter::default() },
        Filter { downloads_min: 2, stars_min: 3, ..Filter::default() },
    ];
    for (at, first) in conditions.iter().enumerate() {
        for (more, second) in conditions[at..].iter().enumerate() {
            // Kinds are alternatives, and so two lists of them would be; of organisations there is one.
            let are_two = |has: fn(&Filter) -> bool| more > 0 && has(first) && has(second);
            if are_two(|filter| !filter.kinds.is_empty()) || are_two(|filter| filter.org.is_some()) {
                continue;
            }
            let filter = both(first, second);
            let passing = known.iter().filter(|known| passes(known, first) && passes(known, second));
            let expected: Vec<&str> = passing.map(|known| known.name.as_str()).collect();
            let count = expected.len();
            assert_eq!(world.meta.catalog.count(&filter).await?, count as u64, "{filter:?}");
            // One order of each pair, so that all are met.
            let order = ORDERS[(at + more) % ORDERS.len()];
            for limit in [1, 5, PACKAGES] {
                let mut names = expected.clone();
                let known = |name: &str| known.iter().find(|known| known.name == name);
                match order {
                    Order::Name => names.sort_unstable(),
                    Order::Updated | Order::Created => names.reverse(),
                    Order::Downloads => {
                        names.sort_by_key(|name| (Reverse(known(name).map(|known| known.downloads)), *name));
                    }
                    Order::Stars => names.sort_by_key(|name| (Reverse(known(name).map(|known| known.stars)), *name)),
                }
                assert_eq!(pages(&world, &filter, order, limit).await?, names, "{filter:?} {order:?} {limit}");
            }
        }
    }
    Ok(())
}

fn both(first: &Filter, second: &Filter) -> Filter {
    let mut filter = first.clone();
    filter.kinds.extend(&second.kinds);
    filter.tags.extend(second.tags.clone());
    filter.skills.extend(second.skills.clone());
    filter.labelled.extend(second.labelled.clone());
    filter.org = filter.org.or_else(|| second.org.clone());
    filter.downloads_min = filter.downloads_min.max(second.downloads_min);
    filter.stars_min = filter.stars_min.max(second.stars_min);
    filter
}

fn passes(known: &Known, filter: &Filter) -> bool {
    let has = |(of, text): (Label, &str)| known.labels.iter().any(|(label, found)| *label == of && found == text);
    let org = known.name.split('/').next();
    (filter.kinds.is_empty() || filter.kinds.contains(&known.kind))
        && (filter.org.is_none() || filter.org.as_deref() == org)
        && filter.is_popular(known.downloads, known.stars)
        && filter.groups().into_iter().all(|group| group.into_iter().any(has))
}

/// Names of the whole list, read in pages.
async fn pages(world: &World, filter: &Filter, order: Order, limit: usize) -> Result<Vec<String>, Failure> {
    let (mut names, mut after) = (Vec::new(), None::<Cursor>);
    loop {
        let page = world.meta.catalog.packages(filter, order, after.as_ref(), limit).await?;
        names.extend(page.items.iter().map(|package| package.name.to_string()));
        match page.next {
            Some(next) => after = Some(next),
            None => return Ok(names),
        }
    }
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
    Ok(())
}
