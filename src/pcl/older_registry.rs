//! Files of the older TypeScript registry: `registry.json`, its export, `list --format json`, single entries; gzip too.
//!
//! Its metadata is often wrong (each file became a persona named after the file, 1.0.0, without tags), so where the source
//! declares something, what the source says counts, and the metadata only fills gaps.

use std::io::Read;

use bytes::Bytes;
use serde_json::{Map, Value};

use crate::domain::{File, Kind, Source, Tree, Version, slug_or_hash};

use super::finding::{Discovery, Finding, Found, LeftOut, cut};
use super::language::PclFile;
use super::{front_matter, markdown};

/// Most bytes that a gzip file may unpack to.
const UNPACKED_MAX: u64 = 256 << 20;
/// Metadata of the older registry with no meaning outside it, or with a place of its own.
const OWN: [&str; 3] = ["slug", "contentHash", "custom"];

/// Unpacks a gzip file. Errors if it is broken or unpacks to more than 256 MiB.
pub(super) fn gunzip(bytes: &[u8]) -> Result<Vec<u8>, String> {
    let mut unpacked = Vec::new();
    let mut reader = flate2::read::MultiGzDecoder::new(bytes).take(UNPACKED_MAX + 1);
    reader.read_to_end(&mut unpacked).map_err(|error| format!("it cannot be unpacked: {error}"))?;
    if unpacked.len() as u64 > UNPACKED_MAX {
        return Err("it unpacks to more than 256 MiB".to_owned());
    }
    Ok(unpacked)
}

/// Whether the value is a registry, an export, a list, or one entry.
pub(super) fn is_registry(value: &Value) -> bool {
    match value {
        Value::Object(object) => object.get("artifacts").is_some_and(Value::is_object) || is_entry(value),
        Value::Array(entries) => !entries.is_empty() && entries.iter().all(is_entry),
        _ => false,
    }
}

fn is_entry(value: &Value) -> bool {
    value.get("source").is_some_and(Value::is_string)
        && ["metadata", "type", "id"].iter().any(|key| value.get(key).is_some())
}

/// Adds each artifact, each version of it as one found artifact with the same source, oldest first.
pub(super) fn discover(path: &str, value: &Value, folder: Option<Kind>, into: &mut Discovery) {
    let none = Map::new();
    let versions = value.get("versions").and_then(Value::as_object).unwrap_or(&none);
    let numbered = |entries: &[Value]| -> Vec<(String, Value)> {
        entries.iter().enumerate().map(|(index, entry)| (index.to_string(), entry.clone())).collect()
    };
    let entries: Vec<(String, Value)> = match value {
        Value::Array(entries) => numbered(entries),
        _ => match value.get("artifacts") {
            Some(Value::Object(map)) => map.iter().map(|(key, entry)| (key.clone(), entry.clone())).collect(),
            _ => numbered(std::slice::from_ref(value)),
        },
    };
    for (key, entry) in entries {
        let id = entry.get("id").and_then(Value::as_str).unwrap_or(&key).to_owned();
        if entry.get("deleted").and_then(Value::as_bool) == Some(true) {
            let why = "it is marked as deleted".to_owned();
            into.left_out.push(LeftOut { path: path.to_owned(), item: Some(id), why });
            continue;
        }
        let records = versions.get(&id).or_else(|| versions.get(&key)).and_then(Value::as_array);
        let entry = Entry { path, id, folder, value: &entry };
        entry.add(records.map(Vec::as_slice).unwrap_or_default(), into);
    }
}

struct Entry<'e> {
    path: &'e str,
    id: String,
    folder: Option<Kind>,
    value: &'e Value,
}

/// One version of an entry.
struct Release<'e> {
    version: Option<&'e str>,
    source: &'e str,
    changelog: Option<&'e str>,
    note: Option<String>,
}

impl Entry<'_> {
    fn text(&self, key: &str) -> Option<&str> {
        let nested = self.value.get("metadata").and_then(|metadata| metadata.get(key));
        nested.or_else(|| self.value.get(key)).and_then(Value::as_str)
    }

    fn add(&self, records: &[Value], into: &mut Discovery) {
        let current = Release {
            version: self.text("version"),
            source: self.value.get("source").and_then(Value::as_str).unwrap_or_default(),
            changelog: None,
            note: None,
        };
        let mut releases = vec![current];
        for record in records {
            let text = |key: &str| record.get(key).and_then(Value::as_str);
            let Some(source) = text("source") else { continue };
            let (version, changelog) = (text("version"), text("changelog"));
            match releases.iter_mut().find(|release| release.version == version) {
                Some(known) if known.source == source => known.changelog = known.changelog.or(changelog),
                Some(known) => {
                    let version = version.unwrap_or_default();
                    known.note = Some(format!(
                        "the record of version {version:?} holds another source; the artifact's own is taken"
                    ));
                }
                None => releases.push(Release { version, source, changelog, note: None }),
            }
        }
        let number = |release: &Release<'_>| {
            release.version.and_then(|text| Version::lenient(text).ok()).map(|(version, _)| version)
        };
        releases.sort_by_key(number);
        let alone = releases.len() == 1;
        for release in &releases {
            match self.found(release, alone) {
                Ok(found) => into.found.push(found),
                Err(why) => {
                    into.left_out.push(LeftOut { path: self.path.to_owned(), item: Some(self.id.clone()), why });
                }
            }
        }
    }

    fn found(&self, release: &Release<'_>, alone: bool) -> Result<Found, String> {
        let said = self.text("type").and_then(|kind| kind.parse::<Kind>().ok()).or(self.folder);
        let name = self.text("name").unwrap_or(&self.id);
        let stem = slug_or_hash(name, said.unwrap_or(Kind::Persona));
        let (file, mut finding, real) = read_source(&stem, release.source, said);
        if let Some(said) = said.filter(|said| *said != finding.kind) {
            finding.note(0, format!("the older registry calls it a {said}, its source declares a {}", finding.kind));
        }
        if let Some(note) = &release.note {
            finding.note(0, note.clone());
        }
        if !real {
            finding.title.clear();
            finding.slug_hint = None;
            finding.set_title(name);
        }
        self.take_metadata(&mut finding, release, alone);
        finding.about.changelog = release.changelog.map(str::to_owned);
        finding.source = Source { path: self.path.to_owned(), item: Some(self.id.clone()) };
        let content = Bytes::from(release.source.to_owned());
        let path = file.parse().map_err(|error: crate::domain::TreePathError| error.to_string())?;
        let tree = Tree::new(vec![File { path, executable: false, content }]).map_err(|error| error.to_string())?;
        Ok(Found { finding: finding.finish(&stem), tree })
    }

    /// Fills gaps from the metadata. A version that the source gives counts where it is the only one.
    fn take_metadata(&self, finding: &mut Finding, release: &Release<'_>, alone: bool) {
        let derived = finding.version.take();
        match (derived, release.version) {
            (Some(derived), said) if alone => {
                if said.is_some_and(|said| said != derived.to_string()) {
                    let said = cut(said.unwrap_or_default(), 40);
                    finding.note(
                        0,
                        format!("the older registry says version {said:?}, its source {derived}; the source counts"),
                    );
                }
                finding.version = Some(derived);
            }
            (_, Some(said)) => finding.take_version(said, 0),
            (derived, None) => finding.version = derived,
        }
        let mut fields = self.value.get("metadata").and_then(Value::as_object).cloned().unwrap_or_else(|| {
            let mut flat = self.value.as_object().cloned().unwrap_or_default();
            flat.retain(|key, _| {
                matches!(key.as_str(), "name" | "description" | "author" | "tags" | "license" | "skills")
            });
            flat
        });
        if let Some(Value::Object(custom)) = fields.get("custom").cloned() {
            fields.extend(custom.into_iter().filter(|(key, _)| key != "name"));
        }
        fields.retain(|key, value| !OWN.contains(&key.as_str()) && *value != Value::String(String::new()));
        markdown::take_fields(finding, &fields, None);
        let mut kept = Map::new();
        kept.insert("id".to_owned(), self.id.as_str().into());
        for key in ["createdAt", "updatedAt"] {
            kept.extend(self.value.get(key).map(|time| (key.to_owned(), time.clone())));
        }
        finding.about.metadata.insert("olderRegistry".to_owned(), kept.into());
    }
}

/// The file name for a source, what it is about, and whether it says more than a placeholder would.
fn read_source(stem: &str, source: &str, said: Option<Kind>) -> (String, Finding, bool) {
    let pcl = PclFile::read(&format!("{stem}.pcl"), source.as_bytes());
    if !pcl.outline().declarations.is_empty() {
        return (format!("{stem}.pcl"), pcl.choose(None, said), pcl.says_something());
    }
    let markdown = front_matter::split(source).is_some() || source.trim_start().starts_with("# ");
    if !markdown {
        return (format!("{stem}.pcl"), pcl.choose(None, said), false);
    }
    let file = if said == Some(Kind::Skill) { "SKILL.md".to_owned() } else { format!("{stem}.md") };
    let finding = markdown::read(&file, source.as_bytes(), said);
    (file, finding, true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(value: &Value) -> Discovery {
        let mut discovery = Discovery::default();
        assert!(is_registry(value));
        discover("registry.json", value, None, &mut discovery);
        discovery
    }

    fn entry(source: &str) -> Value {
        json!({"id": "u-1", "type": "persona", "source": source, "createdAt": "2026-01-18T00:03:34.292Z",
            "metadata": {"name": "My File", "version": "1.0.0", "tags": [], "author": "Ann", "custom": {"tone": "warm"}}})
    }

    #[test]
    fn what_the_source_declares_counts() {
        let source = "workflow CodeReview { name: \"Code review\" version: \"2.1.0\" tags: [\"qa\"] steps: A -> B }";
        let found = read(&json!({"artifacts": {"u-1": entry(source)}, "versions": {}})).found.remove(0);
        let finding = found.finding;
        assert_eq!((finding.kind, finding.title.as_str()), (Kind::Workflow, "Code review"));
        assert_eq!(finding.version.map(|version| version.to_string()).as_deref(), Some("2.1.0"));
        assert_eq!((finding.about.tags, finding.about.authors), (vec!["qa".to_owned()], vec!["Ann".to_owned()]));
        assert_eq!(finding.about.diagnostics.len(), 2);
        assert_eq!(finding.about.metadata["tone"], "warm");
        assert_eq!(found.tree.files()[0].content, source.as_bytes());
    }

    #[test]
    fn a_placeholder_leaves_the_metadata_standing() {
        let found = read(&json!([entry("persona PythonExpert {...}")])).found.remove(0);
        assert_eq!((found.finding.title.as_str(), found.finding.identifier.as_str()), ("My File", "PythonExpert"));
        assert_eq!(found.tree.files()[0].path.as_str(), "my-file.pcl");
    }

    #[test]
    fn versions_share_their_source_and_deleted_ones_are_left_out() {
        let mut gone = entry("persona B { intent: \"x\" }");
        gone["deleted"] = true.into();
        let mut kept = entry("persona A { intent: \"new\" }");
        kept["metadata"]["version"] = "1.10.0".into();
        let record = |version: &str, source: &str| json!({"version": version, "source": source, "changelog": "why"});
        let records =
            [record("1.9.0", "persona A { intent: \"old\" }"), record("1.10.0", "persona A { intent: \"new\" }")];
        let discovery = read(&json!({"artifacts": {"u-1": kept, "u-2": gone}, "versions": {"u-1": records}}));
        let versions: Vec<_> =
            discovery.found.iter().map(|found| found.finding.version.clone().map(|v| v.to_string())).collect();
        assert_eq!(versions, [Some("1.9.0".to_owned()), Some("1.10.0".to_owned())]);
        assert_eq!(discovery.found[0].finding.source, discovery.found[1].finding.source);
        assert_eq!(discovery.found[1].finding.about.changelog.as_deref(), Some("why"));
        assert_eq!(discovery.left_out.len(), 1);
    }
}
