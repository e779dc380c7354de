//! `pclr.toml`: what a project asks for. Changes keep its author's comments, order and spacing.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use toml_edit::{DocumentMut, Item, Table, value};

use super::target::Target;
use crate::domain::{Name, Range};
use crate::resolve::{Edge, Need, Strength};

/// What a project asks for, with the text that says it.
#[derive(Clone, Debug)]
pub struct Manifest {
    document: DocumentMut,
    asked: Asked,
    /// Whether its lines end as on Windows.
    crlf: bool,
}

/// The keys of `pclr.toml`. An unknown one is a mistake, not a wish for later.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    registry: Option<String>,
    #[serde(default)]
    targets: Vec<Target>,
    #[serde(default)]
    skip: BTreeSet<Name>,
    #[serde(default)]
    dependencies: BTreeMap<Name, Range>,
}

impl Manifest {
    /// Reads a text; an empty one asks for nothing.
    ///
    /// # Errors
    /// What is wrong, with its line.
    pub fn parse(text: &str) -> Result<Self, String> {
        let said = |error: String| error.trim_end().to_owned();
        let asked = toml::from_str(text).map_err(|error| said(error.to_string()))?;
        let document = text.parse().map_err(|error: toml_edit::TomlError| said(error.to_string()))?;
        let crlf = text.split_once('\n').is_some_and(|(first, _)| first.ends_with('\r'));
        Ok(Self { document, asked, crlf })
    }

    /// The text, as it was read and changed.
    pub fn text(&self) -> String {
        let text = self.document.to_string();
        match self.crlf {
            true => text.replace("\r\n", "\n").replace('\n', "\r\n"),
            false => text,
        }
    }

    /// Address of the registry.
    pub fn registry(&self) -> Option<&str> {
        self.asked.registry.as_deref()
    }

    /// Where to install.
    pub fn targets(&self) -> &[Target] {
        &self.asked.targets
    }

    /// Packages to do without, whoever needs them.
    pub fn skip(&self) -> &BTreeSet<Name> {
        &self.asked.skip
    }

    /// What is asked for, by name.
    pub fn dependencies(&self) -> &BTreeMap<Name, Range> {
        &self.asked.dependencies
    }

    /// The same, for the solver.
    pub fn needs(&self) -> Vec<Need> {
        let need = |(name, range): (&Name, &Range)| Need {
            name: name.clone(),
            range: range.clone(),
            strength: Strength::Required,
        };
        self.asked.dependencies.iter().map(need).collect()
    }

    /// The same, as the first edges of a tree.
    pub fn edges(&self) -> Vec<Edge> {
        let edge = |(name, range): (&Name, &Range)| Edge { name: name.clone(), range: range.clone() };
        self.asked.dependencies.iter().map(edge).collect()
    }

    /// Asks for a package, or for other versions of it. A table whose keys are sorted stays sorted.
    pub fn set(&mut self, name: &Name, range: &Range) {
        let entry = self.document.entry("dependencies").or_insert_with(|| Item::Table(Table::new()));
        let Some(table) = entry.as_table_like_mut() else { return };
        let was_sorted = table.iter().map(|(key, _)| key).is_sorted();
        match table.get_mut(name.as_str()).and_then(Item::as_value_mut) {
            Some(old) => {
                // A comment behind the value belongs to the line, not to the value.
                let decor = old.decor().clone();
                *old = range.as_str().into();
                *old.decor_mut() = decor;
            }
            None => {
                table.insert(name.as_str(), value(range.as_str()));
                if was_sorted {
                    table.sort_values();
                }
            }
        }
        self.asked.dependencies.insert(name.clone(), range.clone());
    }

    /// Asks for a package no more. `false`: it was not asked for.
    pub fn remove(&mut self, name: &Name) -> bool {
        let table = self.document.get_mut("dependencies").and_then(Item::as_table_like_mut);
        if let Some(table) = table {
            table.remove(name.as_str());
        }
        self.asked.dependencies.remove(name).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Name {
        text.parse().unwrap()
    }

    fn range(text: &str) -> Range {
        text.parse().unwrap()
    }

    #[test]
    fn a_change_leaves_the_rest_of_the_text_alone() {
        let text = "# our agents\nregistry = 'http://127.0.0.1:7117'   # the local one\n\n[dependencies]\n# reviews\n\"acme/reviewer\" = \"^1\" # not 2 yet\n\"acme/zebra\"    =   \"*\"\n";
        let mut manifest = Manifest::parse(text).unwrap();
        assert_eq!(manifest.text(), text);
        manifest.set(&name("acme/reviewer"), &range("^2"));
        manifest.set(&name("acme/team"), &range("^1.0.0"));
        insta::assert_snapshot!(manifest.text(), @r#"
        # our agents
        registry = 'http://127.0.0.1:7117'   # the local one

        [dependencies]
        # reviews
        "acme/reviewer" = "^2" # not 2 yet
        "acme/team" = "^1.0.0"
        "acme/zebra"    =   "*"
        "#);
        assert!(manifest.remove(&name("acme/team")) && !manifest.remove(&name("acme/team")));
        manifest.set(&name("acme/reviewer"), &range("^1"));
        assert_eq!(manifest.text(), text);
        let read = Manifest::parse(&manifest.text()).unwrap();
        assert_eq!(read.dependencies(), manifest.dependencies());
    }

    #[test]
    fn lines_go_on_to_end_as_they_did() {
        let text = "# ours\r\n[dependencies]\r\n\"acme/b\" = \"^1\"\r\n";
        let mut manifest = Manifest::parse(text).unwrap();
        assert_eq!(manifest.text(), text);
        manifest.set(&name("acme/a"), &range("^2"));
        assert_eq!(manifest.text(), "# ours\r\n[dependencies]\r\n\"acme/a\" = \"^2\"\r\n\"acme/b\" = \"^1\"\r\n");
    }

    #[test]
    fn the_first_package_makes_the_table() {
        let mut manifest = Manifest::parse("").unwrap();
        manifest.set(&name("acme/b"), &range("^1"));
        manifest.set(&name("acme/a"), &range("^1"));
        assert_eq!(manifest.text(), "[dependencies]\n\"acme/a\" = \"^1\"\n\"acme/b\" = \"^1\"\n");
        // An order that somebody chose is kept.
        let mut manifest = Manifest::parse("[dependencies]\n\"acme/b\" = \"^1\"\n\"acme/a\" = \"^1\"\n").unwrap();
        manifest.set(&name("acme/aa"), &range("*"));
        assert!(manifest.text().ends_with("\"acme/a\" = \"^1\"\n\"acme/aa\" = \"*\"\n"));
        let mut inline = Manifest::parse("dependencies = { 'acme/b' = '^1' }\n").unwrap();
        inline.set(&name("acme/a"), &range("^1"));
        assert_eq!(Manifest::parse(&inline.text()).unwrap().dependencies().len(), 2);
    }

    #[test]
    fn mistakes_are_named_with_their_line() {
        for (text, expected) in [
            ("[dependencies]\nAcme = \"^1\"", "package name \"Acme\""),
            ("[dependencies]\n\"acme/a\" = \"^^^\"", "is not a range"),
            ("[dependencies]\n\"acme/a\" = 1", "invalid type: integer"),
            ("[dependency]\n", "unknown field `dependency`"),
            ("targets = [\"emacs\"]\n", "`modules`, `claude`"),
            ("skip = \n", "line 1"),
        ] {
            let error = Manifest::parse(text).unwrap_err();
            assert!(error.contains(expected), "{error}");
            assert!(error.contains("line "), "{error}");
        }
    }
}
