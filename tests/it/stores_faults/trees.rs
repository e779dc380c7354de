//! Rows about the static tree: a version is published without a server and shown, and what was shown is hidden.
//!
//! Once the faults are over and it was asked for again, the tree is the very one that is rendered from nothing.

use std::collections::BTreeMap;

use pcl_registry::domain::{About, Actor, CONFIG_SCHEMA, Config, File, Kind, Primary, Tree as Files, Visibility};
use pcl_registry::registry::RegistryError;

use super::bucket::Held;
use super::table::{Place, UseCase, every_cell};
use crate::inside::Package;
use crate::statics::tree::tree_in;

const OPERATOR: Actor = Actor::Operator;

/// The tree, but for what depends on what was rendered when: the events as of which its documents are, and what tells that something is
/// gone.
async fn shown(at: &Place) -> BTreeMap<String, String> {
    let tree = tree_in(&at.bucket.objects()).await.into_iter();
    tree.map(|(path, bytes)| (path, without_event(&bytes))).filter_map(without_gone).collect()
}

fn without_gone((path, text): (String, String)) -> Option<(String, String)> {
    let is_there = |line: &&str| !line.contains("\"gone\":");
    let text = match path.split('/').next() {
        Some("catalogue") => text.lines().filter(is_there).collect::<Vec<_>>().join("\n"),
        Some("registry.json") => text.split(",\"shards\":").next()?.to_owned(),
        Some(".well-known") => text.split(",\"gone\":").next()?.trim_end_matches('}').to_owned(),
        _ => return Some((path, text)),
    };
    (!text.is_empty()).then_some((path, text))
}

fn without_event(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let mut parts = text.split("\"as_of\":");
    let mut rest = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        rest.push_str(part.trim_start_matches(|c: char| c.is_ascii_digit() || c == ' '));
    }
    rest
}

/// What is rendered from nothing of the same events.
async fn from_nothing(at: &Place) -> BTreeMap<String, String> {
    let copy = Place::over(at.bucket.copy()).await;
    copy.open.registry.render_whole().await.unwrap();
    shown(&copy).await
}

/// Whether it is so; says where it is not.
fn is_same(tree: &BTreeMap<String, String>, other: &BTreeMap<String, String>) -> bool {
    for path in tree.keys().chain(other.keys()) {
        if tree.get(path) != other.get(path) {
            eprintln!("{path} is\n{:?}, and from nothing\n{:?}", tree.get(path), other.get(path));
        }
    }
    tree == other
}

fn names(tree: &BTreeMap<String, String>, org: &str) -> Vec<String> {
    let is_of = |path: &&String| path.split('/').any(|part| part == org);
    tree.keys().filter(is_of).cloned().collect()
}

/// What `pclr push --store` does once the store is open; `start.rs` fails at its opening.
struct PublishAlone;

impl UseCase for PublishAlone {
    type Begun = Package;

    async fn prepare(&self, at: &Place) -> Package {
        at.package("1.0.0", "published without a server")
    }

    async fn run(&self, at: &Place, package: &Package) -> Result<(), RegistryError> {
        let text = format!("# hello\n\npublished without a server, in cell {}\n", at.number);
        let file = File { path: "SKILL.md".parse().unwrap(), executable: false, content: text.into() };
        let files = Files::new(vec![file]).unwrap();
        let about = format!("About published without a server, in cell {}", at.number);
        let config = Config {
            schema: CONFIG_SCHEMA,
            name: "hello".to_owned(),
            version: "1.0.0".parse().unwrap(),
            kind: Kind::Skill,
            about: About { description: Some(about), ..About::default() },
            primary: Primary { file: "SKILL.md".into(), declaration: None },
            source: None,
            tree: files.digest(),
        };
        let published = at.open.registry.publish_tree(&OPERATOR, &package.name(), &files, config).await?;
        assert_eq!(published.digest, package.digest());
        at.open.registry.render_rest().await.map(|whole| assert!(whole))
    }

    async fn happened(&self, at: &Place, package: &Package) -> bool {
        let (is_there, tree) = (at.open.has(package).await, shown(at).await);
        let names = names(&tree, &at.org());
        assert!(is_there || names.is_empty(), "shown, and not published: {names:?}");
        is_there && is_same(&tree, &from_nothing(at).await)
    }

    async fn look_after(&self, at: &Place) -> bool {
        at.open.registry.render_whole().await.unwrap();
        true
    }
}

/// A package that everybody found becomes private.
struct Hide;

impl UseCase for Hide {
    type Begun = Package;

    async fn prepare(&self, at: &Place) -> Package {
        let package = at.package("1.0.0", "to be hidden");
        at.open.push(&package).await.unwrap();
        assert!(at.open.registry.render_rest().await.unwrap());
        assert!(!names(&shown(at).await, &at.org()).is_empty());
        package
    }

    async fn run(&self, at: &Place, package: &Package) -> Result<(), RegistryError> {
        at.open.registry.set_visibility(&OPERATOR, &package.name(), Visibility::Private).await?;
        at.open.registry.render_rest().await.map(|whole| assert!(whole))
    }

    async fn happened(&self, at: &Place, package: &Package) -> bool {
        let tree = shown(at).await;
        // Its words, and what it is made of.
        let secrets = [format!("to be hidden, in cell {}", at.number), package.digest().to_string()];
        let is_told = |text: &String| secrets.iter().any(|secret| text.contains(secret));
        let told: Vec<_> = tree.iter().filter(|(path, text)| is_told(path) || is_told(text)).collect();
        if !told.is_empty() {
            eprintln!("it is told by {:?}", told.iter().map(|(path, _)| path).collect::<Vec<_>>());
        }
        told.is_empty() && is_same(&tree, &from_nothing(at).await)
    }

    async fn look_after(&self, at: &Place) -> bool {
        at.open.registry.render_whole().await.unwrap();
        true
    }
}

#[tokio::test]
async fn publish_without_a_server() {
    let cells = every_cell(Held::Store, PublishAlone).await;
    assert!(cells > 100, "{cells}");
}

#[tokio::test]
async fn hide_what_is_shown() {
    let cells = every_cell(Held::Store, Hide).await;
    assert!(cells > 60, "{cells}");
}

#[tokio::test]
async fn hide_what_is_shown_with_sqlite() {
    let cells = every_cell(Held::Sqlite, Hide).await;
    assert!(cells > 60, "{cells}");
}
