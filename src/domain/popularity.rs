//! Days, and how what happened on them fades.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Timestamp;

/// Longest window that a trend is asked over, in days.
pub const WINDOW_MAX: u32 = 90;

/// How many downloads a star counts for in a trend.
pub const STAR_WEIGHT: u64 = 10;

/// What a download of today counts in a trend; one of an earlier day counts a part of it. Scores are whole numbers, so that they
/// are the same wherever they are added up, and in whatever order.
pub const WEIGHT_TODAY: u64 = 1 << 20;

const SECONDS: i64 = 86_400;

/// A day in UTC, as the number of days since 1970-01-01.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Day(i32);

/// The text is no day.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a day: expected the form 2026-01-31")]
pub struct DayError(String);

impl Day {
    /// The day of a time.
    pub fn of(time: Timestamp) -> Self {
        Self(i32::try_from(time.micros().div_euclid(SECONDS * 1_000_000)).unwrap_or(i32::MAX))
    }

    /// From the number of days since 1970-01-01.
    pub fn from_number(number: i32) -> Self {
        Self(number)
    }

    /// Days since 1970-01-01.
    pub fn number(self) -> i32 {
        self.0
    }

    /// The day so many days before.
    pub fn back(self, days: u32) -> Self {
        Self(self.0.saturating_sub_unsigned(days))
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_second(i64::from(self.0) * SECONDS) {
            Ok(time) => write!(f, "{}", time.to_zoned(jiff::tz::TimeZone::UTC).date()),
            Err(_) => write!(f, "day {}", self.0),
        }
    }
}

impl fmt::Debug for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Day {
    type Err = DayError;

    fn from_str(text: &str) -> Result<Self, DayError> {
        let is_day = text.len() == 10 && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
        let time = format!("{text}T00:00:00Z").parse().ok().filter(|_| is_day);
        let time: Timestamp = time.ok_or_else(|| DayError(text.chars().take(60).collect()))?;
        Ok(Self::of(time))
    }
}

impl Serialize for Day {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Day {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        super::text::deserialize(deserializer)
    }
}

/// What a download counts in a trend, for each day of a window that ends today: the earliest day first. A download counts half as much
/// when it is half the window old. At most [`WINDOW_MAX`] days, and at least one.
pub fn trend_weights(today: Day, window: u32) -> Vec<(Day, u64)> {
    let window = window.clamp(1, WINDOW_MAX);
    let half_life = f64::from(window) / 2.0;
    let weight = |age: u32| {
        let part = (-f64::from(age) / half_life).exp2();
        // Between a fourth of the weight of today and all of it.
        (WEIGHT_TODAY as f64 * part).round() as u64
    };
    (0..window).rev().map(|age| (today.back(age), weight(age))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_begins_at_midnight_in_utc() {
        let at = |text: &str| Day::of(text.parse().unwrap()).to_string();
        assert_eq!(at("2026-01-31T00:00:00Z"), "2026-01-31");
        assert_eq!(at("2026-01-31T23:59:59.999999Z"), "2026-01-31");
        assert_eq!(at("2026-02-01T00:00:00Z"), "2026-02-01");
        assert_eq!(at("1969-12-31T23:59:59Z"), "1969-12-31");
        assert_eq!(Day::of(Timestamp::from_micros(-1)).number(), -1);
    }

    #[test]
    fn days_come_back_from_text() {
        for text in ["1970-01-01", "2024-02-29", "2026-12-31"] {
            assert_eq!(text.parse::<Day>().unwrap().to_string(), text);
        }
        for bad in ["", "yesterday", "2026-1-1", "2026-02-30", "2026-01-31T00:00:00Z", "2026-01-3é"] {
            assert!(bad.parse::<Day>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_download_counts_half_when_half_the_window_has_passed() {
        let today: Day = "2026-01-31".parse().unwrap();
        let weights = trend_weights(today, 8);
        assert_eq!(weights.len(), 8);
        assert_eq!(weights[7], (today, WEIGHT_TODAY));
        assert_eq!(weights[3], (today.back(4), WEIGHT_TODAY / 2));
        assert_eq!(weights[0].0, today.back(7));
        assert!(weights.is_sorted_by(|one, next| one.0 < next.0 && one.1 < next.1), "{weights:?}");
    }

    #[test]
    fn windows_have_an_end() {
        let today = Day::from_number(20_000);
        assert_eq!(trend_weights(today, 0), [(today, WEIGHT_TODAY)]);
        assert_eq!(trend_weights(today, u32::MAX).len(), WINDOW_MAX as usize);
    }
}
