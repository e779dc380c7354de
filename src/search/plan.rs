//! From a question to a query of the engine, and to what is to be highlighted.
//!
//! For each word the best of its fields counts: slug and title ×3, description ×2, tags, skills and text ×1 of BM25, stems a
//! little less. A word of a slug or title scores one more, so that it comes before what only begins like it (0.6) or is one
//! or two typing mistakes away (0.4, 0.2). A question that is the very name comes before everything else.

use tantivy::query::{
    AllQuery, BooleanQuery, BoostQuery, ConstScoreQuery, DisjunctionMaxQuery, EmptyQuery, FuzzyTermQuery, Occur,
    PhraseQuery, Query as Engine, TermQuery,
};
use tantivy::schema::{Field, IndexRecordOption};
use tantivy::{Searcher, Term};

use super::analysis::{Piece, Unit, squeeze, units};
use super::document::{EVERYBODY, label, members};
use super::fold::{composed, stem};
use super::parse::{Item, Parsed, Wanted, parse};
use super::query::{Audience, Query};
use super::schema::Fields;
use super::snippet::Matcher;
use super::tokenizer::pair;
use crate::domain::Kind;

type Boxed = Box<dyn Engine>;

const STEM: f32 = 0.8;
const NAMED: f32 = 1.0;
const PREFIX: f32 = 0.6;
const ONE_MISTAKE: f32 = 0.4;
const TWO_MISTAKES: f32 = 0.2;
const KIND: f32 = 0.5;
const EXACT: f32 = 50.0;

/// Names that have the word as it was typed, from which on it is no mistake.
const KNOWN: u64 = 3;
/// Up to so many words must all be there.
const ALL_REQUIRED: usize = 3;
/// Of more words, so many in ten.
const WORDS_REQUIRED: usize = 6;
/// Of more pairs of a run, so many in ten: pairs that straddle two words are in no other sentence.
const PAIRS_REQUIRED: usize = 5;

/// Words that a question may hold and a document need not.
const STOP_WORDS: [&str; 46] = [
    "a", "an", "and", "are", "as", "at", "be", "by", "can", "do", "for", "from", "how", "i", "in", "into", "is", "it",
    "its", "me", "my", "of", "on", "or", "that", "the", "their", "this", "to", "what", "which", "who", "with", "you",
    "your", "и", "в", "на", "для", "с", "по", "как", "في", "من", "ve", "ile",
];

/// What to run.
pub(super) struct Plan {
    /// The engine's query.
    pub engine: Boxed,
    /// What to highlight.
    pub matcher: Matcher,
}

/// One word or run of a question.
struct Clause {
    engine: Boxed,
    /// False for stop words.
    counts: bool,
}

/// Turns a question into a plan. The searcher tells how common words are.
pub(super) fn plan(query: &Query, fields: &Fields, searcher: &Searcher) -> Result<Plan, tantivy::TantivyError> {
    let mut planner = Planner { fields, searcher, matcher: Matcher::default() };
    let text = composed(&query.text);
    let parsed = parse(&text);
    let mut clauses: Vec<(Occur, Boxed)> = Vec::new();
    clauses.extend(planner.words(&parsed, &text)?.map(|words| (Occur::Must, words)));
    clauses.extend(planner.excluded(&parsed));
    clauses.extend(planner.filters(query, &parsed).into_iter().map(|filter| (Occur::Must, unscored(filter))));
    if clauses.iter().all(|(occur, _)| *occur == Occur::MustNot) {
        clauses.push((Occur::Must, Box::new(AllQuery)));
    }
    Ok(Plan { engine: Box::new(BooleanQuery::new(clauses)), matcher: planner.matcher })
}

struct Planner<'a> {
    fields: &'a Fields,
    searcher: &'a Searcher,
    matcher: Matcher,
}

impl Planner<'_> {
    /// All words and phrases that are asked for; `None` if the question has none, a query without answers if it has
    /// signs only.
    fn words(&mut self, parsed: &Parsed, text: &str) -> Result<Option<Boxed>, tantivy::TantivyError> {
        let mut clauses = Vec::new();
        let (mut asked, mut bare) = (false, String::new());
        for (at, Item { wanted, excluded }) in parsed.items.iter().enumerate() {
            if *excluded {
                continue;
            }
            match wanted {
                Wanted::Words(words) => {
                    asked = true;
                    bare.push_str(words);
                    let open = parsed.open && at + 1 == parsed.items.len();
                    // The version of `org/name@version` is no word of the name.
                    let words =
                        words.split_once('@').filter(|(name, _)| name.contains('/')).map_or(words.as_str(), |it| it.0);
                    let mut units = units(words).peekable();
                    while let Some(unit) = units.next() {
                        let open = open && units.peek().is_none();
                        clauses.extend(self.unit(unit, open)?);
                    }
                }
                Wanted::Phrase(phrase) => {
                    asked = true;
                    bare.push_str(phrase);
                    self.matcher.add_all(phrase);
                    clauses.extend(self.phrase(units(phrase)).map(|engine| Clause { engine, counts: true }));
                }
                Wanted::Kind(_) | Wanted::Tag(_) | Wanted::Skill(_) | Wanted::Org(_) => {}
            }
        }
        if clauses.is_empty() {
            return Ok(asked.then(|| Box::new(EmptyQuery) as Boxed));
        }
        let words = combine(clauses, WORDS_REQUIRED);
        Ok(Some(match parsed.items.iter().any(|item| item.excluded || matches!(item.wanted, Wanted::Phrase(_))) {
            true => words,
            false => any(vec![words, self.exact(text, &bare)]),
        }))
    }

    /// Packages whose name or title the question is.
    fn exact(&self, text: &str, bare: &str) -> Boxed {
        let name = text.trim().to_lowercase();
        let name = name.split('@').next().unwrap_or_default();
        let keys = [name.to_owned(), squeeze(bare)].into_iter().filter(|key| !key.is_empty());
        constant(any(keys.map(|key| self.term(self.fields.key, &key)).collect()), EXACT)
    }

    fn unit(&mut self, unit: Unit, open: bool) -> Result<Option<Clause>, tantivy::TantivyError> {
        match unit {
            Unit::Run(characters) => Ok(Some(Clause { engine: self.run(&characters), counts: true })),
            Unit::Word { mut parts, whole: None, .. } => match parts.pop() {
                Some(word) => self.word(&word, open).map(Some),
                None => Ok(None),
            },
            Unit::Word { parts, whole: Some(whole), implied } => {
                for part in &parts {
                    self.matcher.add(&part.text);
                }
                let Clause { engine, .. } = self.word(&whole, open)?;
                let phrase = self.phrase(std::iter::once(Unit::Word { parts, whole: None, implied }));
                Ok(Some(Clause { engine: best(phrase.into_iter().chain([engine]).collect()), counts: true }))
            }
        }
    }

    /// A single word, with what is like it.
    fn word(&mut self, word: &Piece, open: bool) -> Result<Clause, tantivy::TantivyError> {
        let text = word.text.as_str();
        let stem = stem(text);
        let mut ways = self.in_fields(text, 1.0);
        if let Some(stem) = &stem {
            ways.extend(self.in_fields(stem, STEM));
        }
        ways.push(constant(self.term(self.fields.org, text), NAMED));
        if let Ok(kind) = stem.as_deref().unwrap_or(text).parse::<Kind>().or_else(|_| text.parse()) {
            ways.push(constant(self.term(self.fields.kind, kind.as_str()), KIND));
        }
        let length = text.chars().count();
        if open && length >= 2 {
            self.matcher.add_prefix(text);
            ways.push(constant(self.near(text, |term| FuzzyTermQuery::new_prefix(term, 0, true)), PREFIX));
        }
        let is_prose = text.chars().all(char::is_alphabetic);
        if length >= 4 && is_prose && !self.is_known(text)? {
            self.matcher.add_misspelt(text);
            ways.push(constant(self.near(text, |term| FuzzyTermQuery::new(term, 1, true)), ONE_MISTAKE));
            if length >= 8 {
                ways.push(constant(self.near(text, |term| FuzzyTermQuery::new(term, 2, true)), TWO_MISTAKES));
            }
        }
        self.matcher.add(text);
        let engine = self.prefer_names(best(ways), text);
        Ok(Clause { engine, counts: !STOP_WORDS.contains(&text) })
    }

    /// Pairs of neighbouring characters, so that any part of a name finds it. Of long runs half suffice: they are
    /// sentences.
    fn run(&mut self, characters: &[Piece]) -> Boxed {
        let terms: Vec<String> = match characters {
            [single] => vec![single.text.clone()],
            many => many.windows(2).map(|two| pair(&two[0], &two[1]).text).collect(),
        };
        let clauses = terms.iter().map(|term| {
            self.matcher.add_exactly(term);
            Clause { engine: self.prefer_names(best(self.in_fields(term, 1.0)), term), counts: true }
        });
        combine(clauses.collect(), PAIRS_REQUIRED)
    }

    /// Units that stand one after the other in one field.
    fn phrase(&self, units: impl Iterator<Item = Unit>) -> Option<Boxed> {
        let mut terms: Vec<(usize, String)> = Vec::new();
        let mut position = 0;
        for unit in units {
            match unit {
                Unit::Word { parts, .. } => {
                    for part in parts {
                        terms.push((position, part.text));
                        position += 1;
                    }
                }
                Unit::Run(characters) => {
                    match characters.as_slice() {
                        [single] => terms.push((position, single.text.clone())),
                        many => terms.extend((position..).zip(many.windows(2).map(|two| pair(&two[0], &two[1]).text))),
                    }
                    position += characters.len();
                }
            }
        }
        match terms.as_slice() {
            [] => None,
            [(_, single)] => Some(best(self.in_fields(single, 1.0))),
            _ => Some(best(
                self.fields
                    .weighted()
                    .map(|(field, weight)| {
                        let terms =
                            terms.iter().map(|(position, text)| (*position, Term::from_field_text(field, text)));
                        boosted(Box::new(PhraseQuery::new_with_offset(terms.collect())), weight)
                    })
                    .into(),
            )),
        }
    }

    /// What must not be there: the very words, no prefixes and no guesses.
    fn excluded(&self, parsed: &Parsed) -> Vec<(Occur, Boxed)> {
        let excluded = parsed.items.iter().filter(|item| item.excluded);
        let engines = excluded.filter_map(|item| match &item.wanted {
            Wanted::Words(text) | Wanted::Phrase(text) => self.phrase(units(text)),
            Wanted::Kind(kind) => Some(self.term(self.fields.kind, kind.as_str())),
            Wanted::Tag(tag) => Some(self.term(self.fields.tag, &label(tag))),
            Wanted::Skill(skill) => Some(self.term(self.fields.skill, &label(skill))),
            Wanted::Org(org) => Some(self.term(self.fields.org, org)),
        });
        engines.map(|engine| (Occur::MustNot, engine)).collect()
    }

    /// Filters of the question and of its text: any of the kinds, any of the organisations, all tags, all skills.
    fn filters(&self, query: &Query, parsed: &Parsed) -> Vec<Boxed> {
        let fields = self.fields;
        let mut filters: Vec<Boxed> = Vec::new();
        let (mut kinds, mut orgs) = (Vec::new(), Vec::new());
        for item in parsed.items.iter().filter(|item| !item.excluded) {
            match &item.wanted {
                Wanted::Kind(kind) => kinds.push(self.term(fields.kind, kind.as_str())),
                Wanted::Org(org) => orgs.push(self.term(fields.org, org)),
                Wanted::Tag(tag) => filters.push(self.term(fields.tag, &label(tag))),
                Wanted::Skill(skill) => filters.push(self.term(fields.skill, &label(skill))),
                Wanted::Words(_) | Wanted::Phrase(_) => {}
            }
        }
        filters.extend(query.tags.iter().map(|tag| self.term(fields.tag, &label(tag))));
        filters.extend(query.skills.iter().map(|skill| self.term(fields.skill, &label(skill))));
        let also_kinds = query.kinds.iter().map(|kind| self.term(fields.kind, kind.as_str())).collect();
        let also_orgs = query.orgs.iter().map(|org| self.term(fields.org, &org.to_lowercase())).collect();
        let choices: [Vec<Boxed>; 4] = [kinds, orgs, also_kinds, also_orgs];
        filters.extend(choices.into_iter().filter(|choice| !choice.is_empty()).map(any));
        let found_by = |who: &str| self.term(fields.audience, who);
        match &query.audience {
            Audience::Everybody => filters.push(found_by(EVERYBODY)),
            Audience::Members(orgs) => {
                let own = orgs.iter().map(|org| found_by(&members(org)));
                filters.push(any(own.chain([found_by(EVERYBODY)]).collect()));
            }
            Audience::OnlyMembers(orgs) => {
                filters.push(any(orgs.iter().map(|org| found_by(&members(org))).collect()));
            }
        }
        filters
    }

    fn term(&self, field: Field, text: &str) -> Boxed {
        Box::new(TermQuery::new(Term::from_field_text(field, text), IndexRecordOption::WithFreqs))
    }

    fn in_fields(&self, text: &str, factor: f32) -> Vec<Boxed> {
        self.fields.weighted().map(|(field, weight)| boosted(self.term(field, text), weight * factor)).into()
    }

    /// The same answers; those that have the word in slug or title score one more.
    fn prefer_names(&self, engine: Boxed, text: &str) -> Boxed {
        let named = any(vec![self.term(self.fields.slug, text), self.term(self.fields.title, text)]);
        Box::new(BooleanQuery::new(vec![(Occur::Must, engine), (Occur::Should, constant(named, NAMED))]))
    }

    fn near(&self, text: &str, query: impl Fn(Term) -> FuzzyTermQuery) -> Boxed {
        let fields = [self.fields.slug, self.fields.title];
        any(fields.map(|field| Box::new(query(Term::from_field_text(field, text))) as Boxed).into())
    }

    /// Whether enough names and titles have the word that looking for misspellings would only bring noise.
    fn is_known(&self, text: &str) -> Result<bool, tantivy::TantivyError> {
        let slugs = self.searcher.doc_freq(&Term::from_field_text(self.fields.slug, text))?;
        let titles = self.searcher.doc_freq(&Term::from_field_text(self.fields.title, text))?;
        Ok(slugs.max(titles) >= KNOWN)
    }
}

/// All of up to three, of more so many in ten; stop words only score, unless there is nothing else.
fn combine(mut clauses: Vec<Clause>, in_ten: usize) -> Boxed {
    if clauses.iter().all(|clause| !clause.counts) {
        for clause in &mut clauses {
            clause.counts = true;
        }
    }
    let (counting, others): (Vec<_>, Vec<_>) = clauses.into_iter().partition(|clause| clause.counts);
    let required = if counting.len() <= ALL_REQUIRED { counting.len() } else { (counting.len() * in_ten).div_ceil(10) };
    let mut counting: Vec<Boxed> = counting.into_iter().map(|clause| clause.engine).collect();
    let needed: Boxed = match counting.len() {
        1 => counting.remove(0),
        all if all == required => Box::new(BooleanQuery::intersection(counting)),
        _ => Box::new(BooleanQuery::union_with_minimum_required_clauses(counting, required)),
    };
    if others.is_empty() {
        return needed;
    }
    let optional = others.into_iter().map(|clause| (Occur::Should, clause.engine));
    Box::new(BooleanQuery::new(std::iter::once((Occur::Must, needed)).chain(optional).collect()))
}

fn best(ways: Vec<Boxed>) -> Boxed {
    Box::new(DisjunctionMaxQuery::new(ways))
}

fn any(mut ways: Vec<Boxed>) -> Boxed {
    if ways.len() == 1 { ways.remove(0) } else { Box::new(BooleanQuery::union(ways)) }
}

fn boosted(engine: Boxed, weight: f32) -> Boxed {
    Box::new(BoostQuery::new(engine, weight))
}

fn constant(engine: Boxed, score: f32) -> Boxed {
    Box::new(ConstScoreQuery::new(engine, score))
}

fn unscored(engine: Boxed) -> Boxed {
    constant(engine, 0.0)
}
