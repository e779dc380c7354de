//! Whose log it is: the public key, whose name is the log's origin, and the secret that seals what is not public.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::storage::{Key, Storage, StorageError};
use crate::tlog::{LOG_SECRET_LENGTH, LogSecret, NoteSigner, NoteVerifier};

use super::LogError;

/// Version of the document.
const FORMAT: u32 = 1;
/// Longest document, in bytes.
const DOCUMENT_MAX: u64 = 16 << 10;

/// A log's identity, made once when it begins (`spec/log.md`, "Identity").
#[derive(Clone)]
pub struct Identity {
    /// Checks what the log signs. Its name is the origin.
    pub verifier: NoteVerifier,
    /// What the entries of hidden events are sealed with.
    pub secret: LogSecret,
}

#[derive(Serialize, Deserialize)]
struct Document {
    format: u32,
    key: String,
    secret: String,
}

impl Identity {
    /// The identity of the store's log; `None` if it has none.
    pub async fn read(storage: &Storage) -> Result<Option<Self>, LogError> {
        match storage.get(&Key::LogIdentity, DOCUMENT_MAX).await {
            Ok(bytes) => Self::parse(&bytes).map(Some),
            Err(StorageError::NotFound { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// The identity of the store's log, which begins now if there is none. Of several who begin it at once one does.
    ///
    /// Errors with [`LogError::OtherKey`] if the log has another key.
    pub async fn claim(storage: &Storage, signer: &NoteSigner) -> Result<Self, LogError> {
        let found = match Self::read(storage).await? {
            Some(found) => found,
            None => {
                storage.create(&Key::LogIdentity, begin(signer)?).await?;
                storage.settle(&[Key::LogIdentity]).await?;
                let bytes = storage.get(&Key::LogIdentity, DOCUMENT_MAX).await?;
                Self::parse(&bytes)?
            }
        };
        match &found.verifier == signer.verifier() {
            true => Ok(found),
            false => {
                Err(LogError::OtherKey { found: found.verifier.to_string(), given: signer.verifier().to_string() })
            }
        }
    }

    fn parse(bytes: &[u8]) -> Result<Self, LogError> {
        let malformed = |why: String| LogError::Malformed { path: Key::LogIdentity.path(), why };
        let document: Document = serde_json::from_slice(bytes).map_err(|error| malformed(error.to_string()))?;
        if document.format != FORMAT {
            return Err(malformed(format!("it has format {}, this program knows {FORMAT}", document.format)));
        }
        let verifier = document.key.parse().map_err(|error| malformed(format!("its key: {error}")))?;
        let mut secret = Zeroizing::new([0; LOG_SECRET_LENGTH]);
        hex::decode_to_slice(Zeroizing::new(document.secret).as_bytes(), secret.as_mut())
            .map_err(|_| malformed("its secret is not 64 hexadecimal digits".to_owned()))?;
        Ok(Self { verifier, secret: LogSecret::new(&secret) })
    }
}

/// The document of a log that begins: this key, and a secret of its own.
fn begin(signer: &NoteSigner) -> Result<Bytes, LogError> {
    let mut secret = Zeroizing::new([0; LOG_SECRET_LENGTH]);
    getrandom::fill(secret.as_mut()).map_err(|error| StorageError::Unavailable {
        path: Key::LogIdentity.path(),
        source: error.to_string().into(),
    })?;
    let (key, secret) = (signer.verifier().to_string(), hex::encode(secret.as_ref()));
    let document = Document { format: FORMAT, key, secret };
    Ok(Bytes::from(serde_json::to_vec(&document).unwrap_or_default()))
}
