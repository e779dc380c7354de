//! The vectors of `spec/vectors/`: what the specification says in numbers, read back with this implementation.

// clippy knows test functions, not their helpers.
#![allow(clippy::panic)]

use std::collections::BTreeMap;

use bytes::Bytes;
use pcl_registry::domain::media_type::{ArtifactTypes, known_kind};
use pcl_registry::domain::{
    About, CONFIG_SCHEMA, Config, Digest, File, Kind, Name, Primary, REPOSITORY_MAX, Range, Repository, Tag, Tree,
    TreePath, VERSION_MAX, Version, slug_or_hash,
};
use pcl_registry::pack::{Limits, pack, read_archive, write_archive, write_tar};
use serde::Deserialize;
use serde::de::DeserializeOwned;

pub fn vectors<T: DeserializeOwned>(name: &str) -> T {
    let path = format!("{}/spec/vectors/{name}", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}"))
}

#[derive(Deserialize)]
struct Ranges {
    versions: Vec<Version>,
    ranges: BTreeMap<String, Option<String>>,
}

#[test]
fn ranges_mean_what_npm_says() {
    let Ranges { versions, ranges } = vectors("ranges.json");
    assert!(ranges.len() >= 300 && versions.len() == 25, "{} ranges, {} versions", ranges.len(), versions.len());
    let mut wrong = Vec::new();
    for (text, expected) in &ranges {
        let digit = |range: &Range, version| if range.contains(version) { '1' } else { '0' };
        let found =
            text.parse::<Range>().ok().map(|range| versions.iter().map(|version| digit(&range, version)).collect());
        if found != *expected {
            wrong.push(format!("{text:?}: npm says {expected:?}, this says {found:?}"));
        }
    }
    assert!(wrong.is_empty(), "{} of {} differ:\n{}", wrong.len(), ranges.len(), wrong.join("\n"));
}

#[derive(Deserialize)]
struct Grammar {
    valid: Vec<String>,
    invalid: Vec<String>,
}

#[derive(Deserialize)]
struct Names {
    repositories: Grammar,
    packages: Grammar,
    tags: Grammar,
    longest: BTreeMap<String, usize>,
}

fn check_grammar<T: std::str::FromStr + ToString>(grammar: &Grammar) {
    let parsed = |text: &String| text.parse::<T>().ok().map(|value| value.to_string());
    for text in &grammar.valid {
        assert_eq!(parsed(text).as_ref(), Some(text));
    }
    for text in &grammar.invalid {
        assert_eq!(parsed(text), None, "{text:?}");
    }
}

#[test]
fn names_keep_to_their_grammar() {
    let names: Names = vectors("names.json");
    check_grammar::<Repository>(&names.repositories);
    check_grammar::<Name>(&names.packages);
    check_grammar::<Tag>(&names.tags);
    assert_eq!(names.longest["repository"], REPOSITORY_MAX);
    assert!("a".repeat(REPOSITORY_MAX).parse::<Repository>().is_ok());
    assert!("a".repeat(REPOSITORY_MAX + 1).parse::<Repository>().is_err());
    assert!("a".repeat(names.longest["tag"]).parse::<Tag>().is_ok());
    assert!("a".repeat(names.longest["tag"] + 1).parse::<Tag>().is_err());
}

#[derive(Deserialize)]
struct Slug {
    title: String,
    kind: Kind,
    slug: String,
}

#[test]
fn titles_become_slugs() {
    for Slug { title, kind, slug } in vectors::<Vec<Slug>>("slugs.json") {
        assert_eq!(slug_or_hash(&title, kind), slug, "{title:?}");
        assert!(format!("acme/{slug}").parse::<Name>().is_ok(), "{slug:?}");
    }
}

#[derive(Deserialize)]
struct ValidVersion {
    text: String,
    tag: String,
    number: String,
    prerelease: bool,
}

#[derive(Deserialize)]
struct Versions {
    valid: Vec<ValidVersion>,
    invalid: Vec<String>,
    longest: usize,
    tags_that_are_no_version: Vec<Tag>,
    completed: BTreeMap<String, String>,
    not_completed: Vec<String>,
    ascending: Vec<Version>,
    same_number: Vec<(Version, Version)>,
}

#[test]
fn versions_are_semantic_versions() {
    let versions: Versions = vectors("versions.json");
    for ValidVersion { text, tag, number, prerelease } in &versions.valid {
        let version: Version = text.parse().unwrap();
        assert_eq!((&version.to_string(), &version.tag(), &version.number()), (text, tag, number));
        assert_eq!(version.is_prerelease(), *prerelease, "{text}");
        let of_tag = Version::from_tag(&tag.parse().unwrap());
        assert_eq!(of_tag.map(|version| version.to_string()).as_ref(), Some(text));
    }
    for text in &versions.invalid {
        assert!(text.parse::<Version>().is_err(), "{text:?}");
    }
    assert_eq!(versions.longest, VERSION_MAX);
    for tag in &versions.tags_that_are_no_version {
        assert!(Version::from_tag(tag).is_none(), "{tag}");
    }
    for (text, expected) in &versions.completed {
        let (version, completed) = Version::lenient(text).unwrap();
        assert_eq!((&version.to_string(), completed), (expected, true), "{text:?}");
    }
    for text in &versions.not_completed {
        assert!(Version::lenient(text).is_err(), "{text:?}");
    }
    for (low, left) in versions.ascending.iter().enumerate() {
        for (high, right) in versions.ascending.iter().enumerate() {
            assert_eq!(left.cmp(right), low.cmp(&high), "{left} and {right}");
            assert_eq!(left.sort_key().cmp(&right.sort_key()), low.cmp(&high), "{left} and {right}");
        }
    }
    for (left, right) in &versions.same_number {
        assert_eq!((left, left.number()), (right, right.number()));
    }
}

#[derive(Deserialize)]
struct TreeFile {
    path: TreePath,
    executable: bool,
    hex: String,
}

#[derive(Deserialize)]
struct TreeVector {
    about: String,
    root: String,
    files: Vec<TreeFile>,
    tree: Digest,
    tar: Digest,
}

#[derive(Deserialize)]
struct Trees {
    trees: Vec<TreeVector>,
    refused_paths: Vec<String>,
}

#[test]
fn trees_have_one_digest_and_one_tar() {
    let Trees { trees, refused_paths } = vectors("trees.json");
    for TreeVector { about, root, files, tree: digest, tar } in trees {
        let file = |TreeFile { path, executable, hex }: TreeFile| File {
            path,
            executable,
            content: Bytes::from(hex::decode(hex).unwrap()),
        };
        let tree = Tree::new(files.into_iter().map(file).collect()).unwrap();
        assert_eq!(tree.digest(), digest, "{about}");
        assert_eq!(Digest::sha256(&write_tar(&tree, &root)), tar, "{about}");
        let archive = write_archive(&tree, &root);
        assert_eq!(read_archive(archive.as_ref(), &Limits::default()).unwrap(), tree, "{about}");
    }
    for path in refused_paths {
        assert!(path.parse::<TreePath>().is_err(), "{path:?}");
    }
}

#[derive(Deserialize)]
struct Written {
    kind: Kind,
    primary: String,
    artifact: String,
    config: String,
    layer: String,
}

#[derive(Deserialize)]
struct MediaTypes {
    written: Vec<Written>,
    known: BTreeMap<String, Kind>,
    unknown: Vec<String>,
}

#[test]
fn media_types_say_what_kind_an_artifact_is() {
    let types: MediaTypes = vectors("media_types.json");
    let mut kinds = Vec::new();
    for Written { kind, primary, artifact, config, layer } in types.written {
        let path = primary.parse().unwrap();
        let tree = Tree::new(vec![File { path, executable: false, content: Bytes::from_static(b"text") }]).unwrap();
        let about = Config {
            schema: CONFIG_SCHEMA,
            name: "hello".to_owned(),
            version: "1.0.0".parse().unwrap(),
            kind,
            about: About::default(),
            primary: Primary { file: primary, declaration: None },
            source: None,
            tree: tree.digest(),
        };
        let packed = pack(&tree, &about).unwrap();
        assert_eq!(packed.artifact_type, artifact);
        assert_eq!((packed.config.media_type, packed.layer.media_type), (config.clone(), layer.clone()));
        assert_eq!((known_kind(&artifact), known_kind(&config), known_kind(&layer)), (Some(kind), Some(kind), None));
        let skill_folder = artifact.contains("agentskills");
        assert_eq!(ArtifactTypes::new(kind, skill_folder), ArtifactTypes { artifact, config, content: layer });
        kinds.push(kind);
    }
    assert!(Kind::ALL.iter().all(|kind| kinds.contains(kind)), "each kind is written");
    for (media_type, kind) in types.known {
        assert_eq!(known_kind(&media_type), Some(kind), "{media_type}");
    }
    for media_type in types.unknown {
        assert_eq!(known_kind(&media_type), None, "{media_type}");
    }
}
