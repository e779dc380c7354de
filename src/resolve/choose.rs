//! The best release for a range, and the latest of all (`spec/artifact.md`, "Choosing a version").

use std::cmp::Ordering;

use super::Release;
use crate::domain::{Range, Version};

/// How many versions an explanation lists.
const LISTED: usize = 5;

/// The highest release in the range, by npm's rules.
///
/// - A pre-release is in a range only if the range names a pre-release of the same three numbers.
/// - A yanked release is never chosen for a range, but an exact version (`1.2.3`, `=1.2.3`, `v1.2.3`) still finds it, so that
///   what was locked before the yank can be installed.
/// - Build metadata do not count. Between versions that differ in nothing else, one that the range spells out exactly wins,
///   then the one whose text sorts last.
///
/// # Errors
/// [`NoMatch`], which says what there is instead.
pub fn best<'a>(releases: &'a [Release], range: &Range) -> Result<&'a Release, NoMatch> {
    let exact = exact(range);
    let in_range = |release: &&Release| range.contains(&release.version);
    let may_choose = |release: &&Release| exact.is_some() || !release.yanked;
    let spelled =
        |release: &Release| exact.as_ref().is_some_and(|exact| exact.to_string() == release.version.to_string());
    releases
        .iter()
        .filter(in_range)
        .filter(may_choose)
        .max_by(|a, b| {
            let yanked_last = b.yanked.cmp(&a.yanked);
            a.version.cmp(&b.version).then(spelled(a).cmp(&spelled(b))).then(yanked_last).then_with(|| order(a, b))
        })
        .ok_or_else(|| explain(releases, range))
}

/// The release that the tag `latest` names: `pinned`, as long as it is there and not yanked, else the highest that is
/// neither a pre-release nor yanked.
///
/// `None` if there are only pre-releases and yanked ones: nobody gets an unfinished version without having asked for one.
pub fn latest<'a>(releases: &'a [Release], pinned: Option<&Version>) -> Option<&'a Release> {
    let offered = || releases.iter().filter(|release| !release.yanked);
    let pinned =
        pinned.and_then(|pinned| offered().filter(|release| release.version == *pinned).max_by(|a, b| order(a, b)));
    pinned.or_else(|| offered().filter(|release| !release.version.is_prerelease()).max_by(|a, b| order(a, b)))
}

/// Sorts releases, the highest version first.
pub fn newest_first(releases: &mut [Release]) {
    releases.sort_by(|a, b| order(b, a));
}

/// Why no release was chosen.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoMatch {
    /// There is nothing to choose from.
    #[error("no version is published")]
    Nothing,
    /// Releases are in the range, but all were yanked. The highest first.
    #[error("every version in {range} was yanked: {}", list(.versions))]
    OnlyYanked {
        /// What was asked for.
        range: Range,
        /// The highest yanked ones.
        versions: Vec<Version>,
    },
    /// Pre-releases lie between the bounds of the range, which names none. The highest first.
    #[error("only pre-releases are in {range}: {}", list(.versions))]
    OnlyPrereleases {
        /// What was asked for.
        range: Range,
        /// The highest of them.
        versions: Vec<Version>,
    },
    /// Nothing is in the range.
    #[error("no version is in {range}; the highest are {}", list(.highest))]
    Outside {
        /// What was asked for.
        range: Range,
        /// The highest that there are, pre-releases included, yanked ones only if there are no others.
        highest: Vec<Version>,
    },
}

impl NoMatch {
    /// What to do about it.
    pub fn hint(&self) -> String {
        match self {
            Self::Nothing => "check the name, or publish a version first".to_owned(),
            Self::OnlyYanked { versions, .. } => {
                format!("ask for one by its exact number, such as {}, if you must have it", first(versions))
            }
            Self::OnlyPrereleases { versions, .. } => {
                format!("a pre-release is chosen only if the range names one: try ^{}", number(versions))
            }
            Self::Outside { highest, .. } => format!("try ^{}", number(highest)),
        }
    }
}

/// The version that a range names exactly, if it does.
pub(super) fn exact(range: &Range) -> Option<Version> {
    let text = range.as_str().trim();
    let text = text.strip_prefix('=').unwrap_or(text).trim_start();
    text.strip_prefix('v').unwrap_or(text).trim_start().parse().ok()
}

fn order(a: &Release, b: &Release) -> Ordering {
    order_of(&a.version, &b.version)
}

/// A total order: precedence, then the text, so that build metadata give a fixed answer too.
pub(super) fn order_of(a: &Version, b: &Version) -> Ordering {
    a.cmp(b).then_with(|| a.to_string().cmp(&b.to_string()))
}

fn explain(releases: &[Release], range: &Range) -> NoMatch {
    if releases.is_empty() {
        return NoMatch::Nothing;
    }
    let range = range.clone();
    let yanked = highest(releases, |release| release.yanked && range.contains(&release.version));
    if !yanked.is_empty() {
        return NoMatch::OnlyYanked { range, versions: yanked };
    }
    // A pre-release counts as between the bounds if the release that it leads to is in the range.
    let finished = |version: &Version| version.number().split('-').next().and_then(|text| text.parse::<Version>().ok());
    let unfinished = highest(releases, |release| {
        let leads_inside = finished(&release.version).is_some_and(|version| range.contains(&version));
        !release.yanked && release.version.is_prerelease() && leads_inside
    });
    if !unfinished.is_empty() {
        return NoMatch::OnlyPrereleases { range, versions: unfinished };
    }
    let offered = highest(releases, |release| !release.yanked);
    let highest = if offered.is_empty() { highest(releases, |_| true) } else { offered };
    NoMatch::Outside { range, highest }
}

fn highest(releases: &[Release], wanted: impl Fn(&Release) -> bool) -> Vec<Version> {
    let mut found: Vec<&Release> = releases.iter().filter(|release| wanted(release)).collect();
    found.sort_by(|a, b| order(b, a));
    found.iter().take(LISTED).map(|release| release.version.clone()).collect()
}

fn list(versions: &[Version]) -> String {
    versions.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

fn first(versions: &[Version]) -> String {
    versions.first().map(ToString::to_string).unwrap_or_default()
}

fn number(versions: &[Version]) -> String {
    versions.first().map(Version::number).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Digest, Timestamp};

    /// Releases from their versions; `!` marks a yanked one.
    fn releases(text: &str) -> Vec<Release> {
        let release = |word: &str| Release {
            version: word.trim_end_matches('!').parse().unwrap(),
            digest: Digest::sha256(word.as_bytes()),
            yanked: word.ends_with('!'),
            deprecated: false,
            deleted: false,
            published: Timestamp::from_micros(0),
        };
        text.split_whitespace().map(release).collect()
    }

    fn check(published: &str, range: &str, expected: Result<&str, &str>) {
        let releases = releases(published);
        let mut reversed = releases.clone();
        reversed.reverse();
        for releases in [releases, reversed] {
            let found = best(&releases, &range.parse().unwrap()).map(|release| release.version.to_string());
            let found = found.map_err(|error| format!("{error}, {}", error.hint()));
            assert_eq!(found.as_deref().map_err(String::as_str), expected, "{range} of {published}");
        }
    }

    #[test]
    fn the_highest_in_the_range_is_chosen() {
        let published = "1.0.0 1.2.0 1.10.0 2.0.0 0.9.0 2.1.0-rc.1";
        check(published, "*", Ok("2.0.0"));
        check(published, "", Ok("2.0.0"));
        check(published, "^1", Ok("1.10.0"));
        check(published, "~1.2 || 0.x", Ok("1.2.0"));
        check(published, "<1", Ok("0.9.0"));
    }

    #[test]
    fn prereleases_are_chosen_only_where_the_range_names_one() {
        check("1.0.0 1.1.0-rc.1", "^1", Ok("1.0.0"));
        check("1.0.0 1.1.0-rc.1", ">=1.1.0-0", Ok("1.1.0-rc.1"));
        check("1.1.0-rc.1 1.1.0-rc.2 1.1.1-rc.1", "^1.1.0-rc.1", Ok("1.1.0-rc.2"));
        let only = "only pre-releases are in ^1: 1.1.0-rc.2, 1.1.0-rc.1, \
            a pre-release is chosen only if the range names one: try ^1.1.0-rc.2";
        check("1.1.0-rc.2 1.1.0-rc.1 2.0.0", "^1", Err(only));
    }

    #[test]
    fn yanked_releases_are_found_only_by_their_number() {
        check("1.0.0 1.1.0!", "^1", Ok("1.0.0"));
        for exact in ["1.1.0", "=1.1.0", " = v1.1.0 ", "v1.1.0"] {
            check("1.0.0 1.1.0!", exact, Ok("1.1.0"));
        }
        let only = "every version in ~1.1 was yanked: 1.1.0, ask for one by its exact number, such as 1.1.0, if you must have it";
        check("1.0.0 1.1.0!", "~1.1", Err(only));
        check("1.0.0!", ">=1.0.0 <=1.0.0", Err(&only.replace("~1.1", ">=1.0.0 <=1.0.0").replace("1.1.0", "1.0.0")));
    }

    #[test]
    fn build_metadata_give_a_fixed_answer() {
        check("1.0.0+b 1.0.0+a 1.0.0", "^1", Ok("1.0.0+b"));
        check("1.0.0+b 1.0.0+a 1.0.0", "1.0.0+a", Ok("1.0.0+a"));
        check("1.0.0+b! 1.0.0+a", "1.0.0", Ok("1.0.0+a"));
        check("1.0.0+b! 1.0.0+a", "1.0.0+b", Ok("1.0.0+b"));
    }

    #[test]
    fn an_explanation_lists_what_there_is() {
        check("", "^1", Err("no version is published, check the name, or publish a version first"));
        let highest = "no version is in ^3; the highest are 2.0.0, 1.4.0, 1.3.0, 1.2.0, 1.1.0, try ^2.0.0";
        check("1.0.0 1.1.0 1.2.0 1.3.0 1.4.0 2.0.0 9.0.0!", "^3", Err(highest));
        check("1.0.0!", "^3", Err("no version is in ^3; the highest are 1.0.0, try ^1.0.0"));
    }

    #[test]
    fn latest_is_neither_prerelease_nor_yanked_unless_pinned() {
        let check = |published: &str, pinned: Option<&str>, expected: Option<&str>| {
            let pinned = pinned.map(|text| text.parse().unwrap());
            let releases = releases(published);
            let found = latest(&releases, pinned.as_ref()).map(|release| release.version.to_string());
            assert_eq!(found.as_deref(), expected, "{published}");
        };
        check("1.0.0 1.1.0 1.2.0! 2.0.0-rc.1", None, Some("1.1.0"));
        check("1.0.0 1.1.0 1.2.0! 2.0.0-rc.1", Some("1.0.0"), Some("1.0.0"));
        check("1.0.0 1.1.0 1.2.0! 2.0.0-rc.1", Some("2.0.0-rc.1"), Some("2.0.0-rc.1"));
        check("1.0.0 1.1.0 1.2.0! 2.0.0-rc.1", Some("1.2.0"), Some("1.1.0"));
        check("1.0.0", Some("9.0.0"), Some("1.0.0"));
        check("1.0.0-rc.1 0.9.0!", None, None);
        check("", None, None);
    }

    #[test]
    fn newest_comes_first() {
        let mut found = releases("1.0.0 2.0.0-rc.1 1.10.0 2.0.0 1.0.0+a");
        newest_first(&mut found);
        let found: Vec<String> = found.iter().map(|release| release.version.to_string()).collect();
        assert_eq!(found, ["2.0.0", "2.0.0-rc.1", "1.10.0", "1.0.0+a", "1.0.0"]);
    }
}
