//! Titles, descriptions and texts with marked words.

use proptest::prelude::*;

use super::*;

fn marked(document: Document, text: &str) -> [String; 3] {
    let page = ask(&index(vec![document]), text);
    let hit = page.hits.first().unwrap_or_else(|| panic!("{text:?} finds nothing"));
    let excerpt = hit.marked_text.as_ref().map(|snippet| snippet.html()).unwrap_or_default();
    [hit.marked_title.html(), hit.marked_description.html(), excerpt]
}

#[test]
fn found_words_are_marked_in_each_field() {
    let document = Document {
        title: "CodeReview <b>".into(),
        description: "Reviews code & tests,\n  with \"care\"".into(),
        text: "Nothing here. Review the code!".into(),
        ..document("a/one")
    };
    assert_eq!(
        marked(document, "code review"),
        [
            "<em>CodeReview</em> &lt;b&gt;",
            "<em>Reviews</em> <em>code</em> &amp; tests, with &quot;care&quot;",
            "Nothing here. <em>Review</em> the <em>code</em>!",
        ]
    );
}

#[test]
fn chinese_is_marked_where_it_stands() {
    let document = Document {
        title: "学术写作助手".into(),
        description: "帮助写作。".into(),
        text: "你是写作助手，写".into(),
        ..document("a/one")
    };
    let expected = ["学术<em>写作</em>助手", "帮助<em>写作</em>。", "你是<em>写作</em>助手，写"];
    assert_eq!(marked(document.clone(), "写作"), expected);
    assert_eq!(marked(document.clone(), "写作助手")[0], "学术<em>写作助手</em>");
    assert_eq!(marked(document, "\"写作助手\"")[2], "你是<em>写作助手</em>，写");
}

#[test]
fn prefixes_and_guesses_are_marked() {
    assert_eq!(marked(titled("a/one", "Kubernetes helper"), "kube")[0], "<em>Kubernetes</em> helper");
    assert_eq!(marked(titled("a/one", "Kubernetes helper"), "kuberntes ")[0], "<em>Kubernetes</em> helper");
    assert_eq!(marked(titled("a/one", "Переводчик"), "преводчик ")[0], "<em>Переводчик</em>");
}

#[test]
fn long_texts_are_cut_around_the_marks() {
    let text = format!("{}here is the Needle, in\nhay {}", "straw ".repeat(500), "chaff ".repeat(500));
    let page = ask(&index(vec![with_text("a/one", &text)]), "needle");
    let snippet = page.hits[0].marked_text.clone().unwrap();
    assert!(snippet.text.starts_with("…straw ") && snippet.text.ends_with("chaff…"), "{}", snippet.text);
    assert!(snippet.text.contains("the Needle, in hay chaff"), "{}", snippet.text);
    assert!(snippet.text.chars().count() <= 242);
    let texts: Vec<_> = snippet.marks.iter().map(|mark| &snippet.text[mark.clone()]).collect();
    assert_eq!(texts, ["Needle"]);
}

#[test]
fn the_stretch_with_most_different_words_is_shown() {
    let far = "x ".repeat(300);
    let text = format!("alpha alpha alpha {far} alpha beta gamma {far}");
    let page = ask(&index(vec![with_text("a/one", &text)]), "alpha beta gamma ");
    let html = page.hits[0].marked_text.as_ref().unwrap().html();
    assert!(html.contains("<em>alpha</em> <em>beta</em> <em>gamma</em>"), "{html}");
}

#[test]
fn a_description_is_shown_though_nothing_in_it_was_found() {
    let document = Document { description: format!("About {}", "poems ".repeat(100)), ..document("a/needle") };
    let [_, description, text] = marked(document, "needle");
    assert!(description.starts_with("About poems") && description.ends_with("poems…"), "{description}");
    assert_eq!(text, "");
}

proptest! {
    #[test]
    fn marks_lie_in_order_on_character_boundaries(
        text in "(\\PC|code |写作|review|\u{301}|\\s){0,80}",
        filler in "(é|x| ){0,400}",
    ) {
        let text = format!("code 写作 {filler} {text}");
        let document = Document { description: text.clone(), title: text.clone(), text, ..document("a/one") };
        let page = ask(&index(vec![document]), "code 写作 review");
        for hit in page.hits {
            for snippet in [Some(hit.marked_title), Some(hit.marked_description), hit.marked_text].into_iter().flatten() {
                let mut last = 0;
                for mark in &snippet.marks {
                    prop_assert!(mark.start >= last && mark.end > mark.start);
                    prop_assert!(snippet.text.get(mark.clone()).is_some());
                    last = mark.end;
                }
                let plain = snippet.html().replace("<em>", "").replace("</em>", "");
                prop_assert_eq!(plain.matches('<').count(), 0);
            }
        }
    }
}
