//! PCL source: lexer, outline parser and extraction, for all dialects at once.
//!
//! Promises: never fails, never panics, runs in time linear in the text, and every span lies within the text on character
//! boundaries. What cannot be understood is skipped with a problem. Knows nothing of files, folders or other formats.

mod comment;
mod dependency;
mod expression;
mod extract;
mod file;
mod header;
mod lexer;
mod outline;
mod parser;
mod properties;
#[cfg(test)]
mod tests;
mod text;

pub use file::PclFile;
pub use lexer::Span;
pub use outline::{Block, Declaration, Decorator, Export, Import, Outline, Problem, Property, Value, ValueKind};
pub use parser::outline;
pub use properties::split_identifier;
