//! HTTP/1.1 as bytes on a connection, one request each. Nothing is normalised: what a script says is what is sent.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Longer than any exchange takes, so that a hang is a failure and not a stuck test run.
const PATIENCE: Duration = Duration::from_secs(60);

/// A request as it will be sent.
#[derive(Debug)]
pub struct Request {
    pub method: String,
    pub target: String,
    pub headers: Vec<(String, String)>,
    pub payload: Payload,
}

/// What follows the head.
#[derive(Debug)]
pub enum Payload {
    None,
    Whole(Vec<u8>),
    Chunked(Vec<u8>),
    /// Announces all of the bytes, sends the first few, closes.
    Partial(usize, Vec<u8>),
}

/// What came back.
#[derive(Debug, Default)]
pub struct Response {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Response {
    /// The values of a header, in the order received.
    pub fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.headers.iter().filter(move |(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    pub fn header(&self, name: &str) -> Option<String> {
        self.values(name).next().map(str::to_owned)
    }
}

impl Request {
    /// A request without headers and body.
    pub fn new(method: &str, target: &str) -> Self {
        Self { method: method.into(), target: target.into(), headers: Vec::new(), payload: Payload::None }
    }

    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    pub fn body(mut self, bytes: &[u8]) -> Self {
        self.payload = Payload::Whole(bytes.to_vec());
        self
    }

    /// Sends the request on a connection of its own. `None` after a hang-up.
    pub async fn send(&self, address: SocketAddr) -> Result<Option<Response>, String> {
        let exchange = self.exchange(address);
        tokio::time::timeout(PATIENCE, exchange).await.map_err(|_| format!("no answer within {PATIENCE:?}"))?
    }

    async fn exchange(&self, address: SocketAddr) -> Result<Option<Response>, String> {
        let stream = TcpStream::connect(address).await.map_err(|error| format!("cannot connect: {error}"))?;
        let (mut reader, mut writer) = stream.into_split();
        let bytes = self.bytes(address);
        if matches!(self.payload, Payload::Partial(..)) {
            let sent = writer.write_all(&bytes).await.map_err(|error| format!("cannot send: {error}"));
            // Closing both halves is the hang-up.
            return sent.map(|()| None);
        }
        // Read while writing: a server may refuse a body before it has taken all of it.
        let sending = tokio::spawn(async move {
            let sent = writer.write_all(&bytes).await;
            (sent, writer)
        });
        let mut received = Vec::new();
        let reading = reader.read_to_end(&mut received).await;
        let outcome = parse_response(&received, self.method == "HEAD");
        let _ = sending.await;
        match (outcome, reading) {
            (Ok(response), _) => Ok(Some(response)),
            (Err(_), Err(error)) => Err(format!("the connection broke: {error}")),
            (Err(error), Ok(_)) => Err(error),
        }
    }

    fn bytes(&self, address: SocketAddr) -> Vec<u8> {
        let mut head = format!("{} {} HTTP/1.1\r\n", self.method, self.target);
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if !self.has("host") {
            head.push_str(&format!("Host: {address}\r\n"));
        }
        head.push_str("Connection: close\r\n");
        match &self.payload {
            Payload::Chunked(_) => head.push_str("Transfer-Encoding: chunked\r\n"),
            Payload::Whole(bytes) | Payload::Partial(_, bytes) if !self.has("content-length") => {
                head.push_str(&format!("Content-Length: {}\r\n", bytes.len()));
            }
            Payload::None
                if matches!(self.method.as_str(), "POST" | "PUT" | "PATCH") && !self.has("content-length") =>
            {
                head.push_str("Content-Length: 0\r\n");
            }
            _ => {}
        }
        head.push_str("\r\n");
        let mut bytes = head.into_bytes();
        match &self.payload {
            Payload::None => {}
            Payload::Whole(body) => bytes.extend(body),
            Payload::Partial(count, body) => bytes.extend(body.iter().take(*count)),
            Payload::Chunked(body) => {
                // Two chunks at least, so that a server cannot take the first for all.
                for part in body.chunks(body.len().div_ceil(2).max(1)) {
                    bytes.extend(format!("{:x}\r\n", part.len()).bytes());
                    bytes.extend(part);
                    bytes.extend(b"\r\n");
                }
                bytes.extend(b"0\r\n\r\n");
            }
        }
        bytes
    }

    fn has(&self, name: &str) -> bool {
        self.headers.iter().any(|(key, _)| key.eq_ignore_ascii_case(name))
    }
}

fn parse_response(bytes: &[u8], of_head: bool) -> Result<Response, String> {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n");
    let Some(end) = end else {
        return Err(format!("the connection closed after {} bytes without a whole response head", bytes.len()));
    };
    let head = std::str::from_utf8(&bytes[..end]).map_err(|_| "the response head is not UTF-8")?;
    let mut lines = head.split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).and_then(|status| status.parse().ok());
    let status = status.ok_or("the response has no status line")?;
    let headers = lines.filter_map(|line| line.split_once(':')).map(|(n, v)| (n.to_owned(), v.trim().to_owned()));
    let mut response = Response { status, headers: headers.collect(), body: Vec::new() };
    let rest = &bytes[end + 4..];
    if status == 100 {
        return parse_response(rest, of_head);
    }
    if response.header("transfer-encoding").is_some_and(|coding| coding.eq_ignore_ascii_case("chunked")) {
        response.body = dechunk(rest)?;
        return Ok(response);
    }
    let announced = response.header("content-length").map(|length| length.parse::<usize>());
    let announced = announced.transpose().map_err(|_| "the response's Content-Length is no number")?;
    if !of_head && status != 304 && status != 204 && announced.is_some_and(|length| length != rest.len()) {
        return Err(format!("{} bytes of body came, {} were announced", rest.len(), announced.unwrap_or(0)));
    }
    response.body = rest.to_vec();
    Ok(response)
}

fn dechunk(mut rest: &[u8]) -> Result<Vec<u8>, String> {
    let mut body = Vec::new();
    loop {
        let line = rest.windows(2).position(|two| two == b"\r\n").ok_or("a chunk's size is missing")?;
        let size = std::str::from_utf8(&rest[..line]).ok().and_then(|text| usize::from_str_radix(text.trim(), 16).ok());
        let size = size.ok_or("a chunk's size is no number")?;
        if size == 0 {
            return Ok(body);
        }
        let chunk = rest.get(line + 2..line + 2 + size).ok_or("the connection closed in the middle of a chunk")?;
        body.extend(chunk);
        rest = rest.get(line + 4 + size..).ok_or("the connection closed after a chunk")?;
    }
}
