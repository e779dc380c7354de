//! Addresses at which a store itself hands out a blob, to whoever has the address.

use std::time::Duration;

use http::Method;

use super::super::{Key, Storage, StorageError};
use crate::domain::{Area, Digest};

impl Storage {
    /// An address from which the whole blob can be read for so long, without any other permission. `None` if the store cannot
    /// sign addresses. Whether the blob is there is not looked at.
    pub async fn signed_blob(
        &self,
        area: &Area,
        digest: &Digest,
        expires_in: Duration,
    ) -> Result<Option<String>, StorageError> {
        let Some(signer) = self.signer() else { return Ok(None) };
        let key = Key::Blob { area: area.clone(), digest: *digest };
        let signed = signer.signed_url(Method::GET, &key.location(), expires_in).await;
        signed.map(|url| Some(url.into())).map_err(|error| StorageError::object(key.path(), error))
    }
}
