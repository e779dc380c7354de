//! The registry's words: names, versions, ranges, digests, manifests, events, actors.
//!
//! Each is a type with one way in, so that a function that takes one need not check again. Pure: knows nothing of stores,
//! networks or clocks.

mod account;
mod actor;
pub mod api;
mod area;
mod artifact;
mod catalog;
mod collection;
mod digest;
mod draft;
mod event;
mod kind;
mod manifest;
pub mod media_type;
mod name;
mod org;
mod patch;
mod popularity;
pub mod public;
mod schema;
mod text;
mod time;
mod tree;
mod version;
mod vocabulary;

pub use account::{OrgName, Role, TOKEN_NAME_MAX, Token, TokenError, TokenName, TokenOwner, USER_MAX, User, UserName};
pub use actor::{Access, Action, Actor, ActorId, Scope, allows};
pub use area::{Area, PrivateArea};
pub use artifact::{
    About, CONFIG_SCHEMA, Capabilities, Config, Declared, Dependency, DependencyType, Diagnostic, Level, Primary,
    RECORD_MAX, RECORD_TEXT_MAX, Record, Skill, Source,
};
pub use catalog::{Deprecation, Package, Published, Release, SeenBy, State, Visibility};
pub use collection::{COLLECTION_ITEMS_MAX, COLLECTION_MAX, Collection, CollectionItem};
pub use digest::{Algorithm, Digest, DigestError, Hasher};
pub use draft::Draft;
pub use event::{Accepted, Body, EVENT_FORMAT, Event, EventBatch, EventError};
pub use kind::{Kind, KindError};
pub use manifest::{Descriptor, MANIFEST_MAX, MANIFEST_READ_MAX, Manifest, ManifestError};
pub use name::{Name, NameError, REPOSITORY_MAX, RESERVED, Reference, Repository, SLUG_MAX, Tag, slug, slug_or_hash};
pub use org::{PROFILE_MAX, Profile};
pub use patch::{AboutPatch, PatchError};
pub use popularity::{Day, DayError, STAR_WEIGHT, WEIGHT_TODAY, WINDOW_MAX, trend_weights};
pub use time::{Timestamp, TimestampError};
pub use tree::{File, FileEntry, Tree, TreePath, TreePathError, tree_digest};
pub use version::{Range, Step, VERSION_MAX, Version, VersionError};
pub use vocabulary::{Term, Terms, Vocabulary, VocabularyError, meant};
