//! JSON of strangers: how much of it is read.
//!
//! How deep it may be nested is the parser's own limit, 128.

use serde::de::DeserializeOwned;

/// Reads one JSON object of at most `most` bytes; the error says in words what is wrong.
pub(super) fn read<T: DeserializeOwned>(bytes: &[u8], most: usize) -> Result<T, String> {
    if bytes.len() > most {
        return Err(format!("it has {} bytes, {most} at most", bytes.len()));
    }
    // A derived reader would take an array for a struct.
    if bytes.iter().find(|byte| !byte.is_ascii_whitespace()) != Some(&b'{') {
        return Err("it is not a JSON object".to_owned());
    }
    serde_json::from_slice(bytes).map_err(|error| shortened(&error.to_string()))
}

/// A text of a stranger, as it stands in an error: no longer than a few lines, without control characters.
pub(super) fn shortened(text: &str) -> String {
    let shown = |character: char| if character.is_control() { '\u{fffd}' } else { character };
    text.chars().take(200).map(shown).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    #[test]
    fn reads_one_object_and_no_more() {
        let check = |text: &str, expected: &str| {
            let error = read::<Value>(text.as_bytes(), 1000).unwrap_err();
            assert!(error.contains(expected), "{error}");
        };
        assert!(read::<Value>(b" {} ", 1000).is_ok());
        check("", "not a JSON object");
        check("[]", "not a JSON object");
        check("{} {}", "trailing");
        check(&" ".repeat(1001), "1001 bytes, 1000 at most");
        check(&r#"{"a":"#.repeat(200), "recursion");
        assert_eq!(shortened("a\u{1b}[2Jb"), "a\u{fffd}[2Jb");
        assert_eq!(shortened(&"é".repeat(500)).chars().count(), 200);
    }
}
