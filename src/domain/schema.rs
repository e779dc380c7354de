//! How values that are written as text look in the OpenAPI document: a string each, with its grammar as far as a pattern can
//! say it. The types' own parsers are stricter.

use std::borrow::Cow;

use utoipa::openapi::schema::{ObjectBuilder, Schema, SchemaFormat, SchemaType, Type};
use utoipa::openapi::{KnownFormat, RefOr};
use utoipa::{PartialSchema, ToSchema};

use super::{
    ActorId, Day, Digest, Kind, Level, Name, OrgName, Range, Role, State, Tag, Timestamp, TokenName, TokenOwner,
    TreePath, UserName, Version, Visibility,
};

fn string() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(SchemaType::Type(Type::String))
}

fn one_of(values: &[&str]) -> ObjectBuilder {
    string().enum_values(Some(values.iter().map(|value| (*value).to_owned())))
}

/// Semantic Versioning 2.0.0: no leading zeros in numbers, which end at fifteen digits here: npm counts no further than 2^53.
const VERSION: &str = "^(0|[1-9][0-9]{0,14})\\.(0|[1-9][0-9]{0,14})\\.(0|[1-9][0-9]{0,14})\
    (-(0|[1-9][0-9]{0,14}|[0-9]*[A-Za-z-][0-9A-Za-z-]*)(\\.(0|[1-9][0-9]{0,14}|[0-9]*[A-Za-z-][0-9A-Za-z-]*))*)?\
    (\\+[0-9A-Za-z-]+(\\.[0-9A-Za-z-]+)*)?$";
/// Components without control characters and backslashes.
const TREE_PATH: &str =
    "^[^/\\\\\\u0000-\\u001f\\u007f-\\u009f]{1,255}(/[^/\\\\\\u0000-\\u001f\\u007f-\\u009f]{1,255})*$";

/// One `PartialSchema` and one `ToSchema` a type.
macro_rules! text_schemas {
    ($($type:ident: $description:literal, $build:expr, $example:literal;)*) => {$(
        impl PartialSchema for $type {
            fn schema() -> RefOr<Schema> {
                let build: ObjectBuilder = $build;
                RefOr::T(Schema::Object(build.description(Some($description)).examples([$example]).build()))
            }
        }

        impl ToSchema for $type {
            fn name() -> Cow<'static, str> {
                Cow::Borrowed(stringify!($type))
            }
        }
    )*};
}

text_schemas! {
    Name: "Name of a package: organisation and name, each of lower-case letters and digits, joined by `.`, `_`, `__` or any \
        number of `-`",
        string().max_length(Some(200)).pattern(Some("^[a-z0-9]+((\\.|_|__|-+)[a-z0-9]+)*/[a-z0-9]+((\\.|_|__|-+)[a-z0-9]+)*$")),
        "acme/hello";
    Version: "Semantic version, build metadata included",
        string().max_length(Some(128)).pattern(Some(VERSION)),
        "1.0.0-rc.1";
    Range: "Range of versions with npm's semantics", string(), "^1.2 || ~3.0.1";
    Digest: "Algorithm and hash of some bytes",
        string().pattern(Some("^(sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$")),
        "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    Timestamp: "RFC 3339, UTC, six decimals",
        string().format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime))), "2026-01-31T09:30:00.000000Z";
    Day: "A day in UTC",
        string().format(Some(SchemaFormat::KnownFormat(KnownFormat::Date))), "2026-01-31";
    TreePath: "Path of a file within an artifact: `/` between components of at most 255 bytes, none of them `.`, `..` or empty",
        string().min_length(Some(1)).max_length(Some(1024)).pattern(Some(TREE_PATH)), "references/style.md";
    Tag: "Tag of a repository",
        string().max_length(Some(128)).pattern(Some("^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$")), "1.0.0-rc.1";
    ActorId: "Who did something; `anonymous` and `operator` have no account",
        string().max_length(Some(128)).pattern(Some("^[A-Za-z0-9:_.-]+$")), "operator";
    Kind: "What an artifact is", one_of(&Kind::ALL.map(Kind::as_str)), "persona";
    Level: "How well a skill is mastered",
        one_of(&[Level::Beginner, Level::Intermediate, Level::Expert].map(Level::as_str)), "expert";
    UserName: "Name of a user: lower-case letters, digits and `-` between them",
        string().max_length(Some(39)).pattern(Some("^[a-z0-9]([a-z0-9-]*[a-z0-9])?$")), "ann";
    OrgName: "Name of an organisation: lower-case letters and digits, joined by `.`, `_`, `__` or any number of `-`",
        string().max_length(Some(198)).pattern(Some("^[a-z0-9]+((\\.|_|__|-+)[a-z0-9]+)*$")), "acme";
    TokenName: "What its owner calls a token",
        string().max_length(Some(64)).pattern(Some("^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$")), "laptop";
    TokenOwner: "Whose a token is: a user's name, or `operator`",
        string().max_length(Some(39)).pattern(Some("^[a-z0-9]([a-z0-9-]*[a-z0-9])?$")), "operator";
    Role: "What a user may do in an organisation: read what is private, publish too, manage too",
        one_of(&Role::ALL.map(Role::as_str)), "member";
    State: "How a version stands: one that is yanked may be deprecated as well",
        one_of(&State::ALL.map(State::as_str)), "published";
    Visibility: "Who sees a package",
        one_of(&[Visibility::Public, Visibility::Unlisted, Visibility::Private].map(Visibility::as_str)), "public";
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The one thing that a pattern and a parser can disagree on without anybody noticing: an example that is none.
    #[test]
    fn every_example_is_one() {
        fn check<T: ToSchema + std::str::FromStr>() {
            let schema = serde_json::to_value(T::schema()).unwrap();
            let example = schema["examples"][0].as_str().unwrap();
            assert!(example.parse::<T>().is_ok(), "{example:?} is no {}", T::name());
        }
        check::<Name>();
        check::<Version>();
        check::<Range>();
        check::<Digest>();
        check::<Timestamp>();
        check::<Day>();
        check::<TreePath>();
        check::<Kind>();
        check::<Level>();
        check::<Visibility>();
        check::<UserName>();
        check::<OrgName>();
        check::<TokenName>();
        check::<TokenOwner>();
        check::<Role>();
    }
}
