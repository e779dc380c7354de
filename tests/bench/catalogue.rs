//! What only a catalogue has: import, search, and a start with much in it.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::connection::Connection;
use crate::corpus;
use crate::load::wrk;
use crate::made::{Made, corpus_texts};
use crate::push::{push, push_all};
use crate::server::{Server, Which};
use crate::table::{Table, mib, millis, thousands};

/// How many packages the large catalogue has.
const LARGE: usize = 100_000;

/// Import, search and start-up. `None` where the corpus is absent.
pub fn catalogue() -> Option<Vec<Table>> {
    let (corpus, texts) = (corpus::folder()?, corpus_texts()?);
    let mut filling = Table::new("Filling a catalogue", "", &["case", "artifacts", "seconds", "artifacts/s", "CPU s"]);
    let remark = "One connection, one question after the other, as a client sees it.";
    let columns = ["packages", "questions", "asked", "p50 ms", "p95 ms", "p99 ms"];
    let mut searches = Table::new("Search", remark, &columns);

    let folder = tempfile::tempdir().expect("a temporary folder");
    let server = Server::start(Which::Pclr, folder.path());
    import(&server, &corpus, &mut filling);
    search(&server, &texts, &mut searches);
    drop(server);

    let folder = tempfile::tempdir().expect("a temporary folder");
    let server = Server::start(Which::Pclr, folder.path());
    fill(&server, &texts, &mut filling);
    search(&server, &texts, &mut searches);
    let mut large = Table::new("With 100,000 packages", "", &["what", "value"]);
    findable(&server, &mut large);
    drop(server);
    restart(folder.path(), &texts, &mut large);
    Some(vec![filling, searches, large])
}

fn import(server: &Server, corpus: &Path, table: &mut Table) {
    let (begun, before) = (Instant::now(), server.processes.cpu());
    let output = Command::new(env!("CARGO_BIN_EXE_pclr"))
        .args(["import", "--org", "corpus", "--output", "json", "--registry", &format!("http://{}", server.address)])
        .arg(corpus)
        .stderr(Stdio::null())
        .output()
        .expect("the program runs");
    assert!(output.status.success(), "the corpus is imported");
    let seconds = begun.elapsed().as_secs_f64();
    let cpu = (server.processes.cpu() - before).as_secs_f64();
    // A line for each artifact, and one that sums them up.
    let lines = String::from_utf8_lossy(&output.stdout);
    let sum: Value = serde_json::from_str(lines.lines().last().unwrap_or_default()).expect("JSON");
    let published = sum["published"].as_f64().expect("a number");
    row(table, "import of the corpus", published, seconds, cpu);
}

fn row(table: &mut Table, case: &str, artifacts: f64, seconds: f64, cpu: f64) {
    let cells = [thousands(artifacts), format!("{seconds:.1}"), thousands(artifacts / seconds), format!("{cpu:.1}")];
    table.row(&[&[case.to_owned()], &cells[..]].concat());
}

/// Publishes skills whose words others wrote, 8 clients at once, and waits until all are found.
fn fill(server: &Server, texts: &[(String, String)], table: &mut Table) {
    let (mut pushed, mut seconds, mut cpu) = (0, 0.0, 0.0);
    while pushed < LARGE {
        let next = (pushed + 10_000).min(LARGE);
        let made: Vec<Made> = (pushed..next).map(|number| skill(texts, number)).collect();
        let round = push_all(server, 8, Duration::from_secs(600), &made);
        (pushed, seconds, cpu) = (next, seconds + round.seconds, cpu + round.cpu);
    }
    row(table, "100,000 skills pushed by 8 clients", LARGE as f64, seconds, cpu);
    let begun = Instant::now();
    let mut connection = Connection::open(server.address);
    while total(&mut connection, "") < LARGE as u64 {
        assert!(begun.elapsed() < Duration::from_secs(600), "all are found in the end");
        std::thread::sleep(Duration::from_millis(50));
    }
    row(table, "… until the last is found", 0.0, begun.elapsed().as_secs_f64(), 0.0);
}

fn skill(texts: &[(String, String)], number: usize) -> Made {
    let (title, text) = &texts[number % texts.len()];
    let title = format!("{title} {number}");
    Made::skill(&format!("org{}/skill-{number}", number % 100), &title, text)
}

fn total(connection: &mut Connection, question: &str) -> u64 {
    let answer = connection.send("GET", &format!("/api/v1/search?limit=1&q={question}"), "", &[]);
    let answer: Value = serde_json::from_slice(&answer.body).expect("JSON");
    answer["total"].as_u64().expect("a number")
}

/// Asks questions of three sorts, each answer in full.
fn search(server: &Server, texts: &[(String, String)], table: &mut Table) {
    let mut connection = Connection::open(server.address);
    let packages = thousands(total(&mut connection, "") as f64);
    let titles: Vec<&str> = texts.iter().step_by(texts.len() / 300 + 1).map(|(title, _)| title.as_str()).collect();
    let first = |title: &str| title.split([' ', '-']).next().unwrap_or_default().to_owned();
    let sorts: [(&str, Vec<String>); 3] = [
        ("a whole title", titles.iter().map(|title| (*title).to_owned()).collect()),
        ("one word", titles.iter().map(|title| first(title)).collect()),
        ("one word, with facets", titles.iter().map(|title| first(title)).collect()),
    ];
    for (sort, questions) in sorts {
        let facets = if sort.ends_with("facets") { "&facets=true" } else { "" };
        let mut times = Vec::new();
        for question in &questions {
            let target = format!("/api/v1/search?q={}{facets}", encoded(question));
            let begun = Instant::now();
            let answer = connection.send("GET", &target, "", &[]);
            times.push(begun.elapsed().as_secs_f64() * 1e6);
            assert_eq!(answer.status, 200, "{question}");
        }
        times.sort_by(f64::total_cmp);
        let at = |part: usize| millis(times[(times.len() * part / 100).min(times.len() - 1)]);
        table.row(&[packages.clone(), sort.to_owned(), times.len().to_string(), at(50), at(95), at(99)]);
    }
}

/// How soon a published skill is found.
fn findable(server: &Server, table: &mut Table) {
    let mut connection = Connection::open(server.address);
    let mut times = Vec::new();
    for number in 0..20 {
        let word = format!("zyzzyva{number}");
        push(&mut connection, &Made::skill(&format!("late/{word}"), &word, "Found at once."));
        let begun = Instant::now();
        while total(&mut connection, &word) == 0 {
            assert!(begun.elapsed() < Duration::from_secs(30), "it is found in the end");
        }
        times.push(begun.elapsed().as_secs_f64() * 1e6);
    }
    times.sort_by(f64::total_cmp);
    table.row(&["found after its publish, ms, half of 20".to_owned(), millis(times[10])]);
    table.row(&["found after its publish, ms, slowest of 20".to_owned(), millis(times[19])]);
}

/// A start with everything there, and the memory that it takes.
fn restart(folder: &Path, texts: &[(String, String)], table: &mut Table) {
    let begun = Instant::now();
    let server = Server::start(Which::Pclr, folder);
    let mut connection = Connection::open(server.address);
    while connection.send("GET", "/ready", "", &[]).status != 200 {
        std::thread::sleep(Duration::from_millis(1));
    }
    let ready = begun.elapsed();
    assert!(total(&mut connection, "") >= LARGE as u64, "all are found after a start");
    table.row(&["ready after the start, s".to_owned(), format!("{:.2}", ready.as_secs_f64())]);
    std::thread::sleep(Duration::from_secs(3));
    table.row(&["resident, idle, MiB".to_owned(), mib(server.processes.memory().now)]);
    server.processes.forget_peak();
    for number in (0..LARGE).step_by(LARGE / 2000) {
        let made = skill(texts, number);
        connection.send("GET", &format!("/v2/{}/manifests/1.0.0", made.repository), "", &[]);
    }
    for (title, _) in texts.iter().take(40) {
        let word = encoded(title.split([' ', '-']).next().unwrap_or_default());
        wrk(&server, &format!("/api/v1/search?q={word}"), 16, Duration::from_secs(1));
    }
    table.row(&["resident at most, reads and searches, MiB".to_owned(), mib(server.processes.memory().peak)]);
}

fn encoded(text: &str) -> String {
    text.bytes()
        .map(|byte| if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}
