//! The readers on real artifacts: everything that the corpus' index lists is found, with its kind, and nothing is lost.

use std::collections::{BTreeMap, BTreeSet};

use pcl_registry::pcl::{Finding, Found, discover, read_tree};
use serde_json::Value;

use crate::corpus;

/// What tells artifacts apart: path, row or declaration, kind.
type Identity = (String, Option<String>, String);

fn identity(finding: &Finding) -> Identity {
    (finding.source.path.clone(), finding.source.item.clone(), finding.kind.to_string())
}

fn listed(line: &Value) -> Identity {
    let text = |key: &str| line[key].as_str().map(str::to_owned);
    let path = text("path").unwrap();
    let item = match (line["row"].as_u64(), path.starts_with("pcl/")) {
        (Some(row), _) => Some(row.to_string()),
        (None, true) => {
            let module = text("in").map(|module| format!("{module}::")).unwrap_or_default();
            text("name").map(|name| module + &name)
        }
        (None, false) => None,
    };
    // The index names a skill by its folder.
    let path = path.strip_suffix("/SKILL.md").map(str::to_owned).unwrap_or(path);
    (path, item, text("kind").unwrap())
}

#[test]
fn everything_that_the_index_lists_is_found() {
    let Some(folder) = corpus::folder() else { return };
    let files = corpus::files(&folder);
    let discovery = discover(&files);
    let found: BTreeSet<Identity> = discovery.found.iter().map(|found| identity(&found.finding)).collect();
    let index = corpus::index(&folder);
    let current: BTreeSet<Identity> = index.iter().filter(|line| line["revision"].is_null()).map(listed).collect();
    assert_eq!(current.len(), 3410);
    let missing: Vec<_> = current.difference(&found).collect();
    assert!(missing.is_empty(), "{} missing, first {:?}", missing.len(), &missing[..missing.len().min(20)]);
    let more: Vec<_> = found.difference(&current).filter(|(path, ..)| !path.starts_with("histories/")).collect();
    let more: BTreeMap<&str, usize> = more.iter().fold(BTreeMap::new(), |mut more, (path, ..)| {
        *more.entry(path.as_str()).or_default() += 1;
        more
    });
    // The sample files of the older registry hold one entry each, which the index does not list.
    let expected = [("registry-json/sample-registry-older.json", 1), ("registry-json/sample-registry.json", 1)];
    assert_eq!(more, BTreeMap::from(expected));
    let left_out: Vec<&str> = discovery.left_out.iter().map(|left| left.path.as_str()).collect();
    assert_eq!(left_out, ["INDEX.jsonl", "README.md"]);
}

#[test]
fn kinds_are_counted_as_the_corpus_counts_them() {
    let Some(folder) = corpus::folder() else { return };
    let discovery = discover(&corpus::files(&folder));
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for found in &discovery.found {
        if !found.finding.source.path.starts_with("histories/")
            && !found.finding.source.path.starts_with("registry-json/")
        {
            *counts.entry(found.finding.kind.as_str()).or_default() += 1;
        }
    }
    let expected = [
        ("function", 7),
        ("interface", 1),
        ("module", 1),
        ("persona", 2886),
        ("skill", 363),
        ("team", 19),
        ("type", 4),
        ("workflow", 129),
    ];
    assert_eq!(counts, BTreeMap::from(expected));
}

#[test]
fn names_are_those_of_the_index() {
    let Some(folder) = corpus::folder() else { return };
    let discovery = discover(&corpus::files(&folder));
    let findings: BTreeMap<Identity, &Finding> =
        discovery.found.iter().map(|found| (identity(&found.finding), &found.finding)).collect();
    let mut differing = BTreeSet::new();
    for line in corpus::index(&folder).iter().filter(|line| line["revision"].is_null()) {
        let finding = findings[&listed(line)];
        // The index cuts long names.
        let name = line["name"].as_str().unwrap().trim_end_matches('…');
        if finding.identifier != name && !finding.title.starts_with(name) {
            differing.insert(finding.source.path.clone());
        }
    }
    // Agents in YAML are named by their file; the index puts the folder before it.
    let nested = |path: &String| path.contains("/docker-cagent/") && path.matches('/').count() > 2;
    let unexpected: Vec<_> = differing.iter().filter(|path| !nested(path)).collect();
    assert!(unexpected.is_empty(), "{unexpected:?}");
    assert_eq!(differing.len(), 8);
}

#[test]
fn descriptions_of_declarations_are_those_of_the_index() {
    let Some(folder) = corpus::folder() else { return };
    let discovery = discover(&corpus::files(&folder.join("pcl")));
    let findings: BTreeMap<Identity, &Finding> =
        discovery.found.iter().map(|found| (identity(&found.finding), &found.finding)).collect();
    assert_eq!(findings.len(), 72);
    for line in corpus::index(&folder).iter().filter(|line| line["path"].as_str().unwrap().starts_with("pcl/")) {
        let (path, item, kind) = listed(line);
        let finding = findings[&(path["pcl/".len()..].to_owned(), item, kind)];
        let description = finding.about.description.as_deref().unwrap_or_default();
        assert_eq!(description, line["description"].as_str().unwrap_or_default(), "{:?}", finding.source);
        let version = finding.version.as_ref().map(ToString::to_string);
        let listed = line["version"].as_str();
        assert!(listed.is_none() || version.as_deref() == listed, "{:?}", finding.source);
    }
}

#[test]
fn revisions_have_the_kind_that_the_index_gives_them() {
    let Some(folder) = corpus::folder() else { return };
    let discovery = discover(&corpus::files(&folder));
    let revisions = discovery.found.iter().filter(|found| found.finding.source.path.starts_with("histories/"));
    let found: BTreeSet<Identity> = revisions.map(|found| identity(&found.finding)).collect();
    let listed: BTreeSet<Identity> =
        corpus::index(&folder).iter().filter(|line| !line["revision"].is_null()).map(listed).collect();
    assert_eq!(listed.len(), 212);
    // One revision lacks its front matter, and nothing in its path tells that it is a skill.
    let bare = "histories/anthropics-skills/claude-api/04_2026-04-08_ca1e7dc13c.md";
    let differing: Vec<&Identity> = found.symmetric_difference(&listed).collect();
    assert!(differing.len() == 2 && differing.iter().all(|(path, ..)| path == bare), "{differing:?}");
}

#[test]
fn every_byte_is_in_a_tree_and_trees_read_alone_say_the_same() {
    let Some(folder) = corpus::folder() else { return };
    let files = corpus::files(&folder);
    let discovery = discover(&files);
    let left_out: BTreeSet<&str> = discovery.left_out.iter().map(|left| left.path.as_str()).collect();
    let mut kept = BTreeSet::new();
    for Found { finding, tree } in &discovery.found {
        let source = finding.source.path.as_str();
        for file in tree.files() {
            let inside = format!("{source}/{}", file.path);
            let path = if source.ends_with(&format!("/{}", file.path)) { source.to_owned() } else { inside };
            kept.insert((path, file.content.clone()));
        }
        let read = read_tree(tree, Some(finding.kind), finding.primary.declaration.as_deref());
        let sample = source.starts_with("registry-json/");
        assert_eq!((read.kind, &read.primary), (finding.kind, &finding.primary), "{source}");
        assert_eq!(read.about.description, finding.about.description, "{source}");
        assert_eq!(read.about.dependencies, finding.about.dependencies, "{source}");
        assert_eq!(read.about.skills, finding.about.skills, "{source}");
        assert!(sample || read.version == finding.version, "{source}");
        assert!(sample || read.about.tags == finding.about.tags, "{source}");
    }
    for file in &files {
        let path = file.path.as_str();
        // Rows and entries are made of their file, not copies of it.
        if path.ends_with("prompts.csv") || path.starts_with("registry-json/") || left_out.contains(path) {
            continue;
        }
        assert!(kept.contains(&(path.to_owned(), file.content.clone())), "{path}");
    }
}
