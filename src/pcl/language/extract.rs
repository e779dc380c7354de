//! From an outline to what the registry keeps of each declaration.

use std::collections::HashSet;

use serde_json::{Map, Value as Json};

use crate::domain::{Declared, Kind, Level, Skill};
use crate::pcl::finding::{Finding, cut, fold};
use crate::pcl::front_matter::FrontMatter;
use crate::pcl::paths;

use super::lexer::Lexed;
use super::outline::{Block, Declaration, Outline, Value, ValueKind, same_key};
use super::{comment, dependency, parser};

/// Longest string of free-form metadata, in bytes: prompts and instructions stay in the file.
const METADATA_TEXT_MAX: usize = 2000;
/// Longest description, in bytes.
const DESCRIPTION_MAX: usize = 4096;
/// Properties that have a field of their own, or that are the artifact's content.
const TAKEN: [&str; 30] = [
    "name",
    "version",
    "description",
    "tags",
    "skills",
    "license",
    "licence",
    "author",
    "authors",
    "allowed_tools",
    "tools",
    "model",
    "metadata",
    "instructions",
    "prompts",
    "prompt",
    "system",
    "steps",
    "members",
    "primary",
    "coordinator",
    "conflict",
    "fallback",
    "dependencies",
    "extends",
    "implements",
    "requires",
    "examples",
    "items",
    "id",
];

/// A PCL file that was read.
#[derive(Debug)]
pub struct PclFile {
    path: String,
    text: String,
    pub(super) outline: Outline,
    pub(super) lexed: Lexed,
    front: FrontMatter,
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
        let lossy = matches!(text, std::borrow::Cow::Owned(_));
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

    fn line(&self, at: usize) -> u32 {
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

    fn notes(&self, finding: &mut Finding) {
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

    fn finding(&self, artifact: Artifact<'_>, alone: bool, local: &HashSet<&str>, identity: String) -> Finding {
        let declaration = artifact.declaration;
        let body = &declaration.body;
        let metadata = match body.get(&["metadata", "meta"]).map(|value| &value.kind) {
            Some(ValueKind::Block(block)) => block,
            _ => &Block::default(),
        };
        let property = |keys: &[&str]| body.get(keys).or_else(|| metadata.get(keys));
        let text = |keys: &[&str]| property(keys).and_then(Value::text).map(str::trim).filter(|text| !text.is_empty());
        let line = self.line(declaration.keyword.start);

        let mut finding = Finding::new(declaration.kind, &self.path);
        finding.identifier.clone_from(&declaration.name);
        finding.primary.declaration = Some(identity.clone());
        finding.source.item = Some(identity);
        self.notes(&mut finding);
        match body.get(&["name", "title"]).and_then(Value::text) {
            Some(name) => finding.set_title(name),
            None => {
                finding.set_title(&declaration.name);
                finding.slug_hint = Some(split_identifier(&declaration.name));
            }
        }
        if let Some(version) = text(&["version"]) {
            finding.take_version(version, line);
        }
        let about = &mut finding.about;
        about.description = text(&["description"]).map(short_description);
        about.tags = self.tags(body, metadata);
        about.skills = skills(declaration.kind, body);
        about.license = text(&["license", "licence"]).map(fold);
        about.authors = property(&["author", "authors"]).map(texts).unwrap_or_default();
        about.authors.extend(decorator_texts(declaration, "author"));
        about.capabilities.allowed_tools = allowed_tools(body);
        about.capabilities.model = text(&["model"]).map(fold);
        about.metadata = free_metadata(declaration, metadata);
        self.take_front_matter(&mut finding, alone);
        self.take_comments(&mut finding, artifact, alone, line);
        finding.about.dependencies = dependency::dependencies(self, artifact, local, &finding.about.skills);
        finding.finish(paths::stem(&self.path))
    }

    fn tags(&self, body: &Block, metadata: &Block) -> Vec<String> {
        let sources =
            [(body, "tags"), (metadata, "tags"), (body, "keywords"), (body, "category"), (metadata, "category")];
        let mut lists = sources.iter().filter_map(|(block, key)| block.get(&[key])).map(texts);
        lists.find(|tags| !tags.is_empty()).unwrap_or_default()
    }

    /// Fills what is still unknown from the front matter; name and description only if it can be about this one alone.
    fn take_front_matter(&self, finding: &mut Finding, alone: bool) {
        let front = &self.front;
        let text =
            |keys: &[&str]| front.get(keys).and_then(Json::as_str).map(str::trim).filter(|text| !text.is_empty());
        let has_name = !finding.identifier.is_empty() && finding.slug_hint.is_none();
        if let Some(name) = text(&["name", "title"]).filter(|_| alone && !has_name) {
            finding.set_title(name);
            finding.slug_hint = None;
        }
        if finding.version.is_none()
            && let Some(version) = front.version()
        {
            finding.take_version(&version, 1);
        }
        let about = &mut finding.about;
        if about.description.is_none() && alone {
            about.description = text(&["description"]).map(short_description);
        }
        if about.authors.is_empty() {
            about.authors.extend(text(&["author"]).map(fold));
        }
        about.license = about.license.take().or_else(|| text(&["license", "licence"]).map(fold));
        if about.tags.is_empty()
            && let Some(Json::Array(tags)) = front.get(&["tags", "keywords"])
        {
            about.tags = tags.iter().filter_map(Json::as_str).map(fold).collect();
        }
        for (key, value) in &front.fields {
            if alone && !TAKEN.contains(&key.as_str()) && !about.metadata.contains_key(key) {
                about.metadata.insert(key.clone(), value.clone());
            }
        }
    }

    /// Fills description, version and tags from `intent`, comments, doc tags and decorators.
    fn take_comments(&self, finding: &mut Finding, artifact: Artifact<'_>, alone: bool, line: u32) {
        let declaration = artifact.declaration;
        let first = self.lexed.tokens.partition_point(|token| token.span.start < declaration.span.start);
        let tag = |name: &str| comment::doc_tag(&self.text, &self.lexed, first, name);
        if finding.about.description.is_none() {
            let intent = declaration.body.get(&["intent", "purpose"]).and_then(Value::text).map(short_description);
            if intent.is_some() {
                finding.about.metadata.remove("intent");
            }
            let comment = || declaration.doc.clone().or_else(|| declaration.comment.clone());
            let header = || alone.then(|| comment::first(&self.text, &self.lexed)).flatten();
            let said = intent.or_else(|| comment().or_else(header).as_deref().map(short_description));
            finding.about.description = said;
        }
        if finding.version.is_none()
            && let Some(version) = tag("version").or_else(|| decorator_texts(declaration, "since").pop())
        {
            finding.take_version(&version, line);
        }
        if finding.about.tags.is_empty() {
            finding.about.tags.extend(tag("category"));
        }
        if finding.about.authors.is_empty() {
            finding.about.authors.extend(tag("author"));
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

fn short_description(text: &str) -> String {
    cut(&fold(text), DESCRIPTION_MAX).to_owned()
}

/// The texts of a value: of a list, a block's items, or one.
fn texts(value: &Value) -> Vec<String> {
    let texts = value.elements().iter().filter_map(Value::text).map(fold);
    texts.filter(|text| !text.is_empty()).collect()
}

fn decorator_texts(declaration: &Declaration, name: &str) -> Vec<String> {
    let decorators = declaration.decorators.iter().filter(|decorator| decorator.name == name);
    decorators.flat_map(|decorator| decorator.arguments.iter().filter_map(Value::text).map(fold)).collect()
}

/// `skills`, the `items` of a skill, and `capabilities` that are graded.
fn skills(kind: Kind, body: &Block) -> Vec<Skill> {
    let mut skills: Vec<Skill> = Vec::new();
    let lists = body.get(&["skills"]).into_iter().chain(body.get(&["items"]).filter(|_| kind == Kind::Skill));
    for value in lists {
        skills.extend(texts(value).into_iter().map(|name| Skill { name, level: None }));
        skills.extend(graded(value));
    }
    skills.extend(body.get(&["capabilities"]).map(graded).unwrap_or_default());
    skills
}

/// `"SQL" = "expert"`
fn graded(value: &Value) -> Vec<Skill> {
    let ValueKind::Block(block) = &value.kind else { return Vec::new() };
    let level = |value: &Value| value.text().and_then(|text| text.parse::<Level>().ok());
    let skill = |name: &str, level| Skill { name: fold(name), level: Some(level) };
    block.properties.iter().filter_map(|entry| level(&entry.value).map(|level| skill(&entry.key, level))).collect()
}

fn allowed_tools(body: &Block) -> Vec<String> {
    const KEYS: [&str; 2] = ["allowed_tools", "tools"];
    let constraints = match body.get(&["constraints"]).map(|value| &value.kind) {
        Some(ValueKind::Block(block)) => block.get(&KEYS[..1]),
        _ => None,
    };
    body.get(&KEYS).or(constraints).map(texts).unwrap_or_default()
}

fn free_metadata(declaration: &Declaration, metadata: &Block) -> Map<String, Json> {
    let mut free = Map::new();
    let graded_only = |value: &Value| match &value.kind {
        ValueKind::Block(block) => block.items.is_empty() && graded(value).len() == block.properties.len(),
        _ => false,
    };
    for property in declaration.body.properties.iter().chain(&metadata.properties) {
        let taken = TAKEN.iter().any(|key| same_key(key, &property.key))
            || (property.key == "capabilities" && graded_only(&property.value));
        if !taken && property.value.kind != ValueKind::Missing {
            let json = without_long_texts(property.value.to_json());
            if let Some(json) = json {
                free.entry(property.key.clone()).or_insert(json);
            }
        }
    }
    let lists = [
        ("modifiers", &declaration.modifiers),
        ("typeParameters", &declaration.type_parameters),
        ("methods", &declaration.body.methods),
        ("hooks", &declaration.body.hooks),
    ];
    for (key, list) in lists {
        if !list.is_empty() {
            free.entry(key).or_insert_with(|| list.clone().into());
        }
    }
    if let Some(deprecated) = declaration.decorators.iter().find(|decorator| decorator.name == "deprecated") {
        let reason = deprecated.arguments.first().and_then(Value::text).unwrap_or_default();
        free.entry("deprecated").or_insert_with(|| reason.into());
    }
    free
}

/// The value without strings that are content rather than metadata.
fn without_long_texts(json: Json) -> Option<Json> {
    match json {
        Json::String(text) if text.len() > METADATA_TEXT_MAX => None,
        Json::Array(list) => Some(list.into_iter().filter_map(without_long_texts).collect()),
        Json::Object(object) => {
            Some(object.into_iter().filter_map(|(key, value)| Some((key, without_long_texts(value)?))).collect())
        }
        other => Some(other),
    }
}

/// Splits an identifier into words: `DevOpsSREEngineer` → `Dev Ops SRE Engineer`, `CODE_REVIEW` → `CODE REVIEW`.
pub fn split_identifier(identifier: &str) -> String {
    let characters: Vec<char> = identifier.chars().collect();
    let mut words = String::new();
    for (at, character) in characters.iter().enumerate() {
        let before = at.checked_sub(1).and_then(|before| characters.get(before));
        let after = characters.get(at + 1);
        let starts_word = character.is_uppercase()
            && before.is_some_and(|before| {
                before.is_lowercase()
                    || before.is_ascii_digit()
                    || (before.is_uppercase() && after.is_some_and(|after| after.is_lowercase()))
            });
        if starts_word {
            words.push(' ');
        }
        words.push(if *character == '_' { ' ' } else { *character });
    }
    words
}
