//! Owners of packages, collections, organisations.

use std::collections::{BTreeSet, HashMap};

use async_trait::async_trait;
use mongodb::bson::doc;

use crate::domain::{
    Area, Collection, Digest, Event, Name, OrgName, Profile, Repository, Role, SeenBy, Timestamp, UserName, Visibility,
};

use super::super::groups::{Found, names_of};
use super::super::{CollectionRow, Collections, Groups, MetaError, OrgRow, OrgSaid};
use super::Mongo;
use super::content::{kept, of_repository};
use super::keys::{self, pair, pairs_after, parse, parts, second};
use super::rows::{self, json, to_json, unsigned};
use super::unit::Unit;

#[async_trait]
impl Groups for Mongo {
    async fn seen(&self, names: &[Name]) -> Result<Vec<SeenBy>, MetaError> {
        let keys: Vec<&str> = names.iter().map(Name::as_str).collect();
        let (mut orgs, mut repositories) = (HashMap::new(), HashMap::new());
        let mut packages = self.named::<rows::Package>(&keys).await?;
        if keys.iter().any(|name| !packages.contains_key(*name)) {
            // Each read is of a later moment, and what it finds counts for more than what was found before: a push counts for more than
            // what the organisation says of new names, and a package, which may have been begun in between, for more than both.
            let of: BTreeSet<&str> = names.iter().map(Name::org).collect();
            orgs = self.named::<rows::Org>(&of.into_iter().collect::<Vec<_>>()).await?;
            repositories = self.named::<rows::Repository>(&keys).await?;
            packages = self.named::<rows::Package>(&keys).await?;
        }
        let mut seen = Vec::with_capacity(names.len());
        for name in names {
            let (package, row) = (packages.get(name.as_str()), repositories.get(name.as_str()));
            let found = Found {
                package: package.map(package_seen_by).transpose()?,
                said: row.and_then(|row| row.said.as_deref()).map(parse).transpose()?,
                pushed: row.is_some_and(|row| !row.unpushed),
                of_org: orgs.get(name.org()).map(|org| parse(&org.visibility)).transpose()?,
            };
            seen.push(found.seen_by());
        }
        Ok(seen)
    }

    async fn content(&self, repository: &Repository) -> Result<Vec<Digest>, MetaError> {
        let manifests: Vec<rows::Manifest> = self.page(of_repository(repository), doc! {}, usize::MAX).await?;
        let versions: Vec<rows::Release> = self.page(of_repository(repository), doc! {}, usize::MAX).await?;
        let digests = kept(&manifests, &versions).iter().map(|key| second(key)).collect::<Result<BTreeSet<_>, _>>()?;
        Ok(digests.into_iter().collect())
    }

    async fn collection(&self, name: &Name) -> Result<Option<CollectionRow>, MetaError> {
        let collections = self.connection.durable::<rows::Collection>();
        let found = self.connection.run(collections.find_one(doc! { "_id": name.as_str() })).await?;
        found.as_ref().map(collection).transpose()
    }

    async fn collections(
        &self,
        which: &Collections,
        after: Option<&Name>,
        limit: usize,
    ) -> Result<Vec<CollectionRow>, MetaError> {
        let seen: Vec<&str> = which.seen().iter().map(|visibility| visibility.as_str()).collect();
        let mut filter = doc! { "visibility": { "$in": seen } };
        if let Some(org) = &which.org {
            filter.insert("org", org);
        }
        if let Some(package) = &which.with {
            filter.insert("packages", package.as_str());
        }
        if let Some(after) = after {
            filter.insert("_id", doc! { "$gt": after.as_str() });
        }
        let found: Vec<rows::Collection> = self.page(filter, doc! { "_id": 1 }, limit).await?;
        found.iter().map(collection).collect()
    }

    async fn org(&self, org: &OrgName) -> Result<Option<OrgRow>, MetaError> {
        let rows = self.rows_of(&[org.to_string()]).await?;
        Ok(rows.into_iter().find(|row| row.said.is_some() || row.packages > 0))
    }

    async fn orgs(&self, after: Option<&OrgName>, limit: usize) -> Result<Vec<OrgRow>, MetaError> {
        if limit == 0 {
            return Ok(Vec::new());
        }
        let after = after.map(OrgName::as_str).unwrap_or_default();
        let page = doc! { "_id": { "$gt": after } };
        let said: Vec<rows::Org> = self.page(page, doc! { "_id": 1 }, limit).await?;
        let keys = pairs_after(keys::ORG, after);
        let page = doc! { "_id": { "$gt": keys.start, "$lt": keys.end } };
        let publishing: Vec<rows::Label> = self.page(page, doc! { "_id": 1 }, limit).await?;
        let publishing = publishing.iter().map(|row| second::<String>(&row.id)).collect::<Result<Vec<_>, _>>()?;
        let names: BTreeSet<String> = said.into_iter().map(|row| row.id).chain(publishing).collect();
        self.rows_of(&names.into_iter().take(limit).collect::<Vec<_>>()).await
    }

    async fn deleted(
        &self,
        org: &OrgName,
        visibilities: &[Visibility],
        after: Option<&Name>,
        limit: usize,
    ) -> Result<Vec<(Name, Visibility)>, MetaError> {
        let (first, last) = names_of(org, after);
        let seen: Vec<&str> = visibilities.iter().map(|visibility| visibility.as_str()).collect();
        let names = doc! { "$gt": first, "$lt": last };
        let filter = doc! { "_id": names, "shown": { "$exists": false }, "visibility": { "$in": seen } };
        let found: Vec<rows::Package> = self.page(filter, doc! { "_id": 1 }, limit).await?;
        found.iter().map(|row| Ok((parse(&row.id)?, parse(&row.visibility)?))).collect()
    }

    async fn members(
        &self,
        org: &OrgName,
        after: Option<&UserName>,
        limit: usize,
    ) -> Result<Vec<(UserName, Role)>, MetaError> {
        let after = after.map(UserName::as_str).unwrap_or_default();
        let roles: Vec<String> = Role::ALL.iter().map(|role| pair(org, role)).collect();
        let filter = doc! { "roles": { "$in": roles }, "_id": { "$gt": after } };
        let found: Vec<rows::Account> = self.page(filter, doc! { "_id": 1 }, limit).await?;
        let member = |row: &rows::Account| {
            let own = row.roles.iter().map(|role| parts::<OrgName, Role>(role)).collect::<Result<Vec<_>, _>>()?;
            let role = own.into_iter().find(|(of, _)| of == org).map(|(_, role)| role);
            role.map(|role| Ok((parse(&row.id)?, role))).transpose()
        };
        found.iter().filter_map(|row| member(row).transpose()).collect()
    }
}

impl Mongo {
    /// Documents by their keys.
    async fn named<R: rows::Row>(&self, keys: &[&str]) -> Result<HashMap<String, R>, MetaError> {
        let found: Vec<R> = self.page(doc! { "_id": { "$in": keys.to_vec() } }, doc! {}, usize::MAX).await?;
        Ok(found.into_iter().map(|row| (row.id().to_owned(), row)).collect())
    }

    /// What is known of organisations of these names, in this order.
    async fn rows_of(&self, names: &[String]) -> Result<Vec<OrgRow>, MetaError> {
        let counts: Vec<String> = names.iter().map(|name| keys::org(name)).collect();
        let counts: Vec<rows::Label> = self.page(doc! { "_id": { "$in": counts } }, doc! {}, usize::MAX).await?;
        let counts: HashMap<String, u64> = counts.into_iter().map(|row| (row.id, unsigned(row.count))).collect();
        let said: Vec<rows::Org> = self.page(doc! { "_id": { "$in": names } }, doc! {}, usize::MAX).await?;
        let row = |name: &String| {
            let packages = counts.get(&keys::org(name)).copied().unwrap_or_default();
            let said = said.iter().find(|row| row.id == *name).map(org_said).transpose()?;
            Ok(OrgRow { name: parse(name)?, said, packages })
        };
        names.iter().map(row).collect()
    }
}

fn package_seen_by(row: &rows::Package) -> Result<SeenBy, MetaError> {
    let owners = row.owners.iter().map(|owner| parse(owner)).collect::<Result<_, _>>()?;
    Ok(SeenBy { visibility: parse(&row.visibility)?, owners, is_package: true })
}

fn org_said(row: &rows::Org) -> Result<OrgSaid, MetaError> {
    Ok(OrgSaid {
        document: second(&row.blob)?,
        profile: json(&row.profile)?,
        created: Timestamp::from_micros(row.created),
        updated: Timestamp::from_micros(row.updated),
    })
}

fn collection(row: &rows::Collection) -> Result<CollectionRow, MetaError> {
    Ok(CollectionRow {
        name: parse(&row.id)?,
        document: second(&row.blob)?,
        title: row.title.clone(),
        description: row.description.clone(),
        visibility: parse(&row.visibility)?,
        items: row.packages.len() as u64,
        created: Timestamp::from_micros(row.created),
        updated: Timestamp::from_micros(row.updated),
    })
}

impl Unit<'_> {
    pub(super) fn write_org(
        &mut self,
        org: &OrgName,
        document: &Digest,
        profile: &Profile,
        event: &Event,
    ) -> Result<(), MetaError> {
        let now = event.time.micros();
        let created = self.orgs.get(self.session, org.as_str())?.map_or(now, |row| row.created);
        self.orgs.put(rows::Org {
            id: org.to_string(),
            blob: pair(Area::Public, document),
            profile: to_json(profile)?,
            visibility: profile.visibility.as_str().to_owned(),
            created,
            updated: now,
        });
        Ok(())
    }

    pub(super) fn write_collection(
        &mut self,
        name: &Name,
        document: &Digest,
        content: &Collection,
        event: &Event,
    ) -> Result<(), MetaError> {
        let now = event.time.micros();
        let created = self.collections.get(self.session, name.as_str())?.map_or(now, |row| row.created);
        self.collections.put(rows::Collection {
            id: name.to_string(),
            org: name.org().to_owned(),
            blob: pair(Area::Public, document),
            title: content.title.clone(),
            description: content.description.clone(),
            visibility: content.visibility.as_str().to_owned(),
            packages: content.items.iter().map(|item| item.name.to_string()).collect(),
            created,
            updated: now,
        });
        Ok(())
    }
}
