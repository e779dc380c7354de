//! Load from wrk, and what it measured.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::server::Server;

/// What one round measured.
#[derive(Clone, Copy, Debug, Default)]
pub struct Round {
    /// Requests that were answered.
    pub requests: f64,
    /// Seconds that it took.
    pub seconds: f64,
    /// Processor time of the server, in seconds.
    pub cpu: f64,
    /// Bytes that came.
    pub bytes: f64,
    /// Latency in microseconds: half, 95 and 99 in a hundred were faster.
    pub latency: [f64; 3],
    /// Answers that were no 2xx or 3xx, and connections that failed.
    pub errors: f64,
}

impl Round {
    pub fn rate(&self) -> f64 {
        self.requests / self.seconds
    }

    /// Processor time of the server for one request, in microseconds.
    pub fn cpu_each(&self) -> f64 {
        self.cpu * 1e6 / self.requests
    }
}

/// The round in the middle by its rate: a busy machine spoils the slowest, luck makes the fastest.
pub fn median(mut rounds: Vec<Round>) -> Round {
    rounds.sort_by(|one, other| one.rate().total_cmp(&other.rate()));
    rounds[rounds.len() / 2]
}

/// Asks for one target over some connections for a while.
pub fn wrk(server: &Server, target: &str, connections: usize, time: Duration) -> Round {
    load(server, target, connections, time, None)
}

/// Asks for the targets that a file has on its lines, in turn.
pub fn wrk_each(server: &Server, targets: &Path, connections: usize, time: Duration) -> Round {
    load(server, "/", connections, time, Some(targets))
}

fn load(server: &Server, target: &str, connections: usize, time: Duration, targets: Option<&Path>) -> Round {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bench/report.lua");
    let before = server.processes.cpu();
    let output = Command::new("wrk")
        // docker-registry shows OCI manifests only to those who ask for them.
        .args(["--header", "Accept: application/vnd.oci.image.manifest.v1+json, */*"])
        .args(["--threads", "1", "--connections", &connections.to_string(), "--timeout", "30s"])
        .args(["--duration", &format!("{}s", time.as_secs().max(1))])
        .arg("--script")
        .arg(script)
        .arg(format!("http://{}{target}", server.address))
        .args(targets.map(|targets| ["--".as_ref(), targets.as_os_str()]).into_iter().flatten())
        .output()
        .expect("wrk runs; tests/bench/run installs it");
    let cpu = (server.processes.cpu() - before).as_secs_f64();
    let text = String::from_utf8_lossy(&output.stdout);
    let line = text.lines().find_map(|line| line.strip_prefix("measured ")).unwrap_or_else(|| panic!("{text}"));
    let numbers: Vec<f64> = line.split(' ').map(|number| number.parse().expect("a number")).collect();
    Round {
        requests: numbers[0],
        seconds: numbers[1] / 1e6,
        bytes: numbers[2],
        latency: [numbers[3], numbers[4], numbers[5]],
        errors: numbers[6],
        cpu,
    }
}
