//! What the static tree needs of the store: pointers that a late writer does not set back, copies, removals, and turns.
//!
//! Everything here can be made again, so nothing of it is ever settled. Knows where documents lie, not what they say.

use bytes::Bytes;
use futures::stream::BoxStream;
use futures::{StreamExt as _, TryStreamExt as _};
use object_store::path::Path;
use object_store::{ObjectStore as _, ObjectStoreExt as _};

use super::disk::{Lock, blocking};
use super::objects::{COPY_MAX, ObjectWriter, is_blob};
use super::read::from_stream;
use super::{Key, Replaced, Seen, Storage, StorageError};
use crate::domain::public::{Medium, PUBLIC_DOCUMENT_MAX};
use crate::domain::{Area, Digest};

/// The right to write what the tree has of a repository. Given back when dropped.
#[derive(Debug)]
pub struct Rendering(#[expect(dead_code, reason = "its lock is what counts")] Option<Lock>);

/// How often a pointer is looked at that others replace at the same time.
const ATTEMPTS: usize = 20;

impl Storage {
    /// What the store keeps besides bytes.
    pub fn medium(&self) -> Medium {
        if self.0.disk.is_some() { Medium::Files } else { Medium::Objects }
    }

    /// The right to write what the tree has of a repository. On a disk one at a time has it, of all processes, so that who reads rows
    /// while it has it reads none that are older than what is written. Elsewhere everybody has it.
    pub async fn rendering(&self) -> Result<Rendering, StorageError> {
        match self.0.disk.clone() {
            Some(disk) => {
                let waited = move || disk.rendering().map_err(|error| StorageError::io("the turn to render", error));
                blocking("the turn to render", waited).await.map(|lock| Rendering(Some(lock)))
            }
            None => Ok(Rendering(None)),
        }
    }

    /// Writes a document that shows event `as_of`, unless what is there shows it, too; says whether it did. On a disk the caller has
    /// the turn, and it is always written.
    pub async fn put_newer(&self, key: &Key, bytes: Bytes, as_of: u64) -> Result<bool, StorageError> {
        if self.medium() == Medium::Files {
            return self.put(key, bytes).await.map(|()| true);
        }
        for _ in 0..ATTEMPTS {
            let seen = match self.read(key, PUBLIC_DOCUMENT_MAX).await? {
                Some(found) if found.as_of.is_some_and(|theirs| theirs >= as_of) => return Ok(false),
                Some(found) => found.seen,
                None => Seen::ABSENT,
            };
            if self.replace(key, &seen, bytes.clone(), Some(as_of)).await? == Replaced::Replaced {
                return Ok(true);
            }
        }
        Err(StorageError::Unavailable { path: key.path(), source: "others replace it all the time".into() })
    }

    /// Copies public content to another name within the store; `false` if it is not there. The copy keeps the attributes of content.
    pub async fn copy_content(&self, digest: &Digest, to: &Key) -> Result<bool, StorageError> {
        let from = Key::Blob { area: Area::Public, digest: *digest };
        let size = match self.0.objects.head(&from.location()).await {
            Ok(found) => found.size,
            Err(object_store::Error::NotFound { .. }) => return Ok(false),
            Err(error) => return Err(StorageError::object(from.path(), error)),
        };
        if !is_blob(digest, size) {
            return Ok(false);
        }
        // Longer than a store copies in one request.
        if size > COPY_MAX {
            let mut object = ObjectWriter::new(self, to.clone(), from.clone());
            let mut chunks = self.read_blob(&Area::Public, digest, None).await?;
            while let Some(chunk) = chunks.next().await {
                object.write(chunk.map_err(|error| from_stream(digest, error))?).await?;
            }
            object.finish().await?;
            return Ok(true);
        }
        match self.0.objects.copy(&from.location(), &to.location()).await {
            Ok(()) => Ok(true),
            Err(object_store::Error::NotFound { .. }) => Ok(false),
            Err(error) => Err(StorageError::object(to.path(), error)),
        }
    }

    /// Paths below `public/` of what lies in a folder there, in no order. What is written or removed meanwhile may be missing or there.
    pub fn list_projections(&self, folder: &str) -> BoxStream<'static, Result<String, StorageError>> {
        let public = format!("{}/", Area::Public.as_str());
        let folder = Path::from(format!("{public}{folder}"));
        let list = self.0.objects.list(Some(&folder));
        list.map_err(move |error| StorageError::object(folder.to_string(), error))
            .map_ok(move |meta| meta.location.as_ref().trim_start_matches(&public).to_owned())
            .boxed()
    }

    /// Removes a projection by its path below `public/`; one that is absent is no error, and what is none is left alone.
    pub async fn remove_projection(&self, path: &str) -> Result<(), StorageError> {
        let whole = format!("{}/{path}", Area::Public.as_str());
        let is_projection =
            ["v2/", "pages/", "catalogue/", ".well-known/"].iter().any(|folder| path.starts_with(folder));
        let location = match Path::parse(&whole) {
            Ok(location) if is_projection && location.as_ref() == whole => location,
            _ => {
                tracing::warn!(path, "a document of the static tree names a path that is none of the tree's");
                return Ok(());
            }
        };
        match self.0.objects.delete(&location).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => match StorageError::object(whole, error) {
                // Its folder is a file, or it is a folder: there is no such object.
                error if error.is_name_taken() => Ok(()),
                error => Err(error),
            },
        }
    }
}
