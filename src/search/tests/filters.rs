//! Filters, facets, and who finds what.

use super::*;
use crate::search::{Audience, Facets};

fn library() -> Index {
    let tagged = |name: &str, kind, tags: &[&str], skills: &[&str]| Document {
        kind,
        tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
        skills: skills.iter().map(|skill| (*skill).to_owned()).collect(),
        description: "A helper".into(),
        ..document(name)
    };
    index(vec![
        tagged("acme/one", Kind::Skill, &["Code", "SQL Server"], &["testing"]),
        tagged("acme/two", Kind::Persona, &["code"], &["testing", "Writing"]),
        tagged("zeta/three", Kind::Skill, &["code", "poems"], &["writing"]),
        tagged("zeta/four", Kind::Team, &[], &[]),
    ])
}

fn filtered(query: Query) -> Vec<String> {
    let page = library().search(&query).unwrap();
    assert_eq!(page.total, page.hits.len());
    page.hits.iter().map(|hit| hit.name.to_string()).collect()
}

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

#[test]
fn any_kind_any_organisation_all_tags_all_skills() {
    let query = Query { kinds: vec![Kind::Skill, Kind::Team], ..Query::default() };
    assert_eq!(filtered(query.clone()), ["acme/one", "zeta/four", "zeta/three"]);
    assert_eq!(filtered(Query { orgs: texts(&["zeta"]), ..query.clone() }), ["zeta/four", "zeta/three"]);
    assert_eq!(filtered(Query { tags: texts(&["CODE"]), ..query }), ["acme/one", "zeta/three"]);
    let both = Query { skills: texts(&["writing", "testing"]), ..Query::default() };
    assert_eq!(filtered(both), ["acme/two"]);
    assert_eq!(
        filtered(Query { tags: texts(&["code", "poems"]), text: "helper".into(), ..Query::default() }),
        ["zeta/three"]
    );
}

#[test]
fn filters_can_be_typed() {
    let typed = |text: &str| filtered(Query { text: text.into(), ..Query::default() });
    assert_eq!(typed("kind:skill org:acme"), ["acme/one"]);
    assert_eq!(typed("helper tag:\"sql server\""), ["acme/one"]);
    assert_eq!(typed("skill:writing -kind:persona"), ["zeta/three"]);
    assert_eq!(typed("kind:team kind:personas"), ["acme/two", "zeta/four"]);
    assert_eq!(typed("-tag:code"), ["zeta/four"]);
    let narrowed = Query { text: "kind:skill".into(), kinds: vec![Kind::Team], ..Query::default() };
    assert_eq!(filtered(narrowed), Vec::<String>::new());
}

#[test]
fn facets_count_all_answers_and_not_the_page() {
    let index = library();
    let query = Query { text: "helper tag:code".into(), limit: 1, facets: true, ..Query::default() };
    let page = index.search(&query).unwrap();
    let counts = |counts: &[(&str, u64)]| -> Vec<(String, u64)> {
        counts.iter().map(|(value, count)| ((*value).to_owned(), *count)).collect()
    };
    assert_eq!((page.hits.len(), page.total), (1, 3));
    let expected = Facets {
        kinds: counts(&[("skill", 2), ("persona", 1)]),
        tags: counts(&[("code", 3), ("poems", 1), ("sql server", 1)]),
        skills: counts(&[("testing", 2), ("writing", 2)]),
        orgs: counts(&[("acme", 2), ("zeta", 1)]),
    };
    assert_eq!(page.facets, expected);
    // The same over several segments with deleted documents, and on a later page.
    index.apply(vec![document("acme/five")], vec!["acme/two".parse().unwrap()], 2).unwrap();
    let first = index.search(&query).unwrap();
    let second = index.search(&Query { cursor: first.next, ..query.clone() }).unwrap();
    assert_eq!(second.facets.tags, counts(&[("code", 2), ("poems", 1), ("sql server", 1)]));
    assert_eq!(index.search(&Query { facets: false, ..query }).unwrap().facets, Facets::default());
}

#[test]
fn private_packages_are_found_by_those_who_may() {
    let private = |name: &str| private(document(name));
    let index = index(vec![document("acme/public"), private("acme/private"), private("zeta/private")]);
    let seen = |audience: Audience| {
        let query = Query { audience, facets: true, ..Query::default() };
        let page = index.search(&query).unwrap();
        let counted: u64 = page.facets.kinds.iter().map(|(_, count)| count).sum();
        assert_eq!(counted, page.total as u64);
        page.hits.iter().map(|hit| hit.name.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(seen(Audience::Everybody), ["acme/public"]);
    assert_eq!(seen(Audience::Members(vec![])), ["acme/public"]);
    assert_eq!(seen(Audience::Members(texts(&["acme"]))), ["acme/private", "acme/public"]);
    assert_eq!(seen(Audience::OnlyMembers(texts(&["acme"]))), ["acme/private"]);
    assert_eq!(seen(Audience::OnlyMembers(vec![])), Vec::<String>::new());
}

/// Nothing that everybody is answered depends on what members find: no count, no score, no guess at what was meant.
#[test]
fn an_answer_to_everybody_is_the_same_whatever_is_private() {
    let private = |name: &str, description: &str| private(described(name, description));
    let index = index(vec![
        described("acme/hello", "Greets a reviewer"),
        described("acme/review", "Reads a change with care"),
        described("zeta/poems", "Writes of hello and goodbye"),
    ]);
    let answers = || {
        let questions = ["hello", "helo", "review", "reviewer change", "goodbye", "poem", "", "secret"];
        let answer = |text: &str| {
            let page = index.search(&Query { text: text.into(), facets: true, ..Query::default() }).unwrap();
            let hits: Vec<_> = page.hits.iter().map(|hit| (hit.name.to_string(), hit.score.to_bits())).collect();
            (hits, page.total, page.facets)
        };
        questions.map(answer)
    };
    let before = answers();
    // Enough to be taken for the word that was meant, and enough to make each word a common one.
    for (number, name) in (2..).zip(["acme/helo", "acme/helo-two", "dark/helo-three", "dark/review-hello"]) {
        index.apply(vec![private(name, "hello review goodbye secret")], Vec::new(), number).unwrap();
    }
    assert_eq!(answers(), before);
    let members = Audience::OnlyMembers(texts(&["acme"]));
    let found = index.search(&Query { text: "secret".into(), audience: members, ..Query::default() }).unwrap();
    assert_eq!(names(&found), ["acme/helo", "acme/helo-two"]);
    assert_eq!((index.len(), index.through()), (7, 5));
    // One that changes sides is found on one of them.
    index.apply(vec![described("acme/helo", "hello")], Vec::new(), 6).unwrap();
    assert_ne!(answers(), before);
    index.apply(vec![private("acme/helo", "hello")], Vec::new(), 7).unwrap();
    assert_eq!(index.len(), 7);
    check(&index, "secret", &[]);
    let before = answers();
    index.apply(vec![private("acme/helo", "another secret")], Vec::new(), 8).unwrap();
    assert_eq!(answers(), before, "what was public once is as private as all else");
    index.apply(Vec::new(), vec!["acme/helo".parse().unwrap(), "acme/helo-two".parse().unwrap()], 9).unwrap();
    assert_eq!(index.len(), 5);
}
