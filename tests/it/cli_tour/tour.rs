//! A registry of a test's own, and the program run beside it as somebody types it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::backend::{Backend, Place};
use crate::project::{Ended, document, ended};
use crate::world::{Server, start_server_with};

/// A running registry and a folder to work in. The process ends before the folder and the database go: the order of the fields.
pub struct Tour {
    url: String,
    _server: Server,
    folder: tempfile::TempDir,
    _place: Place,
}

impl Tour {
    pub fn on(backend: Backend) -> Option<Self> {
        let (place, folder) = (backend.place()?, tempfile::tempdir().unwrap());
        let flags = place.flags();
        let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
        let (address, server) = start_server_with(&folder.path().join("data"), &flags);
        Some(Self { folder, url: format!("http://{address}"), _server: server, _place: place })
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn pclr(&self, arguments: &[&str]) -> Ended {
        let output = Command::new(env!("CARGO_BIN_EXE_pclr"))
            .args(arguments)
            .env("PCLR_REGISTRY", &self.url)
            .current_dir(self.folder.path())
            .output()
            .unwrap();
        ended(output)
    }

    pub fn done(&self, arguments: &[&str]) -> String {
        self.pclr(arguments).with(0, arguments).stdout
    }

    pub fn json(&self, arguments: &[&str]) -> Value {
        document(arguments, &self.done(&[arguments, &["--output", "json"]].concat()))
    }

    pub fn refused(&self, code: i32, arguments: &[&str]) -> String {
        self.pclr(arguments).with(code, arguments).stderr
    }

    /// Asks until the answer fits: what is published is findable within a second.
    pub fn until(&self, arguments: &[&str], fits: impl Fn(&Ended) -> bool) {
        let begun = Instant::now();
        loop {
            let ended = self.pclr(arguments);
            if fits(&ended) {
                return;
            }
            let in_time = begun.elapsed() < Duration::from_secs(5);
            assert!(in_time, "{arguments:?}: {}{}", ended.stdout, ended.stderr);
        }
    }
}

/// Where one of the fixtures lies.
pub fn fixture(name: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name).display().to_string()
}

/// Every file below a folder with its content.
pub fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let read = pcl_registry::client::read_files(folder, &Default::default()).unwrap();
    read.tree.files().iter().map(|file| (file.path.to_string(), file.content.to_vec())).collect()
}

/// A persona file that names skills, tags and what it needs.
pub fn persona(tour: &Tour, name: &str, front: &str) {
    fs::write(tour.path(&format!("{name}.md")), format!("---\nname: {name}\n{front}\n---\nYou are {name}.\n")).unwrap();
    tour.done(&["push", &format!("{name}.md"), &format!("acme/{name}@1.0.0"), "--kind", "persona"]);
}
