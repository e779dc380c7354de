//! Requests of the XML interface, and what the stub answers.

use axum::body::Body;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, Method, StatusCode};
use axum::response::Response;
use bytes::Bytes;

use super::BUCKET;
use super::objects::{Object, Objects, Refused, Upload};

/// How many names a page of a list has, unless fewer are asked for.
const PAGE: usize = 20;

/// The condition of a write.
const CONDITION: &str = "x-goog-if-generation-match";

struct Asked<'a> {
    key: String,
    query: Vec<(String, String)>,
    headers: &'a HeaderMap,
    body: Bytes,
}

impl Asked<'_> {
    fn query(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().expect("headers are text"))
    }

    fn condition(&self) -> Option<u64> {
        self.header(CONDITION).map(|number| number.parse().expect("a generation is a number"))
    }

    /// What is kept of the headers with an object.
    fn kept(&self) -> HeaderMap {
        let is_kept = |name: &HeaderName| {
            matches!(name.as_str(), "content-type" | "cache-control") || name.as_str().starts_with("x-goog-meta-")
        };
        self.headers
            .iter()
            .filter(|(name, _)| is_kept(name))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect()
    }
}

pub fn answer(objects: &mut Objects, parts: &Parts, body: Bytes) -> Response {
    let url = reqwest::Url::parse(&format!("http://stub{}", parts.uri)).expect("a target is one");
    let path = decoded(url.path().trim_start_matches('/'));
    let query = url.query_pairs().into_owned().collect();
    let (bucket, key) = path.split_once('/').unwrap_or((&path, ""));
    if bucket != BUCKET {
        return error(StatusCode::NOT_FOUND, "NoSuchBucket");
    }
    let asked = Asked { key: key.to_owned(), query, headers: &parts.headers, body };
    match (&parts.method, asked.key.is_empty()) {
        (&Method::GET, true) => list(objects, &asked),
        (&Method::GET | &Method::HEAD, false) => read(objects, &asked),
        (&Method::PUT, false) => write(objects, asked),
        (&Method::POST, false) => upload(objects, &asked),
        (&Method::DELETE, false) => remove(objects, &asked),
        _ => error(StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed"),
    }
}

fn write(objects: &mut Objects, asked: Asked<'_>) -> Response {
    if let (Some(id), Some(number)) = (asked.query("uploadId"), asked.query("partNumber")) {
        let (id, number) = (id.to_owned(), number.parse().expect("a part has a number"));
        let tag = format!("\"part-{}\"", objects.next());
        return match objects.uploads.get_mut(&id) {
            Some(upload) => {
                upload.parts.insert(number, (tag.clone(), asked.body));
                answered(StatusCode::OK).header("ETag", tag).body(Body::empty()).unwrap()
            }
            None => error(StatusCode::NOT_FOUND, "NoSuchUpload"),
        };
    }
    let (bytes, headers) = match asked.header("x-goog-copy-source") {
        Some(source) => {
            let source = decoded(source);
            match source.split_once('/').and_then(|(_, key)| objects.objects.get(key)) {
                Some(object) => (object.bytes.clone(), object.headers.clone()),
                None => return error(StatusCode::NOT_FOUND, "NoSuchKey"),
            }
        }
        None => (asked.body.clone(), asked.kept()),
    };
    match objects.put(&asked.key, bytes, headers, asked.condition()) {
        Ok(object) => named(answered(StatusCode::OK), object).body(Body::empty()).unwrap(),
        Err(Refused) => error(StatusCode::PRECONDITION_FAILED, "PreconditionFailed"),
    }
}

fn upload(objects: &mut Objects, asked: &Asked<'_>) -> Response {
    if asked.query("uploads").is_some() {
        let id = format!("upload-{}", objects.next());
        objects
            .uploads
            .insert(id.clone(), Upload { key: asked.key.clone(), headers: asked.kept(), parts: Default::default() });
        return xml(format!(
            "<InitiateMultipartUploadResult><UploadId>{id}</UploadId></InitiateMultipartUploadResult>"
        ));
    }
    let body = std::str::from_utf8(&asked.body).expect("the list of parts is text");
    let element = |text: &str, name: &str| {
        let (_, rest) = text.split_once(&format!("<{name}>")).expect("it is there");
        rest.split_once("</").expect("it ends").0.replace("&quot;", "\"")
    };
    let wanted: Vec<(u32, String)> = body
        .split("<Part>")
        .skip(1)
        .map(|part| (element(part, "PartNumber").parse().expect("a number"), element(part, "ETag")))
        .collect();
    let Some(id) = asked.query("uploadId") else { return error(StatusCode::BAD_REQUEST, "InvalidArgument") };
    match objects.finish(id, &wanted) {
        Some(object) => {
            let text =
                format!("<CompleteMultipartUploadResult><ETag>{}</ETag></CompleteMultipartUploadResult>", object.tag());
            named(answered(StatusCode::OK), object).body(text.into()).unwrap()
        }
        None => error(StatusCode::NOT_FOUND, "NoSuchUpload"),
    }
}

fn remove(objects: &mut Objects, asked: &Asked<'_>) -> Response {
    let is_gone = match asked.query("uploadId") {
        Some(id) => objects.uploads.remove(id).is_some(),
        None => objects.objects.remove(&asked.key).is_some(),
    };
    match is_gone {
        true => answered(StatusCode::NO_CONTENT).body(Body::empty()).unwrap(),
        false => error(StatusCode::NOT_FOUND, "NoSuchKey"),
    }
}

fn read(objects: &Objects, asked: &Asked<'_>) -> Response {
    let Some(object) = objects.objects.get(&asked.key) else { return error(StatusCode::NOT_FOUND, "NoSuchKey") };
    if asked.query("generation").is_some_and(|wanted| wanted != object.generation.to_string()) {
        return error(StatusCode::NOT_FOUND, "NoSuchKey");
    }
    if asked.header("if-match").is_some_and(|tag| tag != object.tag()) {
        return error(StatusCode::PRECONDITION_FAILED, "PreconditionFailed");
    }
    if asked.header("if-none-match").is_some_and(|tag| tag == object.tag()) {
        return answered(StatusCode::NOT_MODIFIED).body(Body::empty()).unwrap();
    }
    let size = object.bytes.len();
    let range = match asked.header("range").map(|range| wanted(range, size)) {
        None => return named(answered(StatusCode::OK), object).body(object.bytes.clone().into()).unwrap(),
        Some(Some(range)) => range,
        Some(None) => return error(StatusCode::RANGE_NOT_SATISFIABLE, "InvalidRange"),
    };
    let content = format!("bytes {}-{}/{size}", range.start, range.end - 1);
    let response = named(answered(StatusCode::PARTIAL_CONTENT), object).header("Content-Range", content);
    response.body(object.bytes.slice(range).into()).unwrap()
}

/// RFC 9110, 14.1.2: first to last byte, from a first one on, or the last so many.
fn wanted(range: &str, size: usize) -> Option<std::ops::Range<usize>> {
    let (first, last) = range.strip_prefix("bytes=")?.split_once('-')?;
    let range = match (first.parse::<usize>(), last.parse::<usize>()) {
        (Ok(first), Ok(last)) => first..size.min(last + 1),
        (Ok(first), Err(_)) => first..size,
        (Err(_), Ok(last)) => size.saturating_sub(last)..size,
        (Err(_), Err(_)) => return None,
    };
    (range.start < range.end).then_some(range)
}

/// Version 2 of the list: in order, after a name, in pages; below a delimiter only the common beginning is told.
fn list(objects: &Objects, asked: &Asked<'_>) -> Response {
    let prefix = asked.query("prefix").unwrap_or_default();
    let after = asked.query("continuation-token").or(asked.query("start-after")).unwrap_or_default();
    let page = asked.query("max-keys").and_then(|number| number.parse().ok()).unwrap_or(PAGE).min(PAGE);
    let (mut text, mut count, mut last) = (String::new(), 0, None::<String>);
    let mut common = String::new();
    for (key, object) in objects.objects.iter().filter(|(key, _)| key.starts_with(prefix) && key.as_str() > after) {
        let below = asked.query("delimiter").and_then(|delimiter| key[prefix.len()..].find(delimiter));
        let folder = below.map(|at| &key[..=prefix.len() + at]);
        if folder.is_some_and(|folder| folder == common || after.starts_with(folder)) {
            continue;
        }
        if count == page {
            text += &format!("<NextContinuationToken>{}</NextContinuationToken>", last.unwrap_or_default());
            return xml(format!("<ListBucketResult>{text}<IsTruncated>true</IsTruncated></ListBucketResult>"));
        }
        match folder {
            Some(folder) => {
                common = folder.to_owned();
                text += &format!("<CommonPrefixes><Prefix>{folder}</Prefix></CommonPrefixes>");
            }
            None => {
                let (written, size, tag) = (object.written, object.bytes.len(), object.tag());
                text += &format!(
                    "<Contents><Key>{key}</Key><Size>{size}</Size><LastModified>{written}</LastModified><ETag>{tag}</ETag></Contents>"
                );
            }
        }
        last = Some(folder.unwrap_or(key).to_owned());
        count += 1;
    }
    xml(format!("<ListBucketResult>{text}<IsTruncated>false</IsTruncated></ListBucketResult>"))
}

fn answered(status: StatusCode) -> axum::http::response::Builder {
    Response::builder().status(status)
}

/// The headers of an object.
fn named(mut response: axum::http::response::Builder, object: &Object) -> axum::http::response::Builder {
    for (name, value) in &object.headers {
        response = response.header(name, value);
    }
    let written = jiff::fmt::rfc2822::DateTimePrinter::new();
    let written = written.timestamp_to_rfc9110_string(&object.written).expect("it is a time of now");
    response
        .header("ETag", object.tag())
        .header("x-goog-generation", object.generation)
        .header("Last-Modified", written)
}

fn xml(text: String) -> Response {
    answered(StatusCode::OK).header("Content-Type", "application/xml").body(text.into()).unwrap()
}

fn error(status: StatusCode, code: &str) -> Response {
    let text =
        format!("<?xml version='1.0'?><Error><Code>{code}</Code><Message>As the stub sees it.</Message></Error>");
    answered(status).header("Content-Type", "application/xml").body(text.into()).unwrap()
}

/// Percent-decoding, as every sign of a name but letters and digits comes encoded.
fn decoded(text: &str) -> String {
    let (mut bytes, mut rest) = (Vec::new(), text.as_bytes());
    while let [first, tail @ ..] = rest {
        rest = tail;
        match (first, tail) {
            (b'%', [high, low, tail @ ..]) => {
                let digits = [*high, *low];
                let digits = std::str::from_utf8(&digits).expect("it is hexadecimal");
                bytes.push(u8::from_str_radix(digits, 16).expect("it is hexadecimal"));
                rest = tail;
            }
            _ => bytes.push(*first),
        }
    }
    String::from_utf8(bytes).expect("names are text")
}
