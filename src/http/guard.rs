//! What a browser may ask on behalf of a page that is not the registry's own: nothing that changes anything.
//!
//! A page anywhere can send requests to a registry on the reader's loopback, where writing is open. Browsers say where a
//! request comes from (`Origin`, `Sec-Fetch-Site`); other programs do not, and are let through. Knows nothing of accounts.

use std::net::{Ipv4Addr, Ipv6Addr};

use http::header::{HOST, ORIGIN};
use http::uri::Authority;
use http::{Method, Request, StatusCode, Version};

use super::error::{Code, Failure};

/// Why the request is not answered, if it is not. `on_loopback`: the listener takes connections of this machine alone.
pub(super) fn refusal<B>(request: &Request<B>, on_loopback: bool) -> Option<Failure> {
    let authority = match authority(request) {
        Ok(authority) => authority,
        Err(failure) => return Some(failure),
    };
    // A name of the attacker's that has come to mean 127.0.0.1 makes a page look like the registry's own.
    if on_loopback && authority.is_some_and(|authority| !is_loopback(authority)) {
        return Some(denied(
            "this registry listens on loopback and answers to localhost only; a proxy before it sends Host: localhost",
        ));
    }
    let reads = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    (!reads && is_foreign(request, authority)).then(|| denied("a page of another origin cannot change anything here"))
}

/// Whom the client means to talk to. RFC 9112, 3.2: HTTP/1.1 says it in one `Host`; a target in absolute form wins over it.
fn authority<B>(request: &Request<B>) -> Result<Option<&str>, Failure> {
    let mut hosts = request.headers().get_all(HOST).iter();
    let (host, second) = (hosts.next(), hosts.next());
    if second.is_some() || (request.version() == Version::HTTP_11 && host.is_none()) {
        return Err(Failure::bad_request(Code::Unsupported, "a request has one Host header"));
    }
    if let Some(authority) = request.uri().authority() {
        return Ok(Some(authority.as_str()));
    }
    let unreadable = |_| Failure::bad_request(Code::Unsupported, "the Host header is not text");
    host.map(|host| host.to_str().map_err(unreadable)).transpose()
}

fn is_loopback(authority: &str) -> bool {
    let Ok(parsed) = authority.parse::<Authority>() else { return false };
    if authority.contains('@') {
        return false;
    }
    let host = parsed.host();
    if let Some(address) = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        return address.parse::<Ipv6Addr>().is_ok_and(|address| address.to_canonical().is_loopback());
    }
    if let Ok(address) = host.parse::<Ipv4Addr>() {
        return address.is_loopback();
    }
    let name = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
    name == "localhost" || name.ends_with(".localhost")
}

/// Whether a browser says that another origin asks. `Sec-Fetch-Site` is the newer and plainer word, and does not depend on
/// what a proxy made of `Host`.
fn is_foreign<B>(request: &Request<B>, authority: Option<&str>) -> bool {
    let mut sites = request.headers().get_all("sec-fetch-site").iter().peekable();
    if sites.peek().is_some() {
        return !sites.all(|site| site == "same-origin" || site == "none");
    }
    request.headers().get_all(ORIGIN).iter().any(|origin| {
        let own = origin.to_str().ok().and_then(|origin| origin.split_once("://"));
        !own.is_some_and(|(_, own)| authority.is_some_and(|authority| own.eq_ignore_ascii_case(authority)))
    })
}

fn denied(message: &str) -> Failure {
    Failure::new(StatusCode::FORBIDDEN, Code::Denied, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The status that the request is refused with, 0 if it is let through.
    fn status(method: &str, headers: &[(&str, &str)], on_loopback: bool) -> u16 {
        let mut request = Request::builder().method(method).uri("/v2/");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(()).expect("a request");
        refusal(&request, on_loopback).map_or(0, |failure| failure.status.as_u16())
    }

    #[test]
    fn loopback_answers_to_its_own_names() {
        for host in
            ["localhost", "LOCALHOST:7117", "a.localhost:1", "localhost.", "127.0.0.1:7117", "127.9.9.9", "[::1]:80"]
        {
            assert_eq!(status("GET", &[("host", host)], true), 0, "{host}");
        }
        for host in
            ["evil.example", "localhost.evil.example:7117", "127.0.0.1.nip.io", "10.0.0.1", "[::2]", "", "a@localhost"]
        {
            assert_eq!(status("GET", &[("host", host)], true), 403, "{host}");
            assert_eq!(status("GET", &[("host", host)], false), 0, "{host}");
        }
        assert_eq!(status("GET", &[], true), 400);
        assert_eq!(status("GET", &[("host", "localhost"), ("host", "localhost")], true), 400);
    }

    #[test]
    fn other_origins_change_nothing() {
        let host = ("host", "localhost:7117");
        for foreign in [
            ("origin", "https://evil.example"),
            ("origin", "null"),
            ("origin", "http://localhost:8080"),
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-site", "same-site"),
        ] {
            for method in ["POST", "PUT", "PATCH", "DELETE"] {
                assert_eq!(status(method, &[host, foreign], true), 403, "{method} {foreign:?}");
                assert_eq!(status(method, &[host, foreign], false), 403, "{method} {foreign:?}");
            }
            for method in ["GET", "HEAD", "OPTIONS"] {
                assert_eq!(status(method, &[host, foreign], true), 0, "{method} {foreign:?}");
            }
        }
        for own in [
            ("origin", "http://localhost:7117"),
            ("sec-fetch-site", "same-origin"),
            ("sec-fetch-site", "none"),
            ("accept", "*/*"),
        ] {
            assert_eq!(status("POST", &[host, own], true), 0, "{own:?}");
        }
    }
}
