//! One package on disk: whether it is as it was placed, placing it, and taking it away.

use std::collections::BTreeMap;
use std::fs::{self, Metadata};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use super::super::FilesError;
use super::super::folder::failed;
use super::super::read_files::{LEFT_OUT, is_executable};
use super::super::write_files::{Staging, write_one};
use crate::domain::{Digest, File, FileEntry};

/// How what lies at a path compares with what was placed there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Nothing is there.
    Absent,
    /// Exactly that.
    Same,
    /// Some of it is gone, the rest is as it was.
    Incomplete,
    /// These were changed or added, relative to the path.
    Changed(Vec<String>),
}

/// Compares a folder, or a single file, with the files that were placed there. Every byte is read.
pub(super) fn state(path: &Path, single: bool, files: &[FileEntry]) -> Result<State, FilesError> {
    let metadata = match fs::symlink_metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(State::Absent),
        result => result.map_err(failed("read", path))?,
    };
    if single {
        let same = match files {
            [file] => is_same(path, &metadata, file).map_err(failed("read", path))?,
            _ => false,
        };
        return Ok(if same { State::Same } else { State::Changed(Vec::new()) });
    }
    if !metadata.is_dir() {
        return Ok(State::Changed(Vec::new()));
    }
    let mut comparing =
        Comparing { left: files.iter().map(|file| (file.path.as_str(), file)).collect(), changed: vec![] };
    comparing.folder(path, "")?;
    Ok(match (comparing.changed.is_empty(), comparing.left.is_empty()) {
        (true, true) => State::Same,
        (true, false) => State::Incomplete,
        (false, _) => State::Changed(comparing.changed),
    })
}

struct Comparing<'a> {
    left: BTreeMap<&'a str, &'a FileEntry>,
    changed: Vec<String>,
}

impl Comparing<'_> {
    fn folder(&mut self, folder: &Path, below: &str) -> Result<(), FilesError> {
        for entry in fs::read_dir(folder).map_err(failed("read", folder))? {
            let path = entry.map_err(failed("read", folder))?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let relative = if below.is_empty() { name.clone() } else { format!("{below}/{name}") };
            let metadata = fs::symlink_metadata(&path).map_err(failed("read", &path))?;
            let expected = self.left.remove(relative.as_str());
            match expected {
                Some(file) if is_same(&path, &metadata, file).map_err(failed("read", &path))? => {}
                Some(_) => self.changed.push(relative),
                // What desktops and version control leave is nobody's work.
                None if LEFT_OUT.contains(&name.as_str()) => {}
                None if metadata.is_dir() => self.folder(&path, &relative)?,
                None => self.changed.push(relative),
            }
        }
        Ok(())
    }
}

fn is_same(path: &Path, metadata: &Metadata, file: &FileEntry) -> io::Result<bool> {
    let alike = metadata.is_file()
        && metadata.len() == file.size
        && (cfg!(not(unix)) || is_executable(metadata) == file.executable);
    Ok(alike && Digest::sha256(&fs::read(path)?) == file.digest)
}

/// Whether a path lies in the project once the links on its way are followed. One that leads elsewhere may come with the
/// project, from whoever wrote it, and is nothing to write through; one that stays within is a way to share a folder.
///
/// # Errors
/// [`FilesError::Blocked`] names the link.
pub(super) fn check_inside(project: &Path, path: &Path) -> Result<(), FilesError> {
    let project = project.canonicalize().map_err(failed("find", project))?;
    for folder in path.ancestors().skip(1) {
        match folder.canonicalize() {
            Ok(real) if real.starts_with(&project) => return Ok(()),
            Ok(_) => return Err(FilesError::Blocked { path: folder.to_owned(), what: "link out of the project" }),
            // A link to nothing is no folder that could be made.
            Err(_) if fs::symlink_metadata(folder).is_ok() => {
                return Err(FilesError::Blocked { path: folder.to_owned(), what: "link to nothing" });
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(failed("find", folder)(error)),
        }
    }
    Ok(())
}

/// Puts files at a path, as a folder or as one file, in place of whatever is there.
///
/// All is written beside it first. A crash in between leaves the old or nothing, and what is unfinished under a name that
/// begins with a dot.
pub(super) fn put(path: &Path, single: bool, files: &[File]) -> Result<(), FilesError> {
    let staging = Staging::beside(path)?;
    for file in files {
        write_one(staging.path(), file)?;
    }
    let from = match files {
        [file] if single => staging.path().join(file.path.as_str()),
        _ => staging.path().to_owned(),
    };
    remove(path)?;
    fs::rename(&from, path).map_err(failed("create", path))
}

/// Takes away what lies at a path, a link itself and not what it leads to.
pub(super) fn remove(path: &Path) -> Result<(), FilesError> {
    let metadata = match fs::symlink_metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        result => result.map_err(failed("read", path))?,
    };
    if !metadata.is_dir() {
        return fs::remove_file(path).map_err(failed("remove", path));
    }
    // Renamed first: a removal that stops halfway leaves no half of a package under its name.
    let away: PathBuf = Staging::free_name(path);
    fs::rename(path, &away).map_err(failed("remove", path))?;
    fs::remove_dir_all(&away).map_err(failed("remove", &away))
}

/// Removes the folders above a path that are empty now, up to `root`, which stays.
pub(super) fn remove_empty_parents(path: &Path, root: &Path) {
    for folder in path.ancestors().skip(1).take_while(|folder| *folder != root && folder.starts_with(root)) {
        // The first one that holds something ends it.
        if fs::remove_dir(folder).is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    fn files() -> Vec<File> {
        let file = |(path, text): (&str, &str)| File {
            path: path.parse().unwrap(),
            executable: path.ends_with(".sh"),
            content: Bytes::from(text.to_owned()),
        };
        [("SKILL.md", "hi"), ("scripts/run.sh", "#!")].map(file).into()
    }

    fn entries() -> Vec<FileEntry> {
        crate::domain::Tree::new(files()).unwrap().entries()
    }

    #[test]
    fn every_change_is_seen() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/hello");
        assert_eq!(state(&path, false, &entries()).unwrap(), State::Absent);
        type Change = (fn(&Path), State);
        let changes: [Change; 7] = [
            (|_| {}, State::Same),
            (|path| fs::write(path.join(".DS_Store"), "x").unwrap(), State::Same),
            (|path| fs::write(path.join("SKILL.md"), "hI").unwrap(), State::Changed(vec!["SKILL.md".into()])),
            (|path| fs::write(path.join("scripts/mine"), "").unwrap(), State::Changed(vec!["scripts/mine".into()])),
            (|path| fs::remove_dir_all(path.join("scripts")).unwrap(), State::Incomplete),
            (|path| fs::remove_dir_all(path).unwrap(), State::Absent),
            (
                |path| {
                    fs::remove_dir_all(path).unwrap();
                    fs::write(path, "a file").unwrap();
                },
                State::Changed(vec![]),
            ),
        ];
        for (change, expected) in changes {
            put(&path, false, &files()).unwrap();
            change(&path);
            assert_eq!(state(&path, false, &entries()).unwrap(), expected);
        }
        put(&path, false, &files()).unwrap();
        let names: Vec<_> = fs::read_dir(folder.path().join("deep")).unwrap().map(|e| e.unwrap().file_name()).collect();
        assert_eq!(names, ["hello"], "nothing unfinished is left");
        remove(&path).unwrap();
        remove_empty_parents(&path, folder.path());
        assert!(fs::read_dir(folder.path()).unwrap().next().is_none());
    }

    #[test]
    fn a_single_file_lies_under_its_own_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("agents/who.md");
        let (one, entry) = (&files()[..1], &entries()[..1]);
        put(&path, true, one).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "hi");
        assert_eq!(state(&path, true, entry).unwrap(), State::Same);
        fs::write(&path, "mine").unwrap();
        assert_eq!(state(&path, true, entry).unwrap(), State::Changed(vec![]));
    }

    #[cfg(unix)]
    #[test]
    fn a_link_is_replaced_and_never_followed() {
        let (folder, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        fs::write(outside.path().join("secret"), "x").unwrap();
        let path = folder.path().join("hello");
        std::os::unix::fs::symlink(outside.path(), &path).unwrap();
        assert_eq!(state(&path, false, &entries()).unwrap(), State::Changed(vec![]));
        put(&path, false, &files()).unwrap();
        assert_eq!(state(&path, false, &entries()).unwrap(), State::Same);
        assert!(outside.path().join("secret").exists() && !outside.path().join("SKILL.md").exists());
    }
}
