//! Packs (`spec/pack.md`): artifacts, what proves them, and the order in which they can be taken in, as one file.
//!
//! Promises that equal contents give equal tars, that what [`read`] answers was whole and in order with every blob as its digest
//! says, and that whatever a stranger wrote is refused before it costs more than [`Limits`]. Streams: a pack may be larger than
//! memory. Knows nothing of files on disk, and nothing of what keys, checkpoints, proofs and policies say: those are bytes here.

mod check;
mod contents;
mod entries;
mod error;
mod frame;
mod index;
mod limits;
mod member;
mod order;
mod part;
mod read;
mod resolved;
mod since;
mod walk;
mod write;

pub use contents::{Content, Pack, Sink};
pub use error::PclPackError;
pub use limits::Limits;
pub use member::{Member, MemberError, PACK_TYPE};
pub use order::{Gap, Order, order};
pub use part::Part;
pub use read::{inspect, read};
pub use resolved::{Found, Need, Needs};
pub use since::since;
pub use write::{Draft, write, write_tar};

#[cfg(test)]
mod tests;
