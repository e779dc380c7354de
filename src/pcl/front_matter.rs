//! The block between two lines of `---` at the start of a Markdown or PCL file.

use serde_json::{Map, Value};

use super::yaml;

/// Where front matter stands in a text, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Split {
    /// First byte of the YAML.
    pub start: usize,
    /// The byte after it.
    pub end: usize,
    /// First byte after the closing line.
    pub body: usize,
    /// False if the closing line is missing and a heading or an empty line ends it.
    pub closed: bool,
}

/// Longest front matter that is looked for, in bytes.
const LENGTH_MAX: usize = 256 << 10;

/// Finds front matter. `---` must be the first line (after a byte order mark and empty lines) and be closed by a line of
/// `---` or `...`; if it is not, its fields are the lines that look like some.
pub(crate) fn split(text: &str) -> Option<Split> {
    let head = text.trim_start_matches(['\u{feff}', '\n', '\r', ' ', '\t']);
    let start = text.len() - head.len();
    let first = head.split_inclusive('\n').next()?;
    if first.trim_end() != "---" {
        return None;
    }
    // A block that is indented as a whole is closed by an indented line.
    let indented = text[..start].ends_with([' ', '\t']);
    let start = start + first.len();
    let mut at = start;
    for line in text[start..].split_inclusive('\n') {
        let line_end = if indented { line.trim() } else { line.trim_end() };
        if matches!(line_end, "---" | "...") {
            return Some(Split { start, end: at, body: at + line.len(), closed: true });
        }
        at += line.len();
        if at - start > LENGTH_MAX {
            break;
        }
    }
    unclosed(text, start)
}

/// Front matter whose closing line is missing: the `key:` lines that follow the opening one.
fn unclosed(text: &str, start: usize) -> Option<Split> {
    let is_field = |line: &str| line.starts_with([' ', '\t']) || yaml::key_of(line).is_some();
    let fields = text[start..].split_inclusive('\n').take_while(|line| !line.trim().is_empty() && is_field(line));
    let end = start + fields.map(str::len).sum::<usize>();
    (end > start).then_some(Split { start, end, body: end, closed: false })
}

/// What front matter says.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct FrontMatter {
    pub fields: Map<String, Value>,
    /// What was wrong with it.
    pub problem: Option<String>,
    text: String,
}

impl FrontMatter {
    /// Reads YAML; falls back to its lines.
    pub fn read(text: &str) -> Self {
        let (fields, problem) = match yaml::read(text) {
            Ok(Value::Object(fields)) => (fields, None),
            Ok(Value::Null) => (Map::new(), None),
            Ok(_) => (Map::new(), Some("front matter is not a mapping; it is ignored".to_owned())),
            Err(error) => {
                let message = format!("front matter is not valid YAML ({error}); its fields were read line by line");
                (yaml::read_lines(text), Some(message))
            }
        };
        Self { fields, problem, text: text.to_owned() }
    }

    /// The value of the first key that is there and not null.
    pub fn get(&self, keys: &[&str]) -> Option<&Value> {
        keys.iter().find_map(|key| self.fields.get(*key)).filter(|value| !value.is_null())
    }

    /// A version as it is written: YAML reads `1.10` as the number 1.1.
    pub fn version(&self) -> Option<String> {
        let metadata = self.fields.get("metadata").and_then(|metadata| metadata.get("version"));
        match self.get(&["version"]).or(metadata)? {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => {
                let written = self.text.lines().find_map(|line| line.trim_start().strip_prefix("version:"));
                let written = written.map(|text| text.split('#').next().unwrap_or_default().trim().to_owned());
                written.or_else(|| Some(number.to_string()))
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, yaml: Option<&str>, body: &str) {
        let split = split(text);
        assert_eq!(split.map(|split| &text[split.start..split.end]), yaml, "{text:?}");
        assert_eq!(&text[split.map_or(0, |split| split.body)..], body, "{text:?}");
    }

    #[test]
    fn is_found_only_at_the_start_and_closed() {
        check("---\na: 1\n---\nbody", Some("a: 1\n"), "body");
        check("\u{feff}\r\n---\r\na: 1\r\n---\r\nbody", Some("a: 1\r\n"), "body");
        check("\n  ---\n  a: 1\n  ---\nbody", Some("  a: 1\n"), "body");
        check("---\n---", Some(""), "");
        check("---\na: 1\nb:\n  - c\n\nbody: x", Some("a: 1\nb:\n  - c\n"), "\nbody: x");
        check("---\n\nbody: x\n", None, "---\n\nbody: x\n");
        check("# x\n---\na\n---\n", None, "# x\n---\na\n---\n");
        check("---- \n---\n", None, "---- \n---\n");
    }

    #[test]
    fn versions_are_taken_as_written() {
        for (yaml, expected) in [
            ("version: 1.10", Some("1.10")),
            ("version: '2.0'", Some("2.0")),
            ("metadata:\n  version: 1.0 # x", Some("1.0")),
            ("name: x", None),
        ] {
            assert_eq!(FrontMatter::read(yaml).version().as_deref(), expected, "{yaml}");
        }
    }
}
