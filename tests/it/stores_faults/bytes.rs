//! Rows about bytes: what is pushed arrives whole or not at all, what is pulled is what was pushed, what nothing names goes.

use std::convert::Infallible;
use std::ops::Range;

use bytes::Bytes;
use futures::{TryStreamExt as _, stream};
use pcl_registry::domain::{Actor, Algorithm, Area, Digest, Repository};
use pcl_registry::registry::{BlobBody, RegistryError};
use pcl_registry::storage::StorageError;
use uuid::Uuid;

use super::bucket::{DAY, Held};
use super::table::{Place, UseCase, rows};
use crate::inside::{Opened, Package};

const OPERATOR: Actor = Actor::Operator;

fn repository(at: &Place) -> Repository {
    format!("{}/image", at.org()).parse().unwrap()
}

/// Bytes of this cell alone.
fn content(at: &Place, length: usize) -> Bytes {
    let seed = format!("cell {} ", at.number).into_bytes();
    seed.iter().copied().cycle().take(length).collect()
}

/// A blob, or a part of it, with errors as they are.
async fn read(
    open: &Opened,
    repository: &Repository,
    digest: &Digest,
    range: Option<Range<u64>>,
) -> Result<Bytes, RegistryError> {
    let blob = open.registry.blob(&OPERATOR, repository, digest).await?;
    match open.registry.read_blob(&blob, range).await? {
        BlobBody::Bytes(bytes) => Ok(bytes),
        BlobBody::Stream(stream) => {
            let cut = |error: std::io::Error| {
                RegistryError::Storage(StorageError::Unavailable { path: digest.to_string(), source: error.into() })
            };
            Ok(stream.try_collect::<Vec<Bytes>>().await.map_err(cut)?.concat().into())
        }
    }
}

/// Whether the repository has the blob: whole, or not at all.
async fn has(at: &Place, bytes: &Bytes) -> bool {
    match read(&at.open, &repository(at), &Digest::sha256(bytes), None).await {
        Ok(found) => {
            assert_eq!(found, bytes);
            true
        }
        Err(RegistryError::BlobUnknown(_)) => false,
        Err(error) => panic!("{error}"),
    }
}

/// A push of a blob in one piece.
struct PushBlob(usize);

impl UseCase for PushBlob {
    type Begun = Bytes;

    async fn prepare(&self, at: &Place) -> Bytes {
        content(at, self.0)
    }

    async fn run(&self, at: &Place, bytes: &Bytes) -> Result<(), RegistryError> {
        let pieces: Vec<_> = bytes.chunks(64 << 10).map(|piece| Ok::<_, Infallible>(bytes.slice_ref(piece))).collect();
        let (repository, digest) = (repository(at), Digest::sha256(bytes));
        at.open.registry.push_blob(&OPERATOR, &repository, &digest, stream::iter(pieces)).await
    }

    async fn happened(&self, at: &Place, bytes: &Bytes) -> bool {
        has(at, bytes).await
    }
}

async fn begin(at: &Place) -> Result<Uuid, RegistryError> {
    let begun = at.open.registry.begin_upload(&OPERATOR, &repository(at), Algorithm::Sha256).await?;
    at.open.registry.save_uploads().await?;
    Ok(begun.id)
}

async fn append(at: &Place, id: Uuid, bytes: &Bytes) -> Result<(), RegistryError> {
    let half = bytes.len() / 2;
    for (offset, chunk) in [(0, bytes.slice(..half)), (half, bytes.slice(half..))] {
        let body = stream::iter([Ok::<_, Infallible>(chunk)]);
        at.open.registry.append_upload(&OPERATOR, &repository(at), id, Some(offset as u64), body).await?;
    }
    Ok(())
}

async fn finish(at: &Place, id: Uuid, bytes: &Bytes) -> Result<(), RegistryError> {
    at.open.registry.finish_upload(&OPERATOR, &repository(at), id, &Digest::sha256(bytes)).await
}

/// A session from its beginning to its end. Asked again, it is another session.
struct ChunkedUpload;

impl UseCase for ChunkedUpload {
    type Begun = Bytes;

    async fn prepare(&self, at: &Place) -> Bytes {
        content(at, 1000)
    }

    async fn run(&self, at: &Place, bytes: &Bytes) -> Result<(), RegistryError> {
        let id = begin(at).await?;
        append(at, id, bytes).await?;
        finish(at, id, bytes).await
    }

    async fn happened(&self, at: &Place, bytes: &Bytes) -> bool {
        has(at, bytes).await
    }
}

/// The end of a session. Asked again, it is the same session; where that one is over, the blob is there, or is sent anew.
struct FinishUpload;

impl UseCase for FinishUpload {
    type Begun = (Uuid, Bytes);

    async fn prepare(&self, at: &Place) -> (Uuid, Bytes) {
        let bytes = content(at, 1000);
        let id = begin(at).await.unwrap();
        append(at, id, &bytes).await.unwrap();
        (id, bytes)
    }

    async fn run(&self, at: &Place, (id, bytes): &(Uuid, Bytes)) -> Result<(), RegistryError> {
        match finish(at, *id, bytes).await {
            Err(RegistryError::UploadUnknown) => ChunkedUpload.run(at, bytes).await,
            finished => finished,
        }
    }

    async fn happened(&self, at: &Place, (_, bytes): &(Uuid, Bytes)) -> bool {
        has(at, bytes).await
    }
}

/// A pull of a version: manifest, blobs, and a part of one. Changes nothing, and gives what was pushed or an error.
struct Pull;

impl UseCase for Pull {
    type Begun = Package;

    async fn prepare(&self, at: &Place) -> Package {
        let package = at.package("1.0.0", "to be pulled");
        at.open.push(&package).await.unwrap();
        package
    }

    async fn run(&self, at: &Place, package: &Package) -> Result<(), RegistryError> {
        let (open, repository, packed) = (&at.open, &package.repository, &package.packed);
        let manifest = open.registry.manifest(&OPERATOR, repository, &package.reference()).await?;
        assert_eq!(manifest.bytes, packed.manifest.content);
        for blob in [&packed.config, &packed.layer] {
            assert_eq!(read(open, repository, &blob.digest, None).await?, blob.content);
            assert_eq!(read(open, repository, &blob.digest, Some(3..20)).await?, blob.content[3..20]);
        }
        open.registry.version(&OPERATOR, &package.name(), &package.tag.parse().unwrap()).await.map(drop)
    }

    async fn happened(&self, at: &Place, package: &Package) -> bool {
        at.open.has(package).await
    }
}

/// The second round of a collection, which deletes a blob that nothing names.
struct Collect;

impl UseCase for Collect {
    type Begun = Bytes;

    async fn prepare(&self, at: &Place) -> Bytes {
        let bytes = content(at, 500);
        at.open.push_blob(&repository(at), &bytes).await.unwrap();
        at.bucket.pass(DAY + 1);
        at.open.registry.collect(&OPERATOR).await.unwrap();
        at.bucket.pass(DAY + 1);
        assert!(has(at, &bytes).await);
        bytes
    }

    async fn run(&self, at: &Place, _: &Bytes) -> Result<(), RegistryError> {
        at.open.registry.collect(&OPERATOR).await.map(drop)
    }

    async fn happened(&self, at: &Place, bytes: &Bytes) -> bool {
        let digest = Digest::sha256(bytes);
        let is_stored = at.open.storage.blob_size(&Area::Public, &digest).await.unwrap().is_some();
        let is_shown = at.open.registry.blob(&OPERATOR, &repository(at), &digest).await.is_ok();
        assert!(is_stored || !is_shown, "whoever asks before a push is told that the bytes are there");
        // Without a database a process that was started again knows nothing of what no event names: only the command that has the store
        // for itself finds it.
        !is_stored || (at.bucket.held == Held::Store && !is_shown)
    }
}

rows! {
    push_a_blob: PushBlob(1000), 8;
    push_a_large_blob: PushBlob(600 << 10), 8;
    upload_in_chunks: ChunkedUpload, 40;
    finish_an_upload: FinishUpload, 30;
    pull: Pull, 20;
    collect: Collect, 10;
}
