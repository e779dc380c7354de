//! A stub of Google Cloud Storage: as much of its XML interface as the program's client speaks, in memory, on a port of the loopback.
//!
//! What matters is that its conditions hold: a generation is given to every write, and a write on condition of one happens only if it
//! still is that of the object, or, for 0, if there is none. Lists come in small pages. Who asks is not looked at.

mod answer;
mod objects;
mod stub;

pub use stub::Gcs;

/// The only bucket.
const BUCKET: &str = "test";
