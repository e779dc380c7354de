//! A connection that gives up a client that says nothing before its first request, or takes nothing of its answer.
//!
//! hyper limits the time for headers, but starts that clock only once it knows which HTTP is spoken. Knows nothing of requests.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

/// RFC 9113, 3.4: how HTTP/2 begins. What differs from it is HTTP/1, and hyper's own limit watches from there on.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// A connection with limits on silence.
pub(super) struct Watched<S> {
    stream: S,
    /// Until when the version must be known; `None` once it is.
    opening: Option<Pin<Box<Sleep>>>,
    /// How many bytes of the preface have come.
    matched: usize,
    /// How long the client may take nothing of what waits for it.
    idle: Duration,
    /// Until when it must take some; `None` while nothing waits.
    writing: Option<Pin<Box<Sleep>>>,
}

impl<S> Watched<S> {
    /// `opening`: time until the version of HTTP must be known. `idle`: longest time that a write may wait for the client.
    pub(super) fn new(stream: S, opening: Duration, idle: Duration) -> Self {
        let opening = Some(Box::pin(tokio::time::sleep(opening)));
        Self { stream, opening, matched: 0, idle, writing: None }
    }

    /// The outcome of a write: an error once writes have waited for too long.
    fn wrote(&mut self, context: &mut Context<'_>, outcome: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if outcome.is_ready() {
            self.writing = None;
            return outcome;
        }
        let idle = self.idle;
        let writing = self.writing.get_or_insert_with(|| Box::pin(tokio::time::sleep(idle)));
        ready!(writing.as_mut().poll(context));
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the client takes nothing of the answer")))
    }

    fn arrived(&mut self, bytes: &[u8]) {
        if self.opening.is_none() {
            return;
        }
        let rest = &PREFACE[self.matched..];
        let common = rest.iter().zip(bytes).take_while(|(expected, found)| expected == found).count();
        self.matched += common;
        if common < bytes.len() || self.matched == PREFACE.len() {
            self.opening = None;
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        if let Poll::Ready(read) = Pin::new(&mut this.stream).poll_read(context, buffer) {
            this.arrived(&buffer.filled()[before..]);
            return Poll::Ready(read);
        }
        if let Some(opening) = &mut this.opening {
            ready!(opening.as_mut().poll(context));
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the client sent no request")));
        }
        Poll::Pending
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let outcome = Pin::new(&mut this.stream).poll_write(context, bytes);
        this.wrote(context, outcome)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let outcome = Pin::new(&mut this.stream).poll_write_vectored(context, parts);
        this.wrote(context, outcome)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

    use super::*;

    const SHORT: Duration = Duration::from_millis(20);

    /// Reads until the connection ends; the client has sent `opening` and stays silent.
    async fn read_after(opening: &[u8]) -> (Watched<DuplexStream>, DuplexStream, io::Result<Vec<u8>>) {
        let (mut client, server) = duplex(1024);
        client.write_all(opening).await.expect("written");
        let mut watched = Watched::new(server, SHORT, SHORT);
        let mut bytes = vec![0; 1024];
        let mut all = Vec::new();
        let outcome = loop {
            match watched.read(&mut bytes).await {
                Ok(count) => all.extend(&bytes[..count]),
                Err(error) => break Err(error),
            }
            if watched.opening.is_none() {
                break Ok(all);
            }
        };
        (watched, client, outcome)
    }

    #[tokio::test]
    async fn a_client_that_says_nothing_or_half_a_preface_is_given_up() {
        for opening in [&b""[..], b"P", &PREFACE[..PREFACE.len() - 1]] {
            let (_, _client, outcome) = read_after(opening).await;
            let error = outcome.expect_err("it is given up");
            assert_eq!(error.kind(), io::ErrorKind::TimedOut, "{opening:?}");
        }
    }

    #[tokio::test]
    async fn once_the_version_is_known_the_clock_stops() {
        for opening in [&b"GET / HTTP/1.1\r\n"[..], b"PRO", b"PUT", PREFACE] {
            let (_, _client, outcome) = read_after(opening).await;
            assert_eq!(outcome.expect("it goes on"), opening);
        }
    }

    #[tokio::test]
    async fn a_client_that_takes_nothing_is_given_up_and_one_that_takes_some_is_not() {
        let (mut client, server) = duplex(16);
        let mut watched = Watched::new(server, SHORT, Duration::from_millis(200));
        let mut some = [0; 16];
        for _ in 0..4 {
            watched.write_all(&[1; 16]).await.expect("there is room");
            client.read_exact(&mut some).await.expect("read");
        }
        assert!(watched.writing.is_none());
        let error = watched.write_all(&[1; 64]).await.expect_err("it is given up");
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }
}
