//! Drafts: artifacts that may still change. They are seen by who may publish under their name, and by nobody else; publishing
//! one is what a push of the same files and config is.
//!
//! They are no events and no rows: an object each, in the private area of the organisation (`storage/drafts.rs`). Whoever
//! changes one says which revision they saw; of two who saw the same one, the second is refused.

use bytes::Bytes;
use uuid::Uuid;

use crate::domain::{
    Access, Action, Actor, Area, CONFIG_SCHEMA, Config, Digest, Draft, File, Kind, Name, Repository, Tree, TreePath,
    Version,
};
use crate::meta::{MetaError, Releases};
use crate::{pack, pcl};

use super::{Registry, RegistryError};

/// Largest draft, in bytes: its description, and its files, compressed.
const DRAFT_MAX: u64 = 64 << 20;

/// What somebody says of the files of a draft.
#[derive(Clone, Debug, Default)]
pub struct Drafted {
    /// The version; else the one in the files, else the next patch after the highest one.
    pub version: Option<Version>,
    /// What it is; else what the files say.
    pub kind: Option<Kind>,
    /// Which of several declarations in a PCL file.
    pub declaration: Option<String>,
}

impl Registry {
    /// Whether the caller may begin drafts of this package.
    pub async fn may_draft(&self, actor: &Actor, name: &Name) -> Result<(), RegistryError> {
        self.require_change(actor, Action::Push, &name.repository()).await
    }

    /// Begins a draft.
    pub async fn create_draft(
        &self,
        actor: &Actor,
        name: &Name,
        files: Tree,
        drafted: Drafted,
    ) -> Result<Draft, RegistryError> {
        self.may_draft(actor, name).await?;
        let (config, tree) = self.drafted(name, files, drafted).await?;
        self.begin_draft(actor, name, config, tree).await
    }

    /// A draft.
    pub async fn draft(&self, actor: &Actor, org: &str, id: Uuid) -> Result<Draft, RegistryError> {
        self.read_draft(actor, org, id).await.map(|(draft, _)| draft)
    }

    /// The drafts of an organisation, oldest first; of one package, if it is named.
    pub async fn drafts(&self, actor: &Actor, org: &str, name: Option<&Name>) -> Result<Vec<Draft>, RegistryError> {
        let area = area_of(org)?;
        let mut drafts = Vec::new();
        if matches!(actor, Actor::Anonymous(Access::None | Access::Read)) {
            // None of them would be shown, and each would have to be fetched.
            return Ok(drafts);
        }
        for id in self.0.storage.drafts(&area).await? {
            match self.read_draft(actor, org, id).await {
                Ok((draft, _)) if name.is_none_or(|name| *name == draft.name) => drafts.push(draft),
                Ok(_) | Err(RegistryError::DraftUnknown(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(drafts)
    }

    /// Replaces the files of a draft, and what is said of them. `revision`: the one that the caller saw.
    pub async fn update_draft(
        &self,
        actor: &Actor,
        org: &str,
        id: Uuid,
        revision: u64,
        files: Tree,
        drafted: Drafted,
    ) -> Result<Draft, RegistryError> {
        let (known, _) = self.read_draft(actor, org, id).await?;
        self.may_draft(actor, &known.name).await?;
        same_revision(&known, revision)?;
        let version = drafted.version.or_else(|| Some(known.config.version.clone()));
        let kind = drafted.kind.or(Some(known.config.kind));
        let (config, tree) = self.drafted(&known.name, files, Drafted { version, kind, ..drafted }).await?;
        // Where it was imported from, an import finds it again.
        let config = Config { source: known.config.source.clone(), ..config };
        self.save_draft(actor, known, revision, config, tree).await
    }

    /// Publishes a draft, with what changed in it if that is said, and removes it. `revision`: the one that the caller saw.
    /// Returns the digest of the manifest.
    pub async fn publish_draft(
        &self,
        actor: &Actor,
        org: &str,
        id: Uuid,
        revision: u64,
        changelog: Option<String>,
    ) -> Result<(Draft, Digest), RegistryError> {
        let (mut draft, tree) = self.read_draft(actor, org, id).await?;
        self.may_draft(actor, &draft.name).await?;
        same_revision(&draft, revision)?;
        if changelog.is_some() {
            draft.config.about.changelog = changelog;
        }
        let config = draft.config.clone();
        let packed = tokio::task::spawn_blocking(move || pack::pack(&tree, &config))
            .await
            .map_err(|_| RegistryError::Stopping)?
            .map_err(|error| RegistryError::ManifestInvalid(error.to_string()))?;
        let digest = self.publish_packed(actor, &draft.name, &draft.config.version, packed).await?;
        // Saved again meanwhile, it stays: what was saved later is not published.
        let area = Area::private(&draft.name.repository());
        self.0.storage.save_draft(&area, id, revision + 1, Bytes::new()).await?;
        Ok((draft, digest))
    }

    /// Removes a draft. `revision`: the one that the caller saw.
    pub async fn delete_draft(&self, actor: &Actor, org: &str, id: Uuid, revision: u64) -> Result<(), RegistryError> {
        let (draft, _) = self.read_draft(actor, org, id).await?;
        self.may_draft(actor, &draft.name).await?;
        same_revision(&draft, revision)?;
        match self.0.storage.save_draft(&area_of(org)?, id, revision + 1, Bytes::new()).await? {
            true => Ok(()),
            false => Err(RegistryError::DraftChanged { id, seen: revision }),
        }
    }

    /// The files below the folder that an artifact's archive has, and the config that they would be published with.
    async fn drafted(&self, name: &Name, files: Tree, drafted: Drafted) -> Result<(Config, Tree), RegistryError> {
        if files.files().is_empty() {
            return Err(RegistryError::BadRequest("a draft needs at least one file".to_owned()));
        }
        let slug = name.slug().to_owned();
        let read = move || {
            let tree = without_root(files, &slug);
            let finding = pcl::read_tree(&tree, drafted.kind, drafted.declaration.as_deref());
            (tree, finding, drafted.version)
        };
        let (tree, finding, version) = tokio::task::spawn_blocking(read).await.map_err(|_| RegistryError::Stopping)?;
        let version = match version.or(finding.version) {
            Some(version) => version,
            None => match self.0.meta.catalog.releases(name, Releases::Readable).await?.into_iter().next() {
                Some(newest) => self.next_version(name, newest.version).await?,
                None => Version::first(),
            },
        };
        let config = Config {
            schema: CONFIG_SCHEMA,
            name: name.slug().to_owned(),
            version,
            kind: finding.kind,
            about: finding.about,
            primary: finding.primary,
            source: None,
            tree: tree.digest(),
        };
        Ok((config, tree))
    }

    /// A draft with its files, for who may publish under its name.
    pub(super) async fn read_draft(&self, actor: &Actor, org: &str, id: Uuid) -> Result<(Draft, Tree), RegistryError> {
        let unknown = || RegistryError::DraftUnknown(id);
        let found = self.0.storage.draft(&area_of(org)?, id, DRAFT_MAX).await?;
        let (revision, bytes) = found.ok_or_else(unknown)?;
        let (draft, files) = split(&bytes, revision)?;
        // To others it is not there, and its files are not unpacked for them.
        match self.require_change(actor, Action::Push, &draft.name.repository()).await {
            Ok(()) | Err(RegistryError::ReadOnly) => {}
            Err(RegistryError::Forbidden | RegistryError::LoginNeeded) => return Err(unknown()),
            Err(error) => return Err(error),
        }
        let (limits, root) = (self.0.limits.archive, draft.name.slug().to_owned());
        let read = move || pack::read_files(&files[..], &limits).map(|files| without_root(files, &root));
        let tree = tokio::task::spawn_blocking(read).await.map_err(|_| RegistryError::Stopping)?;
        Ok((draft, tree.map_err(|error| corrupt(revision, &error))?))
    }

    /// A new draft as it is first saved.
    pub(super) async fn begin_draft(
        &self,
        actor: &Actor,
        name: &Name,
        config: Config,
        tree: Tree,
    ) -> Result<Draft, RegistryError> {
        let (now, id) = (self.0.clock.now(), Uuid::now_v7());
        let draft = Draft {
            id,
            revision: 1,
            name: name.clone(),
            config,
            files: tree.entries(),
            actor: actor.id(),
            created: now,
            updated: now,
        };
        self.save(&draft, &tree).await?;
        Ok(draft)
    }

    /// The next revision of a draft. `revision`: the one that the caller saw.
    pub(super) async fn save_draft(
        &self,
        actor: &Actor,
        known: Draft,
        revision: u64,
        config: Config,
        tree: Tree,
    ) -> Result<Draft, RegistryError> {
        self.may_draft(actor, &known.name).await?;
        if known.revision != revision {
            return Err(RegistryError::DraftChanged { id: known.id, seen: revision });
        }
        let (actor, updated) = (actor.id(), self.0.clock.now());
        let draft = Draft { revision: revision + 1, config, files: tree.entries(), actor, updated, ..known };
        self.save(&draft, &tree).await?;
        Ok(draft)
    }

    async fn save(&self, draft: &Draft, tree: &Tree) -> Result<(), RegistryError> {
        let (of, tree) = (draft.clone(), tree.clone());
        let write = move || {
            let mut bytes = serde_json::to_vec(&of).map_err(|error| RegistryError::BadRequest(error.to_string()))?;
            bytes.push(b'\n');
            bytes.extend_from_slice(&pack::write_archive(&tree, of.name.slug()));
            Ok::<_, RegistryError>(Bytes::from(bytes))
        };
        let bytes = tokio::task::spawn_blocking(write).await.map_err(|_| RegistryError::Stopping)??;
        if bytes.len() as u64 > DRAFT_MAX {
            return Err(RegistryError::TooLarge { what: "the draft", limit: DRAFT_MAX });
        }
        let area = Area::private(&draft.name.repository());
        match self.0.storage.save_draft(&area, draft.id, draft.revision, bytes).await? {
            true => Ok(()),
            false => Err(RegistryError::DraftChanged { id: draft.id, seen: draft.revision - 1 }),
        }
    }
}

/// One line of JSON, then the files as the layer of an artifact has them.
fn split(bytes: &Bytes, revision: u64) -> Result<(Draft, Bytes), RegistryError> {
    let end = bytes.iter().position(|byte| *byte == b'\n').ok_or_else(|| corrupt(revision, &"it is cut"))?;
    let draft: Draft = serde_json::from_slice(&bytes[..end]).map_err(|error| corrupt(revision, &error))?;
    Ok((draft, bytes.slice(end + 1..)))
}

fn corrupt(revision: u64, why: &dyn std::fmt::Display) -> RegistryError {
    RegistryError::Meta(MetaError::Corrupt(format!("revision {revision} of a draft: {why}")))
}

/// The files as they are, or those below the folder `root` if all are.
fn without_root(tree: Tree, root: &str) -> Tree {
    let below = |file: &File| -> Option<File> {
        let path: TreePath = file.path.as_str().strip_prefix(root)?.strip_prefix('/')?.parse().ok()?;
        Some(File { path, ..file.clone() })
    };
    let stripped: Option<Vec<File>> = tree.files().iter().map(below).collect();
    stripped.and_then(|files| Tree::new(files).ok()).unwrap_or(tree)
}

fn same_revision(draft: &Draft, seen: u64) -> Result<(), RegistryError> {
    match draft.revision == seen {
        true => Ok(()),
        false => Err(RegistryError::DraftChanged { id: draft.id, seen }),
    }
}

fn area_of(org: &str) -> Result<Area, RegistryError> {
    let org: Repository =
        org.parse().map_err(|_| RegistryError::BadRequest(format!("{org:?} cannot be the name of an organisation")))?;
    Ok(Area::private(&org))
}
