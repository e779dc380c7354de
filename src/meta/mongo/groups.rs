//! Owners of packages, and collections.

use async_trait::async_trait;
use mongodb::bson::doc;

use crate::domain::{Area, Collection, Digest, Event, Name, Timestamp, UserName};

use super::super::{CollectionRow, Collections, Groups, MetaError};
use super::Mongo;
use super::keys::{pair, parse, second};
use super::rows;
use super::unit::Unit;

#[async_trait]
impl Groups for Mongo {
    async fn owners(&self, name: &Name) -> Result<Option<Vec<UserName>>, MetaError> {
        let packages = self.connection.durable::<rows::Package>();
        let found = self.connection.run(packages.find_one(doc! { "_id": name.as_str() })).await?;
        found.map(|row| row.owners.iter().map(|owner| parse(owner)).collect()).transpose()
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
