//! Creating an object unless one has its name: the one write on which two who never met agree.
//!
//! The answer of a cloud may be wrong. Its client repeats a request that got no answer, and the second try then meets what the
//! first one wrote; S3 answers with a conflict while another request is under way, whether or not anything will come of that one;
//! and after an outage nobody knows. So whoever is told anything but yes looks at what is there. Knows nothing of what the bytes say.

use std::time::Duration;

use bytes::Bytes;
use futures::TryStreamExt as _;
use object_store::{Error, ObjectStore as _, ObjectStoreExt as _, PutMode};

use super::disk::blocking;
use super::store::options;
use super::{Key, Storage, StorageError};

/// How often a creation is sent whose name is free afterwards.
const TRIES: u32 = 5;

/// The pause before the second try. Each further one is twice as long, 750 ms in all.
const PAUSE: Duration = Duration::from_millis(50);

/// What [`Storage::create`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Created {
    /// The object is there now, with the bytes given.
    Created,
    /// It was there before; nothing changed.
    Exists,
}

/// Whose bytes lie under a name.
enum Whose {
    Ours,
    Theirs,
    Nobodys,
}

impl Storage {
    /// Puts an object unless one has its name. Of any number of racing calls whose bytes differ exactly one is told
    /// [`Created::Created`], and its bytes are there.
    ///
    /// Where the store is no disk, an answer that leaves a doubt is settled by reading the object: these very bytes mean
    /// [`Created::Created`], as they do for everybody who creates the same bytes, before or at once; other bytes mean
    /// [`Created::Exists`]; and as long as nothing is there it is tried again, up to five times. On a disk only the first is told
    /// [`Created::Created`].
    ///
    /// After [`StorageError::Unavailable`] it may have happened, and may still happen.
    pub async fn create(&self, key: &Key, bytes: Bytes) -> Result<Created, StorageError> {
        let Some(disk) = self.0.disk.clone() else { return self.create_object(key, bytes).await };
        let path = key.path();
        let created = |yes| if yes { Created::Created } else { Created::Exists };
        blocking(path.clone(), move || {
            // Most of those who are late find the name taken without writing anything.
            if disk.stat(&path).is_ok_and(|present| present.is_some()) {
                return Ok(Created::Exists);
            }
            disk.create(&path, &bytes).map(created).map_err(|error| StorageError::io(path, error))
        })
        .await
    }

    async fn create_object(&self, key: &Key, bytes: Bytes) -> Result<Created, StorageError> {
        let (location, mut tries, mut pause) = (key.location(), 0, PAUSE);
        loop {
            tries += 1;
            let put = self.0.objects.put_opts(&location, bytes.clone().into(), options(key, PutMode::Create));
            let doubt = match put.await {
                Ok(_) => return Ok(Created::Created),
                Err(error) if leaves_doubt(&error) => error,
                Err(error) => return Err(StorageError::object(key.path(), error)),
            };
            // A look that fails too ends it: the client has tried that for as long as it is willing to.
            match self.whose(key, &bytes).await? {
                Whose::Ours => return Ok(Created::Created),
                Whose::Theirs => return Ok(Created::Exists),
                Whose::Nobodys if tries == TRIES => return Err(StorageError::object(key.path(), doubt)),
                Whose::Nobodys => tracing::debug!(object = %key.path(), %doubt, tries, "a creation is sent again"),
            }
            tokio::time::sleep(pause).await;
            pause *= 2;
        }
    }

    /// Reads no more than is needed to tell.
    async fn whose(&self, key: &Key, bytes: &Bytes) -> Result<Whose, StorageError> {
        let failed = |error| StorageError::object(key.path(), error);
        let found = match self.0.objects.get(&key.location()).await {
            Ok(found) => found,
            Err(Error::NotFound { .. }) => return Ok(Whose::Nobodys),
            Err(error) => return Err(failed(error)),
        };
        let size = found.meta.size;
        if size != bytes.len() as u64 {
            return Ok(Whose::Theirs);
        }
        let (mut chunks, mut rest) = (found.into_stream(), bytes.clone());
        while let Some(chunk) = chunks.try_next().await.map_err(failed)? {
            if !rest.starts_with(&chunk) {
                return Ok(Whose::Theirs);
            }
            rest = rest.slice(chunk.len()..);
        }
        if rest.is_empty() {
            Ok(Whose::Ours)
        } else {
            Err(StorageError::cut(key.path(), size, bytes.len() - rest.len()))
        }
    }
}

/// Whether it may have happened after such an answer, or may if it is asked again.
fn leaves_doubt(error: &Error) -> bool {
    !matches!(
        error,
        Error::NotFound { .. }
            | Error::InvalidPath { .. }
            | Error::NotSupported { .. }
            | Error::NotImplemented { .. }
            | Error::PermissionDenied { .. }
            | Error::Unauthenticated { .. }
            | Error::UnknownConfigurationKey { .. }
    )
}
