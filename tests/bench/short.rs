//! The short form: this registry alone, less than a minute, processor time and allocations of a request for each case.

use std::time::Duration;

use crate::counted::Counted;
use crate::load::wrk;
use crate::made::Made;
use crate::push::push_all;
use crate::reads;
use crate::server::{Server, Which};

const ROUND: Duration = Duration::from_secs(2);

pub fn run() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (plain, counting) = (folder.path().join("plain"), folder.path().join("counting"));
    let server = Server::start(Which::Pclr, &plain);
    let mut counted = Counted::start(&counting);
    reads::fill(&server, &plain);
    reads::fill(&counted.server, &counting);
    println!("{:<22} {:>10} {:>10} {:>12} {:>8} {:>8}", "case", "req/s", "CPU µs", "allocations", "p50 µs", "p99 µs");
    for case in reads::small() {
        wrk(&server, &case.target, 16, Duration::from_secs(1));
        let round = wrk(&server, &case.target, 16, ROUND);
        let before = counted.allocations();
        let requests = wrk(&counted.server, &case.target, 16, Duration::from_secs(1)).requests;
        let each = (counted.allocations() - before) as f64 / requests;
        let [p50, _, p99] = round.latency;
        println!(
            "{:<22} {:>10.0} {:>10.1} {each:>12.1} {p50:>8.0} {p99:>8.0}",
            case.name,
            round.rate(),
            round.cpu_each()
        );
    }
    for clients in [1, 8] {
        let made: Vec<Made> = (0..8000).map(|seed| Made::plain(&format!("bench/push{clients}"), seed, 2048)).collect();
        let (some, rest) = made.split_at(500);
        let pushed = push_all(&server, clients, Duration::from_secs(4), rest);
        let before = counted.allocations();
        push_all(&counted.server, clients, Duration::from_secs(60), some);
        let each = (counted.allocations() - before) as f64 / some.len() as f64;
        let name = format!("push, {clients} clients");
        println!("{name:<22} {:>10.0} {:>10.1} {each:>12.1}", pushed.rate(), pushed.cpu_each());
    }
    let memory = server.processes.memory();
    println!("resident: {} MiB now, {} MiB at most", memory.now >> 20, memory.peak >> 20);
}
