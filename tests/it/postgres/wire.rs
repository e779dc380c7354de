//! The way to the server, message by message: a test can cut a connection as soon as a statement on it was carried out.
//!
//! Knows as much of the protocol (PostgreSQL, "Frontend/Backend Protocol") as that takes: where messages begin and end, which of them
//! run a statement, and what the server says when it is through. It knows no TLS, and says so.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use pcl_registry::meta::contract::faults::Met;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// What a client asks first that would like to have TLS.
const TLS: [u8; 4] = 80_877_103u32.to_be_bytes();

/// Passes messages on between a port of its own and the server.
pub struct Wire {
    pub place: String,
    trap: Arc<Trap>,
}

/// The statement whose answer does not arrive.
#[derive(Default)]
struct Trap(Mutex<Set>);

#[derive(Default)]
struct Set {
    /// How many statements come before it.
    left: Option<usize>,
    met: Met,
}

impl Wire {
    /// `server`: host and port.
    pub async fn to(server: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let place = listener.local_addr().unwrap().to_string();
        let trap = Arc::<Trap>::default();
        let shared = Arc::clone(&trap);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let Ok(server) = TcpStream::connect(&server).await else { continue };
                let trap = Arc::clone(&shared);
                tokio::spawn(async move { pass(client, server, &trap).await });
            }
        });
        Self { place, trap }
    }

    /// Cuts the connection on which statement number `at` is run, from now on and counted from 0: it is carried out, and nobody is told.
    pub fn cut_at(&self, at: usize) {
        *self.trap.0.lock().unwrap() = Set { left: Some(at), met: Met::Nowhere };
    }

    /// Cuts no more. Where it did.
    pub fn heal(&self) -> Met {
        std::mem::take(&mut *self.trap.0.lock().unwrap()).met
    }
}

impl Trap {
    /// Whether this statement is the one.
    fn springs(&self, message: &[u8]) -> bool {
        let mut set = self.0.lock().unwrap();
        match set.left {
            None => false,
            Some(0) => {
                // A query has its text behind its length.
                let is_commit = message[0] == b'Q' && message[5..] == *b"COMMIT\0";
                *set = Set { left: None, met: if is_commit { Met::Commit } else { Met::Statement } };
                true
            }
            Some(left) => {
                set.left = Some(left - 1);
                false
            }
        }
    }
}

/// Both directions of one connection, until an end or a cut.
async fn pass(mut client: TcpStream, mut server: TcpStream, trap: &Trap) -> io::Result<()> {
    // What is passed on in pieces must not wait for the answer to the piece before.
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let mut first = message(&mut client, 0).await?;
    if first[4..] == TLS {
        client.write_all(b"N").await?;
        first = message(&mut client, 0).await?;
    }
    server.write_all(&first).await?;
    // The first answer that is not passed on.
    let cut = AtomicUsize::new(usize::MAX);
    let (from_client, to_client) = client.split();
    let (from_server, to_server) = server.split();
    tokio::select! {
        ended = ask(from_client, to_server, &cut, trap) => ended,
        ended = answer(from_server, to_client, &cut) => ended,
    }
}

/// Each Query and each Sync has one answer, and the beginning has one too.
async fn ask(
    from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    cut: &AtomicUsize,
    trap: &Trap,
) -> io::Result<()> {
    let (mut from, mut answers) = (BufReader::new(from), 1);
    loop {
        let message = message(&mut from, 1).await?;
        let letter = message[0];
        // Query, or Execute: the Sync behind it has the answer.
        if matches!(letter, b'Q' | b'E') && trap.springs(&message) {
            cut.store(answers, Ordering::SeqCst);
        }
        if matches!(letter, b'Q' | b'S') {
            answers += 1;
        }
        to.write_all(&message).await?;
    }
}

/// An answer ends when the server says that it is ready for the next query.
async fn answer(from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin, cut: &AtomicUsize) -> io::Result<()> {
    let (mut from, mut answers) = (BufReader::new(from), 0);
    loop {
        let message = message(&mut from, 1).await?;
        let is_cut = answers >= cut.load(Ordering::SeqCst);
        if !is_cut {
            to.write_all(&message).await?;
        }
        if message[0] == b'Z' {
            answers += 1;
            if is_cut {
                return Ok(());
            }
        }
    }
}

/// The next message, which begins with so many letters (the first of a connection has none) and its length without them.
async fn message(from: &mut (impl AsyncRead + Unpin), letters: usize) -> io::Result<Vec<u8>> {
    let mut message = vec![0; letters + 4];
    from.read_exact(&mut message).await?;
    let length = message[letters..].iter().fold(0, |length, byte| (length << 8) | usize::from(*byte));
    message.resize(letters + length, 0);
    from.read_exact(&mut message[letters + 4..]).await?;
    Ok(message)
}
