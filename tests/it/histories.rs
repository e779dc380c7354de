//! Real files as their authors changed them: every revision becomes a version, comes back as it was, and what differs from one to
//! the next is a patch that `git apply` takes.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use pcl_registry::domain::{About, Actor, Name, Version};

use crate::corpus;
use crate::inside::{DataFolder, Owner, Package};

/// Folders of revisions of one file, each with its content, oldest first.
pub fn histories(corpus: &Path) -> Vec<(String, Vec<Vec<u8>>)> {
    let mut files: Vec<(String, String, Vec<u8>)> = Vec::new();
    for file in corpus::files(&corpus.join("histories")) {
        let (folder, name) = file.path.as_str().rsplit_once('/').expect("a folder each");
        files.push((folder.to_owned(), name.to_owned(), file.content.to_vec()));
    }
    files.sort();
    let mut histories: Vec<(String, Vec<Vec<u8>>)> = Vec::new();
    for (folder, _, content) in files {
        match histories.last_mut() {
            Some((last, revisions)) if *last == folder => revisions.push(content),
            _ => histories.push((folder, vec![content])),
        }
    }
    histories
}

/// What `git apply` makes of the file.
fn apply(patch: &str, before: &[u8]) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("SKILL.md");
    fs::write(&file, before).unwrap();
    let mut git = Command::new("git")
        .args(["apply", "--whitespace=nowarn", "-"])
        .current_dir(folder.path())
        .env("GIT_CEILING_DIRECTORIES", folder.path())
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    git.stdin.take().unwrap().write_all(patch.as_bytes()).unwrap();
    assert!(git.wait().unwrap().success(), "{patch}");
    fs::read(&file).unwrap()
}

/// One test a store.
macro_rules! on_every_store {
    ($($test:ident: $owner:ident;)*) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $test() {
            for owner in Owner::here([Owner::$owner]) {
                revisions_are_versions(owner).await;
            }
        }
    )*};
}

on_every_store! {
    revisions_are_versions_and_their_differences_apply: Sqlite;
    revisions_are_versions_and_their_differences_apply_in_memory: Store;
    revisions_are_versions_and_their_differences_apply_with_postgresql: Postgres;
    revisions_are_versions_and_their_differences_apply_with_mongodb: Mongo;
}

async fn revisions_are_versions(owner: Owner) {
    let Some(corpus) = corpus::folder() else { return };
    let data = DataFolder::new(owner);
    let open = data.open().await;
    let (mut revisions, mut patches) = (0, 0);
    for (at, (folder, contents)) in histories(&corpus).into_iter().enumerate() {
        let name: Name = format!("histories/h{at}").parse().unwrap();
        let version = |at: usize| format!("1.{at}.0").parse::<Version>().unwrap();
        for (at, content) in contents.iter().enumerate() {
            let package = Package::of_file(&name, &version(at).to_string(), content.clone().into(), About::default());
            open.push(&package).await.unwrap();
            revisions += 1;
        }
        let releases = open.registry.releases(&Actor::Operator, &name).await.unwrap();
        let numbers: Vec<Version> = releases.into_iter().map(|release| release.version).collect();
        assert_eq!(numbers, (0..contents.len()).rev().map(version).collect::<Vec<_>>(), "{folder}: newest first");
        for (at, content) in contents.iter().enumerate() {
            let (found, _) = open.registry.source(&Actor::Operator, &name, &version(at), None).await.unwrap();
            assert_eq!(found, content, "{folder}, revision {at}");
        }
        for at in 1..contents.len() {
            let (from, to) = (version(at - 1), version(at));
            let comparison = open.registry.compare(&Actor::Operator, &name, &from, &to).await.unwrap();
            let patch: String = comparison.files.iter().filter_map(|file| file.diff.clone()).collect();
            assert_eq!(comparison.files.is_empty(), contents[at - 1] == contents[at], "{folder}, revision {at}");
            if !patch.is_empty() {
                assert!(apply(&patch, &contents[at - 1]) == contents[at], "{folder}, revision {at}: {patch}");
                patches += 1;
            }
        }
    }
    assert_eq!(revisions, 212);
    assert!(patches > 150, "{patches}");
}
