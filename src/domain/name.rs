//! What things are called: repositories, packages, tags, and the slugs that titles become.

use std::str::FromStr;

use super::text::text_value;
use super::{Algorithm, Digest, Kind};

/// Longest repository name, in bytes.
pub const REPOSITORY_MAX: usize = 200;
/// Longest slug that a title becomes, in bytes.
pub const SLUG_MAX: usize = 100;

/// First components that no repository may have: they are paths of the server or folders of the store.
pub const RESERVED: [&str; 14] = [
    "v2", "api", "blobs", "index", "log", "events", "private", "public", "staging", "assets", "search", "health",
    "metrics", "admin",
];

/// A name outside its grammar, with what is wrong about it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} {text:?} is not valid: {why}")]
pub struct NameError {
    /// Which grammar: repository name, package name, tag.
    pub what: &'static str,
    /// The text, at most 300 characters of it.
    pub text: String,
    /// What is wrong.
    pub why: &'static str,
}

impl NameError {
    pub(super) fn new(what: &'static str, text: &str, why: &'static str) -> Self {
        Self { what, text: text.chars().take(300).collect(), why }
    }
}

const COMPONENT: &str = "a path component is lower-case letters and digits, \
     joined by one '.', one or two '_', or any number of '-'";

/// OCI distribution 1.1, "Pulling manifests": a component matches `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*`.
fn is_component(text: &str) -> bool {
    let bytes = text.as_bytes();
    let alphanumeric = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let mut at = 0;
    loop {
        let word = bytes[at..].iter().take_while(|byte| alphanumeric(**byte)).count();
        if word == 0 {
            return false;
        }
        at += word;
        if at == bytes.len() {
            return true;
        }
        let separators = bytes[at..].iter().take_while(|byte| !alphanumeric(**byte)).count();
        match &bytes[at..at + separators] {
            b"." | b"_" | b"__" => {}
            run if run.iter().all(|byte| *byte == b'-') => {}
            _ => return false,
        }
        at += separators;
    }
}

/// An OCI repository name, at most [`REPOSITORY_MAX`] bytes; its first component is its organisation.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Repository(String);

impl Repository {
    /// The whole name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first component.
    pub fn org(&self) -> &str {
        self.0.split('/').next().unwrap_or_default()
    }

    /// The package name, if the repository has exactly two components.
    pub fn package(&self) -> Option<Name> {
        let (_, slug) = self.0.split_once('/')?;
        (!slug.contains('/')).then(|| Name(self.0.clone()))
    }
}

impl FromStr for Repository {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let refuse = |why| Err(NameError::new("repository name", text, why));
        if text.len() > REPOSITORY_MAX {
            return refuse("it is longer than 200 characters");
        }
        if !text.split('/').all(is_component) {
            return refuse(COMPONENT);
        }
        let org = text.split('/').next().unwrap_or_default();
        if RESERVED.contains(&org) || org == "login" {
            return refuse("its first component is reserved");
        }
        Ok(Self(text.to_owned()))
    }
}

text_value!(Repository);

/// The name of a package: `org/slug`, a repository of exactly two components.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name(String);

impl Name {
    /// The whole name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The organisation.
    pub fn org(&self) -> &str {
        self.0.split('/').next().unwrap_or_default()
    }

    /// The part after the organisation.
    pub fn slug(&self) -> &str {
        self.0.split('/').nth(1).unwrap_or_default()
    }

    /// The repository that holds it.
    pub fn repository(&self) -> Repository {
        Repository(self.0.clone())
    }
}

impl FromStr for Name {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let repository: Repository =
            text.parse().map_err(|error: NameError| NameError { what: "package name", ..error })?;
        repository.package().ok_or_else(|| {
            NameError::new("package name", text, "it has two components, an organisation and a name: org/name")
        })
    }
}

text_value!(Name);

/// An OCI tag: `[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tag(String);

impl Tag {
    /// The tag that is computed, never stored: the highest published version.
    pub const LATEST: &'static str = "latest";

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Referrers fallback tag of a digest.
    ///
    /// OCI distribution 1.1, "Referrers Tag Schema": `<alg>-<ref>`, the algorithm cut to 32 and the hash to 64 characters.
    pub fn referrers(subject: &Digest) -> Self {
        let mut encoded = subject.hex();
        encoded.truncate(64);
        Self(format!("{}-{encoded}", subject.algorithm().as_str()))
    }

    /// Of which digests it is the fallback tag, if it may be one: their algorithm, and the first 64 characters of their hash.
    pub fn subject(&self) -> Option<(Algorithm, &str)> {
        let (algorithm, hash) = self.0.split_once('-')?;
        let algorithm: Algorithm = algorithm.parse().ok()?;
        let is_hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        (hash.len() == 64 && hash.bytes().all(is_hex)).then_some((algorithm, hash))
    }
}

impl FromStr for Tag {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        let first = text.bytes().next().is_some_and(word);
        let rest = text.bytes().all(|byte| word(byte) || byte == b'.' || byte == b'-');
        if first && rest && text.len() <= 128 {
            return Ok(Self(text.to_owned()));
        }
        Err(NameError::new(
            "tag",
            text,
            "a tag is up to 128 letters, digits, '_', '.' and '-', not starting with '.' or '-'",
        ))
    }
}

text_value!(Tag);

/// What a manifest is asked for by.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Reference {
    /// A name that can move.
    Tag(Tag),
    /// The content itself.
    Digest(Digest),
}

impl std::fmt::Display for Reference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Tag(tag) => tag.fmt(f),
            Self::Digest(digest) => digest.fmt(f),
        }
    }
}

/// Makes a slug out of a title: transliterated to ASCII, lower-case, every run of other characters one `-`, trimmed,
/// at most [`SLUG_MAX`] bytes. `None` if nothing is left.
pub fn slug(title: &str) -> Option<String> {
    let mut slug = String::new();
    for character in any_ascii::any_ascii(title).chars() {
        if slug.len() == SLUG_MAX {
            break;
        }
        if character.is_ascii_alphanumeric() {
            slug.push(character.to_ascii_lowercase());
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    slug.truncate(slug.trim_end_matches('-').len());
    (!slug.is_empty()).then_some(slug)
}

/// The slug of a title, or, if the title leaves nothing, the kind and eight hexadecimal digits of a hash of the title.
pub fn slug_or_hash(title: &str, kind: Kind) -> String {
    slug(title).unwrap_or_else(|| format!("{kind}-{}", &Digest::sha256(title.as_bytes()).hex()[..8]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check_slug(title: &str, expected: Option<&str>) {
        assert_eq!(slug(title).as_deref(), expected, "{title:?}");
    }

    #[test]
    fn slugs() {
        check_slug("Code Review", Some("code-review"));
        check_slug("  --C++ & Rust!  ", Some("c-rust"));
        check_slug("Crème brûlée", Some("creme-brulee"));
        check_slug("Переводчик", Some("perevodchik"));
        check_slug("!!!", None);
        check_slug("", None);
        check_slug(&"ab ".repeat(80), Some("ab-".repeat(34)[..100].trim_end_matches('-')));
        assert!(slug("写作助手").is_some_and(|slug| slug.is_ascii()));
        assert_eq!(slug_or_hash("!!!", Kind::Persona).len(), "persona-".len() + 8);
    }

    #[test]
    fn repositories() {
        for good in ["a", "acme/hello", "a/b/c", "a.b/c__d/e---f", "0/1"] {
            assert!(good.parse::<Repository>().is_ok(), "{good}");
        }
        let long = "a".repeat(201);
        for bad in
            ["", "/", "a/", "/a", "A", "a//b", "a..b", "a___b", "a-", "-a", "a._b", "a/ü", "v2/x", "api", "a\0", &long]
        {
            assert!(bad.parse::<Repository>().is_err(), "{bad}");
        }
    }

    #[test]
    fn package_names_have_two_components() {
        assert_eq!("acme/hello".parse::<Name>().map(|name| name.slug().to_owned()), Ok("hello".to_owned()));
        for bad in ["acme", "a/b/c", "public/x"] {
            assert!(bad.parse::<Name>().is_err(), "{bad}");
        }
    }

    #[test]
    fn tags() {
        let (longest, longer) = ("a".repeat(128), "a".repeat(129));
        for good in ["latest", "1.0.0", "_x", "A-b.C_d", &longest] {
            assert!(good.parse::<Tag>().is_ok(), "{good}");
        }
        for bad in ["", ".a", "-a", "a+b", "a/b", "a b", "ä", &longer] {
            assert!(bad.parse::<Tag>().is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn a_slug_is_always_a_name(title in "\\PC{0,40}") {
            let name = format!("acme/{}", slug_or_hash(&title, Kind::Skill));
            prop_assert!(name.parse::<Name>().is_ok(), "{}", name);
        }

        #[test]
        fn slugs_are_stable(title in "\\PC{0,40}") {
            if let Some(once) = slug(&title) {
                prop_assert_eq!(slug(&once), Some(once.clone()));
            }
        }
    }
}
