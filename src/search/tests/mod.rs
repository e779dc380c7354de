//! The index as its callers see it.

mod completions;
mod corpus;
mod disk;
mod filters;
mod languages;
mod marks;
mod pages;
mod words;

use super::{Document, Index, Page, Query};
use crate::domain::{Area, Kind, Timestamp};

/// A public skill with nothing but a name.
fn document(name: &str) -> Document {
    Document::named(name.parse().unwrap(), "1.0.0".parse().unwrap())
}

fn titled(name: &str, title: &str) -> Document {
    Document { title: title.into(), ..document(name) }
}

fn described(name: &str, description: &str) -> Document {
    Document { description: description.into(), ..document(name) }
}

fn with_text(name: &str, text: &str) -> Document {
    Document { text: text.into(), ..document(name) }
}

/// The same in the private area of its organisation.
fn private(document: Document) -> Document {
    Document { area: Area::private(&document.name.repository()), ..document }
}

fn index(documents: Vec<Document>) -> Index {
    let index = Index::memory().unwrap();
    index.apply(documents, Vec::new(), 1).unwrap();
    index
}

fn ask(index: &Index, text: &str) -> Page {
    index.search(&Query { text: text.into(), limit: 100, ..Query::default() }).unwrap()
}

fn names(page: &Page) -> Vec<&str> {
    page.hits.iter().map(|hit| hit.name.as_str()).collect()
}

/// What the text finds, best first.
fn check(index: &Index, text: &str, expected: &[&str]) {
    assert_eq!(names(&ask(index, text)), expected, "{text:?}");
}
