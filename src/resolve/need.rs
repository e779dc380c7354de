//! What a dependency asks for: from the words of a source to a package and a range (`docs/install.md`, "Dependencies").

use crate::domain::{Dependency, Name, Range};

/// A package that is needed, and which of its versions will do.
#[derive(Clone, Debug, PartialEq)]
pub struct Need {
    /// The package.
    pub name: Name,
    /// Which versions.
    pub range: Range,
    /// What follows if there is no such package.
    pub strength: Strength,
}

/// What follows if a needed package does not exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Strength {
    /// Whoever needs it cannot be installed.
    Required,
    /// It was a bare word, which may have meant no package at all: it is left out, and that is said.
    IfThere,
}

/// The dependencies of one version, read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Needs {
    /// Those that name packages, each once, in the order of the source.
    pub needs: Vec<Need>,
    /// Those that do not, as they are written, each once.
    pub unread: Vec<String>,
    /// Ranges that are none, as `name range`: any version is taken.
    pub odd_ranges: Vec<String>,
}

/// Reads the dependencies of a version of `dependent`.
///
/// `org/name` and `@org/name` name packages. A bare word in lower case names one of the dependent's own organisation, if
/// there is such a one. Paths, addresses, identifiers such as `SecurityExpert` and free text name none ([`package`]).
pub fn needs(dependent: &Name, dependencies: &[Dependency]) -> Needs {
    let mut found = Needs::default();
    for dependency in dependencies {
        let Some((name, strength)) = package(dependent, &dependency.name) else {
            push_new(&mut found.unread, dependency.name.clone());
            continue;
        };
        let text = dependency.range.as_deref().map(str::trim).filter(|text| !text.is_empty());
        let range = match text.map(str::parse::<Range>) {
            Some(Ok(range)) => Some(range),
            Some(Err(_)) => {
                push_new(&mut found.odd_ranges, format!("{} {}", dependency.name, text.unwrap_or_default()));
                any()
            }
            None => any(),
        };
        if let Some(range) = range {
            push_new(&mut found.needs, Need { name, range, strength });
        }
    }
    // A package named both with and without a range is one need: the range.
    let ranged: Vec<Name> =
        found.needs.iter().filter(|need| need.range.as_str() != ANY).map(|need| need.name.clone()).collect();
    found.needs.retain(|need| need.range.as_str() != ANY || !ranged.contains(&need.name));
    found
}

/// The range that every finished version is in.
pub(super) const ANY: &str = "*";

fn any() -> Option<Range> {
    ANY.parse().ok()
}

/// The package that a dependency of `dependent` means, as its source writes it; `None` if it means none.
///
/// Whoever installs, lists what is needed, or looks for those who need something, asks here.
pub fn package(dependent: &Name, text: &str) -> Option<(Name, Strength)> {
    let text = text.trim();
    let text = text.strip_prefix('@').filter(|rest| rest.contains('/')).unwrap_or(text);
    if text.contains('/') {
        return text.parse().ok().map(|name| (name, Strength::Required));
    }
    // A file beside the source: `config.pcl` would be a name by its letters.
    let is_file = [".pcl", ".md", ".json", ".yaml", ".yml"].iter().any(|ending| text.ends_with(ending));
    let name = format!("{}/{text}", dependent.org()).parse().ok().filter(|_| !is_file)?;
    Some((name, Strength::IfThere))
}

fn push_new<T: PartialEq>(list: &mut Vec<T>, item: T) {
    if !list.contains(&item) {
        list.push(item);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::DependencyType;

    fn read(list: &[(&str, Option<&str>)]) -> Needs {
        let dependency = |(name, range): &(&str, Option<&str>)| Dependency {
            name: (*name).to_owned(),
            kind: DependencyType::Requires,
            range: range.map(str::to_owned),
        };
        needs(&"acme/team".parse().unwrap(), &list.iter().map(dependency).collect::<Vec<_>>())
    }

    #[test]
    fn names_are_read_as_their_sources_mean_them() {
        for (text, expected) in [
            ("other/pdf", Some(("other/pdf", Strength::Required))),
            ("@other/pdf", Some(("other/pdf", Strength::Required))),
            ("pdf", Some(("acme/pdf", Strength::IfThere))),
            ("code-review", Some(("acme/code-review", Strength::IfThere))),
            ("./config", None),
            ("../lib/x.pcl", None),
            ("/etc/passwd", None),
            ("config.pcl", None),
            ("SecurityExpert", None),
            ("OWASP Top 10", None),
            ("stdlib/data/sql-expert", None),
            ("https://example.org/x", None),
            ("@Foundation.X", None),
            ("", None),
        ] {
            let found = read(&[(text, None)]);
            let need = found.needs.first().map(|need| (need.name.as_str(), need.strength));
            assert_eq!(need, expected, "{text:?}");
            assert_eq!(found.unread.len(), usize::from(expected.is_none()), "{text:?}");
        }
    }

    #[test]
    fn each_need_is_there_once_and_the_range_wins_over_none() {
        let found = read(&[("a/b", None), ("a/b", Some("^1")), ("a/b", Some("^1")), ("a/b", Some("<1.5"))]);
        let ranges: Vec<&str> = found.needs.iter().map(|need| need.range.as_str()).collect();
        assert_eq!(ranges, ["^1", "<1.5"]);
    }

    #[test]
    fn a_range_that_is_none_is_said_and_any_version_taken() {
        let found = read(&[("a/b", Some("latest")), ("a/c", Some(" "))]);
        assert_eq!(found.odd_ranges, ["a/b latest"]);
        assert!(found.needs.iter().all(|need| need.range.as_str() == "*"));
    }
}
