//! Rules of the house that a compiler does not check: who may know whom, how long a file may be, what may panic, and
//! under which licences others' code may come in.

use std::process::Command;

use serde_json::Value;

use crate::source::{Source, test_files, under, used_from};

/// Which modules of the library a module may take from. Nothing else, and no other module.
const MAY_USE: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("pcl", PURE),
    ("resolve", PURE),
    ("pack", PURE),
    ("tlog", PURE),
    ("trust", BELOW_TRUST),
    ("storage", BELOW_STORES),
    ("meta", BELOW_STORES),
    ("cache", BELOW_STORES),
    ("search", BELOW_STORES),
    ("log", &["domain", "pcl", "resolve", "pack", "tlog", "trust", "storage", "meta", "cache", "search"]),
    ("registry", BELOW_REGISTRY),
    ("http", &["domain", "pcl", "resolve", "pack", "tlog", "trust", "storage", "meta", "cache", "search", "registry"]),
    // The client proves what it gets by itself; it knows nothing of a server.
    ("client", BELOW_STORES),
    (
        "cli",
        &[
            "domain", "pcl", "resolve", "pack", "tlog", "trust", "storage", "meta", "cache", "search", "registry",
            "http", "client",
        ],
    ),
    ("main", &["cli"]),
    ("lib", &[]),
];
const PURE: &[&str] = &["domain"];
const BELOW_TRUST: &[&str] = &["domain", "pcl", "resolve", "pack", "tlog"];
const BELOW_STORES: &[&str] = &["domain", "pcl", "resolve", "pack", "tlog", "trust"];
const BELOW_REGISTRY: &[&str] =
    &["domain", "pcl", "resolve", "pack", "tlog", "trust", "storage", "meta", "cache", "search", "log"];

/// What the modules without input and output may not even name.
const IMPURE: &[&str] =
    &["tokio::", "std::fs", "std::net", "std::process", "std::env", "object_store::", "rusqlite::", "sqlx::"];

const LONGEST: usize = 400;

/// Licences that ask for no more than to be named.
const LICENCES: &[&str] = &[
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-1-Clause",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "MIT-0",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
    "bzip2-1.0.6",
];

/// Fails with all that was found, a line each.
fn none(found: Vec<String>, rule: &str) {
    assert!(found.is_empty(), "{rule}:\n  {}", found.join("\n  "));
}

#[test]
fn modules_depend_only_downwards() {
    let mut found = Vec::new();
    for source in under("src") {
        let module = source.module();
        let Some((_, allowed)) = MAY_USE.iter().find(|(name, _)| *name == module) else {
            found.push(format!("{}: module {module} is not in the table MAY_USE", source.path.display()));
            continue;
        };
        let code = source.code();
        for used in used_from(&code, "crate").into_iter().chain(used_from(&code, "pcl_registry")) {
            let known = MAY_USE.iter().any(|(name, _)| *name == used);
            if known && used != module && !allowed.contains(&used.as_str()) {
                found.push(format!("{}: {module} takes from {used}", source.path.display()));
            }
        }
    }
    none(found, "modules may take only from those below them");
}

#[test]
fn pure_modules_touch_no_disk_and_no_network() {
    let pure = ["domain", "pcl", "resolve", "pack", "tlog", "trust"];
    let sources = under("src");
    let tests = test_files(&sources);
    let shipped =
        sources.iter().filter(|source| pure.contains(&source.module().as_str()) && !tests.contains(&source.path));
    let mut found = Vec::new();
    for source in shipped {
        let code = source.shipped();
        let named = IMPURE.iter().filter(|word| code.contains(**word));
        found.extend(named.map(|word| format!("{}: {word}", source.path.display())));
    }
    none(found, "domain, pcl, resolve, pack, tlog and trust have no input and output");
}

#[test]
fn files_are_short_or_say_why_not() {
    let mut found = Vec::new();
    for source in under("src").into_iter().chain(under("tests")) {
        let lines = source.text.lines().count();
        if lines > LONGEST && !source.explains("Long because") {
            found.push(format!("{}: {lines} lines", source.path.display()));
        }
    }
    none(found, "a file has at most 400 lines, or says `// Long because: …` at its head");
}

#[test]
fn every_file_says_first_what_it_promises() {
    let files = under("src").into_iter().chain(under("tests")).filter(|source| !source.text.starts_with("//!"));
    none(files.map(|source| source.path.display().to_string()).collect(), "a module starts with `//!`");
}

#[test]
fn nothing_panics_outside_tests() {
    let sources = under("src");
    let tests = test_files(&sources);
    let mut found = Vec::new();
    for source in sources.iter().filter(|source| !tests.contains(&source.path)) {
        if source.explains("Panics because") {
            continue;
        }
        for (index, line) in source.shipped().lines().enumerate() {
            if let Some(word) = panics(line) {
                found.push(format!("{}:{}: {word}", source.path.display(), index + 1));
            }
        }
    }
    none(found, "outside tests nothing panics, or the file says `// Panics because: …` at its head");
}

/// What on this line of code would panic. A parser's own `self.expect(…)` does not.
fn panics(line: &str) -> Option<&'static str> {
    let words = [".unwrap()", ".expect(", "panic!(", "todo!(", "unimplemented!("];
    let line = line.replace("self.expect(", "");
    words.into_iter().find(|word| line.contains(word))
}

#[test]
fn a_line_that_panics_is_seen() {
    for (line, seen) in [
        ("let a = b.unwrap();", true),
        ("let a = b.unwrap_or_default();", false),
        ("b.expect(", true),
        ("self.expect(Token::Open)?;", false),
        ("todo!()", true),
    ] {
        assert_eq!(panics(line).is_some(), seen, "{line}");
    }
}

#[test]
fn a_mod_file_only_lays_out_its_module() {
    let files = under("src").into_iter().chain(under("tests"));
    let mut found = Vec::new();
    // A folder of tests keeps in its mod.rs what they share.
    let is_of_tests = |source: &Source| source.path.ends_with("tests/mod.rs");
    let lays_out = |source: &Source| source.path.ends_with("mod.rs") || source.path.ends_with("lib.rs");
    for source in files.filter(|source| lays_out(source) && !is_of_tests(source)) {
        let (types, functions) = top_level(&source);
        if types > 1 || functions > 0 {
            found.push(format!("{}: {types} types, {functions} functions", source.path.display()));
        }
    }
    none(found, "a mod.rs holds docs, `mod` lines, re-exports and at most one type");
}

/// The number of types and of functions that stand outside any braces.
fn top_level(source: &Source) -> (usize, usize) {
    let (mut depth, mut types, mut functions) = (0usize, 0, 0);
    for line in source.shipped().lines() {
        if depth == 0 {
            let words: Vec<&str> = line.split_whitespace().filter(|word| !word.starts_with("pub")).collect();
            let first = words.iter().copied().find(|word| !matches!(*word, "async" | "const" | "unsafe"));
            types += usize::from(matches!(first, Some("struct" | "enum" | "trait" | "union")));
            functions += usize::from(first == Some("fn"));
        }
        depth = (depth + line.matches('{').count()).saturating_sub(line.matches('}').count());
    }
    (types, functions)
}

/// Reads what Cargo knows of every package that is built here, from what is already on the disk.
#[test]
fn every_dependency_has_a_permissive_licence() {
    let host = Command::new("rustc").arg("-vV").output().expect("rustc is there");
    let host = String::from_utf8(host.stdout).expect("its output is text");
    let host = host.lines().find_map(|line| line.strip_prefix("host: ")).expect("rustc says its host");
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--locked", "--offline", "--filter-platform", host])
        .arg("--manifest-path")
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"))
        .output()
        .expect("cargo is there");
    assert!(output.status.success(), "cargo metadata: {}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo writes JSON");
    let built: Vec<&Value> = metadata["resolve"]["nodes"].as_array().into_iter().flatten().map(|n| &n["id"]).collect();
    let packages = metadata["packages"].as_array().expect("cargo lists packages");
    let mut found = Vec::new();
    for package in packages.iter().filter(|package| built.contains(&&package["id"])) {
        let licence = package["license"].as_str().unwrap_or("no licence");
        if !permitted(licence) {
            found.push(format!("{} {}: {licence}", package["name"], package["version"]));
        }
    }
    assert!(built.len() > 100, "cargo metadata lists only {} packages", built.len());
    none(found, "a dependency's licence must be one of LICENCES");
}

/// Whether an SPDX expression can be met with licences of the list.
fn permitted(expression: &str) -> bool {
    let expression = expression.trim().replace('/', " OR ");
    let outer = |word: &str| -> Option<(String, String)> {
        let mut depth = 0;
        for (index, character) in expression.char_indices() {
            match character {
                '(' => depth += 1,
                ')' => depth -= 1,
                ' ' if depth == 0 && expression[index..].starts_with(word) => {
                    return Some((expression[..index].into(), expression[index + word.len()..].into()));
                }
                _ => {}
            }
        }
        None
    };
    // AND binds closer than OR.
    if let Some((left, right)) = outer(" OR ") {
        return permitted(&left) || permitted(&right);
    }
    if let Some((left, right)) = outer(" AND ") {
        return permitted(&left) && permitted(&right);
    }
    match expression.strip_prefix('(').and_then(|inner| inner.strip_suffix(')')) {
        Some(inner) => permitted(inner),
        None => LICENCES.contains(&expression.trim()),
    }
}

#[test]
fn licence_expressions_are_read_as_spdx_has_them() {
    for (expression, fits) in [
        ("MIT", true),
        ("GPL-3.0-only", false),
        ("MIT OR GPL-3.0-only", true),
        ("MIT AND GPL-3.0-only", false),
        ("(MIT OR GPL-3.0-only) AND Unicode-3.0", true),
        ("GPL-2.0-only AND MIT OR ISC", true),
        ("Apache-2.0 WITH LLVM-exception", true),
        ("MIT/Apache-2.0", true),
        ("no licence", false),
    ] {
        assert_eq!(permitted(expression), fits, "{expression}");
    }
}
