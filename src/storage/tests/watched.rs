//! An object store that is watched, held up, and made to fail in its multipart uploads.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result, UploadPart,
};
use object_store::{PutMode, memory::InMemory};
use tokio::sync::Semaphore;

/// What a multipart upload fails at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fails {
    Never,
    /// Before it is begun.
    Begin,
    /// At its second part.
    Part,
    /// Before it is complete.
    Complete,
    /// After it is complete.
    Completed,
}

/// What happened.
#[derive(Debug)]
pub struct Seen {
    pub begun: AtomicUsize,
    pub completed: AtomicUsize,
    pub aborted: AtomicUsize,
    pub copies: AtomicUsize,
    /// Bytes that were read.
    pub read: AtomicUsize,
    /// Bytes of parts that are on their way, and the most that ever were.
    pub in_flight: AtomicUsize,
    pub most_in_flight: AtomicUsize,
    /// Puts with a condition wait for a permit.
    pub gate: Semaphore,
    /// Puts with a condition that came to the gate.
    pub waiting: AtomicUsize,
}

impl Seen {
    pub fn of(count: &AtomicUsize) -> usize {
        count.load(Ordering::SeqCst)
    }
}

/// The store.
#[derive(Clone, Debug)]
pub struct Watched {
    inner: Arc<InMemory>,
    fails: Fails,
    /// Whether parts are forgotten rather than kept: for more bytes than there is memory.
    forgets: bool,
    pub seen: Arc<Seen>,
}

impl Watched {
    pub fn new(fails: Fails) -> Self {
        let zero = AtomicUsize::default;
        let seen = Seen {
            begun: zero(),
            completed: zero(),
            aborted: zero(),
            copies: zero(),
            read: zero(),
            in_flight: zero(),
            most_in_flight: zero(),
            gate: Semaphore::new(1_000_000),
            waiting: zero(),
        };
        Self { inner: Arc::default(), fails, forgets: false, seen: Arc::new(seen) }
    }

    /// One that keeps no bytes of what comes in parts.
    pub fn forgetting() -> Self {
        Self { forgets: true, ..Self::new(Fails::Never) }
    }
}

fn failed() -> Error {
    Error::Generic { store: "watched", source: "it fails, as a test planned".into() }
}

#[async_trait]
impl ObjectStore for Watched {
    async fn put_opts(&self, location: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        if matches!(options.mode, PutMode::Update(_)) {
            self.seen.waiting.fetch_add(1, Ordering::SeqCst);
            self.seen.gate.acquire().await.map_err(|_| failed())?.forget();
        }
        self.inner.put_opts(location, payload, options).await
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        if self.fails == Fails::Begin {
            return Err(failed());
        }
        let inner = self.inner.put_multipart_opts(location, options).await?;
        self.seen.begun.fetch_add(1, Ordering::SeqCst);
        Ok(Box::new(Parts { inner, of: self.clone(), parts: 0 }))
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        let head = options.head;
        let found = self.inner.get_opts(location, options).await?;
        if !head {
            self.seen.read.fetch_add((found.range.end - found.range.start) as usize, Ordering::SeqCst);
        }
        Ok(found)
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        self.inner.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.seen.copies.fetch_add(1, Ordering::SeqCst);
        self.inner.copy_opts(from, to, options).await
    }
}

impl std::fmt::Display for Watched {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("watched")
    }
}

#[derive(Debug)]
struct Parts {
    inner: Box<dyn MultipartUpload>,
    of: Watched,
    parts: usize,
}

#[async_trait]
impl MultipartUpload for Parts {
    fn put_part(&mut self, payload: PutPayload) -> UploadPart {
        self.parts += 1;
        if self.of.fails == Fails::Part && self.parts == 2 {
            return Box::pin(async { Err(failed()) });
        }
        let (seen, size) = (self.of.seen.clone(), payload.content_length());
        let kept = if self.of.forgets { PutPayload::from(Bytes::new()) } else { payload.clone() };
        let put = self.inner.put_part(kept);
        let now = seen.in_flight.fetch_add(size, Ordering::SeqCst) + size;
        seen.most_in_flight.fetch_max(now, Ordering::SeqCst);
        Box::pin(async move {
            // Others get their turn while this one is on its way.
            for _ in 0..8 {
                tokio::task::yield_now().await;
            }
            drop(payload);
            seen.in_flight.fetch_sub(size, Ordering::SeqCst);
            put.await
        })
    }

    async fn complete(&mut self) -> Result<PutResult> {
        if self.of.fails == Fails::Complete {
            return Err(failed());
        }
        let done = self.inner.complete().await?;
        self.of.seen.completed.fetch_add(1, Ordering::SeqCst);
        if self.of.fails == Fails::Completed { Err(failed()) } else { Ok(done) }
    }

    async fn abort(&mut self) -> Result<()> {
        self.of.seen.aborted.fetch_add(1, Ordering::SeqCst);
        self.inner.abort().await
    }
}
