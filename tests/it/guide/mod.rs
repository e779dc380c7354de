//! `docs/rest.md` is true: every call in it is made, and every answer is what the document says.
//!
//! A block that begins with ```` ```console ```` holds commands, each behind `$ `, with what they print below them. They run in one
//! shell, beside a registry of their own. What differs from run to run (times, identities, secrets) is masked on both sides, JSON is
//! indented, and a line `…` in the document stands for any lines. `PCLR_BLESS=1` writes the answers into the document.

pub mod document;
mod json;
pub mod mask;
pub mod run;
mod test;
