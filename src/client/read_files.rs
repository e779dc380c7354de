//! From a file or folder on disk to a tree. Follows no link, opens nothing but plain files.

use std::fs::{self, File as OpenFile, Metadata};
use std::io::Read;
use std::path::Path;

use bytes::Bytes;

use super::folder::{FilesError, failed};
use crate::domain::{File, Tree};
use crate::pack::Limits;

/// What version control and desktops leave in a folder: no part of what its author made.
pub(super) const LEFT_OUT: [&str; 6] = [".git", ".hg", ".svn", ".jj", ".DS_Store", "Thumbs.db"];

/// Files that were read.
#[derive(Debug)]
pub struct FilesRead {
    /// The files, relative to the folder; a single file is a tree of one.
    pub tree: Tree,
    /// What was left out, relative to the folder.
    pub left_out: Vec<String>,
}

/// Reads a folder, or one file.
///
/// Errors at the first link, device or name that an artifact cannot hold, and above the limits.
pub fn read_files(path: &Path, limits: &Limits) -> Result<FilesRead, FilesError> {
    let metadata = match fs::metadata(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Err(FilesError::Absent(path.to_owned())),
        result => result.map_err(failed("read", path))?,
    };
    let mut reading = Reading { files: Vec::new(), left_out: Vec::new(), bytes: 0, limits };
    if metadata.is_dir() {
        reading.folder(path, "", 0)?;
    } else {
        reading.file(path, file_name(path)?, &metadata)?;
    }
    if reading.files.is_empty() {
        return Err(FilesError::Name { path: path.to_owned(), why: "there is no file in it".to_owned() });
    }
    Ok(FilesRead { tree: Tree::new(reading.files)?, left_out: reading.left_out })
}

struct Reading<'a> {
    files: Vec<File>,
    left_out: Vec<String>,
    bytes: u64,
    limits: &'a Limits,
}

impl Reading<'_> {
    fn folder(&mut self, folder: &Path, below: &str, depth: u64) -> Result<(), FilesError> {
        self.limit(folder, "folders one in another", depth, self.limits.depth)?;
        for entry in fs::read_dir(folder).map_err(failed("read", folder))? {
            let path = entry.map_err(failed("read", folder))?.path();
            let name = file_name(&path)?;
            let relative = if below.is_empty() { name.to_owned() } else { format!("{below}/{name}") };
            if LEFT_OUT.contains(&name) {
                self.left_out.push(relative);
                continue;
            }
            let metadata = fs::symlink_metadata(&path).map_err(failed("read", &path))?;
            if metadata.is_dir() {
                self.folder(&path, &relative, depth + 1)?;
            } else {
                self.file(&path, &relative, &metadata)?;
            }
        }
        Ok(())
    }

    fn file(&mut self, path: &Path, relative: &str, metadata: &Metadata) -> Result<(), FilesError> {
        if !metadata.is_file() {
            let what = if metadata.is_symlink() { "link" } else { "device, socket or pipe" };
            return Err(FilesError::Special { path: path.to_owned(), what });
        }
        let tree_path =
            relative.parse().map_err(|error| FilesError::Name { path: path.to_owned(), why: format!("{error}") })?;
        let most = self.limits.file.min(self.limits.unpacked - self.bytes);
        let mut content = Vec::new();
        // One byte more than allowed: a file that grows while it is read is noticed too.
        let opened = OpenFile::open(path).map_err(failed("open", path))?;
        opened.take(most.saturating_add(1)).read_to_end(&mut content).map_err(failed("read", path))?;
        self.limit(path, "bytes", content.len() as u64, most)?;
        self.bytes += content.len() as u64;
        self.limit(path, "files", self.files.len() as u64 + 1, self.limits.entries)?;
        self.files.push(File { path: tree_path, executable: is_executable(metadata), content: Bytes::from(content) });
        Ok(())
    }

    fn limit(&self, path: &Path, what: &'static str, found: u64, maximum: u64) -> Result<(), FilesError> {
        if found > maximum {
            return Err(FilesError::TooLarge { path: path.to_owned(), what, maximum });
        }
        Ok(())
    }
}

fn file_name(path: &Path) -> Result<&str, FilesError> {
    let refuse = |why: &str| FilesError::Name { path: path.to_owned(), why: why.to_owned() };
    let name = path.file_name().ok_or_else(|| refuse("it has no name of its own"))?;
    name.to_str().ok_or_else(|| refuse("its name is not UTF-8"))
}

#[cfg(unix)]
pub(super) fn is_executable(metadata: &Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt;
    metadata.permissions().mode() & 0o100 != 0
}

#[cfg(not(unix))]
pub(super) fn is_executable(_: &Metadata) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(read: &FilesRead) -> Vec<&str> {
        read.tree.files().iter().map(|file| file.path.as_str()).collect()
    }

    #[test]
    fn a_folder_without_what_version_control_leaves() {
        let folder = tempfile::tempdir().unwrap();
        for (path, text) in [("SKILL.md", "a"), ("scripts/run.sh", "b"), (".git/HEAD", "c"), ("ref/.hidden", "")] {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let read = read_files(folder.path(), &Limits::default()).unwrap();
        assert_eq!(paths(&read), ["SKILL.md", "ref/.hidden", "scripts/run.sh"]);
        assert_eq!(read.left_out, [".git"]);

        let one = read_files(&folder.path().join("SKILL.md"), &Limits::default()).unwrap();
        assert_eq!(paths(&one), ["SKILL.md"]);
    }

    #[test]
    fn limits_hold_and_say_which() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("a"), "12345").unwrap();
        fs::write(folder.path().join("b"), "12345").unwrap();
        let with = |limits: Limits| read_files(folder.path(), &limits);
        assert!(with(Limits { file: 5, unpacked: 10, entries: 2, ..Limits::default() }).is_ok());
        for (limits, expected) in [
            (Limits { file: 4, ..Limits::default() }, "bytes"),
            (Limits { unpacked: 9, ..Limits::default() }, "bytes"),
            (Limits { entries: 1, ..Limits::default() }, "files"),
        ] {
            let Err(FilesError::TooLarge { what, .. }) = with(limits) else { panic!("{limits:?}") };
            assert_eq!(what, expected);
        }
    }

    #[test]
    fn nothing_and_an_empty_folder_are_errors() {
        let folder = tempfile::tempdir().unwrap();
        assert!(matches!(read_files(&folder.path().join("no"), &Limits::default()), Err(FilesError::Absent(_))));
        assert!(matches!(read_files(folder.path(), &Limits::default()), Err(FilesError::Name { .. })));
    }

    #[cfg(unix)]
    #[test]
    fn links_are_refused_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("a"), "a").unwrap();
        std::os::unix::fs::symlink("/etc/hostname", folder.path().join("b")).unwrap();
        let error = read_files(folder.path(), &Limits::default()).unwrap_err();
        assert!(matches!(error, FilesError::Special { what: "link", .. }), "{error}");
    }
}
