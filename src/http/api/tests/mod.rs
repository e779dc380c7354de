//! The API over a registry in memory. Every answer that the fixture gets is held against the OpenAPI document.

mod conforms;
mod finding;
mod importing;
mod login;
mod orgs;
mod owners;
mod popularity;
mod reading;
mod refusing;
mod world;
