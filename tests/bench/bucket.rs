//! A bucket of a real S3 server: of the one that `PCLR_TEST_S3` names, or of one that is started for it and goes with it.

use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

/// A bucket, and what a program must be told to use it.
pub struct Bucket {
    address: String,
    /// Credentials. None are needed where the environment has them.
    pub variables: Vec<(String, String)>,
    services: Option<TempDir>,
}

impl Drop for Bucket {
    fn drop(&mut self) {
        if let Some(folder) = &self.services {
            let _ = services().arg("stop").arg(folder.path()).status();
        }
    }
}

impl Bucket {
    pub fn open() -> Self {
        match std::env::var("PCLR_TEST_S3") {
            Ok(address) => Self { address, variables: Vec::new(), services: None },
            Err(_) => Self::start(),
        }
    }

    fn start() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let output = services().arg("start").arg(folder.path()).arg("s3").output().expect("tests/services runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8_lossy(&output.stdout);
        let words = text.lines().filter_map(|line| line.strip_prefix("export ")).flat_map(|line| line.split(' '));
        let mut variables: Vec<(String, String)> = words
            .filter_map(|word| word.split_once('='))
            .map(|(name, value)| (name.to_owned(), value.trim_matches('\'').to_owned()))
            .collect();
        let at = variables.iter().position(|(name, _)| name == "PCLR_TEST_S3").expect("an address");
        let (_, address) = variables.swap_remove(at);
        Self { address, variables, services: Some(folder) }
    }

    /// The address of a registry of its own in it.
    pub fn place(&self, name: &str) -> String {
        let (bucket, options) = self.address.split_once('?').expect("the address names an endpoint");
        format!("{bucket}/bench-{}-{name}?{options}", std::process::id())
    }
}

fn services() -> Command {
    Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/services"))
}
