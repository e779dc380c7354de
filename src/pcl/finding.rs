//! What readers find.

use crate::domain::{About, Diagnostic, Kind, Primary, SLUG_MAX, Source, Tree, Version, slug, slug_or_hash};

/// Most diagnostics that a finding carries.
const DIAGNOSTICS_MAX: usize = 50;

/// One artifact, as its files describe it.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// What it is.
    pub kind: Kind,
    /// Identifier of its declaration, or what its source calls it; may be empty.
    pub identifier: String,
    /// The name as people write it; never empty.
    pub title: String,
    /// What the slug is made of, where that is better than the title.
    pub slug_hint: Option<String>,
    /// Its version, if the source gives one that can be read.
    pub version: Option<Version>,
    /// What else is known; `about.title` is `title`.
    pub about: About,
    /// Its main file, and the declaration in it.
    pub primary: Primary,
    /// Where it was found. [`discover`](super::discover) gives the path within what was imported.
    pub source: Source,
}

impl Finding {
    /// A finding of which nothing is known but its file.
    pub(super) fn new(kind: Kind, file: &str) -> Self {
        Self {
            kind,
            identifier: String::new(),
            title: String::new(),
            slug_hint: None,
            version: None,
            about: About::default(),
            primary: Primary { file: file.to_owned(), declaration: None },
            source: Source { path: file.to_owned(), item: None },
        }
    }

    /// Notes what could not be taken as written. `line` counts from 1; 0 means the whole file.
    pub(super) fn note(&mut self, line: u32, message: impl Into<String>) {
        let diagnostics = &mut self.about.diagnostics;
        if diagnostics.len() < DIAGNOSTICS_MAX {
            diagnostics.push(Diagnostic { file: self.primary.file.clone(), line, message: message.into() });
        }
    }

    /// Takes a version as the source writes it, completing it if it must.
    pub(super) fn take_version(&mut self, text: &str, line: u32) {
        match Version::lenient(text) {
            Ok((version, completed)) => {
                if completed {
                    self.note(line, format!("version {:?} is not complete; it is read as {version}", cut(text, 40)));
                }
                self.version = Some(version);
            }
            Err(_) => self.note(line, format!("version {:?} is not a semantic version; it is ignored", cut(text, 40))),
        }
    }

    /// Sets the title, folding white space; keeps the old one if nothing is left.
    pub(super) fn set_title(&mut self, title: &str) {
        let folded = fold(title);
        if !folded.is_empty() {
            self.title = cut(&folded, TITLE_MAX).to_owned();
        }
    }

    /// Fills what must be there: a title, from the identifier or the path if need be; lists without repetitions.
    pub(super) fn finish(mut self, fallback: &str) -> Self {
        if self.title.is_empty() {
            let name = if self.identifier.is_empty() { fallback } else { &self.identifier }.to_owned();
            self.set_title(&name);
        }
        if self.title.is_empty() {
            self.title = self.kind.to_string();
        }
        self.about.title = Some(self.title.clone());
        unique(&mut self.about.tags);
        unique(&mut self.about.authors);
        unique(&mut self.about.capabilities.allowed_tools);
        unique(&mut self.about.dependencies);
        let mut seen = std::collections::HashSet::new();
        self.about.skills.retain(|skill| seen.insert(skill.name.clone()));
        self
    }
}

/// Longest title, in bytes.
const TITLE_MAX: usize = 300;

/// One artifact among others, with its files.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// What it is about.
    pub finding: Finding,
    /// Its files, relative to itself.
    pub tree: Tree,
}

/// Something in a folder that is no artifact and belongs to none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// Path within what was imported.
    pub path: String,
    /// Which element of the file, if not all of it.
    pub item: Option<String>,
    /// Why it is no artifact.
    pub why: String,
}

/// What a folder holds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Discovery {
    /// Its artifacts, sorted by path; elements of one file in its order; versions of one artifact together, oldest first,
    /// with the same source.
    pub found: Vec<Found>,
    /// What was left out.
    pub left_out: Vec<LeftOut>,
}

/// Slugs to try for an import, in this order: that of the title (or kind and hash), the same with the kind, the same
/// with eight digits of the hash of its source. Each is at most [`SLUG_MAX`] bytes.
pub fn slug_candidates(finding: &Finding) -> [String; 3] {
    let base = finding.slug_hint.as_deref().and_then(slug);
    let base = base.unwrap_or_else(|| slug_or_hash(&finding.title, finding.kind));
    let with = |suffix: &str| {
        let room = SLUG_MAX - suffix.len() - 1;
        format!("{}-{suffix}", base[..base.len().min(room)].trim_end_matches('-'))
    };
    [base.clone(), with(finding.kind.as_str()), with(&finding.source.short_hash())]
}

/// The text without its end, at most `most` bytes.
pub(super) fn cut(text: &str, most: usize) -> &str {
    &text[..text.floor_char_boundary(most)]
}

/// Every run of white space becomes one space.
pub(super) fn fold(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Removes later repetitions; linear enough for lists that people write, and bounded for others.
fn unique<T: PartialEq>(list: &mut Vec<T>) {
    list.truncate(LIST_MAX);
    let mut at = 0;
    while at < list.len() {
        if list[..at].contains(&list[at]) {
            list.remove(at);
        } else {
            at += 1;
        }
    }
}

/// Most elements that a list of an artifact keeps.
const LIST_MAX: usize = 1000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slugs_to_try_differ_and_fit() {
        let mut finding = Finding::new(Kind::Persona, "a/b.md");
        finding.title = "Code Review ".repeat(30);
        let candidates = slug_candidates(&finding);
        assert!(candidates.iter().all(|slug| slug.len() <= SLUG_MAX));
        assert!(candidates[1].ends_with("-persona"));
        assert!(candidates[2].ends_with(&finding.source.short_hash()));
        finding.slug_hint = Some("Dev Ops".to_owned());
        assert_eq!(slug_candidates(&finding)[0], "dev-ops");
        finding.slug_hint = None;
        finding.title = "!!!".to_owned();
        assert!(slug_candidates(&finding)[0].starts_with("persona-"));
    }

    #[test]
    fn versions_are_completed_with_a_diagnostic() {
        let mut finding = Finding::new(Kind::Skill, "SKILL.md");
        finding.take_version("1.0", 3);
        assert_eq!(finding.version.as_ref().map(ToString::to_string).as_deref(), Some("1.0.0"));
        assert_eq!(finding.about.diagnostics[0].line, 3);
        finding.take_version("soon", 0);
        assert_eq!(finding.about.diagnostics.len(), 2);
    }
}
