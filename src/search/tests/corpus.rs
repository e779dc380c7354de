//! Real names and descriptions: found by what people would type. Skipped, loudly, where the corpus is absent.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::*;
use crate::domain::slug_or_hash;

struct Entry {
    title: String,
    document: Document,
}

/// One document a line of the index, revisions of one file apart; `None` where there is no corpus.
fn entries() -> Option<Vec<Entry>> {
    let beside = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus");
    let folder = std::env::var_os("PCLR_CORPUS").map_or_else(beside, PathBuf::from);
    let Ok(lines) = std::fs::read_to_string(folder.join("INDEX.jsonl")) else {
        eprintln!("SKIPPED: no corpus at {}: set PCLR_CORPUS", folder.display());
        return None;
    };
    let text = |line: &Value, field: &str| line[field].as_str().unwrap_or_default().to_owned();
    let lines = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let entries = lines.filter(|line| line.get("revision").is_none()).enumerate().map(|(number, line)| {
        let title = text(&line, "name");
        let kind: Kind = text(&line, "kind").parse().unwrap();
        let tags = line["tags"].as_array().into_iter().flatten().filter_map(|tag| tag.as_str().map(str::to_owned));
        let document = Document {
            kind,
            title: title.clone(),
            description: text(&line, "description"),
            tags: tags.collect(),
            updated: Timestamp::from_micros(number as i64),
            ..document(&format!("corpus/{}-{number}", slug_or_hash(&title, kind)))
        };
        Entry { title, document }
    });
    Some(entries.collect())
}

fn filled(entries: &[Entry]) -> Index {
    let index = Index::memory().unwrap();
    let documents: Vec<_> = entries.iter().map(|entry| entry.document.clone()).collect();
    for (number, part) in documents.chunks(500).enumerate() {
        index.apply(part.to_vec(), Vec::new(), number as u64 + 1).unwrap();
    }
    assert_eq!(index.len(), entries.len() as u64);
    index
}

fn report(what: &str, mut times: Vec<Duration>) {
    times.sort_unstable();
    let (middle, high) = (times[times.len() / 2], times[times.len() * 95 / 100]);
    eprintln!("{what}: {} questions, p50 {middle:?}, p95 {high:?}", times.len());
}

#[test]
fn real_names_find_their_artifacts() {
    let Some(entries) = entries() else { return };
    let index = filled(&entries);
    let (mut times, mut missed) = (Vec::new(), Vec::new());
    let sample: Vec<_> = entries.iter().step_by(7).collect();
    for entry in &sample {
        let query = Query { text: entry.title.clone(), limit: 10, facets: true, ..Query::default() };
        let start = Instant::now();
        let page = index.search(&query).unwrap();
        times.push(start.elapsed());
        // Some names occur a dozen times: any of them is what was asked for.
        if !page.hits.iter().any(|hit| hit.title == entry.title) {
            missed.push(entry.title.as_str());
        }
    }
    report("exact names", times);
    eprintln!("not among the first ten: {missed:?}");
    assert!(missed.len() * 50 <= sample.len(), "{} of {}: {missed:?}", missed.len(), sample.len());
}

#[test]
fn real_names_are_found_with_a_typing_mistake() {
    let Some(entries) = entries() else { return };
    let index = filled(&entries);
    let (mut times, mut missed, mut asked) = (Vec::new(), Vec::new(), 0);
    for entry in entries.iter().step_by(7) {
        // Two letters in the middle of the longest word change places.
        let Some(word) = entry.title.split(|letter: char| !letter.is_ascii_alphabetic()).max_by_key(|word| word.len())
        else {
            continue;
        };
        let at = word.len() / 2;
        if word.len() < 6 || word[at - 1..at] == word[at..=at] {
            continue;
        }
        let mistaken = format!("{}{}{}{}", &word[..at - 1], &word[at..=at], &word[at - 1..at], &word[at + 1..]);
        let text = entry.title.replacen(word, &mistaken, 1) + " ";
        asked += 1;
        let start = Instant::now();
        let page = index.search(&Query { text: text.clone(), limit: 10, ..Query::default() }).unwrap();
        times.push(start.elapsed());
        if !page.hits.iter().any(|hit| hit.title == entry.title) {
            missed.push(text);
        }
    }
    report("mistyped names", times);
    eprintln!("not among the first ten: {missed:?}");
    assert!(asked > 200 && missed.len() * 10 <= asked, "{} of {asked}: {missed:?}", missed.len());
}

#[test]
fn real_chinese_names_are_found_by_any_two_characters() {
    let Some(entries) = entries() else { return };
    let index = filled(&entries);
    let is_han = |character: &char| ('\u{4e00}'..='\u{9fff}').contains(character);
    let chinese: Vec<_> = entries.iter().filter(|entry| entry.title.chars().filter(is_han).count() >= 2).collect();
    let step = (chinese.len() / 50).max(1);
    let (mut times, mut sampled) = (Vec::new(), 0);
    for entry in chinese.iter().step_by(step).take(50) {
        sampled += 1;
        let characters: Vec<char> = entry.title.chars().collect();
        for two in characters.windows(2).filter(|two| two.iter().all(is_han)) {
            let text: String = two.iter().collect();
            let mut query = Query { text: text.clone(), limit: 100, ..Query::default() };
            let found = loop {
                let start = Instant::now();
                let page = index.search(&query).unwrap();
                times.push(start.elapsed());
                if page.hits.iter().any(|hit| hit.name == entry.document.name) {
                    break true;
                }
                query.cursor = page.next;
                if query.cursor.is_none() {
                    break false;
                }
            };
            assert!(found, "{:?} is not found by {text:?}", entry.title);
        }
    }
    assert_eq!(sampled, 50);
    report("two characters", times);
}
