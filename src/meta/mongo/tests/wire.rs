//! A connection to the server that a test can cut at any message, or answer in the server's place.

use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};

use mongodb::bson::rawdoc;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};

use super::super::super::contract::faults::Met;
use super::super::super::trap::Trap;

/// How a message fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// It does not arrive, and the connection breaks.
    NotDone,
    /// It arrives, and the connection breaks instead of its answer.
    Done,
    /// It arrives, and is answered by an error after which nobody tries again.
    Error,
}

/// Passes messages on, and lets one of them fail.
pub(super) struct Wire {
    pub port: u16,
    pub trap: Arc<Trap>,
}

/// The message of a connection whose answer does not arrive; there is none with the number 0.
type Failed = AtomicI32;

impl Wire {
    /// `server`: host and port.
    pub async fn to(server: String, fault: Fault) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (port, trap) = (listener.local_addr().unwrap().port(), Arc::<Trap>::default());
        let shared = trap.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let Ok(server) = TcpStream::connect(&server).await else { continue };
                let trap = shared.clone();
                tokio::spawn(async move {
                    let (from_client, to_client) = client.into_split();
                    let (from_server, to_server) = server.into_split();
                    let failed = Failed::new(0);
                    tokio::select! {
                        () = requests(from_client, to_server, &trap, fault, &failed) => {}
                        () = answers(from_server, to_client, fault, &failed) => {}
                    }
                });
            }
        });
        Self { port, trap }
    }
}

async fn requests(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, trap: &Trap, fault: Fault, failed: &Failed) {
    while let Some(message) = message(&mut from).await {
        if is_work(&message) && trap.springs(kind(&message)) {
            if fault == Fault::NotDone {
                return;
            }
            failed.store(number(&message, 4), Ordering::SeqCst);
        }
        if to.write_all(&message).await.is_err() {
            return;
        }
    }
}

async fn answers(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, fault: Fault, failed: &Failed) {
    while let Some(mut answer) = message(&mut from).await {
        let request = number(&answer, 8);
        if request != 0 && failed.load(Ordering::SeqCst) == request {
            if fault == Fault::Done {
                return;
            }
            answer = refusal(request);
        }
        if to.write_all(&answer).await.is_err() {
            return;
        }
    }
}

/// What the driver asks for its own sake belongs to no session.
fn is_work(message: &[u8]) -> bool {
    holds(message, b"lsid\0")
}

fn kind(message: &[u8]) -> Met {
    if holds(message, b"commitTransaction\0") { Met::Commit } else { Met::Statement }
}

fn holds(message: &[u8], word: &[u8]) -> bool {
    message.windows(word.len()).any(|window| window == word)
}

/// A message begins with its length, its number, and the number of the message that it answers.
async fn message(from: &mut (impl AsyncRead + Unpin)) -> Option<Vec<u8>> {
    let mut message = vec![0; 16];
    from.read_exact(&mut message).await.ok()?;
    message.resize(number(&message, 0) as usize, 0);
    from.read_exact(&mut message[16..]).await.ok()?;
    Some(message)
}

fn number(message: &[u8], at: usize) -> i32 {
    i32::from_le_bytes(message[at..at + 4].try_into().unwrap())
}

/// The answer to a command that failed: `OP_MSG` with one document.
fn refusal(request: i32) -> Vec<u8> {
    const OP_MSG: i32 = 2013;
    let body = rawdoc! { "ok": 0.0, "errmsg": "a test wants it so", "code": 1, "codeName": "InternalError" };
    let body = body.as_bytes();
    let length = i32::try_from(16 + 4 + 1 + body.len()).unwrap();
    // No number of its own and no flags; the document is of kind 0.
    let head = [length, 0, request, OP_MSG, 0].map(i32::to_le_bytes);
    [head.as_flattened(), &[0u8][..], body].concat()
}
