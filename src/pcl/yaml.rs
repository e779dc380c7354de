//! YAML into JSON values, with bounds: size, depth, nodes, so that neither aliases nor nesting can explode.
//!
//! Where the text is not valid YAML, [`read_lines`] finds `key: value` lines by eye.

use std::cell::Cell;

use serde::de::{DeserializeSeed, EnumAccess, MapAccess, SeqAccess, VariantAccess, Visitor};
use serde_json::{Map, Value};

/// Largest text that is parsed, in bytes.
const TEXT_MAX: usize = 1 << 20;
/// Most nodes, counted after aliases are expanded.
const NODES_MAX: usize = 200_000;
/// Most open flow brackets; the parser's time grows with text × depth.
const FLOW_DEPTH_MAX: usize = 120;

/// Reads the first document. The error is what the parser says, or which bound was crossed.
pub(super) fn read(text: &str) -> Result<Value, String> {
    if text.len() > TEXT_MAX {
        return Err(format!("it is {} bytes long; at most {TEXT_MAX} are read", text.len()));
    }
    if flow_depth(text) > FLOW_DEPTH_MAX {
        return Err(format!("its brackets nest deeper than {FLOW_DEPTH_MAX}"));
    }
    let nodes = Cell::new(NODES_MAX);
    let Some(document) = serde_yaml_ng::Deserializer::from_str(text).next() else { return Ok(Value::Null) };
    Node { left: &nodes }.deserialize(document).map_err(|error| error.to_string())
}

/// The most brackets that are open at once, those in strings counted too.
fn flow_depth(text: &str) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    for byte in text.bytes() {
        match byte {
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest
}

/// One node, counted against what is left.
#[derive(Clone, Copy)]
struct Node<'c> {
    left: &'c Cell<usize>,
}

impl Node<'_> {
    fn count<E: serde::de::Error>(self) -> Result<(), E> {
        let left = self.left.get().checked_sub(1);
        self.left.set(left.ok_or_else(|| E::custom(format!("it has more than {NODES_MAX} nodes")))?);
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for Node<'_> {
    type Value = Value;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        self.count()?;
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Node<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("any YAML value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        self.deserialize(deserializer)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i128<E>(self, value: i128) -> Result<Value, E> {
        Ok(value.to_string().into())
    }

    fn visit_u128<E>(self, value: u128) -> Result<Value, E> {
        Ok(value.to_string().into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(serde_json::Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = list.next_element_seed(self)? {
            values.push(value);
        }
        Ok(values.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        // Keys that are no strings are written as such; the last of equal keys wins.
        while let Some(key) = map.next_key_seed(self)? {
            let key = match key {
                Value::String(key) => key,
                other => other.to_string(),
            };
            object.insert(key, map.next_value_seed(self)?);
        }
        Ok(object.into())
    }

    /// A tagged value (`!env X`): the tag is dropped.
    fn visit_enum<A: EnumAccess<'de>>(self, tagged: A) -> Result<Value, A::Error> {
        let (_, value) = tagged.variant_seed(self)?;
        value.newtype_variant_seed(self)
    }
}

/// Finds `key: value` lines at the left margin of text that is not valid YAML. Lines that are indented more belong to the
/// value above; `- ` elements make it a list.
pub(super) fn read_lines(text: &str) -> Map<String, Value> {
    let mut object = Map::new();
    let mut open: Option<(String, Vec<&str>)> = None;
    for line in text.lines() {
        let indented = line.starts_with([' ', '\t']) || line.starts_with("- ");
        let key = if indented { None } else { key_of(line) };
        match (key, &mut open) {
            (Some((key, value)), _) => {
                close(&mut object, open.replace((key.to_owned(), vec![value])));
            }
            (None, Some((_, lines))) if indented => lines.push(line.trim()),
            _ => {}
        }
    }
    close(&mut object, open);
    object
}

/// The key and the value of a `key: value` line at the left margin.
pub(super) fn key_of(line: &str) -> Option<(&str, &str)> {
    let (key, value) = line.split_once(':')?;
    let key = key.trim_end();
    let is_key = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    (!key.is_empty() && key.len() <= 64 && key.bytes().all(is_key)).then(|| (key, value.trim()))
}

fn close(object: &mut Map<String, Value>, open: Option<(String, Vec<&str>)>) {
    let Some((key, lines)) = open else { return };
    let first = lines.first().copied().unwrap_or_default();
    let block = matches!(first, "" | ">" | ">-" | ">+" | "|" | "|-" | "|+");
    let rest = if block { lines.get(1..).unwrap_or_default() } else { &lines[..] };
    let elements: Vec<&str> = rest.iter().filter_map(|line| line.strip_prefix("- ")).map(unquoted).collect();
    let value = match rest {
        [] => Value::Null,
        // What is left of a broken list or map says nothing.
        [one] if !one.contains(char::is_alphanumeric) => Value::Null,
        _ if elements.len() == rest.len() => elements.into(),
        [one] => flow_list(one).unwrap_or_else(|| unquoted(one).into()),
        _ => rest.join(if first.starts_with('|') { "\n" } else { " " }).into(),
    };
    object.entry(key).or_insert(value);
}

fn unquoted(text: &str) -> &str {
    let text = text.trim();
    let inner = |quote: char| text.strip_prefix(quote).and_then(|text| text.strip_suffix(quote));
    inner('"').or_else(|| inner('\'')).unwrap_or(text)
}

fn flow_list(text: &str) -> Option<Value> {
    let inner = text.trim().strip_prefix('[')?.strip_suffix(']')?;
    let elements = inner.split(',').map(unquoted).filter(|element| !element.is_empty());
    Some(elements.map(Value::from).collect::<Vec<_>>().into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn all_forms_of_scalars() {
        let text = "a: >-\n  folded\n  text\nb: |\n  x\n  y\nc: [1, two, 'three']\nd: !env HOME\n1: true\ne:\nd2: 2024-01-01\n";
        let expected = json!({"a": "folded text", "b": "x\ny\n", "c": [1, "two", "three"], "d": "HOME", "1": true,
            "e": null, "d2": "2024-01-01"});
        assert_eq!(read(text), Ok(expected));
        assert_eq!(read(""), Ok(Value::Null));
    }

    #[test]
    fn aliases_and_nesting_are_bounded() {
        let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..12 {
            let aliases = vec![format!("*a{}", level - 1); 10].join(", ");
            bomb.push_str(&format!("a{level}: &a{level} [{aliases}]\n"));
        }
        assert!(read(&bomb).is_err());
        let flat = format!("a: &a [{}]\nb: [{}]\n", "x,".repeat(20_000), "*a,".repeat(20_000));
        assert!(read(&flat).is_err());
        assert!(read(&"[".repeat(100_000)).is_err());
        assert!(read(&"- ".repeat(100_000)).is_err());
        assert!(read(&"a: ".repeat(2 << 20)).is_err());
    }

    #[test]
    fn lines_of_invalid_yaml_are_found() {
        let text = "name: x\ndescription: Use when. Triggers on: 'a', 'b'.\ntools: [Read, \"Grep\"]\ntags:\n  - one\n  - 'two'\nnote: >\n  a\n  b\n";
        let expected = json!({"name": "x", "description": "Use when. Triggers on: 'a', 'b'.", "tools": ["Read", "Grep"],
            "tags": ["one", "two"], "note": "a b"});
        assert!(read(text).is_err());
        assert_eq!(Value::Object(read_lines(text)), expected);
    }
}
