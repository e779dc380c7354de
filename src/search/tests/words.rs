//! Which words find what, and what comes first.

use proptest::prelude::*;

use super::*;

#[test]
fn names_weigh_more_than_descriptions_and_those_more_than_tags_skills_and_text() {
    let filler = "one two three four";
    let index = index(vec![
        titled("a/one", &format!("Terraform {filler}")),
        described("b/two", &format!("terraform {filler}")),
        Document { tags: vec!["terraform".into(), filler.into()], ..document("c/three") },
        Document { skills: vec!["terraform".into(), filler.into()], ..document("d/four") },
        with_text("e/five", &format!("terraform {filler}")),
        document("f/terraform-one-two-three-four"),
    ]);
    let page = ask(&index, "terraform ");
    let score = |name: &str| page.hits.iter().find(|hit| hit.name.as_str() == name).unwrap().score;
    assert_eq!(page.total, 6);
    for name in ["a/one", "f/terraform-one-two-three-four"] {
        assert!(score(name) > score("b/two") * 1.3, "{name}");
    }
    for name in ["c/three", "d/four", "e/five"] {
        assert!((score("b/two") / score(name) - 2.0).abs() < 0.2, "{name}: {} {}", score("b/two"), score(name));
    }
}

#[test]
fn typing_mistakes_in_names_are_forgiven_and_exact_comes_before_prefix_before_mistake() {
    let index = index(vec![
        titled("a/x", "Kubernetes"),
        titled("b/y", "Kubernetesque"),
        titled("c/z", "Kubernetas"),
        titled("d/v", "Kubarnetas"),
        titled("e/w", "Cooking"),
    ]);
    check(&index, "kubernetes", &["a/x", "b/y", "c/z", "d/v"]);
    check(&index, "kuberntes ", &["a/x", "c/z"]);
    check(&index, "kubrenetes ", &["a/x", "c/z"]);
    check(&index, "cokoing", &["e/w"]);
    check(&index, "coo", &["e/w"]);
    check(&index, "coo ", &[]);
    check(&index, "xyzzy", &[]);
}

#[test]
fn short_words_and_numbers_are_taken_at_their_word() {
    let index = index(vec![titled("a/x", "gpt4 sql"), titled("b/y", "gpt5 sqs")]);
    check(&index, "gpt4 ", &["a/x"]);
    check(&index, "sqs ", &["b/y"]);
}

#[test]
fn words_that_many_names_have_are_no_mistakes() {
    let mut documents: Vec<_> = (0..3).map(|number| titled(&format!("a/r{number}"), "React")).collect();
    documents.push(titled("b/reach", "Reach"));
    let index = index(documents);
    assert_eq!(ask(&index, "react ").total, 3);
    assert_eq!(ask(&index, "reacg ").total, 4);
}

#[test]
fn the_very_name_comes_first() {
    let index = index(vec![
        document("acme/code-review-helper"),
        described("acme/code", "Code review, code review and code review"),
        document("acme/code-review"),
        document("zeta/code-review"),
    ]);
    for text in ["code review", "code-review", "CodeReview", "Code Review"] {
        assert_eq!(names(&ask(&index, text))[..2], ["acme/code-review", "zeta/code-review"], "{text}");
    }
    for text in ["zeta/code-review", "zeta/code-review@1.0.0", "ZETA/code-review"] {
        assert_eq!(names(&ask(&index, text))[0], "zeta/code-review", "{text}");
    }
}

#[test]
fn joined_and_capitalised_words_are_found_by_parts_and_whole() {
    let index = index(vec![document("a/code-review"), titled("b/x", "CodeReview"), titled("c/y", "snake_case_thing")]);
    for text in ["codereview ", "code ", "review ", "code-review ", "CodeReview ", "code review "] {
        assert_eq!(ask(&index, text).total, 2, "{text}");
    }
    check(&index, "case ", &["c/y"]);
    check(&index, "snake-case ", &["c/y"]);
}

#[test]
fn languages_with_signs_are_found() {
    let index = index(vec![
        titled("x/cpp", "C++ Expert"),
        titled("x/csharp", "C# Expert"),
        titled("x/net", "ASP.NET Core"),
        titled("x/node", "Node.js Expert"),
        titled("x/clang", "C Expert"),
        titled("x/network", "Neural net internals"),
    ]);
    check(&index, "c++", &["x/cpp"]);
    check(&index, "cpp", &["x/cpp"]);
    check(&index, "C# ", &["x/csharp"]);
    check(&index, ".net ", &["x/net"]);
    check(&index, ".NET core", &["x/net"]);
    for text in ["node.js ", "nodejs ", "node ", "Node.JS"] {
        check(&index, text, &["x/node"]);
    }
    check(&index, "c ", &["x/clang"]);
}

#[test]
fn other_forms_of_a_word_find_it_and_the_same_form_comes_first() {
    let index = index(vec![described("a/one", "Reviews code"), described("b/two", "Reviewing code")]);
    check(&index, "reviewing", &["b/two", "a/one"]);
    check(&index, "reviewed code", &["a/one", "b/two"]);
}

#[test]
fn all_of_a_few_words_and_most_of_many_must_be_there() {
    let index = index(vec![
        described("a/one", "Writes SQL queries for a database"),
        described("b/two", "Writes poems for a birthday"),
    ]);
    check(&index, "sql poems ", &[]);
    check(&index, "the SQL of a queries ", &["a/one"]);
    check(&index, "please help me to write sql queries for my database ", &["a/one"]);
    assert_eq!(ask(&index, "for ").total, 2);
}

#[test]
fn phrases_stand_together_and_exclusions_are_not_there() {
    let index = index(vec![
        described("a/one", "Reviews pull requests"),
        described("b/two", "Requests that pull reviews"),
        titled("c/three", "Pull-request helper"),
    ]);
    check(&index, "\"pull requests\"", &["a/one"]);
    check(&index, "\"pull request\"", &["c/three", "a/one"]);
    check(&index, "pull -helper", &["a/one", "b/two"]);
    check(&index, "pull -\"reviews pull\" -tag:x", &["c/three", "b/two"]);
    check(&index, "-pull", &[]);
    check(&index, "-nothing", &["a/one", "b/two", "c/three"]);
    check(&index, "!!!", &[]);
    check(&index, "", &["a/one", "b/two", "c/three"]);
}

#[test]
fn the_organisation_and_the_kind_are_words_too() {
    let index = index(vec![document("acme/hello"), document("other/hello"), document("other/bye")]);
    check(&index, "acme hello", &["acme/hello"]);
    check(&index, "acme", &["acme/hello"]);
    assert_eq!(ask(&index, "hello skill ").total, 2);
    assert_eq!(ask(&index, "bye persona ").total, 0);
}

#[test]
fn a_newer_document_replaces_the_older_and_a_removal_takes_it_out() {
    let index = index(vec![described("a/one", "first"), described("b/two", "first")]);
    index.apply(vec![described("a/one", "second")], vec!["b/two".parse().unwrap()], 2).unwrap();
    check(&index, "first ", &[]);
    check(&index, "second ", &["a/one"]);
    assert_eq!((index.through(), index.len()), (2, 1));
    index.clear().unwrap();
    check(&index, "", &[]);
    assert_eq!((index.through(), index.is_empty()), (0, true));
}

proptest! {
    #[test]
    fn any_text_is_answered(text in "(\\PC|[-\"“”:.+#@/_\\s]|写作|tag:|kind:skill|é|\u{301}|code|review){0,40}") {
        thread_local! {
            static INDEX: Index = index(vec![described("a/one", "Reviews code"), titled("b/two", "写作助手")]);
        }
        let found = INDEX.with(|index| index.search(&Query { text: text.clone(), facets: true, ..Query::default() }));
        prop_assert!(found.is_ok(), "{:?} {:?}", text, found.err());
    }
}
