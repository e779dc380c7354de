//! The OCI distribution API, `/v2/`: specification 1.1, all four categories.

mod answer;
mod blobs;
mod lists;
mod manifests;
mod respond;
pub mod route;
mod uploads;

pub use answer::handle;
use respond::*;
