//! The members of a pack: manifests with their names, as descriptors of an index have them.

use std::collections::BTreeMap;
use std::fmt::Display;

use crate::domain::media_type::{DOCKER_LIST, DOCKER_MANIFEST, OCI_ARTIFACT, OCI_INDEX, OCI_MANIFEST};
use crate::domain::{Descriptor, Digest, Name, Reference, Repository, Tag, Version};

/// Artifact type of a pack's own index.
pub const PACK_TYPE: &str = "application/vnd.pcl.pack.v1";

/// OCI image specification, "Pre-Defined Annotation Keys": what a reference of the layout calls it.
const REF_NAME: &str = "org.opencontainers.image.ref.name";
const NAME: &str = "io.pcl.pack.name";
const VERSION: &str = "io.pcl.pack.version";
const ROOT: &str = "io.pcl.pack.root";
const SUBJECT: &str = "io.pcl.pack.subject";

/// One manifest of a pack under one of its names. Its blobs come with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Where it was.
    pub repository: Repository,
    /// Its tag there; its digest where it has none.
    pub reference: Reference,
    /// Its version, if it is a release of a package; then the tag is that of the version.
    pub version: Option<Version>,
    /// Whether it was asked for, rather than needed by something that was.
    pub is_root: bool,
    /// Digest of the manifest in the same repository that it says something of, such as a signature.
    pub subject: Option<Digest>,
    /// Media type of the manifest, one that registries take.
    pub media_type: String,
    /// Type of artifact.
    pub artifact_type: Option<String>,
    /// Digest of the manifest.
    pub digest: Digest,
    /// Length of the manifest in bytes.
    pub size: u64,
}

/// A descriptor that describes no member.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the member {member} of the pack is not described as it must be: {why}")]
pub struct MemberError {
    /// Its name, or its digest.
    pub member: String,
    /// What is wrong.
    pub why: String,
}

impl Member {
    /// What it is called in the layout: `org/slug:tag`, or `org/slug@digest`.
    pub fn ref_name(&self) -> String {
        match &self.reference {
            Reference::Tag(tag) => format!("{}:{tag}", self.repository),
            Reference::Digest(digest) => format!("{}@{digest}", self.repository),
        }
    }

    /// The package and version that it is, if it is a release.
    pub fn release(&self) -> Option<(Name, &Version)> {
        Some((self.repository.package()?, self.version.as_ref()?))
    }

    /// The manifest as its media type says it is read, if registries take such manifests.
    pub(super) fn manifest_type(media_type: &str) -> Option<&'static str> {
        [OCI_MANIFEST, OCI_INDEX, DOCKER_MANIFEST, DOCKER_LIST, OCI_ARTIFACT].into_iter().find(|t| *t == media_type)
    }

    /// Its descriptor in the index. Fails where no reader would take it.
    pub(super) fn descriptor(&self) -> Result<Descriptor, MemberError> {
        let mut annotations =
            BTreeMap::from([(REF_NAME.to_owned(), self.ref_name()), (NAME.to_owned(), self.repository.to_string())]);
        annotations.extend(self.version.as_ref().map(|version| (VERSION.to_owned(), version.to_string())));
        annotations.extend(self.is_root.then(|| (ROOT.to_owned(), "true".to_owned())));
        annotations.extend(self.subject.map(|subject| (SUBJECT.to_owned(), subject.to_string())));
        let descriptor = Descriptor {
            media_type: self.media_type.clone(),
            digest: self.digest,
            size: self.size,
            urls: Vec::new(),
            annotations,
            artifact_type: self.artifact_type.clone(),
        };
        Self::read(&descriptor).map(|_| descriptor)
    }

    /// Reads a descriptor of the index.
    pub(super) fn read(descriptor: &Descriptor) -> Result<Self, MemberError> {
        let text = |key: &str| descriptor.annotations.get(key).map(String::as_str);
        let member =
            text(REF_NAME).map_or_else(|| descriptor.digest.to_string(), |name| name.chars().take(300).collect());
        let refuse = |why: &dyn Display| MemberError { member: member.clone(), why: why.to_string() };
        let ref_name = text(REF_NAME).ok_or_else(|| refuse(&"it has no name"))?;
        let (repository, reference) = match ref_name.split_once('@') {
            Some((repository, digest)) => {
                (repository, Reference::Digest(digest.parse().map_err(|error| refuse(&error))?))
            }
            None => {
                let (repository, tag) = ref_name.split_once(':').ok_or_else(|| refuse(&"its name has no tag"))?;
                (repository, Reference::Tag(tag.parse().map_err(|error| refuse(&error))?))
            }
        };
        let version = text(VERSION).map(str::parse::<Version>).transpose().map_err(|error| refuse(&error))?;
        let subject = text(SUBJECT).map(str::parse::<Digest>).transpose().map_err(|error| refuse(&error))?;
        let member = Self {
            repository: repository.parse().map_err(|error| refuse(&error))?,
            reference,
            version,
            is_root: text(ROOT).is_some(),
            subject,
            media_type: descriptor.media_type.clone(),
            artifact_type: descriptor.artifact_type.clone(),
            digest: descriptor.digest,
            size: descriptor.size,
        };
        let is_of_version = |version: &Version| {
            let tag = version.tag().parse::<Tag>().ok().map(Reference::Tag);
            member.repository.package().is_some() && tag.as_ref() == Some(&member.reference)
        };
        match () {
            () if text(NAME) != Some(repository) => Err(refuse(&"its two names differ")),
            () if !matches!(text(ROOT), None | Some("true")) => Err(refuse(&"whether it was asked for is unclear")),
            () if !member.version.as_ref().is_none_or(is_of_version) => {
                Err(refuse(&"its tag is not that of its version, or it is in no package"))
            }
            () if matches!(&member.reference, Reference::Digest(digest) if *digest != member.digest) => {
                Err(refuse(&"its name has another digest"))
            }
            // What is needed would else have to be behind what it is about, and the other way round.
            () if member.version.is_some() && member.subject.is_some() => {
                Err(refuse(&"a release is about nothing else"))
            }
            () if member.subject == Some(member.digest) => Err(refuse(&"its subject is itself")),
            () if Self::manifest_type(&member.media_type).is_none() => Err(refuse(&"its media type is no manifest's")),
            () if !descriptor.urls.is_empty() => Err(refuse(&"it is said to lie elsewhere")),
            () => Ok(member),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member() -> Member {
        Member {
            repository: "acme/ann".parse().unwrap(),
            reference: Reference::Tag("1.0.0_b1".parse().unwrap()),
            version: Some("1.0.0+b1".parse().unwrap()),
            is_root: true,
            subject: None,
            media_type: OCI_MANIFEST.to_owned(),
            artifact_type: Some("x/y".to_owned()),
            digest: Digest::sha256(b"m"),
            size: 1,
        }
    }

    #[test]
    fn a_member_is_read_back_from_its_descriptor() {
        let by_digest =
            Member { reference: Reference::Digest(Digest::sha256(b"m")), version: None, is_root: false, ..member() };
        let referrer = Member { subject: Some(Digest::sha256(b"s")), ..by_digest.clone() };
        let bare = Member { artifact_type: None, ..by_digest.clone() };
        for member in [member(), by_digest, referrer, bare] {
            assert_eq!(Member::read(&member.descriptor().unwrap()), Ok(member));
        }
        assert_eq!(member().ref_name(), "acme/ann:1.0.0_b1");
    }

    #[test]
    fn what_does_not_fit_together_is_refused() {
        let other = Digest::sha256(b"other");
        for (key, value, why) in [
            (REF_NAME, "acme/ann", "no tag"),
            (REF_NAME, "acme/bob:1.0.0_b1", "two names differ"),
            (REF_NAME, "acme/ann:1.0.0", "not that of its version"),
            (REF_NAME, "acme/ann:a b", "tag"),
            (REF_NAME, "../ann:1.0.0_b1", "path component"),
            (REF_NAME, "acme/ann@sha256:x", "not a digest"),
            (REF_NAME, &format!("acme/ann@{other}"), "not that of its version"),
            (VERSION, "1.0", "version"),
            (ROOT, "yes", "asked for"),
            (SUBJECT, "x", "not a digest"),
            (SUBJECT, &other.to_string(), "a release is about nothing else"),
        ] {
            let mut descriptor = member().descriptor().unwrap();
            descriptor.annotations.insert(key.to_owned(), value.to_owned());
            let error = Member::read(&descriptor).unwrap_err().to_string();
            assert!(error.contains(why), "{key} = {value}: {error}");
        }
        let mut unnamed = member().descriptor().unwrap();
        unnamed.annotations.clear();
        assert!(Member::read(&unnamed).unwrap_err().why.contains("no name"));
        let text = Member { media_type: "text/plain".to_owned(), ..member() };
        assert!(text.descriptor().unwrap_err().why.contains("no manifest's"));
        let plain = Member { reference: Reference::Tag("x".parse().unwrap()), version: None, ..member() };
        let own = Member { subject: Some(plain.digest), ..plain };
        assert!(own.descriptor().unwrap_err().why.contains("itself"));
        let deep = Member { repository: "acme/a/b".parse().unwrap(), ..member() };
        assert!(deep.descriptor().unwrap_err().why.contains("in no package"));
        let digest = Member { reference: Reference::Digest(other), version: None, ..member() };
        assert!(digest.descriptor().unwrap_err().why.contains("another digest"));
    }
}
