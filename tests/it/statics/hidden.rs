//! What nobody may find leaves nothing in the tree.

use pcl_registry::domain::{Actor, Visibility};

use super::tree::{Tree, kept, tree_on_disk};
use crate::inside::{DataFolder, Opened, Owner, Package};

/// What a package is called and says; nothing else has these words.
const WORDS: [&str; 2] = ["quietfox", "murmuring"];

fn quiet() -> Package {
    Package::new("acme/quietfox@1.0.0", "murmuring")
}

fn loud() -> Package {
    Package::new("acme/loud@1.0.0", "shouting")
}

/// No byte says the words, and no name has them but that of the document that says that something is gone.
fn assert_nothing_of_it(tree: &Tree, named: &[&str], what: &str) {
    for (path, bytes) in tree {
        let text = String::from_utf8_lossy(bytes);
        assert!(!WORDS.iter().any(|word| text.contains(word)), "{what}: {path} says {text}");
        let says = WORDS.iter().any(|word| path.contains(word));
        assert!(!says || named.contains(&path.as_str()), "{what}: {path} is there");
    }
    assert!(tree.contains_key("index/acme/loud.json"), "{what}: what is public stays");
}

async fn hide(open: &Opened, way: &str) {
    let (actor, name, version) = (Actor::Operator, quiet().name(), "1.0.0".parse().unwrap());
    match way {
        "private" => open.registry.set_visibility(&actor, &name, Visibility::Private).await.unwrap(),
        "unlisted" => open.registry.set_visibility(&actor, &name, Visibility::Unlisted).await.unwrap(),
        _ => open.registry.delete_version(&actor, &name, &version).await.unwrap(),
    }
    if way == "purged" {
        open.registry.purge(&actor, &name, &version).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_hidden_leaves_the_tree_and_comes_back_with_it() {
    for way in ["private", "unlisted", "deleted", "purged"] {
        let folder = DataFolder::new(Owner::Sqlite);
        let open = folder.open_with(kept(), |meta| meta).await;
        open.push(&loud()).await.unwrap();
        open.push(&quiet()).await.unwrap();
        open.registry.rendered().await;
        let tree = || tree_on_disk(&folder.path().join("store"));
        let before = tree();
        assert!(before.contains_key("pages/acme/quietfox.html"), "{way}");
        hide(&open, way).await;
        open.registry.rendered().await;
        assert_nothing_of_it(&tree(), &["index/acme/quietfox.json"], way);

        let (actor, name) = (Actor::Operator, quiet().name());
        match way {
            "purged" => continue,
            "deleted" => open.registry.restore(&actor, &name, &"1.0.0".parse().unwrap()).await.unwrap(),
            _ => open.registry.set_visibility(&actor, &name, Visibility::Public).await.unwrap(),
        }
        open.registry.rendered().await;
        let after = tree();
        assert!(before.keys().eq(after.keys()), "{way}: {:?}", after.keys().collect::<Vec<_>>());
        assert_eq!(before["pages/acme/quietfox.html"].len(), after["pages/acme/quietfox.html"].len(), "{way}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_never_public_is_not_even_missing() {
    for visibility in [Visibility::Private, Visibility::Unlisted] {
        let folder = DataFolder::new(Owner::Sqlite);
        let open = folder.open_with(kept(), |meta| meta).await;
        open.push(&loud()).await.unwrap();
        let (actor, name) = (Actor::Operator, quiet().name());
        if visibility == Visibility::Private {
            open.registry.set_visibility(&actor, &name, visibility).await.unwrap();
        } else {
            // Whatever an organisation says of new packages, this one is hidden before the tree is kept.
            drop(open);
            let open = folder.open().await;
            open.push(&quiet()).await.unwrap();
            open.registry.set_visibility(&actor, &name, visibility).await.unwrap();
            drop(open);
            let open = folder.open_with(kept(), |meta| meta).await;
            open.registry.rendered().await;
            assert_nothing_of_it(&tree_on_disk(&folder.path().join("store")), &[], "unlisted");
            continue;
        }
        open.push(&quiet()).await.unwrap();
        open.registry.rendered().await;
        assert_nothing_of_it(&tree_on_disk(&folder.path().join("store")), &[], "private");
    }
}
