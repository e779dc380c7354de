//! Changes that fail in the middle. Not among the checks that [`metadata_contract!`](crate::metadata_contract) makes: how a write is
//! made to fail is a store's own matter, so its test hands in the [`Places`].

use async_trait::async_trait;

use crate::domain::{Collection, CollectionItem, Deprecation, Name, Profile, Version, Visibility};

use super::super::{Act, Atomicity, Outcome, Refused, Seen};
use super::world::{Artifact, World};
use super::{Failure, dump};

/// Places of a store, its tables say, at which a write can be made to fail.
#[async_trait]
pub trait Places: Send + Sync {
    /// From now on every write at place `at`, counted from 0, fails once it is made. `false`: there is no such place.
    async fn fail_at(&self, at: usize) -> Result<bool, Failure>;

    /// Nothing fails any more.
    async fn heal(&self) -> Result<(), Failure>;
}

/// Steps in the life of a package, see [`step`].
const STEPS: usize = 12;

/// Makes every sort of change in a new world with a failure at the place. One that fails leaves the whole catalogue as it was, and can
/// be made once the store is well again. How many failed; `None`: there is no such place.
///
/// # Errors
/// The first change that a well store did not make. A catalogue with something left in it fails an assertion.
pub async fn nothing_of_a_failed_change_stays(
    world: &World,
    places: &dyn Places,
    at: usize,
) -> Result<Option<usize>, Failure> {
    let mut failures = 0;
    let package = "acme/hello";
    let artifacts = versions(package)?;
    for artifact in &artifacts {
        world.upload(artifact).await?;
    }
    if !places.fail_at(at).await? {
        return Ok(None);
    }
    for number in 0..STEPS {
        let before = dump(&world.meta).await?;
        if let Ok(outcome) = step(world, package, &artifacts, number).await {
            outcome?;
            continue;
        }
        failures += 1;
        places.heal().await?;
        assert_eq!(dump(&world.meta).await?, before, "step {number} failed at place {at}");
        step(world, package, &artifacts, number).await??;
        places.fail_at(at).await?;
    }
    places.heal().await?;
    Ok(Some(failures))
}

/// Four versions.
fn versions(package: &str) -> Result<Vec<Artifact>, Failure> {
    let mut versions = Vec::new();
    for (number, label) in [("1.0.0", "one"), ("2.0.0", "two"), ("3.0.0", "three"), ("4.0.0", "four")] {
        let artifact = Artifact::new(&format!("{package}@{number}"))?;
        versions.push(artifact.labels(&["all", label], &["reading", label]));
    }
    versions[1].tags.push("stable".to_owned());
    Ok(versions)
}

async fn step(
    world: &World,
    package: &str,
    artifacts: &[Artifact],
    number: usize,
) -> Result<Result<(), Refused>, Failure> {
    let name: Name = package.parse()?;
    let version: Version = "1.0.0".parse()?;
    let first = format!("{package}@1.0.0");
    let act = |outcome: Outcome| outcome.map(drop);
    Ok(match number {
        0 | 1 => act(world.act(artifacts[number].accept()?).await?),
        2 => {
            let deprecation = Deprecation { reason: None, replacement: Some(name.clone()) };
            act(world.act(Act::Deprecate { name, version, deprecation, area: None }).await?)
        }
        3 => act(world.act(Act::Pin { name, version }).await?),
        4 => act(world.see(package, Visibility::Unlisted).await?),
        5 => act(world.delete_tag(&format!("{package}:1.0.0")).await?),
        6 => act(world.purge(&first).await?),
        7 => act(world.act(Act::SetOwners { name, owners: vec!["ann".parse()?], seen: None }).await?),
        8 => {
            let item = CollectionItem { name, range: None, note: None };
            let content = Collection { items: vec![item], ..Collection::default() };
            act(world.collect(package, &content, Seen::Absent).await?)
        }
        9 => act(world.act(Act::DeleteCollection { name, seen: Seen::Unsaid }).await?),
        10 => {
            let profile = Profile { title: Some(package.to_owned()), ..Profile::default() };
            act(world.say("acme", &profile, Seen::Unsaid).await?)
        }
        _ => {
            let changes = [world.change(artifacts[2].accept()?), world.change(artifacts[3].accept()?)];
            let outcomes = world.meta.catalog.apply(&changes, Atomicity::All).await?;
            outcomes.into_iter().try_for_each(act)
        }
    })
}
