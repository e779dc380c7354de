//! Repositories whose rendering fails: each is tried again, later and later, while all others go on.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use crate::domain::Repository;

/// How long to wait before the first time that something is tried again, and always for what hides.
pub(super) const RETRY: Duration = Duration::from_secs(1);
/// Longest wait.
const RETRY_MAX: Duration = Duration::from_secs(60);
/// If more than these fail, it is not they that fail.
const FAILING_MAX: usize = 1000;

/// What could not be rendered.
#[derive(Debug, Default)]
pub(super) struct Failing(BTreeMap<Repository, Attempts>);

#[derive(Debug)]
struct Attempts {
    number: u32,
    not_before: Instant,
    /// The first event that may not be shown.
    since: u64,
    /// It may be that something is to be hidden.
    hides: bool,
}

impl Failing {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether so many fail that nothing else will succeed either.
    pub(super) fn is_too_much(&self) -> bool {
        self.0.len() > FAILING_MAX
    }

    /// Notes that it failed, once more perhaps. `since`: the first event that it may not show.
    pub(super) fn note(
        &mut self,
        repository: &Repository,
        since: u64,
        hides: bool,
        now: Instant,
        error: &dyn std::error::Error,
    ) {
        let attempts =
            self.0.entry(repository.clone()).or_insert(Attempts { number: 0, not_before: now, since, hides });
        attempts.number = attempts.number.saturating_add(1);
        attempts.since = attempts.since.min(since);
        attempts.hides |= hides;
        let wait = RETRY * 2_u32.saturating_pow(attempts.number - 1).min(RETRY_MAX.as_secs() as u32);
        attempts.not_before = now + if attempts.hides { RETRY } else { wait.min(RETRY_MAX) };
        let number = attempts.number;
        tracing::error!(%repository, number, %error, "the static tree does not show a repository, which is tried again; all others go on");
    }

    /// It is rendered.
    pub(super) fn forget(&mut self, repository: &Repository) {
        self.0.remove(repository);
    }

    /// What is to be tried again now, what may hide something first; with the first event that it may not show, and whether it may.
    pub(super) fn due(&self, now: Instant) -> Vec<(Repository, u64, bool)> {
        let due = self.0.iter().filter(|(_, attempts)| attempts.not_before <= now);
        let mut due: Vec<_> =
            due.map(|(repository, attempts)| (repository.clone(), attempts.since, attempts.hides)).collect();
        due.sort_by_key(|(_, _, hides)| !hides);
        due
    }

    /// When something is to be tried again.
    pub(super) fn next(&self) -> Option<Instant> {
        self.0.values().map(|attempts| attempts.not_before).min()
    }

    /// The last event that is shown whole, of all up to `through`.
    pub(super) fn shown(&self, through: u64) -> u64 {
        let least = self.0.values().map(|attempts| attempts.since.saturating_sub(1)).min();
        least.map_or(through, |least| least.min(through))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_tried_later_and_later_but_for_what_hides() {
        let (one, two): (Repository, Repository) = ("team/one".parse().unwrap(), "team/two".parse().unwrap());
        let mut failing = Failing::default();
        let error = std::io::Error::other("full");
        let begun = Instant::now();
        failing.note(&one, 7, false, begun, &error);
        assert_eq!((failing.shown(9), failing.next(), failing.due(begun)), (6, Some(begun + RETRY), Vec::new()));
        for number in 1..40_u32 {
            failing.note(&one, 9, false, begun, &error);
            let wait = RETRY * 2_u32.saturating_pow(number).min(60);
            assert_eq!(failing.next(), Some(begun + wait));
        }
        failing.note(&two, 8, true, begun, &error);
        failing.note(&two, 8, false, begun, &error);
        assert_eq!(failing.next(), Some(begun + RETRY), "what hides does not wait");
        assert_eq!(failing.due(begun + RETRY_MAX), [(two.clone(), 8, true), (one.clone(), 7, false)]);
        failing.forget(&one);
        assert_eq!((failing.shown(9), failing.shown(5)), (7, 5));
        failing.forget(&two);
        assert!(failing.is_empty() && failing.next().is_none());
    }
}
