//! The tour of the README, from the first push to a second version, through the program alone.

mod finding;
mod further;
mod publishing;
mod standing;
mod tour;
