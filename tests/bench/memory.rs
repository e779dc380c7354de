//! Memory while much happens at once.

use std::io::Write;
use std::net::TcpStream;
use std::time::Duration;

use crate::connection::Connection;
use crate::made::noise;
use crate::reads;
use crate::server::{Server, Which};
use crate::table::{Table, mib};

const AT_ONCE: usize = 64;
/// What each of the pushes sends before it hangs up: the disk has not room for 64 GiB everywhere.
const SENT: usize = 256 << 20;
const IDLE: usize = 10_000;

/// Resident memory, most and last, under each sort of load.
pub fn memory() -> Table {
    let mut table = Table::new("Memory of this registry", "", &["case", "resident MiB, most", "after"]);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let server = Server::start(Which::Pclr, folder.path());
    let mut measure = |case: &str, load: &mut dyn FnMut()| {
        server.processes.forget_peak();
        load();
        let peak = server.processes.memory().peak;
        std::thread::sleep(Duration::from_secs(2));
        table.row(&[case.to_owned(), mib(peak), mib(server.processes.memory().now)]);
    };
    measure("idle, empty", &mut || ());
    let (bytes, case) = reads::large(1 << 30);
    measure("one push of 1 GiB", &mut || {
        assert!(reads::fill_large(&server, folder.path(), &bytes), "it is taken");
    });
    drop(bytes);
    measure("64 pulls of 1 GiB at once", &mut || {
        at_once(|_| {
            let length = Connection::open(server.address).drain(&case.target);
            assert_eq!(length, 1 << 30, "the whole blob comes");
        });
    });
    measure("64 pushes of 1 GiB at once, each cut off after 256 MiB", &mut || {
        at_once(|number| cut_off(&server, number))
    });
    let mut connections = Vec::new();
    measure("10,000 idle connections", &mut || {
        for _ in 0..IDLE {
            let mut connection = Connection::open(server.address);
            assert_eq!(connection.send("GET", "/v2/", "", &[]).status, 200, "each has asked once");
            connections.push(connection);
        }
    });
    table
}

fn at_once(work: impl Fn(u64) + Sync) {
    std::thread::scope(|scope| {
        for number in 0..AT_ONCE as u64 {
            let work = &work;
            scope.spawn(move || work(number));
        }
    });
}

fn cut_off(server: &Server, number: u64) {
    let bytes = noise(number, 1 << 20);
    let mut stream = TcpStream::connect(server.address).expect("a connection");
    let target = format!("/v2/bench/cut{number}/blobs/uploads/?digest=sha256:{}", "0".repeat(64));
    let head = format!("POST {target} HTTP/1.1\r\nHost: {}\r\nContent-Length: {}\r\n\r\n", server.address, 1 << 30);
    stream.write_all(head.as_bytes()).expect("the server takes the request");
    for _ in 0..SENT / bytes.len() {
        stream.write_all(&bytes).expect("the server takes the bytes");
    }
}
