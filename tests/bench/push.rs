//! Pushing from several clients at once, each with one connection, and counting what it cost.

use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Barrier, Mutex};
use std::time::{Duration, Instant};

use crate::connection::Connection;
use crate::made::Made;
use crate::server::Server;

/// What pushing measured.
#[derive(Clone, Debug, Default)]
pub struct Pushed {
    pub artifacts: usize,
    pub seconds: f64,
    /// How long each took, in no order.
    pub micros: Vec<f64>,
    /// Processor time of the server, in seconds.
    pub cpu: f64,
}

impl Pushed {
    pub fn rate(&self) -> f64 {
        self.artifacts as f64 / self.seconds
    }

    /// Processor time of the server for one artifact, in microseconds.
    pub fn cpu_each(&self) -> f64 {
        self.cpu * 1e6 / self.artifacts as f64
    }
}

/// Pushes one artifact; every answer must be 201.
pub fn push(connection: &mut Connection, made: &Made) {
    for (digest, bytes) in &made.blobs {
        assert_eq!(connection.push_blob(&made.repository, digest, bytes), 201, "a blob of {}", made.repository);
    }
    assert_eq!(connection.push_manifest(&made.repository, &made.tag, &made.manifest), 201, "{}", made.repository);
}

/// Pushes what `make` makes of the numbers from 0, made before the clock starts, until all or the time is used up.
pub fn push_all(server: &Server, clients: usize, time: Duration, made: &[Made]) -> Pushed {
    let (next, ready) = (AtomicUsize::new(0), Barrier::new(clients + 1));
    let micros = Mutex::new(Vec::with_capacity(made.len()));
    std::thread::scope(|scope| {
        for _ in 0..clients {
            scope.spawn(|| client(server.address, &ready, &next, time, made, &micros));
        }
        ready.wait();
        let (begun, before) = (Instant::now(), server.processes.cpu());
        ready.wait();
        let (seconds, cpu) = (begun.elapsed().as_secs_f64(), (server.processes.cpu() - before).as_secs_f64());
        let micros = std::mem::take(&mut *micros.lock().expect("no client has failed"));
        Pushed { artifacts: micros.len(), seconds, micros, cpu }
    })
}

fn client(
    address: SocketAddr,
    ready: &Barrier,
    next: &AtomicUsize,
    time: Duration,
    made: &[Made],
    micros: &Mutex<Vec<f64>>,
) {
    let mut connection = Connection::open(address);
    let mut own = Vec::with_capacity(made.len());
    ready.wait();
    let until = Instant::now() + time;
    while Instant::now() < until
        && let Some(made) = made.get(next.fetch_add(1, Ordering::SeqCst))
    {
        let begun = Instant::now();
        push(&mut connection, made);
        own.push(begun.elapsed().as_secs_f64() * 1e6);
    }
    micros.lock().expect("no client has failed").append(&mut own);
    ready.wait();
}

/// Calls of fsync, fdatasync and their like for one artifact, counted by strace while one client pushes `made`.
///
/// `None` where strace cannot attach.
pub fn syncs_each(server: &Server, made: &[Made]) -> Option<f64> {
    let log = tempfile::NamedTempFile::new().ok()?;
    let mut strace = Command::new("strace")
        .args(["-f", "-e", "trace=fsync,fdatasync,sync_file_range,syncfs,sync", "-o"])
        .arg(log.path())
        .args(["-p", &server.id().to_string()])
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    std::thread::sleep(Duration::from_secs(1));
    if !matches!(strace.try_wait(), Ok(None)) {
        return None;
    }
    push_all(server, 1, Duration::from_secs(60), made);
    let _ = Command::new("kill").arg("-INT").arg(strace.id().to_string()).status();
    let _ = strace.wait();
    let text = std::fs::read_to_string(log.path()).ok()?;
    let calls = text.lines().filter(|line| line.contains("sync") && !line.contains("resumed")).count();
    Some(calls as f64 / made.len() as f64)
}

/// What one server left unwritten must not be written at the cost of the next.
pub fn write_out() {
    let _ = Command::new("sync").status();
}
