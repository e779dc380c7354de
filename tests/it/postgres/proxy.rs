//! The way to the server, which a test can cut and mend.

use std::sync::Arc;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Passes bytes on between a port of its own and the server.
pub struct Proxy {
    pub place: String,
    server: String,
    /// Counts the cuts: every connection ends when it changes.
    cuts: Arc<watch::Sender<u64>>,
    accepting: Option<JoinHandle<()>>,
}

impl Proxy {
    pub async fn start(server: String) -> Self {
        let mut proxy =
            Self { place: "127.0.0.1:0".into(), server, cuts: Arc::new(watch::Sender::new(0)), accepting: None };
        proxy.mend().await;
        proxy
    }

    /// Ends every connection; new ones are refused.
    pub async fn cut(&mut self) {
        if let Some(accepting) = self.accepting.take() {
            accepting.abort();
            let _ = accepting.await;
        }
        self.cuts.send_modify(|cuts| *cuts += 1);
    }

    /// Ends every connection; new ones are accepted.
    pub fn interrupt(&self) {
        self.cuts.send_modify(|cuts| *cuts += 1);
    }

    /// Accepts connections again, at the same place.
    pub async fn mend(&mut self) {
        let listener = TcpListener::bind(&self.place).await.unwrap();
        self.place = listener.local_addr().unwrap().to_string();
        let (server, cuts) = (self.server.clone(), self.cuts.clone());
        self.accepting = Some(tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (server, mut cut) = (server.clone(), cuts.subscribe());
                tokio::spawn(async move {
                    let mut client = client;
                    let Ok(mut server) = TcpStream::connect(server).await else { return };
                    tokio::select! {
                        _ = tokio::io::copy_bidirectional(&mut client, &mut server) => {}
                        _ = cut.changed() => {}
                    }
                });
            }
        }));
    }
}
