//! How often a manifest was pulled since somebody last asked, and on which day.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::domain::{Day, Digest, Name};

/// Bits of the number; those above are the day's.
const NUMBER_BITS: u32 = 40;
const NUMBER_MAX: u64 = (1 << NUMBER_BITS) - 1;

/// The pulls of one manifest of a package. One word, so that a pull waits for nobody and allocates nothing.
#[derive(Debug)]
pub struct Pulls {
    /// The package.
    pub name: Name,
    /// The manifest.
    pub digest: Digest,
    word: AtomicU64,
}

impl Pulls {
    /// None yet.
    pub fn new(name: Name, digest: Digest) -> Self {
        Self { name, digest, word: AtomicU64::new(0) }
    }

    /// Counts a pull. If those before it were on another day, they are returned and counted here no longer.
    pub fn add(&self, day: Day) -> Option<(Day, u64)> {
        let mut held = self.word.load(Ordering::Relaxed);
        loop {
            let (of, number) = read(held);
            let (next, left) = match number {
                1..NUMBER_MAX if of == day => (held + 1, None),
                0 => (write(day), None),
                _ => (write(day), Some((of, number))),
            };
            match self.word.compare_exchange_weak(held, next, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return left,
                Err(now) => held = now,
            }
        }
    }

    /// What was counted, which is counted here no longer.
    pub fn take(&self) -> Option<(Day, u64)> {
        let (day, number) = read(self.word.swap(0, Ordering::Relaxed));
        (number > 0).then_some((day, number))
    }
}

/// One pull on that day.
fn write(day: Day) -> u64 {
    // Days before 1970 and after 45,000 years are those of a broken clock.
    let day = u64::try_from(day.number()).unwrap_or_default() & (u64::MAX >> NUMBER_BITS);
    (day << NUMBER_BITS) | 1
}

fn read(word: u64) -> (Day, u64) {
    (Day::from_number(i32::try_from(word >> NUMBER_BITS).unwrap_or_default()), word & NUMBER_MAX)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn pulls() -> Pulls {
        Pulls::new("acme/hello".parse().unwrap(), Digest::sha256(b""))
    }

    #[test]
    fn pulls_are_counted_by_day() {
        let pulls = pulls();
        let today = Day::from_number(20_000);
        assert_eq!(pulls.take(), None);
        assert_eq!((pulls.add(today), pulls.add(today)), (None, None));
        assert_eq!(pulls.add(today.back(1)), Some((today, 2)), "a clock that goes back is followed");
        assert_eq!(pulls.add(today), Some((today.back(1), 1)));
        assert_eq!(pulls.take(), Some((today, 1)));
        assert_eq!(pulls.take(), None);
    }

    #[test]
    fn none_is_lost_between_threads_that_count_and_one_that_asks() {
        const EACH: u64 = 20_000;
        let pulls = Arc::new(pulls());
        let day = Day::from_number(20_000);
        let count = || {
            let pulls = Arc::clone(&pulls);
            std::thread::spawn(move || (0..EACH).filter_map(|_| pulls.add(day)).count())
        };
        let threads = [count(), count(), count()];
        let mut sum = 0;
        while sum < 3 * EACH {
            sum += pulls.take().map_or(0, |(_, number)| number);
        }
        assert_eq!(threads.map(|thread| thread.join().unwrap()), [0; 3]);
        assert_eq!((sum, pulls.take()), (3 * EACH, None));
    }
}
