//! The OpenAPI document, made from the handlers and the documents that they answer with.

use utoipa::openapi::schema::{ObjectBuilder, Schema, SchemaFormat, SchemaType, Type};
use utoipa::openapi::{KnownFormat, OpenApi as Described, RefOr};
use utoipa::{Modify, OpenApi, PartialSchema, ToSchema};

use super::{
    accounts, changes, channels, collections, complete, drafts, find, import, labels, log, orgs, owners, packages,
    popularity, relations, removal, routes, source, versions, visibility,
};
use crate::domain::{Day, OrgName, Range, State, TokenName, TokenOwner, UserName};
use crate::http::ops;

// Bodies are named by their own types, `List<Package>`: through an alias the macros see a `List` of nothing.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "pcl-registry",
        description = "The catalogue of a registry for AI artifacts: what is published, by words, labels, versions and ranges. \
            Errors are `application/problem+json` (RFC 9457). The bytes themselves are served under `/v2/`, by the OCI distribution \
            specification 1.1.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    paths(
        packages::list,
        packages::get,
        packages::history,
        versions::list,
        versions::get,
        versions::by_id,
        versions::resolve,
        versions::compare,
        versions::resolution,
        source::get,
        changes::yank,
        changes::undo_yank,
        changes::deprecate,
        changes::undo_deprecate,
        changes::pin,
        changes::unpin,
        changes::restore,
        channels::list,
        channels::put,
        channels::delete,
        visibility::put,
        owners::get,
        owners::put,
        removal::delete,
        removal::purge,
        drafts::create,
        drafts::list,
        drafts::get,
        drafts::put,
        drafts::patch,
        drafts::revise,
        drafts::publish,
        drafts::delete,
        find::search,
        find::facets,
        complete::complete,
        relations::skills,
        relations::dependencies,
        relations::dependents,
        relations::related,
        labels::tags,
        labels::tag,
        labels::skills,
        labels::skill,
        collections::list,
        collections::get,
        collections::put,
        collections::delete,
        popularity::trending,
        popularity::star,
        popularity::unstar,
        popularity::stars,
        popularity::of_package,
        popularity::of_registry,
        import::import,
        accounts::whoami,
        accounts::users,
        accounts::add_user,
        accounts::remove_user,
        accounts::tokens,
        accounts::add_token,
        accounts::revoke_token,
        orgs::list,
        orgs::get,
        orgs::put,
        orgs::deleted,
        orgs::members,
        accounts::set_member,
        accounts::remove_member,
        log::get,
        ops::health,
        ops::ready,
        ops::metrics,
        routes::document,
    ),
    components(schemas(
        Day, Range, OrgName, State, TokenName, TokenOwner, UserName, FieldAsked, SkillAsked, StateAsked
    )),
    modifiers(&NeverNull),
    tags(
        (name = "artifacts", description = "Packages and their versions"),
        (name = "drafts", description = "Artifacts that are not published yet"),
        (name = "collections", description = "Ordered bundles of packages"),
        (name = "log", description = "The transparency log"),
        (name = "search", description = "Finding packages"),
        (name = "popularity", description = "Downloads, stars and trends"),
        (name = "import", description = "Many artifacts at once"),
        (name = "orgs", description = "Organisations"),
        (name = "accounts", description = "Users, roles and tokens"),
        (name = "operation", description = "For whoever runs the registry"),
    ),
)]
struct Document;

/// A parameter that is not given is not sent; text says nothing of null.
struct NeverNull;

impl Modify for NeverNull {
    fn modify(&self, document: &mut Described) {
        let items = document.paths.paths.values_mut();
        let operations = items.flat_map(|item| {
            [&mut item.get, &mut item.put, &mut item.post, &mut item.delete, &mut item.patch].into_iter().flatten()
        });
        for parameter in operations.flat_map(|operation| operation.parameters.iter_mut().flatten()) {
            if let RefOr::T(parameter) = parameter
                && let Some(RefOr::T(Schema::Object(schema))) = &mut parameter.schema
                && let SchemaType::Array(types) = &schema.schema_type
                && let [only, Type::Null] = types.as_slice()
            {
                schema.schema_type = SchemaType::Type(only.clone());
            }
        }
    }
}

/// Bytes, whatever they are.
pub(super) struct Octets;

impl PartialSchema for Octets {
    fn schema() -> RefOr<Schema> {
        let string = ObjectBuilder::new().schema_type(SchemaType::Type(Type::String));
        RefOr::T(string.format(Some(SchemaFormat::KnownFormat(KnownFormat::Binary))).build().into())
    }
}

impl ToSchema for Octets {}

/// A value in the metadata, as a list asks for it.
pub(super) struct FieldAsked;

impl PartialSchema for FieldAsked {
    fn schema() -> RefOr<Schema> {
        asked(
            "`path.to.it=value`; `\\,` is a comma within it",
            "^\\s*([^=,\\s][^=,]*=([^,\\\\]|\\\\.)*)?$",
            "governance.reviewed=true",
        )
    }
}

impl ToSchema for FieldAsked {}

/// A skill that is needed.
pub(super) struct SkillAsked;

impl PartialSchema for SkillAsked {
    fn schema() -> RefOr<Schema> {
        asked("A skill, with the least level behind a colon", "[^,\\s]", "code review:expert")
    }
}

impl ToSchema for SkillAsked {}

/// How the version stands that a package shows.
pub(super) struct StateAsked;

impl PartialSchema for StateAsked {
    fn schema() -> RefOr<Schema> {
        asked("How the shown version stands", "^(published|deprecated|yanked)$", "deprecated")
    }
}

impl ToSchema for StateAsked {}

fn asked(description: &str, pattern: &str, example: &str) -> RefOr<Schema> {
    let string = ObjectBuilder::new().schema_type(SchemaType::Type(Type::String));
    RefOr::T(string.description(Some(description)).pattern(Some(pattern)).examples([example]).build().into())
}

/// The OpenAPI document as indented JSON, the same on every call.
pub fn openapi() -> String {
    let mut text = Document::openapi().to_pretty_json().unwrap_or_default();
    text.push('\n');
    text
}
