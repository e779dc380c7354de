//! The transparency log (`spec/log.md`): what a registry acknowledges is in it, whatever happens.

mod client;
mod faults;
mod private;
mod registry;
mod whole;
mod writers;

pub use registry::{key, logged, open, package, push_images};
