//! The documents of the HTTP API `/api/v1`: what the server writes and the client reads.

mod accounts;
mod channels;
mod comparison;
mod discovery;
mod groups;
mod popularity;
mod relations;
mod values;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    ActorId, Dependency, Digest, FileEntry, Kind, Name, Package, Published, Release, Tag, Timestamp, UserName, Version,
    Visibility,
};

pub use accounts::{IssuedToken, NewToken, RoleRequest, TokenDocument, UserDocument, Whoami};
pub use channels::{ChannelTag, TagRequest};
pub use comparison::{CapabilityChange, Comparison, FieldChange, FileChange, FileChangeKind};
pub use discovery::{Completion, CompletionOf, LabelDocument, LabelPage};
pub use groups::{CollectionDocument, CollectionEntry, DeletedPackage, MemberDocument, OrgDocument, Owners};
pub use popularity::{DayDownloads, PackageStatistics, Star, Statistics, Trending, VersionDownloads};
pub use relations::{Dependencies, Dependent, Needed, Related, SkillMatch, SkillMatches, SkillTeam, TeamMember};
pub use values::values;

/// One page of a list. `next` goes back as `cursor` for the next page; it is absent on the last one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct List<T> {
    /// The rows.
    pub items: Vec<T>,
    /// Where the next page begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
    /// How many rows all pages have together, if it was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total: Option<u64>,
}

impl<T> List<T> {
    /// A page, and where the next begins.
    pub const fn new(items: Vec<T>, next: Option<String>) -> Self {
        Self { items, next, total: None }
    }

    /// A page of `limit` rows out of up to one more. `place`: the cursor behind a row.
    pub fn of(mut rows: Vec<T>, limit: usize, place: impl Fn(&T) -> String) -> Self {
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next = rows.last().filter(|_| more).map(place);
        Self::new(rows, next)
    }
}

/// One version with its files. `GET /artifacts/{org}/{slug}/versions/{version}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct VersionDetail {
    /// What the catalogue knows.
    #[serde(flatten)]
    pub published: Published,
    /// The files; empty if the record was purged.
    pub files: Vec<FileEntry>,
    /// What its owners say of it, in words.
    #[serde(default, skip_serializing_if = "Reasons::is_empty")]
    pub reasons: Reasons,
}

/// Why a version is yanked or deprecated, as far as anybody said.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Reasons {
    /// Why it was yanked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub yanked: Option<String>,
    /// Why it is deprecated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deprecated: Option<String>,
}

impl Reasons {
    /// Whether nothing was said.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// One change of a package. `GET /artifacts/{org}/{slug}/history`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HistoryEntry {
    /// Number of the event.
    pub event: u64,
    /// When.
    pub time: Timestamp,
    /// Who.
    pub actor: ActorId,
    /// What happened: the type of the event, such as `publish` or `yank`.
    pub what: String,
    /// The version that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<Version>,
    /// The manifest or blob that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<Digest>,
    /// Tags that moved to it, or that were removed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<Tag>,
    /// Why, as far as anybody said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What to use instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replacement: Option<Name>,
    /// Who sees the package from then on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub visibility: Option<Visibility>,
    /// Who owns the package from then on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owners: Option<Vec<UserName>>,
}

/// What a range or tag resolves to. `GET /artifacts/{org}/{slug}/resolve?range=` or `?tag=`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Resolved {
    /// The package.
    pub name: Name,
    /// The range as asked; the exact version where a tag was asked for.
    pub range: String,
    /// The tag as asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<Tag>,
    /// The best release in the range, or the one that the tag names.
    pub release: Release,
}

/// All that choosing versions takes. `GET /artifacts/{org}/{slug}/resolution`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Resolution {
    /// The package.
    pub name: Name,
    /// What it is.
    pub kind: Kind,
    /// Its versions, highest first, yanked ones too.
    pub versions: Vec<Resolvable>,
}

/// A version as resolution sees it, with what it needs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Resolvable {
    /// What lists say of it.
    #[serde(flatten)]
    pub release: Release,
    /// Digest of its files.
    pub tree: Digest,
    /// What it needs, as its source names it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dependencies: Vec<Dependency>,
}

/// A page of search results. `GET /search`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SearchPage {
    /// The hits, in the order asked for.
    pub hits: Vec<SearchHit>,
    /// How many packages match, on all pages.
    pub total: u64,
    /// Counts over all matches, if asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub facets: Option<Facets>,
    /// Where the next page begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// A package that matches.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SearchHit {
    /// Its name.
    pub name: Name,
    /// What it is.
    pub kind: Kind,
    /// The version that it shows.
    pub version: Version,
    /// The name as people write it.
    pub title: String,
    /// What it is for.
    pub description: String,
    /// Labels.
    pub tags: Vec<String>,
    /// How well it matches; only the order means anything.
    pub score: f32,
    /// Part of the description or text, HTML-escaped, matches in `<em>`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snippet: Option<String>,
}

/// How many matches have each value, most first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Facets {
    /// By kind.
    pub kinds: Vec<Count>,
    /// By tag.
    pub tags: Vec<Count>,
    /// By skill.
    pub skills: Vec<Count>,
    /// By organisation.
    pub orgs: Vec<Count>,
}

/// A value and how often it occurs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Count {
    /// The value.
    pub value: String,
    /// How often.
    pub count: u64,
}

/// What became of one artifact of an import. `POST /import` answers with one such JSON object a line, as it goes,
/// and an [`ImportSummary`] on the last line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ImportItem {
    /// Where it came from: path, and row or declaration.
    pub source: String,
    /// What it is.
    pub kind: Kind,
    /// The name that it has in the registry.
    pub name: Name,
    /// The version.
    pub version: Version,
    /// Digest of its manifest, unless it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<Digest>,
    /// What happened.
    pub outcome: ImportOutcome,
    /// Whether its own name was taken by another.
    pub renamed: bool,
    /// What the readers could not take as written.
    pub diagnostics: usize,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// What became of an artifact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ImportOutcome {
    /// Published now.
    Published,
    /// The same source with the same files was there already.
    Unchanged,
    /// Refused; nothing of it is there.
    Failed,
}

/// The last line of an import.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ImportSummary {
    /// Always true; tells this line from the others.
    pub done: bool,
    /// Artifacts found.
    pub found: u64,
    /// Published now.
    pub published: u64,
    /// There already.
    pub unchanged: u64,
    /// Refused.
    pub failed: u64,
    /// Given another name than their own.
    pub renamed: u64,
    /// Things that readers could not take as written.
    pub diagnostics: u64,
    /// Found, by kind.
    pub kinds: Vec<Count>,
    /// Files that belong to no artifact.
    pub left_out: u64,
}

/// An error of the API: RFC 9457, `application/problem+json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// `about:blank#<code>`, stable.
    #[serde(rename = "type")]
    pub kind: String,
    /// What happened, for every such error.
    pub title: String,
    /// HTTP status.
    pub status: u16,
    /// What happened here, to what.
    pub detail: String,
    /// What to do next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// Of an import that is all or nothing: every artifact that is to blame, and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub items: Vec<ImportItem>,
}

/// The body of `POST …/yank`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct YankRequest {
    /// Why, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// The body of `POST …/deprecate`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DeprecateRequest {
    /// Why, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The package to use instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replacement: Option<Name>,
}

/// The body of `PUT …/pin`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PinRequest {
    /// What `latest` is to name.
    pub version: Version,
}

/// The body of `PUT …/visibility`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct VisibilityRequest {
    /// Who sees the package.
    pub visibility: Visibility,
}

/// The body of `POST /drafts/…/publish`; may be left out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PublishRequest {
    /// What changed in this version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changelog: Option<String>,
}

/// A draft that is a version now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DraftPublished {
    /// The package.
    pub name: Name,
    /// The version.
    pub version: Version,
    /// Digest of its manifest.
    pub digest: Digest,
}

/// Lists of packages.
pub type PackageList = List<Package>;
/// Lists of releases, newest first.
pub type ReleaseList = List<Release>;
