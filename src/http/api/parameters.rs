//! The query of a request: every parameter is one that the path takes, given as often as it may be, and has a value that it
//! can have; anything else is 400 and says what is allowed.

use std::fmt::Display;
use std::str::FromStr;

use axum::extract::Query;
use http::Uri;
use utoipa::IntoParams;

use super::answer::bad_request;
use crate::domain::api::values;
use crate::domain::{Kind, State};
use crate::http::error::Failure;

/// What [`Filters`] is read from.
pub(super) const FILTERS: &[&str] = &["kind", "tag", "skill", "org"];

/// Longest value that is repeated in an error, in characters.
const SHOWN: usize = 100;

/// The parameters of one request.
pub(super) struct Parameters(Vec<(String, String)>);

impl Parameters {
    /// Reads the query of a request to a path that takes the parameters named in `known`.
    pub fn read(uri: &Uri, known: &[&[&str]]) -> Result<Self, Failure> {
        let pairs: Vec<(String, String)> = Query::try_from_uri(uri)
            .map(|query| query.0)
            .map_err(|error| bad_request(format!("the query cannot be read: {error}"), "write it as name=value&…"))?;
        let known: Vec<&str> = known.concat();
        if let Some((name, _)) = pairs.iter().find(|(name, _)| !known.contains(&name.as_str())) {
            let message = format!("there is no parameter {:?} here", shown(name));
            let hint = match known.as_slice() {
                [] => "this path takes no parameters".to_owned(),
                known => format!("this path takes {}", known.join(", ")),
            };
            return Err(bad_request(message, hint));
        }
        Ok(Self(pairs))
    }

    /// The value of a parameter that may be given once.
    pub fn one(&self, name: &str) -> Result<Option<&str>, Failure> {
        let mut values = self.all(name);
        let first = values.next();
        if values.next().is_some() {
            return Err(bad_request(
                format!("the parameter {name} is given more than once"),
                format!("give one {name}"),
            ));
        }
        Ok(first)
    }

    /// The values of a parameter that may be given several times, or hold several values with commas between them.
    /// `\,` is a comma within a value. Empty values are passed over.
    pub fn many(&self, name: &str) -> Vec<String> {
        self.all(name).flat_map(values).collect()
    }

    /// A value of a type of its own.
    pub fn parsed<T: FromStr<Err: Display>>(&self, name: &str, hint: &str) -> Result<Option<T>, Failure> {
        self.one(name)?.map(|text| parse(name, text, hint)).transpose()
    }

    /// One of some words; the first stands for an absent or empty one.
    pub fn choice<T: Copy>(&self, name: &str, choices: &[(&str, T)]) -> Result<Option<T>, Failure> {
        let Some(text) = self.one(name)?.filter(|text| !text.is_empty()) else { return Ok(None) };
        let chosen = choices.iter().find(|(word, _)| *word == text).map(|(_, value)| *value);
        chosen.map(Some).ok_or_else(|| {
            let words: Vec<&str> = choices.iter().map(|(word, _)| *word).collect();
            bad_request(
                format!("{name}={:?} is not known", shown(text)),
                format!("{name} is one of {}", words.join(", ")),
            )
        })
    }

    /// How many rows a page has: 1 to `max`.
    pub fn limit(&self, default: usize, max: usize) -> Result<usize, Failure> {
        let Some(text) = self.one("limit")? else { return Ok(default) };
        let limit = text.parse().ok().filter(|limit| (1..=max).contains(limit));
        limit.ok_or_else(|| {
            bad_request(
                format!("limit={:?} is not possible", shown(text)),
                format!("limit is a number from 1 to {max}"),
            )
        })
    }

    /// The cursor, unless it is empty.
    pub fn cursor(&self) -> Result<Option<&str>, Failure> {
        Ok(self.one("cursor")?.filter(|cursor| !cursor.is_empty()))
    }

    /// What the page before ended with, where a cursor is that very value.
    pub fn after<T: FromStr<Err: Display>>(&self) -> Result<Option<T>, Failure> {
        let hint = "give back `next` of the page before, as it was";
        self.cursor()?.map(|cursor| parse("cursor", cursor, hint)).transpose()
    }

    fn all<'a, 'n>(&'a self, name: &'n str) -> impl Iterator<Item = &'a str> + use<'a, 'n> {
        self.0.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// Which packages: filters that lists, searches and facets share, but for `org`, which each describes. A parameter may be given several times, or hold several
/// values with commas between them; `\,` is a comma within a value.
#[derive(Debug, Default, PartialEq, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Filters {
    /// Any of these kinds.
    #[param(required = false, style = Form, explode)]
    pub kind: Vec<Kind>,
    /// All of these tags.
    #[param(required = false, style = Form, explode)]
    pub tag: Vec<String>,
    /// All of these skills.
    #[param(required = false, style = Form, explode)]
    pub skill: Vec<String>,
    /// Of these organisations; lists take one, searches any.
    #[param(ignore)]
    pub org: Vec<String>,
}

impl Filters {
    pub fn read(parameters: &Parameters) -> Result<Self, Failure> {
        let kinds = parameters.many("kind");
        let kind: Result<_, _> = kinds.iter().map(|text| parse("kind", text, &kind_hint())).collect();
        Ok(Self {
            kind: kind?,
            tag: parameters.many("tag"),
            skill: parameters.many("skill"),
            org: parameters.many("org"),
        })
    }
}

/// The states that are asked for.
pub(super) fn states(parameters: &Parameters) -> Result<Vec<State>, Failure> {
    let hint = "state is one or more of published, deprecated, yanked and deleted, with commas between them";
    let state = |text: &String| match text.as_str() {
        "draft" => Err(bad_request("drafts are in no list of versions", "list them by /api/v1/drafts?org=NAME")),
        text => parse("state", text, hint),
    };
    parameters.many("state").iter().map(state).collect()
}

fn kind_hint() -> String {
    let kinds: Vec<&str> = Kind::ALL.iter().map(|kind| kind.as_str()).collect();
    format!("kind is one or more of {}, with commas between them", kinds.join(", "))
}

fn parse<T: FromStr<Err: Display>>(name: &str, text: &str, hint: &str) -> Result<T, Failure> {
    text.parse().map_err(|error| bad_request(format!("the parameter {name} cannot be used: {error}"), hint))
}

fn shown(text: &str) -> String {
    text.chars().take(SHOWN).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(query: &str) -> Result<Parameters, Failure> {
        Parameters::read(&format!("/x?{query}").parse().unwrap(), &[FILTERS, &["limit"]])
    }

    #[test]
    fn values_come_repeated_or_with_commas() {
        let filters = Filters::read(&read("kind=skill,team&tag=a%20b&tag=c,,d&skill=x%5C,y&org=").unwrap()).unwrap();
        let expected = Filters {
            kind: vec![Kind::Skill, Kind::Team],
            tag: vec!["a b".into(), "c".into(), "d".into()],
            skill: vec!["x,y".into()],
            org: Vec::new(),
        };
        assert_eq!(filters, expected);
    }

    #[test]
    fn what_is_wrong_is_named_with_what_is_right() {
        let check = |found: Result<(), Failure>, message: &str, hint: &str| {
            let failure = found.unwrap_err();
            assert_eq!(failure.status, 400);
            assert!(failure.message.contains(message), "{}", failure.message);
            assert!(failure.hint.as_deref().unwrap_or_default().contains(hint), "{:?}", failure.hint);
        };
        check(read("colour=red").map(drop), "\"colour\"", "kind, tag, skill, org, limit");
        check(Filters::read(&read("kind=animal").unwrap()).map(drop), "\"animal\"", "persona, team");
        for limit in ["0", "101", "-1", "many", ""] {
            check(read(&format!("limit={limit}")).unwrap().limit(5, 100).map(drop), "limit=", "from 1 to 100");
        }
        check(read("limit=1&limit=2").unwrap().limit(5, 100).map(drop), "more than once", "one limit");
        let words = [("name", 1), ("updated", 2)];
        check(read("tag=up").unwrap().choice("tag", &words).map(drop), "\"up\"", "name, updated");
    }
}
