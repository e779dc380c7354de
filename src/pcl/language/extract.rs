//! From an outline to what the registry keeps of each declaration: which source of a field counts first.

use std::collections::HashSet;

use serde_json::Value as Json;

use crate::pcl::finding::{Finding, fold};
use crate::pcl::paths;

use super::file::{Artifact, PclFile};
use super::outline::{Block, Value, ValueKind};
use super::properties::{
    TAKEN, allowed_tools, decorator_texts, described, free_metadata, short_description, skills, split_identifier, texts,
};
use super::{comment, dependency};

impl PclFile {
    /// What is known of one declaration. `alone`: whether the file declares nothing else, so that front matter and the file's
    /// first comment are about it; `local`: all names that the file declares; `identity`: what tells it apart in the file.
    pub(super) fn finding(
        &self,
        artifact: Artifact<'_>,
        alone: bool,
        local: &HashSet<&str>,
        identity: String,
    ) -> Finding {
        let declaration = artifact.declaration;
        let body = &described(declaration);
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
        about.metadata = free_metadata(declaration, body, metadata);
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
    pub(super) fn take_front_matter(&self, finding: &mut Finding, alone: bool) {
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
