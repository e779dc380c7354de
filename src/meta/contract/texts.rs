//! Texts that databases stumble over: none at all, NUL, other control characters, what is longer than an entry of an index may be.

use serde_json::json;

use super::super::{Act, Filter, Label, LabelCount, Order};
use super::world::{Artifact, artifact, image, parse};
use super::{Check, Failure, Stores, World};
use crate::domain::{Digest, Package, Repository, Skill};

/// Texts that are hard to keep, in the order of their bytes.
fn hard() -> Vec<String> {
    let noise: String = (0..300).map(|at: u32| Digest::sha256(&at.to_be_bytes()).hex()).collect();
    let mut texts: Vec<String> =
        ["\0", "\0\0", "\u{1}", "\u{1}\0", "\u{1}\u{1}", "\u{1}\u{2}", "a\0", "a\0b", "a\u{1}", "ab", "\\0", "\\u0000"]
            .map(str::to_owned)
            .into();
    texts.extend(["", "\u{fffd}", "\u{feff}", "\u{10ffff}", "'", "%", "é", "e\u{301}"].map(str::to_owned));
    texts.extend([format!("{noise}a"), format!("{noise}b"), format!("\0{noise}")]);
    texts.sort_unstable();
    texts
}

/// Words and labels of a version, in the package and in its config.
pub async fn any_text_of_a_version_comes_back(stores: &dyn Stores) -> Check {
    let world = World::new(stores).await?;
    let mut hello = artifact("acme/hello@1.0.0")?;
    let about = &mut hello.about;
    about.title = Some("a\0title".to_owned());
    about.description = Some(hard().concat());
    about.license = Some("\0".to_owned());
    about.authors = hard();
    about.tags = hard();
    about.skills = hard().into_iter().map(|name| Skill { name, level: None }).collect();
    world.push(&hello).await?;
    let package = world.package("acme/hello").await?;
    assert_eq!((&package.title, &package.description), (&hello.about.title, &hello.about.description));
    assert_eq!((&package.license, &package.authors), (&hello.about.license, &hello.about.authors));
    assert_eq!((&package.tags, &package.skills), (&hello.about.tags, &hello.about.skills));
    let version = world.meta.catalog.version(&parse("acme/hello")?, &parse("1.0.0")?).await?;
    assert_eq!(version.ok_or("the version is not found")?.config, hello.config());
    Ok(())
}

/// A text without a character is one that was said, in the package, in its config and among the labels, and no absent one: a store drops
/// and refuses none.
pub async fn an_empty_text_is_a_text(stores: &dyn Stores) -> Check {
    let world = World::new(stores).await?;
    let about = json!({
        "title": "",
        "description": "",
        "license": "",
        "changelog": "",
        "tags": [""],
        "skills": [{ "name": "" }],
        "authors": [""],
        "dependencies": [{ "name": "", "type": "import" }],
        "metadata": { "": "", "key": "", "deep": { "": "x" } },
    });
    let empty = Artifact { about: serde_json::from_value(about)?, ..artifact("acme/empty@1.0.0")? };
    world.push(&empty).await?;
    world.publish("acme/none@1.0.0").await?;
    let (package, none) = (world.package("acme/empty").await?, world.package("acme/none").await?);
    let words = |package: &Package| [&package.title, &package.description, &package.license].map(Option::clone);
    assert_eq!(words(&package), [""; 3].map(|word| Some(word.to_owned())));
    assert_eq!(words(&none), [None, None, None]);
    assert_eq!((&package.tags, &package.authors), (&empty.about.tags, &empty.about.authors));
    assert_eq!(package.skills, empty.about.skills);
    let version = world.meta.catalog.version(&parse("acme/empty")?, &parse("1.0.0")?).await?;
    assert_eq!(version.ok_or("the version is not found")?.config, empty.config());
    for (of, text) in [
        (Label::Tag, ""),
        (Label::Skill, ""),
        (Label::Author, ""),
        (Label::License, ""),
        (Label::Field, "="),
        (Label::Field, "key="),
        (Label::Field, "deep.=x"),
    ] {
        let filter = Filter { labelled: vec![vec![(of, text.to_owned())]], ..Filter::default() };
        let page = world.meta.catalog.packages(&filter, Order::Name, None, 10).await?;
        assert_eq!(page.items, [world.package("acme/empty").await?], "{of:?} {text:?}");
        assert_eq!(world.meta.catalog.count(&filter).await?, 1, "{of:?} {text:?}");
        let counted = world.meta.catalog.labels(of, None, 10).await?;
        assert!(counted.contains(&LabelCount { label: text.to_owned(), count: 1 }), "{of:?} {text:?}: {counted:?}");
    }
    Ok(())
}

/// Annotations, type and media type of a manifest, by its digest and among the referrers.
pub async fn any_text_of_a_manifest_comes_back(stores: &dyn Stores) -> Check {
    let world = World::new(stores).await?;
    let mut plain = image("plain:v1")?;
    let subject = Digest::sha256(b"subject");
    plain.subject = Some(subject);
    world.upload(&plain).await?;
    let Act::Accept(mut accept) = plain.accept()? else { return Err("an image is accepted".into()) };
    accept.accepted.media_type = "application/\0\u{1}".to_owned();
    let facts = accept.facts.as_mut().ok_or("an image has facts")?;
    facts.artifact_type = Some("\u{1}\0type".to_owned());
    facts.annotations = hard().into_iter().map(|text| (text.clone(), text)).collect();
    let facts = facts.clone();
    world.act(Act::Accept(accept)).await??;
    let row = world.meta.refs.manifest(&plain.repository, &plain.digest()).await?.ok_or("no manifest")?;
    assert_eq!(row.media_type, "application/\0\u{1}");
    assert_eq!((&row.artifact_type, &row.annotations), (&facts.artifact_type, &facts.annotations));
    assert_eq!(world.meta.refs.referrers(&plain.repository, &subject).await?, [row]);
    Ok(())
}

/// Filters and places in lists may be any text.
pub async fn any_text_can_be_asked_for(stores: &dyn Stores) -> Check {
    let world = World::new(stores).await?;
    for (at, text) in hard().iter().enumerate() {
        world.push(&artifact(&format!("acme/a{at:02}@1.0.0"))?.labels(&[text], &[text])).await?;
    }
    let counted = hard().into_iter().map(|label| LabelCount { label, count: 1 }).collect::<Vec<_>>();
    for label in [Label::Tag, Label::Skill] {
        assert_eq!(world.meta.catalog.labels(label, None, 100).await?, counted);
        for (at, last) in counted.iter().enumerate() {
            let behind = world.meta.catalog.labels(label, Some(last), 100).await?;
            assert_eq!(behind, counted[at + 1..], "behind {:?}", last.label);
        }
    }
    let found = async |filter: Filter| {
        let page = world.meta.catalog.packages(&filter, Order::Name, None, 100).await?;
        Ok::<_, Failure>(page.items.iter().map(|package| package.name.to_string()).collect::<Vec<_>>())
    };
    for (at, text) in hard().into_iter().enumerate() {
        let expected = [format!("acme/a{at:02}")];
        assert_eq!(found(Filter { tags: vec![text.clone()], ..Filter::default() }).await?, expected);
        assert_eq!(found(Filter { skills: vec![text], ..Filter::default() }).await?, expected);
    }
    for org in ["acme\0", ""] {
        assert_eq!(found(Filter { org: Some(org.to_owned()), ..Filter::default() }).await?, [""; 0], "{org:?}");
    }
    let repository: Repository = parse("acme/a00")?;
    for (after, expected) in [("", 2), ("\0", 2), ("1.0.0\0", 1), ("1\0\u{1}", 2), ("latest", 0), ("latest\0", 0)] {
        let tags = world.meta.refs.tags(&repository, Some(after), 10).await?.ok_or("no repository")?;
        assert_eq!(tags.len(), expected, "{after:?}");
    }
    for (after, expected) in [("\0", hard().len()), ("acme/a01\0", hard().len() - 2), ("b\0", 0)] {
        assert_eq!(world.meta.refs.repositories(Some(after), 100).await?.len(), expected, "{after:?}");
    }
    Ok(())
}
