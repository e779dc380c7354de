//! What was installed into a target, so that only that is ever replaced or removed.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::super::cache::{read, write_atomically};
use super::super::folder::failed;
use super::error::ProjectError;
use crate::domain::{Digest, FileEntry, Name, TreePath, Version};
use crate::resolve::Locked;

/// Its name, in the target's folder.
const LEDGER_FILE: &str = ".pclr-installed.json";
const FORMAT: u32 = 1;
/// Most that is read of it, in bytes.
const LEDGER_MAX: u64 = 256 << 20;

/// What lies in a target's folder, by package.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Ledger {
    format: u32,
    #[serde(default)]
    pub placed: BTreeMap<Name, Placed>,
    #[serde(default)]
    pub skipped: BTreeMap<Name, Skipped>,
}

/// A package that was placed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Placed {
    pub version: Version,
    pub digest: Digest,
    pub tree: Digest,
    /// Relative to the target's folder.
    pub at: TreePath,
    /// Whether `at` is a file, the only one of `files`, and no folder.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub single: bool,
    pub files: Vec<FileEntry>,
}

/// A package that is nothing for this target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Skipped {
    pub digest: Digest,
    pub why: String,
}

impl Default for Ledger {
    fn default() -> Self {
        Self { format: FORMAT, placed: BTreeMap::new(), skipped: BTreeMap::new() }
    }
}

impl Ledger {
    /// The ledger of a target's folder; `None` if nothing was installed there.
    pub fn load(folder: &Path) -> Result<Option<Self>, ProjectError> {
        let path = path(folder);
        let Some(bytes) = read(&path, LEDGER_MAX).map_err(failed("read", &path))? else { return Ok(None) };
        let parsed: Result<Self, _> = serde_json::from_slice(&bytes);
        let why = match parsed {
            Ok(ledger) if ledger.format == FORMAT => return Ok(Some(ledger)),
            Ok(ledger) => format!("it has format {}, this program knows {FORMAT}", ledger.format),
            Err(error) => format!("{error}; remove it: what is installed is known again by its content"),
        };
        Err(ProjectError::Unusable { path, why })
    }

    /// Writes it; an empty one is removed, with its folder if that is empty too.
    pub fn save(&self, folder: &Path) -> Result<(), ProjectError> {
        let path = path(folder);
        if self.placed.is_empty() && self.skipped.is_empty() {
            match fs::remove_file(&path) {
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(failed("remove", &path)(error).into()),
                _ => {}
            }
            // A folder that holds anything else stays.
            let _ = fs::remove_dir(folder);
            return Ok(());
        }
        let mut text = serde_json::to_vec_pretty(self).unwrap_or_default();
        text.push(b'\n');
        Ok(write_atomically(&path, &text)?)
    }
}

impl Placed {
    /// Whether this is the locked version.
    pub fn is_of(&self, locked: &Locked) -> bool {
        self.digest == locked.digest && self.tree == locked.tree
    }
}

fn path(folder: &Path) -> PathBuf {
    folder.join(LEDGER_FILE)
}
