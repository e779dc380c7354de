//! `spec/openapi.json` is what the code does.

use std::path::Path;

use serde_json::Value;

#[test]
fn the_document_in_spec_is_fresh() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("spec/openapi.json");
    let made = pcl_registry::http::openapi();
    if std::env::var_os("PCLR_BLESS").is_some() {
        std::fs::write(&path, &made).expect("spec/openapi.json can be written");
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        kept == made,
        "spec/openapi.json is stale: run `PCLR_BLESS=1 cargo test --test it openapi`, read the difference and commit it"
    );
}

/// What programs that are generated from the document rely on.
#[test]
fn every_operation_has_a_name_of_its_own_and_every_reference_a_target() {
    let document: Value = serde_json::from_str(&pcl_registry::http::openapi()).expect("it is JSON");
    let paths = document["paths"].as_object().expect("it has paths");
    let operations = paths.values().flat_map(|path| path.as_object().into_iter().flatten().map(|(_, value)| value));
    let mut names: Vec<&str> = operations.filter_map(|operation| operation["operationId"].as_str()).collect();
    let count = names.len();
    assert!(count >= 17, "{names:?}");
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count, "{names:?}");
    let mut waiting = vec![&document];
    while let Some(value) = waiting.pop() {
        match value {
            Value::Array(items) => waiting.extend(items),
            Value::Object(fields) => {
                if let Some(target) = fields.get("$ref").and_then(Value::as_str) {
                    let pointer = target.strip_prefix('#').expect("references stay in the document");
                    assert!(document.pointer(pointer).is_some(), "{target} is not in the document");
                }
                waiting.extend(fields.values());
            }
            _ => {}
        }
    }
}

/// The guide ends with all calls.
#[test]
fn the_rest_guide_lists_every_operation() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/rest.md");
    let guide = std::fs::read_to_string(&path).expect("docs/rest.md is there");
    let (begin, end) = ("<!-- calls: made from spec/openapi.json -->\n", "<!-- end of calls -->");
    let (before, rest) = guide.split_once(begin).expect("docs/rest.md has a place for the calls");
    let (_, after) = rest.split_once(end).expect("docs/rest.md says where the calls end");
    let document: Value = serde_json::from_str(&pcl_registry::http::openapi()).expect("it is JSON");
    let mut table = "| call | |\n|---|---|\n".to_owned();
    for (path, operations) in document["paths"].as_object().expect("it has paths") {
        for method in ["get", "put", "post", "patch", "delete"] {
            if let Some(summary) = operations[method]["summary"].as_str() {
                table += &format!("| `{} {path}` | {summary} |\n", method.to_uppercase());
            }
        }
    }
    let made = format!("{before}{begin}{table}{end}{after}");
    if std::env::var_os("PCLR_BLESS").is_some() {
        std::fs::write(&path, &made).expect("docs/rest.md can be written");
        return;
    }
    assert!(guide == made, "the calls in docs/rest.md are stale: run `PCLR_BLESS=1 cargo test --test it openapi`");
}
