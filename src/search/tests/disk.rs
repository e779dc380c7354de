//! What stays on disk, and what happens when it is damaged.

use std::fs;
use std::path::{Path, PathBuf};

use super::*;
use crate::search::{Opened, Origin, SearchError};

fn open(directory: &Path) -> (Index, Opened) {
    Index::open(directory).unwrap()
}

fn folder(directory: &Path) -> PathBuf {
    let folders: Vec<_> = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(folders.len(), 1, "{folders:?}");
    folders[0].clone()
}

/// An index of two commits, closed.
fn filled(directory: &Path) {
    let (index, opened) = open(directory);
    assert_eq!(opened, Opened { through: 0, origin: Origin::New });
    index.apply(vec![titled("a/one", "First")], Vec::new(), 7).unwrap();
    index.apply(vec![titled("b/two", "Second")], Vec::new(), 9).unwrap();
}

#[test]
fn what_was_fed_is_there_after_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    filled(directory.path());
    let (index, opened) = open(directory.path());
    assert_eq!(opened, Opened { through: 9, origin: Origin::Found });
    assert_eq!(index.through(), 9);
    check(&index, "", &["a/one", "b/two"]);
    index.clear().unwrap();
    drop(index);
    assert_eq!(open(directory.path()).1, Opened { through: 0, origin: Origin::Found });
}

/// Events of plain images are seen without a commit, up to a number; what must be taken out is committed at once.
#[test]
fn what_changes_nothing_is_not_committed_each_time() {
    let directory = tempfile::tempdir().unwrap();
    let stranger = || vec!["c/image".parse().unwrap()];
    filled(directory.path());
    let (index, _) = open(directory.path());
    index.apply(Vec::new(), stranger(), 10).unwrap();
    assert_eq!(index.through(), 10);
    drop(index);
    let (index, opened) = open(directory.path());
    assert_eq!(opened.through, 9, "no commit was made for it, and it is read again");
    index.apply(Vec::new(), stranger(), 9 + 5000).unwrap();
    drop(index);
    let (index, opened) = open(directory.path());
    assert_eq!(opened.through, 9 + 5000, "not too much is read again");
    index.apply(Vec::new(), vec!["a/one".parse().unwrap()], 9 + 5001).unwrap();
    check(&index, "", &["b/two"]);
    drop(index);
    assert_eq!(open(directory.path()).1.through, 9 + 5001);
}

#[test]
fn indexes_of_other_schemas_are_removed_and_nothing_else_is() {
    let directory = tempfile::tempdir().unwrap();
    filled(directory.path());
    let own = folder(directory.path());
    fs::rename(&own, directory.path().join("0123456789abcdef")).unwrap();
    fs::write(directory.path().join("notes.txt"), "mine").unwrap();
    let (index, opened) = open(directory.path());
    assert_eq!(opened, Opened { through: 0, origin: Origin::New });
    assert!(index.is_empty());
    assert!(own.exists() && directory.path().join("notes.txt").exists());
    assert!(!directory.path().join("0123456789abcdef").exists());
}

#[test]
fn a_damaged_index_is_begun_anew() {
    let damages: [fn(&Path); 6] = [
        |folder| fs::write(folder.join("meta.json"), "{").unwrap(),
        |folder| fs::write(folder.join("meta.json"), "").unwrap(),
        |folder| fs::write(folder.join(".managed.json"), "nonsense").unwrap(),
        |folder| each_segment_file(folder, |file| fs::remove_file(file).unwrap()),
        |folder| each_segment_file(folder, |file| fs::write(file, "").unwrap()),
        |folder| {
            each_segment_file(folder, |file| {
                let mut bytes = fs::read(file).unwrap();
                bytes[0] ^= 0xff;
                fs::write(file, bytes).unwrap();
            });
        },
    ];
    for (number, damage) in damages.into_iter().enumerate() {
        let directory = tempfile::tempdir().unwrap();
        filled(directory.path());
        damage(&folder(directory.path()));
        let (index, opened) = open(directory.path());
        assert_eq!(opened.through, 0, "damage {number}");
        assert!(matches!(opened.origin, Origin::Replaced(_)), "damage {number}: {opened:?}");
        index.apply(vec![titled("a/one", "First")], Vec::new(), 1).unwrap();
        check(&index, "first", &["a/one"]);
    }
}

fn each_segment_file(folder: &Path, damage: impl Fn(&Path)) {
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let term_dictionaries: Vec<_> =
        paths.filter(|path| path.extension().is_some_and(|ending| ending == "term")).collect();
    assert!(!term_dictionaries.is_empty());
    for path in term_dictionaries {
        damage(&path);
    }
}

#[test]
fn a_file_where_the_folder_should_be_is_replaced() {
    let directory = tempfile::tempdir().unwrap();
    filled(directory.path());
    let own = folder(directory.path());
    fs::remove_dir_all(&own).unwrap();
    fs::write(&own, "not a folder").unwrap();
    assert!(matches!(open(directory.path()).1.origin, Origin::Replaced(_)));
}

#[test]
fn an_index_that_is_in_use_is_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let (index, _) = open(directory.path());
    index.apply(vec![titled("a/one", "First")], Vec::new(), 1).unwrap();
    assert!(matches!(Index::open(directory.path()), Err(SearchError::Busy(_))));
    check(&index, "first", &["a/one"]);
}

#[test]
fn a_change_that_cannot_be_written_changes_nothing_and_the_next_succeeds() {
    let directory = tempfile::tempdir().unwrap();
    let (index, _) = open(directory.path());
    index.apply(vec![titled("a/one", "First")], Vec::new(), 1).unwrap();
    // A folder that is gone refuses every write, for whatever user the tests run as.
    let own = folder(directory.path());
    let aside = directory.path().join("aside");
    fs::rename(&own, &aside).unwrap();
    assert!(index.apply(vec![titled("b/two", "Second")], Vec::new(), 2).is_err());
    assert_eq!(index.through(), 1);
    check(&index, "", &["a/one"]);
    fs::rename(&aside, &own).unwrap();
    index.apply(vec![titled("c/three", "Third")], Vec::new(), 3).unwrap();
    check(&index, "", &["a/one", "c/three"]);
    drop(index);
    assert_eq!(open(directory.path()).1, Opened { through: 3, origin: Origin::Found });
}

#[test]
fn what_members_find_is_there_after_a_restart_and_missed_when_it_is_gone() {
    let directory = tempfile::tempdir().unwrap();
    let private = Document { area: Area::private(&"a/secret".parse().unwrap()), ..document("a/secret") };
    let (index, _) = open(directory.path());
    index.apply(vec![private, titled("a/one", "First")], Vec::new(), 7).unwrap();
    drop(index);
    let (index, opened) = open(directory.path());
    assert_eq!((opened, index.len()), (Opened { through: 7, origin: Origin::Found }, 2));
    check(&index, "", &["a/one"]);
    drop(index);
    fs::remove_dir_all(folder(directory.path()).join("members")).unwrap();
    let (index, opened) = open(directory.path());
    assert!(matches!(opened, Opened { through: 0, origin: Origin::Replaced(_) }), "{opened:?}");
    assert!(index.is_empty());
}
