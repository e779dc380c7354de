//! The program keeps the tree, and renders it anew when it is asked to.

use std::path::Path;

use super::tree::tree_on_disk;
use crate::cli::pclr;
use crate::world::{Artifact, World};

#[tokio::test]
async fn the_program_renders_a_damaged_tree_anew() {
    let mut world = World::start_with(&["--static", "true"]);
    let image = Artifact { artifact_type: None, config: ("application/x", b"{}"), layers: &[] };
    world.push_manifest("team/app", "v1", &image).await;
    let store = world.data().join("store");
    let registry = store.join("public/registry.json");
    while !std::fs::read_to_string(&registry).is_ok_and(|text| text.contains("\"as_of\":1")) {
        tokio::task::yield_now().await;
    }
    world.kill();
    let expected = tree_on_disk(&store);
    assert!(expected.contains_key("v2/team/app/manifests/v1"), "{:?}", expected.keys().collect::<Vec<_>>());
    let public = store.join("public");
    std::fs::remove_file(public.join("v2/team/app/manifests/v1")).unwrap();
    std::fs::write(public.join("v2/team/app/tags/list"), "damage").unwrap();
    std::fs::write(public.join("v2/team/app/manifests/orphan"), "nobody's").unwrap();
    std::fs::remove_file(public.join("index.html")).unwrap();
    let said = rebuild(world.data());
    assert!(said.contains("exit: 0") && said.contains("static tree rebuilt, it shows event 1"), "{said}");
    assert_eq!(tree_on_disk(&store), expected);
}

fn rebuild(data: &Path) -> String {
    pclr(["rebuild", "--static", "--data", data.to_str().unwrap()])
}
