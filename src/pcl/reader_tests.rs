//! What holds for any bytes: every reader gives a finding, nothing panics, nothing is lost.

use bytes::Bytes;
use proptest::prelude::*;

use crate::domain::{File, Kind, Tree};

use super::{discover, read_tree, slug_candidates};

/// Paths that lead to each reader.
const PATHS: [&str; 22] = [
    "a/SKILL.md",
    "a/notes.md",
    "a/scripts/run.sh",
    "a/nested/SKILL.md",
    "skill.md",
    "b/agents/x.md",
    "b/commands/x.md",
    "b/plain.md",
    "b/system.md",
    "b/user.md",
    "c/agent.json",
    "c/registry.json",
    "c/registry.json.gz",
    "d/team.yaml",
    "e/prompts.csv",
    "f/x.pcl",
    "f/y.team.pcl",
    "LICENSE",
    "README.md",
    "image.png",
    "prompts/x.txt",
    "x",
];

/// Beginnings that make each reader go further than the first byte.
const STARTS: [&str; 17] = [
    "",
    "---\nname: ",
    "---\nname: a\ndescription: >-\n  b\ntools: Read, Bash(a:*, b)\n---\n# T\n",
    "---\n",
    "# Title\n\nText\n",
    "{\"meta\":{\"title\":\"t\",\"tags\":[\"a\"]},\"config\":{\"systemRole\":\"r\"}}",
    "{\"meta\":{\"title\":\"t\"",
    "{\"artifacts\":{\"1\":{\"id\":\"1\",\"source\":\"persona A { }\",\"metadata\":{\"name\":\"\"}}},\"versions\":{\"1\":[{}]}}",
    "{\"version\":\"1\",\"artifacts\":[{\"sourceCode\":\"persona A { }\"}],\"dependencies\":{\"0\":[\"0\",{}]}}",
    "[{\"id\":\"1\",\"type\":\"skill\",\"source\":\"# x\"}]",
    "agents:\n  root:\n    description: d\n  b: {sub_agents: [c]}\n",
    "agents: [",
    "act,prompt,for_devs,type,contributor\na,b,c,d,e\n\"x\"\"y\",\"z\n",
    "act,prompt\n",
    "persona A { skills { \"b\" } }\nteam B { members: [A, C] }\n",
    "persona \"",
    "\u{1f}\u{8b}\u{8}",
];

fn files() -> impl Strategy<Value = Vec<File>> {
    let content = (prop::sample::select(&STARTS[..]), prop::collection::vec(any::<u8>(), 0..60));
    let file = (prop::sample::select(&PATHS[..]), content).prop_map(|(path, (start, end))| File {
        path: path.parse().unwrap(),
        executable: false,
        content: Bytes::from([start.as_bytes(), &end].concat()),
    });
    prop::collection::vec(file, 0..12).prop_map(|mut files| {
        files.sort_by(|a, b| a.path.cmp(&b.path));
        files.dedup_by(|a, b| a.path == b.path);
        files
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn every_file_is_part_of_an_artifact_or_named_with_the_reason(files in files()) {
        let discovery = discover(&files);
        for found in &discovery.found {
            let finding = &found.finding;
            prop_assert!(!finding.title.is_empty());
            prop_assert_eq!(finding.about.title.as_ref(), Some(&finding.title));
            prop_assert!(found.tree.get(&finding.primary.file).is_some(), "{:?}", finding.primary);
            for slug in slug_candidates(finding) {
                let name = format!("acme/{slug}").parse::<crate::domain::Name>();
                prop_assert!(name.is_ok(), "{:?}", name);
            }
        }
        for file in &files {
            let path = file.path.as_str();
            let kept = |found: &super::Found| {
                let source = found.finding.source.path.as_str();
                let inside = source == "." || path.starts_with(&format!("{source}/"));
                source == path || inside || (path.ends_with("user.md") && source.ends_with("system.md"))
            };
            let named = discovery.left_out.iter().any(|left| left.path == path && !left.why.is_empty());
            prop_assert!(named || discovery.found.iter().any(kept), "{}", path);
        }
    }

    #[test]
    fn any_tree_gives_a_finding(files in files(), hint in prop::option::of(prop::sample::select(&Kind::ALL[..]))) {
        let tree = Tree::new(files).unwrap();
        let finding = read_tree(&tree, hint, Some("A"));
        prop_assert!(!finding.title.is_empty());
        prop_assert!(tree.files().is_empty() || tree.get(&finding.primary.file).is_some());
        for note in &finding.about.diagnostics {
            prop_assert!(!note.message.is_empty());
        }
    }

    #[test]
    fn the_order_of_files_does_not_matter(files in files()) {
        let mut reversed = files.clone();
        reversed.reverse();
        prop_assert_eq!(discover(&files), discover(&reversed));
    }
}

#[test]
fn skills_keep_their_files_and_others_their_own() {
    let file = |path: &str, content: &'static str| File {
        path: path.parse().unwrap(),
        executable: path.ends_with(".sh"),
        content: Bytes::from_static(content.as_bytes()),
    };
    let discovery = discover(&[
        file("s/SKILL.md", "---\nname: bake\ndescription: Bakes\n---\n"),
        file("s/scripts/run.sh", "#!/bin/sh\n"),
        file("s/LICENSE", "x"),
        file("s/inner/SKILL.md", "no front matter"),
        file("s/inner/ref.md", "x"),
        file("p/fabric/explain/system.md", "# IDENTITY\n\nYou explain.\n"),
        file("p/fabric/explain/user.md", "INPUT"),
        file("plugin/commands/ship.md", "Ship it now.\n"),
        file("plugin/agents/ann.md", "---\nname: ann\nmodel: m\n---\n"),
        file("plugin/README.md", "# Plugin"),
        file("plugin/logo.png", "x"),
        file("plugin/package.json", "{}"),
        file("x.pcl", "persona A { }\nteam B { members: [A] }"),
    ]);
    let summary: Vec<String> = discovery
        .found
        .iter()
        .map(|found| {
            let finding = &found.finding;
            let item = finding.source.item.as_deref().unwrap_or("-");
            let files: Vec<&str> = found.tree.files().iter().map(|file| file.path.as_str()).collect();
            format!("{} {item} {} {:?}: {}", finding.source.path, finding.kind, finding.title, files.join(" "))
        })
        .collect();
    let expected = [
        "p/fabric/explain/system.md - persona \"explain\": system.md user.md",
        "plugin/agents/ann.md - persona \"ann\": ann.md",
        "plugin/commands/ship.md - workflow \"ship\": ship.md",
        "s - skill \"bake\": LICENSE SKILL.md scripts/run.sh",
        "s/inner - skill \"inner\": SKILL.md ref.md",
        "x.pcl A persona \"A\": x.pcl",
        "x.pcl B team \"B\": x.pcl",
    ];
    assert_eq!(summary, expected);
    let left_out: Vec<&str> = discovery.left_out.iter().map(|left| left.path.as_str()).collect();
    assert_eq!(left_out, ["plugin/README.md", "plugin/logo.png", "plugin/package.json"]);
    assert!(discovery.found[3].tree.get("scripts/run.sh").unwrap().executable);
}

#[test]
fn a_file_that_stands_alone_is_an_artifact_whatever_it_is() {
    for path in ["README.md", "image.png", "notes.txt", "package.json", "x.yaml", "SKILL.md"] {
        let content = Bytes::from_static(b"\xff\x00 x");
        let discovery = discover(&[File { path: path.parse().unwrap(), executable: false, content }]);
        assert_eq!((discovery.found.len(), discovery.left_out.len()), (1, 0), "{path}");
        assert!(!discovery.found[0].finding.about.diagnostics.is_empty(), "{path}");
    }
}
