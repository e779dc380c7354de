//! Bodies that may take as long as they like, but not pause for ever; and those that must be as long as was announced.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use futures::{Stream, TryStreamExt};
use http_body::{Frame, SizeHint};
use tokio::time::{Instant, Sleep};

/// A body that fails if no frame comes for `limit`.
pub(super) struct IdleLimited {
    body: Body,
    limit: Duration,
    /// Runs out while a frame is waited for.
    sleep: Pin<Box<Sleep>>,
    /// Whether one is: a body that nobody asks for does not pause.
    waits: bool,
}

impl IdleLimited {
    pub(super) fn wrap(body: Body, limit: Duration) -> Body {
        if http_body::Body::is_end_stream(&body) {
            return body;
        }
        Body::new(Self { body, limit, sleep: Box::pin(tokio::time::sleep(limit)), waits: false })
    }
}

impl http_body::Body for IdleLimited {
    type Data = Bytes;
    type Error = Box<dyn std::error::Error + Send + Sync>;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let this = self.get_mut();
        if let Poll::Ready(frame) = Pin::new(&mut this.body).poll_frame(context) {
            this.waits = false;
            return Poll::Ready(frame.map(|frame| frame.map_err(Into::into)));
        }
        if !this.waits {
            this.waits = true;
            this.sleep.as_mut().reset(Instant::now() + this.limit);
        }
        match this.sleep.as_mut().poll(context) {
            Poll::Ready(()) => {
                let message = format!("nothing arrived for {} seconds", this.limit.as_secs());
                Poll::Ready(Some(Err(message.into())))
            }
            Poll::Pending => Poll::Pending,
        }
    }

    fn is_end_stream(&self) -> bool {
        http_body::Body::is_end_stream(&self.body)
    }

    fn size_hint(&self) -> SizeHint {
        http_body::Body::size_hint(&self.body)
    }
}

/// Set once a body turned out longer or shorter than was announced.
#[derive(Clone, Default)]
pub(super) struct Differs(Arc<AtomicBool>);

impl Differs {
    pub(super) fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    fn error(&self) -> axum::BoxError {
        self.0.store(true, Ordering::Relaxed);
        "the body has another length than was announced".into()
    }
}

/// The bytes of a body, which fails if they are not exactly `length`, if that is known; none beyond them is passed on.
pub(super) fn measured(
    body: Body,
    length: Option<u64>,
    differs: Differs,
) -> impl Stream<Item = Result<Bytes, axum::BoxError>> + Send {
    let start = (body.into_data_stream(), length, false);
    futures::stream::try_unfold(start, move |(mut stream, left, too_long)| {
        let differs = differs.clone();
        async move {
            if too_long {
                return Err(differs.error());
            }
            match (stream.try_next().await?, left) {
                (None, None | Some(0)) => Ok(None),
                (None, Some(_)) => Err(differs.error()),
                (Some(part), None) => Ok(Some((part, (stream, None, false)))),
                (Some(mut part), Some(left)) => {
                    let too_long = part.len() as u64 > left;
                    part.truncate(usize::try_from(left).unwrap_or(usize::MAX));
                    let left = left - part.len() as u64;
                    Ok(Some((part, (stream, Some(left), too_long))))
                }
            }
        }
    })
}
