//! Private packages: to all others they are as names under which there is nothing, and their bytes lie where only members read.

mod answers;
mod imports;
mod leaving;
mod moves;
mod seen;
pub mod support;
