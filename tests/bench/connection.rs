//! One keep-alive connection to a server, blocking: as little work for the client as there can be, so that both cores are the
//! server's.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// A connection.
pub struct Connection {
    stream: BufReader<TcpStream>,
    host: String,
    head: Vec<u8>,
}

/// What a server answered, without its body.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub location: Option<String>,
    pub body: Vec<u8>,
}

impl Connection {
    pub fn open(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).expect("the server accepts a connection");
        stream.set_nodelay(true).expect("a TCP stream has this option");
        stream.set_read_timeout(Some(Duration::from_secs(120))).expect("a TCP stream has this option");
        Self { stream: BufReader::with_capacity(64 << 10, stream), host: address.to_string(), head: Vec::new() }
    }

    /// Sends a request whose body is in memory and reads the answer.
    pub fn send(&mut self, method: &str, target: &str, media_type: &str, body: &[u8]) -> Answer {
        let host = &self.host;
        self.head.clear();
        write!(self.head, "{method} {target} HTTP/1.1\r\nHost: {host}\r\nContent-Length: {}\r\n", body.len())
            .expect("memory can be written");
        if !media_type.is_empty() {
            write!(self.head, "Content-Type: {media_type}\r\n").expect("memory can be written");
        }
        self.head.extend(b"\r\n");
        let stream = self.stream.get_mut();
        if body.len() < 16 << 10 {
            self.head.extend(body);
            stream.write_all(&self.head).expect("the server takes the request");
        } else {
            stream.write_all(&self.head).expect("the server takes the request");
            if stream.write_all(body).is_err() {
                // It hangs up on a body that is too large for it.
                return Answer { status: 413, location: None, body: Vec::new() };
            }
        }
        self.answer(method == "HEAD")
    }

    fn answer(&mut self, is_head: bool) -> Answer {
        let (mut line, mut length, mut location, mut status) = (String::new(), 0, None, 0);
        loop {
            line.clear();
            self.stream.read_line(&mut line).expect("the server answers");
            let text = line.trim_end();
            if text.is_empty() {
                break;
            }
            if status == 0 {
                status = text.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("a status line");
            } else if let Some((name, value)) = text.split_once(':') {
                if name.eq_ignore_ascii_case("content-length") {
                    length = value.trim().parse().expect("a number");
                } else if name.eq_ignore_ascii_case("location") {
                    location = Some(value.trim().to_owned());
                }
            }
        }
        let mut body = vec![0; if is_head { 0 } else { length }];
        self.stream.read_exact(&mut body).expect("the body follows");
        Answer { status, location, body }
    }

    /// Reads a body to its end without keeping it; gives its length.
    pub fn drain(&mut self, target: &str) -> u64 {
        let host = &self.host;
        let request = format!("GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n");
        self.stream.get_mut().write_all(request.as_bytes()).expect("the server takes the request");
        let (mut line, mut length) = (String::new(), 0u64);
        loop {
            line.clear();
            self.stream.read_line(&mut line).expect("the server answers");
            if line.trim_end().is_empty() {
                break;
            }
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().expect("a number");
            }
        }
        std::io::copy(&mut (&mut self.stream).take(length), &mut std::io::sink()).expect("the body follows")
    }

    /// Pushes bytes in the two steps that every registry has, and gives the status of the last.
    pub fn push_blob(&mut self, repository: &str, digest: &str, bytes: &[u8]) -> u16 {
        let begun = self.send("POST", &format!("/v2/{repository}/blobs/uploads/"), "", &[]);
        assert_eq!(begun.status, 202, "an upload begins");
        let location = begun.location.expect("an upload has a location");
        let path = location.strip_prefix("http://").and_then(|rest| rest.find('/').map(|at| &rest[at..]));
        let path = path.unwrap_or(&location);
        let separator = if path.contains('?') { '&' } else { '?' };
        let target = format!("{path}{separator}digest={digest}");
        self.send("PUT", &target, "application/octet-stream", bytes).status
    }

    /// Pushes a manifest and gives the status.
    pub fn push_manifest(&mut self, repository: &str, tag: &str, bytes: &[u8]) -> u16 {
        let target = format!("/v2/{repository}/manifests/{tag}");
        self.send("PUT", &target, "application/vnd.oci.image.manifest.v1+json", bytes).status
    }
}
