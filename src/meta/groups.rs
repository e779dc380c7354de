//! Who and what belongs together: owners of packages and who sees them, collections, organisations. All of it but members is made of
//! events, so a replay brings it back.

use async_trait::async_trait;

use super::MetaError;
use super::rules::seen_before;
use crate::domain::{
    Collection, Digest, Name, OrgName, Profile, Repository, Role, SeenBy, Timestamp, UserName, Visibility,
};

/// Owners of packages, collections, organisations and their members.
///
/// Reads see every change that was applied before they began.
#[async_trait]
pub trait Groups: Send + Sync {
    /// Who sees what is under each of these names and who owns it, in their order, whether or not anything is: of a package, also one of
    /// which no version can be read, as was said last, its owners by name; else as [`seen_before`] says, and nobody.
    async fn seen(&self, names: &[Name]) -> Result<Vec<SeenBy>, MetaError>;

    /// Everything that a repository keeps, each once, in the order of the digests: manifests, those of deleted versions too, what they
    /// name, and records and reasons of versions that are not purged. All of it lies in one area.
    async fn content(&self, repository: &Repository) -> Result<Vec<Digest>, MetaError>;

    /// A collection.
    async fn collection(&self, name: &Name) -> Result<Option<CollectionRow>, MetaError>;

    /// Collections after `after` in the order of the bytes of their names, at most `limit`.
    async fn collections(
        &self,
        which: &Collections,
        after: Option<&Name>,
        limit: usize,
    ) -> Result<Vec<CollectionRow>, MetaError>;

    /// An organisation that has said something of itself or has public packages.
    async fn org(&self, org: &OrgName) -> Result<Option<OrgRow>, MetaError>;

    /// Such organisations after `after` in the order of the bytes of their names, at most `limit`.
    async fn orgs(&self, after: Option<&OrgName>, limit: usize) -> Result<Vec<OrgRow>, MetaError>;

    /// Packages of an organisation of which no version can be read, seen in any of these ways, with who sees each: after `after` in the
    /// order of the bytes of their names, at most `limit`.
    async fn deleted(
        &self,
        org: &OrgName,
        visibilities: &[Visibility],
        after: Option<&Name>,
        limit: usize,
    ) -> Result<Vec<(Name, Visibility)>, MetaError>;

    /// Users with a role in an organisation, after `after` in the order of their names, at most `limit`.
    async fn members(
        &self,
        org: &OrgName,
        after: Option<&UserName>,
        limit: usize,
    ) -> Result<Vec<(UserName, Role)>, MetaError>;
}

impl dyn Groups {
    /// Who sees what is under one name.
    pub async fn seen_by(&self, name: &Name) -> Result<SeenBy, MetaError> {
        Ok(self.seen(std::slice::from_ref(name)).await?.pop().unwrap_or_default())
    }

    /// Who owns a package, by name; also one of which no version can be read. `None` if nothing was ever published under the name.
    pub async fn owners(&self, name: &Name) -> Result<Option<Vec<UserName>>, MetaError> {
        let seen = self.seen_by(name).await?;
        Ok(seen.is_package.then_some(seen.owners))
    }
}

/// What a store finds that tells who sees what is under a name.
#[derive(Default)]
pub(super) struct Found {
    /// Of the package, if there is one.
    pub package: Option<SeenBy>,
    /// What was said of the name.
    pub said: Option<Visibility>,
    /// Whether anything was ever pushed there.
    pub pushed: bool,
    /// What the organisation says of new packages.
    pub of_org: Option<Visibility>,
}

impl Found {
    pub fn seen_by(self) -> SeenBy {
        let Self { package, said, pushed, of_org } = self;
        let none = || SeenBy { visibility: seen_before(said, pushed, of_org), ..SeenBy::default() };
        package.unwrap_or_else(none)
    }
}

/// What the names of an organisation's packages behind `after` lie between. They lie together: '0' is the byte after the slash.
pub(super) fn names_of(org: &OrgName, after: Option<&Name>) -> (String, String) {
    let first = format!("{org}/");
    (after.map_or(first.clone(), |after| first.max(after.to_string())), format!("{org}0"))
}

/// An organisation.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct OrgRow {
    /// Its name.
    pub name: OrgName,
    /// What it says of itself, if it has said anything.
    pub said: Option<OrgSaid>,
    /// How many public packages it has that can be found.
    pub packages: u64,
}

/// What an organisation says of itself.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct OrgSaid {
    /// Digest of the document, a blob in the public area.
    pub document: Digest,
    /// What that says.
    pub profile: Profile,
    /// When it said something first.
    pub created: Timestamp,
    /// When it last did.
    pub updated: Timestamp,
}

/// Which collections.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Collections {
    /// Of this organisation.
    pub org: Option<String>,
    /// In which this package is.
    pub with: Option<Name>,
    /// Any of these visibilities; public alone if empty.
    pub visibilities: Vec<Visibility>,
}

impl Collections {
    /// The visibilities that are meant.
    pub fn seen(&self) -> Vec<Visibility> {
        match self.visibilities.as_slice() {
            [] => vec![Visibility::Public],
            visibilities => visibilities.to_vec(),
        }
    }
}

/// What is kept of a collection. The packages themselves are in its document; kept of them is only who is in which collection.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct CollectionRow {
    /// Its name.
    pub name: Name,
    /// Digest of its document, a blob in the public area.
    pub document: Digest,
    /// The name as people write it.
    pub title: Option<String>,
    /// What it is for.
    pub description: Option<String>,
    /// Who finds it. One whose document was purged before a replay is unlisted.
    pub visibility: Visibility,
    /// How many packages are in it.
    pub items: u64,
    /// When it was made.
    pub created: Timestamp,
    /// When it last changed.
    pub updated: Timestamp,
}

impl CollectionRow {
    /// The row of a collection that says this from `now` on.
    pub fn new(name: &Name, document: Digest, content: &Collection, created: Timestamp, now: Timestamp) -> Self {
        Self {
            name: name.clone(),
            document,
            title: content.title.clone(),
            description: content.description.clone(),
            visibility: content.visibility,
            items: content.items.len() as u64,
            created,
            updated: now,
        }
    }
}
