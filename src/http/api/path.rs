//! What the path of a request names: a package, or a version or tag of one.

use axum::extract::{FromRequestParts, RawPathParams};
use http::request::Parts;
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{ObjectBuilder, SchemaFormat, SchemaType, Type};
use utoipa::openapi::{Ref, RefOr, Required, Schema};
use utoipa::{IntoParams, PartialSchema};
use uuid::Uuid;

use super::answer::{Refusal, bad_request};
use crate::domain::{Name, OrgName, Tag, Version};
use crate::http::error::{Code, Failure};

/// `{org}/{slug}`
pub(super) struct OfPackage(pub Name);

/// `{org}/{slug}/versions/{version}`
pub(super) struct OfVersion(pub Name, pub Version);

/// `{org}/{slug}/tags/{tag}`
pub(super) struct OfTag(pub Name, pub Tag);

/// `versions/{id}`
pub(super) struct OfId(pub Uuid);

impl<S: Send + Sync> FromRequestParts<S> for OfPackage {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let params = params(parts, state).await?;
        Ok(Self(name(&params)?))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for OfVersion {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let params = params(parts, state).await?;
        let version: Result<Version, _> = get(&params, "version").parse();
        let version = version.map_err(|error| {
            bad_request(
                error.to_string(),
                "give a whole version such as 1.0.0; for a range such as ^1 ask …/resolve?range=",
            )
        })?;
        Ok(Self(name(&params)?, version))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for OfTag {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let params = params(parts, state).await?;
        let tag: Result<Tag, _> = get(&params, "tag").parse();
        let tag = tag.map_err(|error| bad_request(error.to_string(), "give a tag such as stable"))?;
        Ok(Self(name(&params)?, tag))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for OfId {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let id = get(&params(parts, state).await?, "id").parse();
        let hint = "give back `id` of the version as it was";
        Ok(Self(id.map_err(|_| bad_request("the identity of the version is no UUID", hint))?))
    }
}

impl IntoParams for OfId {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        vec![segment("id", "Identity of the version", uuid())]
    }
}

impl IntoParams for OfPackage {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        vec![
            segment("org", "Organisation", Ref::from_schema_name("OrgName").into()),
            segment("slug", "Name within the organisation", slug()),
        ]
    }
}

impl IntoParams for OfVersion {
    fn into_params(of: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let mut segments = OfPackage::into_params(of);
        segments.push(segment(
            "version",
            "The version; build metadata does not matter",
            Ref::from_schema_name("Version").into(),
        ));
        segments
    }
}

impl IntoParams for OfTag {
    fn into_params(of: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let mut segments = OfPackage::into_params(of);
        segments.push(segment("tag", "The tag", Ref::from_schema_name("Tag").into()));
        segments
    }
}

/// A name within an organisation is written as that of one.
fn slug() -> RefOr<Schema> {
    OrgName::schema()
}

/// How the document describes an identity.
pub(super) fn uuid() -> RefOr<Schema> {
    let string = ObjectBuilder::new().schema_type(SchemaType::Type(Type::String));
    RefOr::T(string.format(Some(SchemaFormat::Custom("uuid".to_owned()))).build().into())
}

/// How the document describes one segment of a path.
pub(super) fn segment(name: &str, description: &str, schema: RefOr<Schema>) -> Parameter {
    let parameter = ParameterBuilder::new().name(name).parameter_in(ParameterIn::Path).required(Required::True);
    parameter.description(Some(description)).schema(Some(schema)).build()
}

pub(super) async fn params<S: Send + Sync>(parts: &mut Parts, state: &S) -> Result<RawPathParams, Refusal> {
    let params = RawPathParams::from_request_parts(parts, state).await;
    params
        .map_err(|error| Refusal(Failure::bad_request(Code::NameInvalid, format!("the path cannot be read: {error}"))))
}

fn name(params: &RawPathParams) -> Result<Name, Failure> {
    Ok(format!("{}/{}", get(params, "org"), get(params, "slug")).parse::<Name>()?)
}

pub(super) fn get<'a>(params: &'a RawPathParams, name: &str) -> &'a str {
    params.iter().find(|(key, _)| *key == name).map(|(_, value)| value).unwrap_or_default()
}
