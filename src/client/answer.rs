//! Answers: bodies read up to a maximum, and error documents turned into decisions.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use reqwest::{Response, StatusCode};
use serde::Deserialize;
use serde_json::Value;

use super::Client;
use super::error::{ClientError, Outage, Refusal};
use crate::domain::Digest;
use crate::domain::api::Problem;

/// Most that is read of an error document, in bytes: one may name a thousand artifacts.
const ERROR_MAX: u64 = 4 << 20;
/// How what a stranger says begins.
const FOREIGN: &str = "HTTP ";
/// The status of servers that know GET and HEAD alone.
const NOT_IMPLEMENTED: u16 = 501;
/// Most characters of a foreign error that are shown.
const SHOWN: usize = 400;

/// The error document of the OCI distribution specification 1.1, "Error Codes".
#[derive(Deserialize)]
struct OciErrors {
    errors: Vec<OciError>,
}

#[derive(Deserialize)]
struct OciError {
    code: String,
    #[serde(default)]
    message: String,
    #[serde(default)]
    detail: Value,
}

/// Lets good answers through; reads others and says what they mean. What no server of a registry would say may be that of a server of
/// files, which is looked at then.
pub(super) async fn accept(client: &Client, response: Response, what: &str) -> Result<Response, ClientError> {
    let may_be_files = may_be_files(&response);
    let error = match judge(client, response, what).await {
        Ok(response) => return Ok(response),
        Err(error) => error,
    };
    let is_foreign = match &error {
        ClientError::NotFound { detail, .. } => detail.starts_with(FOREIGN),
        ClientError::Refused { said, .. } => said.code.is_empty(),
        ClientError::NotUnderstood { .. } => true,
        ClientError::Unavailable { outage: Outage::Failed { status, .. }, .. } => *status == NOT_IMPLEMENTED,
        _ => false,
    };
    match is_foreign && may_be_files && client.has_files().await? {
        true => Err(client.needs_server(what)),
        false => Err(error),
    }
}

/// Whether a server of files could have said so. That a blob is not there is what most pushes ask about, and is nothing special.
fn may_be_files(response: &Response) -> bool {
    let status = response.status();
    let is_refusal = status.is_client_error() && !matches!(status, StatusCode::UNAUTHORIZED);
    (is_refusal || status.as_u16() == NOT_IMPLEMENTED) && !response.url().path().contains("/blobs/sha")
}

/// Lets good answers through; reads others and says what they mean, as a registry's.
pub(super) async fn judge(client: &Client, response: Response, what: &str) -> Result<Response, ClientError> {
    let status = response.status();
    if !status.is_client_error() && !status.is_server_error() {
        return Ok(response);
    }
    // A body that cannot be read leaves the status, which says enough.
    let idle = client.timeouts.idle.min(Duration::from_secs(5));
    let of_catalogue = response.url().path().contains("/api/v1/");
    let body = read_body(client, response, what, ERROR_MAX, idle).await.unwrap_or_default();
    let said = said(status, &body);
    let is_ours = said.is_some();
    let said = said.unwrap_or_else(|| foreign(status, &body));
    Err(match status {
        // Every OCI registry has /v2; that it also has a catalogue cannot be expected.
        StatusCode::NOT_FOUND if of_catalogue && !is_ours => client.not_understood(
            what,
            "it has no catalogue (/api/v1): plain OCI registries take exact versions, tags and digests",
        ),
        StatusCode::NOT_FOUND => ClientError::NotFound { what: what.to_owned(), detail: said.detail, hint: said.hint },
        StatusCode::TOO_MANY_REQUESTS
        | StatusCode::BAD_GATEWAY
        | StatusCode::SERVICE_UNAVAILABLE
        | StatusCode::GATEWAY_TIMEOUT => client.out(what, Outage::Busy(status.as_u16())),
        _ if status.is_server_error() => {
            client.out(what, Outage::Failed { status: status.as_u16(), detail: said.detail })
        }
        _ => ClientError::Refused { what: what.to_owned(), said: Box::new(said) },
    })
}

/// Reads a body of at most `maximum` bytes, each part within `idle` of the one before.
pub(super) async fn read_body(
    client: &Client,
    mut response: Response,
    what: &str,
    maximum: u64,
    idle: Duration,
) -> Result<Bytes, ClientError> {
    let too_large = || ClientError::TooLarge { what: what.to_owned(), maximum };
    let announced = response.content_length();
    if announced.is_some_and(|length| length > maximum) {
        return Err(too_large());
    }
    // The announcement is a stranger's word: it saves copies, up to 16 MiB, and is trusted no further.
    let mut body = BytesMut::with_capacity(announced.unwrap_or_default().min(16 << 20) as usize);
    loop {
        let part = match tokio::time::timeout(idle, response.chunk()).await {
            Err(_) => return Err(client.out(what, Outage::Silent(idle))),
            Ok(Err(error)) => return Err(client.unavailable(what, &error)),
            Ok(Ok(part)) => part,
        };
        let Some(part) = part else { return Ok(body.freeze()) };
        if (body.len() + part.len()) as u64 > maximum {
            return Err(too_large());
        }
        client.moved(part.len() as u64);
        body.extend_from_slice(&part);
    }
}

/// A header as text.
pub(super) fn header<'a>(response: &'a Response, name: &str) -> Option<&'a str> {
    response.headers().get(name).and_then(|value| value.to_str().ok())
}

/// Reads an error document of either form.
fn said(status: StatusCode, body: &[u8]) -> Option<Refusal> {
    let status = status.as_u16();
    if let Ok(problem) = serde_json::from_slice::<Problem>(body) {
        let code = problem.kind.rsplit('#').next().unwrap_or_default().to_owned();
        let digest = digest_in(&Value::String(problem.detail.clone()));
        return Some(Refusal {
            status,
            code,
            detail: problem.detail,
            hint: problem.hint,
            digest,
            items: problem.items,
        });
    }
    let OciErrors { errors } = serde_json::from_slice(body).ok()?;
    let error = errors.into_iter().next()?;
    let text = |key: &str| error.detail.get(key).and_then(Value::as_str).map(str::to_owned);
    let detail = if error.message.is_empty() { error.code.clone() } else { error.message };
    let (hint, digest) = (text("hint"), digest_in(&error.detail));
    Some(Refusal { status, hint, digest, code: error.code, detail, items: Vec::new() })
}

/// An answer of something that may be no registry: its status, and the beginning of what it says if that is plain text.
fn foreign(status: StatusCode, body: &[u8]) -> Refusal {
    let text = String::from_utf8_lossy(body);
    let first = text.lines().next().unwrap_or_default().trim();
    let plain = !first.is_empty() && !first.starts_with(['<', '{', '[']);
    let said: String = if plain { format!(": {first}") } else { String::new() }.chars().take(SHOWN).collect();
    Refusal {
        status: status.as_u16(),
        code: String::new(),
        detail: format!("{FOREIGN}{status}{said}"),
        hint: None,
        digest: None,
        items: Vec::new(),
    }
}

/// The first digest in an error's detail, wherever it stands: registries do not agree on its place.
fn digest_in(value: &Value) -> Option<Digest> {
    match value {
        Value::String(text) => {
            text.split(|c: char| c.is_whitespace() || "()\"',".contains(c)).find_map(|word| word.parse().ok())
        }
        Value::Array(items) => items.iter().find_map(digest_in),
        Value::Object(fields) => fields.values().find_map(digest_in),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGEST: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn both_forms_of_error_documents_are_read() {
        let problem = br#"{"type":"about:blank#not_found","title":"t","status":404,"detail":"no such","hint":"try"}"#;
        let read = said(StatusCode::NOT_FOUND, problem).unwrap();
        assert_eq!(
            (read.code.as_str(), read.detail.as_str(), read.hint.as_deref()),
            ("not_found", "no such", Some("try"))
        );

        let oci = format!(
            r#"{{"errors":[{{"code":"DENIED","message":"taken","detail":{{"published":{{"digest":"{DIGEST}"}}}}}}]}}"#
        );
        let read = said(StatusCode::CONFLICT, oci.as_bytes()).unwrap();
        assert_eq!((read.code.as_str(), read.detail.as_str()), ("DENIED", "taken"));
        assert_eq!(read.digest.map(|digest| digest.to_string()).as_deref(), Some(DIGEST));
    }

    #[test]
    fn other_answers_are_shown_only_if_they_are_text() {
        let status = StatusCode::BAD_REQUEST;
        assert_eq!(foreign(status, b"<html>no</html>").detail, "HTTP 400 Bad Request");
        assert_eq!(foreign(status, b"go away\nplease").detail, "HTTP 400 Bad Request: go away");
        assert!(foreign(status, "x".repeat(5000).as_bytes()).detail.len() < 500);
        assert!(said(status, b"{\"errors\":[]}").is_none() && said(status, b"").is_none());
    }

    #[test]
    fn a_digest_is_found_in_a_sentence() {
        let found = |text: String| digest_in(&Value::String(text)).map(|digest| digest.to_string());
        assert_eq!(found(format!("published with other bytes ({DIGEST})")).as_deref(), Some(DIGEST));
        assert_eq!(found("nothing".to_owned()), None);
    }
}
