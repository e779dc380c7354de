//! Container tools pull from servers of files, images of every type too.

use std::path::Path;

use pcl_registry::domain::Digest;
use serde_json::Value;

use super::copy::{Copy, DOCKER, DOCKER_LIST, INDEX, kept, push_images};
use super::server::{FileServer, Program};
use crate::clients::program::{Home, find, read_layout, run, skopeo_copy};
use crate::script::wire::{Request, Response};
use crate::world::MANIFEST;

/// Servers that answer as container tools expect.
pub const ANSWERING: [Program; 2] = [Program::Nginx, Program::Caddy];

/// Sends one request.
pub async fn get(server: &FileServer, target: &str) -> Response {
    Request::new("GET", target).send(server.address).await.unwrap().unwrap()
}

/// Copies out of the registry into an image layout, as the tools of everybody do.
pub fn copied(home: &Home, skopeo: &Path, server: &FileServer, wanted: &str, out: &str) -> Digest {
    run(&mut skopeo_copy(home, skopeo, &format!("docker://{}/{wanted}", server.address), &format!("oci:{out}:1")));
    Digest::sha256(&read_layout(&home.path(out)).0)
}

#[tokio::test]
async fn every_type_of_manifest_is_served_as_what_it_is() {
    let world = kept();
    let pushed = push_images(&world).await;
    let copy = Copy::of(world.data(), world.address).await;
    for program in ANSWERING {
        let Some(server) = FileServer::start(program, copy.path()) else { continue };
        let types: Vec<&str> = pushed.iter().map(|(_, _, media_type, _)| *media_type).collect();
        assert!([MANIFEST, INDEX, DOCKER, DOCKER_LIST].iter().all(|wanted| types.contains(wanted)));
        for (repository, tag, media_type, digest) in &pushed {
            for reference in [tag.clone(), digest.to_string()] {
                let answer = get(&server, &format!("/v2/{repository}/manifests/{reference}")).await;
                let found = (answer.status, answer.header("content-type"), Digest::sha256(&answer.body));
                assert_eq!(
                    found,
                    (200, Some((*media_type).to_owned()), *digest),
                    "{program:?} {repository} {reference}"
                );
            }
            let tags = get(&server, &format!("/v2/{repository}/tags/list")).await;
            assert!(String::from_utf8_lossy(&tags.body).contains(&format!("{tag:?}")), "{program:?} {repository}");
        }
        let (.., subject) = &pushed[0];
        let answer = get(&server, &format!("/v2/team/image/referrers/{subject}")).await;
        assert_eq!(answer.header("content-type").as_deref(), Some(INDEX), "{program:?}");
        let referrers: Value = serde_json::from_slice(&answer.body).unwrap();
        assert_eq!(referrers["manifests"][0]["artifactType"], "application/vnd.example.note.v1", "{program:?}");
        let none = get(&server, &format!("/v2/team/multi/referrers/{subject}")).await;
        let index: Value = serde_json::from_slice(&none.body).unwrap();
        assert_eq!((none.status, &index["manifests"]), (200, &serde_json::json!([])), "{program:?}");
    }
}

/// Also where somebody else made the copy, with a tag that looks like a page.
#[tokio::test]
async fn what_strangers_pushed_is_never_a_page() {
    let world = kept();
    let pushed = push_images(&world).await;
    let copy = Copy::of(world.data(), world.address).await;
    copy.write("v2/team/image/manifests/index.html", b"{\"a\":\"<script>\"}");
    let blob = copy.files().into_iter().find(|path| path.starts_with("blobs/")).unwrap();
    let digest = format!("sha256:{}", blob.rsplit('/').next().unwrap());
    let subject = pushed[0].3;
    for program in ANSWERING {
        let Some(server) = FileServer::start(program, copy.path()) else { continue };
        let sandbox = "default-src 'none'; sandbox";
        for (target, media_type) in [
            ("/v2/team/image/manifests/index.html".to_owned(), MANIFEST),
            ("/v2/team/image/manifests/1.0".to_owned(), MANIFEST),
            (format!("/v2/team/image/manifests/{subject}"), MANIFEST),
            ("/v2/team/multi/manifests/all".to_owned(), INDEX),
            ("/v2/team/docker/manifests/part".to_owned(), DOCKER),
            ("/v2/team/docker/manifests/all".to_owned(), DOCKER_LIST),
            (format!("/v2/team/image/blobs/{digest}"), "application/octet-stream"),
            (format!("/{blob}"), "application/octet-stream"),
            (format!("/v2/team/image/referrers/{subject}"), INDEX),
            ("/v2/team/image/tags/list".to_owned(), "application/json"),
        ] {
            let answer = get(&server, &target).await;
            let found =
                ["content-type", "x-content-type-options", "content-security-policy"].map(|name| answer.header(name));
            let expected = [media_type, "nosniff", sandbox].map(|value| Some(value.to_owned()));
            assert_eq!((answer.status, found), (200, expected), "{program:?} {target}");
        }
        let page = get(&server, "/index.html").await;
        let policy = page.header("content-security-policy").unwrap_or_default();
        assert!(
            policy.starts_with("default-src 'none'; style-src") && !policy.contains("sandbox"),
            "{program:?}: {policy}"
        );
    }
}

#[tokio::test]
async fn what_changes_is_asked_about_again_and_what_does_not_is_kept() {
    let world = kept();
    push_images(&world).await;
    let copy = Copy::of(world.data(), world.address).await;
    let blob = copy.files().into_iter().find(|path| path.starts_with("blobs/")).unwrap();
    let digest = format!("sha256:{}", blob.rsplit('/').next().unwrap());
    for program in ANSWERING {
        let Some(server) = FileServer::start(program, copy.path()) else { continue };
        for (target, caching) in [
            (format!("/v2/team/image/blobs/{digest}"), "public, max-age=31536000, immutable"),
            (format!("/{blob}"), "public, max-age=31536000, immutable"),
            ("/v2/team/image/manifests/1.0".to_owned(), "public, max-age=30"),
            ("/v2/team/multi/manifests/all".to_owned(), "public, max-age=30"),
            ("/v2/team/image/tags/list".to_owned(), "public, max-age=30"),
            ("/registry.json".to_owned(), "public, max-age=30"),
            ("/repositories/team/image/_.json".to_owned(), "public, max-age=30"),
        ] {
            let answer = get(&server, &target).await;
            assert_eq!(answer.header("cache-control").as_deref(), Some(caching), "{program:?} {target}");
            let etag = answer.header("etag").unwrap_or_default();
            assert!(etag.starts_with('"'), "{program:?} {target}: {etag:?} is no strong tag");
            let again = Request::new("GET", &target).header("If-None-Match", &etag).send(server.address).await;
            assert_eq!(again.unwrap().unwrap().status, 304, "{program:?} {target}");
        }
        let unknown = get(&server, &format!("/v2/team/image/blobs/{}", Digest::sha256(b"unknown"))).await;
        assert_eq!((unknown.status, unknown.header("cache-control")), (404, None), "{program:?}");
    }
}

#[tokio::test]
async fn skopeo_pulls_an_image_and_an_index_with_all_in_it() {
    let Some(skopeo) = find("skopeo") else { return };
    let world = kept();
    let pushed = push_images(&world).await;
    let copy = Copy::of(world.data(), world.address).await;
    for program in ANSWERING {
        let Some(server) = FileServer::start(program, copy.path()) else { continue };
        let home = Home::new();
        for (number, (repository, tag, media_type, digest)) in pushed.iter().enumerate() {
            // An image layout has no place for Docker's own types.
            if ![MANIFEST, INDEX].contains(media_type) || tag == "note" {
                continue;
            }
            let by_tag = copied(&home, &skopeo, &server, &format!("{repository}:{tag}"), &format!("t{number}"));
            let by_digest = copied(&home, &skopeo, &server, &format!("{repository}@{digest}"), &format!("d{number}"));
            assert_eq!((by_tag, by_digest), (*digest, *digest), "{program:?} {repository}:{tag}");
        }
        let mut list = home.command(&skopeo);
        let listed =
            run(list.args(["list-tags", "--tls-verify=false"]).arg(format!("docker://{}/team/multi", server.address)));
        assert!(listed.contains("\"all\"") && listed.contains("\"part\""), "{program:?}: {listed}");
        let mut inspect = home.command(&skopeo);
        inspect
            .args(["inspect", "--raw", "--tls-verify=false"])
            .arg(format!("docker://{}/team/docker:all", server.address));
        assert!(run(&mut inspect).contains(DOCKER_LIST), "{program:?}");
    }
}
