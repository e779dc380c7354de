//! A question: words, filters, order, and who asks.

use serde::Serialize;

use super::cursor::Cursor;
use super::document::label;
use crate::domain::Kind;

/// Most hits on a page.
pub const LIMIT_MAX: usize = 100;

/// What is looked for.
///
/// `text` is words, in any script. Quotes make a phrase, `-` before a word, phrase or filter excludes, `kind:`, `tag:`,
/// `skill:` and `org:` filter; anything else is words. Up to three words must all be there, of more at least six in ten,
/// words such as `the` apart. Empty text finds everything. The first 1,000 characters and 32 items count.
#[derive(Clone, Debug)]
pub struct Query {
    /// What was typed.
    pub text: String,
    /// Any of these kinds; none means all.
    pub kinds: Vec<Kind>,
    /// All of these tags.
    pub tags: Vec<String>,
    /// All of these skills.
    pub skills: Vec<String>,
    /// Any of these organisations; none means all.
    pub orgs: Vec<String>,
    /// The order of the hits.
    pub sort: Sort,
    /// Hits on a page; taken into 1 to [`LIMIT_MAX`].
    pub limit: usize,
    /// Where the last page ended.
    pub cursor: Option<Cursor>,
    /// Whether to count facets.
    pub facets: bool,
    /// Who asks.
    pub audience: Audience,
}

impl Default for Query {
    fn default() -> Self {
        Self {
            text: String::new(),
            kinds: Vec::new(),
            tags: Vec::new(),
            skills: Vec::new(),
            orgs: Vec::new(),
            sort: Sort::Relevance,
            limit: 20,
            cursor: None,
            facets: false,
            audience: Audience::Everybody,
        }
    }
}

/// The order of hits. What is equal is in order of names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize)]
pub enum Sort {
    /// Best first. Its cursors hold for one state of the index, see [`super::Page::drifted`].
    #[default]
    Relevance,
    /// By name, from a to z. Its cursors stay good while packages come and go.
    Name,
    /// Newest version first. Its cursors stay good while packages come and go.
    Newest,
}

/// What may be found at all. Who belongs where is decided by the caller.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Audience {
    /// What is public.
    #[default]
    Everybody,
    /// That, and what is private in these organisations.
    Members(Vec<String>),
    /// What nobody but the members of these organisations finds.
    OnlyMembers(Vec<String>),
}

impl Query {
    /// What a cursor must agree with, as bytes.
    pub(super) fn fingerprint(&self) -> Vec<u8> {
        fn sorted<T: Ord>(values: impl Iterator<Item = T>) -> Vec<T> {
            let mut values: Vec<T> = values.collect();
            values.sort_unstable();
            values
        }
        let parts = (
            &self.text,
            sorted(self.kinds.iter()),
            sorted(self.tags.iter().map(|tag| label(tag))),
            sorted(self.skills.iter().map(|skill| label(skill))),
            sorted(self.orgs.iter()),
            self.sort,
        );
        serde_json::to_vec(&parts).unwrap_or_default()
    }
}
