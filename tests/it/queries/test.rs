//! The test itself.

use std::collections::{BTreeMap, BTreeSet};
use std::mem::discriminant;
use std::time::Instant;

use pcl_registry::registry::Registry;
use serde_json::Value;

use super::answer::{answer, rows};
use super::catalogue::{Time, empty, publish, replayed};
use super::expected::{Expected, reduced};
use super::generate::{LIMITS, questions};
use super::question::Question;
use crate::corpus;
use crate::inside::Owner;

/// Longest part of an answer that is printed.
const SHOWN: usize = 3000;

async fn answers(store: &'static str, registry: Registry, questions: &[Question]) -> Vec<Value> {
    let started = Instant::now();
    registry.settled().await;
    let indexed = started.elapsed();
    let mut answers = Vec::with_capacity(questions.len());
    for question in questions {
        answers.push(answer(&registry, question).await);
    }
    eprintln!(
        "{store}: {} answers in {:.1?}, after {indexed:.1?} of indexing",
        answers.len(),
        started.elapsed() - indexed
    );
    answers
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_corpus_gives_the_same_answers_to_500_questions_on_every_store() {
    let Some(corpus) = corpus::folder() else { return };
    let started = Instant::now();
    let time = Time::default();
    let open = empty(&time).await;
    let versions = publish(&corpus, &time, &open).await;
    eprintln!("published in {:.1?}", started.elapsed());
    let expected = Expected::read(&open.meta.catalog, &versions).await;
    assert!(expected.entries.len() > 3500, "{}", expected.entries.len());
    let questions = questions(&expected, &versions, 4);
    assert_eq!(questions.len(), 500);

    let first = answers("memory", open.registry.clone(), &questions).await;
    check(&expected, &questions, &first);
    for owner in Owner::here([Owner::Sqlite, Owner::Postgres, Owner::Mongo]) {
        let started = Instant::now();
        let store = replayed(owner, &time, &open, &versions).await;
        eprintln!("{owner:?}: replayed in {:.1?}", started.elapsed());
        let found = answers(name(owner), store.registry.clone(), &questions).await;
        for ((question, first), found) in questions.iter().zip(&first).zip(&found) {
            let (memory, other) = (cut(first), cut(found));
            assert!(first == found, "{owner:?} is not memory: {question:?}\nmemory: {memory}\n{owner:?}: {other}");
        }
    }
}

fn name(owner: Owner) -> &'static str {
    match owner {
        Owner::Store => "memory",
        Owner::Sqlite => "SQLite",
        Owner::Postgres => "PostgreSQL",
        Owner::Mongo => "MongoDB",
    }
}

/// The answers are right where that can be told, and most of them say something.
fn check(expected: &Expected<'_>, questions: &[Question], answers: &[Value]) {
    let (mut told, mut empty) = (0, BTreeMap::new());
    let mut limits = BTreeSet::new();
    for (question, answer) in questions.iter().zip(answers) {
        let rows = rows(answer);
        if rows.is_empty() {
            let sort = format!("{question:?}");
            *empty.entry(sort.split(['(', ' ']).next().unwrap().to_owned()).or_insert(0) += 1;
        }
        if let Question::List { limit, .. } = question {
            limits.insert(*limit);
            let pages = answer["pages"].as_array().unwrap();
            let full = pages[..pages.len() - 1].iter().all(|page| page.as_array().unwrap().len() == *limit);
            assert!(full && pages.last().unwrap().as_array().unwrap().len() <= *limit, "{question:?}");
        }
        if let Some(right) = expected.answer(question) {
            told += 1;
            let found = reduced(question, answer, &rows);
            assert!(found == right, "{question:?}\nis {}\nnot {}", cut(&right), cut(&found));
        }
    }
    let sorts = questions.iter().map(discriminant).collect::<std::collections::HashSet<_>>().len();
    eprintln!("{sorts} sorts of questions, {told} answers were found by looking at every package, empty are {empty:?}");
    assert_eq!(limits, LIMITS.into(), "pages of every size");
    assert!(told >= 300, "{told}");
    let empty: usize = empty.values().sum();
    assert!(empty <= 75, "{empty} of 500 have no answer");
}

fn cut(value: &Value) -> String {
    value.to_string().chars().take(SHOWN).collect()
}
