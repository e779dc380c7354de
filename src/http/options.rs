//! What the server allows.

use std::time::Duration;

use crate::domain::{Access, Vocabulary};

/// What the server allows.
#[derive(Clone, Debug)]
pub struct Options {
    /// What callers without an account may do.
    pub access: Access,
    /// Requests that are worked on at once, and as many uploads and imports beside them; one more is answered with 503.
    /// Health and metrics are not counted.
    pub concurrency: usize,
    /// Connections that are open at once; one more waits until another ends.
    pub connections: usize,
    /// How long a client may take to send its request line and headers.
    pub header_timeout: Duration,
    /// How long a body may pause, in either direction, before the connection is given up. There is no limit on its whole time.
    pub idle_timeout: Duration,
    /// How long anything else may take before it is answered with 503.
    pub request_timeout: Duration,
    /// How long requests in flight may go on after a stop was asked for.
    pub stop_timeout: Duration,
    /// Largest archive that `/api/v1/import` takes, in bytes, packed and unpacked.
    pub import_max: u64,
    /// Blobs of this length and above are read from the store itself, at an address that it signs, where it can.
    pub redirect_above: Option<u64>,
    /// What the operator says of tags and skills.
    pub vocabulary: Vocabulary,
}

impl Default for Options {
    /// Writing allowed: right for loopback only. 512 requests on 4,096 connections; 10 s for headers, 60 s idle, 60 s a request, 30 s to stop; 512 MiB.
    fn default() -> Self {
        Self {
            access: Access::Write,
            concurrency: 512,
            connections: 4096,
            header_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(60),
            request_timeout: Duration::from_secs(60),
            stop_timeout: Duration::from_secs(30),
            import_max: 512 << 20,
            redirect_above: None,
            vocabulary: Vocabulary::default(),
        }
    }
}
