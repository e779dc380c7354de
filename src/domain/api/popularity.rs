//! Downloads, stars and trends.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::super::{Day, Name, Package, Timestamp, Version};
use super::Count;

/// A package that a user has given a star. `GET /user/stars`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Star {
    /// The package.
    pub name: Name,
    /// When.
    pub starred: Timestamp,
}

/// A package in a trend. `GET /trending`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Trending {
    /// The package.
    #[serde(flatten)]
    pub package: Package,
    /// What its downloads and stars in the window come to, as a number of downloads of today.
    pub score: f64,
}

/// How a package is used. `GET /artifacts/{org}/{slug}/statistics`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PackageStatistics {
    /// The package.
    pub name: Name,
    /// Downloads of all versions, ever.
    pub downloads: u64,
    /// Users who have given it a star.
    pub stars: u64,
    /// Downloads of each version that had any, ever; highest version first.
    pub versions: Vec<VersionDownloads>,
    /// Downloads on each day of the span that had any, in order; of the version that was asked for, else of all.
    pub days: Vec<DayDownloads>,
}

/// Downloads of a version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct VersionDownloads {
    /// The version, without build metadata.
    pub version: Version,
    /// How many.
    pub downloads: u64,
}

/// Downloads on a day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DayDownloads {
    /// The day.
    pub day: Day,
    /// How many.
    pub downloads: u64,
}

/// What is public in a registry. `GET /statistics`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Statistics {
    /// Packages.
    pub packages: u64,
    /// Packages of each kind that there is.
    pub kinds: Vec<Count>,
    /// Organisations that have any.
    pub organisations: u64,
    /// Versions that can be read.
    pub versions: u64,
    /// Downloads of these packages, ever.
    pub downloads: u64,
    /// Stars of these packages.
    pub stars: u64,
}
