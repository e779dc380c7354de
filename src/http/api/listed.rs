//! Which packages a list has: the parameters that only lists take, beside the [`Filters`] that they share with searches.

use utoipa::IntoParams;

use super::answer::bad_request;
use super::openapi::{FieldAsked, StateAsked};
use super::parameters::{Filters, Parameters, states};
use crate::domain::{State, Timestamp, Visibility};
use crate::http::error::Failure;
use crate::meta::{Between, Filter, Label};

/// Most labels that one list asks for: each is a lookup.
const LABELS_MAX: usize = 64;

/// What [`Listed`] is read from.
pub(super) const LISTED: &[&str] = &[
    "visibility",
    "state",
    "any_tag",
    "any_skill",
    "author",
    "license",
    "owner",
    "field",
    "created_since",
    "created_before",
    "updated_since",
    "updated_before",
    "downloads_min",
    "stars_min",
];

/// Filters of lists. Where several values are given, with commas or repeated, one of them is enough, but for `field`.
#[derive(Debug, Default, IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "the fields describe the parameters")]
pub(super) struct Listed {
    /// Packages that are seen so: `public` if nothing is said. Unlisted ones are for who may publish in the organisation that is asked
    /// for, private ones for who has a role in it.
    #[param(required = false, style = Form, explode)]
    visibility: Vec<Visibility>,
    /// Packages whose shown version stands so. One that shows a yanked version has no other that can be chosen; one whose versions
    /// are all deleted shows none, and is in the list of `/api/v1/orgs/{org}/deleted` alone.
    #[param(required = false, style = Form, explode, value_type = Vec<StateAsked>)]
    state: Vec<State>,
    /// Any of these tags.
    #[param(required = false, style = Form, explode)]
    any_tag: Vec<String>,
    /// Any of these skills.
    #[param(required = false, style = Form, explode)]
    any_skill: Vec<String>,
    /// Any of these authors, as written.
    #[param(required = false, style = Form, explode)]
    author: Vec<String>,
    /// Any of these licences, as written.
    #[param(required = false, style = Form, explode)]
    license: Vec<String>,
    /// Owned by any of these users.
    #[param(required = false, style = Form, explode)]
    owner: Vec<String>,
    /// A value in the metadata, as `path.to.it=value`, such as `governance.risk_classification=critical`. Given several times, all must
    /// be there.
    #[param(required = false, style = Form, explode, value_type = Vec<FieldAsked>)]
    field: Vec<String>,
    /// First version published at this time or later.
    #[param(required = false, value_type = Timestamp)]
    created_since: Option<Timestamp>,
    /// First version published before this time.
    #[param(required = false, value_type = Timestamp)]
    created_before: Option<Timestamp>,
    /// Changed at this time or later.
    #[param(required = false, value_type = Timestamp)]
    updated_since: Option<Timestamp>,
    /// Last changed before this time.
    #[param(required = false, value_type = Timestamp)]
    updated_before: Option<Timestamp>,
    /// Downloaded so often at least.
    #[param(required = false, value_type = u64)]
    downloads_min: Option<u64>,
    /// With so many stars at least.
    #[param(required = false, value_type = u64)]
    stars_min: Option<u64>,
}

/// The filter that the parameters ask for.
pub(super) fn filter(parameters: &Parameters) -> Result<Filter, Failure> {
    let Filters { kind, tag, skill, org } = Filters::read(parameters)?;
    let mut org = org.into_iter();
    let only = org.next();
    if org.next().is_some() {
        return Err(bad_request("the parameter org names more than one organisation", "list one at a time, or search"));
    }
    let mut labelled = Vec::new();
    for (name, label) in [
        ("any_tag", Label::Tag),
        ("any_skill", Label::Skill),
        ("author", Label::Author),
        ("license", Label::License),
        ("owner", Label::Owner),
    ] {
        let group: Vec<_> = parameters.many(name).into_iter().map(|text| (label, text)).collect();
        labelled.extend(Some(group).filter(|group| !group.is_empty()));
    }
    labelled.extend(Some(shown_states(parameters)?).filter(|group| !group.is_empty()));
    for field in parameters.many("field") {
        labelled.push(vec![(Label::Field, path_and_value(&field)?)]);
    }
    let labels = tag.len() + skill.len() + labelled.iter().map(Vec::len).sum::<usize>();
    if labels > LABELS_MAX {
        let message = format!("{labels} tags, skills, authors, licences, owners and fields are asked for");
        return Err(bad_request(message, format!("ask for at most {LABELS_MAX}")));
    }
    Ok(Filter {
        kinds: kind,
        tags: tag,
        skills: skill,
        org: only,
        visibilities: visibilities(parameters)?,
        labelled,
        created: between(parameters, "created_since", "created_before")?,
        updated: between(parameters, "updated_since", "updated_before")?,
        downloads_min: least(parameters, "downloads_min")?,
        stars_min: least(parameters, "stars_min")?,
    })
}

fn shown_states(parameters: &Parameters) -> Result<Vec<(Label, String)>, Failure> {
    let states = states(parameters)?;
    if states.contains(&State::Deleted) {
        let hint = "list those of an organisation: /api/v1/orgs/ORG/deleted; and the deleted versions of one package: \
            /api/v1/artifacts/ORG/NAME/versions?state=deleted";
        return Err(bad_request("a package whose versions are all deleted shows none that could be listed", hint));
    }
    Ok(states.into_iter().map(|state| (Label::State, state.as_str().to_owned())).collect())
}

pub(super) fn visibilities(parameters: &Parameters) -> Result<Vec<Visibility>, Failure> {
    let parse = |text: String| {
        text.parse().map_err(|error: String| bad_request(error, "visibility is public, unlisted or private"))
    };
    parameters.many("visibility").into_iter().map(parse).collect()
}

/// `metadata.` before a path may be left out, and there may be space round the sign.
fn path_and_value(field: &str) -> Result<String, Failure> {
    let hint = "write it as path=value, such as governance.risk_classification=critical";
    let (path, value) =
        field.split_once('=').ok_or_else(|| bad_request(format!("the field {field:?} has no value"), hint))?;
    let path = path.trim();
    let path = path.strip_prefix("metadata.").unwrap_or(path);
    if path.is_empty() {
        return Err(bad_request(format!("the field {field:?} has no path"), hint));
    }
    Ok(format!("{path}={}", value.trim()))
}

fn least(parameters: &Parameters, name: &str) -> Result<u64, Failure> {
    let hint = "write a whole number, such as 10";
    let number: u64 = parameters.parsed(name, hint)?.unwrap_or_default();
    // As far as any store counts.
    match number <= i64::MAX.unsigned_abs() {
        true => Ok(number),
        false => Err(bad_request(format!("{name} is more than can be counted"), hint)),
    }
}

fn between(parameters: &Parameters, since: &str, before: &str) -> Result<Between, Failure> {
    let hint = "times are written as 2026-01-31T09:30:00Z";
    Ok(Between { since: parameters.parsed(since, hint)?, before: parameters.parsed(before, hint)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(query: &str) -> Result<Filter, Failure> {
        let known: &[&[&str]] = &[super::super::parameters::FILTERS, LISTED];
        filter(&Parameters::read(&format!("/x?{query}").parse().unwrap(), known)?)
    }

    #[test]
    fn groups_are_any_and_fields_are_all() {
        let text = |label, text: &str| (label, text.to_owned());
        let found =
            read("any_tag=a,b&author=Ann&field=metadata.x.y%20=%20one&field=z=a=b&license=&state=yanked").unwrap();
        let expected = vec![
            vec![text(Label::Tag, "a"), text(Label::Tag, "b")],
            vec![text(Label::Author, "Ann")],
            vec![text(Label::State, "yanked")],
            vec![text(Label::Field, "x.y=one")],
            vec![text(Label::Field, "z=a=b")],
        ];
        assert_eq!(found.labelled, expected);
    }

    #[test]
    fn labels_have_a_limit() {
        let tags = |count: usize| format!("tag={}&any_tag=x", vec!["t"; count].join(","));
        assert!(read(&tags(LABELS_MAX - 1)).is_ok());
        assert_eq!(read(&tags(LABELS_MAX)).unwrap_err().status, 400);
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        for query in [
            "field=x",
            "field==y",
            "field=metadata.=y",
            "created_since=yesterday",
            "updated_before=2026",
            "org=a,b",
            "state=gone",
            "state=draft",
            "state=deleted",
            "stars_min=-1",
            "downloads_min=9223372036854775808",
        ] {
            let failure = read(query).unwrap_err();
            assert_eq!(failure.status, 400, "{query}");
            assert!(failure.hint.is_some(), "{query}");
        }
    }
}
