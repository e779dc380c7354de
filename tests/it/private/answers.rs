//! What the use cases answer to somebody, in words that can be compared.

use pcl_registry::domain::{Actor, Range, Reference, Tag, Version, Visibility};
use pcl_registry::meta::{Filter, MetaError, Order};
use pcl_registry::registry::{FindQuery, RegistryError};
use pcl_registry::search::Audience;

use crate::inside::{Opened, Package};

/// How many answers, from the first on, only read, and are the same for all who see the package.
pub const READS: usize = 19;
/// What refers to a manifest where nothing does.
pub const NO_REFERRERS: &str =
    r#"referrers: {"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}"#;

/// What each use case answers about a package, in a word: the error, without its own name and digests, or that there was something. Of
/// referrers, their index.
pub async fn answers(open: &Opened, actor: &Actor, package: &Package) -> Vec<String> {
    let (registry, name, repository) = (&open.registry, package.name(), &package.repository);
    let version: Version = package.tag.parse().unwrap();
    let range: Range = "*".parse().unwrap();
    let stable: Tag = "stable".parse().unwrap();
    let digest = Reference::Digest(package.digest());
    let blob = &package.packed.layer.digest;
    let own = [name.to_string(), package.digest().to_string(), blob.to_string()];
    let told = |what: &str, outcome: Result<String, RegistryError>| match outcome {
        Ok(found) => format!("{what}: {found}"),
        Err(RegistryError::Meta(MetaError::Unavailable(_))) => format!("{what}: not available"),
        Err(error) => own.iter().fold(format!("{what}: {error}"), |text, own| text.replace(own.as_str(), "OWN")),
    };
    let said = |what: &str, outcome: Result<bool, RegistryError>| told(what, outcome.map(|found| found.to_string()));
    let referrers = registry.referrers(actor, repository, &package.digest(), None, None).await;
    vec![
        said("tag", registry.manifest(actor, repository, &package.reference()).await.map(|_| true)),
        said("manifest", registry.manifest(actor, repository, &digest).await.map(|_| true)),
        said("blob", registry.blob(actor, repository, blob).await.map(|_| true)),
        said("tags", registry.tags(actor, repository, None, 10).await.map(|_| true)),
        told("referrers", referrers.map(|found| String::from_utf8(found.index.to_vec()).unwrap())),
        said("package", registry.package(actor, &name).await.map(|_| true)),
        said("releases", registry.releases(actor, &name).await.map(|_| true)),
        said("version", registry.version(actor, &name, &version).await.map(|_| true)),
        said("resolve", registry.resolve(actor, &name, &range).await.map(|_| true)),
        said("resolution", registry.resolution(actor, &name).await.map(|_| true)),
        said("source", registry.source(actor, &name, &version, None).await.map(|_| true)),
        said("compare", registry.compare(actor, &name, &version, &version).await.map(|_| true)),
        said("history", registry.history(actor, &name, None, 10).await.map(|_| true)),
        said("owners", registry.owners(actor, &name).await.map(|_| true)),
        said("related", registry.related(actor, &name, 10).await.map(|_| true)),
        said("dependencies", registry.dependencies(actor, &name, None, &[], 1).await.map(|_| true)),
        said("statistics", registry.package_statistics(actor, &name, None, None, None).await.map(|_| true)),
        said("channel tags", registry.channel_tags(actor, &name, None, 10).await.map(|_| true)),
        said("resolve a tag", registry.resolve_tag(actor, &name, &stable).await.map(|_| true)),
        said("star", registry.stars(actor, None, 10).await.map(|(own, _)| own.iter().any(|star| star.name == name))),
        said("mount", registry.mount(actor, &"acme/into".parse().unwrap(), blob, Some(repository)).await),
        said("move a tag", registry.set_channel_tag(actor, &name, &stable, &version).await.map(|()| true)),
        said("remove a tag", registry.remove_channel_tag(actor, &name, &stable).await.map(|()| true)),
        said("yank", registry.yank(actor, &name, &version, None).await.map(|()| true)),
        said("delete", registry.delete_version(actor, &name, &version).await.map(|()| true)),
    ]
}

/// Names that lists, searches and completions give.
pub async fn listed(open: &Opened, actor: &Actor, private: bool) -> Result<Vec<String>, RegistryError> {
    let (mut filter, mut query) = (Filter::default(), FindQuery::default());
    if private {
        filter = Filter { org: Some("acme".into()), visibilities: vec![Visibility::Private], ..filter };
        query = FindQuery { audience: Audience::OnlyMembers(vec!["acme".into()]), ..query };
    }
    let page = open.registry.packages(actor, &filter, Order::Name, None, 100).await?;
    let names: Vec<String> = page.items.iter().map(|package| package.name.to_string()).collect();
    assert_eq!(open.registry.count(actor, &filter).await?, names.len() as u64);
    open.registry.settled().await;
    let found = open.registry.find(actor, query).await?;
    let mut hits: Vec<String> = found.hits.iter().map(|hit| hit.name.to_string()).collect();
    hits.sort();
    assert_eq!(hits, names);
    Ok(names)
}

/// Whether packages of all organisations are refused to the actor where private ones are asked for.
pub async fn everywhere_is_refused(open: &Opened, actor: &Actor) -> bool {
    let filter = Filter { visibilities: vec![Visibility::Private], ..Filter::default() };
    let page = open.registry.packages(actor, &filter, Order::Name, None, 100).await.map(drop);
    let count = open.registry.count(actor, &filter).await.map(drop);
    let is_refusal = |outcome: Result<(), RegistryError>| {
        matches!(outcome, Err(RegistryError::Forbidden | RegistryError::LoginNeeded))
    };
    is_refusal(page) && is_refusal(count)
}
