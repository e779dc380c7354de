//! What is completed, against a filter over all documents that knows nothing of tables.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use proptest::prelude::*;
use proptest::sample::select;

use super::*;
use crate::search::analysis::is_unspaced;
use crate::search::complete::{Completions, begun};
use crate::search::fold::fold_word;
use crate::search::{Audience, Completed, label};

/// Reads back what can be completed, as a start does.
fn read_again(index: &Index) {
    let searcher = index.parts(&Audience::Everybody)[0].reader.searcher();
    *index.completions.write().unwrap() = Completions::read(&searcher).unwrap();
}

fn values(index: &Index, completed: Completed, prefix: &str) -> Vec<String> {
    index.complete(completed, prefix, 100).into_iter().map(|(value, _)| value).collect()
}

fn labelled(name: &str, tags: &[&str]) -> Document {
    Document { tags: tags.iter().map(|tag| (*tag).to_owned()).collect(), ..document(name) }
}

#[test]
fn names_are_found_by_the_whole_and_by_the_slug_the_most_needed_first() {
    let needs = |name: &str, needs: &[&str]| Document {
        needs: needs.iter().map(|need| (*need).to_owned()).collect(),
        ..document(name)
    };
    let index = index(vec![
        needs("acme/reader", &["tools/review", "Not A Name"]),
        needs("acme/writer", &["tools/review", "tools/review", "acme/reader"]),
        document("tools/review"),
        document("review/tools"),
    ]);
    let found = index.complete(Completed::Name, "RE", 9);
    assert_eq!(found, [("tools/review".into(), 2), ("acme/reader".into(), 1), ("review/tools".into(), 0)]);
    assert_eq!(values(&index, Completed::Name, "acme/w"), ["acme/writer"]);
    assert_eq!(index.complete(Completed::Name, "", 1), [("tools/review".into(), 2)]);
    assert!(values(&index, Completed::Name, "view").is_empty());
}

#[test]
fn labels_are_found_by_each_word_whatever_their_writing() {
    let index = index(vec![labelled("a/one", &["Code-Review  Łódź", "写作助手"]), labelled("a/two", &["C++"])]);
    for prefix in ["code", "REV", "  review  lodz", "ŁÓ"] {
        assert_eq!(values(&index, Completed::Tag, prefix), ["code-review łódź"], "{prefix}");
    }
    assert_eq!(values(&index, Completed::Tag, "助"), ["写作助手"]);
    assert_eq!(values(&index, Completed::Tag, "c+"), ["c++"]);
    for prefix in ["ode", "code ", "review lodz "] {
        assert!(values(&index, Completed::Tag, prefix).is_empty(), "{prefix}");
    }
}

#[test]
fn what_not_everybody_may_find_is_completed_for_nobody() {
    let index = index(vec![labelled("acme/secret", &["secret"])]);
    assert_eq!(values(&index, Completed::Tag, "s"), ["secret"]);
    index.apply(vec![private(labelled("acme/secret", &["secret"]))], Vec::new(), 2).unwrap();
    for completed in [Completed::Name, Completed::Tag] {
        assert!(values(&index, completed, "s").is_empty());
    }
}

#[test]
fn what_is_completed_is_there_after_a_restart_and_gone_after_a_clearing() {
    let directory = tempfile::tempdir().unwrap();
    let (index, _) = Index::open(directory.path()).unwrap();
    let needing = Document { needs: vec!["a/two".into()], ..labelled("a/one", &["Tag"]) };
    let hidden = private(labelled("a/hidden", &["hidden"]));
    index.apply(vec![needing.clone(), hidden, labelled("a/two", &["tag", "old"])], Vec::new(), 1).unwrap();
    index.apply(vec![labelled("a/two", &["tag"])], Vec::new(), 2).unwrap();
    drop(index);
    let (index, _) = Index::open(directory.path()).unwrap();
    assert_eq!(index.complete(Completed::Tag, "", 9), [("tag".into(), 2)]);
    assert_eq!(index.complete(Completed::Name, "", 9), [("a/two".into(), 1), ("a/one".into(), 0)]);
    index.clear().unwrap();
    assert!(values(&index, Completed::Name, "").is_empty());
    index.apply(vec![needing], Vec::new(), 3).unwrap();
    assert_eq!(values(&index, Completed::Name, ""), ["a/one"]);
}

/// Whether a label has a word, or a beginning, that begins so: said over the text, without keys.
fn label_begins(label: &str, begun: &str) -> bool {
    let text = fold_word(label);
    let starts = text.char_indices().filter(|(at, character)| {
        let before = text[..*at].chars().next_back();
        before.is_none_or(|before| character.is_alphanumeric() && !before.is_alphanumeric()) || is_unspaced(*character)
    });
    starts.map(|(at, _)| at).any(|at| text[at..].starts_with(begun))
}

fn naive(
    documents: &BTreeMap<String, Document>,
    completed: Completed,
    prefix: &str,
    limit: usize,
) -> Vec<(String, u64)> {
    let begun = begun(prefix);
    let public: Vec<&Document> = documents.values().filter(|document| document.area == Area::Public).collect();
    let mut uses: BTreeMap<String, u64> = BTreeMap::new();
    for document in &public {
        let used: BTreeSet<String> = match completed {
            Completed::Name => document.needs.iter().cloned().collect(),
            Completed::Tag => document.tags.iter().map(|tag| label(tag)).filter(|tag| !tag.is_empty()).collect(),
            Completed::Skill => {
                document.skills.iter().map(|skill| label(skill)).filter(|tag| !tag.is_empty()).collect()
            }
        };
        for value in used {
            *uses.entry(value).or_default() += 1;
        }
    }
    let mut found: Vec<(String, u64)> = match completed {
        Completed::Name => {
            let names = public.iter().map(|document| document.name.as_str().to_owned());
            let begins =
                |name: &String| name.starts_with(&begun) || name.split('/').nth(1).unwrap().starts_with(&begun);
            names.filter(begins).map(|name| (name.clone(), uses.get(&name).copied().unwrap_or_default())).collect()
        }
        _ => uses.into_iter().filter(|(label, _)| label_begins(label, &begun)).collect(),
    };
    found.sort_by(|one, other| other.1.cmp(&one.1).then_with(|| one.0.cmp(&other.0)));
    found.truncate(limit);
    found
}

const NAMES: &[&str] = &["a/one", "a/two", "a/on", "b/one", "b/a", "one/a", "one/b"];
const LABELS: &[&str] =
    &["One", "one", "ONE two", "two-one", "Öne", "写作 one", "写", "", " ", "a.b one", "٢٠٢٤", "straße", "Strasse"];
const PREFIXES: &[&str] =
    &["", "o", "ON", "one", "one ", "tw", "a", "a/", "a/o", "写", "作", "20", "stras", "ß", "zz", " b"];

fn any_document() -> impl Strategy<Value = Document> {
    let labels = || prop::collection::vec(select(LABELS).prop_map(str::to_owned), 0..4);
    let needs = prop::collection::vec(select(NAMES).prop_map(str::to_owned), 0..3);
    (select(NAMES), labels(), labels(), needs, prop::bool::weighted(0.85)).prop_map(
        |(name, tags, skills, needs, is_public)| {
            let document = Document { tags, skills, needs, ..document(name) };
            if is_public { document } else { private(document) }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn completions_are_those_of_a_naive_filter(
        steps in prop::collection::vec((any_document(), prop::bool::weighted(0.2), prop::bool::weighted(0.3)), 1..25),
        limit in 1usize..6,
    ) {
        let index = Index::memory().unwrap();
        let mut documents = BTreeMap::new();
        for (number, (document, is_removal, is_read_again)) in steps.into_iter().enumerate() {
            let name = document.name.clone();
            let (upserts, removals) = match is_removal {
                true => {
                    documents.remove(name.as_str());
                    (Vec::new(), vec![name])
                }
                false => {
                    documents.insert(name.to_string(), document.clone());
                    (vec![document], Vec::new())
                }
            };
            index.apply(upserts, removals, number as u64 + 1).unwrap();
            if is_read_again {
                read_again(&index);
            }
            for completed in [Completed::Name, Completed::Tag, Completed::Skill] {
                for prefix in PREFIXES {
                    let expected = naive(&documents, completed, prefix, limit);
                    prop_assert_eq!(index.complete(completed, prefix, limit), expected.clone(), "{:?} {:?}", completed, prefix);
                    prop_assert_eq!(index.scan_completions(completed, prefix, limit), expected, "{:?} {:?}", completed, prefix);
                }
            }
        }
    }
}

/// Prints what completing costs with a hundred thousand packages.
#[test]
#[ignore = "a measurement"]
fn completing_among_a_hundred_thousand() {
    let words = ["review", "write", "plan", "code", "test", "data", "mail", "shop", "game", "cook"];
    let word = |number: usize| words[number % words.len()];
    let index = Index::memory().unwrap();
    let documents: Vec<_> = (0..100_000)
        .map(|number| {
            let name = format!("org-{}/{}-{}-{number}", number % 977, word(number), word(number / 10));
            let needs = vec![format!("org-{}/{}-{}-{}", number % 97, word(number), word(number / 10), number % 97)];
            let tags = vec![format!("{} {}", word(number / 7), number % 5_000), word(number).to_owned()];
            Document { needs, skills: tags.clone(), tags, ..document(&name) }
        })
        .collect();
    for (number, part) in documents.chunks(20_000).enumerate() {
        index.apply(part.to_vec(), Vec::new(), number as u64 + 1).unwrap();
    }
    for prefix in ["", "o", "org-9", "re", "review-c", "org-976/mail", "zz"] {
        let mut times: Vec<_> = (0..50)
            .map(|_| {
                let started = Instant::now();
                for completed in [Completed::Name, Completed::Tag, Completed::Skill] {
                    index.complete(completed, prefix, 10);
                }
                started.elapsed()
            })
            .collect();
        times.sort_unstable();
        eprintln!("{prefix:?}: p50 {:?}, p95 {:?}", times[25], times[47]);
    }
    let started = Instant::now();
    read_again(&index);
    eprintln!("read back: {:?}", started.elapsed());
    let started = Instant::now();
    index.apply(documents[..256].to_vec(), Vec::new(), 9).unwrap();
    eprintln!("256 documents again: {:?}", started.elapsed());
}
