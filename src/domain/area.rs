//! Areas: which part of the store holds some bytes. A blob is deduplicated within its area.

use std::str::FromStr;

use super::text::text_value;
use super::{NameError, Repository, Visibility};

/// The public area, or one organisation's private one.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub enum Area {
    /// Content of public artifacts: plain files that anybody may serve.
    #[default]
    Public,
    /// Content that only members of this organisation may read. Holds `private/<org>`.
    Private(PrivateArea),
}

/// The folder of an organisation's private area.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PrivateArea(String);

impl PrivateArea {
    /// The organisation.
    pub fn org(&self) -> &str {
        self.0.trim_start_matches("private/")
    }
}

impl Area {
    /// The private area of the organisation that a repository belongs to.
    pub fn private(repository: &Repository) -> Self {
        Self::Private(PrivateArea(format!("private/{}", repository.org())))
    }

    /// An area that comes before every private one, and holds nothing.
    pub fn before_private() -> Self {
        Self::Private(PrivateArea(String::new()))
    }

    /// Where lies what is in a repository that is seen by these.
    pub fn of(repository: &Repository, visibility: Visibility) -> Self {
        match visibility {
            Visibility::Private => Self::private(repository),
            Visibility::Public | Visibility::Unlisted => Self::Public,
        }
    }

    /// The other one of the two that what is in a repository may lie in.
    pub fn other(&self, repository: &Repository) -> Self {
        match self {
            Self::Public => Self::private(repository),
            Self::Private(_) => Self::Public,
        }
    }

    /// The folder in the object store: `public` or `private/<org>`.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Public => "public",
            Self::Private(PrivateArea(path)) => path,
        }
    }
}

impl FromStr for Area {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        match text.strip_prefix("private/") {
            Some(org) => {
                let repository: Repository = org.parse()?;
                Ok(Self::private(&repository))
            }
            None if text == "public" => Ok(Self::Public),
            None => Err(NameError {
                what: "area",
                text: text.chars().take(80).collect(),
                why: "expected public or private/<org>",
            }),
        }
    }
}

text_value!(Area);
