//! Agents in JSON, as chat programs exchange them: `identifier`, `author`, `meta.title/description/tags`,
//! `config.systemRole`; other objects by their `name`, `description`, `tags`.

use serde_json::{Map, Value};

use crate::domain::Kind;

use super::finding::Finding;
use super::{markdown, paths};

/// Keys that hold the artifact itself, not what is said about it.
const CONTENT: [&str; 8] =
    ["config", "meta", "identifier", "source", "systemRole", "examples", "summary", "openingQuestions"];

/// Whether this is an agent that a chat program would take.
pub(super) fn is_agent(value: &Value) -> bool {
    let within = |outer: &str, inner: &str| value.get(outer).and_then(|outer| outer.get(inner)).is_some();
    within("meta", "title")
        || within("meta", "description")
        || within("config", "systemRole")
        || value.get("systemRole").is_some()
}

/// Reads a JSON file. Never fails.
pub(super) fn read(path: &str, bytes: &[u8], hint: Option<Kind>) -> Finding {
    let text = String::from_utf8_lossy(bytes);
    let parsed = serde_json::from_str::<Value>(text.trim_start_matches('\u{feff}'));
    let kind = hint.unwrap_or(Kind::Persona);
    let mut finding = Finding::new(kind, path);
    if matches!(text, std::borrow::Cow::Owned(_)) {
        finding.note(0, "the file is not valid UTF-8; what is not was replaced for reading, and kept as it is");
    }
    match parsed {
        Ok(Value::Object(object)) => take_object(&mut finding, &object),
        Ok(_) => finding.note(0, "the JSON is not an object; nothing is known of it but its name"),
        Err(error) => {
            let line = u32::try_from(error.line()).unwrap_or(0);
            finding.note(line, format!("the file is not valid JSON ({error}); nothing is known of it but its name"));
        }
    }
    finding.finish(paths::stem(path))
}

fn take_object(finding: &mut Finding, object: &Map<String, Value>) {
    let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
    finding.identifier = text(object.get("identifier")).unwrap_or_default();
    let version = |fields: &Map<String, Value>| text(fields.get("version"));
    if let Some(Value::Object(meta)) = object.get("meta") {
        markdown::take_fields(finding, meta, version(meta));
    }
    let mut rest = object.clone();
    rest.retain(|key, _| !CONTENT.contains(&key.as_str()));
    let version = version(&rest);
    markdown::take_fields(finding, &rest, version);
    let config = object.get("config");
    let about = &mut finding.about;
    about.capabilities.model =
        about.capabilities.model.take().or_else(|| text(config.and_then(|config| config.get("model"))));
    if about.description.is_none() {
        let role = config.and_then(|config| config.get("systemRole")).or_else(|| object.get("systemRole"));
        about.description = role.and_then(Value::as_str).and_then(markdown::first_paragraph);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agents_say_who_they_are_in_meta() {
        let json = r#"{"identifier":"augur","author":"Ann","config":{"systemRole":"You read cards","model":"m"},
            "meta":{"title":"塔罗","description":"Reads cards","tags":["cards","fun"],"avatar":"x"},"schemaVersion":1}"#;
        let finding = read("augur.json", json.as_bytes(), None);
        assert_eq!((finding.title.as_str(), finding.identifier.as_str()), ("塔罗", "augur"));
        assert_eq!(finding.about.tags, ["cards", "fun"]);
        assert_eq!(finding.about.authors, ["Ann"]);
        assert_eq!(finding.about.metadata["avatar"], "x");
        assert_eq!(finding.about.capabilities.model.as_deref(), Some("m"));
        assert!(finding.about.diagnostics.is_empty());
    }

    #[test]
    fn broken_json_is_kept_with_a_diagnostic() {
        for text in ["{\"meta\":", "[1]", &"[".repeat(100_000)] {
            let finding = read("a/broken.json", text.as_bytes(), None);
            assert_eq!(finding.title, "broken");
            assert_eq!(finding.about.diagnostics.len(), 1);
        }
    }
}
