//! A project that uses artifacts: what it asks for (`pclr.toml`), what it got (`pclr.lock`), and the files on disk
//! (`docs/install.md`).
//!
//! Promises that nothing is written before all of it is fetched and verified, that files which were changed by hand are
//! never replaced unasked, and that a failure leaves `pclr.toml` and `pclr.lock` as they were.

mod error;
mod install;
mod ledger;
mod manifest;
mod place;
mod plan;
mod root;
mod supply;
mod target;

pub use error::ProjectError;
pub use install::{Installed, Installing, Mode, OnTarget, PackageChange, install};
pub use manifest::Manifest;
pub use plan::{Plan, Update};
pub use root::{LOCK_FILE, MANIFEST_FILE, Project};
pub use supply::Supply;
pub use target::Target;
