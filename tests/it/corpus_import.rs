//! The whole corpus goes into a registry: nothing is lost, nothing is changed, everything is found, and again adds nothing.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use futures::{StreamExt, TryStreamExt, stream};
use pcl_registry::client::{Client, ClientError, ListQuery, SearchQuery};
use pcl_registry::domain::Kind;
use pcl_registry::domain::api::{ImportItem, ImportOutcome, ImportSummary};
use pcl_registry::pcl::{Discovery, Found, discover, slug_candidates};
use serde_json::Value;

use crate::corpus;
use crate::world::World;

/// Pulls under way at once.
const AT_ONCE: usize = 8;

/// What `pclr import` says of each artifact, and in the end.
async fn import(world: &World, folder: &Path) -> (Vec<ImportItem>, ImportSummary) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pclr"));
    command.arg("import").arg(folder).args(["--org", "corpus", "--output", "json", "--registry"]);
    let output = command.arg(format!("http://{}", world.address)).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let (items, summary) = text.trim_end().rsplit_once('\n').unwrap();
    let items = items.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    (items, serde_json::from_str(summary).unwrap())
}

/// The last event, and the last that the search index has seen.
async fn heads(world: &World) -> (u64, u64) {
    let ready: Value = serde_json::from_slice(&world.get("/ready").await.body).unwrap();
    (ready["head"].as_u64().unwrap(), ready["indexed"].as_u64().unwrap())
}

/// As an import names where an artifact came from.
fn source(found: &Found) -> String {
    let source = &found.finding.source;
    source.item.as_ref().map_or_else(|| source.path.clone(), |item| format!("{}#{item}", source.path))
}

type BySource<'f> = HashMap<(String, Kind), &'f Found>;

#[tokio::test]
async fn the_corpus_goes_in_whole_and_comes_back_unchanged() {
    let Some(folder) = corpus::folder() else { return };
    let discovery = discover(&corpus::files(&folder));
    let found: BySource = discovery.found.iter().map(|found| ((source(found), found.finding.kind), found)).collect();
    assert_eq!(found.len(), discovery.found.len(), "source and kind tell artifacts apart");
    let world = World::start().await;
    let client = Client::new(&format!("http://{}", world.address)).unwrap();

    let started = Instant::now();
    let (items, summary) = import(&world, &folder).await;
    let took = started.elapsed();
    check_summary(&summary, &items, &discovery);
    let artifacts: BTreeSet<_> = items.iter().map(|item| (&item.name, &item.version)).collect();
    assert_eq!(artifacts.len(), found.len(), "each artifact is a version of its own");
    let declarations = items.iter().filter(|item| item.source.starts_with("pcl/")).count();
    assert_eq!(declarations, 72, "declarations in the .pcl files");
    check_collisions(&summary, &discovery);
    let indexed = indexed(&world).await;
    assert_eq!(listed(&client).await, artifacts.iter().map(|(name, _)| name.to_string()).collect());

    let started = Instant::now();
    come_back_unchanged(&client, &items, &found).await.unwrap();
    eprintln!(
        "imported in {took:.1?}, indexed {indexed:.1?} later, pulled back in {:.1?}: {summary:?}",
        started.elapsed()
    );
    are_found(&client, &items, &found).await;

    let before = heads(&world).await;
    assert_eq!(before.0, found.len() as u64, "one event each");
    let (again, summary) = import(&world, &folder).await;
    assert_eq!((summary.published, summary.unchanged, summary.failed), (0, found.len() as u64, 0));
    assert_eq!(heads(&world).await, before);
    let published = |items: &[ImportItem]| -> BTreeMap<_, _> {
        let of = |item: &ImportItem| (item.source.clone(), item.kind.to_string());
        items.iter().map(|item| (of(item), (item.name.clone(), item.version.clone(), item.digest))).collect()
    };
    assert_eq!(published(&again), published(&items), "the same names, versions and digests");
}

fn check_summary(summary: &ImportSummary, items: &[ImportItem], discovery: &Discovery) {
    assert_eq!((summary.found, summary.published), (discovery.found.len() as u64, discovery.found.len() as u64));
    assert_eq!((summary.unchanged, summary.failed), (0, 0));
    assert_eq!(summary.left_out, discovery.left_out.len() as u64);
    let mut kinds: BTreeMap<String, u64> = BTreeMap::new();
    for found in &discovery.found {
        *kinds.entry(found.finding.kind.to_string()).or_default() += 1;
    }
    let counted: BTreeMap<String, u64> = summary.kinds.iter().map(|kind| (kind.value.clone(), kind.count)).collect();
    assert_eq!(counted, kinds);
    assert!(items.iter().all(|item| item.outcome == ImportOutcome::Published && item.digest.is_some()));
    assert_eq!(summary.renamed, items.iter().filter(|item| item.renamed).count() as u64);
    let diagnostics: usize = discovery.found.iter().map(|found| found.finding.about.diagnostics.len()).sum();
    assert_eq!(summary.diagnostics, diagnostics as u64);
}

/// Who comes first keeps the name, all others get one of their own.
fn check_collisions(summary: &ImportSummary, discovery: &Discovery) {
    let mut names: BTreeMap<String, usize> = BTreeMap::new();
    for found in &discovery.found {
        *names.entry(slug_candidates(&found.finding)[0].clone()).or_default() += 1;
    }
    let sharing: usize = names.values().filter(|count| **count > 1).sum();
    let late = discovery.found.len() - names.len();
    let chinese = discovery.found.iter().filter(|found| found.finding.title.chars().any(is_chinese)).count();
    eprintln!(
        "{sharing} artifacts share a name with another, {late} come late; {chinese} titles hold Chinese characters"
    );
    assert!(summary.renamed >= late as u64, "{} renamed, {late} come late", summary.renamed);
    assert!(chinese > 250);
}

fn is_chinese(c: char) -> bool {
    matches!(c, '\u{4e00}'..='\u{9fff}')
}

/// Waits until the search index has seen all events; gives how long that took.
async fn indexed(world: &World) -> Duration {
    let started = Instant::now();
    loop {
        let (head, indexed) = heads(world).await;
        if head == indexed {
            return started.elapsed();
        }
        assert!(started.elapsed() < Duration::from_secs(30), "{indexed} of {head} events are indexed");
    }
}

/// The names of all packages, page by page.
async fn listed(client: &Client) -> BTreeSet<String> {
    let (mut names, mut cursor) = (BTreeSet::new(), None);
    loop {
        let query = ListQuery { limit: Some(100), cursor, ..ListQuery::default() };
        let page = client.packages(&query).await.unwrap();
        names.extend(page.items.iter().map(|package| package.name.to_string()));
        cursor = page.next;
        if cursor.is_none() {
            return names;
        }
    }
}

async fn come_back_unchanged(client: &Client, items: &[ImportItem], found: &BySource<'_>) -> Result<(), ClientError> {
    let pull = |item: ImportItem| async move {
        let wanted = format!("{}@{}", item.name, item.version).parse().unwrap();
        let pulled = client.pull(&wanted).await?;
        Ok::<_, ClientError>((item, pulled))
    };
    let pulls = stream::iter(items.to_vec()).map(pull).buffer_unordered(AT_ONCE);
    pulls
        .try_for_each(|(item, pulled)| async move {
            let expected = found[&(item.source.clone(), item.kind)];
            assert_eq!(Some(pulled.digest), item.digest, "{}", item.name);
            assert!(pulled.tree.files() == expected.tree.files(), "{}: other files came back", item.source);
            let config = pulled.config.unwrap();
            assert_eq!(config.source.as_ref(), Some(&expected.finding.source), "{}", item.name);
            assert_eq!(config.about, expected.finding.about, "{}", item.name);
            Ok(())
        })
        .await
}

/// Looks for the exact titles of many artifacts, a third of them Chinese: each is on the first page.
async fn are_found(client: &Client, items: &[ImportItem], found: &BySource<'_>) {
    let mut titles: BTreeMap<&str, Vec<&ImportItem>> = BTreeMap::new();
    for item in items {
        titles.entry(&found[&(item.source.clone(), item.kind)].finding.title).or_default().push(item);
    }
    let unique = titles.iter().filter(|(_, items)| items.len() == 1).map(|(title, items)| (*title, items[0]));
    let (chinese, others): (Vec<_>, Vec<_>) = unique.partition(|(title, _)| title.chars().any(is_chinese));
    let sample = chinese.iter().step_by(5).chain(others.iter().step_by(25));
    let mut missed = Vec::new();
    let mut asked = 0;
    for (title, item) in sample {
        let query = SearchQuery { q: (*title).to_owned(), ..SearchQuery::default() };
        let page = client.search(&query).await.unwrap();
        asked += 1;
        if !page.hits.iter().any(|hit| hit.name == item.name) {
            missed.push((*title, item.name.to_string()));
        }
    }
    assert!(asked > 100, "{asked}");
    assert!(missed.is_empty(), "{} of {asked} titles are not on the first page: {missed:?}", missed.len());
}
