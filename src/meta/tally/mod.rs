//! Whether two stores hold the same: each table counted and hashed, row by row, in an order that is the same for every store.
//!
//! Read through the traits alone, so that what is compared is what a reader would get. Which names there are to ask for is what
//! the store's own events and lists tell.

mod compare;
mod rows;
mod table;

pub use compare::{Count, Difference, difference, tally};
pub use table::Table;
