//! Importing all or nothing: what the readers find is published together, or none of it.
//!
//! Everything is checked and stored first, so that all that is wrong is told at once, and then committed as one.

use std::collections::{BTreeMap, HashSet};

use futures::{StreamExt, TryStreamExt};
use uuid::Uuid;

use crate::domain::api::{Count, ImportItem, ImportOutcome, ImportSummary};
use crate::domain::{Action, Actor, Digest, File, Name, Primary, Scope, Version};
use crate::meta::{Act, Change, Refused};
use crate::pcl;
use crate::storage::Key;

use super::import::{Plan, Planned, by_name, item_of};
use super::push::Prepared;
use super::{Registry, RegistryError};

/// Most artifacts that are published all or nothing.
pub const WHOLE_MAX: usize = 1000;

/// Artifacts that are prepared at once.
const AT_ONCE: usize = 16;

/// What came of an import that is all or nothing.
#[derive(Debug)]
pub struct ImportedWhole {
    /// What became of each artifact. If any failed, nothing was published, and those that are to blame say why.
    pub items: Vec<ImportItem>,
    /// The sums.
    pub summary: ImportSummary,
}

/// An artifact, and what is to be committed for it unless it is there already.
type Ready = (ImportItem, Option<Prepared>);

impl Registry {
    /// Publishes every artifact in the files, or none if any is refused. What the registry itself fails in is no item's error but
    /// this one's.
    pub async fn import_whole(
        &self,
        actor: &Actor,
        org: &str,
        files: Vec<File>,
    ) -> Result<ImportedWhole, RegistryError> {
        let any: Name = format!("{org}/any")
            .parse()
            .map_err(|_| RegistryError::BadRequest(format!("{org:?} cannot be the name of an organisation")))?;
        self.require(actor, Action::Push, Scope::Repository(&any.repository()))?;
        let discovery =
            tokio::task::spawn_blocking(move || pcl::discover(&files)).await.map_err(|_| RegistryError::Stopping)?;
        let found = discovery.found.len();
        if found > WHOLE_MAX {
            return Err(RegistryError::BadRequest(format!(
                "{found} artifacts are found, and at most {WHOLE_MAX} are published all or nothing\nhint: import them in parts, or without atomic"
            )));
        }
        let planned = self.plan_names(actor, org, discovery.found).await?;
        let packages: Vec<Vec<Ready>> = futures::stream::iter(by_name(planned))
            .map(|versions| self.prepare_package(actor, versions))
            .buffered(AT_ONCE)
            .try_collect()
            .await?;
        let mut ready: Vec<Ready> = packages.into_iter().flatten().collect();
        if ready.iter().all(|(item, _)| item.error.is_none()) {
            self.commit_ready(actor, &mut ready).await?;
        }
        let items: Vec<ImportItem> = ready.into_iter().map(|(item, _)| item).collect();
        let summary = sums(&items, discovery.left_out.len() as u64);
        Ok(ImportedWhole { items, summary })
    }

    /// Prepares versions of one package, each knowing what is to become of those before it.
    async fn prepare_package(&self, actor: &Actor, versions: Vec<Planned>) -> Result<Vec<Ready>, RegistryError> {
        let (mut taken, mut ready) = (Taken::default(), Vec::with_capacity(versions.len()));
        for planned in versions {
            let mut item = item_of(&planned);
            let prepared = match self.prepare_one(actor, planned, &mut item, &mut taken).await {
                Ok(prepared) => prepared,
                Err(error) if error.is_fault() => return Err(error),
                Err(error) => {
                    item.error = Some(error.public_text());
                    None
                }
            };
            ready.push((item, prepared));
        }
        Ok(ready)
    }

    async fn prepare_one(
        &self,
        actor: &Actor,
        planned: Planned,
        item: &mut ImportItem,
        taken: &mut Taken,
    ) -> Result<Option<Prepared>, RegistryError> {
        let (name, tree) = (planned.name.clone(), planned.found.tree.digest());
        let content = (tree, planned.found.finding.primary.clone());
        if let Some((version, digest)) = taken.known(&content) {
            (item.version, item.digest, item.outcome) = (version, digest, ImportOutcome::Unchanged);
            return Ok(None);
        }
        // What came before it in the batch is not in the catalogue yet.
        let version = match taken.newest.clone().filter(|_| taken.numbers.contains(&item.version.number())) {
            Some(newest) => self.next_unclaimed(&name, newest, taken).await?,
            None => item.version.clone(),
        };
        let (version, packed) = match self.plan_version(planned, version).await? {
            Plan::Unchanged(version, digest) => {
                (item.version, item.digest, item.outcome) = (version, Some(digest), ImportOutcome::Unchanged);
                return Ok(None);
            }
            Plan::Publish(version, packed) => (version, *packed),
        };
        if taken.numbers.contains(&version.number()) {
            return Err(RegistryError::BadRequest(format!(
                "version {version} of {name} would be two of the artifacts; give each a version of its own"
            )));
        }
        let prepared = self.prepare_packed(actor, &name, &version, packed).await?;
        item.version = version.clone();
        item.digest = Some(prepared.pushed.digest);
        taken.add(content, version, prepared.pushed.digest);
        Ok(Some(prepared))
    }

    /// The next patch after `newest` that neither the catalogue nor this batch has.
    async fn next_unclaimed(&self, name: &Name, newest: Version, taken: &Taken) -> Result<Version, RegistryError> {
        let mut version = newest;
        loop {
            version = self.next_version(name, version).await?;
            if !taken.numbers.contains(&version.number()) {
                return Ok(version);
            }
        }
    }

    /// Commits what is prepared, all or nothing, and says in the items what became of it. What was brought to an area that is not the
    /// right one any more is taken away again.
    async fn commit_ready(&self, actor: &Actor, ready: &mut [Ready]) -> Result<(), RegistryError> {
        let time = self.0.clock.now();
        let change = |prepared: &Prepared| Change {
            id: Uuid::now_v7(),
            actor: actor.id(),
            time,
            act: Act::Accept(prepared.accept.clone()),
        };
        let prepared = || ready.iter().filter_map(|(_, prepared)| prepared.as_ref());
        // Without any it still waits for what an earlier try left to be written: "unchanged" acknowledges it.
        let changes: Vec<Change> = prepared().map(change).collect();
        let settle: HashSet<Key> = prepared().flat_map(|prepared| prepared.settle.iter().cloned()).collect();
        let outcomes = self.0.committer.commit_whole(changes, settle.into_iter().collect()).await?;
        let committed = ready.iter_mut().filter(|(_, prepared)| prepared.is_some());
        let mut elsewhere = Vec::new();
        for ((item, prepared), outcome) in committed.zip(outcomes) {
            match outcome {
                Ok(_) => item.outcome = ImportOutcome::Published,
                // It is not to blame.
                Err(Refused::Batch) => {}
                Err(refused) => {
                    item.error = Some(refused.to_string());
                    // From here on nobody counts on what it brought.
                    elsewhere.extend(prepared.take().filter(|_| matches!(refused, Refused::Elsewhere(_))));
                }
            }
        }
        for prepared in elsewhere {
            let brought = prepared.brought();
            drop(prepared);
            self.take_back(brought).await?;
        }
        Ok(())
    }
}

/// What earlier artifacts of a batch are to become, of one package.
#[derive(Default)]
struct Taken {
    numbers: HashSet<String>,
    newest: Option<Version>,
    contents: Vec<((Digest, Primary), Version, Digest)>,
}

impl Taken {
    /// The version and the manifest that the same files are to be.
    fn known(&self, content: &(Digest, Primary)) -> Option<(Version, Option<Digest>)> {
        let found = self.contents.iter().find(|(known, ..)| known == content);
        found.map(|(_, version, digest)| (version.clone(), Some(*digest)))
    }

    fn add(&mut self, content: (Digest, Primary), version: Version, digest: Digest) {
        self.numbers.insert(version.number());
        self.newest = self.newest.take().into_iter().chain([version.clone()]).max();
        self.contents.push((content, version, digest));
    }
}

/// If any failed, none is published: those that are not to blame are counted as neither.
fn sums(items: &[ImportItem], left_out: u64) -> ImportSummary {
    let count = |passes: &dyn Fn(&ImportItem) -> bool| items.iter().filter(|item| passes(item)).count() as u64;
    let mut kinds = BTreeMap::new();
    for item in items {
        *kinds.entry(item.kind).or_insert(0) += 1;
    }
    ImportSummary {
        done: true,
        found: items.len() as u64,
        published: count(&|item| item.outcome == ImportOutcome::Published),
        unchanged: count(&|item| item.outcome == ImportOutcome::Unchanged),
        failed: count(&|item| item.error.is_some()),
        renamed: count(&|item| item.renamed),
        diagnostics: items.iter().map(|item| item.diagnostics as u64).sum(),
        kinds: kinds.into_iter().map(|(kind, count)| Count { value: kind.to_string(), count }).collect(),
        left_out,
    }
}
