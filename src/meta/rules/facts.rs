//! What a decision reads and what it asks to be written: the words between the rules and a store.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::domain::{
    Accepted, Area, Body, Collection, Deprecation, Digest, Kind, Name, OrgName, Profile, Repository, Tag, UserName,
    Version, Visibility,
};

use super::super::{ManifestFacts, Publication};

/// Whether a change is new or happened before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Asked for now: everything is checked.
    New,
    /// An event from the store: it was checked when it happened, and links that no event records may be absent.
    Replay,
}

/// Which facts [`decide`] needs for an act.
#[derive(Clone, Debug, PartialEq)]
pub struct Wanted {
    /// The repository, if the act is about one; if its name has two components, the package of that name too. Tags, manifests,
    /// versions and blobs are wanted of it.
    pub repository: Option<Repository>,
    /// The document of this collection.
    pub collection: Option<Name>,
    /// What this organisation says; of use only where the repository is no package.
    pub org: Option<OrgName>,
    /// The targets of these tags.
    pub tags: Vec<Tag>,
    /// State of this manifest.
    pub manifest: Option<Digest>,
    /// Also the tags on that manifest.
    pub tags_on_manifest: bool,
    /// Also the versions that it is: there may be many, so only where they matter.
    pub versions_of_manifest: bool,
    /// These versions of the package, by number.
    pub versions: Vec<Version>,
    /// Which of these blobs the repository cannot read, and whether an event says that it may read all of them.
    pub blobs: Vec<Digest>,
    /// What the change itself brings (manifest, record, reason): which of it is being deleted just now.
    pub brought: Vec<(Area, Digest)>,
    /// Which live version of the package needs this blob.
    pub needed: Option<Digest>,
    /// Everything that the repository keeps.
    pub content: bool,
}

/// The facts, as they stand inside the transaction.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// Kind of the package, if the repository is one.
    pub package: Option<Kind>,
    /// Who sees the package, if there is one.
    pub visibility: Visibility,
    /// Who owns the package, by name.
    pub owners: Vec<UserName>,
    /// Who sees what is under the name, as was said before there was a package. Of use only where there is none.
    pub said: Option<Visibility>,
    /// Whether anything was ever pushed to the repository. Of use only where it is no package.
    pub pushed: bool,
    /// The version that the package's `latest` is pinned to, by number.
    pub pinned: Option<Version>,
    /// The document of the wanted collection, if there is one.
    pub collection: Option<Digest>,
    /// The document of the wanted organisation, if it has said anything, and who sees its packages when they are new.
    pub org: Option<(Digest, Visibility)>,
    /// Targets of the wanted tags that exist.
    pub tags: BTreeMap<Tag, Digest>,
    /// The wanted manifest, if the repository has it.
    pub manifest: Option<ManifestState>,
    /// Tags on the wanted manifest, if they were wanted.
    pub tags_on_manifest: Vec<Tag>,
    /// Versions whose manifest is the wanted one, deleted ones too, if they were wanted.
    pub versions_of_manifest: Vec<VersionFacts>,
    /// The wanted versions that exist, deleted ones too.
    pub versions: Vec<VersionFacts>,
    /// The wanted blobs that have no link in the repository, or are being deleted.
    pub unreadable: Vec<Digest>,
    /// One of the wanted blobs can be read only since an upload or a mount linked it. No event says so, and a store made
    /// again from the events would not know.
    pub unrecorded: bool,
    /// What the change brings and a collection is deleting just now.
    pub vanishing: Vec<Digest>,
    /// A version, not deleted, whose manifest names the needed blob.
    pub needed_by: Option<Version>,
    /// Everything that the repository keeps, if it was wanted, each once, with lengths in bytes (0 where that is not known): manifests,
    /// hidden ones too, what they name, and records and reasons of versions that are not purged.
    pub content: Vec<(Digest, u64)>,
}

/// Whether a manifest is there to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum ManifestState {
    /// It is.
    Live,
    /// It was a version and was deleted: kept for a restore, hidden from reads.
    Deleted,
}

/// What is known of a version.
#[derive(Clone, Debug)]
pub struct VersionFacts {
    /// As published, build metadata included.
    pub version: Version,
    /// Its manifest.
    pub digest: Digest,
    /// Whether it is yanked.
    pub yanked: bool,
    /// Whether it is deleted.
    pub deleted: bool,
    /// Whether it is deleted for good.
    pub purged: bool,
    /// What is said against it.
    pub deprecation: Option<Deprecation>,
}

/// One write to the rows. All are idempotent: writing a row that is there replaces it.
#[derive(Clone, Debug)]
pub enum Write {
    /// A blob lies in the area. If it was condemned it lives again; its last touch is the event's time.
    Blob {
        /// Area.
        area: Area,
        /// Digest.
        digest: Digest,
        /// Length in bytes; 0 if unknown.
        size: u64,
    },
    /// The repository may read the blob, and an event says so.
    Link {
        /// Repository.
        repository: Repository,
        /// Area.
        area: Area,
        /// Digest.
        digest: Digest,
    },
    /// The repository may read every blob that the manifest names, as when it was accepted.
    LinkAll {
        /// Repository.
        repository: Repository,
        /// Digest of the manifest.
        digest: Digest,
    },
    /// The repository may no longer read the blob.
    Unlink {
        /// Repository.
        repository: Repository,
        /// Digest.
        digest: Digest,
    },
    /// The repository holds the manifest, live, and it names these blobs.
    Manifest {
        /// What the event says.
        accepted: Accepted,
        /// What the bytes say.
        facts: ManifestFacts,
    },
    /// The manifest is there no more.
    RemoveManifest {
        /// Repository.
        repository: Repository,
        /// Digest.
        digest: Digest,
    },
    /// The manifest is hidden, or visible again.
    HideManifest {
        /// Repository.
        repository: Repository,
        /// Digest.
        digest: Digest,
        /// Live or deleted.
        state: ManifestState,
    },
    /// The tag names the digest.
    Tag {
        /// Repository.
        repository: Repository,
        /// Tag.
        tag: Tag,
        /// Digest.
        digest: Digest,
    },
    /// The tag is gone.
    Untag {
        /// Repository.
        repository: Repository,
        /// Tag.
        tag: Tag,
    },
    /// The package exists. If it does already, nothing about it changes.
    Package {
        /// Name.
        name: Name,
        /// Kind.
        kind: Kind,
        /// Who sees it when it is new: what lies in a private area is private.
        visibility: Visibility,
        /// Who owns it when it is new.
        owners: Vec<UserName>,
    },
    /// The package is seen by others than before; or what will be, or is, under a name that is no package.
    Visible {
        /// Package, or such a name.
        name: Name,
        /// Who sees it.
        visibility: Visibility,
    },
    /// Everything that the repository keeps lies in this area from now on: its manifests, and its links to what they name. It has no
    /// other link to another area any more.
    Move {
        /// Repository.
        repository: Repository,
        /// Area.
        area: Area,
    },
    /// Others own the package. A [`Write::Reshow`] follows, and writes its labels.
    Owners {
        /// Package.
        name: Name,
        /// All of them, by name.
        owners: Vec<UserName>,
    },
    /// A new version, published at the event's time, by the event.
    Version {
        /// Package.
        name: Name,
        /// Manifest.
        digest: Digest,
        /// The rest.
        publication: Publication,
    },
    /// A version is deleted, or back.
    Deleted {
        /// Package.
        name: Name,
        /// Version, by number.
        version: Version,
        /// Which.
        deleted: bool,
    },
    /// A deleted version is given up: nothing of its content is known any more, neither config nor what is said of it, and
    /// it keeps no blob.
    Purged {
        /// Package.
        name: Name,
        /// Version, by number.
        version: Version,
    },
    /// A version is yanked, or not any more.
    Yanked {
        /// Package.
        name: Name,
        /// Version, by number.
        version: Version,
        /// Which.
        yanked: bool,
        /// Blob with the reason.
        reason: Option<Digest>,
    },
    /// A version is deprecated, or not any more.
    Deprecated {
        /// Package.
        name: Name,
        /// Version, by number.
        version: Version,
        /// What is said against it.
        deprecation: Option<Deprecation>,
    },
    /// `latest` names this version, by number, as long as it is neither yanked nor deleted; `None`: it is computed.
    Pinned {
        /// Package.
        name: Name,
        /// Which.
        version: Option<Version>,
    },
    /// The collection says this. One that is new is made at the event's time.
    Collection {
        /// Collection.
        name: Name,
        /// Digest of its document.
        document: Digest,
        /// What that says.
        content: Arc<Collection>,
    },
    /// The collection is gone.
    RemoveCollection {
        /// Collection.
        name: Name,
    },
    /// The organisation says this of itself. One that has said nothing begins to at the event's time.
    Org {
        /// Organisation.
        org: OrgName,
        /// Digest of its document.
        document: Digest,
        /// What that says.
        profile: Arc<Profile>,
    },
    /// Choose again which version the package shows, by [`rank`], and let the tag `latest` name it if it is stable,
    /// else remove that tag. A package whose versions are all deleted shows nothing and is not found.
    Reshow {
        /// Package.
        name: Name,
    },
}

/// What a change comes to.
#[derive(Clone, Debug, Default)]
pub struct Decision {
    /// The event's body; `None` if everything was so already, and there is nothing to write.
    pub body: Option<Body>,
    /// The writes, in order.
    pub writes: Vec<Write>,
    /// Tags that may name something else afterwards.
    pub tags: Vec<Tag>,
}

/// Who sees what is under a name that is no package: as was said of it; else as its organisation says of new packages, but for what
/// was public before that and stays so; else everybody.
pub fn seen_before(said: Option<Visibility>, pushed: bool, of_org: Option<Visibility>) -> Visibility {
    let of_org = of_org.filter(|visibility| !(pushed && *visibility == Visibility::Private));
    said.or(of_org).unwrap_or_default()
}

impl Facts {
    /// Who sees what is in the repository, or would if it were pushed now.
    pub(super) fn seen(&self) -> Visibility {
        match self.package {
            Some(_) => self.visibility,
            None => seen_before(self.said, self.pushed, self.org.map(|(_, visibility)| visibility)),
        }
    }

    pub(super) fn version(&self, version: &Version) -> Option<&VersionFacts> {
        self.versions.iter().find(|facts| facts.version == *version)
    }
}
