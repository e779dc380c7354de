//! The log as clients see it: `pclr log`, and pulls that look into it.

use std::path::{Path, PathBuf};
use std::process::Command;

use pcl_registry::tlog::{Hash, NoteSigner, SignedCheckpoint};

use crate::world::World;

/// A registry with a log, and a client with a memory of its own.
struct Logging {
    world: World,
    folder: tempfile::TempDir,
}

impl Logging {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let key = folder.path().join("log.key");
        let key = key.to_str().unwrap();
        let made = run(folder.path(), &["log", "key", "registry.example/log", key]);
        assert!(made.0 == 0 && made.1.starts_with("registry.example/log+"), "{made:?}");
        let world = World::start_with(&["--log-key", key]);
        Self { world, folder }
    }

    /// Runs the program against the registry.
    fn pclr(&self, arguments: &[&str]) -> (i32, String) {
        let registry = format!("http://{}", self.world.address);
        let arguments = [&["--registry", &registry], arguments].concat();
        run(self.folder.path(), &arguments)
    }

    /// Runs it, and gives what it says. Fails unless it is done.
    fn done(&self, arguments: &[&str]) -> String {
        let (code, said) = self.pclr(arguments);
        assert_eq!(code, 0, "{arguments:?}: {said}");
        said
    }

    /// Runs it, and gives what it says. Fails unless it ends with 4, not verified.
    fn refused(&self, arguments: &[&str]) -> String {
        let (code, said) = self.pclr(arguments);
        assert_eq!(code, 4, "{arguments:?}: {said}");
        said
    }

    fn push(&self, name: &str) {
        self.done(&["push", concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/hello-skill"), name]);
    }

    fn object(&self, path: &str) -> PathBuf {
        self.world.data().join("store/public/log").join(path)
    }

    fn key(&self) -> NoteSigner {
        let text = std::fs::read_to_string(self.folder.path().join("log.key")).unwrap();
        NoteSigner::from_secret(text.trim()).unwrap()
    }

    fn pull(&self, name: &str) -> Vec<String> {
        vec![
            "pull".to_owned(),
            name.to_owned(),
            "-o".to_owned(),
            self.folder.path().join("out").display().to_string(),
            "--force".to_owned(),
        ]
    }
}

/// Exit code, and what was said on both outputs.
fn run(folder: &Path, arguments: &[&str]) -> (i32, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pclr"));
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("PCLR_")) {
        command.env_remove(name);
    }
    let output = command.args(arguments).env("PCLR_STATE", folder.join("state")).output().unwrap();
    let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap()).concat();
    (output.status.code().unwrap_or(-1), said)
}

fn texts(arguments: &[String]) -> Vec<&str> {
    arguments.iter().map(String::as_str).collect()
}

#[test]
fn the_log_is_shown_verified_and_watched_by_pulls() {
    let logging = Logging::start();
    let empty = logging.done(&["log", "show"]);
    assert!(empty.contains("registry.example/log"), "{empty}");
    logging.done(&["log", "verify"]);
    logging.push("acme/hello");
    let shown = logging.done(&["log", "show"]);
    assert!(shown.contains("registry.example/log") && shown.contains("size") && shown.contains('1'), "{shown}");
    let event = logging.done(&["log", "show", "1"]);
    assert!(event.contains("\"name\"") || event.contains("acme/hello"), "{event}");
    assert!(logging.refused(&["log", "show", "2"]).contains("has no entry"), "there is no second event");
    let whole = logging.done(&["log", "verify"]);
    assert!(whole.contains("1 public event") && whole.contains("is whole"), "{whole}");
    let pulled = logging.done(&texts(&logging.pull("acme/hello")));
    assert!(pulled.contains("event 1 of the log registry.example/log"), "{pulled}");
    logging.push("acme/other");
    let shown = logging.done(&["log", "show"]);
    assert!(shown.contains("at size 1 before; it has only grown"), "{shown}");
}

/// Rollback, of The Update Framework's list: an old head is served again.
#[test]
fn a_log_that_is_rolled_back_is_refused() {
    let logging = Logging::start();
    logging.push("acme/hello");
    let old = std::fs::read(logging.object("checkpoint")).unwrap();
    logging.push("acme/other");
    logging.done(&["log", "show"]);
    let new = std::fs::read(logging.object("checkpoint")).unwrap();
    std::fs::write(logging.object("checkpoint"), &old).unwrap();
    for arguments in [vec!["log".to_owned(), "show".to_owned()], logging.pull("acme/hello")] {
        let said = logging.refused(&texts(&arguments));
        assert!(said.contains("rolled back"), "{said}");
    }
    assert!(!logging.folder.path().join("out").exists(), "no file was written");
    std::fs::write(logging.object("checkpoint"), new).unwrap();
    logging.done(&texts(&logging.pull("acme/hello")));
}

/// A fork: the same log's key signs another history for this client.
#[test]
fn a_log_that_forks_is_refused() {
    let logging = Logging::start();
    logging.push("acme/hello");
    logging.done(&["log", "show"]);
    logging.push("acme/other");
    for size in [1, 2] {
        let forked = SignedCheckpoint::sign(size, Hash::leaf(b"another history"), &logging.key()).unwrap();
        std::fs::write(logging.object("checkpoint"), forked.note().to_string()).unwrap();
        let said = logging.refused(&["log", "show"]);
        assert!(said.contains("does not extend what was seen"), "{size}: {said}");
    }
}

/// Key compromise and malicious mirrors: another key does not become the log's by being served.
#[test]
fn a_log_with_another_key_or_none_is_refused() {
    let logging = Logging::start();
    logging.push("acme/hello");
    logging.done(&texts(&logging.pull("acme/hello")));
    let other = super::key("registry.example/log");
    let (key, checkpoint) = (logging.object("key"), logging.object("checkpoint"));
    let (old_key, old_checkpoint) = (std::fs::read(&key).unwrap(), std::fs::read(&checkpoint).unwrap());
    let forged = SignedCheckpoint::sign(9, Hash::leaf(b"x"), &other).unwrap();
    std::fs::write(&checkpoint, forged.note().to_string()).unwrap();
    let said = logging.refused(&texts(&logging.pull("acme/hello")));
    assert!(said.contains("nobody who is trusted has signed"), "{said}");
    std::fs::write(&key, other.verifier().to_string()).unwrap();
    let said = logging.refused(&texts(&logging.pull("acme/hello")));
    assert!(said.contains("its key was") && said.contains("remove "), "{said}");
    std::fs::remove_file(&key).unwrap();
    let said = logging.refused(&texts(&logging.pull("acme/hello")));
    assert!(said.contains("has none any more"), "{said}");
    std::fs::write(&key, old_key).unwrap();
    std::fs::write(&checkpoint, old_checkpoint).unwrap();
    logging.done(&texts(&logging.pull("acme/hello")));
}

/// Arbitrary content and wrong artifacts: an entry that is not the one which the head was signed over is noticed.
#[test]
fn an_entry_that_was_changed_is_refused() {
    let logging = Logging::start();
    logging.push("acme/hello");
    logging.push("acme/other");
    let bundle = logging.object("tile/entries/000.p/2");
    let whole = std::fs::read(&bundle).unwrap();
    let at = whole.windows(10).position(|window| window == b"acme/other").unwrap();
    let mut changed = whole.clone();
    changed[at] = b'b';
    std::fs::write(&bundle, &changed).unwrap();
    assert!(logging.refused(&["log", "verify"]).contains("root"));
    logging.refused(&texts(&logging.pull("acme/other")));
    for (cut, what) in [(whole.len() - 1, "cut"), (0, "empty")] {
        std::fs::write(&bundle, &whole[..cut]).unwrap();
        let said = logging.refused(&["log", "verify"]);
        assert!(said.contains("failed verification"), "{what}: {said}");
    }
    std::fs::write(&bundle, &whole).unwrap();
    logging.done(&["log", "verify"]);
    logging.done(&texts(&logging.pull("acme/other")));
}

/// Whatever stands at an address and knows nothing of logs: pulls from there are as they were.
#[test]
fn a_registry_without_a_log_is_pulled_from() {
    let folder = tempfile::tempdir().unwrap();
    let world = World::start_with(&[]);
    let registry = format!("http://{}", world.address);
    let skill = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/hello-skill");
    assert_eq!(run(folder.path(), &["--registry", &registry, "push", skill, "acme/hello"]).0, 0);
    let out = folder.path().join("out");
    let pull = ["--registry", &registry, "pull", "acme/hello", "-o", out.to_str().unwrap(), "--force"];
    let (code, said) = run(folder.path(), &pull);
    assert!(code == 0 && !said.contains("log"), "{said}");
    assert!(!folder.path().join("state").exists(), "nothing is remembered of it");
    let refused = run(folder.path(), &["--registry", &registry, "log", "show"]);
    assert!(refused.0 == 1 && refused.1.contains("keeps no transparency log"), "{refused:?}");
    // Nor does it take a home.
    let mut command = Command::new(env!("CARGO_BIN_EXE_pclr"));
    let output =
        command.args(pull).env_remove("HOME").env_remove("XDG_STATE_HOME").env_remove("PCLR_STATE").output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success() && said.contains("HOME is not set"), "{said}");
}
