//! `buildah` builds an image from scratch, pushes it, forgets it, and pulls it back.

use std::path::Path;
use std::process::Command;

use super::program::{Home, find, run};
use crate::world::World;

/// buildah with storage of its own that needs no mount and no daemon.
fn command(home: &Home, buildah: &Path, verb: &str) -> Command {
    let mut command = home.command(buildah);
    command.arg("--root").arg(home.path("storage")).arg("--runroot").arg(home.path("run"));
    command.args(["--storage-driver", "vfs", verb]);
    if matches!(verb, "from" | "commit" | "push" | "pull") {
        command.arg("--signature-policy").arg(home.path("policy.json"));
    }
    command
}

#[tokio::test]
async fn an_image_built_from_scratch_is_pushed_and_pulled() {
    let Some(buildah) = find("buildah") else { return };
    let world = World::start().await;
    let home = Home::new();
    let remote = format!("docker://{}/team/scratch:1.0", world.address);
    std::fs::write(home.path("hello.txt"), "hello from scratch").unwrap();

    let container = run(command(&home, &buildah, "from").args(["--isolation", "chroot", "scratch"]));
    run(command(&home, &buildah, "copy").args([&container, "hello.txt", "/hello.txt"]));
    run(command(&home, &buildah, "config").args(["--label", "made.by=test", &container]));
    run(command(&home, &buildah, "commit").args(["--format", "oci", &container, "built"]));
    run(command(&home, &buildah, "push").args(["--tls-verify=false", "built", &remote]));
    run(command(&home, &buildah, "rm").arg("--all"));
    run(command(&home, &buildah, "rmi").arg("--all"));

    let image = run(command(&home, &buildah, "pull").args(["--quiet", "--tls-verify=false", &remote]));
    let config = run(command(&home, &buildah, "inspect").args(["--type", "image", &image]));
    assert!(config.contains("\"made.by\": \"test\""), "{config}");
    let container = run(command(&home, &buildah, "from").args(["--isolation", "chroot", "--pull-never", &image]));
    let mounted = run(command(&home, &buildah, "mount").arg(&container));
    let pulled = std::fs::read_to_string(Path::new(&mounted).join("hello.txt")).unwrap();
    run(command(&home, &buildah, "umount").arg(&container));
    run(command(&home, &buildah, "rm").arg("--all"));
    assert_eq!(pulled, "hello from scratch");
}
