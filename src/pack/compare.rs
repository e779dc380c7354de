//! What differs between two artifacts: what they say of themselves, what they may do, and their files, line by line.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use serde_json::Value;
use similar::{Algorithm, TextDiff};

use crate::domain::api::{CapabilityChange, FieldChange, FileChange, FileChangeKind};
use crate::domain::{Config, File, Tree};

/// Longest file whose lines are compared, in bytes.
const TEXT_MAX: usize = 1 << 20;
/// Most bytes of all differences together; files after that are named without their lines.
const DIFFS_MAX: usize = 4 << 20;
/// Time for all files together, after which lines are matched less well.
const PATIENCE: Duration = Duration::from_secs(2);

/// Fields of the configs that differ, by path, in the order of their paths. What is about the files is left out.
pub fn compare_fields(from: &Config, to: &Config) -> Vec<FieldChange> {
    let (from, to) = (fields(from), fields(to));
    let paths: BTreeSet<&String> = from.keys().chain(to.keys()).collect();
    let change =
        |path: &String| FieldChange { field: path.clone(), from: from.get(path).cloned(), to: to.get(path).cloned() };
    paths.into_iter().filter(|path| from.get(*path) != to.get(*path)).map(change).collect()
}

/// What may be done with the one and not with the other.
pub fn compare_capabilities(from: &Config, to: &Config) -> CapabilityChange {
    let tools = |config: &Config| config.about.capabilities.allowed_tools.iter().cloned().collect::<BTreeSet<_>>();
    let (before, after) = (tools(from), tools(to));
    let model = |config: &Config| config.about.capabilities.model.clone();
    let is_other_model = model(from) != model(to);
    // Without a list of tools every tool is allowed: only where both have one, more or fewer names are more or fewer tools.
    let (is_open, was_open) = (after.is_empty(), before.is_empty());
    let only_of = |one: &BTreeSet<String>, other: &BTreeSet<String>| match is_open || was_open {
        true => Vec::new(),
        false => one.difference(other).cloned().collect(),
    };
    CapabilityChange {
        tools_added: only_of(&after, &before),
        tools_removed: only_of(&before, &after),
        unrestricted: is_open && !was_open,
        restricted_to: if was_open { after.into_iter().collect() } else { Vec::new() },
        model_from: model(from).filter(|_| is_other_model),
        model_to: model(to).filter(|_| is_other_model),
    }
}

/// Files that differ, in the order of their paths. The differences are unified diffs, which `git apply` takes.
pub fn compare_files(from: &Tree, to: &Tree) -> Vec<FileChange> {
    let by_path =
        |tree: &'_ Tree| tree.files().iter().map(|file| (file.path.clone(), file.clone())).collect::<BTreeMap<_, _>>();
    let (from, to) = (by_path(from), by_path(to));
    let paths: BTreeSet<_> = from.keys().chain(to.keys()).collect();
    let (mut changes, mut room, deadline) = (Vec::new(), DIFFS_MAX, Instant::now() + PATIENCE);
    for path in paths {
        let (before, after) = (from.get(path), to.get(path));
        let kind = match (before, after) {
            (Some(before), Some(after)) if before == after => continue,
            (Some(_), Some(_)) => FileChangeKind::Modified,
            (None, _) => FileChangeKind::Added,
            (_, None) => FileChangeKind::Removed,
        };
        let mut diff = unified(path.as_str(), before, after, deadline);
        if diff.as_ref().is_some_and(|diff| diff.len() > room) {
            diff = None;
        }
        room -= diff.as_ref().map_or(0, String::len);
        let size = |file: Option<&File>| file.map(|file| file.content.len() as u64);
        let is_executable = |file: Option<&File>| file.is_some_and(|file| file.executable);
        changes.push(FileChange {
            path: path.to_string(),
            change: kind,
            size_from: size(before),
            size_to: size(after),
            executable: after.filter(|_| is_executable(before) != is_executable(after)).map(|file| file.executable),
            diff,
        });
    }
    changes
}

/// The lines that differ; `None` for what is no text, or too long.
fn unified(path: &str, before: Option<&File>, after: Option<&File>, deadline: Instant) -> Option<String> {
    let (old, new) = (text(before)?, text(after)?);
    if old == new {
        return Some(String::new());
    }
    // Lines end with a line feed and nothing else, as patches see it.
    let (before_lines, after_lines): (Vec<&str>, Vec<&str>) =
        (old.split_inclusive('\n').collect(), new.split_inclusive('\n').collect());
    let mut configure = TextDiff::configure();
    configure.algorithm(Algorithm::Patience).deadline(deadline).newline_terminated(true);
    let diff = configure.diff_slices(&before_lines, &after_lines);
    let name = |side: &str, file: Option<&File>| match file {
        Some(_) => format!("{side}/{path}"),
        None => "/dev/null".to_owned(),
    };
    Some(diff.unified_diff().context_radius(3).header(&name("a", before), &name("b", after)).to_string())
}

fn text(file: Option<&File>) -> Option<&str> {
    let Some(file) = file else { return Some("") };
    if file.content.len() > TEXT_MAX || file.content.contains(&0) {
        return None;
    }
    std::str::from_utf8(&file.content).ok()
}

/// Every field of what a config says, by path: lists as a whole, objects by their keys.
fn fields(config: &Config) -> BTreeMap<String, Value> {
    let mut about = serde_json::to_value(&config.about).unwrap_or_default();
    if let Some(about) = about.as_object_mut() {
        // Lines and remarks of the reader follow from the files.
        about.remove("declares");
        about.remove("diagnostics");
    }
    let mut fields = BTreeMap::from([("primary.file".to_owned(), config.primary.file.clone().into())]);
    flatten("", about, &mut fields);
    fields
}

fn flatten(path: &str, value: Value, fields: &mut BTreeMap<String, Value>) {
    match value {
        Value::Object(object) => {
            for (key, value) in object {
                let path = if path.is_empty() { key } else { format!("{path}.{key}") };
                flatten(&path, value, fields);
            }
        }
        other => {
            fields.insert(path.to_owned(), other);
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use serde_json::json;

    use super::*;

    fn tree(files: &[(&str, &[u8], bool)]) -> Tree {
        let file = |(path, content, executable): &(&str, &[u8], bool)| File {
            path: path.parse().unwrap(),
            content: Bytes::copy_from_slice(content),
            executable: *executable,
        };
        Tree::new(files.iter().map(file).collect()).unwrap()
    }

    fn config(about: Value) -> Config {
        let mut config: Config = serde_json::from_value(json!({
            "schema": 1, "name": "hello", "version": "1.0.0", "kind": "skill", "primary": { "file": "SKILL.md" },
            "tree": crate::domain::Digest::sha256(b""),
        }))
        .unwrap();
        config.about = serde_json::from_value(about).unwrap();
        config
    }

    #[test]
    fn files_are_told_apart_by_what_became_of_them() {
        let from = tree(&[
            ("gone", b"x\n", false),
            ("same", b"s", false),
            ("text", b"one\ntwo\nthree", false),
            ("run", b"#", false),
        ]);
        let to = tree(&[
            ("new", b"y", false),
            ("same", b"s", false),
            ("text", b"one\n2\nthree\n", false),
            ("run", b"#", true),
        ]);
        let changes = compare_files(&from, &to);
        let told: Vec<_> =
            changes.iter().map(|change| (change.path.as_str(), change.change, change.executable)).collect();
        use FileChangeKind::{Added, Modified, Removed};
        assert_eq!(
            told,
            [("gone", Removed, None), ("new", Added, None), ("run", Modified, Some(true)), ("text", Modified, None)]
        );
        let diff = changes[3].diff.as_deref().unwrap();
        assert_eq!(
            diff,
            "--- a/text\n+++ b/text\n@@ -1,3 +1,3 @@\n one\n-two\n-three\n\\ No newline at end of file\n+2\n+three\n"
        );
        assert!(changes[0].diff.as_deref().unwrap().starts_with("--- a/gone\n+++ /dev/null\n"));
        let returns = compare_files(&tree(&[("f", b"a\rb\n", false)]), &tree(&[("f", b"a\rc\n", false)]));
        assert_eq!(returns[0].diff.as_deref(), Some("--- a/f\n+++ b/f\n@@ -1 +1 @@\n-a\rb\n+a\rc\n"));
        assert_eq!(changes[2].diff.as_deref(), Some(""));
    }

    #[test]
    fn what_is_no_text_or_too_long_has_no_lines() {
        let long = "x\n".repeat(TEXT_MAX);
        for content in [b"a\0b".as_slice(), b"\xff\xfe", long.as_bytes()] {
            let changes = compare_files(&tree(&[("f", b"text", false)]), &tree(&[("f", content, false)]));
            assert_eq!(changes[0].diff, None);
            assert_eq!(changes[0].size_to, Some(content.len() as u64));
        }
        let large =
            |seed: &str| (0..9).map(|n| (format!("f{n}"), format!("{seed}\n").repeat(250_000))).collect::<Vec<_>>();
        let (from, to) = (large("a"), large("b"));
        let tree = |files: &[(String, String)]| {
            tree(&files.iter().map(|(path, text)| (path.as_str(), text.as_bytes(), false)).collect::<Vec<_>>())
        };
        let changes = compare_files(&tree(&from), &tree(&to));
        let sizes: Vec<_> = changes.iter().filter_map(|change| change.diff.as_ref().map(String::len)).collect();
        assert!(sizes.len() < 9 && sizes.iter().sum::<usize>() <= DIFFS_MAX, "{sizes:?}");
    }

    #[test]
    fn fields_are_compared_by_path() {
        let from = config(
            json!({ "title": "Hello", "tags": ["a"], "metadata": { "risk": { "class": "low", "seen": true } } }),
        );
        let to = config(
            json!({ "title": "Hello", "tags": ["a", "b"], "license": "MIT", "metadata": { "risk": { "class": "high" } } }),
        );
        let change = |field: &str, from: Value, to: Value| FieldChange {
            field: field.to_owned(),
            from: Some(from).filter(|value| !value.is_null()),
            to: Some(to).filter(|value| !value.is_null()),
        };
        let expected = [
            change("license", Value::Null, json!("MIT")),
            change("metadata.risk.class", json!("low"), json!("high")),
            change("metadata.risk.seen", json!(true), Value::Null),
            change("tags", json!(["a"]), json!(["a", "b"])),
        ];
        assert_eq!(compare_fields(&from, &to), expected);
        assert_eq!(compare_fields(&to, &to), []);
    }

    #[test]
    fn capabilities_that_grow_are_named() {
        let with = |tools: &[&str], model: Option<&str>| {
            config(json!({ "capabilities": { "allowed_tools": tools, "model": model } }))
        };
        let grown = compare_capabilities(&with(&["Read"], Some("small")), &with(&["Bash", "Read"], None));
        assert_eq!((grown.tools_added, grown.tools_removed), (vec!["Bash".to_owned()], Vec::new()));
        assert_eq!((grown.model_from.as_deref(), grown.model_to, grown.unrestricted), (Some("small"), None, false));
        let freed = compare_capabilities(&with(&["Read"], None), &with(&[], None));
        assert!(freed.unrestricted && freed.tools_removed.is_empty(), "no list allows everything");
        let bound = compare_capabilities(&with(&[], None), &with(&["Read"], None));
        assert_eq!(
            (bound.restricted_to, bound.tools_added, bound.unrestricted),
            (vec!["Read".to_owned()], vec![], false)
        );
        assert!(compare_capabilities(&with(&["Read"], None), &with(&["Read"], None)).is_empty());
    }
}
