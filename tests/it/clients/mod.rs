//! Programs that others wrote, against a registry of the test's own. They judge what our scripts take for granted.
//!
//! `tests/run` installs them. A test whose program is absent says so and passes, except where `CI` is set: there it fails.

mod buildah;
mod oras;
pub mod program;
mod skopeo;
