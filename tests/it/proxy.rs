//! The way to a server, which a test can cut, hold up, cut or hold up at one message, and mend.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// How the message fails at which the way is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It does not arrive.
    NotDone,
    /// It arrives, and its answer does not.
    Done,
    /// Nothing fails: it waits, with whatever comes after it, until the way is mended.
    Held,
}

/// What becomes of connections.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Way {
    /// New connections are refused.
    refused: bool,
    /// Connections are accepted, and nothing is passed on.
    stalled: bool,
    /// Every connection ends when this changes.
    cuts: u64,
}

/// A message at which the way is cut.
struct Trip {
    needle: &'static [u8],
    fault: Fault,
}

/// Passes bytes on between a port of its own and the server.
pub struct Proxy {
    pub place: String,
    way: Arc<watch::Sender<Way>>,
    trip: Arc<Mutex<Option<Trip>>>,
    broken: Arc<AtomicUsize>,
}

impl Proxy {
    /// `server`: host and port.
    pub async fn start(server: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let place = listener.local_addr().unwrap().to_string();
        let (way, trip, broken) = (Arc::new(watch::Sender::new(Way::default())), Arc::default(), Arc::default());
        let passing = Passing { server, way: Arc::clone(&way), trip: Arc::clone(&trip), broken: Arc::clone(&broken) };
        tokio::spawn(accept(listener, place.clone(), passing));
        Self { place, way, trip, broken }
    }

    /// How many open connections were cut.
    pub fn broken(&self) -> usize {
        self.broken.load(Ordering::SeqCst)
    }

    /// Ends every connection; new ones are refused.
    pub async fn cut(&self) {
        sever(&self.way);
        while TcpStream::connect(&self.place).await.is_ok() {
            tokio::task::yield_now().await;
        }
    }

    /// Ends every connection; new ones are accepted.
    pub fn interrupt(&self) {
        self.way.send_modify(|way| way.cuts += 1);
    }

    /// Keeps every connection and accepts new ones, but passes nothing on, in either direction.
    pub fn stall(&self) {
        self.way.send_modify(|way| way.stalled = true);
    }

    /// Cuts the way, or holds it up, at the first message to the server that holds these bytes.
    pub fn cut_at(&self, needle: &'static [u8], fault: Fault) {
        *self.trip.lock().unwrap() = Some(Trip { needle, fault });
    }

    /// Whether it has come to that message.
    pub fn has_tripped(&self) -> bool {
        let is_cut = |way: &Way| way.refused || way.stalled;
        is_cut(&self.way.borrow()) && self.trip.lock().unwrap().is_none()
    }

    /// Accepts connections again, at the same place, and passes everything on, a message at which it was to be cut, too.
    pub async fn mend(&self) {
        *self.trip.lock().unwrap() = None;
        self.way.send_modify(|way| (way.refused, way.stalled) = (false, false));
        while TcpStream::connect(&self.place).await.is_err() {
            tokio::task::yield_now().await;
        }
    }
}

fn sever(way: &watch::Sender<Way>) {
    way.send_modify(|way| *way = Way { refused: true, stalled: false, cuts: way.cuts + 1 });
}

/// What a connection needs to know.
#[derive(Clone)]
struct Passing {
    server: String,
    way: Arc<watch::Sender<Way>>,
    trip: Arc<Mutex<Option<Trip>>>,
    broken: Arc<AtomicUsize>,
}

/// Until the test's runtime ends.
async fn accept(mut listener: TcpListener, place: String, passing: Passing) {
    let mut changes = passing.way.subscribe();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((client, _)) = accepted else { continue };
                let Passing { server, way, trip, broken } = passing.clone();
                tokio::spawn(async move {
                    let Ok(server) = TcpStream::connect(server).await else { return };
                    let cuts = way.borrow().cuts;
                    let _ = pass(client, server, &way, &trip).await;
                    if way.borrow().cuts != cuts {
                        broken.fetch_add(1, Ordering::SeqCst);
                    }
                });
            }
            () = until_refused(&mut changes) => {
                drop(listener);
                let _ = changes.wait_for(|way| !way.refused).await;
                listener = TcpListener::bind(&place).await.unwrap();
            }
        }
    }
}

async fn until_refused(changes: &mut watch::Receiver<Way>) {
    let _ = changes.wait_for(|way| way.refused).await;
}

/// Both directions of one connection, until an end or a cut.
async fn pass(
    mut client: TcpStream,
    mut server: TcpStream,
    way: &watch::Sender<Way>,
    trip: &Mutex<Option<Trip>>,
) -> std::io::Result<()> {
    let mut changes = way.subscribe();
    let cuts = changes.borrow().cuts;
    let (mut asked, mut answered) = (vec![0; 64 << 10], vec![0; 64 << 10]);
    loop {
        if changes.borrow_and_update().stalled {
            // What was sent meanwhile waits.
            let _ = changes.wait_for(|way| !way.stalled || way.cuts != cuts).await;
        }
        tokio::select! {
            read = client.read(&mut asked) => {
                let read = read?;
                let _ = changes.wait_for(|way| !way.stalled || way.cuts != cuts).await;
                if read == 0 || changes.borrow().cuts != cuts {
                    return Ok(());
                }
                let tripped = {
                    let mut trip = trip.lock().unwrap();
                    let is_here = |trip: &Trip| asked[..read].windows(trip.needle.len()).any(|window| window == trip.needle);
                    trip.take_if(|trip| is_here(trip)).map(|trip| trip.fault)
                };
                match tripped {
                    Some(Fault::NotDone) => {
                        sever(way);
                        return Ok(());
                    }
                    Some(Fault::Done) => {
                        server.write_all(&asked[..read]).await?;
                        // It has done what was asked once it answers.
                        let _ = server.read(&mut answered).await?;
                        sever(way);
                        return Ok(());
                    }
                    Some(Fault::Held) => {
                        way.send_modify(|way| way.stalled = true);
                        let _ = changes.wait_for(|way| !way.stalled || way.cuts != cuts).await;
                        server.write_all(&asked[..read]).await?;
                    }
                    None => server.write_all(&asked[..read]).await?,
                }
            }
            read = server.read(&mut answered) => {
                let read = read?;
                let _ = changes.wait_for(|way| !way.stalled || way.cuts != cuts).await;
                if read == 0 || changes.borrow().cuts != cuts {
                    return Ok(());
                }
                client.write_all(&answered[..read]).await?;
            }
            changed = changes.changed() => {
                if changed.is_err() || changes.borrow().cuts != cuts {
                    return Ok(());
                }
            }
        }
    }
}
