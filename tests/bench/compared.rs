//! This registry beside its peers, in rounds that take turns: what one machine's mood does to one it does to all.

use std::path::Path;
use std::time::Duration;

use crate::load::{Round, median, wrk};
use crate::made::Made;
use crate::push::{Pushed, push_all, syncs_each, write_out};
use crate::reads;
use crate::server::{Server, Which};
use crate::table::{Table, mib, millis, thousands};

const ALL: [Which; 4] = [Which::Nginx, Which::Distribution, Which::Ferro, Which::Pclr];
const REGISTRIES: [Which; 3] = [Which::Distribution, Which::Ferro, Which::Pclr];
const ROUNDS: usize = 5;
const ROUND: Duration = Duration::from_secs(2);

fn start(which: Which, folder: &Path) -> Server {
    Server::start(which, &folder.join(which.name()))
}

fn start_filled(folder: &Path) -> Vec<Server> {
    let servers: Vec<Server> = ALL.iter().map(|&which| start(which, folder)).collect();
    for server in &servers {
        reads::fill(server, &folder.join(server.which.name()));
    }
    servers
}

/// Small reads over 16 connections.
pub fn small_reads() -> Table {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let servers = start_filled(folder.path());
    let remark = format!(
        "16 connections, {ROUNDS} rounds of {} s in turn, the round in the middle. CPU: the server's own, user and system, a request.",
        ROUND.as_secs()
    );
    let columns = ["case", "server", "requests/s", "CPU µs", "p50 ms", "p95 ms", "p99 ms"];
    let mut table = Table::new("Small reads", &remark, &columns);
    for case in reads::small() {
        let mut rounds: Vec<Vec<Round>> = servers.iter().map(|_| Vec::new()).collect();
        for round in 0..=ROUNDS {
            for (server, rounds) in servers.iter().zip(&mut rounds) {
                let measured = wrk(server, &case.target, 16, ROUND);
                let expected = if case.name == "404" { measured.requests } else { 0.0 };
                assert_eq!(measured.errors, expected, "{} of {}", case.name, server.which.name());
                // The first warms up.
                if round > 0 {
                    rounds.push(measured);
                }
            }
        }
        for (server, rounds) in servers.iter().zip(rounds) {
            let middle = median(rounds);
            let mut cells = vec![case.name.to_owned(), server.which.name().to_owned(), thousands(middle.rate())];
            cells.push(format!("{:.1}", middle.cpu_each()));
            cells.extend(middle.latency.map(millis));
            table.row(&cells);
        }
    }
    table
}

/// Large blobs, and what memory they take.
pub fn large_reads() -> Table {
    let remark = "CPU: the server's own for each MiB. Memory: the most that was resident during the rounds.";
    let columns = ["case", "server", "MB/s", "CPU µs/MiB", "resident MiB"];
    let mut table = Table::new("Large blobs", remark, &columns);
    for (name, length, connections) in [("10 MiB, 4 connections", 10 << 20, 4), ("1 GiB, 2 connections", 1 << 30, 2)] {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut servers = start_filled(folder.path());
        let (bytes, case) = reads::large(length);
        servers.retain(|server| {
            let taken = reads::fill_large(server, &folder.path().join(server.which.name()), &bytes);
            if !taken {
                table.row(&[name, server.which.name(), "refuses it", "", ""].map(str::to_owned));
            }
            taken
        });
        drop(bytes);
        let mut rounds: Vec<Vec<Round>> = servers.iter().map(|_| Vec::new()).collect();
        let mut peaks = vec![0; servers.len()];
        for round in 0..=3 {
            for (at, server) in servers.iter().enumerate() {
                server.processes.forget_peak();
                let measured = wrk(server, &case.target, connections, 2 * ROUND);
                if round > 0 {
                    rounds[at].push(measured);
                    peaks[at] = server.processes.memory().peak.max(peaks[at]);
                }
            }
        }
        for ((server, mut rounds), peak) in servers.iter().zip(rounds).zip(peaks) {
            let rate = |round: &Round| round.bytes / round.seconds;
            rounds.sort_by(|one, other| rate(one).total_cmp(&rate(other)));
            let middle = rounds[rounds.len() / 2];
            let cpu = middle.cpu * 1e6 / (middle.bytes / f64::from(1 << 20));
            let cells = [thousands(rate(&middle) / 1e6), thousands(cpu), mib(peak)];
            table.row(&[&[name.to_owned(), server.which.name().to_owned()], &cells[..]].concat());
        }
    }
    table
}

/// Artifacts pushed by 1 and by 8 clients.
pub fn pushes() -> Table {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let servers: Vec<Server> = REGISTRIES.iter().map(|&which| start(which, folder.path())).collect();
    let remark = "A config of 512 B, a layer of 2 KiB and a manifest, all distinct, in five requests over one connection a client; \
        three rounds of 3 s in turn, each begun with nothing left to write, the round in the middle. CPU: the server's own for an artifact. Syncs: calls of fsync, fdatasync \
        and their like for an artifact, counted in a run of their own.";
    let columns = ["clients", "server", "artifacts/s", "CPU µs", "syncs, 1 client"];
    let mut table = Table::new("Pushes", remark, &columns);
    let made = |what: &str, round: u64, number: u64| -> Vec<Made> {
        let repository = format!("bench/{what}{round}");
        (0..number).map(|seed| Made::plain(&repository, round * 1_000_000 + seed, 2048)).collect()
    };
    let counted = made("syncs", 0, 60);
    let count = |server: &Server| {
        write_out();
        syncs_each(server, &counted)
    };
    let syncs: Vec<Option<f64>> = servers.iter().map(count).collect();
    for clients in [1, 8] {
        let mut rounds: Vec<Vec<Pushed>> = servers.iter().map(|_| Vec::new()).collect();
        for round in 0..=3 {
            let made = made(&format!("push{clients}-"), round, 8000);
            for (server, rounds) in servers.iter().zip(&mut rounds) {
                write_out();
                let pushed = push_all(server, clients, Duration::from_secs(3), &made);
                if round > 0 {
                    rounds.push(pushed);
                }
            }
        }
        for ((server, mut rounds), syncs) in servers.iter().zip(rounds).zip(&syncs) {
            rounds.sort_by(|one, other| one.rate().total_cmp(&other.rate()));
            let middle = &rounds[rounds.len() / 2];
            let syncs = syncs.map_or("not counted here".to_owned(), |syncs| format!("{syncs:.1}"));
            let name = server.which.name().to_owned();
            table.row(&[clients.to_string(), name, thousands(middle.rate()), thousands(middle.cpu_each()), syncs]);
        }
    }
    table
}
