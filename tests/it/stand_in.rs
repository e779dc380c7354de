//! A registry that misbehaves as told: answers each request from a script, for what no real registry can be made to do.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;

/// What to answer the next request with.
pub enum Answer {
    /// This status, these headers, this body.
    Whole(u16, Vec<(&'static str, String)>, Vec<u8>),
    /// Headers, then this much, then nothing more while the connection stays open.
    Stalls(Vec<u8>),
    /// Nothing at all.
    Hangs,
    /// These bytes, then the connection breaks.
    Breaks(Vec<u8>),
    /// More bytes than anybody asked for, without an end and without their number.
    Floods,
}

impl Answer {
    pub fn status(status: u16) -> Self {
        Self::Whole(status, Vec::new(), Vec::new())
    }

    pub fn json(status: u16, value: serde_json::Value) -> Self {
        Self::Whole(status, vec![("content-type", "application/json".to_owned())], value.to_string().into_bytes())
    }
}

/// The misbehaving registry. It lives as long as the test's runtime.
pub struct StandIn {
    pub address: SocketAddr,
    script: Arc<Mutex<Script>>,
}

struct Script {
    answers: VecDeque<Answer>,
    asked: Vec<String>,
    tokens: Vec<Option<String>>,
}

impl StandIn {
    /// Answers the first request with the first answer, and so on; then 500.
    pub async fn start(answers: impl IntoIterator<Item = Answer>) -> Self {
        let script = Script { answers: answers.into_iter().collect(), asked: Vec::new(), tokens: Vec::new() };
        let script = Arc::new(Mutex::new(script));
        let app = Router::new().fallback(answer).with_state(script.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { address, script }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The requests so far: method, path and query.
    pub fn asked(&self) -> Vec<String> {
        self.script.lock().unwrap().asked.clone()
    }

    /// What each of them showed as authorization.
    pub fn tokens(&self) -> Vec<Option<String>> {
        self.script.lock().unwrap().tokens.clone()
    }
}

async fn answer(State(script): State<Arc<Mutex<Script>>>, request: Request) -> Response {
    let asked = format!("{} {}", request.method(), request.uri());
    let token = request.headers().get("authorization").map(|value| String::from_utf8_lossy(value.as_bytes()).into());
    // A body that is not read would break the connection before the answer arrives.
    let _ = axum::body::to_bytes(request.into_body(), 1 << 20).await;
    let answer = {
        let mut script = script.lock().unwrap();
        script.asked.push(asked);
        script.tokens.push(token);
        script.answers.pop_front()
    };
    let stream = |parts| Response::new(Body::from_stream(parts));
    match answer.unwrap_or_else(|| Answer::status(500)) {
        Answer::Whole(status, headers, body) => {
            let response = headers
                .into_iter()
                .fold(Response::builder().status(status), |response, (name, value)| response.header(name, value));
            response.body(Body::from(body)).unwrap()
        }
        Answer::Hangs => std::future::pending().await,
        Answer::Stalls(part) => {
            use futures::StreamExt;
            let first = futures::stream::iter([Ok::<_, std::io::Error>(part)]);
            stream(first.chain(futures::stream::pending()).boxed())
        }
        Answer::Breaks(part) => {
            use futures::StreamExt;
            let parts = [Ok(part), Err(std::io::Error::other("the plug was pulled"))];
            stream(futures::stream::iter(parts).boxed())
        }
        Answer::Floods => {
            use futures::StreamExt;
            let part = || Ok::<_, std::io::Error>(vec![b' '; 64 << 10]);
            stream(futures::stream::repeat_with(part).boxed())
        }
    }
}
