//! Pulls from a copy of `public/` behind nginx with the file that is shipped for it, beside the registry that it was copied from.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use pcl_registry::domain::Digest;
use serde_json::Value;

use crate::connection::Connection;
use crate::load::{Round, median, wrk_each};
use crate::made::Made;
use crate::publish::text;
use crate::push::push;
use crate::server::{Server, Which};
use crate::table::{Table, millis, thousands};

const PACKAGES: u64 = 200;
const ROUNDS: usize = 5;
const ROUND: Duration = Duration::from_secs(2);
const CONNECTIONS: usize = 16;

/// Pulls, and the requests that they consist of.
pub fn pulls() -> Table {
    let remark = format!(
        "A pull is three requests: manifest by tag, config, layer. {PACKAGES} skills of some 2 KiB in turn, {CONNECTIONS} connections, {ROUNDS} \
         rounds of {} s in turn, the round in the middle. nginx has two workers, `deploy/static/nginx.conf`, and a copy of what the registry \
         keeps in `public/`. CPU: the server's own, user and system, a request.",
        ROUND.as_secs()
    );
    let columns = ["case", "server", "pulls/s", "requests/s", "CPU µs", "p50 ms", "p95 ms", "p99 ms"];
    let mut table = Table::new("Pulls from a copy", &remark, &columns);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let registry = Server::start(Which::Pclr, &folder.path().join("registry"));
    let made = publish(&registry);
    let public = folder.path().join("registry/data/store/public");
    wait_for_tree(&public);
    let copy = folder.path().join("public");
    let copied = Command::new("cp").arg("-R").arg(&public).arg(&copy).status().expect("cp runs");
    assert!(copied.success());
    let servers = [Server::start_copy(&copy, &folder.path().join("nginx")), registry];
    for (name, of_each, requests) in cases() {
        let targets: Vec<String> = made.iter().flat_map(of_each).collect();
        says_the_same(&servers, &targets);
        let file = folder.path().join("targets");
        fs::write(&file, targets.join("\n")).expect("a file");
        let mut rounds: [Vec<Round>; 2] = [Vec::new(), Vec::new()];
        for round in 0..=ROUNDS {
            for (server, rounds) in servers.iter().zip(&mut rounds) {
                let measured = wrk_each(server, &file, CONNECTIONS, ROUND);
                assert_eq!(measured.errors, 0.0, "{name} of {}", server.which.name());
                // The first warms up.
                if round > 0 {
                    rounds.push(measured);
                }
            }
        }
        for (server, rounds) in servers.iter().zip(rounds) {
            let middle = median(rounds);
            let pulls = requests.map_or_else(String::new, |requests| thousands(middle.rate() / requests));
            let mut cells = vec![name.to_owned(), server.which.name().to_owned(), pulls, thousands(middle.rate())];
            cells.push(format!("{:.1}", middle.cpu_each()));
            cells.extend(middle.latency.map(millis));
            table.row(&cells);
        }
    }
    table
}

/// A name, what it asks for of each package, and how many requests are a pull.
type Case = (&'static str, fn(&Made) -> Vec<String>, Option<f64>);

fn cases() -> [Case; 4] {
    [
        ("a pull", |made| [by_tag(made), blobs(made)].concat(), Some(3.0)),
        ("manifest by tag", by_tag, None),
        ("manifest by digest", by_digest, None),
        ("config and layer", blobs, None),
    ]
}

fn by_tag(made: &Made) -> Vec<String> {
    vec![format!("/v2/{}/manifests/{}", made.repository, made.tag)]
}

fn by_digest(made: &Made) -> Vec<String> {
    vec![format!("/v2/{}/manifests/{}", made.repository, Digest::sha256(&made.manifest))]
}

fn blobs(made: &Made) -> Vec<String> {
    made.blobs.iter().map(|(digest, _)| format!("/v2/{}/blobs/{digest}", made.repository)).collect()
}

fn publish(registry: &Server) -> Vec<Made> {
    let mut connection = Connection::open(registry.address);
    let skill = |number| Made::skill(&format!("org-{}/skill-{number}", number % 20), "A skill", &text(number));
    let made: Vec<Made> = (0..PACKAGES).map(skill).collect();
    made.iter().for_each(|made| push(&mut connection, made));
    made
}

/// Until the tree says that it shows every package.
fn wait_for_tree(public: &Path) {
    let (begun, document): (Instant, PathBuf) = (Instant::now(), public.join("registry.json"));
    let shown = || -> Option<u64> {
        let document: Value = serde_json::from_slice(&fs::read(&document).ok()?).ok()?;
        document["as_of"].as_u64()
    };
    while shown().is_none_or(|shown| shown < PACKAGES) {
        assert!(begun.elapsed() < Duration::from_secs(60), "{} shows all in the end", document.display());
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// What is measured is the same work: both answer every request, with the same bytes.
fn says_the_same(servers: &[Server; 2], targets: &[String]) {
    let mut connections = servers.each_ref().map(|server| Connection::open(server.address));
    for target in targets {
        let [one, other] = connections.each_mut().map(|connection| connection.send("GET", target, "", &[]));
        assert_eq!((one.status, other.status), (200, 200), "{target}");
        assert!(one.body == other.body, "{target}");
    }
}
