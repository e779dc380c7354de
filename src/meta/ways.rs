//! How a list is read fastest: along its order, looking at each package, or from the rarest label of the filter.
//!
//! Along the order a page is soon full if many packages pass, wherever the page begins; from a label it is, if few have the
//! label. Stores know how many have each. Where the rarest is on many, the order is tried for a while, and given up if too few
//! of those that were looked at passed: then few pass at all, and they are gathered from the labels. How long it is worth trying
//! follows from how many must be expected to pass.
//!
//! Kind and organisation are labels here, too. A least number of downloads or stars is no label, but few packages reach it mostly, and
//! they are the beginning of an index: where they are few, they are gathered as those of a rare label are.

use std::collections::{BTreeSet, HashMap};

use crate::domain::{Config, Kind, Name, UserName, Visibility};

use super::column::label_type;
use super::shown::{Standing, labels};
use super::{Filter, Order};

/// The type of a kind among the labels.
pub(super) const KIND: i16 = 100;
/// The type of an organisation among the labels.
pub(super) const ORG: i16 = 101;

/// Packages that are looked at along the order for each row of a page, before the labels are asked instead: the page is full by
/// then if one in twenty passes. Of a hundred thousand packages at most some five thousand pass otherwise, unless they lie
/// apart from the place. Tests have few packages, and are to meet every way.
const LOOKS: u64 = if cfg!(test) { 2 } else { 20 };
/// Packages that are looked at along the order in the time in which one is gathered from labels, read and sorted, in PostgreSQL.
const GATHERED: f64 = 3.0;
/// Packages with a label, or with a least count, that are gathered and sorted at once.
pub(super) const FEW: u64 = if cfg!(test) { 3 } else { 3000 };

/// A label with its type.
pub(super) type Typed = (i16, String);

/// How many packages have a label.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Use {
    /// That can be found.
    pub packages: u64,
    /// Those of them that everybody sees.
    pub public: u64,
}

/// How to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// Nothing passes.
    Nothing,
    /// Along the order, to the end if need be.
    Order,
    /// Along the order for as many as [`looks`] says, then from the labels of this group.
    OrderThenLabels(usize),
    /// From the labels of this group. PostgreSQL reads a list by name along the rarest label that all of it must have instead.
    Labels(usize),
}

/// How many packages are looked at along the order for a page of so many rows.
pub(super) fn looks(rows: usize) -> u64 {
    LOOKS.saturating_mul(rows as u64)
}

/// The same where so many packages can be found, in a piece of the order where all have what is not among `others`. If labels fall on
/// packages independently of each other, a page is full after some number of looks: twice that many are tried, and no more than would
/// cost as much as to gather all that pass.
pub(super) fn looks_for(
    groups: &[Vec<Typed>],
    others: &[Vec<Typed>],
    uses: &HashMap<Typed, Use>,
    packages: u64,
    rows: usize,
) -> u64 {
    let share = |groups: &[Vec<Typed>]| -> f64 {
        let share = |group: &Vec<Typed>| {
            let having: u64 = group.iter().filter_map(|label| uses.get(label)).map(|uses| uses.packages).sum();
            (having as f64 / packages.max(1) as f64).min(1.0)
        };
        groups.iter().map(share).product()
    };
    let worth = (2.0 * rows as f64 / share(others)).min(GATHERED * share(groups) * packages as f64);
    looks(rows).max(worth as u64)
}

/// Up to how many packages with a label are gathered and sorted at once for a page of so many rows, where so many can be found: from
/// there on it costs less to look along the order until the page is full. [`FEW`] at most.
pub(super) fn few(packages: u64, rows: usize) -> u64 {
    ((rows as f64 * packages as f64 / GATHERED).sqrt() as u64).min(FEW)
}

/// What a package is found by.
pub(super) fn found_by(
    name: &Name,
    kind: Kind,
    config: Option<&Config>,
    standing: Standing,
    owners: &[UserName],
) -> BTreeSet<Typed> {
    let said = labels(name, config, standing, owners).into_iter().map(|(label, text)| (label_type(label), text));
    said.chain([(KIND, kind.as_str().to_owned()), (ORG, name.org().to_owned())]).collect()
}

/// Groups of labels, of each of which a package has at least one.
pub(super) fn groups(filter: &Filter) -> Vec<Vec<Typed>> {
    let said = filter.groups().into_iter();
    let said = said.map(|group| group.into_iter().map(|(label, text)| (label_type(label), text.to_owned())).collect());
    let kinds: Vec<Typed> = filter.kinds.iter().map(|kind| (KIND, kind.as_str().to_owned())).collect();
    let org = filter.org.iter().map(|org| vec![(ORG, org.clone())]);
    said.chain(org).chain(Some(kinds).filter(|kinds| !kinds.is_empty())).collect()
}

/// Whether a filter asks for nothing that everybody sees. What is left are few packages mostly, and no label tells them from the others,
/// so that they have an index of their own; where they are many, many of those that are looked at pass.
pub(super) fn is_hidden(filter: &Filter) -> bool {
    !filter.visibilities.is_empty() && !filter.visibilities.contains(&Visibility::Public)
}

/// The way for a list of so many rows; none are asked for where they are only counted. `uses` has every label of the groups that a
/// package has; as many as `few` are gathered at once.
///
/// Who asks for what everybody sees does not wait for what is hidden to be looked through: a label that nothing else has is on nothing.
/// Where as many rows are asked for as have the label, nothing is gathered in vain, and no look along the order would end early.
pub(super) fn way(filter: &Filter, groups: &[Vec<Typed>], uses: &HashMap<Typed, Use>, few: u64, rows: usize) -> Way {
    let is_open = filter.visibilities.iter().all(|seen| *seen == Visibility::Public);
    let size = |uses: &Use| if is_open && uses.public == 0 { 0 } else { uses.packages };
    let sizes = groups.iter().map(|group| group.iter().filter_map(|label| uses.get(label)).map(size).sum());
    match sizes.enumerate().min_by_key(|(_, size): &(usize, u64)| *size) {
        None => Way::Order,
        Some((_, 0)) => Way::Nothing,
        Some((rarest, size)) if size <= few.max(rows as u64) => Way::Labels(rarest),
        Some((rarest, _)) => Way::OrderThenLabels(rarest),
    }
}

/// A least count that a filter asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Least {
    /// What is counted: the name of a column, of which `packages_by_…` is the index.
    pub column: &'static str,
    /// The least of it.
    pub least: u64,
}

/// Least counts that may be the way for a list, or for a count, unless the labels are. In the order of the list itself those that reach
/// one come first anyway.
pub(super) fn least(filter: &Filter, order: Option<Order>, way: Way) -> Vec<Least> {
    if !matches!(way, Way::Order | Way::OrderThenLabels(_)) {
        return Vec::new();
    }
    let asked = [(Order::Downloads, "downloads", filter.downloads_min), (Order::Stars, "stars", filter.stars_min)];
    let asked = asked.into_iter().filter(|(of, _, least)| *least > 0 && order != Some(*of));
    asked.map(|(_, column, least)| Least { column, least }).collect()
}

/// Whether a filter asks for more than labels, and whom they are shown to.
pub(super) fn is_narrowed(filter: &Filter) -> bool {
    let rest = Filter {
        kinds: Vec::new(),
        tags: Vec::new(),
        skills: Vec::new(),
        org: None,
        labelled: Vec::new(),
        visibilities: Vec::new(),
        ..filter.clone()
    };
    rest != Filter::default()
}

/// How many public packages pass, where the kept counts alone say so: nothing but labels is asked for, and either one label or
/// several of which no package has two. `None` where packages must be looked at.
pub(super) fn count(filter: &Filter, groups: &[Vec<Typed>], uses: &HashMap<Typed, Use>) -> Option<u64> {
    if is_narrowed(filter) || !filter.visibilities.iter().all(|seen| *seen == Visibility::Public) {
        return None;
    }
    match groups {
        [group] if group.len() == 1 || group.iter().all(|(of, _)| *of == KIND) => {
            let distinct: BTreeSet<&Typed> = group.iter().collect();
            Some(distinct.into_iter().filter_map(|label| uses.get(label)).map(|uses| uses.public).sum())
        }
        _ => None,
    }
}

/// The groups whose labels are to be counted: every package that can be found has a kind.
pub(super) fn counted(groups: &[Vec<Typed>]) -> Vec<Vec<Typed>> {
    match groups {
        [] => vec![Kind::ALL.iter().map(|kind| (KIND, kind.as_str().to_owned())).collect()],
        groups => groups.to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::meta::{Between, Label};

    fn uses(of: &[(&str, u64)]) -> HashMap<Typed, Use> {
        of.iter()
            .map(|(text, packages)| ((0, (*text).to_owned()), Use { packages: *packages, public: *packages }))
            .collect()
    }

    fn tags(all: &[&str]) -> Filter {
        Filter { tags: all.iter().map(|tag| (*tag).to_owned()).collect(), ..Filter::default() }
    }

    #[test]
    fn lists_begin_with_the_rarest_label() {
        let uses = uses(&[("common", 50_000), ("other", 40_000), ("rare", 3)]);
        let way = |filter: &Filter| way(filter, &groups(filter), &uses, FEW, 1);
        assert_eq!(way(&Filter::default()), Way::Order);
        assert_eq!(way(&tags(&["common", "rare"])), Way::Labels(1));
        assert_eq!(way(&tags(&["common", "other"])), Way::OrderThenLabels(1));
        assert_eq!(way(&tags(&["common", "absent"])), Way::Nothing);
        let none = Filter { labelled: vec![Vec::new()], ..Filter::default() };
        assert_eq!(way(&none), Way::Nothing);
        let any = |one: &str, other: &str| Filter {
            labelled: vec![vec![(Label::Tag, one.to_owned()), (Label::Tag, other.to_owned())]],
            ..Filter::default()
        };
        assert_eq!(way(&any("rare", "absent")), Way::Labels(0));
        assert_eq!(way(&any("rare", "common")), Way::OrderThenLabels(0));
    }

    #[test]
    fn the_order_is_tried_longer_where_many_must_be_expected_to_pass() {
        let uses = uses(&[("common", 50_000), ("usual", 5_000), ("rare", 500)]);
        let looks_for = |all: &[&str], rows: usize| {
            let groups = groups(&tags(all));
            looks_for(&groups, &groups, &uses, 100_000, rows)
        };
        // One in forty passes: 800 looks for a page of twenty.
        assert_eq!(looks_for(&["common", "usual"], 20), 1600);
        // One in four hundred passes, 250 in all.
        assert_eq!(looks_for(&["usual", "usual"], 20), 750);
        assert_eq!(looks_for(&["rare", "rare"], 20), looks(20));
        assert_eq!(looks_for(&["absent", "common"], 20), looks(20));
        assert_eq!(super::looks_for(&[], &[], &HashMap::new(), 0, 20), looks(20));
        // Where all have the usual one, every second passes.
        let (both, common) = (groups(&tags(&["common", "usual"])), groups(&tags(&["common"])));
        assert_eq!(super::looks_for(&both, &common, &uses, 100_000, 200), looks(200).max(800));
    }

    #[test]
    fn fewer_are_gathered_for_a_short_page() {
        assert_eq!(few(100, 1), FEW.min(5));
        assert_eq!(few(u64::MAX, 20), FEW);
        assert_eq!(few(0, 20), 0);
    }

    #[test]
    fn who_asks_for_all_of_a_label_gathers_them() {
        let (uses, filter) = (uses(&[("common", 50_000)]), tags(&["common"]));
        let way = |rows: usize| way(&filter, &groups(&filter), &uses, FEW, rows);
        assert_eq!(way(49_999), Way::OrderThenLabels(0));
        assert_eq!(way(50_000), Way::Labels(0));
    }

    #[test]
    fn what_is_hidden_alone_is_nothing_to_others() {
        let hidden = HashMap::from([((0, "secret".to_owned()), Use { packages: 5000, public: 0 })]);
        let way = |filter: &Filter| way(filter, &groups(filter), &hidden, FEW, 1);
        let seen = |visibilities: &[Visibility]| Filter { visibilities: visibilities.to_vec(), ..tags(&["secret"]) };
        assert_eq!(way(&tags(&["secret"])), Way::Nothing);
        assert_eq!(way(&seen(&[Visibility::Public])), Way::Nothing);
        assert_ne!(way(&seen(&[Visibility::Public, Visibility::Private])), Way::Nothing);
        assert_ne!(way(&seen(&[Visibility::Private])), Way::Nothing);
    }

    #[test]
    fn few_that_are_popular_are_a_way_where_no_label_is_rare() {
        let filter = Filter { stars_min: 5, ..Filter::default() };
        let stars = Least { column: "stars", least: 5 };
        assert_eq!(least(&filter, Some(Order::Name), Way::Order), [stars]);
        assert_eq!(least(&filter, None, Way::OrderThenLabels(0)), [stars]);
        assert_eq!(least(&filter, Some(Order::Stars), Way::Order), []);
        assert_eq!(least(&filter, Some(Order::Name), Way::Labels(0)), []);
        assert_eq!(least(&Filter::default(), Some(Order::Name), Way::Order), []);
    }

    #[test]
    fn what_is_hidden_is_asked_for_by_itself() {
        use Visibility::{Private, Public, Unlisted};
        let is_hidden = |visibilities: &[Visibility]| {
            is_hidden(&Filter { visibilities: visibilities.to_vec(), ..Filter::default() })
        };
        assert!(is_hidden(&[Private]) && is_hidden(&[Private, Unlisted]));
        assert!(!is_hidden(&[]) && !is_hidden(&[Private, Public]));
    }

    #[test]
    fn kept_counts_answer_only_for_labels_that_no_package_has_twice() {
        let uses = uses(&[("common", 50_000), ("rare", 3)]);
        let count = |filter: &Filter| count(filter, &groups(filter), &uses);
        assert_eq!(count(&tags(&["rare"])), Some(3));
        assert_eq!(count(&tags(&["absent"])), Some(0));
        assert_eq!(count(&tags(&["common", "rare"])), None);
        let any = vec![vec![(Label::Tag, "common".to_owned()), (Label::Tag, "rare".to_owned())]];
        assert_eq!(count(&Filter { labelled: any, ..Filter::default() }), None);
        let seen = Filter { visibilities: vec![Visibility::Private], ..tags(&["rare"]) };
        assert_eq!(count(&seen), None);
        let lately = Between { since: Some(crate::domain::Timestamp::from_micros(1)), before: None };
        assert_eq!(count(&Filter { updated: lately, ..tags(&["rare"]) }), None);
        let twice = Filter { kinds: vec![Kind::Skill, Kind::Skill], ..Filter::default() };
        let skills = HashMap::from([((KIND, "skill".to_owned()), Use { packages: 5, public: 4 })]);
        assert_eq!(super::count(&twice, &groups(&twice), &skills), Some(4));
    }
}
