//! What packages need, as labels: the packages that are meant, however a source writes them.

use crate::domain::{About, Dependency, DependencyType, Release, Visibility};

use super::super::{Filter, Label, Needs, Order, Releases};
use super::world::{Artifact, artifact, parse};
use super::{Check, Failure, Stores, World};

/// One letter more, behind its organisation, than a name may have.
const LONG: &str = match str::from_utf8(&[b'a'; 201 - "acme/".len()]) {
    Ok(text) => text,
    Err(_) => "",
};

/// Packages, and what each says that it needs.
pub const SAID: &[(&str, &[&str])] = &[
    ("acme/m", &["a", "other/y"]),
    ("acme/n", &["acme/a", "@acme/a", " a ", "a", "@other/y", "SecurityExpert", "./z", "z.pcl", "z..y", "a/b/c"]),
    // Files, what is no name by its letters, and one that is too long.
    ("acme/l", &["z.md", "z.json", "z.yaml", "z.yml", "a_-b", "a-_b", "a___b", "-a", LONG]),
    // Whatever white space is round a name is none of it.
    ("acme/o", &["\u{a0}a\u{3000}"]),
    ("other/n", &["a", "@acme/a", "@public/a"]),
];

/// Packages that are needed, and by whom.
const MEANT: &[(&str, &[&str])] = &[
    ("acme/a", &["acme/m", "acme/n", "acme/o", "other/n"]),
    ("other/y", &["acme/m", "acme/n"]),
    ("other/a", &["other/n"]),
];

/// Publishes the packages of [`SAID`].
pub async fn publish(world: &World) -> Check {
    let dependency = |text: &&str| Dependency { name: (*text).to_owned(), kind: DependencyType::Import, range: None };
    for (name, said) in SAID {
        let about = About { dependencies: said.iter().map(dependency).collect(), ..About::default() };
        world.push(&Artifact { about, ..artifact(&format!("{name}@1.0.0"))? }).await?;
    }
    Ok(())
}

/// What is counted, as `label count`.
async fn counts(world: &World) -> Result<Vec<String>, Failure> {
    let counts = world.meta.catalog.labels(Label::Need, None, 100).await?;
    Ok(counts.iter().map(|count| format!("{} {}", count.label, count.count)).collect())
}

/// That those of [`SAID`] are found by the packages that they mean, and by nothing else; and go on to be counted.
pub async fn assert_found(world: &World) -> Check {
    let needed = |text: &str| Filter { labelled: vec![vec![(Label::Need, text.to_owned())]], ..Filter::default() };
    for (name, users) in MEANT {
        let page = world.meta.catalog.packages(&needed(name), Order::Name, None, 100).await?;
        let found: Vec<&str> = page.items.iter().map(|package| package.name.as_str()).collect();
        assert_eq!(found, *users, "{name}");
        assert_eq!(world.meta.catalog.count(&needed(name)).await?, users.len() as u64, "{name}");
    }
    let long = format!("acme/{LONG}");
    let none = ["a", "@acme/a", "@other/y", "SecurityExpert", "./z", "acme/z.pcl", "a/b/c", "acme/z.md", "acme/z.json"];
    let none = none.into_iter().chain(["acme/z.yaml", "acme/z.yml", "acme/a_-b", "acme/a-_b", "acme/a___b", "acme/-a"]);
    for text in none.chain(["\u{a0}a\u{3000}", LONG, long.as_str()]) {
        assert_eq!(world.meta.catalog.count(&needed(text)).await?, 0, "{text}");
    }
    assert_eq!(counts(world).await?, ["acme/a 4", "other/y 2", "other/a 1"]);
    world.see("acme/m", Visibility::Unlisted).await??;
    assert_eq!(counts(world).await?, ["acme/a 3", "other/a 1", "other/y 1"]);
    world.see("acme/m", Visibility::Public).await??;
    assert_eq!(counts(world).await?, ["acme/a 4", "other/y 2", "other/a 1"]);
    Ok(())
}

/// `@org/name` means org/name, and a bare word a package of the same organisation. What means no package is no label.
pub async fn what_is_needed_is_a_label(stores: &dyn Stores) -> Check {
    let world = World::new(stores).await?;
    publish(&world).await?;
    assert_found(&world).await
}

/// A package's versions come with what a resolver asks of each, however much that is.
pub async fn versions_come_with_what_they_need(stores: &dyn Stores) -> Check {
    let world = World::new(stores).await?;
    let name = parse("acme/a")?;
    assert!(world.meta.catalog.needs(&name).await?.is_empty());
    for (version, needed) in [("1.0.0", 0), ("1.1.0", 2), ("2.0.0", 500), ("2.1.0", 3)] {
        let dependency = |at| Dependency {
            name: format!("acme/needed-{at}"),
            kind: DependencyType::Requires,
            range: Some("^1.0.0".to_owned()),
        };
        let about = About { dependencies: (0..needed).map(dependency).collect(), ..About::default() };
        world.push(&Artifact { about, ..artifact(&format!("acme/a@{version}"))? }).await?;
    }
    world.publish("acme/ab@1.0.0").await?;
    world.yank("acme/a@1.0.0", None).await??;
    world.delete_tag("acme/a:1.1.0").await??;
    let found = world.meta.catalog.needs(&name).await?;
    let releases: Vec<Release> = found.iter().map(|(release, _)| release.clone()).collect();
    assert_eq!(releases, world.meta.catalog.releases(&name, Releases::Readable).await?);
    assert_eq!(
        releases.iter().map(|release| release.version.to_string()).collect::<Vec<_>>(),
        ["2.1.0", "2.0.0", "1.0.0"]
    );
    for (release, needs) in found {
        let whole = world.meta.catalog.version(&name, &release.version).await?.and_then(|whole| whole.config);
        assert!(needs.is_some(), "{}", release.version);
        assert_eq!(needs, whole.map(Needs::from), "{}", release.version);
    }
    Ok(())
}
