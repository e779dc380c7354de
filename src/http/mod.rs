//! The HTTP front: the OCI distribution API under `/v2`, the catalogue's API under `/api/v1`, health and metrics.
//!
//! Turns requests into calls of the registry and answers back into HTTP; decides nothing itself. One table in [`error`] says
//! what each error is in HTTP.

mod api;
mod body;
pub mod error;
mod etag;
mod guard;
mod login;
mod meters;
pub mod oci;
mod ops;
mod options;
pub mod range;
mod server;
mod stream;

use std::sync::Arc;

use tokio::sync::Semaphore;

use crate::registry::Registry;

pub use api::openapi;
pub use login::Caller;
pub use options::Options;
pub use server::serve;

/// Imports that are worked on at once: each holds its files in memory.
const IMPORTS: usize = 4;

/// What the fronts share. Cheap to clone.
#[derive(Clone)]
pub struct App {
    registry: Registry,
    options: Arc<Options>,
    metrics: Option<metrics_exporter_prometheus::PrometheusHandle>,
    imports: Arc<Semaphore>,
}

impl App {
    /// The fronts of a registry. `metrics`: what `/metrics` shows.
    pub fn new(
        registry: Registry,
        options: Options,
        metrics: Option<metrics_exporter_prometheus::PrometheusHandle>,
    ) -> Self {
        Self { registry, options: Arc::new(options), metrics, imports: Arc::new(Semaphore::new(IMPORTS)) }
    }
}
