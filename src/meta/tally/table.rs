//! The tables that can be compared.

use std::fmt;

use serde::Serialize;

/// What can be compared by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Table {
    /// The exact bytes of each event.
    Events,
    /// Repositories, and whether each is in lists.
    Repositories,
    /// Manifests that can be read, with the blobs that they name.
    Manifests,
    /// What each tag names.
    Tags,
    /// Packages as lists show them, without downloads and stars.
    Packages,
    /// Versions with all that is known of each, deleted and purged ones too.
    Versions,
    /// Labels and how many packages show each.
    Labels,
    /// Who owns each package.
    Owners,
    /// Collections.
    Collections,
    /// What organisations say of themselves.
    Orgs,
    /// Blobs, when each was last needed, and how far a collection is with it.
    Blobs,
    /// Which repository may read which blob.
    Links,
    /// Users and their roles.
    Users,
    /// Tokens, by their hashes.
    Tokens,
    /// Downloads of each version on each day, and of each package what lists show of downloads and stars.
    Downloads,
    /// Stars of each user.
    Stars,
}

impl Table {
    /// All of them.
    pub const ALL: [Self; 16] = [
        Self::Events,
        Self::Repositories,
        Self::Manifests,
        Self::Tags,
        Self::Packages,
        Self::Versions,
        Self::Labels,
        Self::Owners,
        Self::Collections,
        Self::Orgs,
        Self::Blobs,
        Self::Links,
        Self::Users,
        Self::Tokens,
        Self::Downloads,
        Self::Stars,
    ];

    /// Those that follow from the events alone, and are the same in every store of the same events.
    pub const CATALOGUE: [Self; 10] = [
        Self::Events,
        Self::Repositories,
        Self::Manifests,
        Self::Tags,
        Self::Packages,
        Self::Versions,
        Self::Labels,
        Self::Owners,
        Self::Collections,
        Self::Orgs,
    ];

    /// The word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Events => "events",
            Self::Repositories => "repositories",
            Self::Manifests => "manifests",
            Self::Tags => "tags",
            Self::Packages => "packages",
            Self::Versions => "versions",
            Self::Labels => "labels",
            Self::Owners => "owners",
            Self::Collections => "collections",
            Self::Orgs => "orgs",
            Self::Blobs => "blobs",
            Self::Links => "links",
            Self::Users => "users",
            Self::Tokens => "tokens",
            Self::Downloads => "downloads",
            Self::Stars => "stars",
        }
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
