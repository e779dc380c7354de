//! `pclr sign` and `pclr verify`: who vouches for an artifact.

use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use clap::Args;
use serde::Serialize;

use super::args::Global;
use super::failure::{Exit, Failure};
use super::keys::Keys;
use super::output::count;
use crate::client::{Client, Signed, Wanted};
use crate::domain::{Digest, Name, Timestamp};
use crate::trust::{KEY_MAX, KeyId, PublicKey, SigningKey, verify_by_keys};

/// Sign an artifact that is published
#[derive(Debug, Args)]
pub(super) struct Sign {
    /// org/name@1.2.3, org/name@sha256:…, org/name:tag
    #[arg(value_name = "NAME")]
    wanted: Wanted,
    /// Name of a key, or its file [default: default]
    #[arg(long, value_name = "KEY")]
    key: Option<String>,
    #[command(flatten)]
    keys: Keys,
}

/// Check that an artifact is signed by one of the keys that you trust
#[derive(Debug, Args)]
pub(super) struct Verify {
    /// org/name, org/name@1.2.3, org/name@sha256:…, org/name:tag
    #[arg(value_name = "NAME")]
    wanted: Wanted,
    /// File with a public key in PEM, Ed25519 or ECDSA P-256; repeat it for more
    #[arg(long = "key", value_name = "FILE", required = true)]
    keys: Vec<PathBuf>,
}

/// What was verified.
#[derive(Serialize)]
struct Verified {
    name: Name,
    digest: Digest,
    keys: Vec<KeyId>,
}

impl Sign {
    pub(super) async fn run(self, global: &Global) -> anyhow::Result<Exit> {
        let key = self.keys.read(self.key.as_deref())?;
        let client = global.client()?;
        let digest = client.digest_of(&self.wanted).await?;
        let signed = sign(&client, &self.wanted.name, &digest, &key).await?;
        global.output().outcome(&signed, sentence)?;
        Ok(Exit::Done)
    }
}

/// Signs what is there, at this time.
pub(super) async fn sign(client: &Client, name: &Name, digest: &Digest, key: &SigningKey) -> anyhow::Result<Signed> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let now = Timestamp::from_micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX));
    Ok(client.sign(name, digest, key, now).await?)
}

/// What to say of it.
pub(super) fn sentence(signed: &Signed) -> String {
    let Signed { name, digest, key, added } = signed;
    match added {
        true => format!("{name} is signed by {key}\n{digest}"),
        false => format!("{name} was signed by {key} already\n{digest}"),
    }
}

impl Verify {
    pub(super) async fn run(self, global: &Global) -> anyhow::Result<Exit> {
        let trusted = self.keys.iter().map(|path| public_key(path)).collect::<Result<Vec<_>, _>>()?;
        let client = global.client()?;
        let (name, digest) = (self.wanted.name.clone(), client.digest_of(&self.wanted).await?);
        let attached = client.signatures(&name, &digest).await?;
        let signers = verify_by_keys(&digest, &name.repository(), &attached, &trusted).map_err(|refusal| {
            let text = refusal.to_string();
            let (message, hint) = match text.split_once("\nhint: ") {
                Some((message, hint)) => (message.to_owned(), Some(hint.to_owned())),
                None => (text, None),
            };
            Failure { exit: Exit::NotVerified, message, hint }
        })?;
        let verified = Verified { name, digest, keys: signers.into_inner().keys.into_iter().collect() };
        global.output().outcome(&verified, |verified| {
            let keys = verified.keys.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            let by = count(verified.keys.len(), "key");
            format!("{} is signed by {by} that you trust: {keys}\n{}", verified.name, verified.digest)
        })?;
        Ok(Exit::Done)
    }
}

fn public_key(path: &Path) -> Result<PublicKey, Failure> {
    let hint = "a public key is a PEM file, as `pclr key export` prints it";
    let refuse = |why: String| Failure::no(format!("the key {} cannot be used: {why}", path.display()), hint);
    let length = std::fs::metadata(path).map_err(|error| refuse(error.to_string()))?.len();
    if length > KEY_MAX as u64 {
        return Err(refuse(format!("it is longer than {KEY_MAX} bytes")));
    }
    let pem = std::fs::read_to_string(path).map_err(|error| refuse(error.to_string()))?;
    PublicKey::from_pem(&pem).map_err(|error| refuse(error.to_string()))
}
