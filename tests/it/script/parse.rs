//! From the text of a script to its steps. Knows the grammar, not HTTP and not what a name stands for.

use std::time::Duration;

/// A definition of content, or an exchange.
#[derive(Debug)]
pub enum Item {
    Content { line: usize, name: String, recipe: String },
    Step(Box<Step>),
}

/// One request and what must come back.
#[derive(Debug)]
pub struct Step {
    pub line: usize,
    /// Runs the step once for each value, under this name.
    pub each: Option<(String, Vec<String>)>,
    pub method: String,
    pub target: String,
    pub headers: Vec<(String, String)>,
    pub body: Option<Body>,
    /// `None`: the client hangs up and expects nothing.
    pub expected: Option<Expected>,
}

/// What a request carries.
#[derive(Debug)]
pub enum Body {
    Whole(Piece),
    /// Sent with `Transfer-Encoding: chunked`.
    Chunked(Piece),
    /// The whole length is announced, this many bytes are sent, then the connection is closed.
    Partial(usize, Piece),
    Text(String),
}

/// A named content, or the bytes from..=to of it.
#[derive(Debug)]
pub struct Piece {
    pub name: String,
    pub range: Option<(usize, usize)>,
}

/// What must come back; each rule with its line.
#[derive(Debug)]
pub struct Expected {
    pub line: usize,
    pub statuses: Vec<u16>,
    pub headers: Vec<(usize, HeaderRule)>,
    pub body: Vec<(usize, BodyRule)>,
    /// Until when the request is sent again while the response differs.
    pub within: Option<Duration>,
    /// Header, or JSON pointer into the body, and the name its value gets.
    pub captures: Vec<(usize, String, String)>,
}

impl Expected {
    fn status(line: usize, status: u16) -> Self {
        let (headers, body, captures) = (Vec::new(), Vec::new(), Vec::new());
        Self { line, statuses: vec![status], headers, body, within: None, captures }
    }
}

/// A rule about one response header.
#[derive(Debug)]
pub enum HeaderRule {
    Is(String, String),
    /// The pattern's `*` stand for any text.
    Like(String, String),
    Present(String),
    Absent(String),
}

/// A rule about the response body.
#[derive(Debug)]
pub enum BodyRule {
    Is(Piece),
    Empty,
    /// A JSON document that contains this one: objects may have more members, arrays may not have more elements.
    Json(String),
    /// The specification's errors document with this code.
    Error(String),
    Contains(String),
    Lacks(String),
}

/// Where and why a script cannot be read.
#[derive(Debug)]
pub struct ParseError {
    pub line: usize,
    pub what: String,
}

/// Reads the text of a script.
pub fn parse(text: &str) -> Result<Vec<Item>, ParseError> {
    let mut reader = Reader { lines: text.lines().enumerate(), each: None };
    let mut items = Vec::new();
    while let Some((line, text)) = reader.next() {
        reader.item(line, text, &mut items).map_err(|what| ParseError { line, what })?;
    }
    if !items.iter().any(|item| matches!(item, Item::Step(_))) {
        return Err(ParseError { line: 1, what: "the script has no request".into() });
    }
    if let Some(step) = items.iter().find_map(unanswered) {
        return Err(ParseError { line: step.line, what: "the request has no `=>`".into() });
    }
    Ok(items)
}

/// A step without a `=>`: a hang-up says so with `=> hang up`.
fn unanswered(item: &Item) -> Option<&Step> {
    match item {
        Item::Step(step) if step.expected.is_none() && !matches!(step.body, Some(Body::Partial(..))) => Some(step),
        _ => None,
    }
}

struct Reader<'a> {
    lines: std::iter::Enumerate<std::str::Lines<'a>>,
    each: Option<(String, Vec<String>)>,
}

impl<'a> Reader<'a> {
    /// The next line that says something, counted from 1.
    fn next(&mut self) -> Option<(usize, &'a str)> {
        self.lines.by_ref().map(|(index, line)| (index + 1, line.trim())).find(|(_, line)| {
            let silent = line.is_empty() || line.starts_with('#');
            !silent
        })
    }

    fn item(&mut self, line: usize, text: &str, items: &mut Vec<Item>) -> Result<(), String> {
        if let Some(rest) = text.strip_prefix("content ") {
            let (name, recipe) = rest.split_once('=').ok_or("expected `content NAME = …`")?;
            let recipe = self.block_or(recipe.trim())?;
            items.push(Item::Content { line, name: name.trim().into(), recipe });
            return Ok(());
        }
        if let Some(rest) = text.strip_prefix("each ") {
            let (name, values) = rest.split_once('=').ok_or("expected `each NAME = a | b`")?;
            self.each = Some((name.trim().into(), values.split('|').map(|value| value.trim().into()).collect()));
            return Ok(());
        }
        if let Some(what) = text.strip_prefix("push ") {
            return push(line, what, items);
        }
        if let Some((method, target)) = request_line(text) {
            let step = Step { each: self.each.take(), ..step(line, method, target) };
            items.push(Item::Step(Box::new(step)));
            return Ok(());
        }
        let Some(Item::Step(step)) = items.last_mut() else {
            return Err(format!("`{text}` stands before any request"));
        };
        match text.strip_prefix("=>") {
            Some(answer) => expectation(line, answer.trim(), step),
            None if step.expected.is_some() => self.response_rule(line, text, step),
            None => self.request_part(text, step),
        }
    }

    fn request_part(&mut self, text: &str, step: &mut Step) -> Result<(), String> {
        if text == "<<" {
            step.body = Some(Body::Text(self.block()?));
        } else if let Some(body) = text.strip_prefix("< ") {
            step.body = Some(request_body(body.trim())?);
        } else {
            let (name, value) = text.split_once(':').ok_or_else(|| format!("`{text}` is no header"))?;
            step.headers.push((name.into(), value.trim().into()));
        }
        Ok(())
    }

    fn response_rule(&mut self, line: usize, text: &str, step: &mut Step) -> Result<(), String> {
        let expected = step.expected.as_mut().ok_or("a rule before `=>`")?;
        if let Some(rule) = text.strip_prefix("> ") {
            expected.body.push((line, self.body_rule(rule.trim())?));
        } else if let Some(rest) = text.strip_prefix("capture ") {
            let (header, name) =
                rest.split_once(" as ").ok_or("expected `capture HEADER as NAME` or `capture /POINTER as NAME`")?;
            expected.captures.push((line, header.trim().into(), name.trim().into()));
        } else if let Some(name) = text.strip_prefix('!') {
            expected.headers.push((line, HeaderRule::Absent(name.into())));
        } else if let Some((name, pattern)) = text.split_once(" ~ ") {
            expected.headers.push((line, HeaderRule::Like(name.into(), pattern.trim().into())));
        } else {
            let (name, value) = text.split_once(':').ok_or_else(|| format!("`{text}` is no rule"))?;
            let rule = match value.trim() {
                "*" => HeaderRule::Present(name.into()),
                value => HeaderRule::Is(name.into(), value.into()),
            };
            expected.headers.push((line, rule));
        }
        Ok(())
    }

    fn body_rule(&mut self, rule: &str) -> Result<BodyRule, String> {
        let (word, rest) = rule.split_once(' ').unwrap_or((rule, ""));
        Ok(match word {
            "empty" => BodyRule::Empty,
            "json" => BodyRule::Json(self.block_or(rest)?),
            "error" => BodyRule::Error(rest.into()),
            "contains" => BodyRule::Contains(rest.into()),
            "lacks" => BodyRule::Lacks(rest.into()),
            _ => BodyRule::Is(piece(rule)?),
        })
    }

    fn block_or(&mut self, text: &str) -> Result<String, String> {
        if text == "<<" { self.block() } else { Ok(text.into()) }
    }

    /// The lines up to `>>`, without the last line's end.
    fn block(&mut self) -> Result<String, String> {
        let mut lines = Vec::new();
        for (_, line) in self.lines.by_ref() {
            if line.trim() == ">>" {
                return Ok(lines.join("\n"));
            }
            lines.push(line);
        }
        Err("`<<` without `>>`".into())
    }
}

/// Set-up in one line: `push blob a, b`, `push image NAME as REFERENCE`, `push index NAME as REFERENCE`, each with
/// `to REPOSITORY` where it is not `{repo}`. Stands for the plain requests, which must succeed.
fn push(line: usize, what: &str, items: &mut Vec<Item>) -> Result<(), String> {
    let (what, repository) = what.split_once(" to ").unwrap_or((what, "{repo}"));
    let (kind, names) = what.split_once(' ').ok_or("expected `push KIND NAME`")?;
    if kind == "blob" {
        for name in names.split(',').map(str::trim) {
            let mut open = step(line, "POST", &format!("/v2/{repository}/blobs/uploads/"));
            let mut opened = Expected::status(line, 202);
            opened.captures.push((line, "Location".into(), "opened".into()));
            open.expected = Some(opened);
            items.push(Item::Step(Box::new(open)));
            let target = format!("{{opened.query}}digest={{{name}.digest}}");
            items.push(Item::Step(Box::new(put(line, &target, name, "application/octet-stream"))));
        }
        return Ok(());
    }
    let (name, reference) = names.split_once(" as ").ok_or("expected `push image NAME as REFERENCE`")?;
    let media_type = match kind {
        "image" => "application/vnd.oci.image.manifest.v1+json",
        "index" => "application/vnd.oci.image.index.v1+json",
        _ => return Err(format!("`push {kind}` is unknown: expected blob, image or index")),
    };
    items.push(Item::Step(Box::new(put(line, &format!("/v2/{repository}/manifests/{reference}"), name, media_type))));
    Ok(())
}

fn put(line: usize, target: &str, name: &str, media_type: &str) -> Step {
    let mut step = step(line, "PUT", target);
    step.headers.push(("Content-Type".into(), media_type.into()));
    step.body = Some(Body::Whole(Piece { name: name.into(), range: None }));
    step.expected = Some(Expected::status(line, 201));
    step
}

fn step(line: usize, method: &str, target: &str) -> Step {
    let (method, target) = (method.into(), target.into());
    Step { line, each: None, method, target, headers: Vec::new(), body: None, expected: None }
}

fn request_line(text: &str) -> Option<(&str, &str)> {
    let (method, target) = text.split_once(' ')?;
    (method.len() > 2 && method.bytes().all(|byte| byte.is_ascii_uppercase())).then_some((method, target.trim()))
}

fn expectation(line: usize, answer: &str, step: &mut Step) -> Result<(), String> {
    if answer == "hang up" {
        return match step.body {
            Some(Body::Partial(..)) => Ok(()),
            _ => Err("only a request with `< partial N NAME` hangs up".into()),
        };
    }
    let (answer, within) = match answer.split_once(" within ") {
        None => (answer, None),
        Some((answer, time)) => {
            let seconds = time.trim().strip_suffix('s').and_then(|seconds| seconds.parse().ok());
            (answer, Some(Duration::from_secs(seconds.ok_or_else(|| format!("`{time}` is no time such as 1s"))?)))
        }
    };
    let statuses: Result<Vec<u16>, _> = answer.split(" or ").map(|status| status.trim().parse()).collect();
    let statuses = statuses.map_err(|_| format!("`{answer}` is no status"))?;
    step.expected = Some(Expected { statuses, within, ..Expected::status(line, 0) });
    Ok(())
}

fn request_body(text: &str) -> Result<Body, String> {
    if let Some(rest) = text.strip_prefix("chunked ") {
        return Ok(Body::Chunked(piece(rest)?));
    }
    if let Some(rest) = text.strip_prefix("partial ") {
        let (count, rest) = rest.split_once(' ').ok_or("expected `< partial N NAME`")?;
        let count = count.parse().map_err(|_| format!("`{count}` is no number of bytes"))?;
        return Ok(Body::Partial(count, piece(rest)?));
    }
    Ok(Body::Whole(piece(text)?))
}

/// `name` or `name[first..last]`, both ends included as in a Range header.
fn piece(text: &str) -> Result<Piece, String> {
    let Some((name, rest)) = text.trim().split_once('[') else {
        return Ok(Piece { name: text.trim().into(), range: None });
    };
    let bounds = rest.strip_suffix(']').and_then(|range| range.split_once(".."));
    let bounds = bounds.and_then(|(first, last)| Some((first.parse().ok()?, last.parse().ok()?)));
    match bounds {
        Some(range) => Ok(Piece { name: name.into(), range: Some(range) }),
        None => Err(format!("`{text}` is no piece: expected NAME[first..last]")),
    }
}
