//! From a tree to files on disk: whole or not at all where the target is new, never outside the target, never through a link.
//!
//! Everything is written into a folder beside the target first; then the folder, or each file, is renamed into its place.
//! Nothing is synced: a pull can be repeated. Somebody who may write to the target while it is being written can still
//! swap folders for links between check and rename; the target is taken to be the caller's own.

use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use super::folder::{FilesError, failed};
use super::read_files::is_executable;
use crate::domain::{File, Tree};

/// What to do with files of the target that differ from the artifact's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Existing {
    /// Leave everything as it is and say which differ.
    Keep,
    /// Replace those that have the artifact's names. Others stay.
    Replace,
}

/// What was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// The folder, absolute.
    pub folder: PathBuf,
    /// Files written.
    pub written: usize,
    /// Files that were there already, the same.
    pub unchanged: usize,
}

/// Writes the files of a tree below the folder `target`, which is made if absent.
pub fn write_files(target: &Path, tree: &Tree, existing: Existing) -> Result<Written, FilesError> {
    // A link that the caller names as the target is the caller's own choice; links below it are not.
    let exists = fs::metadata(target).is_ok();
    let target =
        if exists { target.to_owned() } else { std::path::absolute(target).map_err(failed("find", target))? };
    let target = if exists { fs::canonicalize(&target).map_err(failed("find", &target))? } else { target };
    if exists && !target.is_dir() {
        return Err(FilesError::Blocked { path: target, what: "file" });
    }
    let (changed, unchanged) =
        if exists { compare(&target, tree, existing)? } else { (tree.files().iter().collect(), 0) };
    if changed.is_empty() {
        return Ok(Written { folder: target, written: 0, unchanged });
    }
    let staging = Staging::beside(&target)?;
    for file in &changed {
        write_one(&staging.0, file)?;
    }
    if exists {
        for file in &changed {
            move_into(&staging.0, &target, file)?;
        }
    } else {
        fs::rename(&staging.0, &target).map_err(failed("create", &target))?;
    }
    Ok(Written { written: changed.len(), folder: target, unchanged })
}

/// A folder for unfinished files, removed with whatever is left in it.
pub(super) struct Staging(PathBuf);

impl Staging {
    /// Its path.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// A name beside the target that nothing has.
    pub fn free_name(target: &Path) -> PathBuf {
        let name = target.file_name().unwrap_or_default().to_string_lossy();
        target.with_file_name(format!(".{name}.{}.part", uuid::Uuid::now_v7().simple()))
    }

    pub fn beside(target: &Path) -> Result<Self, FilesError> {
        let parent = target.parent().unwrap_or(target);
        fs::create_dir_all(parent).map_err(failed("create", parent))?;
        let path = Self::free_name(target);
        fs::create_dir(&path).map_err(failed("create", &path))?;
        Ok(Self(path))
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        // Renamed away when all went well; otherwise what is left is of no use, and failing to remove it changes nothing.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The files that must be written and the number of those that are there already, the same.
fn compare<'a>(target: &Path, tree: &'a Tree, existing: Existing) -> Result<(Vec<&'a File>, usize), FilesError> {
    let (mut changed, mut differing) = (Vec::new(), Vec::new());
    for file in tree.files() {
        check_way(target, file)?;
        let path = target.join(file.path.as_str());
        match fs::symlink_metadata(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => changed.push(file),
            Err(error) => return Err(failed("read", &path)(error)),
            Ok(metadata) if metadata.is_dir() => return Err(FilesError::Blocked { path, what: "folder" }),
            Ok(metadata) if is_same(&path, &metadata, file).map_err(failed("read", &path))? => {}
            Ok(_) => {
                differing.push(file.path.to_string());
                changed.push(file);
            }
        }
    }
    if !differing.is_empty() && existing == Existing::Keep {
        return Err(FilesError::InTheWay { target: target.to_owned(), paths: differing });
    }
    let unchanged = tree.files().len() - changed.len();
    Ok((changed, unchanged))
}

/// Every folder on the way to a file is a folder or not there: a link could lead anywhere.
fn check_way(target: &Path, file: &File) -> Result<(), FilesError> {
    for (at, _) in file.path.as_str().match_indices('/') {
        let path = target.join(&file.path.as_str()[..at]);
        match fs::symlink_metadata(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(failed("read", &path)(error)),
            Ok(metadata) if metadata.is_symlink() => return Err(FilesError::Blocked { path, what: "link" }),
            Ok(metadata) if !metadata.is_dir() => return Err(FilesError::Blocked { path, what: "file" }),
            Ok(_) => {}
        }
    }
    Ok(())
}

/// A link is never the same as a file, wherever it leads.
fn is_same(path: &Path, metadata: &fs::Metadata, file: &File) -> io::Result<bool> {
    let alike = metadata.is_file()
        && metadata.len() == file.content.len() as u64
        && (cfg!(not(unix)) || is_executable(metadata) == file.executable);
    Ok(alike && fs::read(path)? == file.content)
}

pub(super) fn write_one(folder: &Path, file: &File) -> Result<(), FilesError> {
    let path = folder.join(file.path.as_str());
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).map_err(failed("create", parent))?;
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        // Less the caller's umask, as for any file that the caller makes.
        options.mode(if file.executable { 0o777 } else { 0o666 });
    }
    let mut opened = match options.open(&path) {
        // The staging folder is new and a tree names each path once: only a file system that folds case or accents says this.
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            return Err(FilesError::NamesCollide(file.path.to_string()));
        }
        result => result.map_err(failed("create", &path))?,
    };
    opened.write_all(&file.content).map_err(failed("write", &path))
}

fn move_into(staging: &Path, target: &Path, file: &File) -> Result<(), FilesError> {
    check_way(target, file)?;
    let path = target.join(file.path.as_str());
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).map_err(failed("create", parent))?;
    }
    // Renaming over a link replaces the link, not what it points to.
    fs::rename(staging.join(file.path.as_str()), &path).map_err(failed("write", &path))
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    fn tree(files: &[(&str, &str)]) -> Tree {
        let file = |(path, text): &(&str, &str)| File {
            path: path.parse().unwrap(),
            executable: path.ends_with(".sh"),
            content: Bytes::from(text.as_bytes().to_vec()),
        };
        Tree::new(files.iter().map(file).collect()).unwrap()
    }

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> =
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn writes_exactly_the_files_and_leaves_nothing_beside_them() {
        let place = tempfile::tempdir().unwrap();
        let target = place.path().join("deep/hello");
        let tree = tree(&[("SKILL.md", "hi"), ("scripts/run.sh", "#!"), ("写作/é", "")]);
        let written = write_files(&target, &tree, Existing::Keep).unwrap();
        assert_eq!((written.written, written.unchanged), (3, 0));
        let read = super::super::read_files(&target, &Default::default()).unwrap();
        assert_eq!(read.tree, tree);
        assert_eq!(names(&place.path().join("deep")), ["hello"]);

        let again = write_files(&target, &tree, Existing::Keep).unwrap();
        assert_eq!((again.written, again.unchanged), (0, 3));
    }

    #[test]
    fn differing_files_are_kept_unless_told_otherwise_and_others_always() {
        let place = tempfile::tempdir().unwrap();
        fs::write(place.path().join("a"), "mine").unwrap();
        fs::write(place.path().join("own"), "mine").unwrap();
        let tree = tree(&[("a", "theirs"), ("b/c", "new")]);
        let error = write_files(place.path(), &tree, Existing::Keep).unwrap_err();
        assert!(matches!(&error, FilesError::InTheWay { paths, .. } if paths == &["a"]), "{error}");
        assert_eq!(names(place.path()), ["a", "own"], "nothing was written");

        let written = write_files(place.path(), &tree, Existing::Replace).unwrap();
        assert_eq!(written.written, 2);
        let read = |name: &str| fs::read_to_string(place.path().join(name)).unwrap();
        assert_eq!((read("a").as_str(), read("b/c").as_str(), read("own").as_str()), ("theirs", "new", "mine"));
    }

    #[cfg(unix)]
    #[test]
    fn no_link_of_the_target_is_written_through() {
        use std::os::unix::fs::symlink;
        let (place, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        symlink(outside.path(), place.path().join("scripts")).unwrap();
        let deep = tree(&[("SKILL.md", "x"), ("scripts/run.sh", "x")]);
        for existing in [Existing::Keep, Existing::Replace] {
            let error = write_files(place.path(), &deep, existing).unwrap_err();
            assert!(matches!(error, FilesError::Blocked { what: "link", .. }), "{error}");
        }
        assert!(names(outside.path()).is_empty());
        assert_eq!(names(place.path()), ["scripts"]);

        // A link in the place of a file: kept, or itself replaced; what it points to stays as it was.
        let secret = outside.path().join("secret");
        fs::write(&secret, "x").unwrap();
        symlink(&secret, place.path().join("SKILL.md")).unwrap();
        let flat = tree(&[("SKILL.md", "new")]);
        assert!(matches!(write_files(place.path(), &flat, Existing::Keep), Err(FilesError::InTheWay { .. })));
        write_files(place.path(), &flat, Existing::Replace).unwrap();
        assert_eq!(fs::read_to_string(&secret).unwrap(), "x");
        assert!(fs::symlink_metadata(place.path().join("SKILL.md")).unwrap().is_file());
    }

    #[test]
    fn a_folder_or_file_in_the_way_is_never_removed() {
        let place = tempfile::tempdir().unwrap();
        fs::create_dir(place.path().join("a")).unwrap();
        fs::write(place.path().join("b"), "").unwrap();
        for path in ["a", "b/c"] {
            let error = write_files(place.path(), &tree(&[(path, "x")]), Existing::Replace).unwrap_err();
            assert!(matches!(error, FilesError::Blocked { .. }), "{path}: {error}");
        }
        let error = write_files(&place.path().join("b"), &tree(&[("x", "x")]), Existing::Replace).unwrap_err();
        assert!(matches!(error, FilesError::Blocked { what: "file", .. }), "{error}");
    }
}
