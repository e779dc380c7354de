//! The static tree: what a file server finds below `public/`.

mod crash;
mod failing;
mod hidden;
mod late;
mod late_files;
mod rebuild;
pub mod tree;
mod written;
