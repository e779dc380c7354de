//! Completing what somebody begins to type: names, tags and skills that begin like it, the most used first.
//!
//! Kept in memory beside the index and fed with the same documents, because the index cannot answer this exactly: its
//! dictionaries count documents that were replaced until their segments are merged, and know neither who may find a term nor the
//! words within a label. At start it is read back from the columns of the index, without its stored documents.
//! Holds only what everybody may find.

mod table;

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, PoisonError};

use tantivy::columnar::StrColumn;
use tantivy::{DocId, Searcher};

use super::analysis::is_unspaced;
use super::document::Document;
use super::error::SearchError;
use super::fold::fold_word;
use super::index::Index;
use super::schema::column;
use table::{Draft, Table};

/// Most completions of a sort.
pub const COMPLETIONS_MAX: usize = 100;

/// What is completed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Completed {
    /// Names of packages, by their beginning or that of the part behind the slash. Used by the packages that need them.
    Name,
    /// Tags, by their beginning or that of a word in them. Used by the packages that show them.
    Tag,
    /// Skills, likewise.
    Skill,
}

impl Index {
    /// Values that begin like `prefix` with the number of packages that use each, the most used first, then by value: at most
    /// `limit`, at most [`COMPLETIONS_MAX`]. Case and accents do not matter. An empty prefix gives the most used of all.
    pub fn complete(&self, completed: Completed, prefix: &str, limit: usize) -> Vec<(String, u64)> {
        let completions = self.completions.read().unwrap_or_else(PoisonError::into_inner);
        completions.table(completed).complete(&begun(prefix), limit.min(COMPLETIONS_MAX))
    }

    /// The same the slow way, which small tables never take by themselves.
    #[cfg(test)]
    pub(super) fn scan_completions(&self, completed: Completed, prefix: &str, limit: usize) -> Vec<(String, u64)> {
        let completions = self.completions.read().unwrap_or_else(PoisonError::into_inner);
        completions.table(completed).scan(&begun(prefix), limit)
    }
}

/// What was typed, as the keys are written: folded, white space as one space, which at the end ends a word.
pub(super) fn begun(prefix: &str) -> String {
    let mut text = prefix.split_whitespace().collect::<Vec<_>>().join(" ");
    if !text.is_empty() && prefix.ends_with(char::is_whitespace) {
        text.push(' ');
    }
    fold_word(&text)
}

/// All that can be completed.
pub(super) struct Completions {
    names: Table,
    tags: Table,
    skills: Table,
    /// What each package uses, by its name.
    held: HashMap<Arc<str>, Held>,
}

impl Default for Completions {
    fn default() -> Self {
        let (names, tags, skills) = (Table::new(name_keys), Table::new(label_keys), Table::new(label_keys));
        Self { names, tags, skills, held: HashMap::new() }
    }
}

/// What a package uses: places in the tables.
#[derive(Default)]
struct Held {
    needs: Vec<u32>,
    tags: Vec<u32>,
    skills: Vec<u32>,
}

/// What a package is known by here.
#[derive(Default)]
pub(super) struct Known {
    pub name: String,
    /// Labels, each once, as [`super::label`] makes them.
    pub tags: Vec<String>,
    /// Likewise.
    pub skills: Vec<String>,
    /// Names of the packages that it needs, each once.
    pub needs: Vec<String>,
}

impl Completions {
    /// What everybody finds: all that the index holds. Every start waits for it, so that all is counted first and sorted once.
    pub fn read(searcher: &Searcher) -> Result<Self, SearchError> {
        let (mut names, mut tags, mut skills) = (Draft::new(name_keys), Draft::new(label_keys), Draft::new(label_keys));
        let mut held = HashMap::new();
        for segment in searcher.segment_readers() {
            let columns = segment.fast_fields();
            let terms = |name: &str| Terms::read(columns.str(name)?);
            let (mut named, mut needed) = (terms(column::NAME)?, terms(column::NEED)?);
            let (mut tagged, mut skilled) = (terms(column::TAG)?, terms(column::SKILL)?);
            for document in segment.doc_ids_alive() {
                let Some(place) = named.places(document, &mut names).next() else { continue };
                // Each name is there once.
                let Entry::Vacant(entry) = held.entry(names.value(place)) else { continue };
                names.show(place);
                entry.insert(Held {
                    needs: needed.used(document, &mut names, false),
                    tags: tagged.used(document, &mut tags, true),
                    skills: skilled.used(document, &mut skills, true),
                });
            }
        }
        Ok(Self { names: names.finish(), tags: tags.finish(), skills: skills.finish(), held })
    }

    fn table(&self, completed: Completed) -> &Table {
        match completed {
            Completed::Name => &self.names,
            Completed::Tag => &self.tags,
            Completed::Skill => &self.skills,
        }
    }

    /// Puts packages in, each in the place of what was known by its name, and takes others out.
    pub fn change(&mut self, put: &[Known], removed: &[String]) {
        for name in removed {
            self.remove(name);
        }
        for known in put {
            self.put(known);
        }
        self.rank();
    }

    fn put(&mut self, known: &Known) {
        let before = self.held.remove(known.name.as_str()).unwrap_or_default();
        let held = Held {
            needs: self.names.turn(&before.needs, &known.needs, false),
            tags: self.tags.turn(&before.tags, &known.tags, true),
            skills: self.skills.turn(&before.skills, &known.skills, true),
        };
        let place = self.names.place(&known.name);
        self.names.show(place, true);
        self.held.insert(self.names.value(place), held);
    }

    fn remove(&mut self, name: &str) {
        let Some(held) = self.held.remove(name) else { return };
        held.needs.into_iter().for_each(|place| self.names.leave_one(place, false));
        held.tags.into_iter().for_each(|place| self.tags.leave_one(place, true));
        held.skills.into_iter().for_each(|place| self.skills.leave_one(place, true));
        let place = self.names.place(name);
        self.names.show(place, false);
        self.names.drop_unused(place);
    }

    fn rank(&mut self) {
        for table in [&mut self.names, &mut self.tags, &mut self.skills] {
            table.rank_all();
        }
    }
}

/// The whole name, and the part behind the slash.
fn name_keys(name: &str) -> Vec<String> {
    let slug = name.split_once('/').map(|(_, slug)| slug.to_owned());
    [Some(name.to_owned()), slug].into_iter().flatten().collect()
}

/// The folded label from its beginning, and from that of each word in it. Where no spaces are set each character may begin one.
fn label_keys(label: &str) -> Vec<String> {
    let folded = fold_word(label);
    let mut before = None;
    let mut keys = Vec::new();
    for (at, character) in folded.char_indices() {
        let begins = character.is_alphanumeric() && !before.is_some_and(char::is_alphanumeric);
        if at == 0 || begins || is_unspaced(character) {
            keys.push(folded[at..].to_owned());
        }
        before = Some(character);
    }
    keys
}

/// What documents have in a column. Its terms are read once, in their order: to look one up reads half a block of them.
struct Terms {
    column: Option<StrColumn>,
    terms: Vec<String>,
    /// Of those that were asked for, the place in the table.
    places: Vec<Option<u32>>,
}

impl Terms {
    fn read(column: Option<StrColumn>) -> Result<Self, SearchError> {
        let mut terms = Vec::new();
        if let Some(column) = &column {
            let all: Vec<u64> = (0..column.num_terms() as u64).collect();
            let take = |term: &[u8]| terms.push(String::from_utf8_lossy(term).into_owned());
            column.dictionary().sorted_ords_to_term_cb(&all, take)?;
        }
        let places = vec![None; terms.len()];
        Ok(Self { column, terms, places })
    }

    /// The places of what a document has.
    fn places(&mut self, document: DocId, draft: &mut Draft) -> impl Iterator<Item = u32> {
        let Self { column, terms, places } = self;
        let ordinals = column.iter().flat_map(move |column| column.term_ords(document));
        ordinals.filter_map(move |ordinal| {
            let ordinal = usize::try_from(ordinal).ok()?;
            let (term, place) = (terms.get(ordinal)?, places.get_mut(ordinal)?);
            Some(*place.get_or_insert_with(|| draft.place(term)))
        })
    }

    /// The same, of what it uses.
    fn used(&mut self, document: DocId, draft: &mut Draft, is_label: bool) -> Vec<u32> {
        let places: Vec<u32> = self.places(document, draft).collect();
        places.iter().for_each(|place| draft.use_one(*place, is_label));
        places
    }
}

impl Document {
    /// What completions know of it, if everybody may find it.
    pub(super) fn known(&self) -> Known {
        Known {
            name: self.name.to_string(),
            tags: super::document::labels(&self.tags),
            skills: super::document::labels(&self.skills),
            needs: self.needed(),
        }
    }
}
