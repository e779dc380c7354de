//! Bodies of requests: small ones whole, archives read while they arrive, both within their limit.

use std::io::{self, Read};

use axum::body::Body;
use bytes::{Buf, Bytes};
use futures::StreamExt;
use http::header::CONTENT_LENGTH;
use http::{HeaderMap, StatusCode};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::de::DeserializeOwned;
use tokio::sync::mpsc;

use super::answer::bad_request;
use crate::domain::Tree;
use crate::http::error::{Code, Failure};
use crate::pack::{self, ArchiveError, Limits};

/// Parts of a body that wait for the reader.
const WAITING: usize = 8;

/// A whole body of at most `max` bytes.
pub(super) async fn read_small(headers: &HeaderMap, body: Body, max: usize) -> Result<Bytes, Failure> {
    check_announced(headers, max as u64)?;
    match Limited::new(body, max).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(too_large(max as u64)),
        Err(error) => Err(interrupted(&error)),
    }
}

/// A document in JSON of at most `max` bytes. `hint`: what could have been written.
pub(super) async fn read_json<T: DeserializeOwned>(
    headers: &HeaderMap,
    body: Body,
    max: usize,
    hint: &str,
) -> Result<T, Failure> {
    let bytes = read_small(headers, body, max).await?;
    serde_json::from_slice(&bytes).map_err(|error| unreadable(&error, hint))
}

/// The same, or what it is without a body.
pub(super) async fn read_optional<T: DeserializeOwned + Default>(
    headers: &HeaderMap,
    body: Body,
    max: usize,
    hint: &str,
) -> Result<T, Failure> {
    let bytes = read_small(headers, body, max).await?;
    if bytes.trim_ascii().is_empty() {
        return Ok(T::default());
    }
    let read: Option<T> = serde_json::from_slice(&bytes).map_err(|error| unreadable(&error, hint))?;
    Ok(read.unwrap_or_default())
}

/// The body is no such document.
pub(super) fn unreadable(error: &serde_json::Error, hint: &str) -> Failure {
    bad_request(format!("the body cannot be read: {error}"), hint)
}

/// The files of an archive, opened as it arrives: nothing but what is in it is held.
pub(super) async fn read_archive(headers: &HeaderMap, body: Body, limits: Limits) -> Result<Tree, Failure> {
    let max = limits.compressed;
    check_announced(headers, max)?;
    let (parts, receiver) = mpsc::channel(WAITING);
    // Decompressing up to the limits: not on a thread that serves others.
    let reading = tokio::task::spawn_blocking(move || pack::read_files(Arriving::new(receiver), &limits));
    let mut stream = body.into_data_stream();
    let mut total: u64 = 0;
    let mut parts = Some(parts);
    while let Some(part) = stream.next().await {
        // Dropping the sender ends the reader, which then finds the archive cut off; that is not what went wrong.
        let part = part.map_err(|error| interrupted(&error))?;
        total += part.len() as u64;
        if total > max {
            return Err(too_large(max));
        }
        if let Some(sender) = &parts
            && sender.send(part).await.is_err()
        {
            // The reader has its answer. What follows the end of a good archive is taken in and left alone, so that the client
            // gets to hear the answer.
            parts = None;
        }
        if parts.is_none() && reading.is_finished() {
            break;
        }
    }
    drop(parts);
    let tree = reading.await.map_err(|_| {
        Failure::new(StatusCode::SERVICE_UNAVAILABLE, Code::Unknown, "the registry is stopping; try again")
    })?;
    let tree = tree.map_err(refused)?;
    while let Some(part) = stream.next().await {
        total += part.map_err(|error| interrupted(&error))?.len() as u64;
        if total > max {
            return Err(too_large(max));
        }
    }
    Ok(tree)
}

/// A body as it arrives, for code that reads and waits. Ends where the channel does.
struct Arriving {
    parts: mpsc::Receiver<Bytes>,
    part: Bytes,
}

impl Arriving {
    fn new(parts: mpsc::Receiver<Bytes>) -> Self {
        Self { parts, part: Bytes::new() }
    }
}

impl Read for Arriving {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.part.is_empty() {
            match self.parts.blocking_recv() {
                Some(part) => self.part = part,
                None => return Ok(0),
            }
        }
        let count = self.part.len().min(buffer.len());
        buffer[..count].copy_from_slice(&self.part[..count]);
        self.part.advance(count);
        Ok(count)
    }
}

fn refused(error: ArchiveError) -> Failure {
    let message = error.to_string();
    match error {
        ArchiveError::TooLarge { .. } => Failure::new(StatusCode::PAYLOAD_TOO_LARGE, Code::SizeInvalid, message)
            .with_hint("import it in parts, each an archive of its own"),
        ArchiveError::Path(_) | ArchiveError::Forbidden { .. } => {
            bad_request(message, "pack plain files under relative paths, and nothing else")
        }
        ArchiveError::Unsupported { .. } | ArchiveError::Malformed { .. } => {
            bad_request(message, "send a tar, plain or compressed with gzip, or one file with path=NAME")
        }
    }
}

fn check_announced(headers: &HeaderMap, max: u64) -> Result<(), Failure> {
    let announced = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|announced| announced > max) { Err(too_large(max)) } else { Ok(()) }
}

fn too_large(max: u64) -> Failure {
    let message = format!("the body is larger than the {max} bytes that are accepted");
    Failure::new(StatusCode::PAYLOAD_TOO_LARGE, Code::SizeInvalid, message)
}

fn interrupted(error: &dyn std::fmt::Display) -> Failure {
    Failure::bad_request(Code::SizeInvalid, format!("the body did not arrive whole: {error}"))
}
