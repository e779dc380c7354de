//! A connection to the server that a test can cut at any message.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};

/// How a message fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// It does not arrive.
    NotDone,
    /// It arrives, and its answer does not.
    Done,
}

/// Passes messages on, and cuts the connection at one of them.
pub(super) struct Wire {
    pub port: u16,
    /// Messages until the cut; below zero there is none.
    left: Arc<AtomicI64>,
}

impl Wire {
    pub async fn to(port: u16, fault: Fault) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (own, left) = (listener.local_addr().unwrap().port(), Arc::new(AtomicI64::new(-1)));
        let counted = left.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let Ok(server) = TcpStream::connect(("127.0.0.1", port)).await else { continue };
                let (from_client, to_client) = client.into_split();
                let (from_server, to_server) = server.into_split();
                let answers = tokio::spawn(pass(from_server, to_client));
                let left = counted.clone();
                tokio::spawn(async move {
                    requests(from_client, to_server, &left, fault).await;
                    answers.abort();
                });
            }
        });
        Self { port: own, left }
    }

    /// Cuts at the message after `after` others.
    pub fn cut(&self, after: i64) {
        self.left.store(after + 1, Ordering::SeqCst);
    }

    /// Cuts no more. Whether it has cut.
    pub fn heal(&self) -> bool {
        self.left.swap(-1, Ordering::SeqCst) <= 0
    }
}

async fn pass(mut from: OwnedReadHalf, mut to: OwnedWriteHalf) {
    let _ = tokio::io::copy(&mut from, &mut to).await;
}

async fn requests(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, left: &AtomicI64, fault: Fault) {
    loop {
        let mut length = [0; 4];
        if from.read_exact(&mut length).await.is_err() {
            return;
        }
        let mut message = vec![0; u32::from_le_bytes(length) as usize];
        message[..4].copy_from_slice(&length);
        if from.read_exact(&mut message[4..]).await.is_err() {
            return;
        }
        // What the driver asks for its own sake belongs to no session.
        let is_work = message.windows(5).any(|window| window == b"lsid\0");
        let cut = is_work && left.load(Ordering::SeqCst) > 0 && left.fetch_sub(1, Ordering::SeqCst) == 1;
        if cut && fault == Fault::NotDone {
            return;
        }
        if to.write_all(&message).await.is_err() {
            return;
        }
        if cut {
            // The server takes it in before the connection ends.
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            return;
        }
    }
}
