//! JSON for people to read, in the order in which it came.

/// Longest line that is not broken, in characters.
const WIDTH: usize = 120;

/// The document, broken into lines where it is long. `None` if it is none.
pub fn indented(text: &str) -> Option<String> {
    let is_document = text.starts_with(['{', '[']) && serde_json::from_str::<serde_json::Value>(text).is_ok();
    is_document.then(|| write(&spaced(text), 0))
}

/// A space behind each comma and colon.
fn spaced(text: &str) -> String {
    let mut spaced = String::new();
    for (character, is_outside) in outside(text) {
        if is_outside && character.is_whitespace() {
            continue;
        }
        spaced.push(character);
        if is_outside && matches!(character, ',' | ':') {
            spaced.push(' ');
        }
    }
    spaced
}

/// Each character, and whether it stands outside of strings.
fn outside(text: &str) -> impl Iterator<Item = (char, bool)> {
    let (mut is_string, mut is_escaped) = (false, false);
    text.chars().map(move |character| {
        let is_outside = !is_string;
        if character == '"' && !is_escaped {
            is_string = !is_string;
        }
        is_escaped = is_string && character == '\\' && !is_escaped;
        (character, is_outside)
    })
}

fn write(value: &str, indent: usize) -> String {
    let has_parts = value.len() > 2 && value.ends_with(['}', ']']);
    let opens = value.find(['{', '[']).filter(|_| has_parts);
    let (Some(opens), true) = (opens, indent + value.chars().count() > WIDTH) else { return value.to_owned() };
    // What is before the bracket is the member's name.
    let (head, inner) = (&value[..=opens], &value[opens + 1..value.len() - 1]);
    let below = " ".repeat(indent + 2);
    let parts: Vec<String> = parts(inner).iter().map(|part| format!("{below}{}", write(part, indent + 2))).collect();
    format!("{head}\n{}\n{}{}", parts.join(",\n"), " ".repeat(indent), &value[value.len() - 1..])
}

/// What stands between the commas of the outermost level.
fn parts(inner: &str) -> Vec<String> {
    let (mut parts, mut part, mut depth) = (Vec::new(), String::new(), 0);
    for (character, is_outside) in outside(inner) {
        match character {
            '{' | '[' if is_outside => depth += 1,
            '}' | ']' if is_outside => depth -= 1,
            _ => {}
        }
        if is_outside && depth == 0 && character == ',' {
            parts.push(std::mem::take(&mut part).trim().to_owned());
        } else {
            part.push(character);
        }
    }
    parts.push(part.trim().to_owned());
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_documents_stay_on_one_line() {
        assert_eq!(indented(r#"{"a":[1,2],"b":"x,y: {"}"#).unwrap(), r#"{"a": [1, 2], "b": "x,y: {"}"#);
        assert_eq!(indented("{nothing}"), None);
        assert_eq!(indented("12"), None);
    }

    #[test]
    fn long_ones_are_broken_where_they_must() {
        let long = "x".repeat(WIDTH);
        let found = indented(&format!(r#"{{"b":"{long}","a":[{{"c":1,"d":"\"}}"}},2],"e":["{long}"]}}"#)).unwrap();
        let expected = format!(
            "{{\n  \"b\": \"{long}\",\n  \"a\": [{{\"c\": 1, \"d\": \"\\\"}}\"}}, 2],\n  \"e\": [\n    \"{long}\"\n  ]\n}}"
        );
        assert_eq!(found, expected);
    }
}
