//! `fsck`: damage made by hand is found, is called what it is, and is mended where it can be; and nothing else is found.

mod blobs;
mod bucket;
mod events;
mod left;
mod metadata;
mod program;
mod servers;
mod sound;
mod statics;
mod support;
