//! Memory and time of pushes of 5 GiB, by each way to send them, into a folder and into a bucket.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::ops::Range;
use std::time::{Duration, Instant};

use pcl_registry::domain::{Algorithm, Digest, Hasher};

use crate::bucket::Bucket;
use crate::document;
use crate::server::Server;
use crate::table::{Table, mib};

const MIB: usize = 1 << 20;
const SIZE: usize = 5 << 30;
/// Length of a chunk where a blob is sent in many.
const CHUNK: usize = 64 * MIB;
/// How many push at once, and how much each: 16 of 5 GiB have no room on most disks.
const AT_ONCE: u8 = 16;
const EACH: usize = 256 * MIB;

/// What is pushed: its bytes follow from the seed.
struct Blob {
    seed: u8,
    size: usize,
    digest: Digest,
}

/// How it is sent, after the POST that begins an upload.
#[derive(Clone, Copy)]
enum Way {
    /// One PUT.
    Whole,
    /// A PATCH for each piece of that length, and a PUT without a body.
    Pieces(usize),
}

/// Measures all, and writes it down.
pub fn run() {
    let remark = "Each in a server of its own. Memory: of the server, resident after the start and at most. S3 is SeaweedFS on the same machine, \
                  and the client makes the bytes there too.";
    let columns = ["store", "push", "resident MiB, idle", "most", "seconds"];
    let mut table = Table::new("Large pushes", remark, &columns);
    let large = Blob::new(1, SIZE);
    let several: Vec<Blob> = (0..AT_ONCE).map(|seed| Blob::new(seed, EACH)).collect();
    for store in ["folder", "S3"] {
        let mut row = |what: &str, push: &dyn Fn(SocketAddr)| measure(&mut table, store, what, push);
        row("5 GiB by POST, PUT", &|to| large.push(to, Way::Whole));
        row("5 GiB by POST, PATCH, PUT", &|to| large.push(to, Way::Pieces(SIZE)));
        if store == "folder" {
            row("5 GiB in chunks of 64 MiB", &|to| large.push(to, Way::Pieces(CHUNK)));
        }
        row("16 at once of 256 MiB, half by PUT and half by PATCH", &|to| {
            std::thread::scope(|scope| {
                for blob in &several {
                    let way = if blob.seed % 2 == 0 { Way::Whole } else { Way::Pieces(EACH) };
                    scope.spawn(move || blob.push(to, way));
                }
            });
        });
    }
    document::write_part("uploads", &document::printed(&[table]));
}

/// In a store that goes when it is measured: together they have no room on most disks.
fn measure(table: &mut Table, store: &str, what: &str, push: &dyn Fn(SocketAddr)) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let bucket = (store == "S3").then(Bucket::open);
    let server = match &bucket {
        Some(bucket) => {
            let name = format!("uploads-{}", what.len());
            Server::start_with(folder.path(), &["--store", &bucket.place(&name)], &bucket.variables)
        }
        None => Server::start_with(folder.path(), &[], &[]),
    };
    let idle = server.processes.memory().now;
    let begun = Instant::now();
    push(server.address);
    let seconds = begun.elapsed().as_secs();
    let most = server.processes.memory().peak;
    table.row(&[store.to_owned(), what.to_owned(), mib(idle), mib(most), seconds.to_string()]);
}

impl Blob {
    fn new(seed: u8, size: usize) -> Self {
        let mut hasher = Hasher::new(Algorithm::Sha256);
        (0..size).step_by(MIB).for_each(|at| hasher.update(&piece(seed, at)));
        Self { seed, size, digest: hasher.finish() }
    }

    fn push(&self, to: SocketAddr, way: Way) {
        let (status, session) = send(to, "POST", "/v2/bench/large/blobs/uploads/", 0, 0..0);
        assert_eq!(status, 202, "an upload begins");
        let target = format!("{session}?digest={}", self.digest);
        let rest = match way {
            Way::Whole => 0..self.size,
            Way::Pieces(length) => {
                for at in (0..self.size).step_by(length) {
                    assert_eq!(send(to, "PATCH", &session, self.seed, at..at + length).0, 202, "the piece is taken");
                }
                0..0
            }
        };
        assert_eq!(send(to, "PUT", &target, self.seed, rest).0, 201, "it is taken");
    }
}

/// The MiB that begins at `at`: no other is like it.
fn piece(seed: u8, at: usize) -> Vec<u8> {
    let mut piece = vec![seed; MIB];
    piece[..8].copy_from_slice(&(at as u64).to_le_bytes());
    piece
}

/// Sends a request whose body is made meanwhile; gives the status and the place that it names.
fn send(to: SocketAddr, method: &str, target: &str, seed: u8, part: Range<usize>) -> (u16, String) {
    let mut stream = TcpStream::connect(to).expect("a connection");
    // The end of a long upload takes a while where it is read and written once more.
    stream.set_read_timeout(Some(Duration::from_secs(1800))).expect("a TCP stream has this option");
    let length = part.len();
    let head =
        format!("{method} {target} HTTP/1.1\r\nHost: {to}\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n");
    stream.write_all(head.as_bytes()).expect("the server takes the request");
    part.step_by(MIB).for_each(|at| stream.write_all(&piece(seed, at)).expect("the server takes the bytes"));
    let lines: Vec<String> = BufReader::new(stream).lines().map_while(Result::ok).collect();
    let status = lines.first().and_then(|line| line.split(' ').nth(1)).and_then(|status| status.parse().ok());
    let location = lines.iter().find_map(|line| line.strip_prefix("location: ")).unwrap_or_default();
    (status.expect("a status line"), location.to_owned())
}
