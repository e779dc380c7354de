//! Which packages pass a filter by what they are found by, as postings tell.

use std::collections::{BTreeSet, HashMap};

use mongodb::bson::{Document, doc};

use crate::domain::Visibility;

use super::super::{Filter, MetaError};
use super::Mongo;
use super::keys;
use super::posting::Numbers;
use super::rows;

/// Whether a filter asks for what everybody sees, and for nothing else.
pub(super) fn is_open(filter: &Filter) -> bool {
    filter.visibilities.iter().all(|seen| *seen == Visibility::Public)
}

/// Whether postings tell more of a filter than an index does, which serves one label, or kind and organisation.
pub(super) fn is_told_by_postings(filter: &Filter) -> bool {
    !filter.groups().is_empty() && groups(filter).len() > 1
}

/// Groups of what packages are found by, of each of which one that passes has at least one.
fn groups(filter: &Filter) -> Vec<Vec<String>> {
    let labels = filter.groups().into_iter();
    let labels = labels.map(|group| group.into_iter().map(|(label, text)| keys::label(label, text)).collect());
    let kinds: Vec<String> = filter.kinds.iter().map(|kind| keys::kind(kind.as_str())).collect();
    let org = filter.org.iter().map(|org| vec![keys::org(org)]);
    labels.chain(org).chain(Some(kinds).filter(|kinds| !kinds.is_empty())).collect()
}

/// What postings tell of a filter.
#[derive(Default)]
pub(super) struct Passing {
    /// The packages that pass.
    pub numbers: Numbers,
    /// How many have one of the group that fewest have.
    pub rarest: u64,
}

impl Mongo {
    /// Numbers of the packages that have what the filter asks for, as far as postings tell: they know nothing of times and counts, and
    /// of who sees a package only whether everybody does. At least one thing must be asked for that they know.
    pub(super) async fn passing(&self, filter: &Filter) -> Result<Passing, MetaError> {
        let mut groups = groups(filter);
        groups.extend(is_open(filter).then(|| vec![keys::PUBLIC.to_owned()]));
        let groups: Vec<Vec<String>> =
            groups.iter().map(|group| group.iter().map(|found_by| keys::stem(found_by)).collect()).collect();
        if groups.iter().any(Vec::is_empty) {
            return Ok(Passing::default());
        }
        let stems: BTreeSet<&String> = groups.iter().flatten().collect();
        let range = |stem: &String| {
            let keys = keys::postings(stem);
            doc! { "_id": { "$gte": keys.start().as_str(), "$lte": keys.end().as_str() } }
        };
        let ranges: Vec<Document> = stems.into_iter().map(range).collect();
        let found: Vec<rows::Posting> = self.page(doc! { "$or": ranges }, doc! {}, usize::MAX).await?;
        let mut postings = HashMap::<String, Numbers>::new();
        for row in found {
            let (stem, chunk) = keys::of_posting(&row.id)?;
            postings.entry(stem.to_owned()).or_default().put(chunk, row.bits);
        }
        let of_group = |group: &Vec<String>| {
            let postings = group.iter().filter_map(|stem| postings.get(stem));
            postings.fold(Numbers::default(), Numbers::or)
        };
        let having: Vec<Numbers> = groups.iter().map(of_group).collect();
        let rarest = having.iter().map(Numbers::len).min().unwrap_or_default();
        let numbers = having.into_iter().reduce(|one, other| one.and(&other)).unwrap_or_default();
        Ok(Passing { numbers, rarest })
    }
}
