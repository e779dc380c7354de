//! What is counted of each answer. Looked up by name once a server and not once a request.

use std::time::Duration;

use http::StatusCode;
use metrics::{Counter, Histogram};

/// The counts of one front.
pub(super) struct Meters {
    /// By the first digit of the status, from 1.
    requests: [Counter; 5],
    seconds: Histogram,
}

impl Meters {
    pub(super) fn of(front: &'static str) -> Self {
        let counter = |class| metrics::counter!("pclr_http_requests_total", "front" => front, "status" => class);
        Self {
            requests: ["1xx", "2xx", "3xx", "4xx", "5xx"].map(counter),
            seconds: metrics::histogram!("pclr_http_request_seconds", "front" => front),
        }
    }

    /// Counts one answer.
    pub(super) fn answered(&self, status: StatusCode, after: Duration) {
        let class = usize::from(status.as_u16() / 100).clamp(1, 5);
        self.requests[class - 1].increment(1);
        self.seconds.record(after.as_secs_f64());
    }
}
