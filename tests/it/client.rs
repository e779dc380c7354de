//! What the client does when a registry hangs, breaks, lies or is busy.

use std::time::Duration;

use pcl_registry::client::{Client, ClientError, ImportLine, ImportOf, Outage, Timeouts, Wanted};
use pcl_registry::domain::{Algorithm, Digest, Manifest, Name, Reference};
use serde_json::json;

use crate::stand_in::{Answer, StandIn};

fn client(server: &StandIn) -> Client {
    let timeouts = Timeouts {
        idle: Duration::from_millis(200),
        import: Duration::from_millis(200),
        pause: Duration::from_millis(1),
        ..Timeouts::default()
    };
    Client::with_timeouts(&server.url(), timeouts).unwrap()
}

fn name() -> Name {
    "acme/hello".parse().unwrap()
}

fn wanted(text: &str) -> Wanted {
    text.parse().unwrap()
}

const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// A manifest with this config, and this layer of the given size.
fn manifest(config: &[u8], layer: &[u8], layer_size: usize) -> Vec<u8> {
    let descriptor = |media_type: &str, content: &[u8], size: usize| json!({"mediaType": media_type, "digest": Digest::sha256(content), "size": size});
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "artifactType": "application/vnd.pcl.persona.v1",
        "config": descriptor("application/vnd.pcl.persona.config.v1+json", config, config.len()),
        "layers": [descriptor("application/vnd.pcl.content.v1.tar+gzip", layer, layer_size)],
    });
    manifest.to_string().into_bytes()
}

fn manifest_answer(bytes: &[u8]) -> Answer {
    let headers =
        vec![("content-type", OCI_MANIFEST.to_owned()), ("docker-content-digest", Digest::sha256(bytes).to_string())];
    Answer::Whole(200, headers, bytes.to_vec())
}

fn whole(bytes: &[u8]) -> Answer {
    Answer::Whole(200, Vec::new(), bytes.to_vec())
}

/// As a registry on a bucket does with large blobs: the address is signed, and whoever serves it has no business with the token.
#[tokio::test]
async fn a_redirect_to_another_host_goes_without_the_token() {
    let bytes = manifest(b"{}", b"layer", 5);
    let bucket = StandIn::start([manifest_answer(&bytes)]).await;
    let redirect = |to: String| Answer::Whole(307, vec![("location", to)], Vec::new());
    let registry = StandIn::start([
        redirect("/v2/acme/hello/manifests/again".to_owned()),
        redirect(format!("{}/bucket/object?X-Amz-Signature=abc", bucket.url())),
    ]);
    let registry = registry.await;
    let reference = Reference::Tag("1.0.0".parse().unwrap());
    let client = client(&registry).with_token("s3cret").unwrap();
    let found = client.manifest(&name(), &reference).await.unwrap();
    assert_eq!(found.digest, Digest::sha256(&bytes));
    let shown = Some("Bearer s3cret".to_owned());
    assert_eq!(registry.tokens(), [shown.clone(), shown], "within the registry it goes along");
    assert_eq!(bucket.asked(), ["GET /bucket/object?X-Amz-Signature=abc"]);
    assert_eq!(bucket.tokens(), [None]);
}

#[tokio::test]
async fn a_busy_registry_is_asked_again() {
    let empty = json!({"items": []});
    let server = StandIn::start([Answer::status(503), Answer::status(429), Answer::json(200, empty)]).await;
    let tags = client(&server).tags().await.unwrap();
    assert!(tags.items.is_empty());
    assert_eq!(server.asked().len(), 3);
}

#[tokio::test]
async fn asking_again_ends() {
    let server = StandIn::start((0..20).map(|_| Answer::status(503))).await;
    let error = client(&server).tags().await.unwrap_err();
    assert!(matches!(error, ClientError::Unavailable { outage: Outage::Busy(503), .. }), "{error}");
    assert_eq!(server.asked().len(), 1 + Timeouts::default().repeats);
}

#[tokio::test]
async fn a_failure_of_the_registry_is_not_repeated() {
    let server = StandIn::start([Answer::status(500), Answer::json(200, json!({"items": []}))]).await;
    let error = client(&server).tags().await.unwrap_err();
    assert!(matches!(error, ClientError::Unavailable { outage: Outage::Failed { status: 500, .. }, .. }), "{error}");
    assert_eq!(server.asked().len(), 1);
}

#[tokio::test]
async fn silence_before_and_within_an_answer_ends_the_call() {
    for answer in [Answer::Hangs, Answer::Stalls(b"{\"items\":".to_vec())] {
        let server = StandIn::start([answer]).await;
        let error = client(&server).tags().await.unwrap_err();
        assert!(matches!(error, ClientError::Unavailable { outage: Outage::Silent(_), .. }), "{error}");
        assert_eq!(server.asked().len(), 1, "silence is not repeated");
    }
}

#[tokio::test]
async fn a_broken_answer_is_asked_for_again_from_the_start() {
    let blob = manifest(b"{}", b"layer", 5);
    let server = StandIn::start([Answer::Breaks(blob[..20].to_vec()), manifest_answer(&blob)]).await;
    let reference = Reference::Digest(Digest::sha256(&blob));
    let manifest = client(&server).manifest(&name(), &reference).await.unwrap();
    assert_eq!(manifest.bytes, blob);
    assert_eq!(server.asked().len(), 2);
}

#[tokio::test]
async fn a_flood_is_cut_off() {
    let server = StandIn::start([Answer::Floods]).await;
    let reference = Reference::Tag("1.0.0".parse().unwrap());
    let error = client(&server).manifest(&name(), &reference).await.unwrap_err();
    assert!(matches!(error, ClientError::TooLarge { maximum, .. } if maximum == 4 << 20), "{error}");
}

#[tokio::test]
async fn other_bytes_than_asked_for_are_never_handed_out() {
    let (right, wrong) = (manifest(b"{}", b"layer", 5), manifest(b"{}", b"other", 5));
    // By digest, whatever the registry says of it; by tag, against its own word.
    let server = StandIn::start([manifest_answer(&wrong)]).await;
    let reference = Reference::Digest(Digest::sha256(&right));
    let error = client(&server).manifest(&name(), &reference).await.unwrap_err();
    assert!(matches!(error, ClientError::NotVerified { .. }), "{error}");

    let headers = vec![("docker-content-digest", Digest::sha256(&right).to_string())];
    let server = StandIn::start([Answer::Whole(200, headers, wrong)]).await;
    let reference = Reference::Tag("1.0.0".parse().unwrap());
    let error = client(&server).manifest(&name(), &reference).await.unwrap_err();
    assert!(matches!(error, ClientError::NotVerified { .. }), "{error}");
}

#[tokio::test]
async fn a_layer_of_other_bytes_or_size_is_never_opened() {
    let config = b"{}";
    for (served, size) in [(&b"other"[..], 5), (&b"layer"[..], 6), (&b"layer, and more"[..], 5)] {
        let bytes = manifest(config, b"layer", size);
        let server = StandIn::start([manifest_answer(&bytes), whole(config), whole(served)]).await;
        let error = client(&server).pull(&wanted("acme/hello@1.0.0")).await.unwrap_err();
        assert!(matches!(error, ClientError::NotVerified { .. }), "{served:?}: {error}");
    }
}

#[tokio::test]
async fn a_layer_that_claims_too_much_is_not_asked_for() {
    let bytes = manifest(b"{}", b"layer", 1 << 40);
    let server = StandIn::start([manifest_answer(&bytes)]).await;
    let error = client(&server).pull(&wanted("acme/hello@1.0.0")).await.unwrap_err();
    assert!(matches!(error, ClientError::TooLarge { .. }), "{error}");
    assert_eq!(server.asked(), ["GET /v2/acme/hello/manifests/1.0.0"]);
}

#[tokio::test]
async fn a_layer_that_is_no_archive_says_so() {
    let (config, layer) = (b"{}", b"\x1f\x8b\x08 not really");
    let bytes = manifest(config, layer, layer.len());
    let server = StandIn::start([manifest_answer(&bytes), whole(config), whole(layer)]).await;
    let error = client(&server).pull(&wanted("acme/hello@1.0.0")).await.unwrap_err();
    assert!(matches!(error, ClientError::Unpack { .. }), "{error}");
}

#[tokio::test]
async fn a_page_that_is_no_registry_is_told_apart_from_a_missing_name() {
    let html = || Answer::Whole(404, vec![("content-type", "text/html".into())], b"<html>not here</html>".to_vec());
    let server = StandIn::start([html()]).await;
    let error = client(&server).package(&name()).await.unwrap_err();
    assert!(matches!(error, ClientError::NotUnderstood { .. }), "{error}");

    let problem =
        json!({"type": "about:blank#not_found", "title": "", "status": 404, "detail": "no package acme/hello"});
    let server = StandIn::start([Answer::json(404, problem)]).await;
    let error = client(&server).package(&name()).await.unwrap_err();
    assert!(matches!(error, ClientError::NotFound { .. }), "{error}");
}

#[tokio::test]
async fn a_range_takes_the_best_release_of_all_pages() {
    let blob = manifest(b"{}", b"layer", 5);
    let release = |version: &str, yanked: bool| {
        json!({"version": version, "digest": Digest::sha256(&blob), "yanked": yanked, "deprecated": false,
            "published": "2026-01-31T09:30:00.000000Z"})
    };
    let server = StandIn::start([
        Answer::json(200, json!({"items": [release("2.0.0", false), release("1.9.0", true)], "next": "abc"})),
        Answer::json(200, json!({"items": [release("1.1.0", false), release("1.0.0", false)]})),
        Answer::status(404),
    ])
    .await;
    client(&server).pull(&wanted("acme/hello@^1")).await.unwrap_err();
    let digest = Digest::sha256(&blob);
    let asked = server.asked();
    assert_eq!(asked[0], "GET /api/v1/artifacts/acme/hello/versions");
    assert_eq!(asked[1], "GET /api/v1/artifacts/acme/hello/versions?cursor=abc");
    assert_eq!(asked[2], format!("GET /v2/acme/hello/manifests/{digest}"));

    let server = StandIn::start([Answer::json(200, json!({"items": [release("1.9.0", true)]}))]).await;
    let error = client(&server).pull(&wanted("acme/hello@^1")).await.unwrap_err();
    assert!(matches!(error, ClientError::NoMatch(_)), "{error}");
}

#[tokio::test]
async fn an_import_that_ends_without_its_summary_is_no_success() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let item = json!({"source": "a.pcl", "kind": "persona", "name": "acme/a", "version": "1.0.0",
        "outcome": "published", "renamed": false, "diagnostics": 0});
    let lines = |text: String| Answer::Whole(200, Vec::new(), text.into_bytes());
    let server = StandIn::start([lines(format!("{item}\n{item}"))]).await;
    let mut answer = client(&server).import("acme", file.path(), Some("a.pcl"), ImportOf::Each).await.unwrap();
    assert_eq!(server.asked(), ["POST /api/v1/import?org=acme&path=a.pcl"]);
    for _ in 0..2 {
        assert!(matches!(answer.next().await, Ok(ImportLine::Item(_))));
    }
    let error = answer.next().await.unwrap_err();
    assert!(matches!(error, ClientError::Unavailable { outage: Outage::Broken(_), .. }), "{error}");

    let problem = json!({"type": "about:blank#unknown", "title": "Insufficient Storage", "status": 507, "detail": "the disk is full"});
    let server = StandIn::start([lines(format!("{item}\n{problem}\n"))]).await;
    let mut answer = client(&server).import("acme", file.path(), Some("a.pcl"), ImportOf::Each).await.unwrap();
    assert!(matches!(answer.next().await, Ok(ImportLine::Item(_))));
    let error = answer.next().await.unwrap_err();
    assert!(error.to_string().contains("the disk is full"), "{error}");

    // And one that is refused is not tried twice: it is not known to be without effect.
    let server = StandIn::start([Answer::status(503)]).await;
    assert!(client(&server).import("acme", file.path(), None, ImportOf::Each).await.is_err());
    assert_eq!(server.asked().len(), 1);
}

#[tokio::test]
async fn a_lost_race_says_which_digest_is_published() {
    let published = Digest::sha256(b"the other one");
    let refused = json!({"errors": [{"code": "DENIED", "message": "taken", "detail": {"digest": published}}]});
    let unknown = || Answer::json(404, json!({"errors": [{"code": "MANIFEST_UNKNOWN", "message": "unknown"}]}));
    let server =
        StandIn::start([unknown(), Answer::status(200), Answer::status(200), Answer::json(409, refused)]).await;
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/personas/reviewer.pcl");
    let tree = pcl_registry::client::read_files(&folder, &Default::default()).unwrap().tree;
    let finding = pcl_registry::pcl::read_tree(&tree, None, None);
    let config = pcl_registry::domain::Config {
        schema: 1,
        name: String::new(),
        version: "1.0.0".parse().unwrap(),
        kind: finding.kind,
        about: finding.about,
        primary: finding.primary,
        source: None,
        tree: tree.digest(),
    };
    let error = client(&server).push(&name(), &tree, config).await.unwrap_err();
    let ClientError::VersionExists { published: Some(found), .. } = error else { panic!("{error}") };
    assert_eq!(found, published);
    assert!(server.asked()[3].starts_with("PUT /v2/acme/hello/manifests/1.0.0"));
}

#[test]
fn manifests_of_the_stand_in_are_valid() {
    let bytes = manifest(b"{}", b"layer", 5);
    assert!(Manifest::parse(bytes.into(), Some(OCI_MANIFEST), Algorithm::Sha256).is_ok());
}
