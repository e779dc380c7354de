//! Changes one after the other, and a mixed load from several clients, over HTTP against the real server.

use std::net::SocketAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use pcl_registry::domain::{About, Kind};

use crate::backend::SAMPLE;
use crate::connection::Connection;
use crate::made::Made;
use crate::population::{Population, RELEASES, Random, tag};
use crate::push::push;
use crate::questions::{Times, encoded, times};
use crate::server::Server;

/// Clients of the mixed load, each with one connection that waits for its answer.
pub const CLIENTS: u64 = 16;
/// How long the mixed load lasts, and how long it runs before it counts.
const LOAD: Duration = Duration::from_secs(20);
const WARM_UP: Duration = Duration::from_secs(4);

/// Requests a second of the load that is not as fast as it goes; with a publish of five an operation is 1.24 of them.
pub const STEADY: u64 = 1000;
const OPERATION: f64 = 1.24;

/// How fast the clients ask.
#[derive(Clone, Copy)]
pub enum Pace {
    /// Each as soon as it is answered.
    Full,
    /// [`STEADY`] requests a second, all clients together, each operation at its time; who is late asks at once, and its wait counts.
    Steady,
}

/// What the mixture is.
pub const MIXTURE: &str = "of 100 operations 35 read a package by name, 20 a version, 15 a manifest by tag, 10 a page of a list with a \
    filter, 5 resolve a range, 5 search, 6 publish a version (five requests) and 4 yank, deprecate or take that back";

/// What the mixed load came to.
pub struct Load {
    /// Operations a second; a publish is one.
    pub operations: f64,
    /// Requests a second.
    pub requests: f64,
    /// The server's processor time, microseconds an operation.
    pub cpu: f64,
    pub reads: Times,
    pub publishes: Times,
    pub changes: Times,
}

/// A version that nobody has published yet, of a skill that is there; `number` differs for each.
fn next_version(population: Population, run: u64, number: u64) -> Made {
    let mut package = Random::new(number ^ run << 20).below(population.packages);
    while population.kind(package) != Kind::Skill {
        package = (package + 1) % population.packages;
    }
    let about: About = population.about(package);
    let text = format!("# {}\n\nWritten anew, for the time {number}.\n", about.title.clone().unwrap_or_default());
    Made::version(&population.name(package), &format!("2.{run}.{number}"), about, &text)
}

/// Changes by one client: how long a whole push takes, its last request, a yank, a deprecation, a draft.
pub fn changes(server: &Server, population: Population, run: u64) -> Vec<(String, Times)> {
    let mut connection = Connection::open(server.address);
    let mut micros: [Vec<f64>; 5] = Default::default();
    for number in 0..200 {
        let made = next_version(population, run, 1_000_000 + number);
        let begun = Instant::now();
        for (digest, bytes) in &made.blobs {
            assert_eq!(connection.push_blob(&made.repository, digest, bytes), 201, "a blob of {}", made.repository);
        }
        let last = Instant::now();
        let status = connection.push_manifest(&made.repository, &made.tag, &made.manifest);
        assert_eq!(status, 201, "{} {}", made.repository, made.tag);
        micros[0].push(begun.elapsed().as_secs_f64() * 1e6);
        micros[1].push(last.elapsed().as_secs_f64() * 1e6);
        let begun = Instant::now();
        let target = format!("/api/v1/drafts?name={}&version=3.{run}.{number}", made.repository);
        let answer = connection.send("POST", &target, "application/gzip", &made.blobs[1].1);
        assert_eq!(answer.status, 201, "{}", String::from_utf8_lossy(&answer.body));
        micros[4].push(begun.elapsed().as_secs_f64() * 1e6);
        let version = format!("/api/v1/artifacts/{}/versions/{}", made.repository, made.tag);
        for (at, action) in ["yank", "deprecate"].iter().enumerate() {
            let begun = Instant::now();
            let answer = connection.send("POST", &format!("{version}/{action}"), "application/json", b"{}");
            assert_eq!(answer.status, 204, "{}", String::from_utf8_lossy(&answer.body));
            micros[2 + at].push(begun.elapsed().as_secs_f64() * 1e6);
        }
    }
    let names = ["publish, five requests", "publish, its last request", "yank", "deprecate", "create a draft"];
    names.iter().map(|name| (*name).to_owned()).zip(micros.map(times)).collect()
}

/// The mixed load.
pub fn load(server: &Server, population: Population, run: u64, pace: Pace) -> Load {
    let (operations, requests, number) = (AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0));
    let micros: Mutex<[Vec<f64>; 3]> = Mutex::default();
    let begun = Instant::now();
    let from = begun + WARM_UP;
    let between = Duration::from_secs_f64(OPERATION * CLIENTS as f64 / STEADY as f64);
    let cpu = std::thread::scope(|scope| {
        for client in 0..CLIENTS {
            let (operations, requests, number, micros) = (&operations, &requests, &number, &micros);
            scope.spawn(move || {
                let mut mine: [Vec<f64>; 3] = Default::default();
                let mut user = User::new(server.address, population, run, client);
                let mut due = begun + between.mul_f64(client as f64 / CLIENTS as f64);
                while from.elapsed() < LOAD {
                    let late = match pace {
                        Pace::Full => Duration::ZERO,
                        Pace::Steady => {
                            std::thread::sleep(due.saturating_duration_since(Instant::now()));
                            let late = due.elapsed();
                            due += between;
                            late
                        }
                    };
                    let operation = user.next(number);
                    if Instant::now() < from {
                        continue;
                    }
                    operations.fetch_add(1, Ordering::Relaxed);
                    requests.fetch_add(operation.requests, Ordering::Relaxed);
                    mine[operation.class].push(operation.micros + late.as_secs_f64() * 1e6);
                }
                let mut all = micros.lock().expect("nobody panicked");
                all.iter_mut().zip(mine).for_each(|(all, mine)| all.extend(mine));
            });
        }
        std::thread::sleep(WARM_UP);
        let before = server.processes.cpu();
        std::thread::sleep(LOAD);
        server.processes.cpu() - before
    });
    let [reads, publishes, changes] = micros.into_inner().expect("nobody panicked").map(times);
    let operations = operations.into_inner() as f64;
    Load {
        operations: operations / LOAD.as_secs_f64(),
        requests: requests.into_inner() as f64 / LOAD.as_secs_f64(),
        cpu: cpu.as_secs_f64() * 1e6 / operations,
        reads,
        publishes,
        changes,
    }
}

struct Operation {
    /// 0 read, 1 publish, 2 another change.
    class: usize,
    requests: u64,
    micros: f64,
}

struct User {
    connection: Connection,
    random: Random,
    population: Population,
    run: u64,
}

impl User {
    fn new(address: SocketAddr, population: Population, run: u64, client: u64) -> Self {
        Self { connection: Connection::open(address), random: Random::new(client ^ run << 8), population, run }
    }

    fn next(&mut self, number: &AtomicU64) -> Operation {
        let choice = self.random.below(100);
        if (90..96).contains(&choice) {
            let made = next_version(self.population, self.run, number.fetch_add(1, Ordering::Relaxed));
            let begun = Instant::now();
            push(&mut self.connection, &made);
            return Operation { class: 1, requests: 5, micros: begun.elapsed().as_secs_f64() * 1e6 };
        }
        let package = self.random.below(self.population.packages);
        let sampled = package / SAMPLE * SAMPLE;
        let artifact = |package| format!("/api/v1/artifacts/{}", self.population.name(package));
        let version = Population::version(self.random.below(RELEASES));
        let (method, target) = match choice {
            0..35 => ("GET", artifact(package)),
            35..55 => ("GET", format!("{}/versions/{version}", artifact(sampled))),
            55..70 => ("GET", format!("/v2/{}/manifests/{version}", self.population.name(sampled))),
            70..80 => {
                let filter = match self.random.below(4) {
                    0 => format!("tag={}", tag(self.random.below(100))),
                    1 => format!("kind=persona&tag={}", tag(self.random.below(20))),
                    2 => format!("org={}", self.population.name(package).org()),
                    _ => "field=governance.risk_classification%3Dcritical".to_owned(),
                };
                ("GET", format!("/api/v1/artifacts?limit=20&{filter}"))
            }
            80..85 => ("GET", format!("{}/resolve?range=^1.0.0", artifact(package))),
            85..90 => {
                let title = self.population.about(package).title.unwrap_or_default();
                ("GET", format!("/api/v1/search?limit=10&q={}", encoded(&title)))
            }
            97 => ("DELETE", format!("{}/versions/1.3.0/yank", artifact(package))),
            98 => ("POST", format!("{}/versions/1.4.0/deprecate", artifact(package))),
            _ => ("POST", format!("{}/versions/1.3.0/yank", artifact(package % 1000))),
        };
        let begun = Instant::now();
        let answer = self.connection.send(method, &target, "", &[]);
        let micros = begun.elapsed().as_secs_f64() * 1e6;
        assert!(matches!(answer.status, 200 | 204), "{method} {target}: {}", String::from_utf8_lossy(&answer.body));
        Operation { class: if choice < 90 { 0 } else { 2 }, requests: 1, micros }
    }
}
