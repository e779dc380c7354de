//! Which version a package shows.

use crate::domain::Version;

/// A text whose byte order is the order in which versions are shown: stable ones above pre-releases above yanked ones, then by
/// precedence. `None` for a deleted version. A rank that [`is_stable`] may be `latest`.
pub fn rank(version: &Version, yanked: bool, deleted: bool) -> Option<String> {
    let class = match (deleted, yanked, version.is_prerelease()) {
        (true, ..) => return None,
        (_, true, _) => '1',
        (_, _, true) => '2',
        _ => '3',
    };
    Some(format!("{class}{}", version.sort_key()))
}

/// Whether a version of this [`rank`] may be `latest`.
pub fn is_stable(rank: &str) -> bool {
    rank.starts_with('3')
}
