//! The server: connections, limits, a stop that lets requests in flight finish.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::body::Body;
use axum::response::Response;
use http::header::{AUTHORIZATION, CACHE_CONTROL};
use http::{HeaderValue, Method, Request, StatusCode};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tower::ServiceExt;

use super::body::IdleLimited;
use super::error::{Code, Failure};
use super::meters::Meters;
use super::oci::route::Route;
use super::stream::Watched;
use super::{App, api, guard, oci};

/// Most bytes that HTTP/1 keeps of a connection: a request's line and headers must fit, and uploads arrive in pieces of so many.
/// The library's own limit is two thirds more, and 64 uploads at once made 200 MiB of it.
const CONNECTION_BUFFER: usize = 256 << 10;

/// Serves until `stop` resolves, then lets requests in flight finish, for as long as the options allow.
pub async fn serve(app: App, listener: TcpListener, stop: impl Future<Output = ()>) -> io::Result<()> {
    let service = Arc::new(Service {
        router: api::router().with_state(app.clone()),
        slots: Semaphore::new(app.options.concurrency),
        uploads: Semaphore::new(app.options.concurrency),
        on_loopback: listener.local_addr()?.ip().to_canonical().is_loopback(),
        oci_meters: Meters::of("oci"),
        api_meters: Meters::of("api"),
        app,
    });
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(service.app.options.header_timeout);
    builder.http1().max_buf_size(CONNECTION_BUFFER);
    // HTTP/2 has no limit of that kind: a client that answers no ping is gone.
    let (idle, patience) = (service.app.options.idle_timeout, service.app.options.header_timeout);
    builder.http2().timer(TokioTimer::new()).keep_alive_interval(idle).keep_alive_timeout(patience);
    let graceful = GracefulShutdown::new();
    let mut stop = std::pin::pin!(stop);
    let connections = Arc::new(Semaphore::new(service.app.options.connections));
    loop {
        let accept = async {
            // The semaphore is never closed.
            let slot = Arc::clone(&connections).acquire_owned().await.ok();
            Ok::<_, io::Error>((listener.accept().await?.0, slot))
        };
        let (stream, slot) = tokio::select! {
            accepted = accept => match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    // Out of file descriptors, most likely: connections that end make room.
                    tracing::warn!(error = %error, "cannot accept a connection");
                    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
                    continue;
                }
            },
            () = &mut stop => break,
        };
        // Without it a small answer can wait 40 ms for the client's acknowledgement.
        let _ = stream.set_nodelay(true);
        let service = Arc::clone(&service);
        let answer = service_fn(move |request| {
            let service = Arc::clone(&service);
            // In a box: hyper keeps room for it in every connection, and most of those are idle.
            async move { Ok::<_, Infallible>(Box::pin(service.answer(request)).await) }
        });
        let connection =
            builder.serve_connection(TokioIo::new(Watched::new(stream, patience, idle)), answer).into_owned();
        let connection = graceful.watch(connection);
        tokio::spawn(async move {
            let _slot = slot;
            if let Err(error) = connection.await {
                tracing::debug!(error = %error, "connection ended");
            }
        });
    }
    drop(listener);
    tokio::select! {
        () = graceful.shutdown() => {}
        () = tokio::time::sleep(service.app.options.stop_timeout) => tracing::warn!("requests in flight were cut off"),
    }
    Ok(())
}

struct Service {
    app: App,
    router: Router,
    slots: Semaphore,
    uploads: Semaphore,
    on_loopback: bool,
    oci_meters: Meters,
    api_meters: Meters,
}

impl Service {
    async fn answer(&self, request: Request<Incoming>) -> Response {
        let started = Instant::now();
        let has_login = request.headers().contains_key(AUTHORIZATION);
        let is_oci = matches!(request.uri().path().as_bytes(), [b'/', b'v', b'2'] | [b'/', b'v', b'2', b'/', ..]);
        let method = request.method().clone();
        let path = tracing::enabled!(tracing::Level::DEBUG).then(|| request.uri().path().to_owned());
        let mut response = self.limited(request, is_oci).await;
        if method == Method::HEAD {
            // The length header stays; hyper sends no body for HEAD.
            *response.body_mut() = Body::empty();
        }
        if has_login {
            // What somebody sees with a token may be private: no cache keeps it, their own neither.
            response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
        }
        let status = response.status();
        let meters = if is_oci { &self.oci_meters } else { &self.api_meters };
        meters.answered(status, started.elapsed());
        tracing::debug!(method = %method, path, status = status.as_u16(), micros = started.elapsed().as_micros() as u64);
        response
    }

    async fn limited(&self, request: Request<Incoming>, is_oci: bool) -> Response {
        let refuse = |failure: Failure| if is_oci { failure.into_oci() } else { failure.into_problem() };
        if let Some(failure) = guard::refusal(&request, self.on_loopback) {
            return refuse(failure);
        }
        let lane = Lane::of(request.method(), request.uri().path(), is_oci);
        // Uploads have slots of their own: those that trickle in leave the reads alone.
        let slots = match lane {
            Lane::Watching => None,
            Lane::Upload => Some(&self.uploads),
            Lane::Ordinary => Some(&self.slots),
        };
        let Ok(_slot) = slots.map(Semaphore::try_acquire).transpose() else {
            let status = StatusCode::SERVICE_UNAVAILABLE;
            return refuse(Failure::new(status, Code::TooManyRequests, "the registry is busy, try again in a moment"));
        };
        let idle = self.app.options.idle_timeout;
        let request = request.map(|body| IdleLimited::wrap(Body::new(body), idle));
        let answer = async {
            if is_oci {
                return oci::handle(&self.app, request).await;
            }
            match self.router.clone().oneshot(request).await {
                Ok(response) => response,
                Err(infallible) => match infallible {},
            }
        };
        if lane == Lane::Upload {
            return answer.await;
        }
        let limit = self.app.options.request_timeout;
        tokio::time::timeout(limit, answer).await.unwrap_or_else(|_| {
            let message = format!("the request took longer than {} seconds", limit.as_secs());
            refuse(Failure::new(StatusCode::SERVICE_UNAVAILABLE, Code::Unknown, message))
        })
    }
}

/// Whom a request competes with, and whether its time is limited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lane {
    /// Health and metrics: answered however busy the registry is.
    Watching,
    /// Takes as long as its bytes keep coming.
    Upload,
    /// Has its time.
    Ordinary,
}

impl Lane {
    fn of(method: &Method, path: &str, is_oci: bool) -> Self {
        if !is_oci {
            return match path {
                "/health" | "/ready" | "/metrics" => Self::Watching,
                "/api/v1/import" => Self::Upload,
                _ => Self::Ordinary,
            };
        }
        // Reads need no second look at their path.
        if !matches!(*method, Method::POST | Method::PUT | Method::PATCH) {
            return Self::Ordinary;
        }
        match Route::parse(path) {
            Ok(Route::Uploads(_) | Route::Upload(..)) => Self::Upload,
            _ => Self::Ordinary,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(method: Method, path: &str, expected: Lane) {
        let is_oci = path.starts_with("/v2/");
        assert_eq!(Lane::of(&method, path, is_oci), expected, "{method} {path}");
    }

    #[test]
    fn only_uploads_and_imports_are_without_a_limit() {
        check(Method::POST, "/v2/a/blobs/uploads/", Lane::Upload);
        check(Method::PATCH, "/v2/a/blobs/uploads/00000000-0000-0000-0000-000000000001", Lane::Upload);
        check(Method::PUT, "/v2/a/blobs/uploads/00000000-0000-0000-0000-000000000001", Lane::Upload);
        check(Method::POST, "/api/v1/import", Lane::Upload);
        check(Method::PUT, "/v2/a/manifests/import", Lane::Ordinary);
        check(Method::PUT, "/v2/a/blobs/uploads/x/manifests/v1", Lane::Ordinary);
        check(Method::GET, "/v2/a/blobs/uploads/00000000-0000-0000-0000-000000000001", Lane::Ordinary);
        check(Method::POST, "/api/v1/artifacts/a/import", Lane::Ordinary);
        for path in ["/health", "/ready", "/metrics"] {
            check(Method::GET, path, Lane::Watching);
        }
        check(Method::GET, "/healthy", Lane::Ordinary);
    }
}
