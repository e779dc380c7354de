//! Puts a [`Meter`] in front of any object store, so that its writes are counted and a test can make them fail.
//!
//! The disk store has the same meter inside, at each of its steps; with this every store has one.

use std::sync::Arc;

use async_trait::async_trait;
use futures::stream::BoxStream;
use futures::{StreamExt as _, TryStreamExt as _};
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result, UploadPart,
};

use super::meter::{Meter, Step};

/// An object store whose every write passes a meter.
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

    fn alive(&self) -> Result<()> {
        self.meter.alive().map_err(planned)
    }
}

async fn step<T>(meter: &Meter, step: Step, work: impl Future<Output = Result<T>>) -> Result<T> {
    let after = meter.before(step).map_err(planned)?;
    let done = work.await?;
    meter.after(step, after).map_err(planned)?;
    Ok(done)
}

fn planned(error: std::io::Error) -> Error {
    Error::Generic { store: "metered", source: error.into() }
}

#[async_trait]
impl ObjectStore for MeteredStore {
    async fn put_opts(&self, location: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        step(&self.meter, Step::Publish, self.inner.put_opts(location, payload, options)).await
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.alive()?;
        let inner = self.inner.put_multipart_opts(location, options).await?;
        Ok(Box::new(MeteredParts { inner, meter: self.meter.clone() }))
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.alive()?;
        self.inner.get_opts(location, options).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        let (inner, meter) = (self.inner.clone(), self.meter.clone());
        locations
            .and_then(move |location| {
                let (inner, meter) = (inner.clone(), meter.clone());
                async move {
                    let one = futures::stream::once(std::future::ready(Ok(location.clone()))).boxed();
                    let deleted = inner.delete_stream(one).try_collect::<Vec<_>>();
                    step(&meter, Step::Delete, deleted).await?;
                    Ok(location)
                }
            })
            .boxed()
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        match self.alive() {
            Ok(()) => self.inner.list(prefix),
            Err(error) => futures::stream::once(std::future::ready(Err(error))).boxed(),
        }
    }

    fn list_with_offset(&self, prefix: Option<&Path>, offset: &Path) -> BoxStream<'static, Result<ObjectMeta>> {
        match self.alive() {
            Ok(()) => self.inner.list_with_offset(prefix, offset),
            Err(error) => futures::stream::once(std::future::ready(Err(error))).boxed(),
        }
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.alive()?;
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        step(&self.meter, Step::Publish, self.inner.copy_opts(from, to, options)).await
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
    meter: Meter,
}

#[async_trait]
impl MultipartUpload for MeteredParts {
    fn put_part(&mut self, payload: PutPayload) -> UploadPart {
        let (meter, part) = (self.meter.clone(), self.inner.put_part(payload));
        Box::pin(async move { step(&meter, Step::Stage, part).await })
    }

    async fn complete(&mut self) -> Result<PutResult> {
        step(&self.meter, Step::Publish, self.inner.complete()).await
    }

    async fn abort(&mut self) -> Result<()> {
        self.inner.abort().await
    }
}
