//! Lists of packages: filters, orders, pages, labels.

use std::cmp::Reverse;

use serde_json::json;

use crate::domain::{Kind, Timestamp, Visibility};

use super::super::{Atomicity, Between, Cursor, Filter, Label, LabelCount, Order, PACKAGES_MAX};
use super::world::{Artifact, artifact};
use super::{Check, Failure, Stores, World};

/// Names of all packages of the list, read in pages.
pub(super) async fn names(world: &World, filter: &Filter, order: Order, limit: usize) -> Result<Vec<String>, Failure> {
    let (mut names, mut after) = (Vec::new(), None::<Cursor>);
    loop {
        let page = world.meta.catalog.packages(filter, order, after.as_ref(), limit).await?;
        assert!(page.items.len() <= limit);
        assert!(page.next.is_none() || page.items.len() == limit, "only the last page is short");
        names.extend(page.items.iter().map(|package| package.name.to_string()));
        match page.next {
            Some(next) => after = Some(next.to_string().parse()?),
            None => return Ok(names),
        }
    }
}

/// Kinds are alternatives, tags and skills must all be there, and everything must hold at once.
pub async fn filters_combine(stores: &dyn Stores) -> Check {
    let world = World::new(stores).await?;
    for (spec, kind, tags, skills) in [
        ("acme/a@1.0.0", Kind::Skill, &["x", "y"][..], &["s"][..]),
        ("acme/b@1.0.0", Kind::Persona, &["x"], &["s", "t"]),
        ("acme/c@1.0.0", Kind::Team, &["y", "x", "x"], &[]),
        ("other/d@1.0.0", Kind::Skill, &["x", "y"], &["s", "t"]),
        // A tag is no skill.
        ("other/e@1.0.0", Kind::Skill, &["s"], &["x"]),
    ] {
        world.push(&artifact(spec)?.kind(kind).labels(tags, skills)).await?;
    }
    let text = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
    let none = Filter::default;
    for (filter, expected) in [
        (none(), "abcde"),
        (Filter { kinds: vec![Kind::Persona, Kind::Team], ..none() }, "bc"),
        (Filter { tags: text(&["x"]), ..none() }, "abcd"),
        (Filter { tags: text(&["x", "y"]), ..none() }, "acd"),
        (Filter { skills: text(&["s", "t"]), ..none() }, "bd"),
        (Filter { org: Some("acme".into()), ..none() }, "abc"),
        (Filter { org: Some("acm".into()), ..none() }, ""),
        (Filter { tags: text(&["x"]), skills: text(&["s"]), kinds: vec![Kind::Skill], ..none() }, "ad"),
        (
            Filter {
                tags: text(&["x"]),
                skills: text(&["s"]),
                kinds: vec![Kind::Skill],
                org: Some("other".into()),
                visibilities: vec![Visibility::Public, Visibility::Unlisted],
                ..none()
            },
            "d",
        ),
        (Filter { visibilities: vec![Visibility::Unlisted], ..none() }, ""),
        (Filter { tags: text(&["' OR 1=1 --"]), ..none() }, ""),
    ] {
        for order in [Order::Name, Order::Updated] {
            let mut found = names(&world, &filter, order, 2).await?;
            found.sort_unstable();
            let slugs: String = found.iter().filter_map(|name| name.rsplit('/').next()).collect();
            assert_eq!(slugs, expected, "{filter:?} {order:?}");
        }
    }
    Ok(())
}

/// Groups of labels: of each at least one. Authors, licences and every value of the metadata are labels.
pub async fn groups_of_labels_combine(stores: &dyn Stores) -> Check {
    let world = World::new(stores).await?;
    for (spec, about) in [
        ("acme/a@1.0.0", json!({ "tags": ["x"], "authors": ["Ann", "Ben"], "license": "MIT" })),
        (
            "acme/b@1.0.0",
            json!({ "tags": ["y"], "authors": ["Ben"], "metadata": { "risk": { "class": "high" }, "n": 7 } }),
        ),
        (
            "acme/c@1.0.0",
            json!({ "tags": ["z"], "metadata": { "risk": { "class": "low", "seen": true }, "n": [7, 8] } }),
        ),
        (
            "acme/n@1.0.0",
            json!({ "dependencies": [{ "name": "acme/a", "type": "extends", "range": "^1" }, { "name": "x", "type": "import" }] }),
        ),
        ("acme/d@1.0.0", json!({ "skills": [{ "name": "x" }], "metadata": { "risk.class": "high" } })),
    ] {
        let artifact = Artifact { about: serde_json::from_value(about)?, ..artifact(spec)? };
        world.push(&artifact).await?;
    }
    // Words of a version that is not shown any more count no longer.
    let older = Artifact {
        about: serde_json::from_value(json!({ "tags": ["x"], "license": "MIT" }))?,
        ..artifact("acme/e@1.0.0")?
    };
    world.push(&older).await?;
    world.push(&artifact("acme/e@1.0.1")?).await?;
    use Label::{Author, Field, License, Need, Skill, Tag};
    for (groups, expected) in [
        (vec![vec![(Tag, "x"), (Tag, "y")]], "ab"),
        (vec![vec![(Tag, "x"), (Skill, "x")]], "ad"),
        (vec![vec![(Author, "Ben")]], "ab"),
        (vec![vec![(Author, "Ben")], vec![(License, "MIT"), (Field, "n=7")]], "ab"),
        (vec![vec![(License, "MIT")]], "a"),
        (vec![vec![(Field, "risk.class=high")]], "bd"),
        (vec![vec![(Field, "risk.seen=true")], vec![(Field, "n=8")]], "c"),
        (vec![vec![(Field, "risk.class=high"), (Field, "risk.class=low")], vec![(Field, "n=7")]], "bc"),
        (vec![vec![(Field, "risk.class=High")]], ""),
        (vec![vec![(Need, "acme/a")]], "n"),
        (vec![vec![(Need, "acme/x"), (Tag, "x")]], "an"),
        (vec![vec![]], ""),
    ] {
        let named =
            |group: Vec<(Label, &str)>| group.into_iter().map(|(label, text)| (label, text.to_owned())).collect();
        let filter = Filter { labelled: groups.into_iter().map(named).collect(), ..Filter::default() };
        let found = names(&world, &filter, Order::Name, 2).await?;
        let slugs: String = found.iter().filter_map(|name| name.rsplit('/').next()).collect();
        assert_eq!(slugs, expected, "{filter:?}");
        assert_eq!(world.meta.catalog.count(&filter).await?, expected.len() as u64, "{filter:?}");
    }
    Ok(())
}

/// Times are compared to the microsecond: the first of a span is in it, its end is not.
pub async fn spans_of_time_are_half_open(stores: &dyn Stores) -> Check {
    let world = World::new(stores).await?;
    for (at, slug) in ["a", "b", "c"].iter().enumerate() {
        let artifact = artifact(&format!("acme/{slug}@1.0.0"))?;
        world.upload(&artifact).await?;
        world.set_clock((at as i64 + 1) * 1_000_000_000);
        world.act(artifact.accept()?).await??;
    }
    let again = artifact("acme/a@1.1.0")?;
    world.upload(&again).await?;
    world.set_clock(9_000_000_000);
    world.act(again.accept()?).await??;
    let created = world.package("acme/b").await?.created;
    let later = Timestamp::from_micros(created.micros() + 1);
    let since = |time| Between { since: Some(time), before: None };
    let before = |time| Between { since: None, before: Some(time) };
    for (created, updated, expected) in [
        (since(created), Between::default(), "bc"),
        (since(later), Between::default(), "c"),
        (before(created), Between::default(), "a"),
        (before(later), Between::default(), "ab"),
        (Between { since: Some(created), before: Some(later) }, Between::default(), "b"),
        (Between::default(), since(later), "ac"),
        (before(later), since(later), "a"),
        (since(later), before(created), ""),
    ] {
        let filter = Filter { created, updated, ..Filter::default() };
        let found = names(&world, &filter, Order::Name, 2).await?;
        let slugs: String = found.iter().filter_map(|name| name.rsplit('/').next()).collect();
        assert_eq!(slugs, expected, "{filter:?}");
        assert_eq!(world.meta.catalog.count(&filter).await?, expected.len() as u64, "{filter:?}");
    }
    Ok(())
}

/// Pages of any size put together are the list: by name, and by latest change, then by name.
pub async fn pages_have_no_gaps_and_no_doubles(stores: &dyn Stores) -> Check {
    let world = World::new(stores).await?;
    let slugs = ["m", "b", "z", "a-b", "a.b", "a", "ab", "n", "c"];
    for (at, slug) in slugs.iter().enumerate() {
        // Three at a time have the same time.
        let artifact = artifact(&format!("acme/{slug}@1.0.0"))?;
        world.upload(&artifact).await?;
        world.set_clock((at as i64 / 3 + 1) * 1_000_000_000);
        world.act(artifact.accept()?).await??;
    }
    let full = |slugs: &[&str]| slugs.iter().map(|slug| format!("acme/{slug}")).collect::<Vec<_>>();
    for limit in 1..=10 {
        let by_name = names(&world, &Filter::default(), Order::Name, limit).await?;
        assert_eq!(by_name, full(&["a", "a-b", "a.b", "ab", "b", "c", "m", "n", "z"]));
        let by_time = names(&world, &Filter::default(), Order::Updated, limit).await?;
        assert_eq!(by_time, full(&["ab", "c", "n", "a", "a-b", "a.b", "b", "m", "z"]));
    }
    Ok(())
}

/// A page may have thousands of rows: who weighs packages asks for all at once.
pub async fn a_page_may_be_long(stores: &dyn Stores) -> Check {
    const PACKAGES: usize = 1001;
    let world = World::new(stores).await?;
    let specs = (0..PACKAGES).map(|at| format!("acme/p{at:04}@1.0.0"));
    let artifacts = specs.map(|spec| Ok(artifact(&spec)?.labels(&[], &["s"]))).collect::<Result<Vec<_>, Failure>>()?;
    for batch in artifacts.chunks(250) {
        for artifact in batch {
            world.upload(artifact).await?;
        }
        let changes: Result<Vec<_>, Failure> =
            batch.iter().map(|artifact| Ok(world.change(artifact.accept()?))).collect();
        for outcome in world.meta.catalog.apply(&changes?, Atomicity::All).await? {
            outcome?;
        }
    }
    let skilled = Filter { skills: vec!["s".to_owned()], ..Filter::default() };
    for filter in [Filter::default(), skilled] {
        for (order, limit) in
            [(Order::Name, PACKAGES_MAX), (Order::Updated, PACKAGES_MAX), (Order::Name, 1000), (Order::Updated, 1000)]
        {
            let page = world.meta.catalog.packages(&filter, order, None, limit).await?;
            let found = (page.items.len(), page.next.is_some());
            assert_eq!(found, (limit.min(PACKAGES), limit < PACKAGES), "{filter:?} {order:?} {limit}");
        }
    }
    Ok(())
}

/// Nearly all packages have as many stars and downloads as each other: pages go through such ties once, under filters too.
pub async fn pages_go_through_ties(stores: &dyn Stores) -> Check {
    let world = World::new(stores).await?;
    let mut known = Vec::new();
    for at in 0..30_u64 {
        let name = format!("acme/p{:02}", at * 7 % 30);
        let tags = [["even", "odd"][at as usize % 2], ["first", "last"][at as usize / 15]];
        world.push(&artifact(&format!("{name}@1.0.0"))?.labels(&tags, &[])).await?;
        let count = [3, 1, 1].get(at as usize / 3).copied().unwrap_or_default();
        world.download(&format!("{name}@1.0.0"), count).await?;
        world.star(&name, count).await?;
        known.push((Reverse(count), name, tags));
    }
    known.sort_unstable();
    for tags in [vec![], vec!["even"], vec!["odd", "last"], vec!["even", "first"]] {
        let filter = Filter { tags: tags.iter().map(|tag| (*tag).to_owned()).collect(), ..Filter::default() };
        let passing = known.iter().filter(|(.., own)| tags.iter().all(|tag| own.contains(tag)));
        let expected: Vec<&str> = passing.map(|(_, name, _)| name.as_str()).collect();
        for (order, limit) in [(Order::Stars, 1), (Order::Stars, 4), (Order::Downloads, 3), (Order::Downloads, 100)] {
            assert_eq!(names(&world, &filter, order, limit).await?, expected, "{tags:?} {order:?} {limit}");
        }
    }
    Ok(())
}

/// Labels are told apart as written (case, accents, scripts), counted once a package, and follow the shown version.
pub async fn labels_are_counted_as_written(stores: &dyn Stores) -> Check {
    let world = World::new(stores).await?;
    let decomposed = "e\u{301}";
    for (spec, tags) in [
        ("acme/a@1.0.0", &["Rust", "rust", "写作", "é"][..]),
        ("acme/b@1.0.0", &["rust", "rust", "写作", decomposed]),
        ("acme/c@1.0.0", &["rust", "перевод"]),
        ("acme/d@1.0.0", &["forgotten"]),
    ] {
        world.push(&artifact(spec)?.labels(tags, &["Rust"])).await?;
    }
    world.push(&artifact("acme/d@2.0.0")?.labels(&["rust"], &[])).await?;
    // An older version brings nothing.
    world.push(&artifact("acme/d@1.5.0")?.labels(&["older"], &["older"])).await?;
    let counted = async |label, limit| {
        let counts = world.meta.catalog.labels(label, None, limit).await?;
        Ok::<_, Failure>(counts.into_iter().map(|LabelCount { label, count }| (label, count)).collect::<Vec<_>>())
    };
    let expected = [("rust", 4), ("写作", 2), ("Rust", 1), (decomposed, 1), ("é", 1), ("перевод", 1)];
    let expected: Vec<_> = expected.iter().map(|(label, count)| ((*label).to_owned(), *count)).collect();
    assert_eq!(counted(Label::Tag, 100).await?, expected);
    assert_eq!(counted(Label::Tag, 2).await?, expected[..2]);
    assert_eq!(counted(Label::Skill, 100).await?, [("Rust".to_owned(), 3)]);
    let tagged = Filter { tags: vec!["Rust".to_owned()], ..Filter::default() };
    assert_eq!(names(&world, &tagged, Order::Name, 10).await?, ["acme/a"]);
    Ok(())
}

/// Pages of labels have no gaps and no doubles, whatever their size; a page begins behind its place, whether or not the label there
/// is shown any more.
pub async fn labels_come_in_pages(stores: &dyn Stores) -> Check {
    let world = World::new(stores).await?;
    // Longer than what an index may hold of a label.
    let long = "写".repeat(1000);
    let (first, second) = (format!("{long}a"), format!("{long}b"));
    for (spec, tags) in [
        ("acme/a@1.0.0", &["all", "some", "few", "A", "é", second.as_str()][..]),
        ("acme/b@1.0.0", &["all", "some", "写作", "b\0", long.as_str()]),
        ("acme/c@1.0.0", &["all", "b", "some ", first.as_str()]),
    ] {
        world.push(&artifact(spec)?.labels(tags, &["all"])).await?;
    }
    let labels = async |after: Option<&LabelCount>, limit| world.meta.catalog.labels(Label::Tag, after, limit).await;
    let all = labels(None, 100).await?;
    let expected =
        ["all", "some", "A", "b", "b\0", "few", "some ", "é", "写作", long.as_str(), first.as_str(), second.as_str()];
    assert_eq!(all.iter().map(|counted| counted.label.as_str()).collect::<Vec<_>>(), expected);
    for limit in 1..=all.len() {
        let mut found: Vec<LabelCount> = Vec::new();
        loop {
            let page = labels(found.last(), limit).await?;
            let is_last = page.len() < limit;
            found.extend(page);
            if is_last {
                break;
            }
        }
        assert_eq!(found, all, "pages of {limit}");
    }
    for (label, count, behind) in [("zz", 3, 1), ("a", 2, 1), ("", 1, 2), ("c", 1, 5), ("all", 9, 0), ("写作", 1, 9)]
    {
        let place = LabelCount { label: label.to_owned(), count };
        assert_eq!(labels(Some(&place), 100).await?, all[behind..], "behind {label:?} with {count}");
    }
    Ok(())
}
