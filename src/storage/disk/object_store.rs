//! The disk store as an [`ObjectStore`]: what is written for any object store runs on it too. Blocking work goes to blocking threads.

use std::collections::BTreeSet;
use std::fs::Metadata;
use std::io::{self, Read as _, Seek as _};
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::{self, BoxStream};
use futures::{StreamExt as _, TryStreamExt as _};
use object_store::path::Path;
use object_store::{
    Attributes, CopyMode, CopyOptions, Error, GetOptions, GetResult, GetResultPayload, ListResult, MultipartUpload,
    ObjectMeta, ObjectStore, PutMode, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result, UploadPart,
};

use super::shared::is_own;
use super::{DiskStore, Staged, Stamp, is_absent};

/// How much of a file is read at once.
const CHUNK: u64 = 512 << 10;

const STORE: &str = "disk";

#[async_trait]
impl ObjectStore for DiskStore {
    async fn put_opts(&self, location: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        let (disk, path) = (self.clone(), location.to_string());
        blocking(location, move || {
            let mut staged = disk.stage()?;
            for part in payload.iter() {
                staged.write(part)?;
            }
            match options.mode {
                PutMode::Overwrite => {
                    let stamp = staged.publish(&path)?;
                    Ok(Ok(PutResult { e_tag: Some(e_tag(stamp)), version: None, extensions: Default::default() }))
                }
                PutMode::Create if staged.publish_new(&path)? => {
                    let e_tag = disk.stat(&path)?.map(|metadata| e_tag(Stamp::of(&metadata)));
                    Ok(Ok(PutResult { e_tag, version: None, extensions: Default::default() }))
                }
                PutMode::Create => {
                    Ok(Err(Error::AlreadyExists { path, source: io::Error::from(io::ErrorKind::AlreadyExists).into() }))
                }
                PutMode::Update(_) => Ok(Err(unsupported("put with a condition on the present version"))),
            }
        })
        .await?
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        _options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        let disk = self.clone();
        let staged = blocking(location, move || disk.stage()).await?;
        let staged = Arc::new(Mutex::new(Some(staged)));
        Ok(Box::new(Parts { location: location.clone(), staged, offset: 0 }))
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        let (disk, at) = (self.clone(), location.clone());
        blocking(location, move || {
            let (mut file, metadata) = disk.open_file(at.as_ref())?;
            let meta = object_meta(at, &metadata);
            if let Err(error) = options.check_preconditions(&meta) {
                return Ok(Err(error));
            }
            let range = match &options.range {
                None => 0..meta.size,
                Some(range) => match range.as_range(meta.size) {
                    Ok(range) => range,
                    Err(error) => return Ok(Err(Error::Generic { store: STORE, source: error.into() })),
                },
            };
            file.seek(io::SeekFrom::Start(range.start))?;
            let left = if options.head { 0..0 } else { range.clone() };
            let payload = GetResultPayload::Stream(chunks(file, left));
            Ok(Ok(GetResult { payload, meta, range, attributes: Attributes::new(), extensions: Default::default() }))
        })
        .await?
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        let disk = self.clone();
        locations
            .and_then(move |location| {
                let disk = disk.clone();
                async move {
                    let path = location.to_string();
                    blocking(&location, move || disk.remove(&path)).await?;
                    Ok(location)
                }
            })
            .boxed()
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        let disk = self.clone();
        let first = prefix.cloned().unwrap_or_default();
        // One folder a step, so that a list of millions holds one folder's names at a time.
        stream::try_unfold(vec![first], move |mut folders| {
            let disk = disk.clone();
            async move {
                let Some(folder) = folders.pop() else { return Ok::<_, Error>(None) };
                let at = folder.clone();
                let (subfolders, objects) = blocking(&folder, move || read_folder(&disk, &at)).await?;
                folders.extend(subfolders);
                Ok(Some((stream::iter(objects.into_iter().map(Ok::<_, Error>)), folders)))
            }
        })
        .try_flatten()
        .boxed()
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        let disk = self.clone();
        let folder = prefix.cloned().unwrap_or_default();
        let at = folder.clone();
        let (subfolders, objects) = blocking(&folder, move || read_folder(&disk, &at)).await?;
        let common_prefixes = subfolders.into_iter().collect::<BTreeSet<_>>().into_iter().collect();
        Ok(ListResult { common_prefixes, objects, extensions: Default::default() })
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        let disk = self.clone();
        let (source, target) = (from.to_string(), to.to_string());
        blocking(from, move || {
            let (mut file, _) = disk.open_file(&source)?;
            let mut staged = disk.stage()?;
            let mut buffer = Vec::new();
            while file.by_ref().take(CHUNK).read_to_end(&mut buffer)? > 0 {
                staged.write(&buffer)?;
                buffer.clear();
            }
            match options.mode {
                CopyMode::Overwrite => staged.publish(&target).map(|_| Ok(())),
                CopyMode::Create if staged.publish_new(&target)? => Ok(Ok(())),
                CopyMode::Create => Ok(Err(Error::AlreadyExists {
                    path: target,
                    source: io::Error::from(io::ErrorKind::AlreadyExists).into(),
                })),
            }
        })
        .await?
    }
}

/// Parts of one object, each written where the parts before it end, in whatever order they come.
struct Parts {
    location: Path,
    staged: Arc<Mutex<Option<Staged>>>,
    offset: u64,
}

#[async_trait]
impl MultipartUpload for Parts {
    fn put_part(&mut self, payload: PutPayload) -> UploadPart {
        let mut at = self.offset;
        self.offset += payload.content_length() as u64;
        let (staged, location) = (self.staged.clone(), self.location.clone());
        Box::pin(async move {
            blocking(&location, move || {
                let mut staged = staged.lock().unwrap_or_else(PoisonError::into_inner);
                let staged = staged.as_mut().ok_or_else(|| io::Error::other("the upload is over"))?;
                for part in payload.iter() {
                    staged.write_at(at, part)?;
                    at += part.len() as u64;
                }
                Ok(())
            })
            .await
        })
    }

    async fn complete(&mut self) -> Result<PutResult> {
        let (staged, path) = (self.staged.clone(), self.location.to_string());
        blocking(&self.location, move || {
            let staged = staged.lock().unwrap_or_else(PoisonError::into_inner).take();
            let stamp = staged.ok_or_else(|| io::Error::other("the upload is over"))?.publish(&path)?;
            Ok(PutResult { e_tag: Some(e_tag(stamp)), version: None, extensions: Default::default() })
        })
        .await
    }

    async fn abort(&mut self) -> Result<()> {
        self.staged.lock().unwrap_or_else(PoisonError::into_inner).take();
        Ok(())
    }
}

impl std::fmt::Debug for Parts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Parts({}, {} bytes)", self.location, self.offset)
    }
}

fn chunks(file: std::fs::File, range: Range<u64>) -> BoxStream<'static, Result<Bytes>> {
    stream::try_unfold((file, range.end - range.start), |(mut file, left)| async move {
        if left == 0 {
            return Ok(None);
        }
        let read = move || {
            let mut buffer = Vec::with_capacity(CHUNK.min(left) as usize);
            match file.by_ref().take(CHUNK.min(left)).read_to_end(&mut buffer)? as u64 {
                0 => Err(io::Error::from(io::ErrorKind::UnexpectedEof)),
                read => Ok((Bytes::from(buffer), file, left - read)),
            }
        };
        let (bytes, file, left) = blocking(&Path::default(), read).await?;
        Ok(Some((bytes, (file, left))))
    })
    .boxed()
}

/// Sub-folders and objects of a folder; both empty if it is absent.
fn read_folder(disk: &DiskStore, folder: &Path) -> io::Result<(Vec<Path>, Vec<ObjectMeta>)> {
    let (mut folders, mut objects) = (Vec::new(), Vec::new());
    for name in disk.names(folder.as_ref())? {
        let path = if folder.as_ref().is_empty() { name } else { format!("{folder}/{name}") };
        let Ok(location) = Path::parse(&path) else { continue };
        if is_own(&path) {
            continue;
        }
        match std::fs::metadata(disk.file_path(&path)) {
            Ok(metadata) if metadata.is_dir() => folders.push(location),
            Ok(metadata) => objects.push(object_meta(location, &metadata)),
            // Removed between the two calls.
            Err(error) if is_absent(&error) => {}
            Err(error) => return Err(error),
        }
    }
    objects.sort_by(|a, b| a.location.cmp(&b.location));
    Ok((folders, objects))
}

fn object_meta(location: Path, metadata: &Metadata) -> ObjectMeta {
    let modified = metadata.modified().unwrap_or(std::time::UNIX_EPOCH);
    let e_tag = Some(e_tag(Stamp::of(metadata)));
    ObjectMeta { location, last_modified: modified.into(), size: metadata.len(), e_tag, version: None }
}

fn e_tag(stamp: Stamp) -> String {
    format!("\"{:x}-{:x}-{:x}\"", stamp.file, stamp.changed, stamp.size)
}

fn unsupported(operation: &str) -> Error {
    Error::NotImplemented { operation: operation.to_owned(), implementer: STORE.to_owned() }
}

async fn blocking<T: Send + 'static>(
    location: &Path,
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T> {
    let done = tokio::task::spawn_blocking(work).await?;
    done.map_err(|error| match error {
        error if is_absent(&error) => Error::NotFound { path: location.to_string(), source: error.into() },
        error => Error::Generic { store: STORE, source: error.into() },
    })
}
