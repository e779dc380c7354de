//! Versions and ranges: semantic versions as semver.org defines them, ranges as npm reads them.

use std::cmp::Ordering;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Tag;

/// Longest version, in bytes: as a tag it must fit into 128 characters.
pub const VERSION_MAX: usize = 128;

/// The text is no version or range, with the reason.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a {what}: {why}")]
pub struct VersionError {
    /// `version` or `range`.
    pub what: &'static str,
    /// The text, at most 160 characters of it.
    pub text: String,
    /// What is wrong.
    pub why: String,
}

impl VersionError {
    fn new(what: &'static str, text: &str, why: impl ToString) -> Self {
        Self { what, text: text.chars().take(160).collect(), why: why.to_string() }
    }
}

/// A full semantic version, such as `1.4.0-rc.1+build.5`.
///
/// Ordered and compared by precedence alone: versions that differ only in build metadata are one number and equal.
#[derive(Clone)]
pub struct Version(Arc<Parsed>);

/// How far the next version is from the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// What used it may break.
    Major,
    /// It can do more.
    Minor,
    /// It does the same, better.
    Patch,
    /// It is not finished.
    Pre,
}

impl Step {
    /// The name, in lower case.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Major => "major",
            Self::Minor => "minor",
            Self::Patch => "patch",
            Self::Pre => "pre",
        }
    }
}

impl FromStr for Step {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "major" => Ok(Self::Major),
            "minor" => Ok(Self::Minor),
            "patch" => Ok(Self::Patch),
            "pre" => Ok(Self::Pre),
            _ => Err(format!("{text:?} is no step: expected major, minor, patch or pre")),
        }
    }
}

struct Parsed {
    semver: semver::Version,
    js: js_semver::Version,
}

impl Version {
    /// `1.0.0`: the version of what gives none.
    pub fn first() -> Self {
        let js = js_semver::Version::new(1, 0, 0);
        Self(Arc::new(Parsed { semver: semver::Version::new(1, 0, 0), js }))
    }

    /// Whether a pre-release part is there.
    pub fn is_prerelease(&self) -> bool {
        !self.0.semver.pre.is_empty()
    }

    /// The version as an OCI tag: `+` becomes `_`, since a tag cannot hold `+`.
    pub fn tag(&self) -> String {
        self.to_string().replace('+', "_")
    }

    /// The version that a tag names: only exact versions count, `v1.2.3` and `1.2` are ordinary tags.
    pub fn from_tag(tag: &Tag) -> Option<Self> {
        tag.as_str().replacen('_', "+", 1).parse().ok()
    }

    /// The number without build metadata: what is burnt once it was published.
    pub fn number(&self) -> String {
        semver::Version { build: semver::BuildMetadata::EMPTY, ..self.0.semver.clone() }.to_string()
    }

    /// The next version for a change that breaks nothing: the patch number goes up, or the pre-release is finished.
    /// `None` past the largest number.
    pub fn next_patch(&self) -> Option<Self> {
        let semver::Version { major, minor, patch, .. } = self.0.semver;
        let patch = if self.is_prerelease() { patch } else { patch.checked_add(1)? };
        format!("{major}.{minor}.{patch}").parse().ok()
    }

    /// The next version after this one, as npm counts: a pre-release of just that number is finished first.
    /// `None` past the largest number.
    pub fn bump(&self, step: Step) -> Option<Self> {
        let semver::Version { major, minor, patch, ref pre, .. } = self.0.semver;
        let next = |number: u64| number.checked_add(1);
        let text = match step {
            Step::Major if !pre.is_empty() && (minor, patch) == (0, 0) => format!("{major}.0.0"),
            Step::Major => format!("{}.0.0", next(major)?),
            Step::Minor if !pre.is_empty() && patch == 0 => format!("{major}.{minor}.0"),
            Step::Minor => format!("{major}.{}.0", next(minor)?),
            Step::Patch => return self.next_patch(),
            Step::Pre if pre.is_empty() => format!("{major}.{minor}.{}-0", next(patch)?),
            Step::Pre => {
                let mut identifiers: Vec<String> = pre.split('.').map(str::to_owned).collect();
                let number = |text: &String| text.parse::<u64>().ok();
                match identifiers.iter().rposition(|identifier| number(identifier).is_some()) {
                    Some(at) => identifiers[at] = next(number(&identifiers[at])?)?.to_string(),
                    None => identifiers.push("0".to_owned()),
                }
                format!("{major}.{minor}.{patch}-{}", identifiers.join("."))
            }
        };
        text.parse().ok()
    }

    /// A key whose byte order is the order of precedence, for stores that sort text.
    pub fn sort_key(&self) -> String {
        let version = &self.0.semver;
        let mut key = format!("{:020}.{:020}.{:020}", version.major, version.minor, version.patch);
        if version.pre.is_empty() {
            key.push('~');
            return key;
        }
        for identifier in version.pre.split('.') {
            // Numeric identifiers sort below alphanumeric ones, and by value; a longer list sorts above its prefix.
            if identifier.bytes().all(|byte| byte.is_ascii_digit()) {
                key.push_str(&format!("!0{:03}{identifier}", identifier.len()));
            } else {
                key.push_str(&format!("!1{identifier}"));
            }
        }
        key
    }

    /// Reads a version as found in a source file, completing `1` and `1.0` and dropping a leading `v`.
    /// The flag says whether anything was completed, so that the reader can warn.
    pub fn lenient(text: &str) -> Result<(Self, bool), VersionError> {
        let trimmed = text.trim();
        if let Ok(version) = trimmed.parse() {
            return Ok((version, false));
        }
        let bare = trimmed.strip_prefix(['v', 'V']).unwrap_or(trimmed);
        let (numbers, rest) = bare.split_at(bare.find(['-', '+']).unwrap_or(bare.len()));
        let completed = match numbers.split('.').count() {
            1 => format!("{numbers}.0.0{rest}"),
            2 => format!("{numbers}.0{rest}"),
            _ => bare.to_owned(),
        };
        completed
            .parse()
            .map(|version| (version, true))
            .map_err(|error: VersionError| VersionError::new("version", text, error.why))
    }
}

impl FromStr for Version {
    type Err = VersionError;

    fn from_str(text: &str) -> Result<Self, VersionError> {
        if text.len() > VERSION_MAX {
            return Err(VersionError::new("version", text, "it is longer than 128 characters"));
        }
        let refuse = |why: String| VersionError::new("version", text, why);
        let semver: semver::Version = text.parse().map_err(|error: semver::Error| refuse(error.to_string()))?;
        // npm counts with 53-bit integers; a version that its tools cannot read is of no use to anybody.
        let js = js_semver::Version::parse(text).map_err(|error| refuse(error.to_string()))?;
        Ok(Self(Arc::new(Parsed { semver, js })))
    }
}

impl std::fmt::Display for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(&self.0.semver.to_string())
    }
}

impl std::fmt::Debug for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

impl PartialEq for Version {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Version {}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.semver.cmp_precedence(&other.0.semver)
    }
}

impl std::hash::Hash for Version {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        (self.0.semver.major, self.0.semver.minor, self.0.semver.patch, self.0.semver.pre.as_str()).hash(state);
    }
}

impl Serialize for Version {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0.semver)
    }
}

impl<'de> Deserialize<'de> for Version {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        super::text::deserialize(deserializer)
    }
}

/// A range of versions with npm's semantics: `^1.2`, `~1.2.3`, `1.x`, `>=1 <3 || 5`, `1.2 - 2.3`, `*`.
///
/// npm's rule for pre-releases holds: one matches only if a comparator names a pre-release of the same
/// major, minor and patch numbers.
#[derive(Clone)]
pub struct Range {
    text: String,
    range: js_semver::Range,
}

impl Range {
    /// The text it was read from.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether the version lies in the range.
    pub fn contains(&self, version: &Version) -> bool {
        self.range.satisfies(&version.0.js)
    }
}

impl FromStr for Range {
    type Err = VersionError;

    fn from_str(text: &str) -> Result<Self, VersionError> {
        let operators = join_tilde(text);
        // npm takes `~>` for `~`; the crate takes any run of '>' and '=' for it.
        let runs = operators.split('~').skip(1);
        if runs
            .into_iter()
            .any(|rest| rest.chars().take_while(|sign| "=>".contains(*sign)).skip(1).any(|sign| sign == '>'))
        {
            return Err(VersionError::new("range", text, "'~' is followed by too many signs"));
        }
        let range = js_semver::Range::parse(&operators).map_err(|error| VersionError::new("range", text, error))?;
        Ok(Self { text: text.to_owned(), range })
    }
}

/// `~ > 1.2` as `~> 1.2`: npm reads both alike, the crate only the second (`spec/vectors/ranges.json` has such ranges).
fn join_tilde(text: &str) -> String {
    let mut joined = String::with_capacity(text.len());
    for part in text.split_inclusive('~') {
        let rest = part.trim_start();
        let follows_tilde = joined.ends_with('~') && rest.starts_with('>');
        joined.push_str(if follows_tilde { rest } else { part });
    }
    joined
}

impl PartialEq for Range {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Range {}

super::text::text_value!(Range);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn version(text: &str) -> Version {
        text.parse().unwrap_or_else(|error| panic!("{error}"))
    }

    /// As npm's semver 7 counts.
    #[test]
    fn the_next_version_is_npms() {
        for (from, expected) in [
            ("1.2.3", ["2.0.0", "1.3.0", "1.2.4", "1.2.4-0"]),
            ("1.2.3-rc.1", ["2.0.0", "1.3.0", "1.2.3", "1.2.3-rc.2"]),
            ("1.2.0-rc", ["2.0.0", "1.2.0", "1.2.0", "1.2.0-rc.0"]),
            ("2.0.0-rc.1", ["2.0.0", "2.0.0", "2.0.0", "2.0.0-rc.2"]),
            ("2.1.0-rc", ["3.0.0", "2.1.0", "2.1.0", "2.1.0-rc.0"]),
            ("1.2.3+build", ["2.0.0", "1.3.0", "1.2.4", "1.2.4-0"]),
            ("1.0.0-alpha.1.beta", ["1.0.0", "1.0.0", "1.0.0", "1.0.0-alpha.2.beta"]),
            ("0.0.0", ["1.0.0", "0.1.0", "0.0.1", "0.0.1-0"]),
        ] {
            let found = [Step::Major, Step::Minor, Step::Patch, Step::Pre].map(|step| version(from).bump(step));
            assert_eq!(found.map(|next| next.unwrap().to_string()), expected, "{from}");
        }
        assert_eq!(version("9007199254740991.0.0").bump(Step::Major), None);
    }

    #[test]
    fn only_exact_versions_are_versions() {
        for good in ["0.0.0", "1.2.3", "1.0.0-rc.1", "1.0.0+x.5", "1.0.0-a-b.0+0--0"] {
            assert_eq!(version(good).to_string(), good);
        }
        let long = format!("1.0.0-{}", "a".repeat(VERSION_MAX));
        for bad in ["", "1", "1.2", "v1.2.3", "01.0.0", "1.0.0-01", "1.0.0 ", "1.0.0-ü", "9007199254740992.0.0", &long]
        {
            assert!(bad.parse::<Version>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn build_metadata_is_no_number_of_its_own() {
        assert_eq!(version("1.0.0+a"), version("1.0.0+b"));
        assert_eq!(version("1.0.0-rc+a").number(), "1.0.0-rc");
        let tag: Tag = version("1.0.0+a.b").tag().parse().unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(tag.as_str(), "1.0.0_a.b");
        assert_eq!(Version::from_tag(&tag).map(|version| version.to_string()).as_deref(), Some("1.0.0+a.b"));
    }

    #[test]
    fn completes_what_sources_say() {
        for (text, expected, completed) in [
            ("1.0.0", "1.0.0", false),
            ("1.0", "1.0.0", true),
            ("2", "2.0.0", true),
            ("v1.2.3", "1.2.3", true),
            (" 1.0-rc ", "1.0.0-rc", true),
        ] {
            assert_eq!(
                Version::lenient(text).map(|(version, flag)| (version.to_string(), flag)),
                Ok((expected.to_owned(), completed))
            );
        }
        for bad in ["", "latest", "1.2.3.4", "1.x"] {
            assert!(Version::lenient(bad).is_err(), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn sort_keys_order_as_versions_do(
            left in "[0-2]\\.[0-2]\\.(0|10|2)(-(0|9|10|a|a-b|rc|alpha)(\\.(0|1|11|x)){0,2})?",
            right in "[0-2]\\.[0-2]\\.(0|10|2)(-(0|9|10|a|a-b|rc|alpha)(\\.(0|1|11|x)){0,2})?",
        ) {
            let (left, right) = (version(&left), version(&right));
            prop_assert_eq!(left.sort_key().cmp(&right.sort_key()), left.cmp(&right));
        }

        #[test]
        fn any_text_is_refused_or_comes_back(text in "\\PC{0,30}|[0-9]{1,3}\\.[0-9]{1,3}\\.[0-9]{1,3}[-+a-z0-9.]{0,12}") {
            if let Ok(version) = text.parse::<Version>() {
                prop_assert_eq!(version.to_string(), text.as_str());
            }
            let _ = text.parse::<Range>();
        }
    }
}
