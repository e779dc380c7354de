//! `skopeo` copies images and artifacts between a folder and the registry.

use pcl_registry::domain::Digest;

use super::program::{Home, find, read_layout, run, skopeo_copy, write_layout};
use crate::script::tar_gz;
use crate::world::{Artifact, IMAGE_LAYER, World};

/// Copies `artifact` in by tag, and out again by tag and by digest: the same bytes at every place.
async fn there_and_back(repository: &str, artifact: &Artifact<'_>) {
    let Some(skopeo) = find("skopeo") else { return };
    let world = World::start().await;
    let home = Home::new();
    let manifest = write_layout(&home.path("in"), "1.0.0", artifact);
    let digest = Digest::sha256(&manifest);
    let remote = format!("docker://{}/{repository}", world.address);

    run(&mut skopeo_copy(&home, &skopeo, "oci:in:1.0.0", &format!("{remote}:1.0.0")));
    assert_eq!(world.pull(repository, "1.0.0").await, manifest, "skopeo's push keeps the manifest's bytes");

    for (out, from) in [("by-tag", format!("{remote}:1.0.0")), ("by-digest", format!("{remote}@{digest}"))] {
        run(&mut skopeo_copy(&home, &skopeo, &from, &format!("oci:{out}:1.0.0")));
        let (pulled, blobs) = read_layout(&home.path(out));
        assert_eq!(pulled, manifest, "{out}");
        for (_, bytes) in artifact.layers.iter().chain([&artifact.config]) {
            let digest = Digest::sha256(bytes).to_string();
            let file = blobs.join(digest.trim_start_matches("sha256:"));
            assert_eq!(std::fs::read(file).expect("the blob was copied"), *bytes, "{out}");
        }
    }
    let listed = run(home.command(&skopeo).args(["list-tags", "--tls-verify=false", &remote]));
    assert!(listed.contains("\"1.0.0\""), "{listed}");
    run(home.command(&skopeo).args(["delete", "--tls-verify=false", &format!("{remote}:1.0.0")]));
    let response = world.get(&format!("/v2/{repository}/manifests/1.0.0")).await;
    assert_eq!(response.status, 404, "skopeo deleted it");
}

/// `skopeo` shows a token as a password, after it was told at `/v2/` that it may: to a registry that everybody reads, and to one
/// that is closed.
#[tokio::test]
async fn a_token_is_a_password() {
    let Some(skopeo) = find("skopeo") else { return };
    let layer = tar_gz(&[("hello.txt", b"hello")]);
    let layers = [(IMAGE_LAYER, layer.as_slice())];
    let image = Artifact::image(&layers);
    for anonymous in ["read", "none"] {
        let world = World::start_with(&["--anonymous", anonymous]);
        let token = crate::accounts::user(world.data(), "ann", Some("member"));
        let home = Home::new();
        write_layout(&home.path("in"), "1", &image);
        let copy = |credentials: &[String], from: &str, to: &str| {
            let output = skopeo_copy(&home, &skopeo, from, to).args(credentials).output();
            output.expect("skopeo starts").status.success()
        };
        let (acme, other) =
            (format!("docker://{}/acme/x:1", world.address), format!("docker://{}/b/x:1", world.address));
        let dest = |user: &str, token: &str| ["--dest-creds".to_owned(), format!("{user}:{token}")];
        let push = |to: &str, credentials: &[String]| copy(credentials, "oci:in:1", to);
        assert!(!push(&acme, &[]), "{anonymous}: nobody pushes");
        assert!(!push(&acme, &dest("bob", &token)), "{anonymous}: it is another's token");
        assert!(!push(&other, &dest("ann", &token)), "{anonymous}: it is another organisation");
        assert!(push(&acme, &dest("ann", &token)), "{anonymous}");
        let pull = |credentials: &[String]| copy(credentials, &acme, "oci:out:1");
        assert_eq!(pull(&[]), anonymous == "read");
        assert!(pull(&["--src-creds".to_owned(), format!("ann:{token}")]));
    }
}

#[tokio::test]
async fn an_image_goes_in_and_out_by_tag_and_digest() {
    let layer = tar_gz(&[("hello.txt", b"hello")]);
    let layers = [(IMAGE_LAYER, layer.as_slice())];
    let image = Artifact::image(&layers);
    there_and_back("team/image", &image).await;
}

#[tokio::test]
async fn an_artifact_goes_in_and_out_by_tag_and_digest() {
    let layer = tar_gz(&[("hello/SKILL.md", b"---\nname: hello\ndescription: Says hello\n---\nSay hello.\n")]);
    let skill = Artifact {
        artifact_type: Some("application/vnd.agentskills.skill.v1"),
        config: ("application/vnd.agentskills.skill.config.v1+json", b"{}"),
        layers: &[("application/vnd.agentskills.skill.content.v1.tar+gzip", &layer)],
    };
    there_and_back("team/hello", &skill).await;
}
