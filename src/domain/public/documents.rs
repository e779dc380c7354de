//! What the documents of the static tree say: one way to write each, and to read it.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::super::api::{Reasons, Resolution, Resolvable, VersionDetail};
use super::super::{
    Dependency, Deprecation, Digest, FileEntry, Kind, Name, Package, Published, Record, Release, Repository, Tag,
    Timestamp, Version,
};
use super::Shard;

/// `registry.json`: what is here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegistryDocument {
    /// [`super::PUBLIC_FORMAT`].
    pub format: u32,
    /// The last event that the whole tree shows; single documents may show later ones.
    pub as_of: u64,
    /// There only while something could not be rendered: the last event that all of the tree shows, that too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub behind: Option<u64>,
    /// How many packages there are.
    pub packages: u64,
    /// The parts of the catalogue that are there.
    #[serde(default)]
    pub shards: Vec<Shard>,
}

/// `index/<org>/<slug>.json`: all that a package has.
///
/// It begins with the members of a [`Resolution`], so that whoever needs no more reads it as one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PackageDocument {
    /// [`super::PUBLIC_FORMAT`].
    pub format: u32,
    /// The last event that it surely shows.
    pub as_of: u64,
    /// The package.
    pub name: Name,
    /// What it is.
    pub kind: Kind,
    /// Its versions that can be read, highest first, yanked ones too.
    pub versions: Vec<StaticVersion>,
    /// What the catalogue says of it, in the words of the version that it shows. Nobody counts here: downloads and stars are 0.
    pub package: Package,
    /// What OCI clients ask for.
    pub oci: OciDocument,
}

/// A version in a [`PackageDocument`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StaticVersion {
    /// What lists say of it.
    #[serde(flatten)]
    pub release: Release,
    /// Digest of its files. Absent where the record was given up: then it cannot be resolved to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tree: Option<Digest>,
    /// What it needs, as its source names it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dependencies: Vec<Dependency>,
    /// Its identity: that of the event that published it.
    pub id: Uuid,
    /// Number of the event that published it.
    pub event: u64,
    /// Digest of its [`Record`], which lies where content does.
    pub record: Digest,
    /// Digest of a blob with the reason of the yank.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub yank_reason: Option<Digest>,
    /// What is said against it, if it is deprecated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deprecation: Option<Deprecation>,
    /// The same reasons in words.
    #[serde(default, skip_serializing_if = "Reasons::is_empty")]
    pub reasons: Reasons,
}

impl PackageDocument {
    /// All that choosing versions takes.
    pub fn resolution(&self) -> Resolution {
        let versions = self.versions.iter().filter_map(|version| {
            let (tree, dependencies) = (version.tree?, version.dependencies.clone());
            Some(Resolvable { release: version.release.clone(), tree, dependencies })
        });
        Resolution { name: self.name.clone(), kind: self.kind, versions: versions.collect() }
    }

    /// One of its versions with its files, once its record was read; `None`: it was given up.
    pub fn detail(&self, version: &StaticVersion, record: Option<Record>) -> VersionDetail {
        let (config, files): (_, Vec<FileEntry>) = match record {
            Some(record) => (Some(record.config), record.files),
            None => (None, Vec::new()),
        };
        let release = &version.release;
        let published = Published {
            id: version.id,
            name: self.name.clone(),
            version: release.version.clone(),
            kind: self.kind,
            digest: release.digest,
            record: version.record,
            config,
            yanked: release.yanked,
            yank_reason: version.yank_reason,
            deprecation: version.deprecation.clone(),
            deleted: release.deleted,
            purged: false,
            published: release.published,
            event: version.event,
        };
        VersionDetail { published, files, reasons: version.reasons.clone() }
    }
}

/// `repositories/<name>/_.json`: all that a repository has that is no package.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RepositoryDocument {
    /// [`super::PUBLIC_FORMAT`].
    pub format: u32,
    /// The last event that it surely shows.
    pub as_of: u64,
    /// The repository.
    pub repository: Repository,
    /// What OCI clients ask for.
    pub oci: OciDocument,
}

/// What OCI clients ask a repository for. With the content that it names, the repository's part of `v2/` can be made again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OciDocument {
    /// What each tag names, versions and `latest` too.
    #[serde(default)]
    pub tags: BTreeMap<Tag, Digest>,
    /// Its manifests, by digest.
    #[serde(default)]
    pub manifests: Vec<OciManifest>,
    /// Paths below `public/` that were there before and must not be there any more.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub removed: Vec<String>,
}

/// A manifest in an [`OciDocument`]. Its bytes lie where content does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OciManifest {
    /// Its digest.
    pub digest: Digest,
    /// Its media type.
    pub media_type: String,
    /// Its length in bytes.
    pub size: u64,
    /// Its type of artifact.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<String>,
    /// The manifest that it refers to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<Digest>,
    /// Free text by key.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
    /// The blobs that it names and that are here.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub blobs: Vec<Digest>,
}

/// Where the document of a package or repository was that is not public any more, or has nothing left.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tombstone {
    /// The last event that it surely shows.
    pub as_of: u64,
    /// Always true.
    pub gone: bool,
    /// Paths below `public/` that were there before and must not be there any more; empty once they are gone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub removed: Vec<String>,
}

/// Reads the document of a package or a repository; `None`: there is a [`Tombstone`] in its place.
///
/// # Errors
/// It is neither.
pub fn read_document<T: DeserializeOwned>(bytes: &[u8]) -> Result<Option<T>, serde_json::Error> {
    #[derive(Deserialize)]
    struct Head {
        #[serde(default)]
        gone: bool,
    }
    let head: Head = serde_json::from_slice(bytes)?;
    if head.gone { Ok(None) } else { serde_json::from_slice(bytes).map(Some) }
}

/// A line of a part of the catalogue.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ShardLine {
    /// There was a package.
    Gone(GoneLine),
    /// There is one.
    There(Box<CatalogueLine>),
}

/// Where the line of a package was that is not public any more. It does not tell which.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GoneLine {
    /// The last event that it surely shows.
    pub as_of: u64,
    /// SHA-256 of the name.
    pub gone: Digest,
}

/// A package as searches find it: what a search index is made of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CatalogueLine {
    /// The last event that it surely shows.
    pub as_of: u64,
    /// The package.
    pub name: Name,
    /// What it is.
    pub kind: Kind,
    /// The version that it shows, and that the rest is taken from.
    pub version: Version,
    /// The name as people write it; empty if there is none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub title: String,
    /// What it is for.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// Labels.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// What it can do, without levels.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub skills: Vec<String>,
    /// Text of the primary file.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub text: String,
    /// When the package last changed.
    pub updated: Timestamp,
    /// Who wrote it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub authors: Vec<String>,
    /// Its licence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub license: Option<String>,
    /// Packages that it needs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub needs: Vec<String>,
}

/// `.well-known/agent-skills/index.json`: the skills, as Agent Skills Discovery 0.2.0 lists them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SkillIndex {
    /// Which form this is.
    #[serde(rename = "$schema")]
    pub schema: String,
    /// One entry a skill, by package.
    pub skills: Vec<SkillEntry>,
    /// Where entries were that are hidden now; no member of that form.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gone: Vec<GoneLine>,
}

impl SkillIndex {
    /// The form that this code writes.
    pub const SCHEMA: &'static str = "https://schemas.agentskills.io/discovery/0.2.0/schema.json";
}

/// A skill in a [`SkillIndex`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SkillEntry {
    /// Its name.
    pub name: String,
    /// `archive`: a tar that was compressed with gzip.
    #[serde(rename = "type")]
    pub kind: String,
    /// What it is for.
    pub description: String,
    /// Where the archive lies, from the index on.
    pub url: String,
    /// Digest of the archive.
    pub digest: Digest,
    /// The package that it is; no member of that form, whose readers pass it over.
    pub package: Name,
    /// Its version.
    pub version: Version,
    /// The last event that the entry surely shows.
    pub as_of: u64,
}
