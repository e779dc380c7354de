//! Reading the catalogue: packages, versions, files, ranges, labels.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::SemaphorePermit;
use uuid::Uuid;

use crate::cache::CachedManifest;
use crate::domain::api::{Comparison, Reasons, Resolution, Resolvable, Resolved, VersionDetail};
use crate::domain::{
    Action, Actor, Algorithm, Area, Digest, Manifest, Name, Package, RECORD_MAX, Range, Record, Reference, Release,
    Repository, Scope, State, Tree, Version, Visibility, allows,
};
use crate::meta::{Cursor, Filter, Label, LabelCount, Needs, Order, Page, Releases};
use crate::storage::StorageError;
use crate::{pack, resolve};

use super::seen::seen_of;
use super::{Registry, RegistryError};

impl Registry {
    /// A package.
    pub async fn package(&self, actor: &Actor, name: &Name) -> Result<Package, RegistryError> {
        let unknown = || RegistryError::PackageUnknown(name.to_string());
        let (repository, cache) = (name.repository(), &self.0.cache);
        self.require(actor, Action::Read, Scope::Repository(&repository))?;
        let mut read = None;
        if cache.seen.get(&repository).is_none() {
            // What it is says who sees it: one read does for both.
            let load = async {
                let package = read.insert(self.0.meta.catalog.package(name).await?);
                Ok::<_, RegistryError>(package.as_ref().map(|package| Arc::new(seen_of(package))))
            };
            match cache.load(&cache.seen, repository.clone(), load).await {
                Err(error) if error.is_outage() => return Err(error),
                // That it cannot be read is told below, to who sees it.
                _ => {}
            }
        }
        if !self.sees(actor, &repository).await? {
            return Err(unknown());
        }
        let package = match read {
            Some(package) => package,
            None => self.0.meta.catalog.package(name).await?,
        };
        package.ok_or_else(unknown)
    }

    /// Public packages that pass the filter.
    pub async fn packages(
        &self,
        actor: &Actor,
        filter: &Filter,
        order: Order,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<Page<Package>, RegistryError> {
        self.require_filter(actor, filter)?;
        Ok(self.0.meta.catalog.packages(filter, order, after, limit).await?)
    }

    fn require_filter(&self, actor: &Actor, filter: &Filter) -> Result<(), RegistryError> {
        self.require_seen(actor, filter.org.as_deref(), &filter.visibilities)
    }

    /// What is unlisted is listed for those alone who may manage everything, or publish in the organisation that they ask for; what is
    /// private, for those who see all that is private in that organisation, and the operator.
    pub(super) fn require_seen(
        &self,
        actor: &Actor,
        org: Option<&str>,
        visibilities: &[Visibility],
    ) -> Result<(), RegistryError> {
        self.require(actor, Action::Read, Scope::Registry)?;
        let any: Option<Repository> = org.and_then(|org| format!("{org}/any").parse().ok());
        if visibilities.contains(&Visibility::Private) {
            match &any {
                Some(any) => self.require(actor, Action::Read, Scope::Private(any, &[]))?,
                None if *actor == Actor::Operator => {}
                None => return Err(RegistryError::refused(actor)),
            }
        }
        if !visibilities.contains(&Visibility::Unlisted)
            || any.is_some_and(|any| allows(actor, Action::Push, Scope::Repository(&any)))
        {
            return Ok(());
        }
        self.require(actor, Action::Manage, Scope::Registry)
    }

    /// How many public packages pass the filter.
    pub async fn count(&self, actor: &Actor, filter: &Filter) -> Result<u64, RegistryError> {
        self.require_filter(actor, filter)?;
        Ok(self.0.meta.catalog.count(filter).await?)
    }

    /// The versions of a package that can be read, highest first.
    pub async fn releases(&self, actor: &Actor, name: &Name) -> Result<Vec<Release>, RegistryError> {
        let find = self.0.meta.catalog.releases(name, Releases::Readable);
        let releases = self.if_seen(actor, &name.repository(), find).await?.unwrap_or_default();
        if releases.is_empty() {
            return Err(RegistryError::PackageUnknown(name.to_string()));
        }
        Ok(releases)
    }

    /// The versions of a package that stand in one of these ways, highest first. Deleted ones are for who may bring them back.
    pub async fn releases_in(
        &self,
        actor: &Actor,
        name: &Name,
        states: &[State],
    ) -> Result<Vec<Release>, RegistryError> {
        let repository = name.repository();
        let is_seen = self.sees(actor, &repository).await?;
        let catalog = &self.0.meta.catalog;
        let mut releases = Vec::new();
        if states.contains(&State::Deleted) {
            self.require(actor, Action::Manage, Scope::Repository(&repository))?;
        }
        if !is_seen {
            return Err(RegistryError::PackageUnknown(name.to_string()));
        }
        if states.contains(&State::Deleted) {
            releases.extend(catalog.releases(name, Releases::Deleted).await?);
        }
        let has_deleted = !releases.is_empty();
        let readable = catalog.releases(name, Releases::Readable).await?;
        if readable.is_empty() && !has_deleted {
            return Err(RegistryError::PackageUnknown(name.to_string()));
        }
        releases.extend(readable.into_iter().filter(|release| states.iter().any(|state| release.is(*state))));
        if has_deleted {
            releases.sort_by(|one, other| other.version.cmp(&one.version));
        }
        Ok(releases)
    }

    /// One version with its files.
    pub async fn version(&self, actor: &Actor, name: &Name, version: &Version) -> Result<VersionDetail, RegistryError> {
        let repository = name.repository();
        let unknown = || RegistryError::VersionUnknown(version.clone(), name.to_string());
        let find = self.0.meta.catalog.bare_version(name, version);
        let found = self.if_seen(actor, &repository, find).await?.flatten();
        let mut published = found.filter(|published| !published.deleted).ok_or_else(unknown)?;
        let record = self.record(&self.area(&repository).await?, &published.record).await?;
        let deprecated = published.deprecation.as_ref().and_then(|deprecation| deprecation.reason);
        let reasons = Reasons {
            yanked: self.reason(name, published.yank_reason).await?,
            deprecated: self.reason(name, deprecated).await?,
        };
        let mut files = Vec::new();
        match record {
            Some(record) => (published.config, files) = (Some(record.config), record.files),
            None => {
                let whole = self.0.meta.catalog.version(name, version).await?;
                published.config = whole.and_then(|whole| whole.config);
            }
        }
        Ok(VersionDetail { published, files, reasons })
    }

    /// The version with this id, as [`Registry::version`] gives it.
    pub async fn identified(&self, actor: &Actor, id: Uuid) -> Result<VersionDetail, RegistryError> {
        let unknown = || RegistryError::IdUnknown(id);
        let (name, version) = self.0.meta.refs.identified(id).await?.ok_or_else(unknown)?;
        match self.version(actor, &name, &version).await {
            // Whoever has an id alone is not told what it names.
            Err(RegistryError::VersionUnknown(..)) => Err(unknown()),
            detail => detail,
        }
    }

    /// The best release in a range.
    pub async fn resolve(&self, actor: &Actor, name: &Name, range: &Range) -> Result<Resolved, RegistryError> {
        let releases = self.releases(actor, name).await?;
        let release = resolve::best(&releases, range)?.clone();
        Ok(Resolved { name: name.clone(), range: range.to_string(), tag: None, release })
    }

    /// The versions of a package with what each needs, highest first. One whose record was purged cannot be chosen any more
    /// and is left out.
    pub async fn resolution(&self, actor: &Actor, name: &Name) -> Result<Resolution, RegistryError> {
        // Whether it is there for who asks; what its versions need may be a lot, and is read for nobody else.
        self.releases(actor, name).await?;
        let found = self.0.meta.catalog.needs(name).await?;
        let kind = match found.iter().find_map(|(_, needs)| needs.as_ref().map(|needs| needs.kind)) {
            Some(kind) => kind,
            None => self.package(actor, name).await?.kind,
        };
        let versions = found.into_iter().filter_map(|(release, needs)| {
            let Needs { tree, dependencies, .. } = needs?;
            Some(Resolvable { release, tree, dependencies })
        });
        let versions = versions.collect();
        Ok(Resolution { name: name.clone(), kind, versions })
    }

    /// The text of a file of a version, of its primary file if none is named; and the manifest that it comes from.
    pub async fn source(
        &self,
        actor: &Actor,
        name: &Name,
        version: &Version,
        file: Option<&str>,
    ) -> Result<(Bytes, Arc<CachedManifest>), RegistryError> {
        let detail = self.version(actor, name, version).await?;
        let digest = detail.published.digest;
        let manifest = self.manifest(actor, &name.repository(), &Reference::Digest(digest)).await?;
        let (tree, _room) = self.tree(actor, name, &digest).await?;
        let wanted = match file {
            Some(file) => file.to_owned(),
            None => detail.published.config.map(|config| config.primary.file).unwrap_or_default(),
        };
        let found = tree.get(&wanted).map(|file| file.content.clone());
        Ok((found.ok_or(RegistryError::FileUnknown(wanted))?, manifest))
    }

    /// What differs between two versions.
    pub async fn compare(
        &self,
        actor: &Actor,
        name: &Name,
        from: &Version,
        to: &Version,
    ) -> Result<Comparison, RegistryError> {
        let (before, after) =
            (self.version(actor, name, from).await?.published, self.version(actor, name, to).await?.published);
        // Two trees lie in memory for it. Their room is given back at once: who waits for a second with one in hand can wait for ever.
        let turn = Arc::clone(&self.0.comparing).acquire_owned().await.map_err(|_| RegistryError::Stopping)?;
        let (old, _) = self.tree(actor, name, &before.digest).await?;
        let (new, _) = self.tree(actor, name, &after.digest).await?;
        let name = name.clone();
        let compare = move || {
            // Kept to the end, whoever still waits for it.
            let _turn = turn;
            let (fields, capabilities) = match (&before.config, &after.config) {
                (Some(from), Some(to)) => (pack::compare_fields(from, to), pack::compare_capabilities(from, to)),
                // Purged: nothing is known of it.
                _ => Default::default(),
            };
            let files = pack::compare_files(&old, &new);
            Comparison { name, from: before.version, to: after.version, fields, capabilities, files }
        };
        tokio::task::spawn_blocking(compare).await.map_err(|_| RegistryError::Stopping)
    }

    /// The files of a manifest, and the room that they take.
    pub(super) async fn tree(
        &self,
        actor: &Actor,
        name: &Name,
        digest: &Digest,
    ) -> Result<(Tree, SemaphorePermit<'_>), RegistryError> {
        let repository = name.repository();
        let manifest = self.manifest(actor, &repository, &Reference::Digest(*digest)).await?;
        let manifest = Manifest::parse(manifest.bytes.clone(), None, Algorithm::Sha256)?;
        let room = self.room_to_open(&manifest).await?;
        let layers = self.layers(&self.area_now(&repository).await?, &manifest).await?;
        let limits = self.0.limits.archive;
        let open = move || pack::unpack(&manifest, None, &layers, &limits).map(|contents| contents.tree);
        let tree = tokio::task::spawn_blocking(open).await.map_err(|_| RegistryError::Stopping)?;
        Ok((tree.map_err(|error| RegistryError::ManifestInvalid(error.to_string()))?, room))
    }

    /// Tags or skills with the number of packages that show them, most used first, then by label, behind `after`; and whether more
    /// follow.
    pub async fn labels(
        &self,
        actor: &Actor,
        label: Label,
        after: Option<&LabelCount>,
        limit: usize,
    ) -> Result<(Vec<LabelCount>, bool), RegistryError> {
        self.require(actor, Action::Read, Scope::Registry)?;
        let mut labels = self.0.meta.catalog.labels(label, after, limit.saturating_add(1)).await?;
        let has_more = labels.len() > limit;
        labels.truncate(limit);
        Ok((labels, has_more))
    }

    /// A version's record; `None` if it was purged.
    pub(super) async fn record(&self, area: &Area, digest: &Digest) -> Result<Option<Record>, RegistryError> {
        match self.0.storage.get_blob(area, digest, RECORD_MAX).await {
            Ok(bytes) => Ok(serde_json::from_slice(&bytes).ok()),
            Err(StorageError::NotFound { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}
