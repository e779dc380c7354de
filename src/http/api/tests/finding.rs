//! Search, facets, labels, and what operators ask.

use super::world::World;
use crate::domain::Kind;
use crate::http::Options;

#[tokio::test]
async fn words_find_and_the_snippet_shows_why() {
    let world = World::open().await;
    let page = world.get("/api/v1/search?q=review").await;
    assert_eq!(page.each("/hits", "/name"), ["acme/review"]);
    let page = world.get("/api/v1/search?q=pull+requests&kind=persona").await;
    assert_eq!(page.json()["total"], 1);
    let snippet = page.json()["hits"][0]["snippet"].as_str().unwrap().to_owned();
    assert!(snippet.contains("&lt;b&gt;<em>pull"), "{snippet}");
    assert!(page.json().get("facets").is_none());
}

#[tokio::test]
async fn what_is_published_is_found_by_the_next_search() {
    let world = World::open().await;
    world.publish("acme/novelty", "1.0.0", Kind::Skill, &["写作"]).await;
    world.registry.settled().await;
    for words in ["q=novelty", "q=noveltty", "q=%E5%86%99%E4%BD%9C", "tag=%E5%86%99%E4%BD%9C"] {
        let page = world.get(&format!("/api/v1/search?{words}")).await;
        assert_eq!(page.each("/hits", "/name"), ["acme/novelty"], "{words}");
    }
}

#[tokio::test]
async fn facets_count_all_that_match() {
    let world = World::open().await;
    let page = world.get("/api/v1/search?facets=true&limit=1&tag=code").await.json();
    let alone = world.get("/api/v1/facets?tag=code").await.json();
    assert_eq!((&page["facets"], &page["total"]), (&alone, &2.into()));
    assert_eq!(alone["orgs"], serde_json::json!([{"value": "acme", "count": 1}, {"value": "other", "count": 1}]));
    assert_eq!(world.get("/api/v1/facets?org=acme,other&q=crew").await.json()["kinds"][0]["value"], "team");
}

#[tokio::test]
async fn labels_come_with_their_counts() {
    let world = World::open().await;
    let tags = world.get("/api/v1/tags").await;
    assert_eq!(tags.each("/items", "/value"), ["code", "planning", "review"]);
    assert_eq!(tags.json()["items"][0]["count"], 2);
    assert_eq!(world.get("/api/v1/tags?limit=1").await.each("/items", "/value"), ["code"]);
    assert_eq!(
        world.get("/api/v1/skills").await.json()["items"],
        serde_json::json!([{"value": "Patience", "count": 3}])
    );
}

#[tokio::test]
async fn lists_of_labels_go_on_to_their_end() {
    let world = World::open().await;
    let (mut values, mut path) = (Vec::new(), "/api/v1/tags?limit=1".to_owned());
    loop {
        let page = world.get(&path).await;
        values.extend(page.each("/items", "/value"));
        let json = page.json();
        let Some(next) = json["next"].as_str() else { break };
        path = format!("/api/v1/tags?limit=1&cursor={next}");
    }
    assert_eq!(values, ["code", "planning", "review"]);
    assert_eq!(world.get("/api/v1/skills?cursor=17").await.status, 400);
}

#[tokio::test]
async fn labels_come_with_what_the_operator_says() {
    let vocabulary = serde_json::json!({
        "tags": {
            "code": {"category": "work", "description": "What programs are made of", "synonyms": ["source", "review"]},
            "a, b": {"description": "Nobody shows it"},
        },
        "skills": {"Patience": {"category": "virtue"}},
    });
    let vocabulary = serde_json::from_value(vocabulary).unwrap();
    let world = World::empty(Options { vocabulary, ..Options::default() }).await;
    world.publish("acme/review", "1.0.0", Kind::Skill, &["code", "review"]).await;
    world.registry.settled().await;
    let code = serde_json::json!({
        "value": "code", "count": 1, "category": "work", "description": "What programs are made of",
        "synonyms": ["source", "review"],
    });
    let tags = world.get("/api/v1/tags").await.json();
    assert_eq!(tags["items"], serde_json::json!([code, {"value": "review", "count": 1}]));
    assert_eq!(world.get("/api/v1/skills").await.json()["items"][0]["category"], "virtue");

    let mut page = code;
    page["packages"] = "/api/v1/artifacts?tag=code".into();
    for label in ["code", "source"] {
        assert_eq!(world.get(&format!("/api/v1/tags/{label}")).await.json(), page, "{label}");
    }
    let shown = world.get("/api/v1/tags/review").await.json();
    assert_eq!(shown["value"], "review", "a synonym that is shown stands for itself");
    let unused = world.get("/api/v1/tags/a%2C%20b").await.json();
    assert_eq!((&unused["count"], &unused["packages"]), (&0.into(), &r"/api/v1/artifacts?tag=a%5C%2C%20b".into()));
    assert_eq!(world.get(r"/api/v1/artifacts?tag=a%5C%2C%20b").await.json()["items"], serde_json::json!([]));
    assert_eq!(world.get("/api/v1/skills/Patience").await.json()["count"], 1);
    for absent in ["/api/v1/tags/Code", "/api/v1/skills/code"] {
        let refused = world.get(absent).await;
        assert_eq!(refused.status, 404, "{absent}");
        assert!(refused.json()["hint"].as_str().unwrap().contains("lists those that there are"), "{absent}");
    }
}

#[tokio::test]
async fn operators_get_answers() {
    let world = World::open().await;
    assert_eq!(world.get("/health").await.json()["status"], "ok");
    let ready = world.get("/ready").await.json();
    assert_eq!((&ready["writable"], &ready["head"], &ready["indexed"]), (&true.into(), &5.into(), &5.into()));
    assert_eq!(world.get("/metrics").await.status, 200);
    let document = world.get("/api/v1/openapi.json").await;
    assert_eq!(document.text(), crate::http::openapi());
}

#[tokio::test]
async fn what_is_begun_is_completed() {
    let world = World::open().await;
    let all = world.get("/api/v1/complete?prefix=%20P").await;
    assert_eq!(all.each("/items", "/of"), ["name", "tag", "skill"]);
    assert_eq!(all.each("/items", "/value"), ["acme/planner", "planning", "patience"]);
    assert_eq!(all.json()["items"][1]["count"], 2);
    let tags = world.get("/api/v1/complete?of=tag&limit=2").await;
    assert_eq!(tags.each("/items", "/value"), ["code", "planning"], "the most used, then by value");
    assert!(world.get("/api/v1/complete?prefix=lanning").await.each("/items", "/value").is_empty());

    world.publish("acme/novelty", "1.0.0", Kind::Skill, &["Résumé Writing"]).await;
    world.registry.settled().await;
    for (query, value) in [
        ("of=name&prefix=NOV", "acme/novelty"),
        ("of=name&prefix=acme/n", "acme/novelty"),
        ("prefix=resume%20w", "résumé writing"),
        ("prefix=wRÍT", "résumé writing"),
    ] {
        let found = world.get(&format!("/api/v1/complete?{}", query.replace('Í', "%C3%8D"))).await;
        assert_eq!(found.each("/items", "/value"), [value], "{query}");
    }
    for query in ["of=label", "limit=0", "limit=101", "q=x", &format!("prefix={}", "x".repeat(201))] {
        assert_eq!(world.get(&format!("/api/v1/complete?{query}")).await.status, 400, "{query}");
    }
}
