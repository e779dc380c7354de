//! What a person types to name an artifact: `org/name`, `org/name@1.2.3`, `org/name@^1.2`, `org/name@sha256:…`,
//! `org/name@beta`, `org/name:beta`.

use std::fmt;
use std::str::FromStr;

use crate::domain::{Digest, DigestError, Name, NameError, Range, Tag, Version};

/// A package, and which of its versions.
#[derive(Clone, Debug, PartialEq)]
pub struct Wanted {
    /// The package.
    pub name: Name,
    /// Which of its versions.
    pub selector: Selector,
}

/// Which version of a package.
#[derive(Clone, Debug, PartialEq)]
pub enum Selector {
    /// None was said: the registry's `latest`.
    Latest,
    /// Exactly this one.
    Version(Version),
    /// The best in a range.
    Range(Range),
    /// What a tag names.
    Tag(Tag),
    /// What has this digest.
    Digest(Digest),
}

/// The text names no artifact.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum WantedError {
    /// Nor a package.
    #[error(transparent)]
    Name(#[from] NameError),
    /// A digest that is none.
    #[error(transparent)]
    Digest(#[from] DigestError),
    /// What stands behind the `@` is none of the four.
    #[error("{0:?} is no version, range, tag or digest")]
    Selector(String),
    /// An exact version is needed here.
    #[error("{0:?} names no exact version: write org/name@1.2.3")]
    NotExact(String),
}

impl FromStr for Wanted {
    type Err = WantedError;

    fn from_str(text: &str) -> Result<Self, WantedError> {
        if let Some((name, rest)) = text.split_once('@') {
            return Ok(Self { name: name.parse()?, selector: rest.parse()? });
        }
        // The form of container tools. A name holds no colon, so nothing else can be meant.
        if let Some((name, tag)) = text.split_once(':') {
            let tag: Tag = tag.parse()?;
            let selector = Version::from_tag(&tag).map_or(Selector::Tag(tag), Selector::Version);
            return Ok(Self { name: name.parse()?, selector });
        }
        Ok(Self { name: text.parse()?, selector: Selector::Latest })
    }
}

impl FromStr for Selector {
    type Err = WantedError;

    /// A digest, else an exact version, else a range, else a tag. `1.2` and `v1` are ranges; `org/name:v1` names the tag.
    fn from_str(text: &str) -> Result<Self, WantedError> {
        if text.contains(':') {
            return Ok(Self::Digest(text.parse()?));
        }
        if text == Tag::LATEST {
            return Ok(Self::Latest);
        }
        if let Ok(version) = text.parse() {
            return Ok(Self::Version(version));
        }
        let range = text.parse::<Range>().ok().filter(|_| !text.trim().is_empty());
        match range {
            Some(range) => Ok(Self::Range(range)),
            None => text.parse().map(Self::Tag).map_err(|_| WantedError::Selector(text.to_owned())),
        }
    }
}

impl Wanted {
    /// The name and the exact version, where nothing else will do.
    pub fn exact(self) -> Result<(Name, Version), WantedError> {
        match self.selector {
            Selector::Version(version) => Ok((self.name, version)),
            _ => Err(WantedError::NotExact(self.to_string())),
        }
    }
}

impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.selector {
            Selector::Latest => write!(f, "{}", self.name),
            Selector::Version(version) => write!(f, "{}@{version}", self.name),
            Selector::Range(range) => write!(f, "{}@{range}", self.name),
            Selector::Tag(tag) => write!(f, "{}:{tag}", self.name),
            Selector::Digest(digest) => write!(f, "{}@{digest}", self.name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        let found = match text.parse::<Wanted>() {
            Ok(Wanted { name, selector }) => match selector {
                Selector::Latest => format!("{name} latest"),
                Selector::Version(version) => format!("{name} version {version}"),
                Selector::Range(range) => format!("{name} range {range}"),
                Selector::Tag(tag) => format!("{name} tag {tag}"),
                Selector::Digest(digest) => format!("{name} digest {:.13}", digest.to_string()),
            },
            Err(_) => "refused".to_owned(),
        };
        assert_eq!(found, expected, "{text:?}");
    }

    #[test]
    fn names_with_and_without_a_version() {
        check("acme/hello", "acme/hello latest");
        check("acme/hello@latest", "acme/hello latest");
        check("acme/hello@1.2.3", "acme/hello version 1.2.3");
        check("acme/hello@1.2.3-rc.1+b", "acme/hello version 1.2.3-rc.1+b");
        check("acme/hello:1.0.0_b", "acme/hello version 1.0.0+b");
        check("acme/hello@^1.2", "acme/hello range ^1.2");
        check("acme/hello@1.2", "acme/hello range 1.2");
        check("acme/hello@>=1 <3 || 5", "acme/hello range >=1 <3 || 5");
        check("acme/hello@*", "acme/hello range *");
        check("acme/hello@beta", "acme/hello tag beta");
        check("acme/hello:v1", "acme/hello tag v1");
        check(&format!("acme/hello@{}", Digest::sha256(b"")), "acme/hello digest sha256:e3b0c4");
    }

    #[test]
    fn what_names_nothing_is_refused() {
        for text in
            ["", "hello", "acme/hello@", "acme/hello@sha256:12", "acme/Hello@1.0.0", "a/b/c", "acme/x:", "@1.0.0"]
        {
            check(text, "refused");
        }
    }

    #[test]
    fn where_a_version_must_be_exact_a_range_is_refused() {
        let exact = |text: &str| text.parse::<Wanted>().and_then(Wanted::exact);
        assert!(exact("acme/hello@1.0.0").is_ok());
        assert_eq!(exact("acme/hello@^1"), Err(WantedError::NotExact("acme/hello@^1".into())));
        assert!(exact("acme/hello").is_err());
    }
}
