//! What artifacts have to do with each other: who needs whom, who is like whom, who has the skills that are needed.

use std::collections::{BTreeMap, HashMap};

use futures::{StreamExt, TryStreamExt, stream};

use crate::domain::api::{Dependent, Related, SkillMatch, SkillMatches, SkillTeam, TeamMember};
use crate::domain::{Action, Actor, Dependency, DependencyType, Kind, Name, Package, Scope};
use crate::meta::{Catalog, Cursor, Filter, Label, MetaError, Order, PACKAGES_MAX, Page};
use crate::resolve::{self, Required, SKILLS_MAX, Skilled};

use super::{Registry, RegistryError};

/// Most artifacts that are weighed for skills: those that changed last.
const CANDIDATES_MAX: usize = PACKAGES_MAX;
/// Most artifacts that are looked at for each label that is shared: those that changed last.
const SHARED_MAX: usize = 200;
/// Most labels of a package that are looked at: its tags, then its skills.
const LABELS_MAX: usize = 32;
/// Labels that are looked at side by side.
const READS: usize = 4;

impl Registry {
    /// Public packages whose shown version needs this one, by name; in one of these ways, if any are named. A page may have fewer
    /// rows than its limit, and is the last only if it names no next.
    pub async fn dependents(
        &self,
        actor: &Actor,
        name: &Name,
        kinds: &[DependencyType],
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<Page<Dependent>, RegistryError> {
        self.require(actor, Action::Read, Scope::Repository(&name.repository()))?;
        let filter = labelled(vec![vec![(Label::Need, name.to_string())]]);
        let page = self.0.meta.catalog.packages(&filter, Order::Name, after, limit).await?;
        let shown: Vec<_> = page.items.iter().map(|package| (package.name.clone(), package.shown.clone())).collect();
        let mut items = Vec::with_capacity(shown.len());
        for published in self.0.meta.catalog.versions(&shown).await? {
            let dependencies = published.config.map(|config| config.about.dependencies).unwrap_or_default();
            let is_ours = |dependency: &Dependency| {
                resolve::package(&published.name, &dependency.name).is_some_and(|(needed, _)| needed == *name)
            };
            let ours = dependencies.into_iter().filter(is_ours);
            let ours = ours.filter(|dependency| kinds.is_empty() || kinds.contains(&dependency.kind));
            items.extend(ours.map(|dependency| Dependent {
                name: published.name.clone(),
                version: published.version.clone(),
                kind: dependency.kind,
                range: dependency.range,
            }));
        }
        Ok(Page { items, next: page.next })
    }

    /// Public packages that share tags and skills with this one. A label that few have weighs more than one that many have. Of its
    /// labels the first [`LABELS_MAX`] are looked at, and for each the [`SHARED_MAX`] packages that changed last.
    pub async fn related(&self, actor: &Actor, name: &Name, limit: usize) -> Result<Vec<Related>, RegistryError> {
        let package = self.package(actor, name).await?;
        let tags = package.tags.iter().map(|tag| (Label::Tag, tag.clone()));
        let skills = package.skills.iter().map(|skill| (Label::Skill, skill.name.clone()));
        let catalog = &self.0.meta.catalog;
        let labels: Vec<(Label, String)> = tags.chain(skills).take(LABELS_MAX).collect();
        let looked: Vec<_> = stream::iter(labels)
            .map(|(label, text)| async move {
                let filter = labelled(vec![vec![(label, text.clone())]]);
                let page = catalog.packages(&filter, Order::Updated, None, SHARED_MAX).await?;
                // Most labels are on few, which are all here.
                let count = match page.next {
                    Some(_) => catalog.count(&filter).await?,
                    None => page.items.len() as u64,
                };
                Ok::<_, RegistryError>((text, count, page.items))
            })
            .buffered(READS)
            .try_collect()
            .await?;
        let mut found: HashMap<Name, (f64, Package, Vec<String>)> = HashMap::new();
        for (text, count, items) in looked {
            let weight = 1.0 / (1.0 + count as f64).ln();
            for other in items.into_iter().filter(|other| other.name != *name) {
                let (sum, _, shared) = found.entry(other.name.clone()).or_insert_with(|| (0.0, other, Vec::new()));
                *sum += weight;
                shared.push(text.clone());
            }
        }
        let mut related: Vec<_> = found.into_values().collect();
        related.sort_by(|one, other| other.0.total_cmp(&one.0).then_with(|| one.1.name.cmp(&other.1.name)));
        let related = related.into_iter().take(limit);
        Ok(related
            .map(|(_, package, shared)| Related {
                name: package.name,
                kind: package.kind,
                title: package.title,
                shared,
            })
            .collect())
    }

    /// Public packages that have the required skills, those with most of them first; and if a team is asked for, the fewest
    /// personas that have them all. Of more than [`CANDIDATES_MAX`] the ones that changed last are weighed, and no team is said to
    /// be the smallest.
    pub async fn with_skills(
        &self,
        actor: &Actor,
        required: &[Required],
        tags: Vec<String>,
        kinds: Vec<Kind>,
        limit: usize,
        is_team: bool,
    ) -> Result<SkillMatches, RegistryError> {
        self.require(actor, Action::Read, Scope::Registry)?;
        if required.is_empty() || required.len() > SKILLS_MAX {
            let message = format!("{} skills are asked for, expected 1 to {SKILLS_MAX}", required.len());
            return Err(RegistryError::BadRequest(message));
        }
        let skills = required.iter().map(|required| (Label::Skill, required.name.clone())).collect();
        let kinds = if is_team && kinds.is_empty() { vec![Kind::Persona] } else { kinds };
        let filter = Filter { kinds, tags, ..labelled(vec![skills]) };
        let (packages, is_cut) = all(self.0.meta.catalog.as_ref(), &filter, CANDIDATES_MAX).await?;
        let new = |package: &Package| Skilled::new(package.name.clone(), &package.skills, required);
        let mut candidates: Vec<Skilled> = packages.iter().map(new).filter(|candidate| candidate.has != 0).collect();
        resolve::most_able_first(&mut candidates);
        let packages: BTreeMap<&Name, &Package> = packages.iter().map(|package| (&package.name, package)).collect();
        let names = |bits: u64, is_set: bool| {
            let skills = required.iter().enumerate().filter(|(at, _)| (bits & (1 << at) != 0) == is_set);
            skills.map(|(_, required)| required.name.clone()).collect::<Vec<_>>()
        };
        let item = |candidate: &Skilled| SkillMatch {
            name: candidate.name.clone(),
            kind: packages[&candidate.name].kind,
            title: packages[&candidate.name].title.clone(),
            has: names(candidate.has, true),
            lacks: names(candidate.has, false),
        };
        let items = candidates.iter().take(limit).map(item).collect();
        let team = is_team.then(|| {
            let team = resolve::smallest_team(&candidates, required.len());
            let member = |member: &Skilled| TeamMember { name: member.name.clone(), covers: names(member.has, true) };
            SkillTeam {
                members: team.members.iter().map(member).collect(),
                missing: names(team.missing, true),
                // Somebody who was not weighed may have more of the skills than anybody here.
                is_smallest: team.is_smallest && !is_cut,
            }
        });
        Ok(SkillMatches { items, team })
    }
}

/// Packages that pass the filter, at most `max`, and whether there are more.
async fn all(catalog: &dyn Catalog, filter: &Filter, max: usize) -> Result<(Vec<Package>, bool), MetaError> {
    let (mut packages, mut after) = (Vec::new(), None);
    while packages.len() < max {
        let page = catalog.packages(filter, Order::Updated, after.as_ref(), max - packages.len()).await?;
        packages.extend(page.items);
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    Ok((packages, after.is_some()))
}

fn labelled(labelled: Vec<Vec<(Label, String)>>) -> Filter {
    Filter { labelled, ..Filter::default() }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::meta::Memory;
    use crate::meta::contract::World;

    #[tokio::test]
    async fn who_weighs_a_part_knows_that_there_are_more() {
        let world = World::over(Arc::new(Memory::new()).meta());
        for spec in ["acme/one@1.0.0", "acme/two@1.0.0", "acme/three@1.0.0"] {
            world.publish(spec).await.unwrap();
        }
        for (max, found) in [(2, (2, true)), (3, (3, false)), (4, (3, false))] {
            let (packages, is_cut) = all(world.meta.catalog.as_ref(), &Filter::default(), max).await.unwrap();
            assert_eq!((packages.len(), is_cut), found, "{max}");
        }
    }
}
