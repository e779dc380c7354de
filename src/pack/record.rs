//! The record of a published version: its config, completed from what its files say.

use serde_json::Value;

use super::artifact::cut;
use super::contents::Contents;
use crate::domain::{About, CONFIG_SCHEMA, Config, Kind, Primary, RECORD_TEXT_MAX, Record, Tree, Version};

/// Makes the record of an artifact that is published as `slug` and `version`.
///
/// `found` is what a reader finds in the files. The config's word counts; the finding fills what the config leaves
/// empty, a foreign config's `description` and `license` what the finding leaves empty.
pub fn record(
    slug: &str,
    version: &Version,
    kind: Kind,
    contents: Contents,
    found: impl FnOnce(&Tree) -> (About, Primary),
) -> Record {
    let Contents { tree, config, foreign, diagnostics } = contents;
    let (mut about, primary) = found(&tree);
    if let Some(foreign) = &foreign {
        fill(&mut about.description, text(foreign, "description"));
        fill(&mut about.license, text(foreign, "license"));
    }
    let mut config = match config {
        Some(config) => Config { about: completed(config.about, about), ..config },
        None => Config {
            schema: CONFIG_SCHEMA,
            name: slug.to_owned(),
            version: version.clone(),
            kind,
            about,
            primary,
            source: None,
            tree: tree.digest(),
        },
    };
    config.about.diagnostics.extend(diagnostics);
    let text = tree.get(&config.primary.file).map(|file| String::from_utf8_lossy(&file.content));
    let text = cut(text.as_deref().unwrap_or_default(), RECORD_TEXT_MAX).to_owned();
    Record { config, files: tree.entries(), text }
}

/// Every field by name, so that a new one is a decision and not forgotten.
fn completed(said: About, found: About) -> About {
    let About {
        title,
        description,
        tags,
        skills,
        dependencies,
        license,
        authors,
        changelog,
        mut capabilities,
        metadata,
        declares,
        diagnostics,
    } = said;
    capabilities.allowed_tools = or(capabilities.allowed_tools, found.capabilities.allowed_tools);
    fill(&mut capabilities.model, found.capabilities.model);
    About {
        title: title.or(found.title),
        description: description.or(found.description),
        tags: or(tags, found.tags),
        skills: or(skills, found.skills),
        dependencies: or(dependencies, found.dependencies),
        license: license.or(found.license),
        authors: or(authors, found.authors),
        changelog: changelog.or(found.changelog),
        capabilities,
        metadata: if metadata.is_empty() { found.metadata } else { metadata },
        declares: or(declares, found.declares),
        diagnostics: or(diagnostics, found.diagnostics),
    }
}

fn or<T>(said: Vec<T>, found: Vec<T>) -> Vec<T> {
    if said.is_empty() { found } else { said }
}

fn fill<T>(said: &mut Option<T>, found: Option<T>) {
    if said.is_none() {
        *said = found;
    }
}

fn text(object: &Value, key: &str) -> Option<String> {
    object.get(key)?.as_str().filter(|text| !text.is_empty()).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Diagnostic, File};

    fn contents(text: &[u8], config: Option<About>) -> Contents {
        let content = bytes::Bytes::copy_from_slice(text);
        let file = File { path: "a.pcl".parse().unwrap(), executable: false, content };
        let tree = Tree::new(vec![file]).unwrap();
        let config = config.map(|about| Config {
            schema: CONFIG_SCHEMA,
            name: "hello".to_owned(),
            version: "1.0.0+said".parse().unwrap(),
            kind: Kind::Team,
            about,
            primary: Primary { file: "a.pcl".to_owned(), declaration: Some("said".to_owned()) },
            source: None,
            tree: tree.digest(),
        });
        let note = Diagnostic { file: String::new(), line: 0, message: "opened".to_owned() };
        Contents { tree, config, foreign: None, diagnostics: vec![note] }
    }

    fn made(contents: Contents) -> Record {
        record("hello", &"1.0.0".parse().unwrap(), Kind::Persona, contents, |tree| {
            let about = About {
                title: Some("found".to_owned()),
                tags: vec!["found".to_owned()],
                license: Some("found".to_owned()),
                ..About::default()
            };
            (about, Primary { file: tree.files()[0].path.to_string(), declaration: None })
        })
    }

    #[test]
    fn the_config_counts_and_the_finding_fills_the_rest() {
        let said = About { title: Some("said".to_owned()), tags: vec!["said".to_owned()], ..About::default() };
        let Record { config, files, text } = made(contents(b"text", Some(said)));
        assert_eq!(config.version.to_string(), "1.0.0+said");
        assert_eq!((config.kind, config.primary.declaration.as_deref()), (Kind::Team, Some("said")));
        assert_eq!((config.about.title.as_deref(), config.about.license.as_deref()), (Some("said"), Some("found")));
        assert_eq!(config.about.tags, ["said"]);
        assert_eq!(config.about.diagnostics.len(), 1);
        assert_eq!((files.len(), files[0].size, text.as_str()), (1, 4, "text"));
    }

    #[test]
    fn without_a_config_the_finding_is_all_there_is() {
        let foreign = serde_json::json!({"description": "theirs", "license": "theirs"});
        let contents = Contents { foreign: Some(foreign), ..contents(b"", None) };
        let config = made(contents).config;
        assert_eq!((config.name.as_str(), config.kind), ("hello", Kind::Persona));
        assert_eq!(
            (config.about.description.as_deref(), config.about.license.as_deref()),
            (Some("theirs"), Some("found"))
        );
    }

    #[test]
    fn text_is_cut_between_characters_and_never_refused() {
        let long = "é".repeat(RECORD_TEXT_MAX / 2 + 1);
        let text = made(contents(format!("x{long}").as_bytes(), None)).text;
        assert_eq!(text.len(), RECORD_TEXT_MAX - 1);
        assert_eq!(made(contents(b"a\xff", None)).text, "a\u{fffd}");
    }
}
