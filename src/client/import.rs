//! Sending many files at once and hearing what becomes of each.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::BytesMut;
use futures::StreamExt;
use reqwest::header::{CONTENT_LENGTH, CONTENT_TYPE};
use reqwest::{Body, Method, Response};
use serde_json::Value;
use tokio_util::io::ReaderStream;

use super::error::{ClientError, Outage};
use super::folder::failed;
use super::transport::Client;
use crate::domain::api::{ImportItem, ImportSummary, Problem};

/// Longest line of the answer, in bytes.
const LINE_MAX: usize = 1 << 20;

/// The answer to an import, line by line as it comes.
pub struct ImportLines {
    client: Client,
    response: Response,
    buffer: BytesMut,
}

/// One line of the answer.
#[derive(Debug)]
pub enum ImportLine {
    /// What became of one artifact.
    Item(Box<ImportItem>),
    /// The last line.
    Summary(ImportSummary),
}

/// What an artifact that is refused means for the others of an import.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImportOf {
    /// Nothing: they are published.
    Each,
    /// They are not published either. The error names all that are to blame.
    Whole,
}

impl Client {
    /// Sends a tar.gz of files, or one file whose name is `path`, to be published under `org`.
    ///
    /// Not repeated on failure: what was imported stays, and asking again adds only the rest.
    pub async fn import(
        &self,
        org: &str,
        body: &Path,
        path: Option<&str>,
        of: ImportOf,
    ) -> Result<ImportLines, ClientError> {
        let file = tokio::fs::File::open(body).await.map_err(failed("open", body))?;
        let length = file.metadata().await.map_err(failed("read", body))?.len();
        let sent = Arc::new(AtomicU64::new(0));
        let (client, count) = (self.clone(), sent.clone());
        let parts = ReaderStream::with_capacity(file, 64 << 10).inspect(move |part| {
            if let Ok(part) = part {
                count.fetch_add(part.len() as u64, Ordering::Relaxed);
                client.moved(part.len() as u64);
            }
        });
        let mut query = vec![("org", org)];
        query.extend(path.map(|path| ("path", path)));
        query.extend((of == ImportOf::Whole).then_some(("atomic", "true")));
        let content_type = if path.is_some() { "application/octet-stream" } else { "application/gzip" };
        let request = self
            .request(Method::POST, "/api/v1/import")
            .query(&query)
            .header(CONTENT_TYPE, content_type)
            .header(CONTENT_LENGTH, length)
            .body(Body::wrap_stream(parts));
        let response = self.send_moving(request, "the import", self.timeouts.import, &sent).await?;
        Ok(ImportLines { client: self.clone(), response, buffer: BytesMut::new() })
    }
}

impl ImportLines {
    /// The next line; nothing after the last. An answer that ends without its summary, or with a problem, is an error.
    pub async fn next(&mut self) -> Result<ImportLine, ClientError> {
        let what = "the import";
        loop {
            if let Some(end) = self.buffer.iter().position(|byte| *byte == b'\n') {
                let line = self.buffer.split_to(end + 1);
                if line.trim_ascii().is_empty() {
                    continue;
                }
                if let Ok(problem) = serde_json::from_slice::<Problem>(&line) {
                    return Err(self
                        .client
                        .out(what, Outage::Failed { status: problem.status, detail: problem.detail }));
                }
                return read_line(&line).map_err(|error| self.client.not_understood(what, error));
            }
            if self.buffer.len() > LINE_MAX {
                return Err(ClientError::TooLarge {
                    what: "a line of the import".to_owned(),
                    maximum: LINE_MAX as u64,
                });
            }
            let idle = self.client.timeouts.import;
            match tokio::time::timeout(idle, self.response.chunk()).await {
                Err(_) => return Err(self.client.out(what, Outage::Silent(idle))),
                Ok(Err(error)) => return Err(self.client.unavailable(what, &error)),
                Ok(Ok(Some(part))) => self.buffer.extend_from_slice(&part),
                Ok(Ok(None)) if self.buffer.trim_ascii().is_empty() => {
                    let outage = Outage::Broken("the answer ended before its summary".to_owned());
                    return Err(self.client.out(what, outage));
                }
                Ok(Ok(None)) => self.buffer.extend_from_slice(b"\n"),
            }
        }
    }
}

/// The summary alone has `done`.
fn read_line(line: &[u8]) -> Result<ImportLine, serde_json::Error> {
    let value: Value = serde_json::from_slice(line)?;
    if value.get("done").and_then(Value::as_bool) == Some(true) {
        return serde_json::from_value(value).map(ImportLine::Summary);
    }
    serde_json::from_value(value).map(|item| ImportLine::Item(Box::new(item)))
}
