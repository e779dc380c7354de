//! Conditional requests: whether a client holds what it asks for already, or has seen what it changes.

use http::HeaderMap;
use http::header::{HeaderName, IF_MATCH, IF_NONE_MATCH};

/// Whether `If-None-Match` names this entity tag, or any. RFC 9110, 13.1.2: tags are compared weakly.
pub(super) fn is_known(request: &HeaderMap, etag: &[u8]) -> bool {
    names(request, IF_NONE_MATCH, |one| one == b"*" || one.strip_prefix(b"W/").unwrap_or(one) == etag)
}

/// Whether `If-Match` names this entity tag, or any. RFC 9110, 13.1.1: tags are compared strongly.
pub(super) fn is_expected(request: &HeaderMap, etag: &[u8]) -> bool {
    names(request, IF_MATCH, |one| one == b"*" || one == etag)
}

fn names(request: &HeaderMap, header: HeaderName, is_it: impl Fn(&[u8]) -> bool) -> bool {
    request
        .get_all(header)
        .iter()
        .any(|value| value.as_bytes().split(|byte| *byte == b',').any(|one| is_it(one.trim_ascii())))
}
