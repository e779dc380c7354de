//! Importing: an archive or one file in, a line for each artifact out while it goes on.

use std::convert::Infallible;

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use futures::{Stream, stream};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, StatusCode, Uri};
use serde::Serialize;
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio::task::JoinHandle;

use super::answer::{Answer, bad_request, with_type};
use super::openapi::Octets;
use super::parameters::Parameters;
use super::received::{read_archive, read_small};
use crate::domain::api::{ImportItem, ImportSummary, Problem};
use crate::domain::{File, OrgName, TreePath};
use crate::http::Caller;
use crate::http::error::{Code, Failure};
use crate::pack::Limits;
use crate::registry::{ImportedWhole, RegistryError};

/// Most files and folders of an import. Twelve times those of one artifact: an import is many.
const ENTRIES: u64 = 250_000;
/// Lines that wait for a slow client.
const WAITING: usize = 64;

/// Import
///
/// Publishes every artifact that the readers find in a tar, plain or compressed with gzip, or with `path` in one file of that
/// name. Answers while it works: one JSON object a line, an `ImportItem` for each artifact, and an `ImportSummary`, which alone
/// has `done`, on the last line. If the import itself fails half-way, the last line is a `Problem` instead; what was published
/// stays. Importing again adds only what is missing.
///
/// With `atomic=true` all of at most 1,000 artifacts are published together, or none: 409 then names each that is to blame in `items`,
/// and nobody ever sees a part of them.
#[utoipa::path(
    post,
    path = "/api/v1/import",
    operation_id = "import",
    tag = "import",
    params(
        ("org" = OrgName, Query, description = "The organisation to publish under"),
        ("path" = Option<TreePath>, Query, description = "The body is one file, of this name"),
        ("atomic" = Option<bool>, Query, description = "Whether to publish all or nothing"),
    ),
    request_body(description = "The archive, or the file", content(
        (Octets = "application/gzip"),
        (Octets = "application/x-tar"),
        (Octets = "application/octet-stream"),
    )),
    responses(
        (status = 200, body = ImportLine, content_type = "application/x-ndjson", description = "A line for each artifact, then the summary"),
        (status = "default", body = Problem, content_type = "application/problem+json", description = "An error before anything was published"),
    ),
)]
pub(super) async fn import(app: Caller, uri: Uri, headers: HeaderMap, body: Body) -> Answer {
    let parameters = Parameters::read(&uri, &[&["org", "path", "atomic"]])?;
    let hint = "say under which organisation to publish: ?org=NAME";
    let org = parameters.one("org")?.filter(|org| !org.is_empty());
    let org = org.ok_or_else(|| bad_request("the parameter org is missing", hint))?.to_owned();
    let path: Option<TreePath> = parameters.parsed("path", "path is the name of the one file that the body is")?;
    let is_atomic = parameters.choice("atomic", &[("true", true), ("false", false)])?.unwrap_or(false);
    // Each holds its files in memory.
    let slot = app.imports.clone().try_acquire_owned().map_err(|_| {
        let message = "as many imports are under way as are taken at once";
        Failure::new(StatusCode::SERVICE_UNAVAILABLE, Code::TooManyRequests, message)
            .with_hint("try again when one has ended")
    })?;
    let max = app.options.import_max;
    let files = match path {
        Some(path) => {
            let content = read_small(&headers, body, usize::try_from(max).unwrap_or(usize::MAX)).await?;
            vec![File { path, executable: false, content }]
        }
        None => {
            let limits = Limits { compressed: max, unpacked: max, entries: ENTRIES, ..Limits::default() };
            read_archive(&headers, body, limits).await?.files().to_vec()
        }
    };
    if files.is_empty() {
        return Err(bad_request("the archive holds no file", "pack at least one file").into());
    }
    match is_atomic {
        true => whole(app, org, files, slot).await,
        false => start(app, org, files, slot).await,
    }
}

/// Publishes all or nothing, and answers when it is known which.
async fn whole(app: Caller, org: String, files: Vec<File>, slot: OwnedSemaphorePermit) -> Answer {
    // A task of its own: it goes on when the client hangs up.
    let working = tokio::spawn(async move {
        let _slot = slot;
        app.registry.import_whole(&app.actor(), &org, files).await
    });
    let ImportedWhole { mut items, summary } = working.await.map_err(|_| RegistryError::Stopping)??;
    if summary.failed > 0 {
        let message = format!("{} of {} artifacts are refused, and none is published", summary.failed, summary.found);
        let failure = Failure::new(StatusCode::CONFLICT, Code::Denied, message);
        let mut problem = failure.with_hint("put right what items names, or import without atomic").problem();
        items.retain(|item| item.error.is_some());
        problem.items = items;
        let bytes = serde_json::to_vec(&problem).unwrap_or_default();
        let mut response = with_type(bytes.into(), "application/problem+json");
        *response.status_mut() = StatusCode::CONFLICT;
        return Ok(response);
    }
    let lines = items.into_iter().map(ImportLine::Item).chain([ImportLine::Summary(summary)]);
    let lines: Vec<u8> = lines.flat_map(|line| to_line(&line)).collect();
    Ok(with_type(lines.into(), "application/x-ndjson"))
}

/// Any line of the answer.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(untagged)]
pub(super) enum ImportLine {
    /// What became of one artifact.
    Item(ImportItem),
    /// The last line.
    Summary(ImportSummary),
    /// The last line of an import that failed half-way.
    Problem(Problem),
}

type Working = JoinHandle<Result<ImportSummary, RegistryError>>;

/// Begins to work, and answers once there is a first line: what fails before that has a status of its own.
async fn start(app: Caller, org: String, files: Vec<File>, slot: OwnedSemaphorePermit) -> Answer {
    let (sender, mut items) = mpsc::channel(WAITING);
    // A task of its own: it goes on when the client hangs up.
    let working: Working = tokio::spawn(async move {
        let _slot = slot;
        app.registry.import(&app.actor(), &org, files, sender).await
    });
    let state = match items.recv().await {
        Some(item) => (Some(ImportLine::Item(item)), items, Some(working)),
        None => (Some(ImportLine::Summary(ended(working.await)?)), items, None),
    };
    let mut response = Response::new(Body::from_stream(lines(state)));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/x-ndjson"));
    Ok(response)
}

type Lines = (Option<ImportLine>, mpsc::Receiver<ImportItem>, Option<Working>);

fn lines(state: Lines) -> impl Stream<Item = Result<Bytes, Infallible>> {
    stream::unfold(state, async |(first, mut items, working)| {
        if let Some(line) = first {
            return Some((Ok(to_line(&line)), (None, items, working)));
        }
        let working = working?;
        if let Some(item) = items.recv().await {
            return Some((Ok(to_line(&ImportLine::Item(item))), (None, items, Some(working))));
        }
        let line = match ended(working.await) {
            Ok(summary) => ImportLine::Summary(summary),
            Err(failure) => ImportLine::Problem(failure.problem()),
        };
        Some((Ok(to_line(&line)), (None, items, None)))
    })
}

fn ended(
    result: Result<Result<ImportSummary, RegistryError>, tokio::task::JoinError>,
) -> Result<ImportSummary, Failure> {
    match result {
        Ok(result) => result.map_err(Failure::from),
        Err(_) => Err(RegistryError::Stopping.into()),
    }
}

fn to_line(line: &ImportLine) -> Bytes {
    let mut bytes = serde_json::to_vec(line).unwrap_or_default();
    bytes.push(b'\n');
    bytes.into()
}
