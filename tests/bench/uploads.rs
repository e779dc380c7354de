//! Memory and time of pushes of 5 GiB, by each way to send them, into a folder and into a bucket.
//!
//! The bucket is the one that `PCLR_TEST_S3` names (`tests/services start FOLDER s3`); without it the folder is measured alone.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::ops::Range;
use std::time::{Duration, Instant};

use pcl_registry::domain::{Algorithm, Digest, Hasher};

use crate::server::Server;
use crate::table::{Table, mib};

const MIB: usize = 1 << 20;
const SIZE: usize = 5 << 30;
/// Length of a chunk where a blob is sent in many.
const CHUNK: usize = 64 * MIB;
/// How many push at once, and how much each: 16 of 5 GiB have no room on most disks.
const AT_ONCE: usize = 16;
const EACH: usize = 512 * MIB;

/// Resident memory of the server and the time that it took.
pub fn uploads() -> Table {
    let mut table = Table::new("Large pushes", "", &["store", "push", "resident MiB, most", "seconds"]);
    measure(&mut table, "folder", None);
    if let Ok(bucket) = std::env::var("PCLR_TEST_S3") {
        let (bucket, options) = bucket.split_once('?').expect("the address names an endpoint");
        let address = format!("{bucket}/bench-{}?{options}", std::process::id());
        measure(&mut table, "S3", Some(&address));
    }
    table
}

fn measure(table: &mut Table, name: &str, store: Option<&str>) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let server = Server::start_over(folder.path(), store);
    let mut row = |what: &str, push: &dyn Fn()| {
        server.processes.forget_peak();
        let begun = Instant::now();
        push();
        let seconds = begun.elapsed().as_secs();
        table.row(&[name.to_owned(), what.to_owned(), mib(server.processes.memory().peak), seconds.to_string()]);
    };
    let to = server.address;
    row("5 GiB by POST, PUT", &|| whole(to, 1, SIZE));
    row("5 GiB by POST, PATCH, PUT", &|| chunks(to, 2, SIZE, SIZE));
    row("5 GiB in chunks of 64 MiB", &|| chunks(to, 3, SIZE, CHUNK));
    row("16 at once of 512 MiB, half by PUT and half by PATCH", &|| {
        std::thread::scope(|scope| {
            for seed in 0..AT_ONCE as u8 {
                scope.spawn(move || match seed % 2 {
                    0 => whole(to, 16 + seed, EACH),
                    _ => chunks(to, 16 + seed, EACH, EACH),
                });
            }
        });
    });
}

fn whole(to: SocketAddr, seed: u8, size: usize) {
    let session = begin(to);
    let target = format!("{session}?digest={}", digest_of(seed, size));
    assert_eq!(send(to, "PUT", &target, seed, 0..size).0, 201, "it is taken");
}

fn chunks(to: SocketAddr, seed: u8, size: usize, chunk: usize) {
    let session = begin(to);
    for at in (0..size).step_by(chunk) {
        assert_eq!(send(to, "PATCH", &session, seed, at..at + chunk).0, 202, "the chunk is taken");
    }
    let target = format!("{session}?digest={}", digest_of(seed, size));
    assert_eq!(send(to, "PUT", &target, seed, 0..0).0, 201, "it is taken");
}

fn begin(to: SocketAddr) -> String {
    let (status, session) = send(to, "POST", "/v2/bench/large/blobs/uploads/", 0, 0..0);
    assert_eq!(status, 202, "an upload begins");
    session
}

/// The MiB that begins at `at`: no other is like it.
fn piece(seed: u8, at: usize) -> Vec<u8> {
    let mut piece = vec![seed; MIB];
    piece[..8].copy_from_slice(&(at as u64).to_le_bytes());
    piece
}

fn digest_of(seed: u8, size: usize) -> Digest {
    let mut hasher = Hasher::new(Algorithm::Sha256);
    (0..size).step_by(MIB).for_each(|at| hasher.update(&piece(seed, at)));
    hasher.finish()
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
