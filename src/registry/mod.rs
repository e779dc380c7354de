//! The use cases: one public function for each thing that a caller can ask, whatever front it came through.
//!
//! Each asks `allows` first, takes parsed types, and leaves one event if it changed the catalogue. The fronts hold a
//! [`Registry`] and nothing else. Knows nothing of HTTP.

mod accounts;
mod blobs;
mod browse;
mod carry;
mod channels;
mod clock;
mod collect;
mod collect_owned;
mod collections;
mod commit;
mod counted;
mod data;
mod delete;
mod dependencies;
mod downloads;
mod drafts;
mod error;
mod event_objects;
mod find;
mod follow;
mod fsck;
mod history;
mod import;
mod import_whole;
mod index;
mod inner;
mod invalidate;
mod layers;
mod limits;
mod log_objects;
mod logging;
mod login;
mod manifests;
mod migrate;
mod moving;
mod open;
mod orgs;
mod owners;
mod place;
mod present;
mod publish;
mod publish_tree;
mod purge;
mod push;
mod rebuild;
mod referrers;
mod relations;
mod replay;
mod revise;
mod seen;
mod serverless;
mod snapshot;
mod social;
mod standing;
mod statics;
mod uploads;
mod visibility;
mod whole;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::domain::{Action, Actor, Scope, allows};

pub use accounts::Accounts;
pub use blobs::{BlobBody, BlobInfo};
pub use clock::Clock;
pub use collect::Collected;
pub use commit::{Committer, Committing};
pub use data::{
    DataError, DataOptions, Metadata, catch_up_catalog, open_accounts, open_data, open_existing_data, open_over,
    open_to_collect, rebuild_catalog, rebuild_catalog_with, rebuild_search,
};
pub use dependencies::DEPTH_MAX;
pub use drafts::Drafted;
pub use error::RegistryError;
pub use find::FindQuery;
pub use fsck::{
    Amount, Check, CheckStage, Finding, Found, Mend, NeededBy, Report, Severity, Summary, Watch, Words, check_data,
};
pub use import_whole::{ImportedWhole, WHOLE_MAX};
pub use limits::Limits;
pub use log_objects::LogObject;
pub use login::Credentials;
pub use migrate::{Migration, check_migration, migrate_catalog};
pub use moving::{CarryAccounts, MoveError, Moved, Moving, Side, Stage};
pub use open::{Builder, Health, OpenError};
pub use place::Place;
pub use present::leave_stores;
pub use publish_tree::PublishedTree;
pub use push::{Push, Pushed};
pub use rebuild::{Rebuilt, catch_up};
pub use referrers::Referrers;
pub use serverless::{open_serverless, open_serverless_at};
pub use social::TRENDING_MAX;

use inner::Inner;

/// A registry: everything that the fronts can ask for. Cheap to clone.
#[derive(Clone)]
pub struct Registry(Arc<Inner>);

impl Registry {
    /// Refuses what the actor may not do, and every change while the store is ahead of the database.
    fn require(&self, actor: &Actor, action: Action, scope: Scope<'_>) -> Result<(), RegistryError> {
        if !allows(actor, action, scope) {
            return Err(RegistryError::refused(actor));
        }
        if !matches!(action, Action::Read) && self.0.read_only.load(Ordering::Relaxed) {
            return Err(RegistryError::ReadOnly);
        }
        Ok(())
    }

    /// The limits it was opened with.
    pub fn limits(&self) -> &Limits {
        &self.0.limits
    }
}
