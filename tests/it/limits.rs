//! Clients that hold on to what they got: none of them may keep the registry from the others.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::script::wire::Request;
use crate::world::World;

#[tokio::test]
async fn silent_connections_make_room() {
    let world = World::start_with(&["--max-connections", "2", "--header-timeout", "200ms"]);
    let mut silent = Vec::new();
    for opening in ["", "PRI *", "GET / HT", ""] {
        let mut stream = TcpStream::connect(world.address).await.expect("connected");
        stream.write_all(opening.as_bytes()).await.expect("written");
        silent.push(stream);
    }
    assert_eq!(world.get("/health").await.status, 200);
    for mut stream in silent {
        let mut rest = Vec::new();
        // A reset says the same as an end.
        let _ = stream.read_to_end(&mut rest).await;
        assert!(!rest.starts_with(b"HTTP/1.1 2"), "{rest:?}");
    }
}

#[tokio::test]
async fn uploads_that_trickle_leave_the_reads_alone() {
    let world = World::start_with(&["--max-requests", "1"]);
    let mut trickling = TcpStream::connect(world.address).await.expect("connected");
    let head = "POST /v2/team/image/blobs/uploads/?digest=sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 \
        HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\nExpect: 100-continue\r\n\r\n";
    trickling.write_all(head.as_bytes()).await.expect("written");
    // The server asks for the body once it is waiting for it: from here on the upload has its slot.
    let mut asked = [0; 25];
    trickling.read_exact(&mut asked).await.expect("read");
    assert_eq!(&asked, b"HTTP/1.1 100 Continue\r\n\r\n");

    assert_eq!(world.send(Request::new("POST", "/v2/team/image/blobs/uploads/")).await.status, 503);
    assert_eq!(world.get("/v2/").await.status, 200);
    for path in ["/health", "/ready", "/metrics"] {
        assert_eq!(world.get(path).await.status, 200, "{path}");
    }
}

#[tokio::test]
async fn a_client_that_takes_nothing_of_its_answer_is_given_up() {
    let world =
        World::start_with(&["--max-connections", "2", "--upload-idle-timeout", "500ms", "--header-timeout", "60s"]);
    // More than the buffers of a connection hold.
    let digest = world.push_blob("team/image", &vec![7; 64 << 20]).await;
    let mut stalled = Vec::new();
    for _ in 0..2 {
        let mut stream = TcpStream::connect(world.address).await.expect("connected");
        let request = format!("GET /v2/team/image/blobs/{digest} HTTP/1.1\r\nHost: localhost\r\n\r\n");
        stream.write_all(request.as_bytes()).await.expect("written");
        stalled.push(stream);
    }
    // Two others are answered and stay: both places are free again.
    let mut answered = Vec::new();
    for _ in 0..2 {
        let mut stream = TcpStream::connect(world.address).await.expect("connected");
        stream.write_all(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n").await.expect("written");
        let mut start = [0; 12];
        stream.read_exact(&mut start).await.expect("read");
        assert_eq!(&start, b"HTTP/1.1 200");
        answered.push(stream);
    }
    for mut stream in stalled {
        let mut received = Vec::new();
        let _ = stream.read_to_end(&mut received).await;
        assert!(received.starts_with(b"HTTP/1.1 200") && received.len() < 64 << 20, "{}", received.len());
    }
}
