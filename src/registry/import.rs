//! Importing: whatever the readers find in a set of files becomes packages of one organisation.
//!
//! What an import is identified by is its source: path, and row or declaration. A name that is taken by another source gets the
//! kind, then eight digits of the identity's hash, behind it. Importing the same files again adds nothing; a changed file
//! becomes the next version of the package that it became before.

use std::collections::{BTreeMap, HashMap};

use futures::StreamExt;
use tokio::sync::mpsc;

use crate::domain::api::{Count, ImportItem, ImportOutcome, ImportSummary};
use crate::domain::{
    Action, Actor, CONFIG_SCHEMA, Config, Digest, File, Kind, Name, Published, Reference, Scope, Source, Version,
};
use crate::meta::Releases;
use crate::pack::{self, Packed};
use crate::pcl::{self, Found};

use super::push::Prepared;
use super::{Push, Registry, RegistryError};

/// Publications under way at once: enough to share commits, few enough to bound memory.
const AT_ONCE: usize = 32;

/// One artifact to publish, under the name that it gets.
pub(super) struct Planned {
    pub(super) found: Found,
    pub(super) name: Name,
    pub(super) renamed: bool,
}

/// What is to become of one artifact.
pub(super) enum Plan {
    /// It is there already.
    Unchanged(Version, Digest),
    /// It is to be this version.
    Publish(Version, Box<Packed>),
}

/// Who has a name: what was imported from a source, as a kind. `None`: what was pushed without a source.
type Holder = Option<(Source, Kind)>;

impl Registry {
    /// Publishes every artifact in the files. Each one's fate goes to `items` as it is known; one that is refused stops no other. Where
    /// the registry itself fails, the import ends with that; what was published until then stays.
    pub async fn import(
        &self,
        actor: &Actor,
        org: &str,
        files: Vec<File>,
        items: mpsc::Sender<ImportItem>,
    ) -> Result<ImportSummary, RegistryError> {
        let any: Name = format!("{org}/any")
            .parse()
            .map_err(|_| RegistryError::BadRequest(format!("{org:?} cannot be the name of an organisation")))?;
        self.require(actor, Action::Push, Scope::Repository(&any.repository()))?;
        let discovery =
            tokio::task::spawn_blocking(move || pcl::discover(&files)).await.map_err(|_| RegistryError::Stopping)?;
        let mut summary = ImportSummary {
            done: true,
            found: discovery.found.len() as u64,
            left_out: discovery.left_out.len() as u64,
            ..ImportSummary::default()
        };
        let planned = self.plan_names(actor, org, discovery.found).await?;
        let mut kinds = BTreeMap::new();
        let mut fates = futures::stream::iter(by_name(planned))
            .map(|versions| self.import_package(actor, versions))
            .buffer_unordered(AT_ONCE);
        while let Some((told, fault)) = fates.next().await {
            for item in told {
                *kinds.entry(item.kind).or_insert(0) += 1;
                match item.outcome {
                    ImportOutcome::Published => summary.published += 1,
                    ImportOutcome::Unchanged => summary.unchanged += 1,
                    ImportOutcome::Failed => summary.failed += 1,
                }
                summary.renamed += u64::from(item.renamed);
                summary.diagnostics += item.diagnostics as u64;
                // The caller may have hung up; what is found is published all the same.
                let _ = items.send(item).await;
            }
            if let Some(fault) = fault {
                return Err(fault);
            }
        }
        summary.kinds = kinds.into_iter().map(|(kind, count)| Count { value: kind.to_string(), count }).collect();
        Ok(summary)
    }

    /// Gives each artifact its name: the one that its source had before, else the first candidate that nobody has.
    pub(super) async fn plan_names(
        &self,
        actor: &Actor,
        org: &str,
        found: Vec<Found>,
    ) -> Result<Vec<Planned>, RegistryError> {
        let mut taken: HashMap<Name, Holder> = HashMap::new();
        let mut planned = Vec::with_capacity(found.len());
        for found in found {
            let own: Holder = Some((found.finding.source.clone(), found.finding.kind));
            let candidates = pcl::slug_candidates(&found.finding);
            let numbered = (2..=u32::MAX).map(|number| format!("{}-{number}", candidates[candidates.len() - 1]));
            let mut chosen = None;
            for (at, slug) in candidates.iter().cloned().chain(numbered).enumerate() {
                let Ok(name) = format!("{org}/{slug}").parse::<Name>() else { break };
                if !taken.contains_key(&name)
                    && let Some(package) = self.0.meta.catalog.package(&name).await?
                {
                    // What is private is somebody else's to those who do not see it.
                    let is_seen = self.sees(actor, &name.repository()).await?;
                    let source = package.source.filter(|_| is_seen);
                    taken.insert(name.clone(), source.map(|source| (source, package.kind)));
                }
                if *taken.entry(name.clone()).or_insert_with(|| own.clone()) == own {
                    chosen = Some((name, at > 0));
                    break;
                }
            }
            let (name, renamed) = chosen.ok_or_else(|| {
                RegistryError::BadRequest(format!("{:?} gives no name for a package", found.finding.title))
            })?;
            planned.push(Planned { found, name, renamed });
        }
        Ok(planned)
    }

    /// Publishes versions of one package, one after the other: each may need to know what the one before became. Returns what became
    /// of them, up to where the registry itself failed.
    async fn import_package(&self, actor: &Actor, versions: Vec<Planned>) -> (Vec<ImportItem>, Option<RegistryError>) {
        let mut items = Vec::with_capacity(versions.len());
        for planned in versions {
            match self.import_one(actor, planned).await {
                Ok(item) => items.push(item),
                Err(fault) => return (items, Some(fault)),
            }
        }
        (items, None)
    }

    async fn import_one(&self, actor: &Actor, planned: Planned) -> Result<ImportItem, RegistryError> {
        let mut item = item_of(&planned);
        match self.import_version(actor, planned, item.version.clone()).await {
            Ok((version, digest, outcome)) => {
                item.version = version;
                item.digest = Some(digest);
                item.outcome = outcome;
            }
            Err(error) if error.is_fault() => return Err(error),
            Err(error) => item.error = Some(error.public_text()),
        }
        Ok(item)
    }

    async fn import_version(
        &self,
        actor: &Actor,
        planned: Planned,
        version: Version,
    ) -> Result<(Version, Digest, ImportOutcome), RegistryError> {
        let name = planned.name.clone();
        match self.plan_version(planned, version).await? {
            Plan::Unchanged(version, digest) => Ok((version, digest, ImportOutcome::Unchanged)),
            Plan::Publish(version, packed) => {
                let digest = self.publish_packed(actor, &name, &version, *packed).await?;
                Ok((version, digest, ImportOutcome::Published))
            }
        }
    }

    /// Which version an artifact is to be, and what is to be pushed for it.
    pub(super) async fn plan_version(&self, planned: Planned, version: Version) -> Result<Plan, RegistryError> {
        let Planned { found: Found { finding, tree }, name, .. } = planned;
        let digest = tree.digest();
        let same = |published: &Published| {
            let same = |config: &Config| config.tree == digest && config.primary == finding.primary;
            published.config.as_ref().is_some_and(same)
        };
        let mut version = version;
        if let Some(published) = self.0.meta.catalog.version(&name, &version).await? {
            if !published.deleted && same(&published) {
                return Ok(Plan::Unchanged(published.version, published.digest));
            }
            let releases = self.0.meta.catalog.releases(&name, Releases::Readable).await?;
            for release in &releases {
                let published = self.0.meta.catalog.version(&name, &release.version).await?;
                if published.as_ref().is_some_and(same) {
                    return Ok(Plan::Unchanged(release.version.clone(), release.digest));
                }
            }
            version =
                self.next_version(&name, releases.first().map_or(version, |newest| newest.version.clone())).await?;
        }
        let config = Config {
            schema: CONFIG_SCHEMA,
            name: name.slug().to_owned(),
            version: version.clone(),
            kind: finding.kind,
            about: finding.about,
            primary: finding.primary,
            source: Some(finding.source),
            tree: digest,
        };
        let packed = tokio::task::spawn_blocking(move || pack::pack(&tree, &config))
            .await
            .map_err(|_| RegistryError::Stopping)?
            .map_err(|error| RegistryError::ManifestInvalid(error.to_string()))?;
        Ok(Plan::Publish(version, Box::new(packed)))
    }

    /// The next patch of `newest` that was never used, deleted versions included.
    pub(super) async fn next_version(&self, name: &Name, newest: Version) -> Result<Version, RegistryError> {
        let mut version = newest;
        loop {
            version = version
                .next_patch()
                .ok_or_else(|| RegistryError::BadRequest(format!("{name} has no version left after {version}")))?;
            if self.0.meta.catalog.version(name, &version).await?.is_none() {
                return Ok(version);
            }
        }
    }

    /// What a client does to publish: both blobs, then the manifest under the version's tag.
    pub(super) async fn publish_packed(
        &self,
        actor: &Actor,
        name: &Name,
        version: &Version,
        packed: Packed,
    ) -> Result<Digest, RegistryError> {
        let prepared = self.prepare_packed(actor, name, version, packed).await?;
        Ok(self.commit_push(actor, prepared).await?.digest)
    }

    /// The same short of the commit.
    pub(super) async fn prepare_packed(
        &self,
        actor: &Actor,
        name: &Name,
        version: &Version,
        packed: Packed,
    ) -> Result<Prepared, RegistryError> {
        let repository = name.repository();
        for blob in [packed.config, packed.layer] {
            self.put_blob(actor, &repository, &blob.digest, blob.content).await?;
        }
        let tag = version.tag().parse().map_err(|error| RegistryError::BadRequest(format!("{error}")))?;
        let push = Push {
            repository: &repository,
            reference: Reference::Tag(tag),
            tags: Vec::new(),
            content_type: Some(&packed.manifest.media_type),
            bytes: packed.manifest.content,
        };
        self.prepare_push(actor, push).await
    }
}

/// An artifact as it is told of before anything has become of it.
pub(super) fn item_of(planned: &Planned) -> ImportItem {
    let finding = &planned.found.finding;
    let source = match &finding.source.item {
        Some(item) => format!("{}#{item}", finding.source.path),
        None => finding.source.path.clone(),
    };
    ImportItem {
        source,
        kind: finding.kind,
        name: planned.name.clone(),
        version: finding.version.clone().unwrap_or_else(Version::first),
        digest: None,
        outcome: ImportOutcome::Failed,
        renamed: planned.renamed,
        diagnostics: finding.about.diagnostics.len(),
        error: None,
    }
}

/// The same artifacts, those of one name together and in their order.
pub(super) fn by_name(planned: Vec<Planned>) -> Vec<Vec<Planned>> {
    let mut groups: Vec<Vec<Planned>> = Vec::new();
    let mut at: HashMap<Name, usize> = HashMap::new();
    for planned in planned {
        match at.get(&planned.name) {
            Some(&at) => groups[at].push(planned),
            None => {
                at.insert(planned.name.clone(), groups.len());
                groups.push(vec![planned]);
            }
        }
    }
    groups
}
