//! The lock: which version of each package a project uses, with the digests of its manifest and of its files.
//!
//! The text is the same for the same lock, one line a fact and sorted, so that a merge of two branches meets few lines.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use super::need::Need;
use super::solve::Chosen;
use crate::domain::{Digest, Kind, Name, Range, Version};

/// The format that is written.
pub const LOCK_FORMAT: u32 = 1;

const HEADER: &str = "# Written by pclr: do not edit. `pclr install` and `pclr update` change it.\n";

/// What a project uses.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Lock {
    /// Packages that the project does without.
    pub skip: BTreeSet<Name>,
    /// All packages, by name.
    pub packages: BTreeMap<Name, Locked>,
}

/// One package of a lock.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Locked {
    /// Its version.
    pub version: Version,
    /// What it is.
    pub kind: Kind,
    /// Digest of its manifest.
    pub digest: Digest,
    /// Digest of its files.
    pub tree: Digest,
    /// The packages that it needs.
    pub dependencies: Vec<Edge>,
}

/// A package that another needs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Edge {
    /// Which.
    pub name: Name,
    /// Which of its versions will do.
    pub range: Range,
}

/// The text is no lock.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LockError {
    /// It cannot be read.
    #[error("it cannot be read: {0}")]
    Text(String),
    /// A newer program wrote it.
    #[error("it has format {0}, this program knows {LOCK_FORMAT}")]
    Newer(u32),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[serde(rename = "version")]
    _version: u32,
    #[serde(default)]
    skip: BTreeSet<Name>,
    #[serde(default)]
    package: Vec<Row>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    name: Name,
    version: Version,
    kind: Kind,
    digest: Digest,
    tree: Digest,
    #[serde(default)]
    dependencies: Vec<String>,
}

#[derive(Deserialize)]
struct Format {
    version: u32,
}

impl Lock {
    /// The lock of a solution.
    pub fn new(skip: BTreeSet<Name>, chosen: &[Chosen<'_>]) -> Self {
        let names: BTreeSet<&Name> = chosen.iter().map(|chosen| chosen.name).collect();
        let package = |chosen: &Chosen<'_>| {
            let needs = chosen.release.needs.needs.iter();
            let mut dependencies: Vec<Edge> = needs
                .filter(|need| names.contains(&need.name) && !skip.contains(&need.name))
                .map(|need| Edge { name: need.name.clone(), range: need.range.clone() })
                .collect();
            dependencies.sort_by(|a, b| (&a.name, a.range.as_str()).cmp(&(&b.name, b.range.as_str())));
            let release = chosen.release;
            let (version, kind) = (release.version.clone(), chosen.kind);
            (chosen.name.clone(), Locked { version, kind, digest: release.digest, tree: release.tree, dependencies })
        };
        let packages = chosen.iter().map(package).collect();
        Self { packages, skip }
    }

    /// Reads the text of a lock.
    pub fn parse(text: &str) -> Result<Self, LockError> {
        let unreadable = |error: toml::de::Error| LockError::Text(error.to_string().trim_end().to_owned());
        // The format first: of a newer one nothing else may be as it is here.
        let format: Format = toml::from_str(text).map_err(unreadable)?;
        if format.version != LOCK_FORMAT {
            return Err(LockError::Newer(format.version));
        }
        let document: Document = toml::from_str(text).map_err(unreadable)?;
        let mut packages = BTreeMap::new();
        for row in document.package {
            let edge = |text: &String| -> Result<Edge, LockError> {
                let (name, range) = text.split_once(' ').unwrap_or((text, super::need::ANY));
                let name = name.parse().map_err(|error| LockError::Text(format!("{error}")))?;
                let range = range.parse().map_err(|error| LockError::Text(format!("{error}")))?;
                Ok(Edge { name, range })
            };
            let dependencies = row.dependencies.iter().map(edge).collect::<Result<_, _>>()?;
            let Row { name, version, kind, digest, tree, .. } = row;
            let locked = Locked { version, kind, digest, tree, dependencies };
            if packages.insert(name.clone(), locked).is_some() {
                return Err(LockError::Text(format!("it holds {name} twice")));
            }
        }
        Ok(Self { skip: document.skip, packages })
    }

    /// The text, the same for the same lock.
    pub fn text(&self) -> String {
        let mut text = format!("{HEADER}version = {LOCK_FORMAT}\n");
        // Writing to a string does not fail.
        if !self.skip.is_empty() {
            text.push_str("skip = [\n");
            for name in &self.skip {
                let _ = writeln!(text, "    \"{name}\",");
            }
            text.push_str("]\n");
        }
        for (name, package) in &self.packages {
            let Locked { version, kind, digest, tree, dependencies } = package;
            let _ = write!(text, "\n[[package]]\nname = \"{name}\"\nversion = \"{version}\"\nkind = \"{kind}\"\n");
            let _ = write!(text, "digest = \"{digest}\"\ntree = \"{tree}\"\n");
            if dependencies.is_empty() {
                continue;
            }
            text.push_str("dependencies = [\n");
            for edge in dependencies {
                let _ = writeln!(text, "    {},", quoted(&format!("{} {}", edge.name, edge.range)));
            }
            text.push_str("]\n");
        }
        text
    }

    /// The versions that are kept.
    pub fn versions(&self) -> BTreeMap<Name, Version> {
        self.packages.iter().map(|(name, package)| (name.clone(), package.version.clone())).collect()
    }

    /// Why the lock is not one for these needs: something is missing, does not fit, or is there without need.
    pub fn mismatch(&self, needs: &[Need], skip: &BTreeSet<Name>) -> Option<String> {
        if self.skip != *skip {
            return Some("skip of pclr.toml changed".to_owned());
        }
        let own = needs.iter().map(|need| (None, &need.name, &need.range));
        let theirs = self.packages.iter().flat_map(|(dependent, package)| {
            package.dependencies.iter().map(move |edge| (Some(dependent), &edge.name, &edge.range))
        });
        for (dependent, name, range) in own.chain(theirs) {
            let who = dependent.map_or("pclr.toml asks for".to_owned(), |dependent| format!("{dependent} needs"));
            match self.packages.get(name) {
                None => return Some(format!("{who} {name}, which is not in pclr.lock")),
                Some(package) if !range.contains(&package.version) => {
                    return Some(format!("{who} {name} {range}, pclr.lock has {}", package.version));
                }
                Some(_) => {}
            }
        }
        let used = self.reachable(needs.iter().map(|need| &need.name));
        let unused = self.packages.keys().find(|name| !used.contains(name));
        unused.map(|name| format!("nothing needs {name} any more"))
    }

    /// The packages that these lead to, themselves included.
    fn reachable<'a>(&'a self, from: impl Iterator<Item = &'a Name>) -> BTreeSet<&'a Name> {
        let (mut waiting, mut found): (Vec<&Name>, BTreeSet<&Name>) = (from.collect(), BTreeSet::new());
        while let Some(name) = waiting.pop() {
            if found.insert(name) {
                let edges = self.packages.get(name).map(|package| package.dependencies.as_slice());
                waiting.extend(edges.unwrap_or_default().iter().map(|edge| &edge.name));
            }
        }
        found
    }
}

/// As a basic string of TOML. A range holds whatever its author wrote and npm can read.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for character in text.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            control if control.is_control() => quoted.push_str(&format!("\\u{:04X}", u32::from(control))),
            other => quoted.push(other),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resolve::Strength;

    fn lock() -> Lock {
        let locked = |version: &str, dependencies: &[(&str, &str)]| Locked {
            version: version.parse().unwrap(),
            kind: Kind::Skill,
            digest: Digest::sha256(version.as_bytes()),
            tree: Digest::sha256(b"tree"),
            dependencies: dependencies
                .iter()
                .map(|(name, range)| Edge { name: name.parse().unwrap(), range: range.parse().unwrap() })
                .collect(),
        };
        let packages = [("b/x", locked("1.2.0+x", &[])), ("a/y", locked("2.0.0", &[("b/x", ">=1 <2")]))];
        Lock {
            skip: BTreeSet::from(["c/z".parse().unwrap()]),
            packages: packages.into_iter().map(|(name, locked)| (name.parse().unwrap(), locked)).collect(),
        }
    }

    fn need(name: &str, range: &str) -> Need {
        Need { name: name.parse().unwrap(), range: range.parse().unwrap(), strength: Strength::Required }
    }

    #[test]
    fn the_text_is_stable_and_reads_back() {
        let text = lock().text();
        insta::assert_snapshot!(text, @r##"
        # Written by pclr: do not edit. `pclr install` and `pclr update` change it.
        version = 1
        skip = [
            "c/z",
        ]

        [[package]]
        name = "a/y"
        version = "2.0.0"
        kind = "skill"
        digest = "sha256:f22abd6773ab232869321ad4b1e47ac0c908febf4f3a2bd10c8066140f741261"
        tree = "sha256:dc9c5edb8b2d479e697b4b0b8ab874f32b325138598ce9e7b759eb8292110622"
        dependencies = [
            "b/x >=1 <2",
        ]

        [[package]]
        name = "b/x"
        version = "1.2.0+x"
        kind = "skill"
        digest = "sha256:7656264332c33b66d290a941a31890f579f4e4bc814d5df72c4fb6f79a7abfca"
        tree = "sha256:dc9c5edb8b2d479e697b4b0b8ab874f32b325138598ce9e7b759eb8292110622"
        "##);
        assert_eq!(Lock::parse(&text), Ok(lock()));
        assert_eq!(Lock::parse(&Lock::default().text()), Ok(Lock::default()));
    }

    #[test]
    fn other_formats_and_damage_are_refused() {
        assert_eq!(Lock::parse("version = 2\nnew = 1\n"), Err(LockError::Newer(2)));
        let twice = format!(
            "{0}\n{1}",
            lock().text(),
            "[[package]]".to_owned() + lock().text().rsplit("[[package]]").next().unwrap()
        );
        for text in ["", "version = 1\nfoo = 2\n", "version = 1\n[[package]]\nname = \"a/b\"\n", "<<<<<<< ours", &twice]
        {
            assert!(matches!(Lock::parse(text), Err(LockError::Text(_))), "{text}");
        }
    }

    #[test]
    fn a_lock_that_is_not_for_the_manifest_says_why() {
        let skip = lock().skip;
        for (needs, skip, expected) in [
            (vec![need("a/y", "^2")], &skip, None),
            (vec![need("a/y", "^2"), need("b/x", "1")], &skip, None),
            (vec![need("a/y", "^2")], &BTreeSet::new(), Some("skip of pclr.toml changed")),
            (vec![need("a/y", "^3")], &skip, Some("pclr.toml asks for a/y ^3, pclr.lock has 2.0.0")),
            (vec![need("c/d", "*")], &skip, Some("pclr.toml asks for c/d, which is not in pclr.lock")),
            (vec![need("b/x", "*")], &skip, Some("nothing needs a/y any more")),
        ] {
            assert_eq!(lock().mismatch(&needs, skip).as_deref(), expected);
        }
    }

    #[test]
    fn any_text_of_a_range_survives() {
        assert_eq!(quoted("a\"b\\c\td"), "\"a\\\"b\\\\c\\u0009d\"");
    }
}
