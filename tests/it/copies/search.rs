//! `pclr search` without a server finds what the server finds whose index was just made anew.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::copy::{Copy, KEPT, kept, kept_bench, rendered};
use super::corpus::published;
use super::server::{FileServer, Program};
use crate::world::start_server_with;

/// Words that people look for, in several scripts, with phrases, filters, exclusions and typing mistakes.
const QUESTIONS: [&str; 50] = [
    "code review",
    "security",
    "python",
    "rust programming",
    "write tests",
    "database",
    "postgres migration",
    "kubernetes",
    "translate",
    "travel guide",
    "poem",
    "story teller",
    "interview",
    "marketing",
    "seo",
    "data science",
    "machine learning",
    "debug",
    "refactor legacy code",
    "documentation",
    "api design",
    "react frontend",
    "typescript",
    "golang",
    "java",
    "incident response",
    "performance",
    "accessibility",
    "figma design",
    "product manager",
    "legal contract",
    "medical",
    "teacher",
    "math tutor",
    "chess",
    "music composer",
    "pdf",
    "spreadsheet",
    "powerpoint slides",
    "brainstorming",
    "\"unit tests\"",
    "\"pull request\"",
    "kubernets",
    "secrity",
    "agent -python",
    "kind:skill testing",
    "kind:team",
    "写作",
    "the",
    "hello",
];

fn search(url: &str, cache: &Path, words: &[&str]) -> Value {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pclr"));
    command.args(["search", "--output", "json", "--limit", "10", "--facets", "--registry", url, "--cache"]).arg(cache);
    let output = command.arg("--").args(words).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    serde_json::from_str(&text).unwrap_or_else(|_| panic!("{words:?}: {}", String::from_utf8_lossy(&output.stderr)))
}

/// Names in their order, and all counts.
fn found(page: &Value) -> (Vec<&str>, &Value, &Value) {
    let names = page["hits"].as_array().unwrap().iter().map(|hit| hit["name"].as_str().unwrap()).collect();
    (names, &page["total"], &page["facets"])
}

#[tokio::test]
async fn fifty_questions_have_the_same_ten_answers() {
    let mut world = kept();
    published(&world);
    rendered(world.data(), world.address).await;
    world.kill();
    // A new index: nothing in it was ever replaced.
    std::fs::remove_dir_all(world.data().join("search")).unwrap();
    let (registry, _server) = start_server_with(world.data(), &KEPT);
    indexed(registry).await;
    let public = rendered(world.data(), registry).await;
    let (cache, registry) = (tempfile::tempdir().unwrap(), format!("http://{registry}"));
    // Python's server gives no entity tags, which is another way to the same index: a few questions tell.
    for (program, questions) in [(Program::Nginx, &QUESTIONS[..]), (Program::Python, &QUESTIONS[..3])] {
        let Some(server) = FileServer::start(program, &public) else { continue };
        let mut answered = 0;
        for &question in questions {
            let (expected, answer) =
                (search(&registry, cache.path(), &[question]), search(&server.url(), cache.path(), &[question]));
            assert_eq!(found(&answer), found(&expected), "{program:?} {question}");
            answered += usize::from(!found(&answer).0.is_empty());
        }
        assert!(answered > 0, "no question of fifty had an answer");
    }
}

async fn indexed(registry: std::net::SocketAddr) {
    for _ in 0..6000 {
        let ready = crate::script::wire::Request::new("GET", "/ready").send(registry).await.unwrap().unwrap();
        let ready: Value = serde_json::from_slice(&ready.body).unwrap_or_default();
        if ready["head"].is_u64() && ready["head"] == ready["indexed"] {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("the index is not made");
}

#[tokio::test]
async fn what_was_fetched_is_kept_and_what_has_changed_is_fetched_again() {
    let bench = kept_bench();
    bench.publish("acme/one 1.0.0\nacme/two 1.0.0");
    let public = rendered(&bench.beside("data"), bench.address()).await;
    // The tree of the registry itself, as it changes.
    let Some(server) = FileServer::start(Program::Nginx, &public) else { return };
    let url = server.url();
    let names = |words: &[&str]| -> Vec<String> {
        let page = search(&url, &bench.beside("cache"), words);
        page["hits"].as_array().unwrap().iter().map(|hit| hit["name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names(&["kind:skill"]), ["acme/one", "acme/two"]);
    bench.publish("acme/three 1.0.0");
    rendered(&bench.beside("data"), bench.address()).await;
    assert_eq!(names(&["kind:skill"]), ["acme/one", "acme/three", "acme/two"]);
    bench.done(&["visibility", "acme/two", "unlisted"]);
    rendered(&bench.beside("data"), bench.address()).await;
    assert_eq!(names(&["kind:skill"]), ["acme/one", "acme/three"]);
    // Damage in the cache is found and fetched again.
    let folder = std::fs::read_dir(bench.beside("cache/catalogues")).unwrap().next().unwrap().unwrap().path();
    for entry in std::fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            std::fs::write(path, b"damage").unwrap();
        }
    }
    std::fs::remove_dir_all(folder.join("index")).unwrap();
    assert_eq!(names(&["kind:skill"]), ["acme/one", "acme/three"]);
    let said = bench.refused(1, &["search", "x", "--registry", &url, "--visibility", "private", "--org", "acme"]);
    assert!(said.contains("a copy holds public artifacts only"), "{said}");
    let said = bench.refused(1, &["search", "nothinglikethis", "--registry", &url]);
    assert!(said.contains("nothing matches"), "{said}");
}

/// A search that ends half-way has fetched some of what is new. The next one must not take that for what it knows already.
#[tokio::test]
async fn what_a_search_that_failed_had_fetched_is_found_by_the_next() {
    let bench = kept_bench();
    bench.publish("acme/one 1.0.0");
    let (data, address) = (bench.beside("data"), bench.address());
    let before = Copy::of(&data, address).await;
    bench.publish("acme/three 1.0.0");
    let after = Copy::of(&data, address).await;
    let parts =
        |copy: &Copy| copy.files().into_iter().filter(|path| path.starts_with("catalogue/")).collect::<Vec<_>>();
    let (old, new) = (parts(&before), parts(&after));
    assert_eq!((old.len(), new.len()), (1, 2), "each package in a part of its own");
    let served = before.without("nothing");
    let Some(server) = FileServer::start(Program::Nginx, served.path()) else { return };
    let (url, cache) = (server.url(), bench.beside("cache"));
    let names = || -> Vec<String> {
        let page = search(&url, &cache, &["kind:skill"]);
        page["hits"].as_array().unwrap().iter().map(|hit| hit["name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names(), ["acme/one"]);
    for path in new.iter().filter(|path| !old.contains(path)).chain([&"registry.json".to_owned()]) {
        served.write(path, &after.read(path));
    }
    std::fs::remove_file(served.path().join(&old[0])).unwrap();
    // Which part comes first is nobody's choice: often enough, the new one does.
    for _ in 0..8 {
        bench.refused(1, &["search", "kind:skill", "--registry", &url]);
    }
    served.write(&old[0], &before.read(&old[0]));
    assert_eq!(names(), ["acme/one", "acme/three"]);
}
