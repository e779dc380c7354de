//! Where the program meets the server: the only file of `cli` that knows `registry` and `http`.
//!
//! HOOK: each function below is one call into `crate::http` or `crate::registry` once those are merged.

use std::net::SocketAddr;

use serde::Serialize;

use super::config::ServeConfig;

/// Which projections to rebuild.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RebuildWhat {
    /// The catalogue and the search index, from nothing.
    Everything,
    /// The search index, from nothing.
    Search,
    /// The catalogue, from its own last event on.
    CatchUp,
}

/// What a rebuild did.
#[derive(Debug, Serialize)]
pub(super) struct Rebuilt {
    /// Events applied.
    pub(super) applied: u64,
    /// Number of the last event.
    pub(super) head: u64,
}

/// What a collection did.
#[derive(Debug, Serialize)]
pub(super) struct Collected {
    /// Blobs removed.
    pub(super) removed: u64,
    /// Their bytes.
    pub(super) bytes: u64,
    /// Blobs that will be removed after the grace period.
    pub(super) condemned: u64,
}

/// Opens the store, listens, calls `ready` with the address, and serves until SIGINT or SIGTERM.
pub(super) async fn serve(
    config: ServeConfig,
    ready: impl FnOnce(SocketAddr) -> std::io::Result<()>,
) -> anyhow::Result<()> {
    let _ = (config, ready);
    anyhow::bail!("this build holds no server")
}

/// Rebuilds projections of a data folder that no server is using.
pub(super) async fn rebuild(config: ServeConfig, what: RebuildWhat) -> anyhow::Result<Rebuilt> {
    let _ = (config, what);
    anyhow::bail!("this build holds no server")
}

/// Collects what nothing names in a data folder that no server is using.
pub(super) async fn collect(config: ServeConfig) -> anyhow::Result<Collected> {
    let _ = config;
    anyhow::bail!("this build holds no server")
}
