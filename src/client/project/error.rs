//! Everything that can go wrong with a project, as decisions that a caller can take.

use std::path::PathBuf;

use super::super::{ClientError, FilesError};
use crate::domain::Name;
use crate::resolve::Conflict;

/// Why a project was not changed as asked for.
#[derive(Debug, thiserror::Error)]
pub enum ProjectError {
    /// No `pclr.toml` here or above.
    #[error("there is no pclr.toml in {} or above it", .0.display())]
    NoManifest(PathBuf),
    /// `pclr.toml` or `pclr.lock` cannot be used.
    #[error("{} cannot be used: {why}", .path.display())]
    Unusable {
        /// Which.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// There is no lock, or one for other needs, and it may not be written.
    #[error("pclr.lock would change: {0}")]
    WouldChange(String),
    /// There is no lock, or one for other needs, where only a lock can answer.
    #[error("pclr.lock is not that of pclr.toml: {0}")]
    OutOfStep(String),
    /// The project does not ask for this package.
    #[error("pclr.toml does not ask for {0}")]
    NotAsked(Name),
    /// The project does not use this package.
    #[error("{0} is not in pclr.lock")]
    NotUsed(Name),
    /// No versions fit together.
    #[error("{conflict}")]
    NoSolution {
        /// Why.
        conflict: Box<Conflict>,
        /// Changes of one line of `pclr.toml` each, after which versions do fit.
        advice: Vec<String>,
        /// Whether only versions counted that were fetched before.
        offline: bool,
    },
    /// The search for versions took too long.
    #[error("the search for versions that fit together was given up: there are too many combinations")]
    TooHard,
    /// Packages go on to need others, further than any project's do.
    #[error(
        "the dependencies have no end within reach: after {looked_up} packages, {steps} steps deep, {last} is needed next"
    )]
    Endless {
        /// Packages that were looked up.
        looked_up: usize,
        /// Round trips, each a step deeper.
        steps: usize,
        /// One that would be looked up next.
        last: String,
    },
    /// It is not in the cache, and the network may not be used.
    #[error("{0} is not in the cache")]
    NotCached(String),
    /// It is damaged in the cache, and the network may not be used.
    #[error("{what} is damaged in the cache ({})", .path.display())]
    DamagedCache {
        /// What it is.
        what: String,
        /// The damaged file.
        path: PathBuf,
    },
    /// What came is not what is locked. Nothing was written.
    #[error("{name} failed verification: {why}")]
    NotVerified {
        /// Which package.
        name: Name,
        /// What differs.
        why: String,
    },
    /// Files are in the way that `pclr` did not write, or that were changed since. Nothing was written.
    #[error("files are in the way:{}", lines(.0))]
    InTheWay(Vec<String>),
    /// Something about the registry.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// Something about files on this machine.
    #[error(transparent)]
    Files(#[from] FilesError),
}

fn lines(texts: &[String]) -> String {
    texts.iter().map(|text| format!("\n  {text}")).collect()
}
