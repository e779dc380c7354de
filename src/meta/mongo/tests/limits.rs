//! Texts that a document could not hold as they are, and documents that are too large.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::super::super::contract::{Artifact, dump};
use super::super::super::{Act, Atomicity, Label, MetaError};
use super::{Databases, world};

#[tokio::test]
async fn any_text_comes_back_as_it_was() {
    let Some(databases) = Databases::new() else { return };
    let world = world(&Arc::new(databases.open().await)).await;
    let odd = ["$where", "a.b", "$$ROOT", "a\0b", "\0", "", " ", "tag x", "\u{10ffff}"];
    let mut hello = Artifact::new("acme/hello@1.0.0").unwrap().labels(&odd, &odd);
    hello.about.description = Some("$a.b\0c".to_owned());
    let mut change = world.change(hello.accept().unwrap());
    let annotations: BTreeMap<String, String> =
        odd.iter().map(|text| ((*text).to_owned(), (*text).to_owned())).collect();
    let Act::Accept(accept) = &mut change.act else { panic!("an accept") };
    accept.facts.as_mut().unwrap().annotations = annotations.clone();
    world.upload(&hello).await.unwrap();
    world.meta.catalog.apply(&[change], Atomicity::Each).await.unwrap().remove(0).unwrap();
    let package = world.package("acme/hello").await.unwrap();
    assert_eq!((package.tags, package.description), (hello.about.tags.clone(), hello.about.description.clone()));
    let manifest = world.meta.refs.manifest(&hello.repository, &hello.digest()).await.unwrap().unwrap();
    assert_eq!(manifest.annotations, annotations);
    let version = world.meta.catalog.version(&"acme/hello".parse().unwrap(), &"1.0.0".parse().unwrap()).await.unwrap();
    assert_eq!(version.unwrap().config, hello.config());
    let mut expected: Vec<&str> = odd.to_vec();
    expected.sort_unstable();
    for label in [Label::Tag, Label::Skill] {
        let counts = world.meta.catalog.labels(label, None, 100).await.unwrap();
        assert_eq!(counts.iter().map(|count| count.label.as_str()).collect::<Vec<_>>(), expected);
        assert!(counts.iter().all(|count| count.count == 1));
    }
    for text in odd {
        let filter = super::super::super::Filter { tags: vec![text.to_owned()], ..Default::default() };
        let found = world.meta.catalog.packages(&filter, super::super::super::Order::Name, None, 10).await.unwrap();
        assert_eq!(found.items.len(), 1, "{text:?}");
    }
}

#[tokio::test]
async fn what_a_document_cannot_hold_is_refused_whole() {
    let Some(databases) = Databases::new() else { return };
    let world = world(&Arc::new(databases.open().await)).await;
    world.publish("acme/hello@1.0.0").await.unwrap();
    let before = dump(&world.meta).await.unwrap();
    for (bytes, fits) in [(17 << 20, false), (15 << 20, true)] {
        let hello = Artifact::new("acme/hello@2.0.0").unwrap();
        world.upload(&hello).await.unwrap();
        let mut change = world.change(hello.accept().unwrap());
        let Act::Accept(accept) = &mut change.act else { panic!("an accept") };
        accept.facts.as_mut().unwrap().annotations.insert("long".to_owned(), "x".repeat(bytes));
        let outcome = world.meta.catalog.apply(&[change], Atomicity::Each).await;
        match fits {
            true => drop(outcome.unwrap().remove(0).unwrap()),
            false => {
                let Err(MetaError::Unavailable(error)) = outcome else { panic!("{outcome:?}") };
                assert!(error.to_string().contains("16777216 at most"), "{error}");
                assert_eq!(dump(&world.meta).await.unwrap(), before);
            }
        }
    }
    assert_eq!(world.releases("acme/hello").await.unwrap(), ["2.0.0", "1.0.0"]);
}

#[tokio::test]
async fn what_no_document_can_hold_together_is_read_apart() {
    let Some(databases) = Databases::new() else { return };
    let world = world(&Arc::new(databases.open().await)).await;
    let mut changes = Vec::new();
    for id in ["acme/one@1.0.0", "acme/two@1.0.0"] {
        let artifact = Artifact::new(id).unwrap();
        world.upload(&artifact).await.unwrap();
        let mut change = world.change(artifact.accept().unwrap());
        let Act::Accept(accept) = &mut change.act else { panic!("an accept") };
        accept.facts.as_mut().unwrap().annotations.insert("long".to_owned(), "x".repeat(9 << 20));
        world.meta.catalog.apply(std::slice::from_ref(&change), Atomicity::Each).await.unwrap().remove(0).unwrap();
        changes.push(change);
    }
    let before = dump(&world.meta).await.unwrap();
    let outcomes = world.meta.catalog.apply(&changes, Atomicity::Each).await.unwrap();
    assert_eq!(outcomes.len(), 2);
    assert!(outcomes.iter().flatten().all(|applied| applied.event.is_none()), "they were there already");
    assert_eq!(dump(&world.meta).await.unwrap(), before);
}
