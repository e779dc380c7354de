//! What shows many packages: the parts of the catalogue, the skills, the first page, and `registry.json`, which says how far the tree is.
//!
//! It gathers changes for a while, since each of them would be written for each publish. `registry.json` comes last: after a crash all
//! that it does not tell of is rendered again.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::public::{
    CatalogueLine, PUBLIC_DOCUMENT_MAX, PUBLIC_FORMAT, PublicPath, RegistryDocument, Shard, SkillEntry, SkillIndex,
};
use crate::domain::{Name, Package, Visibility};
use crate::meta::{Filter, Order};
use crate::search::Document;
use crate::storage::{Key, Replaced, Seen, StorageError};

use super::super::{Registry, RegistryError};
use super::home::{SHOWN, home_page};
use super::shard::{Line, Shown};
use super::skills::Entry;
use super::{shard, skills};

/// How often a document is replaced that others replace at the same time.
const ATTEMPTS: usize = 20;

/// Whether everybody could find a package before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WasShown {
    /// Its document says so, or that it is gone.
    Yes,
    /// Nothing tells that it was.
    Perhaps,
}

impl Registry {
    /// What `registry.json` says; `None`: there is none, or one that nobody can read.
    pub(super) async fn registry_document(&self) -> Result<Option<RegistryDocument>, RegistryError> {
        let found = self.0.storage.read(&Key::Public(PublicPath::Registry), PUBLIC_DOCUMENT_MAX).await?;
        Ok(found.and_then(|found| serde_json::from_slice(&found.bytes).ok()))
    }

    /// Shows these packages, as they are now, in everything that shows many, and says that the tree shows `through`.
    /// `behind`: the event up to which nothing is missing, where something is.
    pub(super) async fn gather(
        &self,
        names: &BTreeMap<Name, WasShown>,
        through: u64,
        behind: Option<u64>,
    ) -> Result<(), RegistryError> {
        let mut shards: BTreeMap<Shard, Vec<(&Name, WasShown)>> = BTreeMap::new();
        for (name, was_shown) in names {
            shards.entry(Shard::of(name)).or_default().push((name, *was_shown));
        }
        let (touched, mut entries) = (shards.keys().copied().collect::<BTreeSet<_>>(), Vec::new());
        for (shard, names) in shards {
            entries.extend(self.gather_shard(shard, &names).await?);
        }
        self.gather_skills(entries).await?;
        self.gather_registry(through, behind, touched).await
    }

    /// Merges the lines of these packages into their part of the catalogue. Returns their entries in the index of skills.
    async fn gather_shard(&self, shard: Shard, names: &[(&Name, WasShown)]) -> Result<Vec<Entry>, RegistryError> {
        let key = Key::Public(PublicPath::Shard(shard));
        for _ in 0..ATTEMPTS {
            // Before the rows: who replaces it meanwhile makes this one begin again.
            let found = self.0.storage.read(&key, PUBLIC_DOCUMENT_MAX).await?;
            let as_of = self.0.meta.ledger.head().await?.n;
            let (mut lines, mut entries): (Vec<Line>, Vec<Entry>) = (Vec::new(), Vec::new());
            for (name, was_shown) in names {
                let (line, entry) = match (self.listed(name).await?, was_shown) {
                    (Some(package), _) => self.line(package, as_of).await?,
                    (None, WasShown::Yes) => (Shown::Hidden, Shown::Hidden),
                    (None, WasShown::Perhaps) => (Shown::Absent, Shown::Absent),
                };
                lines.push(((*name).clone(), as_of, line));
                entries.push(((*name).clone(), as_of, entry));
            }
            let (held, seen) = match found {
                Some(found) => (Some(found.bytes), found.seen),
                None => (None, Seen::ABSENT),
            };
            let path = key.path();
            let merge = move || {
                shard::merged(held.as_deref(), lines.clone()).or_else(|why| {
                    tracing::warn!(
                        path,
                        why,
                        "a part of the catalogue cannot be read, and begins anew: pclr rebuild --static"
                    );
                    shard::merged(None, lines)
                })
            };
            let merged = tokio::task::spawn_blocking(merge).await.map_err(|_| RegistryError::Stopping)?;
            let merged = merged.map_err(|why| StorageError::Malformed { path: key.path(), why })?;
            match merged {
                None => return Ok(entries),
                Some(bytes) => {
                    if self.0.storage.replace(&key, &seen, bytes.into(), Some(as_of)).await? == Replaced::Replaced {
                        return Ok(entries);
                    }
                }
            }
        }
        Err(contended(&key))
    }

    async fn gather_skills(&self, entries: Vec<Entry>) -> Result<(), RegistryError> {
        let key = Key::Public(PublicPath::Skills);
        for _ in 0..ATTEMPTS {
            let found = self.0.storage.read(&key, PUBLIC_DOCUMENT_MAX).await?;
            let (held, seen) = match found {
                Some(found) => (serde_json::from_slice::<SkillIndex>(&found.bytes).ok(), found.seen),
                None => (None, Seen::ABSENT),
            };
            let Some(index) = skills::merged(held, entries.clone()) else { return Ok(()) };
            let bytes = json(&key, &index)?;
            if self.0.storage.replace(&key, &seen, bytes.into(), None).await? == Replaced::Replaced {
                return Ok(());
            }
        }
        Err(contended(&key))
    }

    /// The first page, then `registry.json`. Of the parts of the catalogue those that were touched are looked for before they are named.
    pub(super) async fn gather_registry(
        &self,
        through: u64,
        behind: Option<u64>,
        touched: BTreeSet<Shard>,
    ) -> Result<(), RegistryError> {
        let (storage, catalog) = (&self.0.storage, &self.0.meta.catalog);
        let key = Key::Public(PublicPath::Registry);
        for _ in 0..ATTEMPTS {
            let found = storage.read(&key, PUBLIC_DOCUMENT_MAX).await?;
            let (held, seen) = match found {
                Some(found) => (serde_json::from_slice::<RegistryDocument>(&found.bytes).ok(), found.seen),
                None => (None, Seen::ABSENT),
            };
            let (theirs, mut shards) = match held {
                Some(held) => (held.as_of, held.shards.into_iter().collect::<BTreeSet<_>>()),
                None => (0, BTreeSet::new()),
            };
            shards.extend(&touched);
            let mut there = Vec::with_capacity(shards.len());
            for shard in shards {
                // What was hidden before it was ever shown has left none.
                if !touched.contains(&shard) || storage.exists(&Key::Public(PublicPath::Shard(shard))).await? {
                    there.push(shard);
                }
            }
            let turn = storage.rendering().await?;
            let as_of = self.0.meta.ledger.head().await?.n;
            let packages = catalog.count(&Filter::default()).await?;
            let latest = catalog.packages(&Filter::default(), Order::Updated, None, SHOWN).await?.items;
            let registry =
                RegistryDocument { format: PUBLIC_FORMAT, as_of: through.max(theirs), behind, packages, shards: there };
            let page = home_page(&registry, &latest);
            storage.put_newer(&Key::Public(PublicPath::Home), page.into(), as_of).await?;
            drop(turn);
            let bytes = json(&key, &registry)?;
            if storage.replace(&key, &seen, bytes.into(), Some(registry.as_of)).await? == Replaced::Replaced {
                return Ok(());
            }
        }
        Err(contended(&key))
    }

    /// The package, if everybody may find it.
    pub(super) async fn listed(&self, name: &Name) -> Result<Option<Package>, RegistryError> {
        let package = self.0.meta.catalog.package(name).await?;
        Ok(package.filter(|package| package.visibility == Visibility::Public))
    }

    async fn line(
        &self,
        package: Package,
        as_of: u64,
    ) -> Result<(Shown<Box<CatalogueLine>>, Shown<SkillEntry>), RegistryError> {
        let shown = self.0.meta.catalog.version(&package.name, &package.shown).await?;
        let entry = match &shown {
            Some(shown) => self.skill_entry(&package, shown, as_of).await?,
            None => None,
        };
        let Document {
            name,
            kind,
            version,
            title,
            description,
            tags,
            skills,
            text,
            updated,
            authors,
            license,
            needs,
            ..
        } = self.document(package, shown).await?;
        let line = CatalogueLine {
            as_of,
            name,
            kind,
            version,
            title,
            description,
            tags,
            skills,
            text,
            updated,
            authors,
            license,
            needs,
        };
        let entry = entry.map_or(Shown::Absent, Shown::There);
        Ok((Shown::There(Box::new(shard::cut(line))), entry))
    }
}

fn json(key: &Key, document: &impl serde::Serialize) -> Result<Vec<u8>, RegistryError> {
    let malformed = |error: serde_json::Error| StorageError::Malformed { path: key.path(), why: error.to_string() };
    Ok(serde_json::to_vec(document).map_err(malformed)?)
}

fn contended(key: &Key) -> RegistryError {
    StorageError::Unavailable { path: key.path(), source: "others replace it all the time".into() }.into()
}
