//! Rows about artifacts: one is published, or many at once, a draft is saved, the catalogue is written down.

use bytes::Bytes;
use pcl_registry::domain::{Actor, Draft, File, Tree};
use pcl_registry::meta::Filter;
use pcl_registry::registry::{Drafted, RegistryError};

use super::bucket::Held;
use super::table::{Place, UseCase, every_cell, rows};
use crate::inside::Package;

const OPERATOR: Actor = Actor::Operator;

/// A push of a version, blobs and all.
struct Publish;

impl UseCase for Publish {
    type Begun = Package;

    async fn prepare(&self, at: &Place) -> Package {
        at.package("1.0.0", "to be published")
    }

    async fn run(&self, at: &Place, package: &Package) -> Result<(), RegistryError> {
        at.open.push(package).await
    }

    async fn happened(&self, at: &Place, package: &Package) -> bool {
        at.open.has(package).await
    }
}

fn file(path: String, text: &str) -> File {
    File { path: path.parse().unwrap(), executable: false, content: Bytes::copy_from_slice(text.as_bytes()) }
}

/// Three skills, all or none.
struct ImportWhole;

impl UseCase for ImportWhole {
    type Begun = Vec<File>;

    async fn prepare(&self, at: &Place) -> Vec<File> {
        let skill = |name: &str| {
            let text = format!("---\nname: {name}\ndescription: About {name}\n---\nin cell {}\n", at.number);
            file(format!("{name}/SKILL.md"), &text)
        };
        ["one", "two", "three"].map(skill).to_vec()
    }

    async fn run(&self, at: &Place, files: &Vec<File>) -> Result<(), RegistryError> {
        let done = at.open.registry.import_whole(&OPERATOR, &at.org(), files.clone()).await?;
        match done.items.into_iter().find_map(|item| item.error) {
            Some(error) => Err(RegistryError::BadRequest(error)),
            None => Ok(()),
        }
    }

    async fn happened(&self, at: &Place, _: &Vec<File>) -> bool {
        let filter = Filter { org: Some(at.org()), ..Filter::default() };
        let order = pcl_registry::meta::Order::Name;
        let found = at.open.registry.packages(&OPERATOR, &filter, order, None, 10).await.unwrap().items;
        for package in &found {
            let detail = at.open.registry.version(&OPERATOR, &package.name, &package.shown).await.unwrap();
            assert!(!detail.files.is_empty(), "{} has its record", package.name);
            let text = at.open.registry.source(&OPERATOR, &package.name, &package.shown, None).await.unwrap();
            assert!(!text.0.is_empty());
        }
        assert!(found.is_empty() || found.len() == 3, "{} of 3", found.len());
        !found.is_empty()
    }
}

/// The second revision of a draft.
struct SaveDraft;

fn files(text: &str) -> Tree {
    Tree::new(vec![file("SKILL.md".to_owned(), &format!("# hello\n\n{text}\n"))]).unwrap()
}

impl UseCase for SaveDraft {
    type Begun = Draft;

    async fn prepare(&self, at: &Place) -> Draft {
        let name = format!("{}/hello", at.org()).parse().unwrap();
        let drafted = Drafted { version: Some("1.0.0".parse().unwrap()), ..Drafted::default() };
        at.open.registry.create_draft(&OPERATOR, &name, files("begun"), drafted).await.unwrap()
    }

    async fn run(&self, at: &Place, draft: &Draft) -> Result<(), RegistryError> {
        let (registry, org) = (&at.open.registry, at.org());
        match registry.update_draft(&OPERATOR, &org, draft.id, 1, files("saved"), Drafted::default()).await {
            // As a client does: it reads the draft again.
            Err(RegistryError::DraftChanged { .. }) if self.happened(at, draft).await => Ok(()),
            saved => saved.map(drop),
        }
    }

    async fn happened(&self, at: &Place, draft: &Draft) -> bool {
        let found = at.open.registry.draft(&OPERATOR, &at.org(), draft.id).await.unwrap();
        let listed = at.open.registry.drafts(&OPERATOR, &at.org(), None).await.unwrap();
        assert_eq!(listed, std::slice::from_ref(&found));
        assert_eq!(found.files == draft.files, found.revision == 1);
        found.revision == 2
    }
}

/// What the catalogue is made of is written down; whoever starts with it knows the same.
struct Snapshot;

impl UseCase for Snapshot {
    type Begun = Package;

    async fn prepare(&self, at: &Place) -> Package {
        at.package("1.0.0", "before a snapshot")
    }

    async fn run(&self, at: &Place, package: &Package) -> Result<(), RegistryError> {
        // One that failed is not tried again before there is something new.
        at.open.push(package).await?;
        at.open.registry.save_snapshot().await.map(drop)
    }

    async fn happened(&self, at: &Place, package: &Package) -> bool {
        let again = at.bucket.open().await;
        if again.dump().await != at.open.dump().await {
            // Something is there that was not acknowledged. It will be, by whoever commits next.
            at.open.push(&at.package("2.0.0", "next")).await.unwrap();
            assert_eq!(at.bucket.open().await.dump().await, at.open.dump().await);
        }
        at.open.has(package).await
    }
}

rows! {
    publish: Publish, 40;
    import_all_or_nothing: ImportWhole, 140;
    save_a_draft: SaveDraft, 20;
}

#[tokio::test]
async fn write_a_snapshot() {
    let cells = every_cell(Held::Store, Snapshot).await;
    assert!(cells > 40, "{cells}");
}
