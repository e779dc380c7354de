//! Signing with `pclr`: what hangs on an artifact afterwards, and who takes it.

use std::path::Path;
use std::process::Command;

use crate::world::World;

const SKILL: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/hello-skill");

/// A registry, and a user with keys.
struct Signing {
    world: World,
    folder: tempfile::TempDir,
}

impl Signing {
    fn start() -> Self {
        Self { world: World::start_with(&[]), folder: tempfile::tempdir().unwrap() }
    }

    /// Exit code, and what was said on both outputs.
    fn pclr(&self, arguments: &[&str]) -> (i32, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pclr"));
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("PCLR_")) {
            command.env_remove(name);
        }
        let registry = format!("http://{}", self.world.address);
        command.env("PCLR_REGISTRY", registry).env("PCLR_KEYS", self.folder.path().join("keys"));
        let output = command.env("PCLR_STATE", self.folder.path()).args(arguments).output().unwrap();
        let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap()).concat();
        (output.status.code().unwrap_or(-1), said)
    }

    fn ends(&self, code: i32, arguments: &[&str]) -> String {
        let (ended, said) = self.pclr(arguments);
        assert_eq!(ended, code, "{arguments:?}: {said}");
        said
    }

    /// The public key of that name, in a file.
    fn public(&self, name: &str) -> String {
        let path = self.folder.path().join(format!("{name}.pub.pem"));
        std::fs::write(&path, self.ends(0, &["key", "export", name])).unwrap();
        path.display().to_string()
    }
}

#[test]
fn what_is_signed_is_verified_by_the_key_and_by_no_other() {
    use std::os::unix::fs::PermissionsExt as _;
    let signing = Signing::start();
    let refused = signing.ends(1, &["push", SKILL, "acme/hello@1.0.0", "--sign"]);
    assert!(refused.contains("hint: `pclr key generate` makes a key"), "{refused}");
    signing.ends(1, &["show", "acme/hello"]);
    let made = signing.ends(0, &["key", "generate"]);
    let file = signing.folder.path().join("keys/default.pem");
    assert!(made.contains(&file.display().to_string()), "{made}");
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(signing.ends(1, &["key", "generate"]).contains("exists"), "a key is not replaced");
    signing.ends(0, &["key", "generate", "other"]);
    let (ours, other) = (signing.public("default"), signing.public("other"));
    let listed = signing.ends(0, &["key", "list"]);
    assert!(listed.contains("default") && listed.contains("other"), "{listed}");

    let signed = signing.ends(0, &["push", SKILL, "acme/hello@1.0.0", "--sign"]);
    assert!(signed.contains("acme/hello is signed by "), "{signed}");
    let verified = signing.ends(0, &["verify", "acme/hello@1.0.0", "--key", &ours]);
    assert!(verified.contains("is signed by 1 key that you trust"), "{verified}");
    let refused = signing.ends(4, &["verify", "acme/hello@1.0.0", "--key", &other]);
    assert!(refused.contains("none of the trusted keys made it") && refused.contains("hint: "), "{refused}");

    // The same again adds nothing; another key adds its own.
    assert!(signing.ends(0, &["sign", "acme/hello@1.0.0"]).contains("was signed by"));
    signing.ends(0, &["sign", "acme/hello@1.0.0", "--key", "other"]);
    for key in [&ours, &other] {
        signing.ends(0, &["verify", "acme/hello@1.0.0", "--key", key]);
    }
    // What is not signed is not verified, whoever signed the version before.
    signing.ends(0, &["push", SKILL, "acme/unsigned@1.0.0"]);
    let refused = signing.ends(4, &["verify", "acme/unsigned@1.0.0", "--key", &ours]);
    assert!(refused.contains("is not signed"), "{refused}");
}

#[test]
fn a_key_under_a_passphrase_is_used_with_it_alone() {
    let signing = Signing::start();
    let path = |name: &str, text: &str| {
        let path = signing.folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let (right, wrong) = (path("right", "correct horse\n"), path("wrong", "battery staple\n"));
    signing.ends(0, &["key", "--passphrase-file", &right, "generate", "locked"]);
    let pem = std::fs::read_to_string(signing.folder.path().join("keys/locked.pem")).unwrap();
    assert!(pem.starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----"), "{pem}");
    signing.ends(0, &["push", SKILL, "acme/hello@1.0.0"]);
    let sign =
        |passphrase: &[&str]| signing.pclr(&[&["sign", "acme/hello@1.0.0", "--key", "locked"], passphrase].concat());
    assert!(sign(&[]).1.contains("--passphrase-file") && sign(&[]).0 == 1, "{:?}", sign(&[]));
    let (code, said) = sign(&["--passphrase-file", &wrong]);
    assert!(code == 1 && said.contains("the passphrase is wrong"), "{said}");
    assert_eq!(sign(&["--passphrase-file", &right]).0, 0);
    // Taken out of the folder and in again, it is the same key.
    let key = path("copy.pem", &pem);
    signing.ends(0, &["key", "--passphrase-file", &right, "import", "again", &key]);
    assert!(
        signing
            .pclr(&["sign", "acme/hello@1.0.0", "--key", "again", "--passphrase-file", &right])
            .1
            .contains("was signed")
    );
}

/// skopeo, podman and cosign, as `tests/trixie` brings them, take what `pclr` signed, and refuse what was changed since.
#[test]
fn container_tools_enforce_what_pclr_signed() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    if !root.join(".cache/trixie/recipe").exists() {
        println!("SKIPPED: tests/trixie install brings the tools");
        return;
    }
    let signing = Signing::start();
    signing.ends(0, &["key", "generate"]);
    signing.ends(0, &["key", "generate", "other"]);
    signing.ends(0, &["push", SKILL, "acme/hello@1.0.0", "--sign"]);
    signing.ends(0, &["push", SKILL, "acme/unsigned@1.0.0"]);
    let asked = |name: &str, key: &str| {
        let arguments =
            ["verify", &signing.world.address.to_string(), name, "1.0.0", &signing.public(key)].map(str::to_owned);
        let output = Command::new("bash").arg(root.join("tests/trixie")).args(&arguments).output().unwrap();
        let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap()).concat();
        (output.status.code().unwrap_or(-1), said)
    };
    let (code, said) = asked("acme/hello", "default");
    assert!(code == 0 && said.matches(" accepted").count() == 3, "{code}: {said}");
    for (name, key) in [("acme/hello", "other"), ("acme/unsigned", "default")] {
        let (code, said) = asked(name, key);
        assert!(code == 1 && said.matches(" refused").count() == 3, "{name} with {key}: {code}: {said}");
    }
}
