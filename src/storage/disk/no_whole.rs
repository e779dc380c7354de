//! There is no call here that syncs a file system and says whether it failed.

use std::io;
use std::path::Path;

pub(super) enum Whole {}

impl Whole {
    pub(super) fn of(_folder: &Path) -> Option<Self> {
        None
    }

    pub(super) fn is_cheap(&self) -> bool {
        match *self {}
    }

    pub(super) fn covers(&self, _folder: &Path) -> bool {
        match *self {}
    }

    pub(super) fn sync(&self) -> io::Result<()> {
        match *self {}
    }
}
