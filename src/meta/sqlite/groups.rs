//! Owners of packages, collections, organisations.

use async_trait::async_trait;
use rusqlite::types::Value;
use rusqlite::{Row, params, params_from_iter};

use crate::domain::{
    Area, Collection, Digest, Event, Name, OrgName, Profile, Repository, Role, SeenBy, Timestamp, UserName, Visibility,
};

use super::super::groups::{Found, names_of};
use super::super::{CollectionRow, Collections, Groups, MetaError, OrgRow, OrgSaid};
use super::Sqlite;
use super::sql::{Sql, get, json, parse, parse_optional, signed, to_json, unsigned};

/// The columns of [`org`], for the names `n`.
const ORG: &str = "SELECT n.name, coalesce(l.public, 0), o.document, o.profile, o.created, o.updated";
const OF_ORG: &str = "LEFT JOIN orgs o ON o.name = n.name
    LEFT JOIN label_counts l ON l.type = 101 AND l.label = n.name";

const COLLECTION: &str = "c.name, c.document, c.title, c.description, c.visibility, c.items, c.created, c.updated";

#[async_trait]
impl Groups for Sqlite {
    async fn seen(&self, names: &[Name]) -> Result<Vec<SeenBy>, MetaError> {
        let names: Vec<&str> = names.iter().map(Name::as_str).collect();
        let names = to_json(&names)?;
        // The first component of a name is its organisation.
        let sql = "SELECT (SELECT visibility FROM names WHERE name = w.value),
                   EXISTS (SELECT 1 FROM repositories WHERE name = w.value),
                   (SELECT visibility FROM orgs WHERE name = substr(w.value, 1, instr(w.value, '/') - 1)),
                   p.visibility, p.owners
                   FROM json_each(?1) w LEFT JOIN packages p ON p.name = w.value ORDER BY w.key";
        self.pool.read(move |reader| reader.rows(sql, [names], seen_by)).await
    }

    async fn content(&self, repository: &Repository) -> Result<Vec<Digest>, MetaError> {
        let repository = repository.clone();
        let kept = self.pool.read(move |reader| reader.content(&repository)).await?;
        Ok(kept.into_iter().map(|(digest, _)| digest).collect())
    }

    async fn collection(&self, name: &Name) -> Result<Option<CollectionRow>, MetaError> {
        let name = name.to_string();
        let sql = format!("SELECT {COLLECTION} FROM collections c WHERE c.name = ?1");
        self.pool.read(move |reader| reader.row(&sql, [name], collection)).await
    }

    async fn collections(
        &self,
        which: &Collections,
        after: Option<&Name>,
        limit: usize,
    ) -> Result<Vec<CollectionRow>, MetaError> {
        let mut values: Vec<Value> = Vec::new();
        let from = match &which.with {
            None => "collections c WHERE",
            Some(package) => {
                values.push(package.to_string().into());
                "collection_items i CROSS JOIN collections c ON c.name = i.collection WHERE i.package = ? AND"
            }
        };
        let seen = which.seen();
        let marks = vec!["?"; seen.len()].join(", ");
        values.extend(seen.iter().map(|visibility| Value::from(visibility.as_str().to_owned())));
        // The names of an organisation lie together: '0' is the byte after the slash.
        let bounds = which.org.iter().map(|org| (format!("{org}/"), format!("{org}0"))).next();
        let of_org = if bounds.is_some() { "AND c.name > ? AND c.name < ?" } else { "" };
        values.extend(bounds.into_iter().flat_map(|(first, last)| [Value::from(first), Value::from(last)]));
        let sql = format!(
            "SELECT {COLLECTION} FROM {from} c.visibility IN ({marks}) {of_org} AND c.name > ? ORDER BY c.name LIMIT ?"
        );
        values.push(after.map(ToString::to_string).unwrap_or_default().into());
        values.push(signed(limit as u64).into());
        self.pool.read(move |reader| reader.rows(&sql, params_from_iter(values), collection)).await
    }

    async fn org(&self, org: &OrgName) -> Result<Option<OrgRow>, MetaError> {
        let name = org.to_string();
        let sql = format!("{ORG} FROM (SELECT ?1 AS name) n {OF_ORG}");
        let found = self.pool.read(move |reader| reader.row(&sql, [name], read_org)).await?;
        Ok(found.filter(|org| org.said.is_some() || org.packages > 0))
    }

    async fn orgs(&self, after: Option<&OrgName>, limit: usize) -> Result<Vec<OrgRow>, MetaError> {
        let after = after.map(ToString::to_string).unwrap_or_default();
        let sql = format!(
            "{ORG} FROM (
                 SELECT name FROM (SELECT label AS name FROM label_counts
                     WHERE type = 101 AND public > 0 AND label > ?1 ORDER BY label LIMIT ?2)
                 UNION SELECT name FROM (SELECT name FROM orgs WHERE name > ?1 ORDER BY name LIMIT ?2)
                 ORDER BY 1 LIMIT ?2
             ) n {OF_ORG} ORDER BY n.name"
        );
        let limit = signed(limit as u64);
        self.pool.read(move |reader| reader.rows(&sql, params![after, limit], read_org)).await
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
        let page = (first, last, to_json(&seen)?, signed(limit as u64));
        let sql = "SELECT name, visibility FROM packages WHERE name > ?1 AND name < ?2 AND shown IS NULL
                   AND visibility IN (SELECT value FROM json_each(?3)) ORDER BY name LIMIT ?4";
        self.pool.read(move |reader| reader.rows(sql, page, |row| Ok((parse(row, 0)?, parse(row, 1)?)))).await
    }

    async fn members(
        &self,
        org: &OrgName,
        after: Option<&UserName>,
        limit: usize,
    ) -> Result<Vec<(UserName, Role)>, MetaError> {
        let page = (org.to_string(), after.map(ToString::to_string).unwrap_or_default(), signed(limit as u64));
        let sql = "SELECT user, role FROM roles WHERE org = ?1 AND user > ?2 ORDER BY user LIMIT ?3";
        self.pool.read(move |reader| reader.rows(sql, page, |row| Ok((parse(row, 0)?, parse(row, 1)?)))).await
    }
}

fn seen_by(row: &Row<'_>) -> Result<SeenBy, MetaError> {
    let package = match parse_optional::<Visibility>(row, 3)? {
        None => None,
        Some(visibility) => Some(SeenBy { visibility, owners: json(&get::<String>(row, 4)?)?, is_package: true }),
    };
    let (said, pushed, of_org) = (parse_optional(row, 0)?, get(row, 1)?, parse_optional(row, 2)?);
    Ok(Found { package, said, pushed, of_org }.seen_by())
}

fn read_org(row: &Row<'_>) -> Result<OrgRow, MetaError> {
    let said = match parse_optional(row, 2)? {
        None => None,
        Some(document) => Some(OrgSaid {
            document,
            profile: json(&get::<String>(row, 3)?)?,
            created: Timestamp::from_micros(get(row, 4)?),
            updated: Timestamp::from_micros(get(row, 5)?),
        }),
    };
    Ok(OrgRow { name: parse(row, 0)?, said, packages: unsigned(get(row, 1)?) })
}

fn collection(row: &Row<'_>) -> Result<CollectionRow, MetaError> {
    Ok(CollectionRow {
        name: parse(row, 0)?,
        document: parse(row, 1)?,
        title: get(row, 2)?,
        description: get(row, 3)?,
        visibility: parse(row, 4)?,
        items: unsigned(get(row, 5)?),
        created: Timestamp::from_micros(get(row, 6)?),
        updated: Timestamp::from_micros(get(row, 7)?),
    })
}

impl Sql<'_> {
    /// Everything that a repository keeps, with lengths, which are 0 where they are not known.
    pub(super) fn content(&self, repository: &Repository) -> Result<Vec<(Digest, u64)>, MetaError> {
        let sql = "SELECT c.digest, coalesce((SELECT max(b.size) FROM blobs b
                       WHERE b.area IN ('public', ?2) AND b.digest = c.digest), 0)
                   FROM (SELECT digest FROM manifests WHERE repository = ?1
                       UNION SELECT blob FROM manifest_blobs WHERE repository = ?1
                       UNION SELECT record FROM versions WHERE name = ?1 AND purged = 0
                       UNION SELECT reason FROM versions WHERE name = ?1 AND reason IS NOT NULL
                       UNION SELECT deprecation ->> '$.reason' FROM versions
                           WHERE name = ?1 AND deprecation ->> '$.reason' IS NOT NULL) c ORDER BY c.digest";
        let private = Area::private(repository);
        self.rows(sql, params![repository.as_str(), private.as_str()], |row| {
            Ok((parse(row, 0)?, unsigned(get(row, 1)?)))
        })
    }

    pub(super) fn write_org(
        &self,
        org: &OrgName,
        document: &Digest,
        profile: &Profile,
        event: &Event,
    ) -> Result<(), MetaError> {
        let sql =
            "INSERT INTO orgs (name, document, profile, visibility, created, updated) VALUES (?1, ?2, ?3, ?4, ?5, ?5)
                   ON CONFLICT DO UPDATE SET document = excluded.document, profile = excluded.profile,
                   visibility = excluded.visibility, updated = excluded.updated";
        let (document, visibility) = (document.to_string(), profile.visibility.as_str());
        self.run(sql, params![org.as_str(), document, to_json(profile)?, visibility, event.time.micros()]).map(drop)
    }

    pub(super) fn write_collection(
        &self,
        name: &Name,
        document: &Digest,
        content: &Collection,
        event: &Event,
    ) -> Result<(), MetaError> {
        let sql =
            "INSERT INTO collections (name, org, document, title, description, visibility, items, created, updated)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?8)
                   ON CONFLICT DO UPDATE SET document = excluded.document, title = excluded.title,
                   description = excluded.description, visibility = excluded.visibility, items = excluded.items,
                   updated = excluded.updated";
        let row = params![
            name.as_str(),
            name.org(),
            document.to_string(),
            content.title,
            content.description,
            content.visibility.as_str(),
            signed(content.items.len() as u64),
            event.time.micros(),
        ];
        self.run(sql, row)?;
        self.run("DELETE FROM collection_items WHERE collection = ?1", [name.as_str()])?;
        for item in &content.items {
            let sql = "INSERT OR IGNORE INTO collection_items (package, collection) VALUES (?1, ?2)";
            self.run(sql, [item.name.as_str(), name.as_str()])?;
        }
        Ok(())
    }

    pub(super) fn remove_collection(&self, name: &Name) -> Result<(), MetaError> {
        self.run("DELETE FROM collection_items WHERE collection = ?1", [name.as_str()])?;
        self.run("DELETE FROM collections WHERE name = ?1", [name.as_str()]).map(drop)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::super::contract::{Artifact, World, dump};
    use super::super::undo::back_to_before;
    use super::*;

    /// A database from before there were owners has those who began its packages.
    #[tokio::test]
    async fn who_began_a_package_owns_it_after_an_upgrade() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("metadata.sqlite");
        let open = || World::over(Arc::new(Sqlite::open(&path).unwrap()).meta());
        let world = open();
        for (actor, spec) in
            [("user:ann", "acme/one@1.0.0"), ("user:bob", "acme/one@2.0.0"), ("operator", "acme/two@1.0.0")]
        {
            world.push_as(actor, &Artifact::new(spec).unwrap()).await.unwrap().unwrap();
        }
        world.push_as("user:ann", &Artifact::new("acme/gone@1.0.0").unwrap()).await.unwrap().unwrap();
        world.delete_tag("acme/gone:1.0.0").await.unwrap().unwrap();
        let before = dump(&world.meta).await.unwrap();
        drop(world);
        back_to_before(&path, "owners");
        assert_eq!(dump(&open().meta).await.unwrap(), before);
    }
}
