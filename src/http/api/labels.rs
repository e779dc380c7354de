//! Tags and skills of all public packages, with how many show each.

use http::Uri;

use super::answer::{Answer, json};
use super::parameters::Parameters;
use crate::domain::api::{Count, List, Problem};
use crate::http::Caller;
use crate::meta::{Label, LabelCount};
use crate::registry::RegistryError;

/// Most labels of a page, and how many it has if nothing is said.
const LIMIT_MAX: usize = 1000;

/// Tags
///
/// The most used first, with the number of packages that show each. A label whose count changes between two pages may be on both,
/// or on neither.
#[utoipa::path(
    get,
    path = "/api/v1/tags",
    operation_id = "listTags",
    tag = "search",
    params(
        ("limit" = Option<u16>, Query, minimum = 1, maximum = 1000, description = "Rows of a page, 1000 if not given"),
        ("cursor" = Option<String>, Query, description = "`next` of the page before"),
    ),
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
/// The most frequent first, with the number of packages that have each. A label whose count changes between two pages may be on both,
/// or on neither.
#[utoipa::path(
    get,
    path = "/api/v1/skills",
    operation_id = "listSkills",
    tag = "search",
    params(
        ("limit" = Option<u16>, Query, minimum = 1, maximum = 1000, description = "Rows of a page, 1000 if not given"),
        ("cursor" = Option<String>, Query, description = "`next` of the page before"),
    ),
    responses(
        (status = 200, body = List<Count>, description = "Most used first"),
        (status = "default", body = Problem, content_type = "application/problem+json", description = "An error"),
    ),
)]
pub(super) async fn skills(app: Caller, uri: Uri) -> Answer {
    labels(&app, &uri, Label::Skill).await
}

async fn labels(app: &Caller, uri: &Uri, label: Label) -> Answer {
    let parameters = Parameters::read(uri, &[&["limit", "cursor"]])?;
    let limit = parameters.limit(LIMIT_MAX, LIMIT_MAX)?;
    let after = parameters.cursor()?.map(LabelCount::from_cursor).transpose().map_err(RegistryError::from)?;
    let (labels, has_more) = app.registry.labels(&app.actor(), label, after.as_ref(), limit).await?;
    let next = labels.last().filter(|_| has_more).map(LabelCount::cursor);
    let items = labels.into_iter().map(|label| Count { value: label.label, count: label.count }).collect();
    json(&List::new(items, next))
}
