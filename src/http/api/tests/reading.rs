//! Packages, versions, files, ranges, and the changes of a version's state.

use axum::body::Body;
use http::Request;
use http::header::IF_NONE_MATCH;

use super::world::{LOGO, World};

#[tokio::test]
async fn lists_are_filtered_and_ordered() {
    let world = World::open().await;
    let names = async |query: &str| world.get(&format!("/api/v1/artifacts{query}")).await.each("/items", "/name");
    assert_eq!(names("").await, ["acme/planner", "acme/review", "other/crew"]);
    assert_eq!(names("?sort=updated").await, ["other/crew", "acme/planner", "acme/review"]);
    assert_eq!(names("?kind=skill,team").await, ["acme/review", "other/crew"]);
    assert_eq!(names("?kind=skill&kind=persona").await, ["acme/planner", "acme/review"]);
    assert_eq!(names("?tag=code,planning").await, ["other/crew"]);
    assert_eq!(names("?org=acme&skill=Patience").await, ["acme/planner", "acme/review"]);
    assert_eq!(names("?tag=nothing").await, [""; 0]);
}

#[tokio::test]
async fn pages_follow_each_other_to_the_end() {
    let world = World::open().await;
    for path in
        ["/api/v1/artifacts?limit=1", "/api/v1/artifacts?limit=1&sort=updated", "/api/v1/search?limit=1&sort=name"]
    {
        let (list, mut uri, mut names) =
            (if path.contains("search") { "/hits" } else { "/items" }, path.to_owned(), Vec::new());
        loop {
            let page = world.get(&uri).await;
            assert_eq!(page.status, 200, "{uri}: {}", page.text());
            names.extend(page.each(list, "/name"));
            let Some(next) = page.json()["next"].as_str().map(str::to_owned) else { break };
            uri = format!("{path}&cursor={next}");
        }
        names.sort_unstable();
        assert_eq!(names, ["acme/planner", "acme/review", "other/crew"], "{path}");
    }
    let first = world.get("/api/v1/artifacts/acme/review/versions?limit=2").await;
    assert_eq!(first.each("/items", "/version"), ["2.0.0-rc.1", "1.1.0"]);
    let next = first.json()["next"].as_str().unwrap().to_owned();
    let last = world.get(&format!("/api/v1/artifacts/acme/review/versions?limit=2&cursor={next}")).await;
    assert_eq!(last.each("/items", "/version"), ["1.0.0"]);
    assert!(last.json().get("next").is_none());
}

#[tokio::test]
async fn a_package_is_described_by_its_latest_version() {
    let world = World::open().await;
    let package = world.get("/api/v1/artifacts/acme/review").await.json();
    assert_eq!((&package["latest"], &package["versions"]), (&"1.1.0".into(), &3.into()));
    let detail = world.get("/api/v1/artifacts/acme/review/versions/1.1.0").await.json();
    assert_eq!(detail["config"]["license"], "MIT");
    let paths: Vec<_> = detail["files"].as_array().unwrap().iter().map(|file| file["path"].as_str().unwrap()).collect();
    assert_eq!(paths, ["SKILL.md", "assets/logo.png"]);
}

#[tokio::test]
async fn files_come_as_they_are_and_nothing_runs_in_a_browser() {
    let world = World::open().await;
    let source = "/api/v1/artifacts/acme/review/versions/1.1.0/source";
    let text = world.get(source).await;
    assert_eq!(text.text(), "# review\n\nVersion 1.1.0 reads <b>pull requests</b> with care.\n");
    assert_eq!(text.header("content-type"), "text/plain; charset=utf-8");
    assert_eq!(text.header("x-content-type-options"), "nosniff");
    let logo = world.get(&format!("{source}?file=assets/logo.png")).await;
    assert_eq!((logo.header("content-type"), &logo.body[..]), ("application/octet-stream", LOGO));
    assert_eq!(world.get(&format!("{source}?file=missing.md")).await.status, 404);
    assert_eq!(world.get(&format!("{source}?file=../secret")).await.status, 400);
}

#[tokio::test]
async fn what_a_client_holds_is_not_sent_again() {
    let world = World::open().await;
    for path in ["", "/versions", "/versions/1.0.0", "/versions/1.0.0/source"] {
        let uri = format!("/api/v1/artifacts/acme/review{path}");
        let etag = world.get(&uri).await.header("etag").to_owned();
        let again = async |etag: &str| {
            world.send(Request::get(&uri).header(IF_NONE_MATCH, etag).body(Body::empty()).unwrap()).await
        };
        let held = again(&etag).await;
        assert_eq!((held.status, held.body.len(), held.header("etag")), (304, 0, etag.as_str()), "{uri}");
        assert_eq!(again(&format!("W/{etag}, \"x\"")).await.status, 304);
        assert_eq!(again("\"x\"").await.status, 200);
    }
}

#[tokio::test]
async fn head_says_the_length_and_sends_nothing() {
    let world = World::open().await;
    for uri in ["/api/v1/artifacts/acme/review", "/api/v1/search?q=review", "/health"] {
        let (get, head) = (world.get(uri).await, world.ask("HEAD", uri, Body::empty()).await);
        assert_eq!((head.status, head.body.len()), (200, 0), "{uri}");
        assert_eq!(head.header("content-length"), get.body.len().to_string(), "{uri}");
    }
}

#[tokio::test]
async fn a_range_resolves_and_a_yank_takes_out_of_it() {
    let world = World::open().await;
    let resolve = async |range: &str| {
        let found = world.get(&format!("/api/v1/artifacts/acme/review/resolve?range={range}")).await;
        found.json()["release"]["version"].as_str().map(str::to_owned)
    };
    assert_eq!(resolve("%5E1").await.as_deref(), Some("1.1.0"));
    assert_eq!(resolve("%3E%3D2.0.0-a").await.as_deref(), Some("2.0.0-rc.1"));
    let any = world.get("/api/v1/artifacts/acme/review/resolve").await.json();
    assert_eq!((&any["range"], &any["release"]["version"]), (&"*".into(), &"1.1.0".into()));

    let nothing = world.get("/api/v1/artifacts/acme/review/resolve?range=%5E2").await;
    assert_eq!(nothing.status, 404);
    assert!(nothing.json()["hint"].as_str().unwrap().contains("pre-release"), "{}", nothing.text());

    let yank = "/api/v1/artifacts/acme/review/versions/1.1.0/yank";
    for body in [r#"{"reason":"it deletes files"}"#, "", "{}", "null"] {
        assert_eq!(world.ask("POST", yank, body).await.status, 204, "{body}");
    }
    assert_eq!(resolve("%5E1").await.as_deref(), Some("1.0.0"));
    assert_eq!(resolve("1.1.0").await.as_deref(), Some("1.1.0"));
    for _ in 0..2 {
        assert_eq!(world.ask("DELETE", yank, Body::empty()).await.status, 204);
    }
    assert_eq!(resolve("%5E1").await.as_deref(), Some("1.1.0"));
}

#[tokio::test]
async fn all_that_choosing_versions_takes_is_one_answer() {
    let world = World::open().await;
    let uri = "/api/v1/artifacts/acme/review/resolution";
    let (resolution, list) = (world.get(uri).await.json(), world.get("/api/v1/artifacts/acme/review/versions").await);
    assert_eq!((&resolution["name"], &resolution["kind"]), (&"acme/review".into(), &"skill".into()));
    let (versions, items) = (resolution["versions"].as_array().unwrap(), list.json());
    let items = items["items"].as_array().unwrap();
    assert!(versions.len() > 2 && versions.len() == items.len());
    for (version, item) in versions.iter().zip(items) {
        let detail = format!("/api/v1/artifacts/acme/review/versions/{}", item["version"].as_str().unwrap());
        let detail = world.get(&detail).await.json();
        for key in ["version", "digest", "yanked", "deprecated", "published"] {
            assert_eq!(version[key], item[key], "{key}");
        }
        assert_eq!(version["tree"], detail["config"]["tree"]);
        assert_eq!(version["dependencies"], detail["config"]["dependencies"]);
    }
    assert_eq!(world.get("/api/v1/artifacts/acme/absent/resolution").await.status, 404);
}

#[tokio::test]
async fn a_deleted_version_comes_back() {
    let world = World::open().await;
    let uri = "/api/v1/artifacts/acme/planner/versions/0.1.0";
    let (actor, repository) = (crate::domain::Actor::Operator, "acme/planner".parse().unwrap());
    let tag = crate::domain::Reference::Tag("0.1.0".parse().unwrap());
    world.registry.delete_manifest(&actor, &repository, &tag).await.unwrap();
    assert_eq!(world.get(uri).await.status, 404);
    assert_eq!(world.ask("POST", &format!("{uri}/restore"), Body::empty()).await.status, 204);
    assert_eq!(world.get(uri).await.status, 200);
}
