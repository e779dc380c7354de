//! What an operator says of tags and skills: what sort they are of, what they mean, and by which other words they go.

use std::collections::BTreeMap;

use serde::Deserialize;

/// Most terms of one sort.
const TERMS_MAX: usize = 10_000;
/// Longest label, category and synonym, in characters.
const WORD_MAX: usize = 200;
/// Longest description, in characters.
const DESCRIPTION_MAX: usize = 2000;

/// What is said of tags and of skills.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Vocabulary {
    /// Of tags, by the tag as packages write it.
    pub tags: Terms,
    /// Of skills, likewise.
    pub skills: Terms,
}

/// What is said of labels of one sort, by the label.
pub type Terms = BTreeMap<String, Term>;

/// What is said of a label.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Term {
    /// What sort it is of.
    pub category: Option<String>,
    /// What it means.
    pub description: Option<String>,
    /// Other words for it.
    pub synonyms: Vec<String>,
}

/// Why a vocabulary cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VocabularyError {
    /// There are more terms than are taken.
    #[error("it has {0} {1}, and at most {TERMS_MAX} are taken")]
    TooMany(usize, &'static str),
    /// A label, category or synonym says nothing, or too much.
    #[error("{0:?} among the {1} is empty, begins or ends with white space, or is longer than {WORD_MAX} characters")]
    Word(String, &'static str),
    /// A description is too long.
    #[error("the description of {0:?} among the {1} is longer than {DESCRIPTION_MAX} characters")]
    Description(String, &'static str),
    /// A word stands for two labels.
    #[error("{0:?} among the {1} stands for {2:?} and for {3:?}")]
    Twice(String, &'static str, String, String),
}

impl Vocabulary {
    /// Refuses what cannot be meant: words that say nothing, and those that stand for two labels.
    pub fn check(&self) -> Result<(), VocabularyError> {
        check(&self.tags, "tags")?;
        check(&self.skills, "skills")
    }
}

/// The label that a word stands for, if it is a synonym.
pub fn meant<'t>(terms: &'t Terms, word: &str) -> Option<&'t str> {
    let found = terms.iter().find(|(_, term)| term.synonyms.iter().any(|synonym| synonym == word));
    found.map(|(label, _)| label.as_str())
}

fn check(terms: &Terms, of: &'static str) -> Result<(), VocabularyError> {
    if terms.len() > TERMS_MAX {
        return Err(VocabularyError::TooMany(terms.len(), of));
    }
    let mut meanings: BTreeMap<&str, &str> = terms.keys().map(|label| (label.as_str(), label.as_str())).collect();
    for (label, term) in terms {
        for word in [label].into_iter().chain(&term.category).chain(&term.synonyms) {
            if word.is_empty() || word.trim() != word || word.chars().count() > WORD_MAX {
                return Err(VocabularyError::Word(word.clone(), of));
            }
        }
        if term.description.as_ref().is_some_and(|text| text.chars().count() > DESCRIPTION_MAX) {
            return Err(VocabularyError::Description(label.clone(), of));
        }
        for synonym in &term.synonyms {
            if let Some(other) = meanings.insert(synonym, label) {
                return Err(VocabularyError::Twice(synonym.clone(), of, other.to_owned(), label.clone()));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vocabulary(tags: &[(&str, &[&str])]) -> Vocabulary {
        let term = |synonyms: &[&str]| Term {
            synonyms: synonyms.iter().map(|word| (*word).to_owned()).collect(),
            ..Term::default()
        };
        let tags = tags.iter().map(|(label, synonyms)| ((*label).to_owned(), term(synonyms))).collect();
        Vocabulary { tags, skills: Terms::new() }
    }

    #[test]
    fn a_word_stands_for_one_label() {
        let good = vocabulary(&[("rust", &["rust-lang"]), ("greeting", &["hello", "salutation"])]);
        assert_eq!(good.check(), Ok(()));
        assert_eq!(meant(&good.tags, "salutation"), Some("greeting"));
        assert_eq!(meant(&good.tags, "rust"), None);
        for bad in [&[("a", &["x"][..]), ("b", &["x"])][..], &[("a", &["b"]), ("b", &[])], &[("a", &["a"])]] {
            let found = vocabulary(bad).check();
            assert!(matches!(found, Err(VocabularyError::Twice(..))), "{bad:?}: {found:?}");
        }
    }

    #[test]
    fn words_say_something() {
        for bad in ["", " a", "a ", &"x".repeat(WORD_MAX + 1)] {
            for found in [vocabulary(&[(bad, &[])]).check(), vocabulary(&[("a", &[bad])]).check()] {
                assert!(matches!(found, Err(VocabularyError::Word(..))), "{bad:?}");
            }
        }
        let mut long = vocabulary(&[("a", &[])]);
        long.tags.get_mut("a").unwrap().description = Some("x".repeat(DESCRIPTION_MAX + 1));
        assert!(matches!(long.check(), Err(VocabularyError::Description(..))));
    }
}
