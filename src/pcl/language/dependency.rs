//! What a declaration needs: imports, supertypes, members, steps, skills.
//!
//! Names that the same file declares are local, not dependencies; neither are merge modes, variables and types.

use std::collections::HashSet;
use std::ops::Range;

use crate::domain::{Dependency, DependencyType, Kind, Skill};

use super::file::{Artifact, PclFile};
use super::lexer::TokenKind;
use super::outline::{Block, Declaration, Value, ValueKind, same_key};

/// Keys of a step or member object that name an artifact.
const NAMING_KEYS: [&str; 8] = ["persona", "agent", "team", "workflow", "skill", "member", "use", "fallback"];
/// Properties whose names are members of a team.
const MEMBER_KEYS: [&str; 4] = ["members", "primary", "coordinator", "conflict"];
/// Words that are written like names and are none.
const NO_NAMES: [&str; 6] = ["True", "False", "None", "Null", "Any", "Void"];

struct Found<'f> {
    file: &'f PclFile,
    local: &'f HashSet<&'f str>,
    list: Vec<Dependency>,
    seen: HashSet<(String, DependencyType)>,
}

/// The dependencies of one artifact, each once, in the order of the file.
pub(super) fn dependencies<'f>(
    file: &'f PclFile,
    artifact: Artifact<'f>,
    local: &'f HashSet<&'f str>,
    skills: &[Skill],
) -> Vec<Dependency> {
    let mut found = Found { file, local, list: Vec::new(), seen: HashSet::new() };
    let module = artifact.module.map(|module| module.imports.as_slice()).unwrap_or_default();
    for import in file.outline.imports.iter().chain(module).chain(&artifact.declaration.imports) {
        found.add(&import.source, DependencyType::Import, None);
    }
    found.declaration(artifact.declaration);
    for skill in skills {
        if is_reference(&skill.name) {
            found.add(&skill.name, DependencyType::Skill, None);
        }
    }
    found.list
}

/// Whether a skill is a reference rather than a label: `@Foundation.X`, `acme/code-review`, but not `CI/CD`.
fn is_reference(name: &str) -> bool {
    if name.contains(char::is_whitespace) {
        return false;
    }
    let path = |part: &str| !part.is_empty() && !part.contains(char::is_uppercase);
    name.starts_with(['@', '#']) || name.starts_with("./") || (name.contains('/') && name.split('/').all(path))
}

impl<'f> Found<'f> {
    fn add(&mut self, name: &str, kind: DependencyType, range: Option<&str>) {
        let name = name.trim().trim_start_matches('#');
        let (name, range) = match (range, name.rfind('@').filter(|at| *at > 0)) {
            (None, Some(at)) => (&name[..at], Some(&name[at + 1..])),
            _ => (name, range),
        };
        if name.is_empty() || self.local.contains(name) || NO_NAMES.contains(&name) || self.list.len() >= 1000 {
            return;
        }
        if self.seen.insert((name.to_owned(), kind)) {
            self.list.push(Dependency { name: name.to_owned(), kind, range: range.map(str::to_owned) });
        }
    }

    fn add_all(&mut self, names: &[String], kind: DependencyType) {
        for name in names {
            self.add(name, kind, None);
        }
    }

    fn declaration(&mut self, declaration: &'f Declaration) {
        self.add_all(&declaration.extends, DependencyType::Extends);
        self.add_all(&declaration.implements, DependencyType::Implements);
        self.add_all(&declaration.requires, DependencyType::Requires);
        let body = &declaration.body;
        for property in &body.properties {
            let is = |key: &&str| same_key(key, &property.key);
            if ["extends"].iter().any(is) {
                self.names(&property.value, DependencyType::Extends);
            } else if ["implements"].iter().any(is) {
                self.names(&property.value, DependencyType::Implements);
            } else if ["dependencies", "requires"].iter().any(is) {
                self.listed(&property.value);
            } else if declaration.kind == Kind::Team && MEMBER_KEYS.iter().any(is) {
                self.names(&property.value, DependencyType::Member);
            } else if declaration.kind == Kind::Workflow && ["steps", "fallback"].iter().any(is) {
                self.names(&property.value, DependencyType::Step);
            }
        }
        if declaration.kind == Kind::Workflow {
            for item in &body.items {
                self.expression(&item.tokens);
            }
        }
        if declaration.kind == Kind::Module {
            for nested in &declaration.nested {
                self.declaration(nested);
            }
        }
    }

    /// `dependencies: ["a", "b@^1"]` or `{ "a": "^1" }`.
    fn listed(&mut self, value: &Value) {
        if let ValueKind::Block(block) = &value.kind {
            for property in &block.properties {
                self.add(&property.key, DependencyType::Requires, property.value.text());
            }
        }
        for element in value.elements() {
            match &element.kind {
                ValueKind::Block(block) => {
                    let text = |keys: &[&str]| block.get(keys).and_then(Value::text);
                    if let Some(name) = text(&["name", "id", "ref"]) {
                        self.add(name, DependencyType::Requires, text(&["version", "range"]));
                    }
                }
                _ => self.add(element.text().unwrap_or_default(), DependencyType::Requires, None),
            }
        }
    }

    /// The artifacts that a value names.
    fn names(&mut self, value: &Value, kind: DependencyType) {
        match &value.kind {
            ValueKind::Text(name) | ValueKind::Reference(name) => self.add(name, kind, None),
            ValueKind::Word(words) if words.contains(char::is_whitespace) => self.expression_as(&value.tokens, kind),
            ValueKind::Word(name) => self.add(name, kind, None),
            ValueKind::List(values) => values.iter().for_each(|value| self.names(value, kind)),
            ValueKind::Block(block) => self.block_names(block, kind),
            ValueKind::Expression(_) => self.expression_as(&value.tokens, kind),
            ValueKind::Missing | ValueKind::Number(_) => {}
        }
    }

    fn block_names(&mut self, block: &Block, kind: DependencyType) {
        let naming = |key: &str| NAMING_KEYS.iter().any(|naming| same_key(naming, key));
        for property in &block.properties {
            if naming(&property.key) || matches!(property.value.kind, ValueKind::Block(_) | ValueKind::List(_)) {
                self.names(&property.value, kind);
            }
        }
        block.items.iter().for_each(|item| self.names(item, kind));
    }

    fn expression(&mut self, tokens: &Range<usize>) {
        self.expression_as(tokens, DependencyType::Step);
    }

    /// Names in an expression begin with a capital; what follows a dot, and modes in `merge(…)`, are none.
    fn expression_as(&mut self, range: &Range<usize>, kind: DependencyType) {
        let file = self.file;
        let tokens = &file.lexed.tokens;
        let word = |index: usize| tokens.get(index).map_or("", |token| token.span.of(file.text()));
        let mut index = range.start;
        while index < range.end.min(tokens.len()) {
            if word(index) == "merge" && word(index + 1) == "(" {
                while index < range.end && word(index) != ")" {
                    index += 1;
                }
            }
            let is_name = tokens.get(index).is_some_and(|token| token.kind == TokenKind::Word)
                && word(index).starts_with(char::is_uppercase)
                && index.checked_sub(1).is_none_or(|before| word(before) != ".")
                && word(index + 1) != ":";
            if is_name {
                self.add(word(index), kind, None);
            }
            index += 1;
        }
    }
}
