//! How planned failures of reads look: answers that do not come, come late, end early or show an earlier state.

use std::io;

use bytes::Bytes;
use futures::stream::{self, BoxStream};
use futures::{StreamExt as _, TryStreamExt as _};
use object_store::path::Path;
use object_store::{Error, GetResult, GetResultPayload, ObjectMeta, Result};

use super::fault::planned;
use super::planned::ReadFailure;

/// What comes of a failure before anything is asked: an error, or time passes.
pub(super) async fn failing(failure: ReadFailure, location: &Path) -> Result<()> {
    match failure {
        ReadFailure::Error => Err(unreadable()),
        ReadFailure::Slow(pause) => {
            tokio::time::sleep(pause).await;
            Ok(())
        }
        ReadFailure::Missing => {
            Err(Error::NotFound { path: location.to_string(), source: "404, as a test planned".into() })
        }
        ReadFailure::Cut { .. } | ReadFailure::StaleList { .. } => Ok(()),
    }
}

/// The same answer, whose body ends after so many bytes.
pub(super) fn cut(found: GetResult, after: u64) -> GetResult {
    let (meta, range) = (found.meta.clone(), found.range.clone());
    let (attributes, extensions) = (found.attributes.clone(), found.extensions.clone());
    let body = found.into_stream().scan(after, |left, chunk| {
        let chunk =
            chunk.map(|chunk: Bytes| chunk.slice(..chunk.len().min(usize::try_from(*left).unwrap_or(usize::MAX))));
        *left -= chunk.as_ref().map_or(0, |chunk| chunk.len() as u64);
        let ended = chunk.as_ref().is_ok_and(Bytes::is_empty);
        std::future::ready((!ended).then_some(chunk))
    });
    GetResult { payload: GetResultPayload::Stream(body.boxed()), meta, range, attributes, extensions }
}

/// A list as the plan has it.
pub(super) fn stale(
    failure: io::Result<Option<ReadFailure>>,
    list: BoxStream<'static, Result<ObjectMeta>>,
) -> BoxStream<'static, Result<ObjectMeta>> {
    match failure {
        Err(error) => stream::once(std::future::ready(Err(planned(error)))).boxed(),
        Ok(None | Some(ReadFailure::Cut { .. })) => list,
        Ok(Some(ReadFailure::Error)) => stream::once(std::future::ready(Err(unreadable()))).boxed(),
        Ok(Some(ReadFailure::Missing)) => stream::empty().boxed(),
        Ok(Some(ReadFailure::Slow(pause))) => {
            stream::once(tokio::time::sleep(pause)).flat_map(|()| stream::empty()).chain(list).boxed()
        }
        Ok(Some(ReadFailure::StaleList { lag })) => stream::once(without_newest(list, lag)).try_flatten().boxed(),
    }
}

async fn without_newest(
    list: BoxStream<'static, Result<ObjectMeta>>,
    lag: u64,
) -> Result<BoxStream<'static, Result<ObjectMeta>>> {
    let mut found: Vec<ObjectMeta> = list.try_collect().await?;
    found.sort_by(|one, other| (one.last_modified, &one.location).cmp(&(other.last_modified, &other.location)));
    found.truncate(found.len().saturating_sub(usize::try_from(lag).unwrap_or(usize::MAX)));
    found.sort_by(|one, other| one.location.cmp(&other.location));
    Ok(stream::iter(found.into_iter().map(Ok)).boxed())
}

fn unreadable() -> Error {
    planned(io::Error::other("an I/O error, as a test planned"))
}
