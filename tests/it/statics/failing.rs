//! A repository that cannot be rendered holds up no other.

use pcl_registry::domain::public::{RegistryDocument, SkillIndex};
use pcl_registry::domain::{Actor, Visibility};

use super::tree::{Tree, kept, tree_on_disk};
use crate::inside::{DataFolder, Owner, Package};

fn registry(tree: &Tree) -> Option<RegistryDocument> {
    serde_json::from_slice(tree.get("registry.json")?).ok()
}

/// The tree, once it is as it should be.
async fn until(folder: &DataFolder, is_so: impl Fn(&Tree) -> bool) -> Tree {
    loop {
        let tree = tree_on_disk(&folder.path().join("store"));
        if is_so(&tree) {
            return tree;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_rendered_is_tried_again_while_all_else_goes_on() {
    let folder = DataFolder::new(Owner::Sqlite);
    let open = folder.open_with(kept(), |meta| meta).await;
    open.push(&Package::new("acme/quiet@1.0.0", "quiet")).await.unwrap();
    open.registry.rendered().await;
    // A folder in the place of its document: whoever reads that is told of an error.
    let obstacle = folder.path().join("store/public/index/acme/bad.json");
    std::fs::create_dir_all(obstacle.join("inside")).unwrap();
    let another = folder.path().join("store/public/index/acme/worse.json");
    std::fs::create_dir_all(another.join("inside")).unwrap();
    open.push(&Package::new("acme/bad@1.0.0", "bad")).await.unwrap();
    open.push(&Package::new("acme/worse@1.0.0", "worse")).await.unwrap();
    until(&folder, |tree| registry(tree).is_some_and(|document| document.behind == Some(1))).await;
    open.push(&Package::new("acme/good@1.0.0", "good")).await.unwrap();
    open.registry.set_visibility(&Actor::Operator, &"acme/quiet".parse().unwrap(), Visibility::Unlisted).await.unwrap();
    let tree = until(&folder, |tree| registry(tree).is_some_and(|document| document.as_of == 5)).await;
    assert_eq!(registry(&tree).unwrap().behind, Some(1), "whoever starts again goes on there");
    assert!(tree.contains_key("pages/acme/good.html") && !tree.contains_key("pages/acme/quiet.html"));
    let skills: SkillIndex = serde_json::from_slice(&tree[".well-known/agent-skills/index.json"]).unwrap();
    assert!(skills.skills.iter().all(|skill| skill.name != "quiet"));

    // A server that starts in this state does not forget it.
    drop(open);
    std::fs::remove_dir_all(&obstacle).unwrap();
    std::fs::remove_dir_all(&another).unwrap();
    let open = folder.open_with(kept(), |meta| meta).await;
    open.registry.rendered().await;
    let tree = until(&folder, |tree| registry(tree).is_some_and(|document| document.behind.is_none())).await;
    assert!(tree.contains_key("pages/acme/bad.html") && tree.contains_key("index/acme/bad.json"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_could_not_be_rendered_is_there_once_it_can() {
    let folder = DataFolder::new(Owner::Sqlite);
    let open = folder.open_with(kept(), |meta| meta).await;
    let obstacle = folder.path().join("store/public/index/acme/bad.json");
    std::fs::create_dir_all(obstacle.join("inside")).unwrap();
    open.push(&Package::new("acme/bad@1.0.0", "bad")).await.unwrap();
    until(&folder, |tree| registry(tree).is_some_and(|document| document.behind == Some(0))).await;
    std::fs::remove_dir_all(&obstacle).unwrap();
    open.registry.rendered().await;
    let tree = tree_on_disk(&folder.path().join("store"));
    assert!(tree.contains_key("pages/acme/bad.html"));
    assert_eq!(registry(&tree).map(|document| (document.as_of, document.behind)), Some((1, None)));
}
