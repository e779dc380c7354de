//! What can go wrong with files on this machine.

use std::io;
use std::path::{Path, PathBuf};

use crate::domain::TreePathError;

/// Why files were not read or not written.
#[derive(Debug, thiserror::Error)]
pub enum FilesError {
    /// There is nothing at this path.
    #[error("{} does not exist", .0.display())]
    Absent(PathBuf),
    /// Neither a file nor a folder.
    #[error("{} is a {what}: an artifact holds only files and folders", .path.display())]
    Special {
        /// Which.
        path: PathBuf,
        /// Link, device, socket, fifo.
        what: &'static str,
    },
    /// A name that not every file system can hold.
    #[error("{} cannot be part of an artifact: {why}", .path.display())]
    Name {
        /// Which.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// The paths do not make a tree.
    #[error(transparent)]
    Tree(#[from] TreePathError),
    /// More than an artifact may hold.
    #[error("{} holds more than {maximum} {what}, the most that an artifact may have", .path.display())]
    TooLarge {
        /// Which.
        path: PathBuf,
        /// Of what there is too much.
        what: &'static str,
        /// The limit.
        maximum: u64,
    },
    /// Nothing was written: other content is in the way.
    #[error("{} has other files in the way: {}", .target.display(), some(.paths))]
    InTheWay {
        /// Where.
        target: PathBuf,
        /// Which, relative to the target.
        paths: Vec<String>,
    },
    /// Nothing was written: a way into the target leads through a link or a file.
    #[error("{} is a {what}, nothing is written through it", .path.display())]
    Blocked {
        /// Which.
        path: PathBuf,
        /// Link or file.
        what: &'static str,
    },
    /// This file system takes two names of the artifact for one.
    #[error("this file system cannot hold both {0:?} and another file of the artifact: their names differ too little")]
    NamesCollide(String),
    /// The operating system says no.
    #[error("cannot {what} {}: {source}", .path.display())]
    Io {
        /// Read, write, create.
        what: &'static str,
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// An error of the operating system, with what was tried on which path.
pub(super) fn failed(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> FilesError {
    let path = path.to_owned();
    move |source| FilesError::Io { what, path, source }
}

fn some(paths: &[String]) -> String {
    let shown = paths.iter().take(5).cloned().collect::<Vec<_>>().join(", ");
    match paths.len().checked_sub(5) {
        Some(more) if more > 0 => format!("{shown} and {more} more"),
        _ => shown,
    }
}
