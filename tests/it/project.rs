//! A registry and a project beside it, for tests of what the program does to projects.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

use crate::backend::{Backend, Place};
use crate::world::{Server, start_server_with};

/// A registry, a project and a cache. The process ends before the folder and the database go: the order of the fields.
pub struct Bench {
    url: String,
    server: Option<Server>,
    folder: tempfile::TempDir,
    _place: Place,
}

/// What one command printed and how it ended.
pub struct Ended {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Ended {
    /// Itself, if it ended so.
    pub fn with(self, code: i32, arguments: &[&str]) -> Self {
        assert_eq!(self.code, Some(code), "{arguments:?}: {}{}", self.stdout, self.stderr);
        self
    }
}

/// The document that a command printed.
pub fn document(arguments: &[&str], stdout: &str) -> Value {
    serde_json::from_str(stdout).unwrap_or_else(|error| panic!("{arguments:?}: {error}: {stdout}"))
}

impl Bench {
    pub fn start() -> Self {
        Self::on(Backend::Sqlite).expect("it needs no server")
    }

    /// One whose registry has these flags.
    pub fn with(flags: &[&str]) -> Self {
        Self::on_with(Backend::Sqlite, flags).expect("it needs no server")
    }

    pub fn on(backend: Backend) -> Option<Self> {
        Self::on_with(backend, &[])
    }

    fn on_with(backend: Backend, flags: &[&str]) -> Option<Self> {
        let (place, folder) = (backend.place()?, tempfile::tempdir().unwrap());
        let of_place = place.flags();
        let flags: Vec<&str> = of_place.iter().map(String::as_str).chain(flags.iter().copied()).collect();
        let (address, server) = start_server_with(&folder.path().join("data"), &flags);
        fs::create_dir(folder.path().join("project")).unwrap();
        Some(Self { folder, url: format!("http://{address}"), server: Some(server), _place: place })
    }

    /// Where the registry listens.
    pub fn address(&self) -> std::net::SocketAddr {
        self.url.trim_start_matches("http://").parse().unwrap()
    }

    /// Ends the registry: from now on only the cache is left.
    pub fn stop_registry(&mut self) {
        self.server = None;
    }

    /// A path of the project.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join("project").join(name)
    }

    /// A path beside the project: `cache`, `data`.
    pub fn beside(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    pub fn write(&self, name: &str, text: &str) {
        fs::create_dir_all(self.path(name).parent().unwrap()).unwrap();
        fs::write(self.path(name), text).unwrap();
    }

    /// Publishes skills, a line each: `acme/top 1.0.0: acme/base ^1, pdf`.
    pub fn publish(&self, lines: &str) {
        for line in lines.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let (head, needs) = line.split_once(':').unwrap_or((line, ""));
            let (name, version) = head.split_once(' ').unwrap();
            let mut text = format!("---\nname: {}\ndescription: Skill {name}\n", name.split('/').nth(1).unwrap());
            let needs: Vec<&str> = needs.split(',').map(str::trim).filter(|need| !need.is_empty()).collect();
            if !needs.is_empty() {
                text.push_str("dependencies:\n");
            }
            for need in needs {
                let (name, range) = need.split_once(' ').unwrap_or((need, ""));
                text.push_str(&format!("  \"{name}\": \"{range}\"\n"));
            }
            self.push(&format!("{name}@{version}"), "SKILL.md", &format!("{text}---\nVersion {version} of {name}.\n"));
        }
    }

    /// Publishes one file.
    pub fn push(&self, wanted: &str, file: &str, text: &str) {
        let folder = tempfile::tempdir_in(self.folder.path()).unwrap();
        fs::write(folder.path().join(file), text).unwrap();
        let path = if file == "SKILL.md" { folder.path().to_owned() } else { folder.path().join(file) };
        self.done(&["push", path.to_str().unwrap(), wanted]);
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pclr"));
        command.args(arguments).current_dir(self.path(""));
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("PCLR_")) {
            command.env_remove(name);
        }
        command.env("PCLR_REGISTRY", &self.url).env("PCLR_CACHE", self.beside("cache"));
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Ended {
        ended(self.command(arguments).output().unwrap())
    }

    pub fn done(&self, arguments: &[&str]) -> String {
        self.run(arguments).with(0, arguments).stdout
    }

    pub fn json(&self, arguments: &[&str]) -> Value {
        document(arguments, &self.done(&[arguments, &["--output", "json"]].concat()))
    }

    pub fn refused(&self, code: i32, arguments: &[&str]) -> String {
        self.run(arguments).with(code, arguments).stderr
    }

    /// The locked versions: `acme/base@1.0.0 acme/top@1.0.0`.
    pub fn locked(&self) -> String {
        let lock: toml::Table = self.read("pclr.lock").parse().unwrap();
        let packages = lock.get("package").and_then(toml::Value::as_array).cloned().unwrap_or_default();
        let text = |package: &toml::Value, key: &str| package[key].as_str().unwrap().to_owned();
        let each = packages.iter().map(|package| format!("{}@{}", text(package, "name"), text(package, "version")));
        each.collect::<Vec<_>>().join(" ")
    }

    /// Every file of the project but its two own and the ledgers.
    pub fn files(&self) -> Vec<String> {
        let mut found = Vec::new();
        list(&self.path(""), &self.path(""), &mut found);
        found.retain(|path| !path.ends_with(".pclr-installed.json") && !path.starts_with("pclr."));
        found.sort();
        found
    }

    /// Every blob of the cache.
    pub fn cached_blobs(&self) -> Vec<PathBuf> {
        let (root, mut found) = (self.beside("cache/blobs"), Vec::new());
        list(&root, &root, &mut found);
        found.iter().map(|path| root.join(path)).collect()
    }
}

pub fn ended(output: Output) -> Ended {
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Ended { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

fn list(root: &Path, folder: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            list(root, &path, found);
        } else {
            found.push(path.strip_prefix(root).unwrap().display().to_string());
        }
    }
}
