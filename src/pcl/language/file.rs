//! A PCL file: its text, outline and artifacts.

use std::borrow::Cow;

use crate::domain::{Declared, Kind};
use crate::pcl::finding::{Finding, cut};
use crate::pcl::front_matter::FrontMatter;
use crate::pcl::paths;

use super::lexer::Lexed;
use super::outline::{Declaration, Outline};
use super::{comment, parser};

/// A PCL file that was read.
#[derive(Debug)]
pub struct PclFile {
    pub(super) path: String,
    pub(super) text: String,
    pub(super) outline: Outline,
    pub(super) lexed: Lexed,
    pub(super) front: FrontMatter,
    lines: Vec<usize>,
    lossy: bool,
}

/// A declaration that is an artifact: of a file, or of a module in it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Artifact<'f> {
    pub declaration: &'f Declaration,
    pub module: Option<&'f Declaration>,
}

impl PclFile {
    /// Reads a file. Never fails; bytes that are not UTF-8 are replaced, with a diagnostic.
    pub fn read(path: &str, bytes: &[u8]) -> Self {
        let text = String::from_utf8_lossy(bytes);
        let lossy = matches!(text, Cow::Owned(_));
        let text = text.into_owned();
        let (outline, lexed) = parser::parse(&text);
        let front = outline.front_matter.map(|span| FrontMatter::read(span.of(&text))).unwrap_or_default();
        let breaks = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at + 1);
        let lines = std::iter::once(0).chain(breaks).collect();
        Self { path: path.to_owned(), text, outline, lexed, front, lines, lossy }
    }

    /// The outline.
    pub fn outline(&self) -> &Outline {
        &self.outline
    }

    /// The text that spans are about.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What the file declares, in its order: one finding a declaration, those of modules among them; one for the file
    /// if it declares nothing. The item of the source is the identifier, `Module::Name` within a module, with `#2` for
    /// the second of the same name.
    pub fn findings(&self, hint: Option<Kind>) -> Vec<Finding> {
        let artifacts = self.artifacts();
        if artifacts.is_empty() {
            return vec![self.whole_file(hint)];
        }
        let local = artifacts.iter().map(|artifact| artifact.declaration.name.as_str()).collect();
        let names = identities(&artifacts);
        let declares = self.declares(&artifacts);
        let one = |(artifact, name): (&Artifact<'_>, String)| {
            let mut finding = self.finding(*artifact, artifacts.len() == 1, &local, name);
            finding.about.declares.clone_from(&declares);
            finding
        };
        artifacts.iter().zip(names).map(one).collect()
    }

    /// One artifact of the file: the declaration of this name (`Module::Name` or `Name`), else the first of the kind,
    /// else the first.
    pub fn choose(&self, declaration: Option<&str>, hint: Option<Kind>) -> Finding {
        let artifacts = self.artifacts();
        let names = identities(&artifacts);
        let named = |wanted: &str| {
            let identity = names.iter().position(|name| name == wanted);
            identity.or_else(|| artifacts.iter().position(|artifact| artifact.declaration.name == wanted))
        };
        let asked = declaration.and_then(named);
        let of_kind = || artifacts.iter().position(|artifact| Some(artifact.declaration.kind) == hint);
        let at = asked.or_else(of_kind).unwrap_or(0);
        let (Some(artifact), Some(name)) = (artifacts.get(at), names.get(at)) else { return self.whole_file(hint) };
        let local = artifacts.iter().map(|artifact| artifact.declaration.name.as_str()).collect();
        let mut finding = self.finding(*artifact, artifacts.len() == 1, &local, name.clone());
        finding.about.declares = self.declares(&artifacts);
        if let Some(wanted) = declaration.filter(|_| asked.is_none()) {
            finding.note(0, format!("the file does not declare {:?}; {name:?} is taken instead", cut(wanted, 80)));
        }
        finding
    }

    /// Whether the file declares this name.
    pub fn has(&self, declaration: &str) -> bool {
        let artifacts = self.artifacts();
        artifacts.iter().any(|artifact| artifact.declaration.name == declaration)
            || identities(&artifacts).iter().any(|name| name == declaration)
    }

    /// Whether the file declares something with content: a body that is neither empty nor a placeholder.
    pub fn says_something(&self) -> bool {
        self.artifacts().iter().any(|artifact| {
            let body = &artifact.declaration.body;
            let said = !body.properties.is_empty() || body.items.iter().any(|item| item.text() != Some("..."));
            said || !artifact.declaration.nested.is_empty() || artifact.declaration.kind == Kind::Function
        })
    }

    pub(super) fn artifacts(&self) -> Vec<Artifact<'_>> {
        fn collect<'f>(list: &'f [Declaration], module: Option<&'f Declaration>, into: &mut Vec<Artifact<'f>>) {
            for declaration in list {
                into.push(Artifact { declaration, module });
                if declaration.kind == Kind::Module {
                    collect(&declaration.nested, Some(declaration), into);
                }
            }
        }
        let mut artifacts = Vec::new();
        collect(&self.outline.declarations, None, &mut artifacts);
        artifacts
    }

    /// What the file declares; not for files with so many declarations that a copy in each would weigh.
    fn declares(&self, artifacts: &[Artifact<'_>]) -> Vec<Declared> {
        let declared = |artifact: &Artifact<'_>| Declared {
            kind: artifact.declaration.kind,
            name: qualified(*artifact),
            line: self.line(artifact.declaration.keyword.start),
        };
        let few = artifacts.len() <= DECLARES_MAX;
        artifacts.iter().filter(|_| few).map(declared).collect()
    }

    pub(super) fn line(&self, at: usize) -> u32 {
        u32::try_from(self.lines.partition_point(|start| *start <= at)).unwrap_or(u32::MAX)
    }

    /// A file that declares nothing.
    fn whole_file(&self, hint: Option<Kind>) -> Finding {
        let kind = hint.or_else(|| paths::kind_of_name(&self.path)).unwrap_or(Kind::Persona);
        let mut finding = Finding::new(kind, &self.path);
        finding.note(0, format!("the file declares nothing that can be read; it is kept as a {kind}"));
        self.notes(&mut finding);
        self.take_front_matter(&mut finding, true);
        if finding.about.description.is_none() {
            finding.about.description = comment::first(&self.text, &self.lexed);
        }
        finding.finish(paths::stem(&self.path))
    }

    pub(super) fn notes(&self, finding: &mut Finding) {
        if self.lossy {
            finding.note(0, "the file is not valid UTF-8; what is not was replaced for reading, and kept as it is");
        }
        if let Some(problem) = &self.front.problem {
            finding.note(1, problem.clone());
        }
        for problem in &self.outline.problems {
            finding.note(self.line(problem.at), problem.message.clone());
        }
    }
}

/// Most declarations that an artifact lists.
const DECLARES_MAX: usize = 500;

fn qualified(artifact: Artifact<'_>) -> String {
    match artifact.module {
        Some(module) => format!("{}::{}", module.name, artifact.declaration.name),
        None => artifact.declaration.name.clone(),
    }
}

/// What tells the artifacts of a file apart: the qualified name, with `#2` for the second of the same name.
fn identities(artifacts: &[Artifact<'_>]) -> Vec<String> {
    let mut seen = std::collections::HashMap::<String, usize>::new();
    let identity = |artifact: &Artifact<'_>| {
        let name = qualified(*artifact);
        let count = seen.entry(name.clone()).or_default();
        *count += 1;
        if *count > 1 { format!("{name}#{count}") } else { name }
    };
    artifacts.iter().map(identity).collect()
}
