//! Postings: of everything that packages are found by, the numbers of the packages that it finds, in chunks.
//!
//! Two labels that are each on many packages and on few together are met in a millisecond so, where an index of labels serves one
//! label alone and every package with it is fetched. Knows nothing of the database but what a binary is.

mod bits;
mod numbers;

pub(super) use bits::{Bits, chunk};
pub(super) use numbers::Numbers;
