//! Paths below `/v2/`, parsed once, from the right: names contain slashes, so only the end says what a path is.

use std::borrow::Cow;

use uuid::Uuid;

use crate::domain::{Digest, Reference, Repository};
use crate::http::error::{Code, Failure};

/// What a path names. OCI distribution 1.1, "Endpoints".
#[derive(Clone, Debug, PartialEq)]
pub enum Route {
    /// `/v2/` (end-1)
    Base,
    /// `/v2/_catalog`
    Catalog,
    /// `/v2/<name>/blobs/<digest>` (end-2, end-10)
    Blob(Repository, Digest),
    /// `/v2/<name>/manifests/<reference>` (end-3, end-7, end-9)
    Manifest(Repository, Reference),
    /// `/v2/<name>/blobs/uploads/` (end-4, end-11)
    Uploads(Repository),
    /// `/v2/<name>/blobs/uploads/<id>` (end-5, end-6, end-13, end-14)
    Upload(Repository, Uuid),
    /// `/v2/<name>/tags/list` (end-8)
    Tags(Repository),
    /// `/v2/<name>/referrers/<digest>` (end-12)
    Referrers(Repository, Digest),
}

/// Why a path names nothing.
#[derive(Debug)]
pub enum NoRoute {
    /// It is of no form that there is.
    NotFound,
    /// A part of it is outside its grammar.
    Invalid(Failure),
    /// The reference is outside the grammar of tags, so that no manifest can have it: 404 for reads, 400 for writes.
    NoTag(Failure),
}

impl Route {
    /// The repository that it is about, if it is about one.
    pub fn repository(&self) -> Option<&Repository> {
        match self {
            Self::Base | Self::Catalog => None,
            Self::Blob(repository, _)
            | Self::Manifest(repository, _)
            | Self::Uploads(repository)
            | Self::Upload(repository, _)
            | Self::Tags(repository)
            | Self::Referrers(repository, _) => Some(repository),
        }
    }

    /// Parses the path of a request, percent-encoded as it came.
    pub fn parse(path: &str) -> Result<Self, NoRoute> {
        let rest = path.strip_prefix("/v2").ok_or(NoRoute::NotFound)?;
        if rest.is_empty() || rest == "/" {
            return Ok(Self::Base);
        }
        let rest = decode(rest.strip_prefix('/').ok_or(NoRoute::NotFound)?)?;
        if rest == "_catalog" {
            return Ok(Self::Catalog);
        }
        let mut parts = rest.rsplitn(3, '/');
        let (last, middle, name) = (parts.next(), parts.next(), parts.next());
        let (Some(last), Some(middle), Some(name)) = (last, middle, name) else { return Err(NoRoute::NotFound) };
        // `<name>/blobs/uploads/` and `<name>/blobs/uploads/<id>`; a repository may itself be called `x/blobs/uploads`.
        if middle == "uploads"
            && let Some(name) = name.strip_suffix("/blobs")
        {
            let repository = repository(name)?;
            if last.is_empty() {
                return Ok(Self::Uploads(repository));
            }
            let unknown = || {
                let status = http::StatusCode::NOT_FOUND;
                NoRoute::Invalid(Failure::new(status, Code::BlobUploadUnknown, "there is no upload session of this id"))
            };
            return Ok(Self::Upload(repository, last.parse().map_err(|_| unknown())?));
        }
        match (middle, last) {
            ("blobs", "uploads") => Ok(Self::Uploads(repository(name)?)),
            ("blobs", digest) => Ok(Self::Blob(repository(name)?, self::digest(digest)?)),
            ("manifests", reference) => Ok(Self::Manifest(repository(name)?, self::reference(reference)?)),
            ("tags", "list") => Ok(Self::Tags(repository(name)?)),
            ("referrers", digest) => Ok(Self::Referrers(repository(name)?, self::digest(digest)?)),
            _ => Err(NoRoute::NotFound),
        }
    }
}

fn repository(name: &str) -> Result<Repository, NoRoute> {
    name.parse().map_err(|error: crate::domain::NameError| NoRoute::Invalid(error.into()))
}

fn digest(text: &str) -> Result<Digest, NoRoute> {
    text.parse().map_err(|error: crate::domain::DigestError| NoRoute::Invalid(error.into()))
}

/// A tag cannot hold a colon, so what has one is meant as a digest.
fn reference(text: &str) -> Result<Reference, NoRoute> {
    if text.contains(':') {
        return digest(text).map(Reference::Digest);
    }
    text.parse().map(Reference::Tag).map_err(|error: crate::domain::NameError| NoRoute::NoTag(error.into()))
}

/// Percent-decodes a path. Few clients encode anything but the colon of a digest.
fn decode(path: &str) -> Result<Cow<'_, str>, NoRoute> {
    if !path.contains('%') {
        return Ok(Cow::Borrowed(path));
    }
    let invalid =
        || NoRoute::Invalid(Failure::bad_request(Code::NameInvalid, "the path is not valid percent-encoded UTF-8"));
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        rest = tail;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let pair = rest.get(..2).ok_or_else(invalid)?;
        bytes.push(hex::decode(pair).map_err(|_| invalid())?[0]);
        rest = &rest[2..];
    }
    String::from_utf8(bytes).map(Cow::Owned).map_err(|_| invalid())
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGEST: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    fn check(path: &str, expected: &str) {
        let found = match Route::parse(path) {
            Ok(route) => format!("{route:?}"),
            Err(NoRoute::NotFound) => "not found".to_owned(),
            Err(NoRoute::Invalid(failure)) => format!("invalid {}", failure.code.as_str()),
            Err(NoRoute::NoTag(_)) => "no tag".to_owned(),
        };
        assert_eq!(found.replace(DIGEST, "DIGEST"), expected, "{path}");
    }

    #[test]
    fn paths_are_read_from_the_right() {
        check("/v2", "Base");
        check("/v2/", "Base");
        check("/v2/_catalog", "Catalog");
        check("/v2/a/b/c/manifests/1.0", "Manifest(a/b/c, Tag(1.0))");
        check(&format!("/v2/a/manifests/{DIGEST}"), "Manifest(a, Digest(DIGEST))");
        check(&format!("/v2/a/blobs/{}", DIGEST.replace(':', "%3A")), "Blob(a, DIGEST)");
        check("/v2/a/blobs/uploads/", "Uploads(a)");
        check("/v2/a/blobs/uploads", "Uploads(a)");
        check(
            "/v2/a/blobs/uploads/00000000-0000-0000-0000-000000000001",
            "Upload(a, 00000000-0000-0000-0000-000000000001)",
        );
        check("/v2/a/manifests/manifests/manifests", "Manifest(a/manifests, Tag(manifests))");
        check("/v2/a/tags/list/tags/list", "Tags(a/tags/list)");
        check(&format!("/v2/a/referrers/{DIGEST}"), "Referrers(a, DIGEST)");
    }

    #[test]
    fn what_is_outside_a_grammar_says_which() {
        check("/v2/A/tags/list", "invalid NAME_INVALID");
        check("/v2/../manifests/x", "invalid NAME_INVALID");
        check("/v2/a%00b/manifests/x", "invalid NAME_INVALID");
        check("/v2/a%ff/manifests/x", "invalid NAME_INVALID");
        check("/v2/a%2/tags/list", "invalid NAME_INVALID");
        check("/v2/a/blobs/sha256:abc", "invalid DIGEST_INVALID");
        check("/v2/a/blobs/x", "invalid DIGEST_INVALID");
        check("/v2/a/manifests/sha256:abc", "invalid DIGEST_INVALID");
        check("/v2/a/manifests/.x", "no tag");
        check("/v2/a/blobs/uploads/x", "invalid BLOB_UPLOAD_UNKNOWN");
        check("/v2/a", "not found");
        check("/v2/a/b", "not found");
        check("/v2/a/b/c", "not found");
        check("/v1/", "not found");
    }
}
