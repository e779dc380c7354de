//! What artifacts have to do with each other: who needs whom, who is like whom, who has the skills that are needed.

use std::collections::HashSet;

use http::Uri;

use super::answer::{Answer, bad_request, json};
use super::openapi::SkillAsked;
use super::parameters::{Filters, Parameters};
use super::path::OfPackage;
use crate::domain::api::{Dependencies, Dependent, List, Problem, Related, SkillMatches};
use crate::domain::{DependencyType, Level, Version};
use crate::http::Caller;
use crate::http::error::Failure;
use crate::meta::Cursor;
use crate::registry::{DEPTH_MAX, RegistryError};
use crate::resolve::Required;

/// Most rows of a page.
const LIMIT_MAX: usize = 100;
/// Rows of a page if nothing is said.
const LIMIT: usize = 20;

/// Who needs a package
///
/// Public packages whose shown version names it among its dependencies, with the type and the range.
#[utoipa::path(
    get,
    path = "/api/v1/artifacts/{org}/{slug}/dependents",
    operation_id = "listDependents",
    tag = "artifacts",
    params(
        OfPackage,
        ("type" = Option<Vec<DependencyType>>, Query, description = "Any of these ways of needing it", style = Form, explode),
        ("limit" = Option<u16>, Query, minimum = 1, maximum = 100, description = "Packages of a page, 20 if not given; with `type`, those \
            that need it otherwise are left out of the page"),
        ("cursor" = Option<String>, Query, description = "`next` of the page before"),
    ),
    responses(
        (status = 200, body = List<Dependent>, description = "By name"),
        (status = "default", body = Problem, content_type = "application/problem+json", description = "An error"),
    ),
)]
pub(super) async fn dependents(app: Caller, OfPackage(name): OfPackage, uri: Uri) -> Answer {
    let parameters = Parameters::read(&uri, &[&["type", "limit", "cursor"]])?;
    let kinds = types(&parameters)?;
    let limit = parameters.limit(LIMIT, LIMIT_MAX)?;
    let cursor: Option<Cursor> = parameters.cursor()?.map(str::parse).transpose().map_err(RegistryError::from)?;
    let page = app.registry.dependents(&app.actor(), &name, &kinds, cursor.as_ref(), limit).await?;
    json(&List::new(page.items, page.next.map(|next| next.to_string())))
}

/// What a package needs
///
/// The dependencies of a version, with the best version for each, taken by itself: the one that an installation takes is found
/// with all others in mind. `name` is what the source says and `package` what it means: `@acme/x`, or `x` within acme, is acme/x. With
/// `depth`, also what these need; packages that need each other in a circle are told with their way.
#[utoipa::path(
    get,
    path = "/api/v1/artifacts/{org}/{slug}/dependencies",
    operation_id = "listDependencies",
    tag = "artifacts",
    params(
        OfPackage,
        ("version" = Option<Version>, Query, description = "Of which version; of the one that the package shows if not given"),
        ("type" = Option<Vec<DependencyType>>, Query, description = "Only by these ways of needing", style = Form, explode),
        ("depth" = Option<u8>, Query, minimum = 1, maximum = 20, description = "How many steps away, 1 if not given"),
    ),
    responses(
        (status = 200, body = Dependencies, description = "The nearest first; at most 1,000"),
        (status = "default", body = Problem, content_type = "application/problem+json", description = "An error"),
    ),
)]
pub(super) async fn dependencies(app: Caller, OfPackage(name): OfPackage, uri: Uri) -> Answer {
    let parameters = Parameters::read(&uri, &[&["version", "type", "depth"]])?;
    let version: Option<Version> = parameters.parsed("version", "give a whole version such as 1.0.0")?;
    let kinds = types(&parameters)?;
    let depth_hint = "depth is a number from 1 to 20";
    let depth: u32 = parameters.parsed("depth", depth_hint)?.unwrap_or(1);
    if !(1..=DEPTH_MAX).contains(&depth) {
        return Err(bad_request(format!("depth={depth} is not possible"), depth_hint).into());
    }
    json(&app.registry.dependencies(&app.actor(), &name, version.as_ref(), &kinds, depth).await?)
}

fn types(parameters: &Parameters) -> Result<Vec<DependencyType>, Failure> {
    let parse =
        |text: String| text.parse().map_err(|error: String| bad_request(error, "leave type out for all of them"));
    parameters.many("type").into_iter().map(parse).collect()
}

/// What is like a package
///
/// Public packages that share tags and skills with it; what few have weighs more. Of its tags, then its skills, the first 32 are looked
/// at, and for each the 200 packages that changed last.
#[utoipa::path(
    get,
    path = "/api/v1/artifacts/{org}/{slug}/related",
    operation_id = "listRelated",
    tag = "artifacts",
    params(
        OfPackage,
        ("limit" = Option<u16>, Query, minimum = 1, maximum = 100, description = "How many, 20 if not given"),
    ),
    responses(
        (status = 200, body = List<Related>, description = "The most alike first"),
        (status = "default", body = Problem, content_type = "application/problem+json", description = "An error"),
    ),
)]
pub(super) async fn related(app: Caller, OfPackage(name): OfPackage, uri: Uri) -> Answer {
    let limit = Parameters::read(&uri, &[&["limit"]])?.limit(LIMIT, LIMIT_MAX)?;
    json(&List::new(app.registry.related(&app.actor(), &name, limit).await?, None))
}

/// Who has the skills that are needed
///
/// Public packages with any of the skills, those with most of them first. With `team`, also the smallest set of personas (or of
/// the kinds that are named) that has them all, and who of them is there for what. The 10,000 that changed last are weighed.
#[utoipa::path(
    get,
    path = "/api/v1/match",
    operation_id = "matchSkills",
    tag = "search",
    params(
        ("skill" = Vec<SkillAsked>, Query, description = "What is needed, as packages write it; `name:intermediate` or `name:expert` asks \
            for that level or above. A skill without a level counts as a beginner's", style = Form, explode),
        ("kind" = Option<Vec<crate::domain::Kind>>, Query, description = "Any of these kinds", style = Form, explode),
        ("tag" = Option<Vec<String>>, Query, description = "All of these tags", style = Form, explode),
        ("team" = Option<bool>, Query, description = "Whether to find the smallest team"),
        ("limit" = Option<u16>, Query, minimum = 1, maximum = 100, description = "How many, 20 if not given"),
    ),
    responses(
        (status = 200, body = SkillMatches, description = "Who has them"),
        (status = "default", body = Problem, content_type = "application/problem+json", description = "An error"),
    ),
)]
pub(super) async fn skills(app: Caller, uri: Uri) -> Answer {
    let parameters = Parameters::read(&uri, &[&["skill", "kind", "tag", "team", "limit"]])?;
    let Filters { kind, tag, skill, .. } = Filters::read(&parameters)?;
    let mut required: Vec<Required> = skill.iter().map(|text| required(text)).collect();
    let mut seen = HashSet::new();
    required.retain(|required| seen.insert((required.name.clone(), required.level)));
    if required.is_empty() {
        return Err(no_skill().into());
    }
    let is_team = parameters.choice("team", &[("true", true), ("false", false)])?.unwrap_or(false);
    let limit = parameters.limit(LIMIT, LIMIT_MAX)?;
    let matches: SkillMatches = app.registry.with_skills(&app.actor(), &required, tag, kind, limit, is_team).await?;
    json(&matches)
}

fn no_skill() -> Failure {
    bad_request("no skill is named", "write skill=code%20review&skill=sql:expert")
}

/// A skill, and behind a colon its level; a colon that no level follows belongs to the name.
fn required(text: &str) -> Required {
    if let Some((name, level)) = text.rsplit_once(':')
        && let Ok(level) = level.trim().parse::<Level>()
    {
        return Required { name: name.trim().to_owned(), level: Some(level) };
    }
    Required { name: text.to_owned(), level: None }
}
