//! The keys of this user: PKCS#8 files in one folder, which their owner alone reads.

use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use clap::Args;
use zeroize::Zeroizing;

use super::failure::Failure;
use crate::trust::{KEY_MAX, KeyError, SigningKey};

/// What a key is called if nothing is said.
pub(super) const DEFAULT: &str = "default";

/// Where keys lie, and what they are under.
#[derive(Clone, Debug, Args)]
pub(super) struct Keys {
    /// Folder with keys (also PCLR_KEYS) [default: ~/.config/pclr/keys]
    #[arg(long = "keys", env = "PCLR_KEYS", hide_env = true, value_name = "DIR")]
    keys: Option<PathBuf>,
    /// File with the passphrase of the key, on its first line
    #[arg(long, env = "PCLR_PASSPHRASE_FILE", hide_env = true, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
}

impl Keys {
    /// The key of that name, or in that file.
    pub(super) fn read(&self, key: Option<&str>) -> Result<SigningKey, Failure> {
        let path = self.path(key.unwrap_or(DEFAULT))?;
        let pem = self.pem(&path)?;
        SigningKey::from_pem(&pem, self.passphrase()?.as_ref().map(|text| text.as_str()))
            .map_err(|error| unusable(&path, &error))
    }

    /// The text of a key's file.
    pub(super) fn pem(&self, path: &Path) -> Result<Zeroizing<String>, Failure> {
        let hint = "`pclr key generate` makes a key, --key names another or a file, --keys another folder";
        let refuse =
            |error: std::io::Error| Failure::no(format!("the key {} cannot be read: {error}", path.display()), hint);
        if std::fs::metadata(path).map_err(refuse)?.len() > KEY_MAX as u64 {
            return Err(unusable(path, &KeyError::TooLong));
        }
        std::fs::read_to_string(path).map(Zeroizing::new).map_err(refuse)
    }

    /// Writes a key under a new name: under the passphrase, if one is given.
    pub(super) fn write(&self, name: &str, key: &SigningKey) -> Result<PathBuf, Failure> {
        let path = self.path(name)?;
        let pem = match self.passphrase()? {
            Some(passphrase) => key.to_encrypted_pem(&passphrase, &*random()?),
            None => key.to_pem(),
        };
        let pem = pem.map_err(|error| unusable(&path, &error))?;
        let folder = path.parent().unwrap_or(Path::new("."));
        let written = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).and_then(|()| {
            let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
            file.write_all(pem.as_bytes())?;
            file.sync_all()
        });
        let hint = "choose another name, or remove the file if you are sure that nothing depends on it";
        written.map_err(|error| Failure::no(format!("no key is written to {}: {error}", path.display()), hint))?;
        Ok(path)
    }

    /// Names and files of the keys that there are, by name.
    pub(super) fn list(&self) -> Result<Vec<(String, PathBuf)>, Failure> {
        let folder = self.folder()?;
        let Ok(entries) = std::fs::read_dir(&folder) else { return Ok(Vec::new()) };
        let named = |path: PathBuf| Some((path.file_name()?.to_str()?.strip_suffix(".pem")?.to_owned(), path.clone()));
        let mut keys: Vec<_> = entries.filter_map(|entry| named(entry.ok()?.path())).collect();
        keys.sort();
        Ok(keys)
    }

    /// A key's file: what looks like a path is one, anything else a name.
    pub(super) fn path(&self, key: &str) -> Result<PathBuf, Failure> {
        if key.contains('/') || key.ends_with(".pem") {
            return Ok(PathBuf::from(key));
        }
        let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if key.is_empty() || key.starts_with('.') || key.len() > 64 || !key.chars().all(is_name) {
            let hint = "names are up to 64 letters, digits, dots, hyphens and underscores; a file is written with a /";
            return Err(Failure::usage(format!("{key:?} is no name of a key"), hint));
        }
        Ok(self.folder()?.join(format!("{key}.pem")))
    }

    fn folder(&self) -> Result<PathBuf, Failure> {
        self.keys
            .clone()
            .or_else(user_keys)
            .ok_or_else(|| Failure::usage("there is no folder for keys: HOME is not set", "name one with --keys DIR"))
    }

    fn passphrase(&self) -> Result<Option<Zeroizing<String>>, Failure> {
        let Some(path) = &self.passphrase_file else { return Ok(None) };
        let text = std::fs::read_to_string(path).map(Zeroizing::new);
        let text = text.map_err(|error| {
            Failure::no(
                format!("the passphrase cannot be read from {}: {error}", path.display()),
                "name a file with it",
            )
        })?;
        Ok(Some(Zeroizing::new(text.lines().next().unwrap_or_default().to_owned())))
    }
}

/// Bits that nobody can guess.
pub(super) fn random() -> Result<Zeroizing<[u8; 32]>, Failure> {
    let mut bits = Zeroizing::new([0; 32]);
    getrandom::fill(bits.as_mut())
        .map_err(|error| Failure::no(format!("the system gives no random bits: {error}"), "try again"))?;
    Ok(bits)
}

fn unusable(path: &Path, error: &KeyError) -> Failure {
    let hint = match error {
        KeyError::PassphraseNeeded => "name the file with its passphrase with --passphrase-file",
        KeyError::PassphraseWrong => "the passphrase is the first line of the file, without its line end",
        _ => "a key is a PKCS#8 file in PEM, as `pclr key generate` and openssl write it",
    };
    Failure::no(format!("the key {} cannot be used: {error}", path.display()), hint)
}

/// The folder of this user for keys, if there is one.
fn user_keys() -> Option<PathBuf> {
    let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    // The XDG base directory specification ignores relative paths here.
    let user = variable("XDG_CONFIG_HOME").filter(|path| path.is_absolute());
    user.or_else(|| variable("HOME").map(|home| home.join(".config"))).map(|folder| folder.join("pclr/keys"))
}
