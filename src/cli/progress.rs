//! Bars on standard error, for what takes long. They appear only on a terminal, and never with `--quiet`.

use std::borrow::Cow;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::output::Output;
use crate::client::Watch;

/// How often a bar is drawn: what is done within the first such time never shows one.
const TICK: Duration = Duration::from_millis(150);

/// A bar that is gone when this is dropped.
pub(super) struct Progress(ProgressBar);

impl Progress {
    /// Counts bytes whose number is not known beforehand.
    pub(super) fn bytes(output: Output, verb: &'static str) -> Self {
        Self::new(output, "{spinner} {msg} {bytes} ({bytes_per_sec})", None, verb)
    }

    /// Counts bytes up to a known number.
    pub(super) fn bytes_of(output: Output, verb: &'static str, total: u64) -> Self {
        Self::new(output, "{msg} {bar:30} {bytes}/{total_bytes} ({bytes_per_sec})", Some(total), verb)
    }

    /// Counts things whose number is not known beforehand.
    pub(super) fn things(output: Output, verb: impl Into<Cow<'static, str>>) -> Self {
        Self::new(output, "{spinner} {msg} {pos} ({per_sec:.0})", None, verb)
    }

    fn new(output: Output, template: &str, total: Option<u64>, verb: impl Into<Cow<'static, str>>) -> Self {
        let target = if output.quiet { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
        let bar = ProgressBar::with_draw_target(total, target).with_message(verb);
        // The templates are the three above; one that does not parse leaves the plain style.
        let bar = match ProgressStyle::with_template(template) {
            Ok(style) => bar.with_style(style),
            Err(_) => bar,
        };
        if !bar.is_hidden() {
            bar.enable_steady_tick(TICK);
        }
        Self(bar)
    }

    /// For a client that reports how content travels.
    pub(super) fn watch(&self) -> Watch {
        let bar = self.0.clone();
        std::sync::Arc::new(move |bytes| bar.inc(bytes))
    }

    /// One more.
    pub(super) fn step(&self) {
        self.0.inc(1);
    }

    /// So many in all.
    pub(super) fn at(&self, position: u64) {
        self.0.set_position(position);
    }

    /// Prints beside the bar, not into it.
    pub(super) fn beside<T>(&self, print: impl FnOnce() -> T) -> T {
        self.0.suspend(print)
    }

    /// Takes the bar away.
    pub(super) fn finish(self) {}
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
