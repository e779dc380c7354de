//! Answering a question.

use std::collections::HashMap;

use tantivy::TantivyDocument;
use tantivy::schema::Value;

use super::collect::{Counts, Gather, add_up};
use super::cursor::Cursor;
use super::document::Shown;
use super::error::SearchError;
use super::index::Index;
use super::plan::plan;
use super::query::{LIMIT_MAX, Query, Sort};
use super::snippet::{Matcher, Snippet};
use crate::domain::{Kind, Name, Timestamp, Version};

/// Most values that a facet counts out.
pub const FACET_VALUES_MAX: usize = 50;

/// Some of the answers, and counts over all.
#[derive(Clone, Debug)]
pub struct Page {
    /// In the order asked for.
    pub hits: Vec<Hit>,
    /// How many packages answer the question, on all pages. Exact.
    pub total: usize,
    /// Counts over all answers; empty if not asked for.
    pub facets: Facets,
    /// Where the next page begins; `None` on the last.
    pub next: Option<Cursor>,
    /// Number of the last event that these answers show.
    pub generation: u64,
    /// Whether the index has changed since the cursor was made, so that in order of relevance a package may have been missed
    /// or may come twice. Never set in the other orders.
    pub drifted: bool,
}

/// How many of all answers have which value: the most frequent [`FACET_VALUES_MAX`], most frequent first, then by value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facets {
    /// By kind.
    pub kinds: Vec<(String, u64)>,
    /// By tag, as [`super::label`] makes it.
    pub tags: Vec<(String, u64)>,
    /// By skill, as [`super::label`] makes it.
    pub skills: Vec<(String, u64)>,
    /// By organisation.
    pub orgs: Vec<(String, u64)>,
}

/// A package that answers the question.
#[derive(Clone, Debug)]
pub struct Hit {
    /// Its name.
    pub name: Name,
    /// What it is.
    pub kind: Kind,
    /// Its latest version.
    pub version: Version,
    /// The name as people write it; may be empty.
    pub title: String,
    /// What it is for; may be empty.
    pub description: String,
    /// Labels, as written.
    pub tags: Vec<String>,
    /// What it can do, as written.
    pub skills: Vec<String>,
    /// When the version was published.
    pub updated: Timestamp,
    /// Who wrote it.
    pub authors: Vec<String>,
    /// Its licence.
    pub license: Option<String>,
    /// How well it answers; comparable within one question only, 0 in other orders than relevance.
    pub score: f32,
    /// The title with what was found in it.
    pub marked_title: Snippet,
    /// The part of the description that shows why; its beginning if nothing was found in it.
    pub marked_description: Snippet,
    /// The part of the primary file that shows why, from its first 16 KiB; `None` if nothing was found there.
    pub marked_text: Option<Snippet>,
}

impl Index {
    /// Answers a question. Takes milliseconds of processor time and may read from disk.
    ///
    /// # Errors
    /// [`SearchError::Cursor`] if the cursor belongs to another question, [`SearchError::Damaged`] or
    /// [`SearchError::Unavailable`] if the index cannot be read. The text of a question is never an error.
    pub fn search(&self, query: &Query) -> Result<Page, SearchError> {
        if let Some(cursor) = &query.cursor {
            cursor.check(query)?;
        }
        let limit = query.limit.clamp(1, LIMIT_MAX);
        let generation = self.through();
        let gather = Gather {
            sort: query.sort,
            // One more than asked for tells whether there is another page.
            limit: limit + 1,
            after: query.cursor.as_ref().map(|cursor| cursor.key.clone()),
            facets: query.facets,
        };
        let (mut total, mut keys, mut facets, mut asked) = (0, Vec::new(), Counts::default(), Vec::new());
        for (at, part) in self.parts(&query.audience).into_iter().enumerate() {
            let searcher = part.reader.searcher();
            let plan = plan(query, &self.fields, &searcher)?;
            let found = searcher.search(&plan.engine, &gather)?;
            total += found.total;
            keys.extend(found.hits.into_iter().map(|(key, address)| (key, at, address)));
            add_up(&mut facets, found.facets);
            asked.push((searcher, plan.matcher));
        }
        keys.sort_unstable();
        keys.truncate(limit + 1);
        let more = keys.len() > limit;
        keys.truncate(limit);
        let last = if more { keys.last() } else { None };
        let next = last.map(|(key, ..)| Cursor::new(query, generation, key.clone()));
        let mut hits = Vec::with_capacity(keys.len());
        for (key, at, address) in keys {
            let (searcher, matcher) = &asked[at];
            let document: TantivyDocument = searcher.doc(address)?;
            let shown = document.get_first(self.fields.shown).and_then(|value| value.as_bytes());
            let shown = shown.ok_or_else(|| SearchError::damaged(format!("{} has no content", key.name)))?;
            let shown = serde_json::from_slice(shown).map_err(|error| SearchError::Damaged(error.into()))?;
            let score = if query.sort == Sort::Relevance { key.score() } else { 0.0 };
            hits.push(hit(shown, score, matcher));
        }
        let [kinds, tags, skills, orgs] = facets.map(most_frequent);
        let changed = query.cursor.as_ref().is_some_and(|cursor| cursor.generation != generation);
        let drifted = changed && query.sort == Sort::Relevance;
        Ok(Page { hits, total, facets: Facets { kinds, tags, skills, orgs }, next, generation, drifted })
    }
}

fn hit(shown: Shown, score: f32, matcher: &Matcher) -> Hit {
    Hit {
        marked_title: matcher.mark_title(&shown.title),
        marked_description: matcher.describe(&shown.description),
        marked_text: matcher.excerpt(&shown.excerpt),
        name: shown.name,
        kind: shown.kind,
        version: shown.version,
        title: shown.title,
        description: shown.description,
        tags: shown.tags,
        skills: shown.skills,
        updated: shown.updated,
        authors: shown.authors,
        license: shown.license,
        score,
    }
}

fn most_frequent(counts: HashMap<String, u64>) -> Vec<(String, u64)> {
    let mut values: Vec<(String, u64)> = counts.into_iter().collect();
    values.sort_unstable_by(|one, other| other.1.cmp(&one.1).then_with(|| one.0.cmp(&other.0)));
    values.truncate(FACET_VALUES_MAX);
    values
}
