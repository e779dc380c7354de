//! The older packs in JSON: `version`, `metadata`, `artifacts` and `dependencies` in one file; gzip too.
//!
//! Their artifacts are entries as the older registry has them, or flat ones with `sourceCode`, and are read by the same reader. What the
//! pack says of all of them, and who needs what, fills gaps. What it needs without saying for whom is named as left out.

use std::collections::HashMap;

use serde_json::{Map, Value, json};

use crate::domain::Kind;

use super::finding::{Discovery, LeftOut};
use super::older_registry;

/// What is said of a flat artifact beside its source.
const FLAT: [&str; 9] =
    ["name", "slug", "version", "description", "author", "license", "tags", "skills", "dependencies"];
/// What a pack may say for all of its artifacts.
const SHARED: [&str; 2] = ["author", "license"];
/// Names for the one who needs, and for what is needed, in a list of dependencies.
const FROM: [&str; 4] = ["artifact", "artifactId", "from", "source"];
const TO: [&str; 5] = ["dependsOn", "dependency", "to", "target", "name"];
const RANGE: [&str; 2] = ["range", "version"];

/// Whether the value is a pack: its artifacts are a list, or it says what they need, and one of them has a source.
pub(super) fn is_pack(value: &Value) -> bool {
    let has = |key: &str| value.get(key).is_some();
    let is_list = value.get("artifacts").is_some_and(Value::is_array);
    let says_more = ["version", "metadata", "dependencies"].into_iter().any(has);
    let is_entry = |(_, entry): &(String, &Map<String, Value>)| source(entry).is_some();
    (is_list && says_more || has("dependencies")) && !has("versions") && artifacts(value).iter().any(is_entry)
}

/// Adds each artifact, as [`older_registry::discover`] adds entries.
pub(super) fn discover(path: &str, value: &Value, folder: Option<Kind>, into: &mut Discovery) {
    let artifacts = artifacts(value);
    let mut leave_out = |item: &str, why: String| {
        into.left_out.push(LeftOut { path: path.to_owned(), item: Some(item.to_owned()), why });
    };
    let mut needs = Needs::of(&artifacts);
    needs.take(value.get("dependencies").unwrap_or(&Value::Null));
    for (name, range) in &needs.of_nobody {
        let range = if range.is_empty() { String::new() } else { format!(" {range}") };
        leave_out(
            "dependencies",
            format!("the pack needs {name}{range}, and does not say which of its artifacts does"),
        );
    }
    let mut entries = Vec::new();
    for (place, (id, artifact)) in artifacts.into_iter().enumerate() {
        let Some(source) = source(artifact) else {
            leave_out(&id, "it has no source".to_owned());
            continue;
        };
        let mut entry = artifact.clone();
        entry.insert("id".to_owned(), id.into());
        entry.insert("source".to_owned(), source.into());
        if let Some(kind) = artifact.get("kind").filter(|_| !artifact.contains_key("type")) {
            entry.insert("type".to_owned(), kind.clone());
        }
        let mut metadata = match artifact.get("metadata") {
            Some(Value::Object(metadata)) => metadata.clone(),
            _ => artifact.clone().into_iter().filter(|(key, _)| FLAT.contains(&key.as_str())).collect(),
        };
        for key in SHARED {
            let shared = value.get("metadata").and_then(|metadata| metadata.get(key));
            metadata
                .extend(shared.filter(|_| is_silent(&metadata, key)).map(|shared| (key.to_owned(), shared.clone())));
        }
        if is_silent(&metadata, "dependencies") && !needs.of[place].is_empty() {
            metadata.insert("dependencies".to_owned(), Value::Object(std::mem::take(&mut needs.of[place])));
        }
        entry.insert("metadata".to_owned(), metadata.into());
        entries.push(Value::Object(entry));
    }
    older_registry::discover(path, &Value::Array(entries), folder, into);
}

/// The artifacts, each with its id: its own, else its key, else its place from 0.
fn artifacts(value: &Value) -> Vec<(String, &Map<String, Value>)> {
    let keyed: Vec<(String, &Value)> = match value.get("artifacts") {
        Some(Value::Array(list)) => list.iter().enumerate().map(|(place, entry)| (place.to_string(), entry)).collect(),
        Some(Value::Object(map)) => map.iter().map(|(key, entry)| (key.clone(), entry)).collect(),
        _ => Vec::new(),
    };
    let with_id =
        |(key, entry): (String, &'_ Value)| entry.get("id").and_then(Value::as_str).map_or(key, str::to_owned);
    keyed.into_iter().filter_map(|(key, entry)| Some((with_id((key, entry)), entry.as_object()?))).collect()
}

fn source(artifact: &Map<String, Value>) -> Option<&str> {
    ["source", "sourceCode"].iter().find_map(|key| artifact.get(*key)?.as_str())
}

fn is_silent(metadata: &Map<String, Value>, key: &str) -> bool {
    match metadata.get(key) {
        None | Some(Value::Null) => true,
        Some(Value::String(text)) => text.is_empty(),
        Some(Value::Array(list)) => list.is_empty(),
        _ => false,
    }
}

/// What each artifact of a pack needs, by name, with its range.
struct Needs {
    of: Vec<Map<String, Value>>,
    of_nobody: Vec<(String, String)>,
    /// Artifacts by what they are called: id, name, slug.
    places: HashMap<String, usize>,
    names: Vec<String>,
}

impl Needs {
    fn of(artifacts: &[(String, &Map<String, Value>)]) -> Self {
        let (mut places, mut names) = (HashMap::new(), Vec::new());
        for (place, (id, artifact)) in artifacts.iter().enumerate() {
            let said = |key: &str| {
                artifact.get("metadata").and_then(|metadata| metadata.get(key)).or_else(|| artifact.get(key))?.as_str()
            };
            for called in [Some(id.as_str()), said("name"), said("slug")].into_iter().flatten() {
                places.entry(called.to_owned()).or_insert(place);
            }
            names.push(said("name").unwrap_or(id).to_owned());
        }
        Self { of: vec![Map::new(); artifacts.len()], of_nobody: Vec::new(), places, names }
    }

    /// Reads `{"<artifact>": needs}`, `{"<name>": "<range>"}`, or a list of pairs and names.
    fn take(&mut self, dependencies: &Value) {
        match dependencies {
            Value::Object(map) => {
                for (key, value) in map {
                    match (self.places.get(key).copied(), value) {
                        (Some(place), Value::Array(list)) => {
                            list.iter().for_each(|element| self.take_element(Some(place), element));
                        }
                        (Some(place), Value::Object(map)) => {
                            map.iter().for_each(|(name, range)| self.add(Some(place), name, range.as_str()));
                        }
                        _ => self.add(None, key, value.as_str()),
                    }
                }
            }
            Value::Array(list) => list.iter().for_each(|element| self.take_element(None, element)),
            _ => {}
        }
    }

    fn take_element(&mut self, place: Option<usize>, element: &Value) {
        let said = |keys: &[&str]| keys.iter().find_map(|key| element.get(*key)?.as_str());
        let place = place.or_else(|| self.places.get(said(&FROM)?).copied());
        if let Some(name) = element.as_str().or_else(|| said(&TO)) {
            self.add(place, name, said(&RANGE));
        }
    }

    fn add(&mut self, place: Option<usize>, name: &str, range: Option<&str>) {
        // An id means nothing outside the pack.
        let name = self.places.get(name).map_or(name, |place| self.names[*place].as_str()).to_owned();
        let range = range.unwrap_or_default();
        match place {
            Some(place) => drop(self.of[place].insert(name, json!(range))),
            None => self.of_nobody.push((name, range.to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::discover as discover_files;
    use super::*;
    use crate::domain::File;

    fn read(value: &Value) -> Discovery {
        let content = value.to_string().into_bytes().into();
        discover_files(&[File { path: "old.json".parse().unwrap(), executable: false, content }])
    }

    fn pack(dependencies: Value) -> Value {
        json!({"version": "1.0.0", "metadata": {"name": "Office", "author": "Bo", "license": "MIT"}, "artifacts": [
            {"id": "u-1", "type": "persona", "source": "persona Ann { intent: \"a\" }",
                "metadata": {"name": "Ann", "version": "1.2.0", "tags": ["house"], "author": "Ann"}},
            {"kind": "team", "name": "Crew", "version": "2.0.0", "sourceCode": "team Crew { quorum: 2 }", "tags": ["t"]},
        ], "dependencies": dependencies})
    }

    #[test]
    fn artifacts_of_both_shapes_are_found() {
        let found = read(&pack(json!({}))).found;
        let told: Vec<_> = found.iter().map(|found| &found.finding).collect();
        let version = |at: usize| told[at].version.as_ref().unwrap().to_string();
        assert_eq!((told[0].title.as_str(), version(0), told[0].kind), ("Ann", "1.2.0".to_owned(), Kind::Persona));
        assert_eq!((told[1].title.as_str(), version(1), told[1].kind), ("Crew", "2.0.0".to_owned(), Kind::Team));
        assert_eq!(
            (&told[0].about.authors[..], &told[1].about.authors[..]),
            (&["Ann".to_owned()][..], &["Bo".to_owned()][..])
        );
        assert_eq!((told[1].about.license.as_deref(), &told[1].about.tags[..]), (Some("MIT"), &["t".to_owned()][..]));
        let items: Vec<_> = told.iter().map(|finding| finding.source.item.as_deref()).collect();
        assert_eq!(items, [Some("u-1"), Some("1")]);
    }

    #[test]
    fn who_needs_what_is_kept_however_it_is_written() {
        for dependencies in [
            json!({"Crew": {"u-1": "^1.0.0"}}),
            json!({"Crew": [{"name": "Ann", "range": "^1.0.0"}]}),
            json!([{"from": "1", "to": "u-1", "version": "^1.0.0"}]),
        ] {
            let discovery = read(&pack(dependencies.clone()));
            let needs: Vec<_> = discovery.found[1].finding.about.dependencies.clone();
            assert_eq!(needs.len(), 1, "{dependencies}");
            assert_eq!((needs[0].name.as_str(), needs[0].range.as_deref()), ("Ann", Some("^1.0.0")), "{dependencies}");
            assert!(discovery.found[0].finding.about.dependencies.is_empty() && discovery.left_out.is_empty());
        }
    }

    #[test]
    fn what_is_needed_by_nobody_in_particular_is_left_out_by_name() {
        for (dependencies, expected) in [
            (json!({"@pcl/core": "^2"}), "the pack needs @pcl/core ^2, and does not say which of its artifacts does"),
            (json!(["@pcl/core"]), "the pack needs @pcl/core, and does not say which of its artifacts does"),
        ] {
            let left_out = read(&pack(dependencies)).left_out;
            assert_eq!(left_out.len(), 1);
            assert_eq!((left_out[0].why.as_str(), left_out[0].item.as_deref()), (expected, Some("dependencies")));
        }
    }

    #[test]
    fn what_has_no_source_is_left_out_and_what_is_no_pack_is_not_read_as_one() {
        let mut broken = pack(json!({}));
        broken["artifacts"][0]["source"] = Value::Null;
        let discovery = read(&broken);
        assert_eq!((discovery.found.len(), discovery.left_out[0].why.as_str()), (1, "it has no source"));
        for other in [
            json!({"artifacts": [{"name": "x"}], "version": "1"}),
            json!({"artifacts": [{"source": "x"}]}),
            json!({"artifacts": {"a": {"source": "x"}}, "versions": {}, "dependencies": {}}),
            json!([{"source": "x", "id": "1"}]),
            json!("artifacts"),
        ] {
            assert!(!is_pack(&other), "{other}");
        }
    }
}
