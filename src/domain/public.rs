//! The static tree: where each of its documents lies below `public/`, and what it says (`spec/static.md`).
//!
//! Who writes the tree and who reads it agree here. Knows nothing of stores and networks, nor of how a document comes about.

mod documents;
mod tree;

use std::str::FromStr;

use sha2::{Digest as _, Sha256};

use super::media_type::{DOCKER_LIST, DOCKER_MANIFEST, OCI_ARTIFACT, OCI_INDEX, OCI_MANIFEST};
use super::text::text_value;
use super::{Digest, Name, Reference, Repository};

pub use documents::{
    CatalogueLine, GoneLine, OciDocument, OciManifest, PackageDocument, RegistryDocument, RepositoryDocument,
    ShardLine, SkillEntry, SkillIndex, StaticVersion, Tombstone, read_document,
};
pub use tree::{Medium, Piece, oci_tree};

/// The version of the tree's documents that this code writes and reads.
pub const PUBLIC_FORMAT: u32 = 1;

/// Largest document of the tree that is read, in bytes.
pub const PUBLIC_DOCUMENT_MAX: u64 = 64 << 20;

/// A document of the static tree. Content is no document: it lies under [`content_path`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum PublicPath {
    /// What is here, and up to which event.
    Registry,
    /// All that a package has.
    Package(Name),
    /// All that a repository has that is no package.
    Repository(Repository),
    /// A manifest by tag or digest, where OCI clients look for it.
    Manifest {
        /// Where.
        repository: Repository,
        /// Which.
        reference: Reference,
        /// Its media type.
        form: ManifestForm,
    },
    /// The same once more under a name that tells its type, for servers of files.
    TypedManifest {
        /// Where.
        repository: Repository,
        /// Which.
        reference: Reference,
        /// Its media type: one that has a [`ManifestForm::suffix`].
        form: ManifestForm,
    },
    /// The tags of a repository.
    TagList(Repository),
    /// What refers to a manifest.
    Referrers {
        /// Where.
        repository: Repository,
        /// The manifest.
        subject: Digest,
    },
    /// Content once more where OCI clients look for it, on stores that are no disk.
    Blob {
        /// Where.
        repository: Repository,
        /// Which.
        digest: Digest,
    },
    /// The page of a package, for people.
    Page(Name),
    /// The first page, for people.
    Home,
    /// A part of what searches are made of.
    Shard(Shard),
    /// The skills, as agents look for them.
    Skills,
}

impl PublicPath {
    /// The path below `public/`, with `/` between components.
    pub fn path(&self) -> String {
        match self {
            Self::Registry => "registry.json".to_owned(),
            Self::Package(name) => format!("index/{name}.json"),
            // No component of a repository begins with `_`.
            Self::Repository(repository) => format!("repositories/{repository}/_.json"),
            Self::Manifest { repository, reference, .. } => format!("v2/{repository}/manifests/{reference}"),
            // No tag and no digest has an `@`.
            Self::TypedManifest { repository, reference, form } => {
                format!("v2/{repository}/manifests/{reference}{}", form.suffix().unwrap_or_default())
            }
            Self::TagList(repository) => format!("v2/{repository}/tags/list"),
            Self::Referrers { repository, subject } => format!("v2/{repository}/referrers/{subject}"),
            Self::Blob { repository, digest } => format!("v2/{repository}/blobs/{digest}"),
            Self::Page(name) => format!("pages/{name}.html"),
            Self::Home => "index.html".to_owned(),
            Self::Shard(shard) => format!("catalogue/{shard}.jsonl.gz"),
            Self::Skills => ".well-known/agent-skills/index.json".to_owned(),
        }
    }
}

/// Where content lies below `public/`: blobs, and manifests as they are blobs. Two hexadecimal digits of folder keep folders small.
pub fn content_path(digest: &Digest) -> String {
    let hex = digest.hex();
    format!("blobs/{}/{}/{hex}", digest.algorithm().as_str(), &hex[..2])
}

/// The media types that manifests have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ManifestForm {
    /// OCI image manifest.
    Image,
    /// OCI image index.
    Index,
    /// Docker image manifest.
    Docker,
    /// Docker manifest list.
    DockerList,
    /// OCI artifact manifest.
    Artifact,
}

impl ManifestForm {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Image, Self::Index, Self::Docker, Self::DockerList, Self::Artifact];

    /// The form with this media type.
    pub fn of(media_type: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|form| form.media_type() == media_type)
    }

    /// Its media type.
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Image => OCI_MANIFEST,
            Self::Index => OCI_INDEX,
            Self::Docker => DOCKER_MANIFEST,
            Self::DockerList => DOCKER_LIST,
            Self::Artifact => OCI_ARTIFACT,
        }
    }

    /// What its second name on a file system ends in, which has no media types; `None` for the form that servers take for granted.
    pub const fn suffix(self) -> Option<&'static str> {
        match self {
            Self::Image => None,
            Self::Index => Some("@index"),
            Self::Docker => Some("@docker"),
            Self::DockerList => Some("@docker-list"),
            Self::Artifact => Some("@artifact"),
        }
    }
}

/// One of the 256 parts of the catalogue: the first byte of the SHA-256 of a package's name, as two hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Shard([u8; 2]);

impl Shard {
    /// The part that a package is in.
    pub fn of(name: &Name) -> Self {
        let first = Sha256::digest(name.as_str().as_bytes())[0];
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        Self([DIGITS[usize::from(first >> 4)], DIGITS[usize::from(first & 15)]])
    }

    /// The two digits.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.as_bytes() {
            [one, two] if [one, two].iter().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f')) => {
                Ok(Self([*one, *two]))
            }
            _ => Err(format!("{text:?} is no part of a catalogue: expected two digits of 0-9 a-f")),
        }
    }
}

text_value!(Shard);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_forms_of_manifests_are_told_by_their_types() {
        for form in ManifestForm::ALL {
            assert_eq!(ManifestForm::of(form.media_type()), Some(form));
        }
        assert_eq!(ManifestForm::of("application/json"), None);
    }

    #[test]
    fn a_package_is_in_the_part_that_its_name_hashes_to() -> Result<(), Box<dyn std::error::Error>> {
        let name: Name = "acme/hello".parse()?;
        let hex = Digest::sha256(b"acme/hello").hex();
        assert_eq!(Shard::of(&name).to_string(), hex[..2]);
        assert_eq!("0f".parse::<Shard>()?.to_string(), "0f");
        assert!("0F".parse::<Shard>().is_err() && "0".parse::<Shard>().is_err() && "é".parse::<Shard>().is_err());
        Ok(())
    }
}
