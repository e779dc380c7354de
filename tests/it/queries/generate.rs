//! Which questions are asked: every way to filter a list alone, with each other, and several together; in every order and in pages
//! of every size; and all that can be asked besides. Each is made from packages that there are, so that most have an answer.

use std::collections::{BTreeMap, BTreeSet};

use pcl_registry::domain::api::CompletionOf;
use pcl_registry::domain::{DependencyType, Kind, Level, Name, Timestamp, Version, Visibility};
use pcl_registry::meta::{Between, Filter, Label, Order};
use pcl_registry::resolve::Required;

use super::catalogue::Versions;
use super::dice::Dice;
use super::expected::{Entry, Expected, meant};
use super::question::{Match, Question};

const ORDERS: [Order; 5] = [Order::Name, Order::Updated, Order::Created, Order::Downloads, Order::Stars];
/// Sizes of pages, the largest among them.
pub const LIMITS: [usize; 8] = [1, 2, 3, 7, 20, 50, 333, 1000];
/// Most pages that are read of one list.
const PAGES_MAX: usize = 25;

/// One way to filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Way {
    Kinds,
    AllTags,
    AnyTag,
    AllSkills,
    AnySkill,
    Author,
    License,
    Org,
    Field,
    Created,
    Updated,
    Visibility,
    Owner,
    State,
    Downloads,
    Stars,
}

static WAYS: [Way; 16] = [
    Way::Kinds,
    Way::AllTags,
    Way::AnyTag,
    Way::AllSkills,
    Way::AnySkill,
    Way::Author,
    Way::License,
    Way::Org,
    Way::Field,
    Way::Created,
    Way::Updated,
    Way::Visibility,
    Way::Owner,
    Way::State,
    Way::Downloads,
    Way::Stars,
];

/// 500 questions, the same for the same packages.
pub fn questions(expected: &Expected<'_>, versions: &Versions, seed: u64) -> Vec<Question> {
    let mut maker = Maker::new(&expected.entries, versions, seed);
    let mut questions = Vec::new();
    // No way in every order, and each alone in two of them.
    questions.extend(ORDERS.map(|order| maker.list(expected, Filter::default(), order)));
    for (at, way) in WAYS.iter().enumerate() {
        questions.extend([at, at + 2].map(|at| maker.filtered(expected, &[*way], ORDERS[at % 5])));
    }
    let pairs = WAYS.iter().enumerate().flat_map(|(at, one)| WAYS[at + 1..].iter().map(move |other| [*one, *other]));
    for (at, pair) in pairs.enumerate() {
        questions.push(maker.filtered(expected, &pair, ORDERS[at % 5]));
        if at % 2 == 0 {
            questions.push(Question::Count(maker.filter(&pair)));
        }
    }
    for at in 0..50 {
        let ways: BTreeSet<Way> = (0..3 + at % 3).map(|_| *maker.dice.pick(&WAYS)).collect();
        let ways: Vec<Way> = ways.into_iter().collect();
        questions.push(maker.filtered(expected, &ways, ORDERS[at % 5]));
    }
    questions.extend(Label::ALL.iter().flat_map(|label| {
        // Fields have thousands of values.
        let limits = if *label == Label::Field { [500, 700, 1000] } else { [50, 333, 1000] };
        limits.map(|limit| Question::Labels { label: *label, limit })
    }));
    questions.extend((0..44).map(|at| maker.complete(at)));
    questions.extend((0..36).map(|_| maker.related()));
    questions.extend((0..22).map(|_| maker.dependents()));
    questions.extend((0..18).map(|_| maker.dependencies()));
    questions.extend((0..36).map(|at| maker.skills(at % 2 == 1)));
    questions.extend((0..25).map(|_| maker.versions()));
    while questions.len() < 500 {
        questions.push(maker.resolve());
    }
    questions
}

struct Maker<'e> {
    dice: Dice,
    entries: &'e [Entry],
    /// Packages that anything can be asked of, by what they have.
    with: BTreeMap<Way, Vec<&'e Entry>>,
    needing: Vec<&'e Entry>,
    several: Vec<&'e Name>,
    versions: &'e Versions,
    limits: usize,
}

impl<'e> Maker<'e> {
    fn new(entries: &'e [Entry], versions: &'e Versions, seed: u64) -> Self {
        let with = WAYS.map(|way| (way, entries.iter().filter(|entry| has(entry, way)).collect())).into();
        let needing = entries.iter().filter(|entry| !entry.config.about.dependencies.is_empty()).collect();
        let several = versions.iter().filter(|(_, versions)| versions.len() > 1).map(|(name, _)| name).collect();
        Self { dice: Dice::new(seed), entries, with, needing, several, versions, limits: 0 }
    }

    /// A filter of these ways that a package passes which has something for each of them, if there is one.
    fn filter(&mut self, ways: &[Way]) -> Filter {
        let rarest = ways.iter().min_by_key(|way| self.with[way].len()).expect("a way");
        let is_seen =
            |entry: &&Entry| ways.contains(&Way::Visibility) || entry.package.visibility == Visibility::Public;
        let (mut fitting, mut seen) = (Vec::new(), Vec::new());
        for entry in self.with[rarest].iter().copied().filter(is_seen) {
            seen.push(entry);
            if ways.iter().all(|way| has(entry, *way)) {
                fitting.push(entry);
            }
        }
        let target = *self.dice.pick(if fitting.is_empty() { &seen } else { &fitting });
        let mut filter = Filter::default();
        for way in ways {
            // Now and then nothing need pass.
            let from = match self.dice.one_in(25) || !has(target, *way) {
                true => *self.dice.pick(&self.with[way]),
                false => target,
            };
            self.narrow(&mut filter, *way, from);
        }
        filter
    }

    /// Lets the filter ask for something that the package has.
    fn narrow(&mut self, filter: &mut Filter, way: Way, entry: &Entry) {
        let package = &entry.package;
        match way {
            Way::Kinds => {
                filter.kinds.push(package.kind);
                if self.dice.one_in(2) {
                    filter.kinds.push(*self.dice.pick(&Kind::ALL));
                }
            }
            Way::AllTags => filter.tags = self.some(entry, Label::Tag),
            Way::AllSkills => filter.skills = self.some(entry, Label::Skill),
            Way::AnyTag => filter.labelled.push(self.any(entry, Label::Tag, way)),
            Way::AnySkill => filter.labelled.push(self.any(entry, Label::Skill, way)),
            Way::Author => filter.labelled.push(self.any(entry, Label::Author, way)),
            Way::License => filter.labelled.push(self.any(entry, Label::License, way)),
            Way::Owner => filter.labelled.push(self.any(entry, Label::Owner, way)),
            Way::State => filter.labelled.push(self.any(entry, Label::State, way)),
            Way::Downloads => filter.downloads_min = self.up_to(package.downloads),
            Way::Stars => filter.stars_min = self.up_to(package.stars),
            Way::Field => {
                let fields = self.some(entry, Label::Field).into_iter();
                filter.labelled.extend(fields.map(|field| vec![(Label::Field, field)]));
            }
            Way::Org => filter.org = Some(package.name.org().to_owned()),
            Way::Created => filter.created = self.around(package.created),
            Way::Updated => filter.updated = self.around(package.updated),
            Way::Visibility => {
                filter.visibilities.push(package.visibility);
                if self.dice.one_in(2) {
                    filter.visibilities.push(*self.dice.pick(&[Visibility::Public, Visibility::Unlisted]));
                }
            }
        }
    }

    /// A number from 1 on.
    fn up_to(&mut self, most: u64) -> u64 {
        1 + self.dice.below(usize::try_from(most).unwrap()) as u64
    }

    /// One or two of the labels.
    fn some(&mut self, entry: &Entry, label: Label) -> Vec<String> {
        let labels: Vec<String> = entry.labels(label).into_iter().collect();
        let some: BTreeSet<String> = (0..1 + self.dice.below(2)).map(|_| self.dice.pick(&labels).clone()).collect();
        some.into_iter().collect()
    }

    /// One of the labels, and perhaps those of others beside it.
    fn any(&mut self, entry: &Entry, label: Label, way: Way) -> Vec<(Label, String)> {
        let mut any: Vec<String> = vec![self.some(entry, label).remove(0)];
        for _ in 0..self.dice.below(3) {
            let other = *self.dice.pick(&self.with[&way]);
            any.push(self.some(other, label).remove(0));
        }
        any.into_iter().map(|text| (label, text)).collect()
    }

    /// A span with this time in it, to the microsecond now and then.
    fn around(&mut self, time: Timestamp) -> Between {
        let mut span = || i64::try_from(self.dice.below(4) * 200).unwrap();
        let (since, before) = (time.plus_seconds(-span()), time.plus_seconds(span()));
        let before = Timestamp::from_micros(before.micros() + 1);
        match self.dice.below(3) {
            0 => Between { since: Some(since), before: None },
            1 => Between { since: None, before: Some(before) },
            _ => Between { since: Some(since), before: Some(before) },
        }
    }

    fn filtered(&mut self, expected: &Expected<'_>, ways: &[Way], order: Order) -> Question {
        let filter = self.filter(ways);
        self.list(expected, filter, order)
    }

    /// A list in pages of the next size, or of a larger one if those would be too many.
    fn list(&mut self, expected: &Expected<'_>, filter: Filter, order: Order) -> Question {
        let found = expected.answer(&Question::Count(filter.clone())).and_then(|count| count.as_u64()).unwrap();
        self.limits += 1;
        let sizes = LIMITS.iter().cycle().skip(self.limits).take(LIMITS.len());
        let fits = |limit: &&usize| found as usize / **limit < PAGES_MAX;
        let limit = *sizes.copied().collect::<Vec<_>>().iter().find(fits).expect("the largest fits");
        Question::List { filter, order, limit }
    }

    fn entry(&mut self) -> &'e Entry {
        self.dice.pick(self.entries)
    }

    fn complete(&mut self, at: usize) -> Question {
        let ways = [Way::AllTags, Way::AllSkills, Way::Org];
        let way = ways[at % 3];
        let entry = *self.dice.pick(&self.with[&way]);
        let text = match way {
            Way::AllTags => self.some(entry, Label::Tag).remove(0),
            Way::AllSkills => self.some(entry, Label::Skill).remove(0),
            _ => entry.package.name.to_string(),
        };
        let mut prefix: String = text.chars().take(self.dice.below(7)).collect();
        if self.dice.one_in(4) {
            prefix = prefix.to_uppercase();
        }
        let of = match self.dice.one_in(2) {
            true => CompletionOf::ALL.to_vec(),
            false => vec![CompletionOf::ALL[[1, 2, 0][at % 3]]],
        };
        Question::Complete { of, prefix, limit: *self.dice.pick(&[1, 10, 100]) }
    }

    fn related(&mut self) -> Question {
        let name = match self.dice.one_in(8) {
            true => self.entry().package.name.clone(),
            false => self.dice.pick(&self.with[&Way::AllTags]).package.name.clone(),
        };
        Question::Related { name, limit: *self.dice.pick(&[1, 20, 100]) }
    }

    fn kinds_of_need(&mut self, entry: &Entry) -> Vec<DependencyType> {
        match self.dice.below(3) {
            0 => vec![self.dice.pick(&entry.config.about.dependencies).kind],
            1 => vec![*self.dice.pick(&DependencyType::ALL), *self.dice.pick(&DependencyType::ALL)],
            _ => Vec::new(),
        }
    }

    fn dependents(&mut self) -> Question {
        let named: Vec<(&Entry, Name)> = self
            .needing
            .iter()
            .flat_map(|entry| {
                let needs = entry.config.about.dependencies.iter();
                needs.filter_map(|need| Some((*entry, meant(&entry.package.name, &need.name)?)))
            })
            .collect();
        let (entry, name) = self.dice.pick(&named);
        let kinds = self.kinds_of_need(entry);
        Question::Dependents { name: name.clone(), kinds, limit: *self.dice.pick(&[1, 2, 20]) }
    }

    fn dependencies(&mut self) -> Question {
        let entry = *self.dice.pick(&self.needing);
        let kinds = self.kinds_of_need(entry);
        let depth = u32::try_from(1 + self.dice.below(4)).unwrap();
        Question::Dependencies { name: entry.package.name.clone(), kinds, depth }
    }

    fn skills(&mut self, is_team: bool) -> Question {
        let mut required: Vec<Required> = Vec::new();
        for _ in 0..1 + self.dice.below(4) {
            let entry = *self.dice.pick(&self.with[&Way::AllSkills]);
            let level = match self.dice.below(4) {
                0 => Some(*self.dice.pick(&[Level::Beginner, Level::Intermediate, Level::Expert])),
                _ => None,
            };
            let names = self.some(entry, Label::Skill).into_iter();
            required.extend(names.map(|name| Required { name, level }));
        }
        let kinds = if self.dice.one_in(3) { vec![*self.dice.pick(&Kind::ALL)] } else { Vec::new() };
        let tags = match self.dice.one_in(6) {
            true => {
                let entry = *self.dice.pick(&self.with[&Way::AllTags]);
                self.some(entry, Label::Tag)
            }
            false => Vec::new(),
        };
        Question::Match(Match { required, tags, kinds, limit: *self.dice.pick(&[3, 20, 100]), is_team })
    }

    fn name(&mut self) -> Name {
        match self.dice.one_in(3) {
            true => self.entry().package.name.clone(),
            false => (*self.dice.pick(&self.several)).clone(),
        }
    }

    fn versions(&mut self) -> Question {
        Question::Versions(self.name())
    }

    fn resolve(&mut self) -> Question {
        let name = self.name();
        let versions: Vec<&Version> = self.versions[&name].iter().collect();
        let version = (*self.dice.pick(&versions)).to_string();
        let major = version.split('.').next().unwrap();
        let range = match self.dice.below(9) {
            0 => format!("^{version}"),
            1 => format!("~{version}"),
            2 => version,
            3 => format!("{major}.x"),
            4 => format!(">={version}"),
            5 => format!("<={version} || ^9"),
            6 => format!("{major} - 3"),
            7 => "*".to_owned(),
            _ => format!(">{version} <4.0.0-0"),
        };
        Question::Resolve { name, range: range.parse().unwrap() }
    }
}

/// Whether the package has something to be filtered by so.
fn has(entry: &Entry, way: Way) -> bool {
    match way {
        Way::AllTags | Way::AnyTag => !entry.config.about.tags.is_empty(),
        Way::AllSkills | Way::AnySkill => !entry.config.about.skills.is_empty(),
        Way::Author => !entry.config.about.authors.is_empty(),
        Way::License => entry.config.about.license.is_some(),
        Way::Field => !entry.labels(Label::Field).is_empty(),
        Way::Owner => !entry.package.owners.is_empty(),
        // Nearly all are published, and nothing else.
        Way::State => !entry.has(Label::State, "published"),
        Way::Downloads => entry.package.downloads > 0,
        Way::Stars => entry.package.stars > 0,
        Way::Kinds | Way::Org | Way::Created | Way::Updated | Way::Visibility => true,
    }
}
