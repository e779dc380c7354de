//! Packages and versions.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use async_trait::async_trait;
use mongodb::bson::{Document, doc};
use serde::Deserialize;

use crate::domain::{ActorId, Config, Name, Package, Published, Timestamp, Version};

use super::super::rules::act_of;
use super::super::shown::Shown;
use super::super::{
    Act, Atomicity, CONFIGS_MAX, Catalog, Change, Cursor, Filter, Head, Label, LabelCount, MetaError, Needs, Order,
    Outcome, Page, Releases, Replay, engine,
};
use super::Mongo;
use super::connection::BATCH;
use super::content::of_repository;
use super::keys::{self, label_type, parse, second};
use super::rows::{self, Release, json, signed, unsigned};
use super::session::{End, Session};
use super::unit::Unit;

#[async_trait]
impl Catalog for Mongo {
    async fn apply(&self, changes: &[Change], atomicity: Atomicity) -> Result<Vec<Outcome>, MetaError> {
        if changes.is_empty() {
            return Ok(Vec::new());
        }
        let changes: Arc<[Change]> = changes.into();
        self.change(move |unit| {
            unit.load(changes.iter().map(|change| (&change.act, &change.actor)))?;
            let mut head = unit.counter()?.head();
            let planned = engine::apply(unit, &mut head, &changes, atomicity)?;
            let keep = engine::stands(&planned, atomicity).then_some(head);
            Ok((engine::outcomes(planned), keep))
        })
        .await
    }

    async fn replay(&self, events: &[Replay]) -> Result<(), MetaError> {
        if events.is_empty() {
            return Ok(());
        }
        let events: Arc<[Replay]> = events.into();
        self.change(move |unit| {
            let mut head = unit.counter()?.head();
            let new = events.iter().filter(|replay| replay.event.n > head.n);
            let acts: Vec<(Act, &ActorId)> = new.map(|replay| (act_of(replay), &replay.event.actor)).collect();
            unit.load(acts.iter().map(|(act, actor)| (act, *actor)))?;
            engine::replay(unit, &mut head, &events)?;
            Ok(((), Some(head)))
        })
        .await
    }

    async fn package(&self, name: &Name) -> Result<Option<Package>, MetaError> {
        let packages = self.connection.durable::<rows::Package>();
        let key = doc! { "_id": name.as_str(), "shown": { "$exists": true } };
        let found = self.connection.run(packages.find_one(key)).await?;
        found.as_ref().map(package).transpose()
    }

    async fn releases(&self, name: &Name, of: Releases) -> Result<Vec<crate::domain::Release>, MetaError> {
        let (filter, deleted) = match of {
            Releases::Readable => (readable(name), false),
            Releases::Deleted => {
                let mut all = of_repository(&name.repository());
                all.insert("deleted", true);
                (all, true)
            }
        };
        let found = self.listed(filter, doc! {}).await?;
        let mut releases = found.iter().map(|row| row.release(deleted)).collect::<Result<Vec<_>, MetaError>>()?;
        releases.sort_by(|one, other| other.version.cmp(&one.version));
        Ok(releases)
    }

    async fn needs(&self, name: &Name) -> Result<Vec<(crate::domain::Release, Option<Needs>)>, MetaError> {
        let found = self.listed(readable(name), doc! { "needs": 1 }).await?;
        let long = found.iter().filter(|row| row.needs.is_none());
        let long = long.map(|row| Ok(Release::key(name, &parse(&row.version)?)));
        let long: Vec<String> = long.collect::<Result<_, MetaError>>()?;
        let mut others = HashMap::new();
        for keys in long.chunks(CONFIGS_MAX) {
            let configs: Vec<rows::Config> = self.page(doc! { "_id": { "$in": keys } }, doc! {}, usize::MAX).await?;
            for row in configs {
                others.insert(row.id, Needs::from(json::<Config>(&row.text)?));
            }
        }
        let needs = |row: &Listed| {
            let release = row.release(false)?;
            let needs = match &row.needs {
                Some(text) => Some(json(text)?),
                None => others.remove(&Release::key(name, &release.version)),
            };
            Ok((release, needs))
        };
        let mut needs = found.iter().map(needs).collect::<Result<Vec<_>, MetaError>>()?;
        needs.sort_by(|(one, _), (other, _)| other.version.cmp(&one.version));
        Ok(needs)
    }

    async fn versions(&self, wanted: &[(Name, Version)]) -> Result<Vec<Published>, MetaError> {
        let keys: Vec<String> = wanted.iter().map(|(name, version)| Release::key(name, version)).collect();
        let configs = self.page::<rows::Config>(doc! { "_id": { "$in": keys } }, doc! {}, usize::MAX);
        let (mut versions, configs) = tokio::try_join!(self.bare_versions(wanted), configs)?;
        let configs: HashMap<&str, &rows::Config> = configs.iter().map(|row| (row.id.as_str(), row)).collect();
        for version in &mut versions {
            let config = configs.get(Release::key(&version.name, &version.version).as_str());
            version.config = config.map(|row| json(&row.text)).transpose()?;
        }
        Ok(versions)
    }

    async fn bare_versions(&self, wanted: &[(Name, Version)]) -> Result<Vec<Published>, MetaError> {
        let keys: Vec<String> = wanted.iter().map(|(name, version)| Release::key(name, version)).collect();
        let found: Vec<Release> = self.page(doc! { "_id": { "$in": &keys } }, doc! {}, usize::MAX).await?;
        let found: HashMap<&str, &Release> = found.iter().map(|row| (row.id.as_str(), row)).collect();
        let one = |((name, _), key): (&(Name, Version), &String)| Some(published(name, found.get(key.as_str())?));
        wanted.iter().zip(&keys).filter_map(one).collect()
    }

    async fn packages(
        &self,
        filter: &Filter,
        order: Order,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<Page<Package>, MetaError> {
        self.list_packages(filter, order, after, limit).await
    }

    async fn count(&self, filter: &Filter) -> Result<u64, MetaError> {
        self.count_packages(filter).await
    }

    async fn labels(
        &self,
        label: Label,
        after: Option<&LabelCount>,
        limit: usize,
    ) -> Result<Vec<LabelCount>, MetaError> {
        let of = label_type(label);
        let queries = match after {
            None => vec![doc! { "type": of }],
            // Nearly all labels are used once: the rest of a tie and what is used less are a range of the index each.
            Some(after) => {
                let (count, id) = (signed(after.count), keys::label(label, &after.label));
                let of_tie = doc! { "type": of, "count": count, "_id": { "$gt": id } };
                vec![of_tie, doc! { "type": of, "count": { "$lt": count } }]
            }
        };
        let found: Vec<rows::Label> = self.page_of(None, queries, doc! { "count": -1, "_id": 1 }, limit).await?;
        let counted = found.into_iter().map(|row| {
            let label = row.id.split_once(' ').map(|(_, label)| label.to_owned()).unwrap_or_default();
            LabelCount { label, count: unsigned(row.count) }
        });
        Ok(counted.collect())
    }
}

/// What a list of versions says of each.
#[derive(Deserialize)]
struct Listed {
    version: String,
    manifest: String,
    yanked: bool,
    deprecation: Option<String>,
    published: i64,
    needs: Option<String>,
}

impl Listed {
    fn release(&self, deleted: bool) -> Result<crate::domain::Release, MetaError> {
        Ok(crate::domain::Release {
            version: parse(&self.version)?,
            digest: second(&self.manifest)?,
            yanked: self.yanked,
            deprecated: self.deprecation.is_some(),
            deleted,
            published: Timestamp::from_micros(self.published),
        })
    }
}

/// The versions of a package that can be read. Asked so, the index alone answers: it does not tell a field without a value from one
/// that is not there.
fn readable(name: &Name) -> Document {
    doc! { "name": name.as_str(), "rank": { "$gt": "" } }
}

impl Mongo {
    /// What an index says of versions that pass a filter, and of these fields besides.
    async fn listed(&self, filter: Document, besides: Document) -> Result<Vec<Listed>, MetaError> {
        let versions = self.connection.durable::<Release>().clone_with_type::<Listed>();
        let mut fields = doc! { "_id": 0, "version": 1, "manifest": 1, "yanked": 1, "deprecation": 1, "published": 1 };
        fields.extend(besides);
        self.connection.all(versions.find(filter).projection(fields).batch_size(BATCH)).await
    }

    /// Runs changes in a transaction, and keeps what they write if they come to another head.
    async fn change<T: Send + 'static>(
        &self,
        mut work: impl FnMut(&mut Unit<'_>) -> Result<(T, Option<Head>), MetaError> + Send + 'static,
    ) -> Result<T, MetaError> {
        let turn = Arc::new(self.changing.clone().lock_owned().await);
        let held = Arc::clone(&turn);
        let (is_alone, mut tries) = (Arc::clone(&self.is_alone), 0);
        let transaction = move |session: &mut Session| {
            // Kept until the transaction has ended, whoever still waits for it.
            let _turn = &held;
            let mut unit = Unit::new(session);
            tries += 1;
            // Alone, nobody is met when the counter is written. Else it costs less to wait for the others than to have worked in vain.
            if !is_alone.swap(false, Ordering::Relaxed) {
                unit.counter()?;
            }
            let (made, head) = work(&mut unit)?;
            let before = *unit.counter()?;
            let Some(head) = head else { return Ok(((made, tries), End::RollBack)) };
            if head != before.head() {
                unit.flush()?;
                session.write_head(before.at(head))?;
            }
            // Where nothing is written, what was read, and is told, is with a majority then.
            Ok(((made, tries), End::Commit))
        };
        let (made, tries) = self.connection.transact(transaction).await?;
        self.is_alone.store(tries == 1, Ordering::Relaxed);
        drop(turn);
        Ok(made)
    }
}

/// A version without its config.
fn published(name: &Name, found: &Release) -> Result<Published, MetaError> {
    Ok(Published {
        id: parse(&found.event_id)?,
        name: name.clone(),
        version: parse(&found.version)?,
        kind: parse(&found.kind)?,
        digest: second(&found.manifest)?,
        record: parse(&found.record)?,
        config: None,
        yanked: found.yanked,
        yank_reason: found.reason.as_deref().map(parse).transpose()?,
        deprecation: found.deprecation.as_deref().map(json).transpose()?,
        deleted: found.deleted,
        purged: found.purged,
        published: Timestamp::from_micros(found.published),
        event: unsigned(found.event),
    })
}

pub(super) fn package(row: &rows::Package) -> Result<Package, MetaError> {
    let words: Shown = json(row.card.as_deref().unwrap_or("{}"))?;
    Ok(Package {
        name: parse(&row.id)?,
        kind: parse(&row.kind)?,
        visibility: parse(&row.visibility)?,
        latest: row.latest.as_deref().map(parse).transpose()?,
        pinned: row.pinned.as_deref().map(parse).transpose()?,
        shown: parse(row.shown.as_deref().unwrap_or_default())?,
        title: words.title,
        description: words.description,
        tags: words.tags,
        skills: words.skills,
        license: words.license,
        authors: words.authors,
        source: words.source,
        owners: row.owners.iter().map(|owner| parse(owner)).collect::<Result<_, _>>()?,
        versions: unsigned(row.versions),
        created: Timestamp::from_micros(row.created),
        updated: Timestamp::from_micros(row.updated),
        downloads: unsigned(row.downloads),
        stars: unsigned(row.stars),
    })
}
