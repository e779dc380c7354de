//! One pass over everything that matches: counts it, counts its facets, keeps the keys of one page.
//!
//! Reads columns only; documents are loaded for the hits alone.

use std::collections::{BinaryHeap, HashMap};
use std::io;
use std::sync::Arc;

use tantivy::collector::{Collector, SegmentCollector};
use tantivy::columnar::{ColumnValues, StrColumn};
use tantivy::{DocAddress, DocId, Score, SegmentOrdinal, SegmentReader};

use super::query::Sort;
use super::schema::column;

/// Columns that facets are counted over, in the order of [`Found::facets`].
const FACETS: [&str; 4] = [column::KIND, column::TAG, column::SKILL, column::ORG];

/// Where a hit stands: hits are ordered by rank, smallest first, then by name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    /// The score or time, turned around so that the best is the smallest; 0 if sorted by name.
    pub rank: u64,
    /// The whole name.
    pub name: String,
}

impl Key {
    /// The score that the rank was made of, if it was made of one.
    pub(super) fn score(&self) -> f32 {
        f32::from_bits(u32::MAX - u32::try_from(self.rank).unwrap_or(u32::MAX))
    }
}

/// What to keep.
pub(super) struct Gather {
    /// In which order.
    pub sort: Sort,
    /// How many hits.
    pub limit: usize,
    /// Only hits behind this one.
    pub after: Option<Key>,
    /// Whether to count facets.
    pub facets: bool,
}

/// What was found.
#[derive(Default)]
pub(super) struct Found {
    /// Everything that matches, also what lies before the page.
    pub total: usize,
    /// At most `limit` hits, in order.
    pub hits: Vec<(Key, DocAddress)>,
    /// Kinds, tags, skills, organisations.
    pub facets: Counts,
}

/// How many have each value: of kinds, tags, skills, organisations.
pub(super) type Counts = [HashMap<String, u64>; 4];

/// Adds counts to others.
pub(super) fn add_up(all: &mut Counts, more: Counts) {
    for (all, counts) in all.iter_mut().zip(more) {
        for (value, count) in counts {
            *all.entry(value).or_default() += count;
        }
    }
}

impl Collector for Gather {
    type Fruit = Found;
    type Child = GatherSegment;

    fn for_segment(&self, ordinal: SegmentOrdinal, segment: &SegmentReader) -> tantivy::Result<GatherSegment> {
        let columns = segment.fast_fields();
        let names =
            columns.str(column::NAME)?.ok_or_else(|| tantivy::TantivyError::FieldNotFound(column::NAME.into()))?;
        let first = match &self.after {
            Some(key) => Some((key.rank, first_behind(&names, &key.name)?)),
            None => None,
        };
        let facets = match self.facets {
            true => FACETS.iter().map(|name| Ok(Counted::new(columns.str(name)?))).collect::<tantivy::Result<_>>()?,
            false => Vec::new(),
        };
        Ok(GatherSegment {
            ordinal,
            sort: self.sort,
            limit: self.limit,
            first,
            name_ordinals: names.ords().clone().first_or_default_col(0),
            names,
            updated: columns.column_first_or_default(column::UPDATED)?,
            total: 0,
            best: BinaryHeap::with_capacity(self.limit + 1),
            facets,
        })
    }

    fn requires_scoring(&self) -> bool {
        self.sort == Sort::Relevance
    }

    fn merge_fruits(&self, segments: Vec<io::Result<Found>>) -> tantivy::Result<Found> {
        let mut found = Found::default();
        for segment in segments {
            let segment = segment?;
            found.total += segment.total;
            found.hits.extend(segment.hits);
            add_up(&mut found.facets, segment.facets);
        }
        found.hits.sort_unstable();
        found.hits.truncate(self.limit);
        Ok(found)
    }
}

/// The smallest ordinal of a name that lies behind the given one.
fn first_behind(names: &StrColumn, name: &str) -> io::Result<u64> {
    let dictionary = names.dictionary();
    let (mut low, mut high) = (0, dictionary.num_terms() as u64);
    let mut term = Vec::new();
    while low < high {
        let middle = low + (high - low) / 2;
        term.clear();
        dictionary.ord_to_term(middle, &mut term)?;
        if term.as_slice() <= name.as_bytes() {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    Ok(low)
}

/// The pass over one segment.
pub(super) struct GatherSegment {
    ordinal: SegmentOrdinal,
    sort: Sort,
    limit: usize,
    /// The rank that the last page ended in, and the first name of that rank that it did not show.
    first: Option<(u64, u64)>,
    names: StrColumn,
    name_ordinals: Arc<dyn ColumnValues<u64>>,
    updated: Arc<dyn ColumnValues<i64>>,
    total: usize,
    /// Rank, ordinal of the name, document: the worst on top, to be replaced.
    best: BinaryHeap<(u64, u64, DocId)>,
    facets: Vec<Counted>,
}

impl GatherSegment {
    fn rank(&self, document: DocId, score: Score) -> u64 {
        match self.sort {
            Sort::Name => 0,
            // The bits of floats that are not negative are in the order of the floats.
            Sort::Relevance => u64::from(u32::MAX - score.max(0.0).to_bits()),
            Sort::Newest => !(self.updated.get_val(document).cast_unsigned() ^ (1 << 63)),
        }
    }
}

impl SegmentCollector for GatherSegment {
    type Fruit = io::Result<Found>;

    fn collect(&mut self, document: DocId, score: Score) {
        self.total += 1;
        for facet in &mut self.facets {
            facet.count(document);
        }
        let key = (self.rank(document, score), self.name_ordinals.get_val(document), document);
        if self.first.is_some_and(|(rank, name)| (key.0, key.1) < (rank, name)) {
            return;
        }
        if self.best.len() < self.limit {
            self.best.push(key);
        } else if let Some(mut worst) = self.best.peek_mut()
            && key < *worst
        {
            *worst = key;
        }
    }

    fn harvest(self) -> io::Result<Found> {
        let mut hits = Vec::with_capacity(self.best.len());
        for (rank, ordinal, document) in self.best {
            let mut name = String::new();
            self.names.ord_to_str(ordinal, &mut name)?;
            hits.push((Key { rank, name }, DocAddress::new(self.ordinal, document)));
        }
        let mut facets = Counts::default();
        for (values, counted) in facets.iter_mut().zip(self.facets) {
            *values = counted.values()?;
        }
        Ok(Found { total: self.total, hits, facets })
    }
}

/// How often each value of a column was met.
struct Counted {
    /// None if no document of the segment has a value.
    column: Option<StrColumn>,
    counts: Vec<u32>,
}

impl Counted {
    fn new(column: Option<StrColumn>) -> Self {
        let counts = vec![0; column.as_ref().map_or(0, |column| column.num_terms())];
        Self { column, counts }
    }

    fn count(&mut self, document: DocId) {
        let Some(column) = &self.column else { return };
        for ordinal in column.term_ords(document) {
            self.counts[ordinal as usize] += 1;
        }
    }

    fn values(self) -> io::Result<HashMap<String, u64>> {
        let Some(column) = self.column else { return Ok(HashMap::new()) };
        let met = |(ordinal, count): (usize, &u32)| (*count > 0).then_some(ordinal as u64);
        let ordinals: Vec<u64> = self.counts.iter().enumerate().filter_map(met).collect();
        let mut values = HashMap::with_capacity(ordinals.len());
        let mut next = ordinals.iter();
        column.dictionary().sorted_ords_to_term_cb(&ordinals, |term| {
            if let Some(ordinal) = next.next() {
                let value = String::from_utf8_lossy(term).into_owned();
                values.insert(value, u64::from(self.counts[*ordinal as usize]));
            }
        })?;
        Ok(values)
    }
}
