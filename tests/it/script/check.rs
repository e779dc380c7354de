//! Compares a response with what a script expects. Every difference is told; none hides another.

use serde_json::Value;

use super::content::Scope;
use super::wire::Response;
use super::{BodyRule, Expected, HeaderRule};

/// A line of the script and how the response differs from it.
pub type Difference = (usize, String);

/// All differences between `response` and `expected`.
pub fn differences(scope: &Scope, expected: &Expected, response: &Response) -> Vec<Difference> {
    let mut found = Vec::new();
    if !expected.statuses.contains(&response.status) {
        found.push((expected.line, format!("expected status {:?}, found {}", expected.statuses, response.status)));
    }
    for (line, rule) in &expected.headers {
        if let Err(difference) = header(scope, rule, response) {
            found.push((*line, difference));
        }
    }
    for (line, rule) in &expected.body {
        if let Err(difference) = body(scope, rule, response) {
            found.push((*line, difference));
        }
    }
    found
}

fn header(scope: &Scope, rule: &HeaderRule, response: &Response) -> Result<(), String> {
    let (name, fits, wanted) = match rule {
        HeaderRule::Present(name) => (name, response.header(name).is_some(), "any value".to_owned()),
        HeaderRule::Absent(name) => (name, response.header(name).is_none(), "no such header".to_owned()),
        HeaderRule::Is(name, value) => {
            let value = scope.fill(value)?;
            (name, response.values(name).any(|found| found == value), format!("`{value}`"))
        }
        HeaderRule::Like(name, pattern) => {
            let pattern = scope.fill(pattern)?;
            (name, response.values(name).any(|found| matches(&pattern, found)), format!("a value like `{pattern}`"))
        }
    };
    if fits {
        return Ok(());
    }
    let found: Vec<&str> = response.values(name).collect();
    Err(format!("header {name}: expected {wanted}, found {found:?}"))
}

fn body(scope: &Scope, rule: &BodyRule, response: &Response) -> Result<(), String> {
    match rule {
        BodyRule::Empty if response.body.is_empty() => Ok(()),
        BodyRule::Empty => Err(format!("expected no body, found {}", shown(&response.body))),
        BodyRule::Is(piece) => {
            let wanted = scope.piece(piece)?;
            if wanted == response.body {
                return Ok(());
            }
            let same = wanted.iter().zip(&response.body).take_while(|(left, right)| left == right).count();
            Err(format!(
                "expected the {} bytes of {}, found {} bytes that differ from byte {same} on: {}",
                wanted.len(),
                piece.name,
                response.body.len(),
                shown(&response.body)
            ))
        }
        BodyRule::Json(text) => {
            let wanted = scope.fill(text)?;
            let wanted = serde_json::from_str(&wanted).map_err(|error| format!("the script's JSON: {error}"))?;
            subset(&wanted, &json(response)?, "")
        }
        BodyRule::Error(code) => errors_document(code, response),
        BodyRule::Contains(text) => {
            let text = scope.fill(text)?;
            let found = String::from_utf8_lossy(&response.body);
            if found.contains(&text) { Ok(()) } else { Err(format!("expected `{text}` in {}", shown(&response.body))) }
        }
        BodyRule::Lacks(text) => {
            let text = scope.fill(text)?;
            let found = String::from_utf8_lossy(&response.body);
            if found.contains(&text) {
                Err(format!("expected no `{text}` in {}", shown(&response.body)))
            } else {
                Ok(())
            }
        }
    }
}

fn json(response: &Response) -> Result<Value, String> {
    serde_json::from_slice(&response.body)
        .map_err(|error| format!("expected JSON ({error}), found {}", shown(&response.body)))
}

/// OCI distribution spec, "Error codes": `errors` is a list, each with a `code` of capitals and underscores.
fn errors_document(code: &str, response: &Response) -> Result<(), String> {
    let document = json(response)?;
    let codes: Vec<&str> =
        document["errors"].as_array().into_iter().flatten().filter_map(|error| error["code"].as_str()).collect();
    if !codes.contains(&code) {
        return Err(format!("expected an errors document with {code}, found {}", shown(&response.body)));
    }
    if let Some(odd) = codes.iter().find(|code| !code.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_')) {
        return Err(format!("`{odd}` is no error code: only capitals and underscores are"));
    }
    match response.header("content-type") {
        Some(kind) if kind.starts_with("application/json") => Ok(()),
        kind => Err(format!("expected an errors document of type application/json, found {kind:?}")),
    }
}

/// Whether `found` has all that `wanted` says. `"*"` stands for any value, `"!absent"` for a member that must not be.
fn subset(wanted: &Value, found: &Value, path: &str) -> Result<(), String> {
    match (wanted, found) {
        (Value::Object(wanted), Value::Object(members)) => {
            for (name, value) in wanted {
                let path = format!("{path}/{name}");
                match (value.as_str(), members.get(name)) {
                    (Some("!absent"), None) => {}
                    (Some("!absent"), Some(value)) => return Err(format!("{path}: expected no member, found {value}")),
                    (_, None) => return Err(format!("{path}: expected {value}, found no such member")),
                    (_, Some(found)) => subset(value, found, &path)?,
                }
            }
            Ok(())
        }
        (Value::Array(wanted), Value::Array(elements)) if wanted.len() == elements.len() => {
            let mut pairs = wanted.iter().zip(elements).enumerate();
            pairs.try_for_each(|(index, (wanted, found))| subset(wanted, found, &format!("{path}/{index}")))
        }
        (Value::String(any), _) if any == "*" => Ok(()),
        (wanted, found) if wanted == found => Ok(()),
        (wanted, found) => Err(format!("{path}: expected {wanted}, found {found}")),
    }
}

/// Whether `text` fits `pattern`, whose `*` stand for any text.
fn matches(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((start, rest)) => text.strip_prefix(start).is_some_and(|tail| {
            tail.char_indices().map(|(index, _)| index).chain([tail.len()]).any(|index| matches(rest, &tail[index..]))
        }),
    }
}

/// Bytes as a person can read them in a test's output.
pub fn shown(bytes: &[u8]) -> String {
    if bytes.is_empty() {
        return "an empty body".into();
    }
    let text: String = String::from_utf8_lossy(bytes).chars().take(300).collect();
    format!("{text:?} ({} bytes)", bytes.len())
}

#[test]
fn patterns_match_whole_texts() {
    for (pattern, text, fits) in [
        ("*", "", true),
        ("/v2/*/blobs/*", "/v2/a/b/blobs/x", true),
        ("/v2/*/blobs/", "/v2/a/b/blobs/x", false),
        ("bytes 0-1/*", "bytes 0-1/20", true),
        ("a*b", "ab", true),
        ("a*b", "ba", false),
    ] {
        assert_eq!(matches(pattern, text), fits, "{pattern} {text}");
    }
}
