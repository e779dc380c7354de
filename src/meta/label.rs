//! Labels: what packages are found by, whatever sort of word it is.

/// A kind of label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub enum Label {
    /// `tags`.
    Tag,
    /// `skills`.
    Skill,
    /// `authors`.
    Author,
    /// `license`.
    License,
    /// A value anywhere in `metadata`, as `path.to.it=value`.
    Field,
    /// A package that it needs, by its name, however the source writes it.
    Need,
    /// How the shown version stands: `published`, or `deprecated`, `yanked` or both.
    State,
    /// A user who owns it.
    Owner,
}

impl Label {
    /// All of them.
    pub const ALL: [Self; 8] =
        [Self::Tag, Self::Skill, Self::Author, Self::License, Self::Field, Self::Need, Self::State, Self::Owner];
}

/// A label and how many packages show it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct LabelCount {
    /// The label as written.
    pub label: String,
    /// Packages.
    pub count: u64,
}
