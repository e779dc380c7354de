//! `pclr static`: a copy that lost `v2/` has it again.

use std::process::Command;

use super::copy::{Copy, content, kept, push_images};
use super::server::{FileServer, Program};
use super::tools::copied;
use crate::clients::program::{Home, find};
use crate::project::{Ended, ended};
use crate::world::World;

fn pclr(arguments: &[&str]) -> Ended {
    ended(Command::new(env!("CARGO_BIN_EXE_pclr")).args(arguments).output().unwrap())
}

async fn world() -> (World, Vec<(String, String, &'static str, pcl_registry::domain::Digest)>) {
    let world = kept();
    let pushed = push_images(&world).await;
    super::corpus::published_examples(&world);
    (world, pushed)
}

#[tokio::test]
async fn what_a_medium_lost_is_made_again_byte_for_byte() {
    let (world, pushed) = world().await;
    let copy = Copy::of(world.data(), world.address).await;
    let (plain, lost) = copy.through_fat();
    assert!(lost.len() > 10, "{lost:?}");
    let folder = plain.path().to_str().unwrap();
    let done = pclr(&["static", folder, "--verify"]).with(0, &["static"]);
    assert!(done.stdout.starts_with("v2/ has "), "{}", done.stdout);
    assert_eq!(plain.files(), copy.files());
    for path in copy.files() {
        assert!(plain.read(&path) == copy.read(&path), "{path}");
    }
    // Also where there is nothing of it.
    let without = copy.without("v2");
    pclr(&["static", without.path().to_str().unwrap()]).with(0, &["static"]);
    assert_eq!(without.files(), copy.files());
    let (Some(skopeo), Some(server)) = (find("skopeo"), FileServer::start(Program::Nginx, without.path())) else {
        return;
    };
    let (repository, tag, _, digest) = &pushed[0];
    assert_eq!(copied(&Home::new(), &skopeo, &server, &format!("{repository}:{tag}"), "out"), *digest);
}

#[tokio::test]
async fn damage_and_loss_are_named_and_the_rest_is_made() {
    let (world, pushed) = world().await;
    let copy = Copy::of(world.data(), world.address).await;
    let (.., digest) = &pushed[0];
    copy.write(&content(digest), b"{}");
    let folder = copy.path().to_str().unwrap();
    let ended = pclr(&["static", folder]).with(4, &["static"]);
    let expected = format!("error: {}: it does not have the digest that it is named by", content(digest));
    assert!(ended.stderr.contains(&expected), "{}", ended.stderr);
    assert!(!copy.files().contains(&format!("v2/team/image/manifests/{digest}")));
    assert!(copy.files().iter().any(|path| path.starts_with("v2/team/multi/manifests/all")));
    std::fs::remove_file(copy.path().join(content(digest))).unwrap();
    let ended = pclr(&["static", folder]).with(4, &["static"]);
    assert!(ended.stderr.contains("it is missing"), "{}", ended.stderr);
}

#[test]
fn a_folder_that_is_none_is_a_usage_error() {
    let folder = tempfile::tempdir().unwrap();
    let ended = pclr(&["static", folder.path().to_str().unwrap()]).with(2, &["static"]);
    assert!(
        ended.stderr.contains("is no copy of a registry") && ended.stderr.contains("hint: name the folder"),
        "{}",
        ended.stderr
    );
}
