//! The head of the transparency log, as a store keeps it.

use serde::{Deserialize, Serialize};

/// The head of the transparency log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogHead {
    /// How many entries the log has.
    pub size: u64,
    /// The signed checkpoint, whole: at most 64 KiB.
    pub checkpoint: String,
}
