//! Stars, trends and statistics.

use http::Uri;

use super::answer::{Answer, bad_request, json, nothing};
use super::parameters::{Filters, Parameters};
use super::path::OfPackage;
use crate::domain::api::{List, PackageStatistics, Problem, Star, Statistics, Trending};
use crate::domain::{Day, Kind, Name, Version, WINDOW_MAX};
use crate::http::Caller;
use crate::http::error::Failure;
use crate::registry::TRENDING_MAX;

/// Most rows of a page.
const LIMIT_MAX: usize = 1000;
/// Stars on a page if nothing is said.
const STARS: usize = 100;
/// Packages in a trend if nothing is said.
const TRENDING: usize = 20;
/// Days of a trend if nothing is said.
const WINDOW: u32 = 7;

/// Give a package a star
///
/// Needs an account. A star that is there keeps its time.
#[utoipa::path(
    put,
    path = "/api/v1/artifacts/{org}/{slug}/star",
    operation_id = "star",
    tag = "popularity",
    params(OfPackage),
    responses(
        (status = 204, description = "It has a star of the caller"),
        (status = "default", body = Problem, content_type = "application/problem+json", description = "An error"),
    ),
)]
pub(super) async fn star(app: Caller, OfPackage(name): OfPackage, uri: Uri) -> Answer {
    Parameters::read(&uri, &[])?;
    app.registry.star(&app.actor(), &name).await?;
    Ok(nothing())
}

/// Take a star away
///
/// Whether there was one, or such a package, is not said.
#[utoipa::path(
    delete,
    path = "/api/v1/artifacts/{org}/{slug}/star",
    operation_id = "unstar",
    tag = "popularity",
    params(OfPackage),
    responses(
        (status = 204, description = "It has no star of the caller"),
        (status = "default", body = Problem, content_type = "application/problem+json", description = "An error"),
    ),
)]
pub(super) async fn unstar(app: Caller, OfPackage(name): OfPackage, uri: Uri) -> Answer {
    Parameters::read(&uri, &[])?;
    app.registry.unstar(&app.actor(), &name).await?;
    Ok(nothing())
}

/// The caller's stars
///
/// By name. Packages that cannot be read any more are left out, so a page may have fewer rows than it could.
#[utoipa::path(
    get,
    path = "/api/v1/user/stars",
    operation_id = "listStars",
    tag = "popularity",
    params(
        ("limit" = Option<u16>, Query, minimum = 1, maximum = 1000, description = "Rows of a page, 100 if not given"),
        ("cursor" = Option<String>, Query, description = "`next` of the page before"),
    ),
    responses(
        (status = 200, body = List<Star>, description = "A page"),
        (status = "default", body = Problem, content_type = "application/problem+json", description = "An error"),
    ),
)]
pub(super) async fn stars(app: Caller, uri: Uri) -> Answer {
    let parameters = Parameters::read(&uri, &[&["limit", "cursor"]])?;
    let limit = parameters.limit(STARS, LIMIT_MAX)?;
    let after: Option<Name> = parameters.after()?;
    let (items, next) = app.registry.stars(&app.actor(), after.as_ref(), limit).await?;
    json(&List::<Star>::new(items, next.map(|next| next.to_string())))
}

/// What is downloaded and starred most these days
///
/// A download counts half when half the window has passed since, and a star as much as ten downloads.
#[utoipa::path(
    get,
    path = "/api/v1/trending",
    operation_id = "trending",
    tag = "popularity",
    params(
        ("window" = Option<String>, Query, pattern = "^([1-9]|[1-8][0-9]|90)d$", description = "Days that count, `1d` to `90d`; `7d` if not given"),
        ("kind" = Option<Vec<Kind>>, Query, style = Form, explode, description = "Any of these kinds"),
        ("limit" = Option<u16>, Query, minimum = 1, maximum = 100, description = "How many, 20 if not given"),
    ),
    responses(
        (status = 200, body = List<Trending>, description = "Highest score first"),
        (status = "default", body = Problem, content_type = "application/problem+json", description = "An error"),
    ),
)]
pub(super) async fn trending(app: Caller, uri: Uri) -> Answer {
    let parameters = Parameters::read(&uri, &[&["window", "kind", "limit"]])?;
    let window = parameters.one("window")?.map(days).transpose()?.unwrap_or(WINDOW);
    let Filters { kind, .. } = Filters::read(&parameters)?;
    let limit = parameters.limit(TRENDING, TRENDING_MAX)?;
    let found = app.registry.trending(&app.actor(), window, &kind, limit).await?;
    json(&List::<Trending>::new(found, None))
}

/// Statistics of a package
///
/// Its downloads ever, by version and by day, and its stars. A download is the manifest of a version that was sent, or a file of it from
/// `…/source`; it shows here some seconds later. Days are those of UTC.
#[utoipa::path(
    get,
    path = "/api/v1/artifacts/{org}/{slug}/statistics",
    operation_id = "getPackageStatistics",
    tag = "popularity",
    params(
        OfPackage,
        ("version" = Option<Version>, Query, description = "Days of this version alone"),
        ("from" = Option<Day>, Query, description = "First day; if not given, thirty days are told of"),
        ("to" = Option<Day>, Query, description = "Last day; today if not given"),
    ),
    responses(
        (status = 200, body = PackageStatistics, description = "The statistics"),
        (status = "default", body = Problem, content_type = "application/problem+json", description = "An error"),
    ),
)]
pub(super) async fn of_package(app: Caller, OfPackage(name): OfPackage, uri: Uri) -> Answer {
    let parameters = Parameters::read(&uri, &[&["version", "from", "to"]])?;
    let version: Option<Version> = parameters.parsed("version", "give a whole version such as 1.0.0")?;
    let day = |parameter: &str| parameters.parsed::<Day>(parameter, "days are written as 2026-01-31");
    let (from, to) = (day("from")?, day("to")?);
    let found: PackageStatistics =
        app.registry.package_statistics(&app.actor(), &name, version.as_ref(), from, to).await?;
    json(&found)
}

/// Statistics of the registry
///
/// What is public: packages, their kinds, organisations, versions, downloads and stars.
#[utoipa::path(
    get,
    path = "/api/v1/statistics",
    operation_id = "getStatistics",
    tag = "popularity",
    responses(
        (status = 200, body = Statistics, description = "The statistics"),
        (status = "default", body = Problem, content_type = "application/problem+json", description = "An error"),
    ),
)]
pub(super) async fn of_registry(app: Caller, uri: Uri) -> Answer {
    Parameters::read(&uri, &[])?;
    let found: Statistics = app.registry.statistics(&app.actor()).await?;
    json(&found)
}

/// Reads `7d`.
fn days(text: &str) -> Result<u32, Failure> {
    let days = text.strip_suffix('d').and_then(|days| days.parse().ok());
    days.filter(|days| (1..=WINDOW_MAX).contains(days)).ok_or_else(|| {
        let shown: String = text.chars().take(40).collect();
        bad_request(format!("window={shown:?} is not possible"), format!("write it as days, from 1d to {WINDOW_MAX}d"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_are_whole_days() {
        for (text, expected) in [("1d", Some(1)), ("7d", Some(7)), ("90d", Some(90))] {
            assert_eq!(days(text).ok(), expected);
        }
        for bad in ["", "d", "7", "0d", "91d", "-1d", "1.5d", "7 d", "week"] {
            assert_eq!(days(bad).unwrap_err().status, 400, "{bad:?}");
        }
    }
}
