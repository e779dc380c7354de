//! Private packages: to all others they are as names under which there is nothing, and their bytes lie where only members read.

mod imports;
mod leaving;
mod moves;
mod seen;
mod support;
