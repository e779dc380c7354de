//! Search and facets.

use http::Uri;

use super::answer::{Answer, bad_request, json};
use super::listed::visibilities;
use super::parameters::{FILTERS, Filters, Parameters};
use crate::domain::Visibility;
use crate::domain::api::{Facets, Problem, SearchPage};
use crate::http::Caller;
use crate::http::error::Failure;
use crate::registry::{FindQuery, RegistryError};
use crate::search::{Audience, Cursor, LIMIT_MAX, Sort};

/// Hits on a page if nothing is said.
const LIMIT: usize = 20;

/// Search
///
/// Words in any script, `"phrases"`, `-excluded` words, and filters within the text: `kind:`, `tag:`, `skill:`, `org:`.
/// Without words everything is found. Names are found with a typing mistake in them.
#[utoipa::path(
    get,
    path = "/api/v1/search",
    operation_id = "search",
    tag = "search",
    params(
        ("q" = Option<String>, Query, description = "What is looked for"),
        Filters,
        ("org" = Option<Vec<String>>, Query, description = "Any of these organisations", style = Form, explode),
        ("visibility" = Option<Vec<Visibility>>, Query, description = "`public` (default), `private` or both. What is private is searched for \
            who has a role in each of the organisations, which are named by `org`; what is unlisted is in no search", style = Form, explode),
        ("sort" = Option<String>, Query, pattern = "^(relevance|name|newest)?$", description = "`relevance` (default), `name` or `newest`"),
        ("limit" = Option<u16>, Query, minimum = 1, maximum = 100, description = "Hits on a page, 20 if not given"),
        ("cursor" = Option<String>, Query, description = "`next` of the page before, with the same question"),
        ("facets" = Option<bool>, Query, description = "Whether to count all that match by kind, tag, skill and organisation"),
    ),
    responses(
        (status = 200, body = SearchPage, description = "A page"),
        (status = "default", body = Problem, content_type = "application/problem+json", description = "An error"),
    ),
)]
pub(super) async fn search(app: Caller, uri: Uri) -> Answer {
    let parameters = Parameters::read(&uri, &[&["q"], FILTERS, &["visibility", "sort", "limit", "cursor", "facets"]])?;
    let sorts = [("relevance", Sort::Relevance), ("name", Sort::Name), ("newest", Sort::Newest)];
    let cursor: Option<Cursor> = parameters.cursor()?.map(str::parse).transpose().map_err(RegistryError::from)?;
    let query = FindQuery {
        sort: parameters.choice("sort", &sorts)?.unwrap_or_default(),
        limit: parameters.limit(LIMIT, LIMIT_MAX)?,
        cursor,
        facets: parameters.choice("facets", &[("true", true), ("false", false)])?.unwrap_or_default(),
        ..question(&parameters)?
    };
    let counted = query.facets;
    let page = app.registry.find(&app.actor(), query).await?;
    json(&page.document(counted))
}

/// Facets of a search
///
/// How many packages answer a question, by kind, tag, skill and organisation.
#[utoipa::path(
    get,
    path = "/api/v1/facets",
    operation_id = "facets",
    tag = "search",
    params(
        ("q" = Option<String>, Query, description = "What is looked for"),
        Filters,
        ("org" = Option<Vec<String>>, Query, description = "Any of these organisations", style = Form, explode),
        ("visibility" = Option<Vec<Visibility>>, Query, description = "As for a search", style = Form, explode),
    ),
    responses(
        (status = 200, body = Facets, description = "The counts, most first"),
        (status = "default", body = Problem, content_type = "application/problem+json", description = "An error"),
    ),
)]
pub(super) async fn facets(app: Caller, uri: Uri) -> Answer {
    let parameters = Parameters::read(&uri, &[&["q"], FILTERS, &["visibility"]])?;
    let query = FindQuery { limit: 1, facets: true, ..question(&parameters)? };
    let page = app.registry.find(&app.actor(), query).await?;
    json(&page.facets.document())
}

fn question(parameters: &Parameters) -> Result<FindQuery, Failure> {
    let Filters { kind, tag, skill, org } = Filters::read(parameters)?;
    let audience = audience(&visibilities(parameters)?, &org)?;
    Ok(FindQuery {
        text: parameters.one("q")?.unwrap_or_default().to_owned(),
        kinds: kind,
        tags: tag,
        skills: skill,
        orgs: org,
        audience,
        ..FindQuery::default()
    })
}

/// Whose packages are searched; the registry looks whether they are the caller's.
fn audience(visibilities: &[Visibility], orgs: &[String]) -> Result<Audience, Failure> {
    if visibilities.contains(&Visibility::Unlisted) {
        let hint = "list them: /api/v1/artifacts?org=NAME&visibility=unlisted";
        return Err(bad_request("unlisted packages are in no search", hint));
    }
    if !visibilities.contains(&Visibility::Private) {
        return Ok(Audience::Everybody);
    }
    if orgs.is_empty() {
        return Err(bad_request("private packages are searched in organisations", "say in which: &org=NAME"));
    }
    let orgs = orgs.iter().map(|org| org.to_lowercase()).collect();
    Ok(match visibilities.contains(&Visibility::Public) {
        true => Audience::Members(orgs),
        false => Audience::OnlyMembers(orgs),
    })
}
