//! The rows of each table, as streams.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use futures::stream::{self, BoxStream};
use futures::{StreamExt as _, TryStreamExt as _};
use serde::Serialize;

use super::super::{
    BlobKey, Collections, Cursor, Filter, Label, LabelCount, LinkKey, Meta, MetaError, Order, PAGE_MAX, Releases,
    TokenRow,
};
use super::Table;
use crate::domain::{Body, Day, Event, Name, OrgName, Package, Release, Repository, UserName, Version, Visibility};

/// Repositories that are read at once.
const READS: usize = 8;
/// Labels that are read at once. A store in memory counts all of them for each page.
const LABELS: usize = 10_000;
const EVERY_VISIBILITY: [Visibility; 3] = [Visibility::Public, Visibility::Unlisted, Visibility::Private];

/// One row: what names it, and all that it says.
#[derive(Debug, PartialEq)]
pub(super) struct Row {
    pub key: String,
    pub value: Vec<u8>,
}

pub(super) type Rows<'a> = BoxStream<'a, Result<Row, MetaError>>;

fn row(key: impl ToString, value: &impl Serialize) -> Result<Row, MetaError> {
    let value = serde_json::to_vec(value).map_err(|error| MetaError::Corrupt(error.to_string()))?;
    Ok(Row { key: key.to_string(), value })
}

/// Every name that the events of a store mention, with the versions that were published under it.
pub(super) struct Names(BTreeMap<Repository, BTreeSet<Version>>);

impl Names {
    pub async fn of(meta: &Meta) -> Result<Self, MetaError> {
        let (mut names, mut after) = (BTreeMap::<Repository, BTreeSet<Version>>::new(), 0);
        loop {
            let page = meta.ledger.events(after, PAGE_MAX).await?;
            let Some((last, _)) = page.last() else { return Ok(Self(names)) };
            after = *last;
            for (_, bytes) in page {
                let event = Event::parse(&bytes).map_err(|error| MetaError::Corrupt(error.to_string()))?;
                let Some(repository) = event.body.repository() else { continue };
                let versions = names.entry(repository).or_default();
                if let Body::Publish { version, .. } = event.body {
                    versions.insert(version);
                }
            }
        }
    }

    fn repositories(&self) -> impl Iterator<Item = &Repository> + Send {
        self.0.keys()
    }

    fn packages(&self) -> impl Iterator<Item = (Name, &BTreeSet<Version>)> + Send {
        let published = self.0.iter().filter(|(_, versions)| !versions.is_empty());
        published.filter_map(|(repository, versions)| Some((repository.package()?, versions)))
    }
}

/// The rows of a table, in the order of names, which is the same for every store.
pub(super) fn rows<'a>(meta: &'a Meta, names: &'a Names, table: Table) -> Rows<'a> {
    match table {
        Table::Events => pages(0, move |after| events(meta, after)),
        Table::Repositories => all(repositories(meta, names)),
        Table::Manifests => each(names.repositories().map(move |name| manifests(meta, name))),
        Table::Tags => each(names.repositories().map(move |name| tags(meta, name))),
        Table::Packages => pages(None, move |after| packages(meta, after)),
        Table::Versions => each(names.packages().map(move |(name, versions)| versions_of(meta, name, versions))),
        Table::Labels => all(labels(meta)),
        Table::Owners => each(names.packages().map(move |(name, _)| owners(meta, name))),
        Table::Collections => pages(None, move |after| collections(meta, after)),
        Table::Orgs => pages(None, move |after| orgs(meta, after)),
        Table::Blobs => pages(None, move |after| blobs(meta, after)),
        Table::Links => pages(None, move |after| links(meta, after)),
        Table::Users => pages(None, move |after| users(meta, after)),
        Table::Tokens => all(tokens(meta)),
        Table::Downloads => each(names.packages().map(move |(name, _)| downloads(meta, name))),
        Table::Stars => all(stars(meta)),
    }
}

/// Rows page by page; a page says where the next one begins.
fn pages<'a, A, F>(first: A, page: impl Fn(A) -> F + Send + 'a) -> Rows<'a>
where
    A: Send + 'a,
    F: Future<Output = Result<(Vec<Row>, Option<A>), MetaError>> + Send + 'a,
{
    let next = move |at: Option<A>| {
        let asked = at.map(&page);
        async move {
            let Some(asked) = asked else { return Ok(None) };
            let (rows, next) = asked.await?;
            Ok(Some((stream::iter(rows.into_iter().map(Ok)), next)))
        }
    };
    stream::try_unfold(Some(first), next).try_flatten().boxed()
}

/// Rows that are read in one go.
fn all<'a>(rows: impl Future<Output = Result<Vec<Row>, MetaError>> + Send + 'a) -> Rows<'a> {
    each(std::iter::once(rows))
}

/// Rows of one name after the other, a few names at once.
fn each<'a, F>(rows: impl Iterator<Item = F> + Send + 'a) -> Rows<'a>
where
    F: Future<Output = Result<Vec<Row>, MetaError>> + Send + 'a,
{
    let read = stream::iter(rows).buffered(READS);
    read.map_ok(|rows| stream::iter(rows.into_iter().map(Ok))).try_flatten().boxed()
}

async fn events(meta: &Meta, after: u64) -> Result<(Vec<Row>, Option<u64>), MetaError> {
    let page = meta.ledger.events(after, PAGE_MAX).await?;
    let next = page.last().map(|(n, _)| *n);
    let rows = page.into_iter().map(|(n, bytes)| Row { key: format!("event {n}"), value: bytes.to_vec() });
    Ok((rows.collect(), next))
}

async fn repositories(meta: &Meta, names: &Names) -> Result<Vec<Row>, MetaError> {
    let mut found: BTreeMap<String, (bool, bool)> = BTreeMap::new();
    let asked = names.repositories().map(|name| async move {
        let known = meta.refs.tags(name, None, 1).await?.is_some();
        Ok::<_, MetaError>((name.to_string(), known))
    });
    let mut known = stream::iter(asked.collect::<Vec<_>>()).buffered(READS);
    while let Some((name, known)) = known.try_next().await? {
        found.entry(name).or_default().0 = known;
    }
    let mut after = None;
    loop {
        let page = meta.refs.repositories(after.as_deref(), PAGE_MAX).await?;
        let Some(last) = page.last() else { break };
        after = Some(last.to_string());
        page.iter().for_each(|name| found.entry(name.to_string()).or_default().1 = true);
    }
    found.iter().map(|(name, says)| row(name, says)).collect()
}

async fn manifests(meta: &Meta, repository: &Repository) -> Result<Vec<Row>, MetaError> {
    let (mut rows, mut after) = (Vec::new(), None);
    loop {
        let page = meta.refs.manifests(repository, after.as_ref(), PAGE_MAX).await?;
        let Some((last, _)) = page.last() else { return Ok(rows) };
        after = Some(last.digest);
        for (manifest, blobs) in &page {
            rows.push(row(format!("{repository}@{}", manifest.digest), &(manifest, blobs))?);
        }
    }
}

async fn tags(meta: &Meta, repository: &Repository) -> Result<Vec<Row>, MetaError> {
    let (mut rows, mut after) = (Vec::new(), None);
    loop {
        let page = meta.refs.tags(repository, after.as_deref(), PAGE_MAX).await?.unwrap_or_default();
        let Some(last) = page.last() else { return Ok(rows) };
        after = Some(last.to_string());
        for tag in &page {
            rows.push(row(format!("{repository}:{tag}"), &meta.refs.tag(repository, tag).await?)?);
        }
    }
}

async fn packages(meta: &Meta, after: Option<Cursor>) -> Result<(Vec<Row>, Option<Option<Cursor>>), MetaError> {
    let filter = Filter { visibilities: EVERY_VISIBILITY.to_vec(), ..Filter::default() };
    let page = meta.catalog.packages(&filter, Order::Name, after.as_ref(), PAGE_MAX).await?;
    // Downloads and stars, which no event tells of, are compared by themselves.
    let events_alone = |package: &Package| Package { downloads: 0, stars: 0, ..package.clone() };
    let rows = page.items.iter().map(|package| row(&package.name, &events_alone(package))).collect::<Result<_, _>>()?;
    Ok((rows, page.next.map(Some)))
}

async fn versions_of(meta: &Meta, name: Name, versions: &BTreeSet<Version>) -> Result<Vec<Row>, MetaError> {
    let releases = meta.catalog.releases(&name, Releases::Readable).await?;
    // Whether it can be chosen, and its place among those that can.
    let places: HashMap<&Version, (usize, &Release)> =
        releases.iter().enumerate().map(|(at, release)| (&release.version, (at, release))).collect();
    let wanted: Vec<(Name, Version)> = versions.iter().map(|version| (name.clone(), version.clone())).collect();
    let mut rows = Vec::with_capacity(wanted.len());
    for wanted in wanted.chunks(PAGE_MAX) {
        for version in meta.catalog.versions(wanted).await? {
            let place = places.get(&version.version);
            rows.push(row(format!("{name}@{}", version.version), &(&version, place))?);
        }
    }
    Ok(rows)
}

async fn labels(meta: &Meta) -> Result<Vec<Row>, MetaError> {
    let mut rows = Vec::new();
    for label in Label::ALL {
        let mut counts: Vec<LabelCount> = Vec::new();
        loop {
            let page = meta.catalog.labels(label, counts.last(), LABELS).await?;
            let is_last = page.len() < LABELS;
            counts.extend(page);
            if is_last {
                break;
            }
        }
        counts.sort_by(|one, other| one.label.cmp(&other.label));
        for count in counts {
            rows.push(row(format!("{label:?} {}", count.label), &count.count)?);
        }
    }
    Ok(rows)
}

async fn owners(meta: &Meta, name: Name) -> Result<Vec<Row>, MetaError> {
    let owners = meta.groups.owners(&name).await?;
    Ok(vec![row(&name, &owners)?])
}

async fn collections(meta: &Meta, after: Option<Name>) -> Result<(Vec<Row>, Option<Option<Name>>), MetaError> {
    let which = Collections { visibilities: EVERY_VISIBILITY.to_vec(), ..Collections::default() };
    let page = meta.groups.collections(&which, after.as_ref(), PAGE_MAX).await?;
    let next = page.last().map(|last| Some(last.name.clone()));
    let rows = page.iter().map(|collection| row(&collection.name, collection)).collect::<Result<_, _>>()?;
    Ok((rows, next))
}

async fn orgs(meta: &Meta, after: Option<OrgName>) -> Result<(Vec<Row>, Option<Option<OrgName>>), MetaError> {
    let page = meta.groups.orgs(after.as_ref(), PAGE_MAX).await?;
    let next = page.last().map(|last| Some(last.name.clone()));
    Ok((page.iter().map(|org| row(&org.name, org)).collect::<Result<_, _>>()?, next))
}

async fn downloads(meta: &Meta, name: Name) -> Result<Vec<Row>, MetaError> {
    let shown = meta.catalog.package(&name).await?.map(|package| (package.downloads, package.stars));
    let mut rows = vec![row(&name, &shown)?];
    let (first, last) = (Day::from_number(i32::MIN), Day::from_number(i32::MAX));
    for (version, number) in meta.social.versions(&name).await? {
        let days = meta.social.days(&name, Some(&version), first, last).await?;
        rows.push(row(format!("{name}@{version}"), &(number, days))?);
    }
    Ok(rows)
}

async fn stars(meta: &Meta) -> Result<Vec<Row>, MetaError> {
    let (mut rows, mut last_user) = (Vec::new(), None);
    loop {
        let users = meta.accounts.users(last_user.as_ref(), PAGE_MAX).await?;
        let Some(last) = users.last() else { return Ok(rows) };
        last_user = Some(last.name.clone());
        for user in &users {
            let mut after = None;
            loop {
                let stars = meta.social.stars(&user.name, after.as_ref(), PAGE_MAX).await?;
                let Some(last) = stars.last() else { break };
                after = Some(last.name.clone());
                for star in &stars {
                    rows.push(row(format!("{} for {}", user.name, star.name), &star.starred)?);
                }
            }
        }
    }
}

async fn blobs(meta: &Meta, after: Option<BlobKey>) -> Result<(Vec<Row>, Option<Option<BlobKey>>), MetaError> {
    let page = meta.carrier.blobs(after.as_ref(), PAGE_MAX).await?;
    let next = page.last().map(|last| Some(last.key()));
    let rows = page.iter().map(|blob| row(format!("{} {}", blob.area, blob.digest), blob));
    Ok((rows.collect::<Result<_, _>>()?, next))
}

async fn links(meta: &Meta, after: Option<LinkKey>) -> Result<(Vec<Row>, Option<Option<LinkKey>>), MetaError> {
    let page = meta.carrier.links(after.as_ref(), PAGE_MAX).await?;
    let next = page.last().map(|last| Some(last.key()));
    let rows = page.iter().map(|link| row(format!("{} {}", link.repository, link.digest), link));
    Ok((rows.collect::<Result<_, _>>()?, next))
}

async fn users(meta: &Meta, after: Option<UserName>) -> Result<(Vec<Row>, Option<Option<UserName>>), MetaError> {
    let page = meta.accounts.users(after.as_ref(), PAGE_MAX).await?;
    let next = page.last().map(|last| Some(last.name.clone()));
    let rows = page.iter().map(|user| row(&user.name, &(user.created, &user.roles)));
    Ok((rows.collect::<Result<_, _>>()?, next))
}

async fn tokens(meta: &Meta) -> Result<Vec<Row>, MetaError> {
    let tokens = meta.accounts.tokens(None).await?;
    let says = |token: &TokenRow| {
        let TokenRow { owner, name, hash, created, used, expires } = token;
        row(format!("{owner}'s {name}"), &(hash, created, used, expires))
    };
    tokens.iter().map(says).collect()
}
