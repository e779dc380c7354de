//! A large catalogue in each durable database: how long every sort of question and change takes, and how much of a mixed load
//! each bears.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Instant;

use crate::backend::{Backend, Filled};
use crate::connection::Connection;
use crate::document;
use crate::mixed::{self, CLIENTS, MIXTURE, Pace, STEADY};
use crate::population::Population;
use crate::questions::{self, Times};
use crate::server::Server;
use crate::table::{Table, mib, millis, thousands};

/// How many versions, and where the catalogues are kept for the next time.
const VERSIONS: &str = "PCLR_BENCH_VERSIONS";
const FOLDER: &str = "PCLR_BENCH_DATA";
/// Which databases, with commas between them; all if not given.
const DATABASES: &str = "PCLR_BENCH_DATABASES";
/// Only questions whose name has this in it, and no load.
const ONLY: &str = "PCLR_BENCH_ONLY";

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Makes what is not there, asks, and prints the tables.
pub fn run() {
    let versions = variable(VERSIONS).map_or(1_000_000, |versions| versions.parse().expect("a number of versions"));
    let population = Population::of_versions(versions);
    let kept = variable(FOLDER).map_or_else(|| PathBuf::from("target/bench-data"), PathBuf::from);
    let folder = kept.join(population.versions().to_string());
    let wanted = variable(DATABASES);
    let backends: Vec<Backend> = Backend::ALL
        .into_iter()
        .filter(|backend| wanted.as_ref().is_none_or(|wanted| wanted.split(',').any(|name| name == backend.name())))
        .collect();
    let mut measured = Measured::default();
    for &backend in &backends {
        measure(backend, population, &folder, &mut measured);
    }
    let text = document::printed(&measured.tables(population, &backends));
    if backends.len() == Backend::ALL.len() && variable(ONLY).is_none() {
        document::write_part("databases", &text);
    }
}

/// Rows in the order in which they were met, with what each database came to.
#[derive(Default)]
struct Measured {
    names: Vec<String>,
    times: BTreeMap<(String, &'static str), Times>,
    sums: Vec<Vec<String>>,
}

impl Measured {
    fn take(&mut self, name: &str, backend: Backend, times: Times) {
        eprintln!("{} {name}: {}", backend.name(), times.map(millis).join("  "));
        if !self.names.iter().any(|known| known == name) {
            self.names.push(name.to_owned());
        }
        self.times.insert((name.to_owned(), backend.name()), times);
    }

    fn tables(&self, population: Population, backends: &[Backend]) -> Vec<Table> {
        let size = format!(
            "{} versions of {} packages",
            thousands(population.versions() as f64),
            thousands(population.packages as f64)
        );
        let settings: Vec<String> =
            backends.iter().map(|backend| format!("{}: {}", backend.name(), backend.settings())).collect();
        let remark = format!(
            "{size}. One client over one connection, one request after the other; milliseconds, of which half, 95 and 99 in a \
             hundred took less. The database's files are read once before. {}.",
            settings.join("; ")
        );
        let mut columns = vec!["what".to_owned()];
        for backend in backends {
            columns.extend(["p50", "p95", "p99"].map(|part| format!("{} {part}", backend.name())));
        }
        let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
        let mut each = Table::new("Databases", &remark, &columns);
        for name in &self.names {
            let mut cells = vec![name.clone()];
            for backend in backends {
                let times = self.times.get(&(name.clone(), backend.name()));
                cells.extend(times.map_or_else(Default::default, |times| times.map(millis)));
            }
            each.row(&cells);
        }
        let remark = format!(
            "{size}; {CLIENTS} clients on the same two cores: {MIXTURE}. An operation of several requests counts once. As fast as it goes: a \
             client asks again as soon as it is answered, so that what is left of the processors is nothing and times are those of a \
             queue; else each operation has its time, and the wait of one that is late counts. CPU: the registry's own, without \
             the database server's."
        );
        let columns = [
            "database",
            "load",
            "operations/s",
            "requests/s",
            "CPU µs",
            "reads p50",
            "p95",
            "p99",
            "publishes p50",
            "p95",
            "p99",
            "changes p95",
            "resident MiB",
            "on disk MiB",
        ];
        let mut load = Table::new("Mixed load on databases", &remark, &columns);
        self.sums.iter().for_each(|cells| load.row(cells));
        vec![each, load]
    }
}

fn measure(backend: Backend, population: Population, folder: &std::path::Path, measured: &mut Measured) {
    let begun = Instant::now();
    let filled = Filled::open(backend, population, folder);
    eprintln!("{}: {} events, ready after {:.0} s", backend.name(), filled.head, begun.elapsed().as_secs_f64());
    filled.warm();
    let server = Server::start_on(&filled.data, &filled.metadata);
    let mut connection = Connection::open(server.address);
    while connection.send("GET", "/ready", "", &[]).status != 200 {
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    let only = variable(ONLY);
    let sorts = questions::sorts(population, &mut connection);
    for sort in sorts.iter().filter(|sort| only.as_ref().is_none_or(|only| sort.name.contains(only))) {
        measured.take(&sort.name, backend, questions::ask(&mut connection, sort));
    }
    if only.is_some_and(|only| only != "load") {
        return;
    }
    // What is published in one run is not published again in the next.
    let run = filled.head - population.versions();
    for (name, times) in mixed::changes(&server, population, run) {
        measured.take(&name, backend, times);
    }
    for (at, pace) in [Pace::Full, Pace::Steady].into_iter().enumerate() {
        filled.warm();
        // Numbers of versions that are published, as of runs, are not used twice.
        let load = mixed::load(&server, population, run + at as u64, pace);
        let mut cells = vec![backend.name().to_owned()];
        cells.push(match pace {
            Pace::Full => "as fast as it goes".to_owned(),
            Pace::Steady => format!("{STEADY} requests/s"),
        });
        cells.extend([load.operations, load.requests, load.cpu].map(thousands));
        cells.extend(load.reads.map(millis));
        cells.extend(load.publishes.map(millis));
        cells.push(millis(load.changes[1]));
        cells.push(mib(server.processes.memory().peak));
        cells.push(mib(filled.bytes()));
        eprintln!("{}", cells.join("  "));
        measured.sums.push(cells);
    }
}
