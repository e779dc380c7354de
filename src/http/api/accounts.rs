//! Accounts: users, tokens, and who one is.

use axum::body::Body;
use axum::extract::Path;
use axum::response::Response;
use http::{HeaderMap, StatusCode, Uri};

use super::answer::{Answer, json, nothing};
use super::parameters::Parameters;
use super::received::read_json;
use crate::domain::api::{IssuedToken, List, NewToken, Problem, RoleRequest, TokenDocument, UserDocument, Whoami};
use crate::domain::{OrgName, TokenName, TokenOwner, UserName};
use crate::http::Caller;

/// Most users a page, and how many there are if nothing is said.
const LIMIT_MAX: usize = 1000;
/// Most bytes of a request's body.
const BODY_MAX: usize = 4 << 10;

/// Who asks
///
/// The account that the token of this request belongs to.
#[utoipa::path(
    get,
    path = "/api/v1/user",
    operation_id = "whoami",
    tag = "accounts",
    responses(
        (status = 200, body = Whoami, description = "Who asks"),
        (status = "default", body = Problem, content_type = "application/problem+json", description = "An error"),
    ),
)]
pub(super) async fn whoami(app: Caller, uri: Uri) -> Answer {
    Parameters::read(&uri, &[])?;
    let actor = app.actor();
    let roles = actor.user().map(|user| user.roles.clone()).unwrap_or_default();
    json(&Whoami { actor: actor.id(), roles })
}

/// Users
///
/// For the operator.
#[utoipa::path(
    get,
    path = "/api/v1/users",
    operation_id = "listUsers",
    tag = "accounts",
    params(
        ("limit" = Option<u16>, Query, minimum = 1, maximum = 1000, description = "Rows a page, 1000 if not given"),
        ("cursor" = Option<String>, Query, description = "`next` of the page before"),
    ),
    responses(
        (status = 200, body = List<UserDocument>, description = "By name"),
        (status = "default", body = Problem, content_type = "application/problem+json", description = "An error"),
    ),
)]
pub(super) async fn users(app: Caller, uri: Uri) -> Answer {
    let parameters = Parameters::read(&uri, &[&["limit", "cursor"]])?;
    let limit = parameters.limit(LIMIT_MAX, LIMIT_MAX)?;
    let after: Option<UserName> = parameters.after()?;
    let users = app.registry.accounts().users(&app.actor(), after.as_ref(), limit + 1).await?;
    json(&List::of(users, limit, |user| user.name.to_string()))
}

/// Add a user
///
/// For the operator. One that is there stays as it is.
#[utoipa::path(
    put,
    path = "/api/v1/users/{user}",
    operation_id = "addUser",
    tag = "accounts",
    params(("user" = UserName, Path, description = "The user")),
    responses(
        (status = 204, description = "There is such a user"),
        (status = "default", body = Problem, content_type = "application/problem+json", description = "An error"),
    ),
)]
pub(super) async fn add_user(app: Caller, Path(user): Path<String>, uri: Uri) -> Answer {
    Parameters::read(&uri, &[])?;
    app.registry.accounts().add_user(&app.actor(), &user.parse::<UserName>()?).await?;
    Ok(nothing())
}

/// Remove a user
///
/// For the operator. Roles and tokens go with the user; what was published stays.
#[utoipa::path(
    delete,
    path = "/api/v1/users/{user}",
    operation_id = "removeUser",
    tag = "accounts",
    params(("user" = UserName, Path, description = "The user")),
    responses(
        (status = 204, description = "There is no such user any more"),
        (status = "default", body = Problem, content_type = "application/problem+json", description = "An error"),
    ),
)]
pub(super) async fn remove_user(app: Caller, Path(user): Path<String>, uri: Uri) -> Answer {
    Parameters::read(&uri, &[])?;
    app.registry.accounts().remove_user(&app.actor(), &user.parse::<UserName>()?).await?;
    Ok(nothing())
}

/// Tokens of a user
///
/// For the user and the operator; those of `operator` for the operator. Secrets are not among what is kept.
#[utoipa::path(
    get,
    path = "/api/v1/users/{user}/tokens",
    operation_id = "listTokens",
    tag = "accounts",
    params(("user" = TokenOwner, Path, description = "Whose; `operator` for those of the operator")),
    responses(
        (status = 200, body = List<TokenDocument>, description = "By name"),
        (status = "default", body = Problem, content_type = "application/problem+json", description = "An error"),
    ),
)]
pub(super) async fn tokens(app: Caller, Path(owner): Path<String>, uri: Uri) -> Answer {
    Parameters::read(&uri, &[])?;
    let owner: TokenOwner = owner.parse()?;
    let tokens = app.registry.accounts().tokens(&app.actor(), Some(&owner)).await?;
    json(&List::new(tokens, None))
}

/// Make a token
///
/// The answer holds the secret; it is shown this once.
#[utoipa::path(
    post,
    path = "/api/v1/users/{user}/tokens",
    operation_id = "addToken",
    tag = "accounts",
    params(("user" = TokenOwner, Path, description = "Whose; `operator` for one of the operator")),
    request_body(content = NewToken, description = "What to call it, and when it ends"),
    responses(
        (status = 201, body = IssuedToken, description = "The token"),
        (status = "default", body = Problem, content_type = "application/problem+json", description = "An error"),
    ),
)]
pub(super) async fn add_token(
    app: Caller,
    Path(owner): Path<String>,
    uri: Uri,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    Parameters::read(&uri, &[])?;
    let owner: TokenOwner = owner.parse()?;
    let hint = r#"write {"name": "laptop"}, and "expires" if it is to end"#;
    let new: NewToken = read_json(&headers, body, BODY_MAX, hint).await?;
    let issued = app.registry.accounts().add_token(&app.actor(), &owner, new).await?;
    let mut response: Response = json(&issued)?;
    *response.status_mut() = StatusCode::CREATED;
    Ok(response)
}

/// Revoke a token
#[utoipa::path(
    delete,
    path = "/api/v1/users/{user}/tokens/{name}",
    operation_id = "revokeToken",
    tag = "accounts",
    params(
        ("user" = TokenOwner, Path, description = "Whose; `operator` for one of the operator"),
        ("name" = TokenName, Path, description = "What the token is called"),
    ),
    responses(
        (status = 204, description = "It is of no use any more"),
        (status = "default", body = Problem, content_type = "application/problem+json", description = "An error"),
    ),
)]
pub(super) async fn revoke_token(app: Caller, Path((owner, name)): Path<(String, String)>, uri: Uri) -> Answer {
    Parameters::read(&uri, &[])?;
    let (owner, name): (TokenOwner, TokenName) = (owner.parse()?, name.parse()?);
    app.registry.accounts().revoke_token(&app.actor(), &owner, &name).await?;
    Ok(nothing())
}

/// Give a role
///
/// For owners of the organisation and the operator. It takes the place of the role before.
#[utoipa::path(
    put,
    path = "/api/v1/orgs/{org}/members/{user}",
    operation_id = "setMember",
    tag = "accounts",
    params(
        ("org" = OrgName, Path, description = "The organisation"),
        ("user" = UserName, Path, description = "The user"),
    ),
    request_body(content = RoleRequest, description = "The role"),
    responses(
        (status = 204, description = "The user has the role"),
        (status = "default", body = Problem, content_type = "application/problem+json", description = "An error"),
    ),
)]
pub(super) async fn set_member(
    app: Caller,
    Path((org, user)): Path<(String, String)>,
    uri: Uri,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    Parameters::read(&uri, &[])?;
    let (org, user): (OrgName, UserName) = (org.parse()?, user.parse()?);
    let hint = r#"write {"role": "member"}; others are reader and owner"#;
    let RoleRequest { role } = read_json(&headers, body, BODY_MAX, hint).await?;
    app.registry.accounts().set_role(&app.actor(), &org, &user, Some(role)).await?;
    Ok(nothing())
}

/// Take a role away
///
/// For owners of the organisation and the operator; and anybody may leave.
#[utoipa::path(
    delete,
    path = "/api/v1/orgs/{org}/members/{user}",
    operation_id = "removeMember",
    tag = "accounts",
    params(
        ("org" = OrgName, Path, description = "The organisation"),
        ("user" = UserName, Path, description = "The user"),
    ),
    responses(
        (status = 204, description = "The user has no role"),
        (status = "default", body = Problem, content_type = "application/problem+json", description = "An error"),
    ),
)]
pub(super) async fn remove_member(app: Caller, Path((org, user)): Path<(String, String)>, uri: Uri) -> Answer {
    Parameters::read(&uri, &[])?;
    let (org, user): (OrgName, UserName) = (org.parse()?, user.parse()?);
    app.registry.accounts().set_role(&app.actor(), &org, &user, None).await?;
    Ok(nothing())
}
