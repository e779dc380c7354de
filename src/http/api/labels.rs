//! Tags and skills of all public packages, with how many show each, and what the operator says of them.

use axum::extract::Path;
use http::{StatusCode, Uri};

use super::answer::{Answer, json};
use super::parameters::Parameters;
use crate::domain::api::{LabelDocument, LabelPage, List, Problem};
use crate::domain::{Terms, meant};
use crate::http::Caller;
use crate::http::error::{Code, Failure};
use crate::meta::{Filter, Label, LabelCount};
use crate::registry::RegistryError;

/// Most labels of a page, and how many it has if nothing is said.
const LIMIT_MAX: usize = 1000;
/// Longest label that is repeated in an error, in characters.
const SHOWN: usize = 100;

/// Tags
///
/// The most used first, with the number of packages that show each, and what the operator says of it. A label whose count changes
/// between two pages may be on both, or on neither.
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
        (status = 200, body = List<LabelDocument>, description = "Most used first"),
        (status = "default", body = Problem, content_type = "application/problem+json", description = "An error"),
    ),
)]
pub(super) async fn tags(app: Caller, uri: Uri) -> Answer {
    labels(&app, &uri, Of::Tag).await
}

/// Skills
///
/// The most frequent first, with the number of packages that have each, and what the operator says of it. A label whose count changes
/// between two pages may be on both, or on neither.
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
        (status = 200, body = List<LabelDocument>, description = "Most used first"),
        (status = "default", body = Problem, content_type = "application/problem+json", description = "An error"),
    ),
)]
pub(super) async fn skills(app: Caller, uri: Uri) -> Answer {
    labels(&app, &uri, Of::Skill).await
}

/// A tag
///
/// How many packages show it, what the operator says of it, and where the packages are listed. A word that the operator names as a
/// synonym, and that no package shows, leads to the tag that it stands for.
#[utoipa::path(
    get,
    path = "/api/v1/tags/{tag}",
    operation_id = "getTag",
    tag = "search",
    params(("tag" = String, Path, description = "The tag, as packages write it")),
    responses(
        (status = 200, body = LabelPage, description = "The tag"),
        (status = "default", body = Problem, content_type = "application/problem+json", description = "An error"),
    ),
)]
pub(super) async fn tag(app: Caller, Path(tag): Path<String>, uri: Uri) -> Answer {
    page(&app, &uri, Of::Tag, tag).await
}

/// A skill
///
/// How many packages have it, what the operator says of it, and where the packages are listed. A word that the operator names as a
/// synonym, and that no package shows, leads to the skill that it stands for.
#[utoipa::path(
    get,
    path = "/api/v1/skills/{skill}",
    operation_id = "getSkill",
    tag = "search",
    params(("skill" = String, Path, description = "The skill, as packages write it")),
    responses(
        (status = 200, body = LabelPage, description = "The skill"),
        (status = "default", body = Problem, content_type = "application/problem+json", description = "An error"),
    ),
)]
pub(super) async fn skill(app: Caller, Path(skill): Path<String>, uri: Uri) -> Answer {
    page(&app, &uri, Of::Skill, skill).await
}

/// Which labels.
#[derive(Clone, Copy)]
enum Of {
    Tag,
    Skill,
}

impl Of {
    fn label(self) -> Label {
        match self {
            Self::Tag => Label::Tag,
            Self::Skill => Label::Skill,
        }
    }

    /// As a parameter of a list names it.
    fn parameter(self) -> &'static str {
        match self {
            Self::Tag => "tag",
            Self::Skill => "skill",
        }
    }

    fn terms(self, app: &Caller) -> &Terms {
        match self {
            Self::Tag => &app.options.vocabulary.tags,
            Self::Skill => &app.options.vocabulary.skills,
        }
    }

    fn filter(self, label: &str) -> Filter {
        let labels = vec![label.to_owned()];
        match self {
            Self::Tag => Filter { tags: labels, ..Filter::default() },
            Self::Skill => Filter { skills: labels, ..Filter::default() },
        }
    }
}

async fn labels(app: &Caller, uri: &Uri, of: Of) -> Answer {
    let parameters = Parameters::read(uri, &[&["limit", "cursor"]])?;
    let limit = parameters.limit(LIMIT_MAX, LIMIT_MAX)?;
    let after = parameters.cursor()?.map(LabelCount::from_cursor).transpose().map_err(RegistryError::from)?;
    let (labels, has_more) = app.registry.labels(&app.actor(), of.label(), after.as_ref(), limit).await?;
    let next = labels.last().filter(|_| has_more).map(LabelCount::cursor);
    let terms = of.terms(app);
    let items = labels.into_iter().map(|found| described(terms, found.label, found.count)).collect();
    json(&List::new(items, next))
}

async fn page(app: &Caller, uri: &Uri, of: Of, mut label: String) -> Answer {
    Parameters::read(uri, &[])?;
    let terms = of.terms(app);
    let mut count = app.registry.count(&app.actor(), &of.filter(&label)).await?;
    if count == 0
        && let Some(meant) = meant(terms, &label)
    {
        label = meant.to_owned();
        count = app.registry.count(&app.actor(), &of.filter(&label)).await?;
    }
    if count == 0 && !terms.contains_key(&label) {
        let shown: String = label.chars().take(SHOWN).collect();
        let message = format!("no package shows the {} {shown:?}", of.parameter());
        let hint = format!(
            "/api/v1/{0}s lists those that there are, /api/v1/complete?of={0} those that begin so",
            of.parameter()
        );
        return Err(Failure::new(StatusCode::NOT_FOUND, Code::NameUnknown, message).with_hint(hint).into());
    }
    let packages = format!("/api/v1/artifacts?{}={}", of.parameter(), encoded(&label));
    json(&LabelPage { label: described(terms, label, count), packages })
}

fn described(terms: &Terms, value: String, count: u64) -> LabelDocument {
    let term = terms.get(&value).cloned().unwrap_or_default();
    LabelDocument { value, count, category: term.category, description: term.description, synonyms: term.synonyms }
}

/// A label as one value of a parameter of a list: a comma in it is no comma between two.
fn encoded(label: &str) -> String {
    let mut encoded = String::new();
    for byte in label.replace(',', "\\,").bytes() {
        match byte {
            b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'-' | b'.' | b'_' | b'~' => encoded.push(char::from(byte)),
            other => encoded.push_str(&format!("%{other:02X}")),
        }
    }
    encoded
}
