//! One table: what a registry's error is in HTTP. Fronts write it as the OCI errors document or as problem+json.

use axum::body::Body;
use axum::response::Response;
use http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};
use serde_json::{Value, json};

use crate::domain::api::Problem;
use crate::domain::{DigestError, NameError, VersionError};
use crate::meta::{MetaError, Refused};
use crate::registry::RegistryError;
use crate::search::SearchError;
use crate::storage::StorageError;

/// Error codes of OCI distribution 1.1, "Error Codes".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// `BLOB_UNKNOWN`
    BlobUnknown,
    /// `BLOB_UPLOAD_INVALID`
    BlobUploadInvalid,
    /// `BLOB_UPLOAD_UNKNOWN`
    BlobUploadUnknown,
    /// `DIGEST_INVALID`
    DigestInvalid,
    /// `MANIFEST_BLOB_UNKNOWN`
    ManifestBlobUnknown,
    /// `MANIFEST_INVALID`
    ManifestInvalid,
    /// `MANIFEST_UNKNOWN`
    ManifestUnknown,
    /// `NAME_INVALID`
    NameInvalid,
    /// `NAME_UNKNOWN`
    NameUnknown,
    /// `SIZE_INVALID`
    SizeInvalid,
    /// `DENIED`
    Denied,
    /// `UNSUPPORTED`
    Unsupported,
    /// `UNAUTHORIZED`
    Unauthorized,
    /// `TOOMANYREQUESTS`
    TooManyRequests,
    /// `UNKNOWN`: the specification has no code for a failure of the registry itself; this is the field's custom.
    Unknown,
}

impl Code {
    /// The code as the document spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::BlobUnknown => "BLOB_UNKNOWN",
            Self::BlobUploadInvalid => "BLOB_UPLOAD_INVALID",
            Self::BlobUploadUnknown => "BLOB_UPLOAD_UNKNOWN",
            Self::DigestInvalid => "DIGEST_INVALID",
            Self::ManifestBlobUnknown => "MANIFEST_BLOB_UNKNOWN",
            Self::ManifestInvalid => "MANIFEST_INVALID",
            Self::ManifestUnknown => "MANIFEST_UNKNOWN",
            Self::NameInvalid => "NAME_INVALID",
            Self::NameUnknown => "NAME_UNKNOWN",
            Self::SizeInvalid => "SIZE_INVALID",
            Self::Denied => "DENIED",
            Self::Unsupported => "UNSUPPORTED",
            Self::Unauthorized => "UNAUTHORIZED",
            Self::TooManyRequests => "TOOMANYREQUESTS",
            Self::Unknown => "UNKNOWN",
        }
    }
}

/// An error on its way out.
#[derive(Debug)]
pub struct Failure {
    /// Status of the answer.
    pub status: StatusCode,
    /// OCI code.
    pub code: Code,
    /// What happened, to what.
    pub message: String,
    /// For programs.
    pub detail: Value,
    /// What to do next.
    pub hint: Option<String>,
}

impl Failure {
    /// An error without detail.
    pub fn new(status: StatusCode, code: Code, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), detail: Value::Null, hint: None }
    }

    /// 400 with a code.
    pub fn bad_request(code: Code, message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, message)
    }

    /// The OCI errors document.
    ///
    /// OCI distribution 1.1, "Error Codes": a JSON object with an array `errors` of objects with `code`, `message` and `detail`.
    pub fn into_oci(self) -> Response {
        let mut error = json!({ "code": self.code.as_str(), "message": self.message });
        if let (false, Some(object)) = (self.detail.is_null(), error.as_object_mut()) {
            object.insert("detail".to_owned(), self.detail);
        }
        let mut response = respond(self.status, "application/json", json!({ "errors": [error] }).to_string());
        if self.status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static(BASIC_CHALLENGE));
        }
        response
    }

    /// The same with what to do next.
    pub fn with_hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    /// RFC 9457: the document alone, for a failure in the middle of an answer.
    pub fn problem(self) -> Problem {
        let code = self.code.as_str().to_ascii_lowercase().replace('_', "-");
        Problem {
            kind: format!("about:blank#{code}"),
            title: self.status.canonical_reason().unwrap_or("Error").to_owned(),
            status: self.status.as_u16(),
            detail: self.message,
            hint: self.hint,
            items: Vec::new(),
        }
    }

    /// RFC 9457, `application/problem+json`.
    pub fn into_problem(self) -> Response {
        let status = self.status;
        let body = serde_json::to_string(&self.problem()).unwrap_or_default();
        let mut response = respond(status, "application/problem+json", body);
        if status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static(BEARER_CHALLENGE));
        }
        response
    }
}

/// How container tools are asked for a token. `Bearer` would send them to a server that makes tokens.
pub const BASIC_CHALLENGE: &str = "Basic realm=\"pclr\", charset=\"UTF-8\"";
/// How others are. At `Basic` a browser would ask for a password.
const BEARER_CHALLENGE: &str = "Bearer realm=\"pclr\"";

fn respond(status: StatusCode, content_type: &'static str, body: String) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    if status == StatusCode::SERVICE_UNAVAILABLE || status == StatusCode::TOO_MANY_REQUESTS {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
    }
    response
}

impl From<NameError> for Failure {
    fn from(error: NameError) -> Self {
        let code = if error.what == "tag" { Code::ManifestInvalid } else { Code::NameInvalid };
        Self::bad_request(code, error.to_string())
    }
}

impl From<DigestError> for Failure {
    fn from(error: DigestError) -> Self {
        Self::bad_request(Code::DigestInvalid, error.to_string())
    }
}

impl From<VersionError> for Failure {
    fn from(error: VersionError) -> Self {
        Self::bad_request(Code::Unsupported, error.to_string())
    }
}

impl From<RegistryError> for Failure {
    fn from(error: RegistryError) -> Self {
        failure(&error)
    }
}

/// The table.
fn failure(error: &RegistryError) -> Failure {
    let text = error.public_text();
    // Messages of the stores carry their hint on a line of its own.
    let (message, hint) = match text.split_once("\nhint: ") {
        Some((message, hint)) => (message.to_owned(), Some(hint.to_owned())),
        None => (text, hint(error)),
    };
    let (status, code) = match error {
        RegistryError::Forbidden => (StatusCode::FORBIDDEN, Code::Denied),
        RegistryError::LoginNeeded | RegistryError::WrongToken => (StatusCode::UNAUTHORIZED, Code::Unauthorized),
        RegistryError::ReadOnly => (StatusCode::SERVICE_UNAVAILABLE, Code::Denied),
        RegistryError::TokenExists(..) => (StatusCode::CONFLICT, Code::Denied),
        RegistryError::AccountUnknown(_)
        | RegistryError::RepositoryUnknown
        | RegistryError::PackageUnknown(_)
        | RegistryError::CollectionUnknown(_)
        | RegistryError::OrgUnknown(_) => (StatusCode::NOT_FOUND, Code::NameUnknown),
        RegistryError::ManifestUnknown(_)
        | RegistryError::VersionUnknown(..)
        | RegistryError::TagUnknown(..)
        | RegistryError::IdUnknown(_)
        | RegistryError::DraftUnknown(_)
        | RegistryError::FileUnknown(_)
        | RegistryError::NoMatch(_) => (StatusCode::NOT_FOUND, Code::ManifestUnknown),
        RegistryError::DraftChanged { .. } => (StatusCode::CONFLICT, Code::Denied),
        RegistryError::BlobUnknown(_) => (StatusCode::NOT_FOUND, Code::BlobUnknown),
        RegistryError::BlobBusy(_) => (StatusCode::SERVICE_UNAVAILABLE, Code::BlobUploadInvalid),
        RegistryError::UploadUnknown => (StatusCode::NOT_FOUND, Code::BlobUploadUnknown),
        RegistryError::Refused(refused) => refusal(refused),
        RegistryError::ManifestInvalid(_) | RegistryError::TagInvalid(..) => {
            (StatusCode::BAD_REQUEST, Code::ManifestInvalid)
        }
        RegistryError::DigestDiffers { .. } => (StatusCode::BAD_REQUEST, Code::DigestInvalid),
        RegistryError::SizeDiffers { .. } => (StatusCode::BAD_REQUEST, Code::SizeInvalid),
        RegistryError::BadRequest(_) => (StatusCode::BAD_REQUEST, Code::Unsupported),
        RegistryError::TooLarge { .. } => (StatusCode::PAYLOAD_TOO_LARGE, Code::SizeInvalid),
        RegistryError::Storage(error) => storage(error),
        RegistryError::Meta(error) => metadata(error),
        RegistryError::Search(error) => match error {
            SearchError::Cursor(_) => (StatusCode::BAD_REQUEST, Code::Unsupported),
            SearchError::Busy(_) | SearchError::Damaged(_) | SearchError::Unavailable(_) => {
                (StatusCode::SERVICE_UNAVAILABLE, Code::Unknown)
            }
        },
        RegistryError::Commit(shared) => {
            let inner = failure(shared);
            return Failure { message, ..inner };
        }
        RegistryError::Log(_) | RegistryError::ManifestsLost(_) => (StatusCode::INTERNAL_SERVER_ERROR, Code::Unknown),
        RegistryError::Stopping => (StatusCode::SERVICE_UNAVAILABLE, Code::Unknown),
    };
    if status.is_server_error() {
        tracing::error!(error = %error, status = status.as_u16(), "request failed");
    }
    let detail = match error {
        RegistryError::Refused(refused) => refusal_detail(refused),
        _ => Value::Null,
    };
    Failure { status, code, message, detail, hint }
}

fn hint(error: &RegistryError) -> Option<String> {
    match error {
        RegistryError::NoMatch(no_match) => Some(no_match.hint()),
        RegistryError::Refused(Refused::PurgeOfLive(version)) => {
            Some(format!("delete {version} first: DELETE …/versions/{version}, or pclr delete"))
        }
        RegistryError::Meta(MetaError::Unavailable(_)) => {
            Some("try again later; the server's log says what happened".to_owned())
        }
        RegistryError::TagInvalid(..) => {
            Some("a push publishes versions, PUT …/pin moves latest; choose another tag".to_owned())
        }
        RegistryError::TagUnknown(_, name) => Some(format!("/api/v1/artifacts/{name}/tags lists those that there are")),
        RegistryError::LoginNeeded => Some("send a token, as Authorization: Bearer TOKEN".to_owned()),
        RegistryError::WrongToken => Some("ask for a new token, or send none".to_owned()),
        RegistryError::Forbidden => Some("an owner of the organisation, or the operator, can give the role".to_owned()),
        _ => None,
    }
}

fn refusal(refused: &Refused) -> (StatusCode, Code) {
    match refused {
        Refused::VersionExists { .. }
        | Refused::VersionDeleted(_)
        | Refused::VersionPurged(_)
        | Refused::PurgeOfLive(_)
        | Refused::KindDiffers { .. }
        | Refused::LatestIsComputed
        | Refused::BlobInUse(_)
        | Refused::PinOfYanked(_)
        | Refused::Elsewhere(_)
        | Refused::Batch => (StatusCode::CONFLICT, Code::Denied),
        // RFC 9110, 13.1.1: the condition of the request is false.
        Refused::Changed(_) => (StatusCode::PRECONDITION_FAILED, Code::Denied),
        // OCI distribution 1.1, "Pushing Manifests": a manifest whose blobs are absent is refused with 404 or 400.
        Refused::BlobsUnknown(_) => (StatusCode::BAD_REQUEST, Code::ManifestBlobUnknown),
        Refused::NotFound(_) => (StatusCode::NOT_FOUND, Code::ManifestUnknown),
    }
}

fn refusal_detail(refused: &Refused) -> Value {
    match refused {
        Refused::VersionExists { version, digest } => json!({ "version": version, "digest": digest }),
        Refused::BlobsUnknown(digests) => json!({ "digests": digests }),
        Refused::KindDiffers { package, pushed } => json!({ "package": package, "pushed": pushed }),
        Refused::VersionDeleted(version)
        | Refused::VersionPurged(version)
        | Refused::PurgeOfLive(version)
        | Refused::BlobInUse(version)
        | Refused::PinOfYanked(version) => json!({ "version": version }),
        Refused::LatestIsComputed
        | Refused::Elsewhere(_)
        | Refused::Changed(_)
        | Refused::NotFound(_)
        | Refused::Batch => Value::Null,
    }
}

fn storage(error: &StorageError) -> (StatusCode, Code) {
    match error {
        StorageError::Full { .. } => (StatusCode::INSUFFICIENT_STORAGE, Code::Unknown),
        StorageError::ReadOnly { .. } => (StatusCode::SERVICE_UNAVAILABLE, Code::Denied),
        StorageError::WrongDigest { .. } => (StatusCode::BAD_REQUEST, Code::DigestInvalid),
        StorageError::TooLarge { .. } => (StatusCode::PAYLOAD_TOO_LARGE, Code::SizeInvalid),
        StorageError::Range { .. } => (StatusCode::RANGE_NOT_SATISFIABLE, Code::BlobUploadInvalid),
        StorageError::Corrupt(_) => (StatusCode::INTERNAL_SERVER_ERROR, Code::BlobUnknown),
        StorageError::Busy(_) => (StatusCode::CONFLICT, Code::BlobUploadInvalid),
        StorageError::UploadUnknown(_) => (StatusCode::NOT_FOUND, Code::BlobUploadUnknown),
        StorageError::Offset { .. } => (StatusCode::RANGE_NOT_SATISFIABLE, Code::BlobUploadInvalid),
        StorageError::Interrupted(_) => (StatusCode::BAD_REQUEST, Code::BlobUploadInvalid),
        StorageError::Locked(_)
        | StorageError::Occupied { .. }
        | StorageError::Collecting { .. }
        | StorageError::StoodStill
        | StorageError::Left
        | StorageError::OwnerChanged { .. }
        | StorageError::NewerFormat { .. }
        | StorageError::Refused { .. }
        | StorageError::NoBucket { .. }
        | StorageError::Foreign { .. }
        | StorageError::NoStore(_)
        | StorageError::Unusable { .. }
        | StorageError::Unreachable { .. }
        | StorageError::Unavailable { .. } => (StatusCode::SERVICE_UNAVAILABLE, Code::Unknown),
        // What callers ask for and is not there has an error of its own; this is something that ought to be there.
        StorageError::NotFound { .. } | StorageError::Malformed { .. } | StorageError::EventGap { .. } => {
            (StatusCode::INTERNAL_SERVER_ERROR, Code::Unknown)
        }
    }
}

fn metadata(error: &MetaError) -> (StatusCode, Code) {
    match error {
        MetaError::Unavailable(_) => (StatusCode::SERVICE_UNAVAILABLE, Code::Unknown),
        MetaError::Cursor => (StatusCode::BAD_REQUEST, Code::Unsupported),
        MetaError::NewerSchema { .. }
        | MetaError::MigrationChanged { .. }
        | MetaError::MigrationMissing { .. }
        | MetaError::Diverged(_)
        | MetaError::Gap { .. }
        | MetaError::Corrupt(_) => (StatusCode::INTERNAL_SERVER_ERROR, Code::Unknown),
    }
}
