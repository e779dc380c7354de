//! Clients that hold on to what they got: none of them may keep the registry from the others.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

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
