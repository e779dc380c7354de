//! The operator's words for tags and skills, from a file.

use std::path::Path;

use super::failure::Failure;
use crate::domain::Vocabulary;

/// Largest vocabulary, in bytes.
const VOCABULARY_MAX: u64 = 4 << 20;

/// Reads a vocabulary: JSON if the name of the file ends so, else TOML.
pub(super) fn read_vocabulary(path: &Path) -> Result<Vocabulary, Failure> {
    let refuse = |why: String| {
        Failure::usage(
            format!("the vocabulary {} cannot be used: {why}", path.display()),
            "docs/operations.md shows one: [tags.greeting] with category, description and synonyms",
        )
    };
    let length = std::fs::metadata(path).map_err(|error| refuse(error.to_string()))?.len();
    if length > VOCABULARY_MAX {
        return Err(refuse(format!("it is larger than {VOCABULARY_MAX} bytes")));
    }
    let text = std::fs::read_to_string(path).map_err(|error| refuse(error.to_string()))?;
    let vocabulary: Vocabulary = match path.extension().is_some_and(|extension| extension == "json") {
        true => serde_json::from_str(&text).map_err(|error| refuse(error.to_string()))?,
        false => toml::from_str(&text).map_err(|error| refuse(error.to_string().trim_end().to_owned()))?,
    };
    vocabulary.check().map_err(|error| refuse(error.to_string()))?;
    Ok(vocabulary)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(name: &str, text: &str) -> Result<Vocabulary, Failure> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        read_vocabulary(&path)
    }

    #[test]
    fn toml_and_json_say_the_same() {
        let toml = "[tags.greeting]\ncategory = 'style'\nsynonyms = ['hello']\n[skills.'code review']\ndescription = 'Reads'\n";
        let json = r#"{"tags": {"greeting": {"category": "style", "synonyms": ["hello"]}}, "skills": {"code review": {"description": "Reads"}}}"#;
        let found = read("words.toml", toml).unwrap();
        assert_eq!(found.tags["greeting"].category.as_deref(), Some("style"));
        assert_eq!(found.skills["code review"].description.as_deref(), Some("Reads"));
        assert_eq!(read("words.json", json).unwrap(), found);
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (name, text, expected) in [
            ("a.toml", "[tags.x]\ncolour = 'red'", "unknown field `colour`"),
            ("a.toml", "[label.x]", "unknown field `label`"),
            ("a.json", "{", "EOF while parsing"),
            ("a.toml", "[tags.a]\nsynonyms = ['b']\n[tags.b]", "\"b\" among the tags stands for"),
        ] {
            let failure = read(name, text).unwrap_err();
            assert!(failure.message.contains(expected), "{text}: {}", failure.message);
            assert_eq!(failure.exit, super::super::failure::Exit::Usage);
        }
        assert!(read_vocabulary(Path::new("/absent.toml")).unwrap_err().message.contains("/absent.toml"));
    }
}
