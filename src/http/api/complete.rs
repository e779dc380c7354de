//! Completing what somebody begins to type.

use http::Uri;

use super::answer::{Answer, bad_request, json};
use super::parameters::Parameters;
use crate::domain::api::{Completion, CompletionOf, List, Problem};
use crate::http::Caller;
use crate::search::COMPLETIONS_MAX;

/// Completions of a sort if nothing is said.
const LIMIT: usize = 10;
/// Longest prefix, in characters: names are no longer.
const PREFIX_MAX: usize = 200;

/// Complete a word
///
/// Names, tags and skills that begin like `prefix`, whatever its case and accents: names by the whole of them or by the part
/// behind the slash, tags and skills by any word in them. Of each sort the most used first, then by value. What was published a
/// moment ago is among them as soon as searches find it.
#[utoipa::path(
    get,
    path = "/api/v1/complete",
    operation_id = "complete",
    tag = "search",
    params(
        ("prefix" = Option<String>, Query, max_length = 200, description = "How it begins; nothing is the beginning of all"),
        ("of" = Option<String>, Query, pattern = "^(name|tag|skill|all)?$", description = "`name`, `tag`, `skill` or `all` (default)"),
        ("limit" = Option<u16>, Query, minimum = 1, maximum = 100, description = "How many of each sort, 10 if not given"),
    ),
    responses(
        (status = 200, body = List<Completion>, description = "Names, then tags, then skills"),
        (status = "default", body = Problem, content_type = "application/problem+json", description = "An error"),
    ),
)]
pub(super) async fn complete(app: Caller, uri: Uri) -> Answer {
    let parameters = Parameters::read(&uri, &[&["prefix", "of", "limit"]])?;
    let prefix = parameters.one("prefix")?.unwrap_or_default();
    let length = prefix.chars().count();
    if length > PREFIX_MAX {
        let message = format!("the prefix has {length} characters");
        return Err(bad_request(message, format!("send at most the first {PREFIX_MAX}")).into());
    }
    let [name, tag, skill] = &CompletionOf::ALL;
    let choices = [
        ("all", CompletionOf::ALL.as_slice()),
        ("name", std::slice::from_ref(name)),
        ("tag", std::slice::from_ref(tag)),
        ("skill", std::slice::from_ref(skill)),
    ];
    let of = parameters.choice("of", &choices)?.unwrap_or(&CompletionOf::ALL);
    let limit = parameters.limit(LIMIT, COMPLETIONS_MAX)?;
    json(&List::new(app.registry.complete(&app.actor(), of, prefix, limit)?, None))
}
