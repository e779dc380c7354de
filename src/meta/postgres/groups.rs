//! Owners of packages, collections, organisations.

use async_trait::async_trait;
use sqlx::AssertSqlSafe;
use sqlx::postgres::PgRow;

use crate::domain::{
    Collection, Digest, Event, Name, OrgName, Profile, Repository, Role, SeenBy, Timestamp, UserName, Visibility,
};

use super::super::column::{json, signed, to_json, unsigned};
use super::super::groups::{Found, names_of};
use super::super::{CollectionRow, Collections, Groups, MetaError, OrgRow, OrgSaid};
use super::Postgres;
use super::facts::{content, content_query};
use super::sql::{escape, get, parse, parse_optional, query, unescape};
use super::transaction::Sql;

/// The columns of [`org`], for the names `n`.
const ORG: &str = "SELECT n.name, coalesce(l.public, 0), o.document, o.profile, o.created, o.updated";
const OF_ORG: &str = "LEFT JOIN orgs o ON o.name = n.name
    LEFT JOIN labels l ON l.type = 101 AND md5(l.label) = md5(n.name) AND l.label = n.name";

const COLLECTION: &str = "c.name, c.document, c.title, c.description, c.visibility, c.items, c.created, c.updated";

/// $1 name, $2 organisation, $3 document, $4 title, $5 description, $6 visibility, $7 time, $8 packages. The parts do not see each
/// other, so that no row is removed and added.
const WRITE: &str = "
    WITH gone AS (
        DELETE FROM collection_items WHERE collection = $1 AND package <> ALL ($8::text[])
    ), added AS (
        INSERT INTO collection_items (package, collection) SELECT package, $1 FROM unnest($8::text[]) AS package
        ON CONFLICT DO NOTHING
    )
    INSERT INTO collections (name, org, document, title, description, visibility, items, created, updated)
    VALUES ($1, $2, $3, $4, $5, $6, cardinality($8::text[]), $7, $7)
    ON CONFLICT (name) DO UPDATE SET document = excluded.document, title = excluded.title,
        description = excluded.description, visibility = excluded.visibility, items = excluded.items,
        updated = excluded.updated";

#[async_trait]
impl Groups for Postgres {
    async fn seen(&self, names: &[Name]) -> Result<Vec<SeenBy>, MetaError> {
        // The first component of a name is its organisation.
        let sql = "SELECT (SELECT n.visibility FROM names n WHERE n.name = w.name),
                   EXISTS (SELECT 1 FROM repositories r WHERE r.name = w.name),
                   (SELECT o.visibility FROM orgs o WHERE o.name = split_part(w.name, '/', 1)), p.visibility, p.owners
                   FROM unnest($1::text[]) WITH ORDINALITY AS w (name, at) LEFT JOIN packages p ON p.name = w.name
                   ORDER BY w.at";
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        self.pool.rows(|| query(sql).bind(names.clone()), seen_by).await
    }

    async fn content(&self, repository: &Repository) -> Result<Vec<Digest>, MetaError> {
        let kept = self.pool.rows(|| content_query(repository), content).await?;
        Ok(kept.into_iter().map(|(digest, _)| digest).collect())
    }

    async fn collection(&self, name: &Name) -> Result<Option<CollectionRow>, MetaError> {
        let sql = format!("SELECT {COLLECTION} FROM collections c WHERE c.name = $1");
        self.pool.row(|| query(AssertSqlSafe(sql.as_str())).bind(name.to_string()), collection).await
    }

    async fn collections(
        &self,
        which: &Collections,
        after: Option<&Name>,
        limit: usize,
    ) -> Result<Vec<CollectionRow>, MetaError> {
        // Each column that is asked for is one that an index begins with.
        let (from, name) = match which.with {
            None => ("collections c WHERE $4::text IS NULL", "c.name"),
            Some(_) => (
                "collection_items i JOIN collections c ON c.name = i.collection WHERE i.package = $4::text",
                "i.collection",
            ),
        };
        let of_org = if which.org.is_some() { "c.org = $3::text" } else { "$3::text IS NULL" };
        let sql = format!(
            "SELECT {COLLECTION} FROM {from} AND {of_org} AND c.visibility = ANY($1::text[]) AND {name} > $2
             ORDER BY {name} LIMIT $5"
        );
        let seen: Vec<&str> = which.seen().iter().map(|visibility| visibility.as_str()).collect();
        let page = || {
            query(AssertSqlSafe(sql.as_str()))
                .bind(seen.clone())
                .bind(after.map(ToString::to_string).unwrap_or_default())
                .bind(which.org.clone())
                .bind(which.with.as_ref().map(ToString::to_string))
                .bind(signed(limit as u64))
        };
        self.pool.rows(page, collection).await
    }

    async fn org(&self, org: &OrgName) -> Result<Option<OrgRow>, MetaError> {
        let sql = format!("{ORG} FROM (SELECT $1::text COLLATE \"C\" AS name) n {OF_ORG}");
        let found = self.pool.row(|| query(AssertSqlSafe(sql.as_str())).bind(org.to_string()), read_org).await?;
        Ok(found.filter(|org| org.said.is_some() || org.packages > 0))
    }

    async fn orgs(&self, after: Option<&OrgName>, limit: usize) -> Result<Vec<OrgRow>, MetaError> {
        let sql = format!(
            "{ORG} FROM (
                 (SELECT label AS name FROM labels WHERE type = 101 AND public > 0 AND label > $1
                     ORDER BY label LIMIT $2)
                 UNION (SELECT name FROM orgs WHERE name > $1 ORDER BY name LIMIT $2) ORDER BY 1 LIMIT $2
             ) n {OF_ORG} ORDER BY n.name"
        );
        let after = after.map(ToString::to_string).unwrap_or_default();
        let page = || query(AssertSqlSafe(sql.as_str())).bind(after.clone()).bind(signed(limit as u64));
        self.pool.rows(page, read_org).await
    }

    async fn deleted(
        &self,
        org: &OrgName,
        visibilities: &[Visibility],
        after: Option<&Name>,
        limit: usize,
    ) -> Result<Vec<(Name, Visibility)>, MetaError> {
        let sql = "SELECT name, visibility FROM packages WHERE name > $1 AND name < $2 AND shown IS NULL
                   AND visibility = ANY($3::text[]) ORDER BY name LIMIT $4";
        let (first, last) = names_of(org, after);
        let seen: Vec<&str> = visibilities.iter().map(|visibility| visibility.as_str()).collect();
        let page = || {
            let names = query(sql).bind(first.clone()).bind(last.clone());
            names.bind(seen.clone()).bind(signed(limit as u64))
        };
        self.pool.rows(page, |row| Ok((parse(row, 0)?, parse(row, 1)?))).await
    }

    async fn members(
        &self,
        org: &OrgName,
        after: Option<&UserName>,
        limit: usize,
    ) -> Result<Vec<(UserName, Role)>, MetaError> {
        let sql = "SELECT \"user\", role FROM roles WHERE org = $1 AND \"user\" > $2 ORDER BY \"user\" LIMIT $3";
        let after = after.map(ToString::to_string).unwrap_or_default();
        let page = || query(sql).bind(org.to_string()).bind(after.clone()).bind(signed(limit as u64));
        self.pool.rows(page, |row| Ok((parse(row, 0)?, parse(row, 1)?))).await
    }
}

fn seen_by(row: &PgRow) -> Result<SeenBy, MetaError> {
    let package = match parse_optional::<Visibility>(row, 3)? {
        None => None,
        Some(visibility) => Some(SeenBy { visibility, owners: json(get(row, 4)?)?, is_package: true }),
    };
    let (said, pushed, of_org) = (parse_optional(row, 0)?, get(row, 1)?, parse_optional(row, 2)?);
    Ok(Found { package, said, pushed, of_org }.seen_by())
}

fn read_org(row: &PgRow) -> Result<OrgRow, MetaError> {
    let said = match parse_optional(row, 2)? {
        None => None,
        Some(document) => Some(OrgSaid {
            document,
            profile: json(get(row, 3)?)?,
            created: Timestamp::from_micros(get(row, 4)?),
            updated: Timestamp::from_micros(get(row, 5)?),
        }),
    };
    Ok(OrgRow { name: parse(row, 0)?, said, packages: unsigned(get(row, 1)?) })
}

fn collection(row: &PgRow) -> Result<CollectionRow, MetaError> {
    Ok(CollectionRow {
        name: parse(row, 0)?,
        document: parse(row, 1)?,
        title: get::<Option<&str>>(row, 2)?.map(unescape),
        description: get::<Option<&str>>(row, 3)?.map(unescape),
        visibility: parse(row, 4)?,
        items: unsigned(get(row, 5)?),
        created: Timestamp::from_micros(get(row, 6)?),
        updated: Timestamp::from_micros(get(row, 7)?),
    })
}

impl Sql<'_> {
    pub(super) fn write_org(
        &mut self,
        org: &OrgName,
        document: &Digest,
        profile: &Profile,
        event: &Event,
    ) -> Result<(), MetaError> {
        let write = "INSERT INTO orgs (name, document, profile, visibility, created, updated)
                     VALUES ($1, $2, $3, $4, $5, $5) ON CONFLICT (name) DO UPDATE SET document = excluded.document,
                         profile = excluded.profile, visibility = excluded.visibility, updated = excluded.updated";
        let write = query(write).bind(org.to_string()).bind(document.to_string()).bind(to_json(profile)?);
        self.run(write.bind(profile.visibility.as_str()).bind(event.time.micros()))
    }

    pub(super) fn write_collection(
        &mut self,
        name: &Name,
        document: &Digest,
        content: &Collection,
        event: &Event,
    ) -> Result<(), MetaError> {
        let packages: Vec<String> = content.items.iter().map(|item| item.name.to_string()).collect();
        let write = query(WRITE)
            .bind(name.to_string())
            .bind(name.org().to_owned())
            .bind(document.to_string())
            .bind(content.title.as_deref().map(escape))
            .bind(content.description.as_deref().map(escape))
            .bind(content.visibility.as_str())
            .bind(event.time.micros())
            .bind(packages);
        self.run(write)
    }

    pub(super) fn remove_collection(&mut self, name: &Name) -> Result<(), MetaError> {
        let remove = "WITH items AS (DELETE FROM collection_items WHERE collection = $1)
                      DELETE FROM collections WHERE name = $1";
        self.run(query(remove).bind(name.to_string()))
    }
}
