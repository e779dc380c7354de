//! Owners of packages, collections, organisations.

use std::collections::BTreeMap;

use async_trait::async_trait;
use pcl_registry::domain::{
    Collection, Digest, Event, Name, OrgName, Profile, Repository, Role, SeenBy, UserName, Visibility,
};
use pcl_registry::meta::rules::seen_before;
use pcl_registry::meta::{CollectionRow, Collections, Filter, Groups, MetaError, OrgRow, OrgSaid};

use super::journal::Unit;
use super::rows::{self, Gathered, PackageRow, User};
use super::store::Foreign;

#[async_trait]
impl Groups for Foreign {
    async fn seen(&self, names: &[Name]) -> Result<Vec<SeenBy>, MetaError> {
        self.read(|unit| names.iter().map(|name| unit.seen_by(name)).collect())
    }

    async fn content(&self, repository: &Repository) -> Result<Vec<Digest>, MetaError> {
        let content = self.read(|unit| unit.content(repository))?;
        Ok(content.into_iter().map(|(digest, _)| digest).collect())
    }

    async fn collection(&self, name: &Name) -> Result<Option<CollectionRow>, MetaError> {
        let gathered = self.read(|unit| unit.get::<Gathered>(&rows::collection(name)))?;
        Ok(gathered.map(|gathered| gathered.row))
    }

    async fn collections(
        &self,
        which: &Collections,
        after: Option<&Name>,
        limit: usize,
    ) -> Result<Vec<CollectionRow>, MetaError> {
        let (seen, after) = (which.seen(), after.map(Name::as_str).unwrap_or_default());
        self.read(|unit| {
            let mut listed = Vec::new();
            for row in unit.rows::<Gathered>("collection ", after) {
                let (_, Gathered { row, packages }) = row?;
                let is_meant = seen.contains(&row.visibility)
                    && which.org.as_ref().is_none_or(|org| row.name.org() == org)
                    && which.with.as_ref().is_none_or(|package| packages.contains(package));
                if is_meant {
                    listed.push(row);
                }
            }
            listed.truncate(limit);
            Ok(listed)
        })
    }

    async fn org(&self, org: &OrgName) -> Result<Option<OrgRow>, MetaError> {
        let mut orgs = self.read(|unit| unit.orgs())?;
        Ok(orgs.remove(org))
    }

    async fn orgs(&self, after: Option<&OrgName>, limit: usize) -> Result<Vec<OrgRow>, MetaError> {
        let orgs = self.read(|unit| unit.orgs())?;
        let behind = orgs.into_values().filter(|row| after.is_none_or(|after| row.name > *after));
        Ok(behind.take(limit).collect())
    }

    async fn deleted(
        &self,
        org: &OrgName,
        visibilities: &[Visibility],
        after: Option<&Name>,
        limit: usize,
    ) -> Result<Vec<(Name, Visibility)>, MetaError> {
        let after = after.map(Name::as_str).unwrap_or_default();
        self.read(|unit| {
            let mut deleted = Vec::new();
            for row in unit.rows::<PackageRow>("package ", after) {
                let (name, row) = row?;
                let name: Name = rows::parse(name)?;
                if name.org() == org.as_str() && row.shown.is_none() && visibilities.contains(&row.visibility) {
                    deleted.push((name, row.visibility));
                }
            }
            deleted.truncate(limit);
            Ok(deleted)
        })
    }

    async fn members(
        &self,
        org: &OrgName,
        after: Option<&UserName>,
        limit: usize,
    ) -> Result<Vec<(UserName, Role)>, MetaError> {
        let after = after.map(UserName::as_str).unwrap_or_default();
        self.read(|unit| {
            let mut members = Vec::new();
            for row in unit.rows::<User>("user ", after) {
                let (name, (_, roles)) = row?;
                if let Some(role) = roles.get(org) {
                    members.push((rows::parse::<UserName>(name)?, *role));
                }
            }
            members.truncate(limit);
            Ok(members)
        })
    }
}

impl Unit<'_> {
    /// Who sees what is under a name.
    fn seen_by(&self, name: &Name) -> Result<SeenBy, MetaError> {
        if let Some(row) = self.package(name)? {
            return Ok(SeenBy { visibility: row.visibility, owners: row.owners, is_package: true });
        }
        let org: OrgName = rows::parse(name.org())?;
        let of_org = self.get::<OrgSaid>(&rows::org(&org))?.map(|said| said.profile.visibility);
        let (said, pushed) = (self.get(&rows::name(name))?, self.has(&rows::repository(&name.repository())));
        Ok(SeenBy { visibility: seen_before(said, pushed, of_org), ..SeenBy::default() })
    }

    /// Organisations that have said something of themselves or have public packages.
    fn orgs(&self) -> Result<BTreeMap<OrgName, OrgRow>, MetaError> {
        let mut orgs = BTreeMap::new();
        for row in self.rows::<OrgSaid>("org ", "") {
            let (name, said) = row?;
            let name: OrgName = rows::parse(name)?;
            orgs.insert(name.clone(), OrgRow { name, said: Some(said), packages: 0 });
        }
        for package in self.listed(&Filter::default())? {
            let name: OrgName = rows::parse(package.name.org())?;
            let org = orgs.entry(name.clone()).or_insert_with(|| OrgRow { name, said: None, packages: 0 });
            org.packages += 1;
        }
        Ok(orgs)
    }

    /// The organisation says this of itself from the event on.
    pub fn put_org(
        &mut self,
        org: &OrgName,
        document: Digest,
        profile: &Profile,
        event: &Event,
    ) -> Result<(), MetaError> {
        let key = rows::org(org);
        let created = self.get::<OrgSaid>(&key)?.map_or(event.time, |said| said.created);
        self.put(key, &OrgSaid { document, profile: profile.clone(), created, updated: event.time })
    }

    /// The collection says this from the event on.
    pub fn put_collection(
        &mut self,
        name: &Name,
        document: Digest,
        content: &Collection,
        event: &Event,
    ) -> Result<(), MetaError> {
        let key = rows::collection(name);
        let created = self.get::<Gathered>(&key)?.map_or(event.time, |gathered| gathered.row.created);
        let row = CollectionRow::new(name, document, content, created, event.time);
        let packages = content.items.iter().map(|item| item.name.clone()).collect();
        self.put(key, &Gathered { row, packages })
    }
}
