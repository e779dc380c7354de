//! What the answers must be, found by looking at every package: slow, plain, and with no code in common with the stores.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use pcl_registry::domain::{Config, Level, Name, Package, Published, Skill, Version, Visibility};
use pcl_registry::meta::{Catalog, Filter, Label, Order};
use pcl_registry::resolve::Required;
use serde_json::{Value, json};

use super::catalogue::Versions;
use super::question::{Match, Question};

/// A package with the config of the version that it shows.
pub struct Entry {
    pub package: Package,
    pub config: Config,
    /// How that version stands.
    states: Vec<&'static str>,
}

impl Entry {
    /// The labels of one sort, each once.
    pub fn labels(&self, label: Label) -> BTreeSet<String> {
        let about = &self.config.about;
        match label {
            Label::Tag => about.tags.iter().cloned().collect(),
            Label::Skill => about.skills.iter().map(|skill| skill.name.clone()).collect(),
            Label::Author => about.authors.iter().cloned().collect(),
            Label::License => about.license.iter().cloned().collect(),
            Label::Need => {
                let needs = about.dependencies.iter();
                needs.filter_map(|need| meant(&self.package.name, &need.name)).map(|name| name.to_string()).collect()
            }
            Label::Field => fields(&Value::Object(about.metadata.clone())),
            Label::Owner => self.package.owners.iter().map(ToString::to_string).collect(),
            Label::State => self.states.iter().map(|state| (*state).to_owned()).collect(),
        }
    }

    pub fn has(&self, label: Label, text: &str) -> bool {
        self.labels(label).contains(text)
    }

    fn is_public(&self) -> bool {
        self.package.visibility == Visibility::Public
    }

    fn skills(&self) -> &[Skill] {
        &self.config.about.skills
    }
}

/// The package that somebody means who needs `text`: `org/name`, `@org/name`, or `name` for one of the same organisation.
pub fn meant(by: &Name, text: &str) -> Option<Name> {
    let text = text.trim();
    match text.split_once('/') {
        Some(_) => text.strip_prefix('@').unwrap_or(text).parse().ok(),
        None => match text.rsplit_once('.') {
            Some((_, "pcl" | "md" | "json" | "yaml" | "yml")) => None,
            _ => format!("{}/{text}", by.org()).parse().ok(),
        },
    }
}

fn states(published: &Published) -> Vec<&'static str> {
    match (published.yanked, published.deprecation.is_some()) {
        (false, false) => vec!["published"],
        (true, false) => vec!["yanked"],
        (false, true) => vec!["deprecated"],
        (true, true) => vec!["deprecated", "yanked"],
    }
}

/// `path.to.it=value` for every value that is short enough, the first 256 of them.
fn fields(metadata: &Value) -> BTreeSet<String> {
    let (mut fields, mut waiting) = (Vec::new(), vec![(String::new(), metadata)]);
    while let Some((path, value)) = waiting.pop() {
        let below = |key: &str| if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
        let text = match value {
            Value::Object(object) => {
                let below: Vec<_> = object.iter().map(|(key, value)| (below(key), value)).collect();
                waiting.extend(below.into_iter().rev());
                continue;
            }
            Value::Array(values) => {
                waiting.extend(values.iter().rev().map(|value| (path.clone(), value)));
                continue;
            }
            Value::Null => continue,
            Value::String(text) => text.trim().to_owned(),
            other => other.to_string(),
        };
        if path.len() + text.len() < 300 {
            fields.push(format!("{path}={text}"));
        }
    }
    fields.truncate(256);
    fields.into_iter().collect()
}

/// Every package, whoever sees it, by name.
pub struct Expected<'v> {
    pub entries: Vec<Entry>,
    versions: &'v Versions,
}

impl<'v> Expected<'v> {
    /// Reads the packages one by one, by the names that were published.
    pub async fn read(catalog: &Arc<dyn Catalog>, versions: &'v Versions) -> Self {
        let mut entries = Vec::new();
        for name in versions.keys() {
            let package = catalog.package(name).await.unwrap().unwrap_or_else(|| panic!("{name} is not there"));
            let published = catalog.version(name, &package.shown).await.unwrap().unwrap();
            let states = states(&published);
            entries.push(Entry { package, config: published.config.unwrap(), states });
        }
        Self { entries, versions }
    }

    /// The answer, if it can be told; of lists and of who has skills the names alone ([`Self::reduced`]).
    pub fn answer(&self, question: &Question) -> Option<Value> {
        Some(match question {
            Question::List { filter, order, .. } => json!(self.listed(filter, *order)),
            Question::Count(filter) => json!(self.listed(filter, Order::Name).len()),
            Question::Labels { label, .. } => {
                let mut counts: BTreeMap<String, u64> = BTreeMap::new();
                for entry in self.entries.iter().filter(|entry| entry.is_public()) {
                    entry.labels(*label).into_iter().for_each(|text| *counts.entry(text).or_default() += 1);
                }
                let mut counts: Vec<(String, u64)> = counts.into_iter().collect();
                counts.sort_by_key(|(_, count)| Reverse(*count));
                counts.into_iter().map(|(label, count)| json!({ "label": label, "count": count })).collect()
            }
            Question::Dependents { name, kinds, .. } => {
                let mut names = Vec::new();
                for entry in self.entries.iter().filter(|entry| entry.is_public()) {
                    let needs = entry.config.about.dependencies.iter();
                    let needs = needs.filter(|need| meant(&entry.package.name, &need.name).as_ref() == Some(name));
                    let needs = needs.filter(|need| kinds.is_empty() || kinds.contains(&need.kind));
                    names.extend(needs.map(|_| entry.package.name.clone()));
                }
                json!(names)
            }
            Question::Match(asked) => json!(self.skilled(asked)),
            Question::Versions(name) => {
                let versions: Vec<&Version> = self.versions[name].iter().rev().collect();
                json!(versions)
            }
            Question::Complete { .. }
            | Question::Related { .. }
            | Question::Dependencies { .. }
            | Question::Resolve { .. } => return None,
        })
    }

    fn listed(&self, filter: &Filter, order: Order) -> Vec<&Name> {
        let mut found: Vec<&Package> =
            self.entries.iter().filter(|entry| passes(entry, filter)).map(|entry| &entry.package).collect();
        match order {
            Order::Name => {}
            Order::Updated => found.sort_by_key(|package| Reverse(package.updated)),
            Order::Created => found.sort_by_key(|package| Reverse(package.created)),
            Order::Downloads => found.sort_by_key(|package| Reverse(package.downloads)),
            Order::Stars => found.sort_by_key(|package| Reverse(package.stars)),
        }
        found.into_iter().map(|package| &package.name).collect()
    }

    fn skilled(&self, asked: &Match) -> Vec<&Name> {
        let kinds = match asked.is_team && asked.kinds.is_empty() {
            true => vec!["persona".parse().unwrap()],
            false => asked.kinds.clone(),
        };
        let filter = Filter { kinds, tags: asked.tags.clone(), ..Filter::default() };
        let able = self.entries.iter().filter(|entry| passes(entry, &filter)).map(|entry| {
            let met = asked.required.iter().filter(|required| is_met(required, entry.skills())).count();
            (met, &entry.package.name)
        });
        let mut able: Vec<_> = able.filter(|(met, _)| *met > 0).collect();
        able.sort_by_key(|(met, _)| Reverse(*met));
        able.into_iter().take(asked.limit).map(|(_, name)| name).collect()
    }
}

/// As [`Expected::answer`] says it, of what a registry answered.
pub fn reduced(question: &Question, answer: &Value, rows: &[&Value]) -> Value {
    match question {
        Question::List { .. } | Question::Dependents { .. } | Question::Match(_) => {
            rows.iter().map(|row| row["name"].clone()).collect()
        }
        Question::Versions(_) => rows.iter().map(|row| row["version"].clone()).collect(),
        _ => answer.clone(),
    }
}

fn is_met(required: &Required, skills: &[Skill]) -> bool {
    let enough = |level: Option<Level>| level.unwrap_or(Level::Beginner);
    skills.iter().any(|skill| skill.name == required.name && enough(skill.level) >= enough(required.level))
}

fn passes(entry: &Entry, filter: &Filter) -> bool {
    let package = &entry.package;
    let seen = match filter.visibilities.is_empty() {
        true => package.visibility == Visibility::Public,
        false => filter.visibilities.contains(&package.visibility),
    };
    let after = |since, time| since <= Some(time);
    let ahead = |before: Option<_>, time| before.is_none_or(|before| before > time);
    seen && (filter.kinds.is_empty() || filter.kinds.contains(&package.kind))
        && filter.org.iter().all(|org| package.name.as_str().starts_with(&format!("{org}/")))
        && filter.tags.iter().all(|tag| entry.has(Label::Tag, tag))
        && filter.skills.iter().all(|skill| entry.has(Label::Skill, skill))
        && filter.labelled.iter().all(|group| group.iter().any(|(label, text)| entry.has(*label, text)))
        && after(filter.created.since, package.created)
        && ahead(filter.created.before, package.created)
        && after(filter.updated.since, package.updated)
        && ahead(filter.updated.before, package.updated)
        && package.downloads >= filter.downloads_min
        && package.stars >= filter.stars_min
}
