//! A page of answers as the document that the API gives, whoever searched.

use super::find::{Facets, Hit, Page};
use crate::domain::api::{self, Count, SearchHit, SearchPage};

impl Page {
    /// The document; with the counts if they were asked for.
    pub fn document(self, counted: bool) -> SearchPage {
        SearchPage {
            hits: self.hits.into_iter().map(Hit::document).collect(),
            total: self.total as u64,
            facets: counted.then(|| self.facets.document()),
            next: self.next.map(|next| next.to_string()),
        }
    }
}

impl Hit {
    fn document(self) -> SearchHit {
        let snippet = self.snippet();
        SearchHit {
            name: self.name,
            kind: self.kind,
            version: self.version,
            title: self.title,
            description: self.description,
            tags: self.tags,
            score: self.score,
            snippet,
        }
    }

    /// The description if a word was found in it, else the text if one was found there, else how the description begins.
    fn snippet(&self) -> Option<String> {
        let described = &self.marked_description;
        let shown = match &self.marked_text {
            Some(text) if described.marks.is_empty() => text,
            _ => described,
        };
        (!shown.text.is_empty()).then(|| shown.html())
    }
}

impl Facets {
    /// The document.
    pub fn document(self) -> api::Facets {
        let counts =
            |values: Vec<(String, u64)>| values.into_iter().map(|(value, count)| Count { value, count }).collect();
        api::Facets {
            kinds: counts(self.kinds),
            tags: counts(self.tags),
            skills: counts(self.skills),
            orgs: counts(self.orgs),
        }
    }
}
