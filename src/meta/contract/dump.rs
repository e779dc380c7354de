//! Everything that a store knows, as one JSON value: what two stores must agree on to be the same registry.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::domain::{Body, Event, Name, Repository, Version, Visibility};

use super::super::{Collections, Filter, Label, Meta, MetaError, Order, PAGE_MAX, Releases};

/// All events, repositories, manifests with the blobs that they name, tags, referrers, packages with their owners, versions (deleted
/// ones too), collections, organisations, lists and labels, read through the traits.
///
/// Links that no manifest accounts for, times of last touch and the identity are left out: no event records them.
pub async fn dump(meta: &Meta) -> Result<Value, MetaError> {
    let mut events = Vec::new();
    let mut repositories = BTreeSet::new();
    let mut versions: BTreeMap<Name, BTreeSet<Version>> = BTreeMap::new();
    loop {
        let page = meta.ledger.events(events.len() as u64, PAGE_MAX).await?;
        if page.is_empty() {
            break;
        }
        for (n, bytes) in page {
            let event = Event::parse(&bytes).map_err(|error| MetaError::Corrupt(error.to_string()))?;
            let repository = event.body.repository();
            let package = repository.as_ref().and_then(Repository::package);
            if let (Body::Publish { version, .. }, Some(name)) = (event.body, package) {
                versions.entry(name).or_default().insert(version);
            }
            repositories.extend(repository);
            events.push(json!([n, String::from_utf8_lossy(&bytes)]));
        }
    }
    let head = meta.ledger.head().await?;
    let mut packages = serde_json::Map::new();
    for (name, versions) in &versions {
        packages.insert(name.to_string(), package(meta, name, versions).await?);
    }
    let mut contents = serde_json::Map::new();
    for name in &repositories {
        contents.insert(name.to_string(), repository(meta, name).await?);
    }
    let listed: Vec<String> =
        meta.refs.repositories(None, usize::MAX).await?.iter().map(|repository| repository.to_string()).collect();
    let all = Collections { visibilities: vec![Visibility::Public, Visibility::Unlisted], ..Collections::default() };
    let collections = meta.groups.collections(&all, None, usize::MAX).await?;
    Ok(json!({
        "collections": collections,
        "organisations": meta.groups.orgs(None, usize::MAX).await?,
        "head": { "n": head.n, "time": head.time },
        "events": events,
        "listed": listed,
        "repositories": contents,
        "packages": packages,
        "by name": names(meta, Order::Name).await?,
        "by time": names(meta, Order::Updated).await?,
        "tags": meta.catalog.labels(Label::Tag, None, usize::MAX).await?,
        "skills": meta.catalog.labels(Label::Skill, None, usize::MAX).await?,
        "states": meta.catalog.labels(Label::State, None, usize::MAX).await?,
        "owners": meta.catalog.labels(Label::Owner, None, usize::MAX).await?,
    }))
}

async fn package(meta: &Meta, name: &Name, numbers: &BTreeSet<Version>) -> Result<Value, MetaError> {
    let mut versions = Vec::new();
    for version in numbers {
        versions.push(meta.catalog.version(name, version).await?);
    }
    Ok(json!({
        "package": meta.catalog.package(name).await?,
        "releases": meta.catalog.releases(name, Releases::Readable).await?,
        "needs": meta.catalog.needs(name).await?,
        "deleted": meta.catalog.releases(name, Releases::Deleted).await?,
        "versions": versions,
        "owners": meta.groups.owners(name).await?,
    }))
}

async fn repository(meta: &Meta, repository: &Repository) -> Result<Value, MetaError> {
    let mut tags = serde_json::Map::new();
    for tag in meta.refs.tags(repository, None, usize::MAX).await?.unwrap_or_default() {
        tags.insert(tag.to_string(), json!(meta.refs.tag(repository, &tag).await?));
    }
    let mut manifests = Vec::new();
    for (row, named) in meta.refs.manifests(repository, None, usize::MAX).await? {
        let mut blobs = Vec::new();
        for digest in named {
            let blob = meta.blobs.blob(repository, &digest).await?;
            blobs.push(json!([digest, blob.map(|blob| json!([blob.area, blob.size]))]));
        }
        let referrers = meta.refs.referrers(repository, &row.digest).await?;
        let referrers: Vec<_> = referrers.iter().map(|referrer| referrer.digest).collect();
        manifests.push(json!({
            "digest": row.digest,
            "area": row.area,
            "media type": row.media_type,
            "size": row.size,
            "artifact type": row.artifact_type,
            "annotations": row.annotations,
            "subject": row.subject,
            "blobs": blobs,
            "referrers": referrers,
        }));
    }
    Ok(json!({ "tags": tags, "manifests": manifests }))
}

async fn names(meta: &Meta, order: Order) -> Result<Vec<Name>, MetaError> {
    let (filter, mut names, mut after) = (Filter::default(), Vec::new(), None);
    loop {
        let page = meta.catalog.packages(&filter, order, after.as_ref(), PAGE_MAX).await?;
        names.extend(page.items.into_iter().map(|package| package.name));
        match page.next {
            Some(next) => after = Some(next),
            None => return Ok(names),
        }
    }
}
