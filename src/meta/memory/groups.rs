//! Owners of packages, collections, organisations.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use async_trait::async_trait;

use crate::domain::{
    Collection, Digest, Event, Name, OrgName, Profile, Repository, Role, SeenBy, UserName, Visibility,
};

use super::super::column::parse_text;
use super::super::groups::{Found, names_of};
use super::super::{CollectionRow, Collections, Groups, MetaError, OrgRow, OrgSaid};
use super::Memory;
use super::state::{Gathered, PackageRow, Said, State};

#[async_trait]
impl Groups for Memory {
    async fn seen(&self, names: &[Name]) -> Result<Vec<SeenBy>, MetaError> {
        let state = self.read();
        let seen = |name: &Name| {
            let key = name.to_string();
            let of = |row: &Arc<PackageRow>| SeenBy {
                visibility: row.visibility,
                owners: row.owners.clone(),
                is_package: true,
            };
            let found = Found {
                package: state.packages.get(&key).map(of),
                said: state.names.get(&key).copied(),
                pushed: state.repositories.get(&key).is_some(),
                of_org: state.orgs.get(&name.org().to_owned()).map(|said| said.0.profile.visibility),
            };
            found.seen_by()
        };
        Ok(names.iter().map(seen).collect())
    }

    async fn content(&self, repository: &Repository) -> Result<Vec<Digest>, MetaError> {
        Ok(self.read().content(repository).into_iter().map(|(digest, _)| digest).collect())
    }

    async fn collection(&self, name: &Name) -> Result<Option<CollectionRow>, MetaError> {
        Ok(self.read().collections.get(&name.to_string()).map(|gathered| gathered.row.clone()))
    }

    async fn collections(
        &self,
        which: &Collections,
        after: Option<&Name>,
        limit: usize,
    ) -> Result<Vec<CollectionRow>, MetaError> {
        let (state, seen) = (self.read(), which.seen());
        let after = after.map(ToString::to_string).unwrap_or_default();
        let rows: Box<dyn Iterator<Item = &Arc<Gathered>>> = match &which.with {
            None => Box::new(state.collections.after(after).map(|(_, gathered)| gathered)),
            Some(package) => {
                let package = package.to_string();
                let names = state.gathered.after((package.clone(), after));
                let names = names.take_while(move |((of, _), ())| *of == package);
                Box::new(names.filter_map(|((_, name), ())| state.collections.get(name)))
            }
        };
        let listed = rows
            .map(|gathered| &gathered.row)
            .filter(|row| seen.contains(&row.visibility) && which.org.as_ref().is_none_or(|org| row.name.org() == org));
        Ok(listed.take(limit).cloned().collect())
    }

    async fn org(&self, org: &OrgName) -> Result<Option<OrgRow>, MetaError> {
        let state = self.read();
        let (said, packages) = (state.orgs.get(&org.to_string()), state.public_packages(Some(org)));
        let packages = packages.get(org).copied().unwrap_or_default();
        let is_there = said.is_some() || packages > 0;
        let said = said.map(|said| said.0.clone());
        Ok(is_there.then(|| OrgRow { name: org.clone(), said, packages }))
    }

    async fn orgs(&self, after: Option<&OrgName>, limit: usize) -> Result<Vec<OrgRow>, MetaError> {
        let state = self.read();
        let mut packages = state.public_packages(None);
        for (name, _) in state.orgs.iter() {
            packages.entry(parse_text(name)?).or_default();
        }
        let page = packages.into_iter().filter(|(name, _)| after.is_none_or(|after| name > after)).take(limit);
        let row = |(name, packages): (OrgName, u64)| {
            let said = state.orgs.get(&name.to_string()).map(|said| said.0.clone());
            OrgRow { name, said, packages }
        };
        Ok(page.map(row).collect())
    }

    async fn deleted(
        &self,
        org: &OrgName,
        visibilities: &[Visibility],
        after: Option<&Name>,
        limit: usize,
    ) -> Result<Vec<(Name, Visibility)>, MetaError> {
        let (first, last) = names_of(org, after);
        let state = self.read();
        // A place behind the organisation is no beginning of a range.
        let names = state.packages.after(first).take_while(|(name, _)| **name < last);
        let deleted = names.filter(|(_, row)| row.shown.is_none() && visibilities.contains(&row.visibility));
        deleted.take(limit).map(|(name, row)| Ok((parse_text(name)?, row.visibility))).collect()
    }

    async fn members(
        &self,
        org: &OrgName,
        after: Option<&UserName>,
        limit: usize,
    ) -> Result<Vec<(UserName, Role)>, MetaError> {
        let members = self.with_role(org).into_iter();
        Ok(members.filter(|(name, _)| after.is_none_or(|after| name > after)).take(limit).collect())
    }
}

impl State {
    /// How many public packages each organisation has that can be found; of one, if it is named.
    fn public_packages(&self, org: Option<&OrgName>) -> BTreeMap<OrgName, u64> {
        // '0' is the byte after the slash.
        let range = org.map(|org| (format!("{org}/"), format!("{org}0")));
        let range = match &range {
            Some((first, last)) => (Bound::Included(first.clone()), Bound::Excluded(last.clone())),
            None => (Bound::Unbounded, Bound::Unbounded),
        };
        let mut packages: BTreeMap<OrgName, u64> = BTreeMap::new();
        for (name, row) in self.packages.range(range) {
            if row.visibility == Visibility::Public
                && row.shown.is_some()
                && let Some(Ok(org)) = name.split('/').next().map(str::parse)
            {
                *packages.entry(org).or_default() += 1;
            }
        }
        packages
    }

    pub(super) fn write_org(&mut self, org: &OrgName, document: Digest, profile: &Profile, event: &Event) {
        let created = self.orgs.get(&org.to_string()).map_or(event.time, |said| said.0.created);
        let said = OrgSaid { document, profile: profile.clone(), created, updated: event.time };
        self.orgs.insert(org.to_string(), Arc::new(Said(said)));
    }

    pub(super) fn write_collection(&mut self, name: &Name, document: Digest, content: &Collection, event: &Event) {
        let created = self.collections.get(&name.to_string()).map_or(event.time, |gathered| gathered.row.created);
        self.remove_collection(name);
        let packages: Vec<String> = content.items.iter().map(|item| item.name.to_string()).collect();
        for package in &packages {
            self.gathered.insert((package.clone(), name.to_string()), ());
        }
        let row = CollectionRow::new(name, document, content, created, event.time);
        self.collections.insert(name.to_string(), Arc::new(Gathered { row, packages }));
    }

    pub(super) fn remove_collection(&mut self, name: &Name) {
        let Some(gathered) = self.collections.get(&name.to_string()).cloned() else { return };
        for package in &gathered.packages {
            self.gathered.remove(&(package.clone(), name.to_string()));
        }
        self.collections.remove(&name.to_string());
    }
}
