//! Tags and skills of all public packages, with how many show each.

use http::Uri;

use super::answer::{Answer, json};
use super::parameters::Parameters;
use crate::domain::api::{Count, List, Problem};
use crate::http::Caller;
use crate::meta::Label;

/// Most labels, and how many there are if nothing is said.
const LIMIT_MAX: usize = 1000;

/// Tags
///
/// The most used, with the number of packages that show each.
#[utoipa::path(
    get,
    path = "/api/v1/tags",
    operation_id = "listTags",
    tag = "search",
    params(("limit" = Option<u16>, Query, minimum = 1, maximum = 1000, description = "How many, 1000 if not given")),
    responses(
        (status = 200, body = List<Count>, description = "Most used first"),
        (status = "default", body = Problem, content_type = "application/problem+json", description = "An error"),
    ),
)]
pub(super) async fn tags(app: Caller, uri: Uri) -> Answer {
    labels(&app, &uri, Label::Tag).await
}

/// Skills
///
/// The most frequent, with the number of packages that have each.
#[utoipa::path(
    get,
    path = "/api/v1/skills",
    operation_id = "listSkills",
    tag = "search",
    params(("limit" = Option<u16>, Query, minimum = 1, maximum = 1000, description = "How many, 1000 if not given")),
    responses(
        (status = 200, body = List<Count>, description = "Most used first"),
        (status = "default", body = Problem, content_type = "application/problem+json", description = "An error"),
    ),
)]
pub(super) async fn skills(app: Caller, uri: Uri) -> Answer {
    labels(&app, &uri, Label::Skill).await
}

async fn labels(app: &Caller, uri: &Uri, label: Label) -> Answer {
    let limit = Parameters::read(uri, &[&["limit"]])?.limit(LIMIT_MAX, LIMIT_MAX)?;
    let labels = app.registry.labels(&app.actor(), label, limit).await?;
    let items = labels.into_iter().map(|label| Count { value: label.label, count: label.count }).collect();
    json(&List::new(items, None))
}
