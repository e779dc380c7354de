//! What lies under which key. Parts of a key are parted by a space: no name of the domain has one, or a byte below it, so that keys
//! are in the order of their parts.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::str::FromStr;

use pcl_registry::domain::{
    Day, Digest, Kind, Name, OrgName, Package, Repository, Role, Timestamp, TokenOwner, UserName, Version, Visibility,
};
use pcl_registry::meta::{CollectionRow, Label, ManifestRow, MetaError};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Who this store is.
pub const IDENTITY: &str = "identity";
/// Number and time of the last event.
pub const HEAD: &str = "head";
/// The head of the transparency log.
pub const LOG_HEAD: &str = "log";

/// `event N`: its exact bytes, which are text.
#[derive(Serialize, Deserialize)]
pub struct EventRow {
    pub n: u64,
    pub text: String,
}

/// `manifest REPOSITORY DIGEST`.
#[derive(Clone, Serialize, Deserialize)]
pub struct Held {
    pub row: ManifestRow,
    /// Sorted, each once.
    pub blobs: Vec<Digest>,
    pub is_live: bool,
    /// The event that accepted it first.
    pub n: u64,
}

/// `package NAME`, also one that cannot be found. Versions lie under `version NAME NUMBER` as the domain has them.
#[derive(Clone, Serialize, Deserialize)]
pub struct PackageRow {
    pub kind: Kind,
    pub visibility: Visibility,
    pub created: Timestamp,
    pub updated: Timestamp,
    /// By name.
    pub owners: Vec<UserName>,
    /// What `latest` is pinned to, by number.
    pub pinned: Option<Version>,
    /// Without downloads and stars. `None` when all versions are deleted.
    pub shown: Option<Package>,
    /// Empty when all versions are deleted.
    pub labels: BTreeSet<(Label, String)>,
}

/// `collection NAME`, with the packages in it. Organisations lie under `org NAME` as the library has them.
#[derive(Serialize, Deserialize)]
pub struct Gathered {
    pub row: CollectionRow,
    pub packages: Vec<Name>,
}

/// `user NAME`: when it was added, and its roles.
pub type User = (Timestamp, BTreeMap<OrgName, Role>);
/// `token OWNER NAME`: hash, when it was added and last used, and until when it is good.
pub type Token = (Digest, Timestamp, Option<Timestamp>, Option<Timestamp>);
/// `downloads NAME NUMBER DAY`: the same as values, and how many.
pub type Counted = (Name, Version, Day, u64);

/// `counts NAME`: what a package has of downloads and stars.
#[derive(Clone, Copy, Default, Serialize, Deserialize)]
pub struct Counts {
    pub downloads: u64,
    pub stars: u64,
}

/// The end of a key that is a number.
pub fn event(n: u64) -> String {
    format!("{n:020}")
}

pub fn repository(repository: &Repository) -> String {
    format!("repository {repository}")
}

pub fn manifest(repository: &Repository, digest: impl Display) -> String {
    format!("manifest {repository} {digest}")
}

pub fn tag(repository: &Repository, tag: impl Display) -> String {
    format!("tag {repository} {tag}")
}

pub fn package(name: impl Display) -> String {
    format!("package {name}")
}

/// Who sees what is under a name, as was said before there was a package.
pub fn name(name: &Name) -> String {
    format!("name {name}")
}

pub fn version(name: &Name, version: &Version) -> String {
    format!("version {name} {}", version.number())
}

/// How the keys of a package's versions begin.
pub fn versions(name: &Name) -> String {
    format!("version {name} ")
}

/// Numbers of the versions that can be read, in the order in which they are shown.
pub fn rank(name: &Name, rank: &str) -> String {
    format!("rank {name} {rank}")
}

/// The version that an event published: its package and itself.
pub fn id(id: Uuid) -> String {
    format!("id {id}")
}

pub fn collection(name: &Name) -> String {
    format!("collection {name}")
}

pub fn org(name: &OrgName) -> String {
    format!("org {name}")
}

pub fn blob(area: impl Display, digest: impl Display) -> String {
    format!("blob {area} {digest}")
}

pub fn link(repository: &Repository, digest: impl Display) -> String {
    format!("link {repository} {digest}")
}

pub fn user(name: &UserName) -> String {
    format!("user {name}")
}

pub fn token(owner: &TokenOwner, name: impl Display) -> String {
    format!("token {owner} {name}")
}

/// The end of the key of what was counted of a version on a day; build metadata does not matter.
pub fn counted(name: &Name, version: &Version, day: Day) -> String {
    format!("{name} {} {day}", version.number())
}

pub fn counts(name: impl Display) -> String {
    format!("counts {name}")
}

/// The number of the last batch of a sender.
pub fn batch(sender: Uuid) -> String {
    format!("batch {sender}")
}

/// When a user gave a package a star.
pub fn star(user: &UserName, name: impl Display) -> String {
    format!("star {user} {name}")
}

/// A part of a key.
pub fn parse<T: FromStr>(text: &str) -> Result<T, MetaError> {
    text.parse().map_err(|_| MetaError::Corrupt(format!("{text:?} is no part of a key")))
}
