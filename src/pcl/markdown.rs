//! Markdown: `SKILL.md`, agents, commands, plain prompts.

use serde_json::{Map, Value};

use crate::domain::{Dependency, DependencyType, Kind, Skill};

use super::finding::{Finding, cut, fold};
use super::front_matter::{FrontMatter, split};
use super::{paths, yaml};

/// Longest description, in bytes.
const DESCRIPTION_MAX: usize = 4096;
/// Longest description that is made of the first paragraph of a text without front matter, in bytes.
const PARAGRAPH_MAX: usize = 400;
/// A description made of the text takes paragraphs until it has this many bytes.
const PARAGRAPH_MIN: usize = 80;
/// Keys with a field of their own.
const TAKEN: [&str; 18] = [
    "name",
    "title",
    "description",
    "version",
    "tags",
    "keywords",
    "license",
    "licence",
    "author",
    "authors",
    "model",
    "allowed-tools",
    "allowed_tools",
    "tools",
    "skills",
    "dependencies",
    "metadata",
    "category",
];

/// Reads a Markdown file. Without a kind, the front matter decides: tools, a model or a colour make an agent, else a name and
/// a description a skill, else a hint for arguments a command.
pub(super) fn read(path: &str, bytes: &[u8], hint: Option<Kind>) -> Finding {
    let text = String::from_utf8_lossy(bytes);
    let at = split(&text);
    let front = at.map(|at| FrontMatter::read(&text[at.start..at.end]));
    let body = &text[at.map_or(0, |at| at.body)..];
    let (kind, guess) = match hint.or_else(|| kind_of_text(path, front.as_ref())) {
        Some(kind) => (kind, None),
        None => (Kind::Persona, Some("nothing says what this is; it is taken as a persona")),
    };
    let mut finding = Finding::new(kind, path);
    if let Some(guess) = guess {
        finding.note(0, guess);
    }
    if matches!(text, std::borrow::Cow::Owned(_)) {
        finding.note(0, "the file is not valid UTF-8; what is not was replaced for reading, and kept as it is");
    }
    if at.is_some_and(|at| !at.closed) {
        finding.note(1, "front matter is never closed; it ends with its last field");
    }
    if let Some(front) = &front {
        if let Some(problem) = &front.problem {
            finding.note(1, problem.clone());
        }
        take_fields(&mut finding, &front.fields, front.version());
    }
    if let Some((fields, version)) = comment_metadata(body) {
        take_fields(&mut finding, &fields, version);
    }
    if paths::is_skill_file(path) && front.is_none() {
        finding.note(0, "there is no front matter; name and description are taken from the text");
    }
    take_text(&mut finding, body, path);
    let fallback = match paths::folder(path) {
        folder if paths::file_name(path) == "system.md" && !folder.is_empty() => folder,
        _ => path,
    };
    finding.finish(paths::stem(fallback))
}

fn kind_of_text(path: &str, front: Option<&FrontMatter>) -> Option<Kind> {
    if paths::is_skill_file(path) {
        return Some(Kind::Skill);
    }
    let front = front?;
    if let Some(kind) = front.get(&["kind", "type"]).and_then(Value::as_str).and_then(|kind| kind.parse().ok()) {
        return Some(kind);
    }
    if front.get(&["tools", "model", "color"]).is_some() {
        return Some(Kind::Persona);
    }
    if front.get(&["name"]).is_some() && front.get(&["description"]).is_some() {
        return Some(Kind::Skill);
    }
    front.get(&["argument-hint"]).is_some().then_some(Kind::Workflow)
}

/// Takes what is not yet known from the fields of front matter, a metadata comment or an agent file.
pub(super) fn take_fields(finding: &mut Finding, fields: &Map<String, Value>, version: Option<String>) {
    let nested = fields.get("metadata").and_then(Value::as_object);
    let get = |keys: &[&str]| {
        let top = keys.iter().find_map(|key| fields.get(*key).filter(|value| !value.is_null()));
        top.or_else(|| keys.iter().find_map(|key| nested?.get(*key).filter(|value| !value.is_null())))
    };
    let text = |keys: &[&str]| get(keys).and_then(scalar).filter(|text| !text.trim().is_empty());
    if finding.identifier.is_empty() {
        finding.identifier = fields.get("name").and_then(scalar).map(|name| fold(&name)).unwrap_or_default();
    }
    if finding.title.is_empty()
        && let Some(title) = text(&["title", "name"])
    {
        finding.set_title(&title);
    }
    if let Some(version) = version.filter(|_| finding.version.is_none()) {
        finding.take_version(&version, 1);
    }
    let about = &mut finding.about;
    about.description = about.description.take().or_else(|| text(&["description"]).map(|text| short(&text)));
    about.license = about.license.take().or_else(|| text(&["license", "licence"]).map(|text| fold(&text)));
    if about.tags.is_empty() {
        let lists = ["tags", "keywords", "category"].iter().filter_map(|key| get(&[key])).map(list);
        about.tags = lists.into_iter().find(|tags| !tags.is_empty()).unwrap_or_default();
    }
    if about.authors.is_empty() {
        about.authors = get(&["author", "authors"]).map(people).unwrap_or_default();
    }
    if about.capabilities.allowed_tools.is_empty() {
        about.capabilities.allowed_tools =
            get(&["allowed-tools", "allowed_tools", "tools"]).map(tools).unwrap_or_default();
    }
    about.capabilities.model = about.capabilities.model.take().or_else(|| text(&["model"]).map(|text| fold(&text)));
    if about.skills.is_empty() {
        let skill = |name: String| Skill { name, level: None };
        about.skills = get(&["skills"]).map(list).unwrap_or_default().into_iter().map(skill).collect();
    }
    about.dependencies.extend(get(&["dependencies"]).map(dependencies).unwrap_or_default());
    for (key, value) in fields.iter().chain(nested.into_iter().flatten()) {
        let category = key == "category";
        if (category || !TAKEN.contains(&key.as_str())) && !value.is_null() && !about.metadata.contains_key(key) {
            about.metadata.insert(key.clone(), value.clone());
        }
    }
}

fn short(text: &str) -> String {
    cut(&fold(text), DESCRIPTION_MAX).to_owned()
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        _ => None,
    }
}

/// A list, or a string of elements separated by commas.
fn list(value: &Value) -> Vec<String> {
    let texts: Vec<String> = match value {
        Value::Array(values) => values.iter().filter_map(scalar).collect(),
        Value::String(text) => text
            .trim_matches(['[', ']'])
            .split(',')
            .map(|part| part.trim_matches([' ', '"', '\'']).to_owned())
            .collect(),
        _ => Vec::new(),
    };
    texts.iter().map(|text| fold(text)).filter(|text| !text.is_empty()).collect()
}

/// `name`, `{name, email, url}`, or a list of these.
fn people(value: &Value) -> Vec<String> {
    match value {
        Value::Array(values) => values.iter().flat_map(people).collect(),
        Value::Object(person) => person.get("name").map(people).unwrap_or_default(),
        _ => scalar(value).map(|name| fold(&name)).filter(|name| !name.is_empty()).into_iter().collect(),
    }
}

/// A list, or a string separated by commas or by spaces, neither inside parentheses: `Read, Bash(git:*, npm:*)`.
fn tools(value: &Value) -> Vec<String> {
    let Value::String(text) = value else { return list(value) };
    let by_commas = split_outside(text, |character| character == ',');
    if by_commas.len() > 1 { by_commas } else { split_outside(text, char::is_whitespace) }
}

fn split_outside(text: &str, separates: impl Fn(char) -> bool) -> Vec<String> {
    let (mut parts, mut part, mut depth) = (Vec::new(), String::new(), 0_usize);
    for character in text.chars() {
        match character {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 && separates(character) {
            parts.push(std::mem::take(&mut part));
        } else {
            part.push(character);
        }
    }
    parts.push(part);
    let cleaned = parts.iter().map(|part| part.trim().trim_matches(['"', '\'']).to_owned());
    cleaned.filter(|part| !part.is_empty()).collect()
}

/// A list of names, or a map from names to ranges.
fn dependencies(value: &Value) -> Vec<Dependency> {
    let made = |name: &str, range: Option<String>| Dependency {
        name: fold(name),
        kind: DependencyType::Requires,
        range: range.filter(|range| !range.is_empty()),
    };
    match value {
        Value::Object(map) => map.iter().map(|(name, range)| made(name, scalar(range))).collect(),
        _ => list(value)
            .iter()
            .map(|text| match text.rfind('@').filter(|at| *at > 0) {
                Some(at) => made(&text[..at], Some(text[at + 1..].to_owned())),
                None => made(text, None),
            })
            .collect(),
    }
}

/// `<!-- PCL Metadata … -->` in the body: an older place for version, author, licence and category.
fn comment_metadata(body: &str) -> Option<(Map<String, Value>, Option<String>)> {
    let start = body.find("<!-- PCL Metadata")? + "<!-- PCL Metadata".len();
    let inside = &body[start..];
    let inside = &inside[..inside.find("-->").unwrap_or(inside.len())];
    let inside = inside.trim_start_matches(':');
    let front = FrontMatter::read(inside);
    if front.fields.is_empty() {
        return Some((yaml::read_lines(inside), None));
    }
    let version = front.version();
    Some((front.fields, version))
}

/// Title and description of a text that does not give them: the first heading and the first paragraph.
fn take_text(finding: &mut Finding, body: &str, path: &str) {
    if finding.title.is_empty() && paths::file_name(path) != "system.md" {
        finding.set_title(first_heading(body));
        // A command is called by the name of its file.
        finding.slug_hint = (finding.kind == Kind::Workflow).then(|| paths::stem(path).to_owned());
    }
    if finding.about.description.is_none() {
        finding.about.description = first_paragraph(body);
    }
}

/// The first heading of the first level that is not in a code block; empty if there is none.
fn first_heading(body: &str) -> &str {
    let mut code = false;
    for line in body.lines() {
        code ^= line.trim_start().starts_with("```");
        if let Some(heading) = line.strip_prefix("# ").filter(|_| !code) {
            return heading.trim_matches(['#', ' ', '\r']);
        }
    }
    ""
}

/// The first paragraphs of prose, until there are some words: no heading, rule, fence, comment or table.
pub(super) fn first_paragraph(body: &str) -> Option<String> {
    let prose = |line: &str| {
        !line.is_empty()
            && !line.starts_with(['#', '|', '<'])
            && !line.starts_with("```")
            && line.chars().any(char::is_alphanumeric)
    };
    let mut paragraph = String::new();
    for line in body.lines().map(str::trim) {
        match prose(line) {
            true => {
                paragraph.push_str(line);
                paragraph.push(' ');
            }
            false if paragraph.len() < PARAGRAPH_MIN => {}
            false => break,
        }
        if paragraph.len() > PARAGRAPH_MAX {
            break;
        }
    }
    let folded = fold(&paragraph);
    (!folded.is_empty()).then(|| cut(&folded, PARAGRAPH_MAX).trim_end().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn tools_keep_their_parentheses() {
        let expected = ["Read", "Bash(git:*, npm:*)", "Write"];
        for value in [
            json!("Read, Bash(git:*, npm:*), Write"),
            json!("Read Bash(git:*, npm:*) Write"),
            json!(["Read", "Bash(git:*, npm:*)", "Write"]),
        ] {
            assert_eq!(tools(&value), expected, "{value}");
        }
        assert_eq!(tools(&json!("Bash(a b)")), ["Bash(a b)"]);
    }

    #[test]
    fn invalid_front_matter_still_gives_name_and_description() {
        let text = "---\nname: gdpr\ndescription: Use when. Triggers on: 'GDPR'\ntools: Read, Grep\n---\n# Title\n";
        let finding = read("agents/gdpr.md", text.as_bytes(), None);
        assert_eq!((finding.kind, finding.title.as_str()), (Kind::Persona, "gdpr"));
        assert_eq!(finding.about.description.as_deref(), Some("Use when. Triggers on: 'GDPR'"));
        assert_eq!(finding.about.capabilities.allowed_tools, ["Read", "Grep"]);
        assert_eq!(finding.about.diagnostics.len(), 1);
    }

    #[test]
    fn plain_text_is_named_by_heading_folder_or_file() {
        let text = b"# Haiku Maker\n\n## System\n\nYou make\nhaiku.\n\nMore.";
        let finding = read("others/haiku.md", text, Some(Kind::Persona));
        assert_eq!(finding.title, "Haiku Maker");
        assert_eq!(finding.about.description.as_deref(), Some("You make haiku. More."));
        assert_eq!(read("fabric/raw_query/system.md", text, Some(Kind::Persona)).title, "raw_query");
        let command = read("x/commands/do-it.md", text, Some(Kind::Workflow));
        assert_eq!((command.title.as_str(), command.slug_hint.as_deref()), ("Haiku Maker", Some("do-it")));
        assert_eq!(read("x.md", b"", None).title, "x");
    }

    #[test]
    fn metadata_may_stand_in_a_comment() {
        let text = "---\nname: a\ndescription: b\n---\nBody\n<!-- PCL Metadata\nversion: 1.10.0\nauthor: Ann\nlicense: MIT\n-->\n";
        let finding = read("a/SKILL.md", text.as_bytes(), None);
        assert_eq!(finding.version.map(|version| version.to_string()).as_deref(), Some("1.10.0"));
        assert_eq!(finding.about.authors, ["Ann"]);
        assert_eq!(finding.about.license.as_deref(), Some("MIT"));
    }
}
