//! The nine kinds of artifact.

use std::str::FromStr;

use super::text::text_value;

/// What an artifact is. A package keeps its kind for ever.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// A character or role that a model takes on.
    Persona,
    /// Several personas that work together.
    Team,
    /// Steps that personas or teams carry out.
    Workflow,
    /// A capability: instructions, often with scripts and references beside them.
    Skill,
    /// A PCL type.
    Type,
    /// A PCL interface.
    Interface,
    /// A PCL enumeration.
    Enum,
    /// A PCL function.
    Function,
    /// A PCL module.
    Module,
}

impl Kind {
    /// All nine, in the order of the language's own list.
    pub const ALL: [Self; 9] = [
        Self::Persona,
        Self::Team,
        Self::Workflow,
        Self::Skill,
        Self::Type,
        Self::Interface,
        Self::Enum,
        Self::Function,
        Self::Module,
    ];

    /// The name, in lower case.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Persona => "persona",
            Self::Team => "team",
            Self::Workflow => "workflow",
            Self::Skill => "skill",
            Self::Type => "type",
            Self::Interface => "interface",
            Self::Enum => "enum",
            Self::Function => "function",
            Self::Module => "module",
        }
    }
}

/// The text names none of the nine kinds.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a kind: expected persona, team, workflow, skill, type, interface, enum, function or module")]
pub struct KindError(String);

impl FromStr for Kind {
    type Err = KindError;

    fn from_str(text: &str) -> Result<Self, KindError> {
        let found = Self::ALL.into_iter().find(|kind| kind.as_str() == text);
        found.ok_or_else(|| KindError(text.chars().take(80).collect()))
    }
}

text_value!(Kind);
