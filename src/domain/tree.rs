//! File trees: what an artifact's content is, whatever archive carried it.

use std::str::FromStr;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::text::text_value;
use super::{Algorithm, Digest, Hasher};

/// A relative path within an artifact: `/` between components, no `.`, `..` or empty component, no control character, no `\`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TreePath(String);

impl TreePath {
    /// Longest path, in bytes.
    pub const MAX: usize = 1024;

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The last component.
    pub fn file_name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or_default()
    }
}

/// The text is no path that a file of an artifact may have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("path {path:?} is not allowed in an artifact: {why}")]
pub struct TreePathError {
    /// The path, at most 300 characters of it.
    pub path: String,
    /// What is wrong.
    pub why: &'static str,
}

impl FromStr for TreePath {
    type Err = TreePathError;

    fn from_str(text: &str) -> Result<Self, TreePathError> {
        let refuse = |why| Err(TreePathError { path: text.chars().take(300).collect(), why });
        if text.is_empty() || text.len() > Self::MAX {
            return refuse("it is empty or longer than 1,024 bytes");
        }
        if text.starts_with('/') || text.as_bytes().get(1) == Some(&b':') {
            return refuse("it is absolute");
        }
        if text.chars().any(|character| character.is_control() || character == '\\') {
            return refuse("it holds a control character or a backslash");
        }
        if text.split('/').any(|component| matches!(component, "" | "." | "..")) {
            return refuse("a component is empty, '.' or '..'");
        }
        if text.split('/').any(|component| component.len() > 255) {
            return refuse("a component is longer than 255 bytes");
        }
        Ok(Self(text.to_owned()))
    }
}

text_value!(TreePath);

/// One file of an artifact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Where it lies.
    pub path: TreePath,
    /// Whether it may be run: the only part of a mode that is kept.
    pub executable: bool,
    /// Its bytes.
    pub content: Bytes,
}

/// One file of an artifact, without its bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FileEntry {
    /// Where it lies.
    pub path: TreePath,
    /// Whether it may be run.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub executable: bool,
    /// Length in bytes.
    pub size: u64,
    /// sha256 of its bytes.
    pub digest: Digest,
}

/// The files of an artifact, sorted by path, each path once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tree {
    files: Vec<File>,
}

impl Tree {
    /// Sorts the files. Errors with a path that occurs twice, or that is both a file and a folder.
    pub fn new(mut files: Vec<File>) -> Result<Self, TreePathError> {
        files.sort_by(|a, b| a.path.cmp(&b.path));
        let clash = |path: &TreePath, why| Err(TreePathError { path: path.as_str().to_owned(), why });
        let paths: std::collections::HashSet<&str> = files.iter().map(|file| file.path.as_str()).collect();
        if paths.len() != files.len() {
            let twice = files.windows(2).find(|pair| pair[0].path == pair[1].path);
            if let Some(pair) = twice {
                return clash(&pair[0].path, "it occurs twice");
            }
        }
        for file in &files {
            let path = file.path.as_str();
            let folders = path.match_indices('/').map(|(at, _)| &path[..at]);
            if folders.into_iter().any(|folder| paths.contains(folder)) {
                return clash(&file.path, "it lies below another file");
            }
        }
        Ok(Self { files })
    }

    /// The files, sorted by path.
    pub fn files(&self) -> &[File] {
        &self.files
    }

    /// The file at a path.
    pub fn get(&self, path: &str) -> Option<&File> {
        self.files.binary_search_by(|file| file.path.as_str().cmp(path)).ok().map(|at| &self.files[at])
    }

    /// The files without their bytes.
    pub fn entries(&self) -> Vec<FileEntry> {
        let entry = |file: &File| FileEntry {
            path: file.path.clone(),
            executable: file.executable,
            size: file.content.len() as u64,
            digest: Digest::sha256(&file.content),
        };
        self.files.iter().map(entry).collect()
    }

    /// The tree's identity.
    pub fn digest(&self) -> Digest {
        tree_digest(&self.entries())
    }
}

/// `spec/artifact.md`, "Tree digest": sha256 over one line a file, sorted by the bytes of the path:
/// mode (`100644` or `100755`), space, sha256 of the content in hexadecimal, space, path, line feed.
pub fn tree_digest(entries: &[FileEntry]) -> Digest {
    let mut sorted: Vec<&FileEntry> = entries.iter().collect();
    sorted.sort_by(|a, b| a.path.cmp(&b.path));
    let mut hasher = Hasher::new(Algorithm::Sha256);
    for entry in sorted {
        let mode = if entry.executable { "100755" } else { "100644" };
        hasher.update(format!("{mode} {} {}\n", entry.digest.hex(), entry.path).as_bytes());
    }
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, content: &'static str) -> File {
        let path = path.parse().unwrap_or_else(|error| panic!("{error}"));
        File { path, executable: false, content: Bytes::from_static(content.as_bytes()) }
    }

    #[test]
    fn paths_stay_inside() {
        for good in ["a", "a/b.md", "..a", "a..", "ü/é", ".hidden"] {
            assert!(good.parse::<TreePath>().is_ok(), "{good:?}");
        }
        let (deep, long) = ("a/".repeat(600), "a".repeat(256));
        for bad in ["", "/a", "a//b", "../a", "a/..", "./a", "a/", "a\0", "a\nb", "a\\b", "C:/x", &deep, &long] {
            assert!(bad.parse::<TreePath>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn order_of_files_does_not_matter_content_does() {
        let one = Tree::new(vec![file("b", "2"), file("a", "1")]);
        let two = Tree::new(vec![file("a", "1"), file("b", "2")]);
        assert_eq!(one, two);
        let other = Tree::new(vec![file("a", "1"), file("b", "3")]).map(|tree| tree.digest());
        assert_ne!(one.map(|tree| tree.digest()), other);
    }

    #[test]
    fn clashing_paths_are_refused() {
        assert!(Tree::new(vec![file("a", "1"), file("a", "1")]).is_err());
        assert!(Tree::new(vec![file("a", "1"), file("a/b", "1")]).is_err());
        assert!(Tree::new(vec![file("a", "1"), file("a.b", "1"), file("a/b", "1")]).is_err());
    }
}
