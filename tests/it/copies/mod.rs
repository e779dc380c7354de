//! A copied `public/` is a registry to pull from: behind nginx, Caddy and Python's file server, for `skopeo`, `oras` and `pclr`, and
//! through media that keep no colons in names.

mod client;
mod copy;
mod corpus;
mod hosting;
mod scripts;
mod search;
mod server;
mod tampered;
mod tools;
mod tree;
