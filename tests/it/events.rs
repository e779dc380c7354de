//! The event format against its vectors (`spec/vectors/events.json`).

use pcl_registry::domain::{Event, EventError};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Vector {
    about: String,
    event: Option<serde_json::Value>,
    bytes: String,
    #[serde(default)]
    reads: bool,
    refused: Option<String>,
}

fn vectors() -> Result<Vec<Vector>, serde_json::Error> {
    serde_json::from_str(include_str!("../../spec/vectors/events.json"))
}

#[test]
fn written_events_are_exactly_their_vectors() {
    let mut types = std::collections::BTreeSet::new();
    for Vector { about, event, bytes, .. } in vectors().unwrap() {
        let Some(value) = event else { continue };
        let event: Event = serde_json::from_value(value.clone()).unwrap_or_else(|error| panic!("{about}: {error}"));
        assert_eq!(event.to_bytes(), bytes, "{about}");
        assert_eq!(Event::parse(bytes.as_bytes()).unwrap(), event, "{about}");
        types.insert(value["type"].as_str().unwrap().to_owned());
    }
    let all = [
        "blob.delete",
        "collection",
        "collection.delete",
        "deprecate",
        "manifest",
        "manifest.delete",
        "org",
        "owners",
        "pin",
        "publish",
        "purge",
        "restore",
        "tag.delete",
        "undeprecate",
        "unpin",
        "unyank",
        "visibility",
        "yank",
    ];
    assert_eq!(types.into_iter().collect::<Vec<_>>(), all);
}

#[test]
fn readers_accept_and_refuse_what_the_vectors_say() {
    let (mut accepted, mut refusals) = (0, 0);
    for Vector { about, bytes, reads, refused, .. } in vectors().unwrap() {
        match (Event::parse(bytes.as_bytes()), refused.as_deref()) {
            (Ok(_), None) if reads => accepted += 1,
            (Ok(_), None) => {}
            (Err(EventError::NewerFormat { .. }), Some("newer")) => refusals += 1,
            (Err(EventError::Malformed(_)), Some("malformed")) => refusals += 1,
            (outcome, expected) => panic!("{about}: {outcome:?}, expected {expected:?}"),
        }
    }
    assert!(accepted > 0 && refusals > 3);
}
