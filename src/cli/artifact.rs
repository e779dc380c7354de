//! From files on disk to what a push needs: the tree, what its readers find, and a config.

use std::path::Path;

use crate::client::{FilesError, FilesRead, read_files};
use crate::domain::{CONFIG_SCHEMA, Config, Kind, Tree, Version};
use crate::pack::Limits;
use crate::pcl::{Finding, read_tree, slug_candidates};

/// An artifact on disk, not yet named.
pub(super) struct Local {
    pub(super) tree: Tree,
    pub(super) finding: Finding,
    pub(super) left_out: Vec<String>,
}

impl Local {
    /// Reads a folder or file. `kind` and `declaration` are what the author says about it.
    pub(super) fn read(path: &Path, kind: Option<Kind>, declaration: Option<&str>) -> Result<Self, FilesError> {
        let FilesRead { tree, left_out } = read_files(path, &Limits::default())?;
        let finding = read_tree(&tree, kind, declaration);
        Ok(Self { tree, finding, left_out })
    }

    /// The name that its title would have.
    pub(super) fn slug(&self) -> String {
        let [slug, ..] = slug_candidates(&self.finding);
        slug
    }

    /// The config under a version; the name is filled in from the repository when it is pushed.
    pub(super) fn config(&self, version: Version) -> Config {
        Config {
            schema: CONFIG_SCHEMA,
            name: self.slug(),
            version,
            kind: self.finding.kind,
            about: self.finding.about.clone(),
            primary: self.finding.primary.clone(),
            source: None,
            tree: self.tree.digest(),
        }
    }
}
