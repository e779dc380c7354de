//! The server: its thread, its address, and what a test may ask of it.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::Request;
use axum::response::Response;

use super::objects::Objects;
use super::{BUCKET, answer};

/// A running stub. It ends when this is dropped, and with it what was stored.
pub struct Gcs {
    address: SocketAddr,
    objects: Arc<Mutex<Objects>>,
    /// Dropping it stops the thread.
    _stop: tokio::sync::oneshot::Sender<()>,
}

impl Gcs {
    /// Starts it on a thread of its own, so that a test may wait for a process meanwhile.
    pub fn start() -> Self {
        let objects = Arc::new(Mutex::new(Objects::default()));
        let (stop, stopped) = tokio::sync::oneshot::channel();
        let (tell, told) = std::sync::mpsc::channel();
        let state = Arc::clone(&objects);
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async move {
                let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
                tell.send(listener.local_addr().unwrap()).unwrap();
                let app = Router::new().fallback(handle).with_state(state);
                tokio::select! {
                    _ = stopped => {}
                    served = async { axum::serve(listener, app).await } => served.unwrap(),
                }
            });
        });
        Self { address: told.recv().unwrap(), objects, _stop: stop }
    }

    /// As the program is given it.
    pub fn address(&self) -> String {
        format!("gs://{BUCKET}?anonymous=true&endpoint=http://{}", self.address)
    }

    /// How many writes were refused because of their condition.
    pub fn conditions_refused(&self) -> u64 {
        self.objects.lock().unwrap().conditions_refused
    }
}

async fn handle(State(objects): State<Arc<Mutex<Objects>>>, request: Request<Body>) -> Response {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    let mut objects = objects.lock().unwrap();
    answer::answer(&mut objects, &parts, body)
}
