//! The best release in a range.

use crate::domain::{Range, Release};

/// No release can be chosen.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoMatch {
    /// None lies in the range.
    #[error("no version lies in the range {0}")]
    NotInRange(String),
    /// Those that do are yanked.
    #[error("every version in the range {0} is yanked")]
    Yanked(String),
}

/// The highest release in the range that is not yanked.
pub fn best<'a>(releases: &'a [Release], range: &Range) -> Result<&'a Release, NoMatch> {
    let inside = || releases.iter().filter(|release| range.contains(&release.version));
    let best = inside().filter(|release| !release.yanked).max_by(|a, b| a.version.cmp(&b.version));
    best.ok_or_else(|| match inside().next() {
        Some(_) => NoMatch::Yanked(range.to_string()),
        None => NoMatch::NotInRange(range.to_string()),
    })
}
