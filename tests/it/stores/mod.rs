//! Stores in buckets: the contract, the program on them, and what it says when something is wrong with one.
//!
//! S3 is SeaweedFS and Azure is Azurite, which `tests/services` starts; Google's protocol is spoken by a stub of the project's own, as
//! no emulator speaks the part of it that is used.

pub mod bucket;
mod contract;
mod gcs;
mod interrupted;
mod large;
mod refused;
mod serverless;
mod servers;
mod serving;
mod skopeo;
mod working;
