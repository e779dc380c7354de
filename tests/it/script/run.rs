//! Runs one script against one server and tells every difference with file and line.

use std::fmt;
use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use super::check::{differences, shown};
use super::content::Scope;
use super::parse::parse;
use super::wire::{Payload, Request, Response};
use super::{Body, HeaderRule, Item, Step};

/// Why a script failed: the line, what was expected and found, and the exchange it happened in.
#[derive(Debug)]
pub struct Failure {
    pub place: String,
    pub what: String,
    pub exchange: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.place, self.what)?;
        if !self.exchange.is_empty() {
            write!(formatter, "\n    {}", self.exchange.replace('\n', "\n    "))?;
        }
        Ok(())
    }
}

/// Who answers a script's requests.
#[derive(Clone, Copy)]
pub enum Servers {
    /// A registry.
    One(SocketAddr),
    /// A registry takes what is written; what is read, a server of its files answers a while later. By tag that one cannot name a digest.
    Copied { registry: SocketAddr, copy: SocketAddr },
}

/// How long a copy may take to show what was written.
const COPYING: Duration = Duration::from_secs(15);

impl Servers {
    fn of(self, method: &str) -> SocketAddr {
        match self {
            Self::One(address) => address,
            Self::Copied { copy, .. } if matches!(method, "GET" | "HEAD") => copy,
            Self::Copied { registry, .. } => registry,
        }
    }

    /// How long answers may stay wrong.
    fn patience(self, step: &Step, said: Option<Duration>) -> Option<Duration> {
        match self {
            Self::Copied { .. } if matches!(step.method.as_str(), "GET" | "HEAD") => Some(COPYING),
            _ => said,
        }
    }

    /// Whether a rule is one that nobody but a registry can keep.
    fn is_beyond(self, step: &Step, rule: &HeaderRule) -> bool {
        let (HeaderRule::Is(name, _) | HeaderRule::Like(name, _) | HeaderRule::Present(name)) = rule else {
            return false;
        };
        let by_tag =
            step.target.contains("/manifests/") && !step.target.contains(".digest") && !step.target.contains(".sha512");
        matches!(self, Self::Copied { .. }) && by_tag && name.eq_ignore_ascii_case("Docker-Content-Digest")
    }
}

/// Runs the script at `path`. Its repositories are its own, so any number of scripts can share a server.
/// Stops after the first step that differs: what follows usually depends on it.
pub async fn run_file(path: &Path, address: SocketAddr) -> Vec<Failure> {
    run_file_on(path, Servers::One(address)).await
}

/// The same where reads and writes are answered by different servers.
pub async fn run_file_on(path: &Path, servers: Servers) -> Vec<Failure> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) => return vec![failure(path, 0, format!("cannot read the script: {error}"))],
    };
    let mut items = match parse(&text) {
        Ok(items) => items,
        Err(error) => return vec![failure(path, error.line, error.what)],
    };
    for item in &mut items {
        let Item::Step(step) = item else { continue };
        let Some(mut expected) = step.expected.take() else { continue };
        expected.headers.retain(|(_, rule)| !servers.is_beyond(step, rule));
        expected.within = servers.patience(step, expected.within);
        step.expected = Some(expected);
    }
    let mut scope = scope_for(path);
    for item in &items {
        match item {
            Item::Content { line, name, recipe } => {
                if let Err(what) = scope.define(name, recipe) {
                    return vec![failure(path, *line, what)];
                }
            }
            Item::Step(step) => {
                let failures = run_step(path, step, &mut scope, servers.of(&step.method)).await;
                if !failures.is_empty() {
                    return failures;
                }
            }
        }
    }
    Vec::new()
}

/// `{org}` is the script's own organisation of this run, `{repo}` and `{other}` are two repositories in it.
fn scope_for(path: &Path) -> Scope {
    let run = uuid::Uuid::now_v7().simple().to_string();
    let name = path.file_stem().unwrap_or_default().to_string_lossy().to_lowercase();
    let organisation = format!("t{}", &run[run.len() - 10..]);
    let mut scope = Scope::new(format!("{name} {run}"));
    scope.set("repo", format!("{organisation}/{name}"));
    scope.set("other", format!("{organisation}/{name}-other"));
    scope.set("org", organisation);
    scope
}

async fn run_step(path: &Path, step: &Step, scope: &mut Scope, address: SocketAddr) -> Vec<Failure> {
    let Some((name, values)) = &step.each else {
        return run_once(path, step, scope, address).await;
    };
    let mut failures = Vec::new();
    for value in values {
        match scope.fill(value) {
            Ok(value) => scope.set(name, value),
            Err(what) => return vec![failure(path, step.line, what)],
        }
        let of_value = run_once(path, step, scope, address).await;
        failures.extend(of_value.into_iter().map(|mut failure| {
            failure.what = format!("with {name} = `{value}`: {}", failure.what);
            failure
        }));
    }
    failures
}

async fn run_once(path: &Path, step: &Step, scope: &mut Scope, address: SocketAddr) -> Vec<Failure> {
    let request = match request(step, scope, address) {
        Ok(request) => request,
        Err(what) => return vec![failure(path, step.line, what)],
    };
    let response = match settled(&request, step, scope, address).await {
        Ok(response) => response,
        Err(what) => {
            let exchange = described(&request, None);
            return vec![Failure { exchange, ..failure(path, step.line, what) }];
        }
    };
    let (Some(expected), Some(response)) = (&step.expected, response) else {
        return Vec::new();
    };
    let found = differences(scope, expected, &response);
    let mut failures: Vec<Failure> = found.into_iter().map(|(line, what)| failure(path, line, what)).collect();
    for (line, place, name) in &expected.captures {
        match captured(&response, place) {
            Some(value) => scope.set(name, value),
            None => failures.push(failure(path, *line, format!("nothing to capture: the response has no {place}"))),
        }
    }
    if let Some(last) = failures.last_mut() {
        last.exchange = described(&request, Some(&response));
    }
    failures
}

/// Sends the request; again and again while the response differs and the time that the script allows has not passed.
async fn settled(
    request: &Request,
    step: &Step,
    scope: &Scope,
    address: SocketAddr,
) -> Result<Option<Response>, String> {
    let begun = Instant::now();
    loop {
        let response = request.send(address).await?;
        let (Some(expected), Some(found)) = (&step.expected, &response) else { return Ok(response) };
        let is_late = expected.within.is_none_or(|within| begun.elapsed() > within);
        if is_late || differences(scope, expected, found).is_empty() {
            return Ok(response);
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// The value of a header, or of the string that a JSON pointer names in the body.
fn captured(response: &Response, place: &str) -> Option<String> {
    if !place.starts_with('/') {
        return response.header(place);
    }
    let body: serde_json::Value = serde_json::from_slice(&response.body).ok()?;
    body.pointer(place)?.as_str().map(str::to_owned)
}

fn request(step: &Step, scope: &Scope, address: SocketAddr) -> Result<Request, String> {
    let target = scope.fill(&step.target)?;
    // A Location may be absolute; requests name the path.
    let origin = format!("http://{address}");
    let mut request = Request::new(&step.method, target.strip_prefix(&origin).unwrap_or(&target));
    for (name, value) in &step.headers {
        request = request.header(name, &scope.fill(value)?);
    }
    request.payload = match &step.body {
        None => Payload::None,
        Some(Body::Text(text)) => Payload::Whole(scope.fill(text)?.into_bytes()),
        Some(Body::Whole(piece)) => Payload::Whole(scope.piece(piece)?),
        Some(Body::Chunked(piece)) => Payload::Chunked(scope.piece(piece)?),
        Some(Body::Partial(count, piece)) => Payload::Partial(*count, scope.piece(piece)?),
    };
    Ok(request)
}

fn described(request: &Request, response: Option<&Response>) -> String {
    let mut text = format!("{} {}", request.method, request.target);
    for (name, value) in &request.headers {
        text.push_str(&format!("\n{name}: {value}"));
    }
    if let Some(response) = response {
        text.push_str(&format!("\n=> {}", response.status));
        for (name, value) in &response.headers {
            text.push_str(&format!("\n{name}: {value}"));
        }
        text.push_str(&format!("\n{}", shown(&response.body)));
    }
    text
}

fn failure(path: &Path, line: usize, what: String) -> Failure {
    Failure { place: format!("{}:{line}", path.display()), what, exchange: String::new() }
}
