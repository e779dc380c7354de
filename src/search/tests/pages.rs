//! Orders, pages and their cursors.

use super::*;
use crate::search::{Cursor, SearchError, Sort};

fn numbered(count: usize) -> Vec<Document> {
    let numbered = (0..count).map(|number| Document {
        description: format!("Common {}", "word ".repeat(number % 7)),
        // Seven apart, so that the order of time is not that of names; some times are equal.
        updated: Timestamp::from_micros((number as i64 * 7) % 10 - 5),
        ..document(&format!("acme/p{number:03}"))
    });
    numbered.collect()
}

/// All names, page by page; between pages something happens to the index.
fn walk(index: &Index, query: &Query, mut between: impl FnMut(usize)) -> Vec<String> {
    let mut query = query.clone();
    let mut walked = Vec::new();
    for round in 0.. {
        let page = index.search(&query).unwrap();
        walked.extend(page.hits.iter().map(|hit| hit.name.to_string()));
        let Some(next) = page.next else { return walked };
        assert_eq!(page.hits.len(), query.limit);
        let next: Cursor = next.to_string().parse().unwrap();
        query.cursor = Some(next);
        between(round);
    }
    unreachable!("the loop ends with the last page")
}

#[test]
fn pages_hold_each_answer_once_and_in_order() {
    let index = Index::memory().unwrap();
    for (number, part) in numbered(40).chunks(11).enumerate() {
        index.apply(part.to_vec(), Vec::new(), number as u64 + 1).unwrap();
    }
    for sort in [Sort::Relevance, Sort::Name, Sort::Newest] {
        for limit in [1, 3, 8, 40, 100] {
            let query = Query { text: "common".into(), sort, limit, ..Query::default() };
            let all = index.search(&Query { limit: 100, ..query.clone() }).unwrap();
            assert_eq!((all.total, all.next), (40, None));
            let expected: Vec<_> = all.hits.iter().map(|hit| hit.name.to_string()).collect();
            assert_eq!(walk(&index, &query, |_| {}), expected, "{sort:?} {limit}");
            let ordered = all.hits.windows(2).all(|two| match sort {
                Sort::Name => two[0].name < two[1].name,
                Sort::Newest => (two[1].updated, &two[0].name) < (two[0].updated, &two[1].name),
                Sort::Relevance => (two[1].score, &two[0].name) < (two[0].score, &two[1].name),
            });
            assert!(ordered, "{sort:?}");
        }
    }
}

#[test]
fn cursors_of_name_and_time_stay_good_while_packages_come_and_go() {
    for sort in [Sort::Name, Sort::Newest] {
        let index = index(numbered(20));
        let query = Query { sort, limit: 3, ..Query::default() };
        let before = walk(&index, &query, |_| {});
        let gone = before[7].clone();
        let walked = walk(&index, &query, |round| {
            let number = round as u64 + 2;
            let new = Document {
                updated: Timestamp::from_micros(100 + number as i64),
                ..document(&format!("acme/a{round}"))
            };
            let removals = if round == 0 { vec![gone.parse().unwrap()] } else { vec![] };
            index.apply(vec![new], removals, number).unwrap();
        });
        let expected: Vec<_> = before.iter().filter(|name| **name != gone).cloned().collect();
        assert_eq!(walked, expected, "{sort:?}");
    }
}

#[test]
fn cursors_of_relevance_say_when_the_index_has_moved_on() {
    let index = index(numbered(10));
    let query = Query { text: "common".into(), limit: 3, ..Query::default() };
    let first = index.search(&query).unwrap();
    let query = Query { cursor: first.next, ..query };
    assert!(!index.search(&query).unwrap().drifted);
    index.apply(vec![described("acme/new", "common")], Vec::new(), 2).unwrap();
    let second = index.search(&query).unwrap();
    assert!(second.drifted);
    assert_eq!(second.generation, 2);
}

#[test]
fn a_cursor_of_another_question_is_refused() {
    let index = index(numbered(10));
    let query = Query { text: "common".into(), limit: 3, ..Query::default() };
    let cursor = index.search(&query).unwrap().next;
    for other in [
        Query { text: "word".into(), ..query.clone() },
        Query { sort: Sort::Name, ..query.clone() },
        Query { kinds: vec![Kind::Skill], ..query.clone() },
    ] {
        let refused = index.search(&Query { cursor: cursor.clone(), ..other });
        assert!(matches!(refused, Err(SearchError::Cursor(_))));
    }
    assert!(index.search(&Query { cursor, limit: 7, ..query }).is_ok());
}

#[test]
fn limits_are_kept() {
    let index = index(numbered(120));
    let page = |limit: usize| index.search(&Query { limit, ..Query::default() }).unwrap();
    assert_eq!((page(0).hits.len(), page(1000).hits.len(), page(5).total), (1, 100, 120));
}
