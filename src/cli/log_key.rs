//! The key of a transparency log, in a file that nobody else reads.

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::Arc;

use zeroize::Zeroizing;

use super::failure::Failure;
use crate::tlog::{KEY_TEXT_MAX, KeyName, NoteSigner};

/// What to do where there is no key.
const MAKE: &str =
    "`pclr log key ORIGIN FILE` makes one; ORIGIN is the log's name for ever, such as registry.example/log";

/// Reads the file.
pub(super) fn read(path: &Path) -> Result<Arc<NoteSigner>, Failure> {
    let refuse = |why: String| Failure::usage(format!("the log's key {} cannot be used: {why}", path.display()), MAKE);
    let length = std::fs::metadata(path).map_err(|error| refuse(error.to_string()))?.len();
    if length > KEY_TEXT_MAX as u64 {
        return Err(refuse(format!("it is longer than {KEY_TEXT_MAX} bytes")));
    }
    let text = Zeroizing::new(std::fs::read_to_string(path).map_err(|error| refuse(error.to_string()))?);
    let signer = NoteSigner::from_secret(text.trim_end()).map_err(|error| refuse(error.to_string()))?;
    Ok(Arc::new(signer))
}

/// Makes a new key in a new file, which its owner alone can read.
pub(super) fn make(origin: KeyName, path: &Path) -> Result<NoteSigner, Failure> {
    let refuse = |why: String| {
        Failure::no(
            format!("no key is written to {}: {why}", path.display()),
            "name a new file in a folder that you can write to",
        )
    };
    let mut seed = Zeroizing::new([0; 32]);
    getrandom::fill(seed.as_mut()).map_err(|error| refuse(error.to_string()))?;
    let signer = NoteSigner::from_seed(origin, &seed);
    let opened = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    let written = opened.and_then(|mut file| {
        writeln!(file, "{}", *signer.to_secret())?;
        file.sync_all()
    });
    written.map_err(|error| refuse(error.to_string()))?;
    Ok(signer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_made_once_and_read_by_its_owner_alone() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log.key");
        let made = make("registry.example/log".parse().unwrap(), &path).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(read(&path).unwrap().verifier(), made.verifier());
        let again = make("registry.example/log".parse().unwrap(), &path).unwrap_err();
        assert!(again.message.contains("exists"), "{}", again.message);
        assert_eq!(read(&path).unwrap().verifier(), made.verifier(), "the first one is kept");
        std::fs::write(&path, "PRIVATE+KEY+nonsense").unwrap();
        let refused = read(&path).unwrap_err();
        assert!(refused.message.contains("expected PRIVATE+KEY+") && refused.hint.is_some(), "{}", refused.message);
    }
}
