//! Puts a [`Meter`] in front of any object store, so that its writes and reads are counted and a test can make them fail.
//!
//! The disk store has the same meter inside, at each of its steps; with this every store has one.

use std::sync::Arc;

use async_trait::async_trait;
use futures::stream::BoxStream;
use futures::{StreamExt as _, TryStreamExt as _};
use object_store::path::Path;
use object_store::{
    CopyMode, CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore, PutMode,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result, UploadPart,
};

use super::fault_reads::{cut, failing, stale};
use super::meter::Meter;
use super::planned::{Failure, ReadFailure, Reading, Step, When};

/// An object store whose every write and read passes a meter.
#[derive(Debug)]
pub struct MeteredStore {
    inner: Arc<dyn ObjectStore>,
    meter: Meter,
}

impl MeteredStore {
    /// Puts the meter in front of the store.
    pub fn new(inner: Arc<dyn ObjectStore>, meter: Meter) -> Self {
        Self { inner, meter }
    }
}

/// One step of a write.
struct Write<'a> {
    meter: &'a Meter,
    step: Step,
    location: &'a Path,
    condition: Condition,
}

/// On what a write depends: what it is told when it meets another one.
#[derive(Clone, Copy)]
enum Condition {
    Nothing,
    Absent,
    Seen,
}

impl Condition {
    fn of(mode: &PutMode) -> Self {
        match mode {
            PutMode::Overwrite => Self::Nothing,
            PutMode::Create => Self::Absent,
            PutMode::Update(_) => Self::Seen,
        }
    }
}

impl Write<'_> {
    async fn run<T>(self, work: impl Future<Output = Result<T>>) -> Result<T> {
        let planned = self.meter.begin().map_err(planned)?;
        if let Some((When::Before, failure)) = planned {
            self.strike(failure).await?;
        }
        let done = work.await?;
        self.meter.end(self.step);
        if let Some((When::After, failure)) = planned {
            self.strike(failure).await?;
        }
        Ok(done)
    }

    async fn strike(&self, failure: Failure) -> Result<()> {
        let path = self.location.to_string();
        match (failure, self.condition) {
            (Failure::Slow(pause), _) => {
                tokio::time::sleep(pause).await;
                Ok(())
            }
            (Failure::Denied, _) => Err(Error::PermissionDenied { path, source: "403, as a test planned".into() }),
            (Failure::Conflict, Condition::Absent) => {
                Err(Error::AlreadyExists { path, source: "409, as a test planned".into() })
            }
            (Failure::Conflict, Condition::Seen) => {
                Err(Error::Precondition { path, source: "412, as a test planned".into() })
            }
            (failure, _) => self.meter.strike(failure).map_err(planned),
        }
    }
}

pub(super) fn planned(error: std::io::Error) -> Error {
    Error::Generic { store: "metered", source: error.into() }
}

#[async_trait]
impl ObjectStore for MeteredStore {
    async fn put_opts(&self, location: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        let condition = Condition::of(&options.mode);
        let write = Write { meter: &self.meter, step: Step::Publish, location, condition };
        write.run(self.inner.put_opts(location, payload, options)).await
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.meter.alive().map_err(planned)?;
        let inner = self.inner.put_multipart_opts(location, options).await?;
        Ok(Box::new(MeteredParts { inner, location: location.clone(), meter: self.meter.clone() }))
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        let reading = if options.head { Reading::Head } else { Reading::Get };
        let failure = self.meter.read(reading).map_err(planned)?;
        if let Some(failure) = failure {
            failing(failure, location).await?;
        }
        let found = self.inner.get_opts(location, options).await?;
        match failure {
            Some(ReadFailure::Cut { after }) if reading == Reading::Get => Ok(cut(found, after)),
            _ => Ok(found),
        }
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        let (inner, meter) = (self.inner.clone(), self.meter.clone());
        locations
            .and_then(move |location| {
                let (inner, meter) = (inner.clone(), meter.clone());
                async move {
                    let one = futures::stream::once(std::future::ready(Ok(location.clone()))).boxed();
                    let deleted = inner.delete_stream(one).try_collect::<Vec<_>>();
                    let condition = Condition::Nothing;
                    let write = Write { meter: &meter, step: Step::Delete, location: &location, condition };
                    write.run(deleted).await?;
                    Ok(location)
                }
            })
            .boxed()
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        stale(self.meter.read(Reading::List), self.inner.list(prefix))
    }

    fn list_with_offset(&self, prefix: Option<&Path>, offset: &Path) -> BoxStream<'static, Result<ObjectMeta>> {
        stale(self.meter.read(Reading::List), self.inner.list_with_offset(prefix, offset))
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        let failure = self.meter.read(Reading::List);
        let found = self.inner.list_with_delimiter(prefix).await?;
        let objects = stale(failure, futures::stream::iter(found.objects.into_iter().map(Ok)).boxed());
        Ok(ListResult { objects: objects.try_collect().await?, ..found })
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        let condition = match options.mode {
            CopyMode::Create => Condition::Absent,
            CopyMode::Overwrite => Condition::Nothing,
        };
        let write = Write { meter: &self.meter, step: Step::Publish, location: to, condition };
        write.run(self.inner.copy_opts(from, to, options)).await
    }
}

impl std::fmt::Display for MeteredStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.inner.fmt(f)
    }
}

#[derive(Debug)]
struct MeteredParts {
    inner: Box<dyn MultipartUpload>,
    location: Path,
    meter: Meter,
}

#[async_trait]
impl MultipartUpload for MeteredParts {
    fn put_part(&mut self, payload: PutPayload) -> UploadPart {
        let (meter, location, part) = (self.meter.clone(), self.location.clone(), self.inner.put_part(payload));
        Box::pin(async move {
            let condition = Condition::Nothing;
            Write { meter: &meter, step: Step::Stage, location: &location, condition }.run(part).await
        })
    }

    async fn complete(&mut self) -> Result<PutResult> {
        let condition = Condition::Nothing;
        let write = Write { meter: &self.meter, step: Step::Publish, location: &self.location, condition };
        write.run(self.inner.complete()).await
    }

    async fn abort(&mut self) -> Result<()> {
        self.inner.abort().await
    }
}
