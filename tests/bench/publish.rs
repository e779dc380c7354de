//! How long a publish takes: by a server over a folder and over a bucket, and by `pclr push --store` with no server.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::bucket::Bucket;
use crate::document;
use crate::made::{Made, noise};
use crate::push::{push_all, write_out};
use crate::questions::times;
use crate::server::Server;
use crate::table::{Table, millis, thousands};

/// How long each case goes on, if what was made is not used up before.
const TIME: Duration = Duration::from_secs(15);
/// Packages that are made for each case.
const MADE: u64 = 16_000;
/// Packages of each case that are published before the clock starts.
const WARM: usize = 40;
/// How often `pclr push --store` is called.
const CALLS: u64 = 200;

/// Measures all, and writes it down.
pub fn run() {
    let remark = format!(
        "A publish is a new skill of some 2 KiB in the five requests of an artifact, over one connection a client, for {} s; a server keeps its \
         static tree and its search index meanwhile. `pclr push --store` is the whole process, {CALLS} times, one after another. S3 is \
         SeaweedFS on the same machine, which syncs nothing and shares the processors. CPU: the server's own for a publish.",
        TIME.as_secs()
    );
    let columns =
        ["store", "who decides", "clients", "publishes", "publishes/s", "p50 ms", "p95 ms", "p99 ms", "CPU µs"];
    let mut table = Table::new("Publishing into a folder and into a bucket", &remark, &columns);
    let bucket = Bucket::open();
    served(&mut table, ["folder", "SQLite"], &[], &[]);
    for (owner, metadata) in [("SQLite", None), ("the bucket", Some("memory:"))] {
        let store = bucket.place(owner.trim_start_matches("the "));
        let mut arguments = vec!["--store", &store];
        arguments.extend(metadata.map(|metadata| ["--metadata", metadata]).into_iter().flatten());
        served(&mut table, ["S3", owner], &arguments, &bucket.variables);
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    let store = format!("file:{}", folder.path().join("store").display());
    serverless(&mut table, "folder", &store, &[]);
    serverless(&mut table, "S3", &bucket.place("serverless"), &bucket.variables);
    document::write_part("publish", &document::printed(&[table]));
}

/// By a server, with one client and with eight.
fn served(table: &mut Table, what: [&str; 2], arguments: &[&str], variables: &[(String, String)]) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let server = Server::start_with(folder.path(), arguments, variables);
    for clients in [1, 8] {
        let made: Vec<Made> = (0..MADE).map(|number| skill(clients, number)).collect();
        let (first, rest) = made.split_at(WARM);
        push_all(&server, clients, TIME, first);
        settle(&server);
        write_out();
        let pushed = push_all(&server, clients, TIME, rest);
        let mut cells = what.map(str::to_owned).to_vec();
        cells.extend([clients.to_string(), thousands(pushed.artifacts as f64), thousands(pushed.rate())]);
        let cpu = thousands(pushed.cpu_each());
        cells.extend(times(pushed.micros).map(millis));
        cells.push(cpu);
        table.row(&cells);
        settle(&server);
    }
}

/// Until what was published is in the tree and in the index, and the server rests.
fn settle(server: &Server) {
    let begun = Instant::now();
    let mut before = server.processes.cpu();
    let mut rests = 0;
    // The catalogue gathers changes for some seconds before it is written.
    while rests < 12 && begun.elapsed() < Duration::from_secs(120) {
        std::thread::sleep(Duration::from_secs(1));
        let now = server.processes.cpu();
        rests = if now - before > Duration::from_millis(30) { 0 } else { rests + 1 };
        before = now;
    }
}

fn skill(clients: usize, number: u64) -> Made {
    let name = format!("org-{}/skill-{clients}-{number}", number % 50);
    Made::skill(&name, &format!("Skill {number}"), &text(number << 8 | clients as u64))
}

/// Some 2 KiB that compress little, in words.
pub fn text(seed: u64) -> String {
    let mut text = String::new();
    for byte in noise(seed, 1200).chunks(3) {
        for byte in byte {
            let _ = write!(text, "{byte:02x}");
        }
        text.push(' ');
    }
    text
}

/// By processes that come and go.
fn serverless(table: &mut Table, what: &str, store: &str, variables: &[(String, String)]) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let begun = Instant::now();
    let micros: Vec<f64> = (0..CALLS).map(|number| push_to_store(folder.path(), number, store, variables)).collect();
    let rate = CALLS as f64 / begun.elapsed().as_secs_f64();
    let mut cells = vec![what.to_owned(), "`pclr push --store`".to_owned(), "1".to_owned()];
    cells.extend([thousands(CALLS as f64), thousands(rate)]);
    cells.extend(times(micros).map(millis));
    cells.push(String::new());
    table.row(&cells);
}

/// Publishes the package of that number by `pclr push --store`; microseconds of the process.
pub fn push_to_store(folder: &Path, number: u64, store: &str, variables: &[(String, String)]) -> f64 {
    let source = folder.join(number.to_string());
    fs::create_dir_all(&source).expect("a folder");
    let text = format!("---\nname: pushed-{number}\ndescription: About {number}\n---\n\n{}\n", text(number));
    fs::write(source.join("SKILL.md"), text).expect("a file");
    let mut command = Command::new(env!("CARGO_BIN_EXE_pclr"));
    command.arg("push").arg(&source).arg(format!("pushed/skill-{number}@1.0.0")).args(["--store", store]);
    command.envs(variables.iter().cloned()).stdout(Stdio::null());
    let begun = Instant::now();
    let status = command.status().expect("it runs");
    assert!(status.success(), "{command:?}: {status}");
    begun.elapsed().as_secs_f64() * 1e6
}
