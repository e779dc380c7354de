//! Accounts: users, roles, tokens.

use reqwest::Method;

use super::answer::read_body;
use super::catalogue::{DOCUMENT_MAX, NOTHING};
use super::error::ClientError;
use super::transport::Client;
use crate::domain::api::{IssuedToken, List, NewToken, RoleRequest, TokenDocument, UserDocument, Whoami};
use crate::domain::{OrgName, Role, TokenName, TokenOwner, UserName};

impl Client {
    /// Whom the registry takes the caller for.
    pub async fn whoami(&self) -> Result<Whoami, ClientError> {
        self.document("the account", "/api/v1/user", &()).await
    }

    /// All users, all pages together.
    pub async fn users(&self) -> Result<Vec<UserDocument>, ClientError> {
        let (mut users, mut cursor) = (Vec::new(), String::new());
        loop {
            let page: List<UserDocument> = self.document("the users", "/api/v1/users", &[("cursor", &cursor)]).await?;
            users.extend(page.items);
            match page.next {
                Some(next) if next > cursor => cursor = next,
                Some(_) => return Err(self.not_understood("the users", "its pages do not end")),
                None => return Ok(users),
            }
        }
    }

    /// Adds a user; one that is there stays as it is.
    pub async fn add_user(&self, name: &UserName) -> Result<(), ClientError> {
        self.ask(Method::PUT, &format!("/api/v1/users/{name}"), name.as_str(), NOTHING).await
    }

    /// Removes a user with all roles and tokens.
    pub async fn remove_user(&self, name: &UserName) -> Result<(), ClientError> {
        self.ask(Method::DELETE, &format!("/api/v1/users/{name}"), name.as_str(), NOTHING).await
    }

    /// The tokens of an owner, without their secrets.
    pub async fn tokens(&self, owner: &TokenOwner) -> Result<List<TokenDocument>, ClientError> {
        self.document(&format!("the tokens of {owner}"), &format!("/api/v1/users/{owner}/tokens"), &()).await
    }

    /// Makes a token. Asked once: a second time would find the name taken, with a secret that nobody has.
    pub async fn add_token(&self, owner: &TokenOwner, new: &NewToken) -> Result<IssuedToken, ClientError> {
        let what = format!("a token of {owner}");
        let request = self.request(Method::POST, &format!("/api/v1/users/{owner}/tokens")).json(new);
        let response = self.send(request, &what).await?;
        let bytes = read_body(self, response, &what, DOCUMENT_MAX, self.timeouts.idle).await?;
        serde_json::from_slice(&bytes).map_err(|error| self.not_understood(&what, error))
    }

    /// Revokes a token.
    pub async fn revoke_token(&self, owner: &TokenOwner, name: &TokenName) -> Result<(), ClientError> {
        let path = format!("/api/v1/users/{owner}/tokens/{name}");
        self.ask(Method::DELETE, &path, &format!("the token {name} of {owner}"), NOTHING).await
    }

    /// Gives a user a role in an organisation, or with `None` takes it away.
    pub async fn set_role(&self, org: &OrgName, user: &UserName, role: Option<Role>) -> Result<(), ClientError> {
        let (path, what) = (format!("/api/v1/orgs/{org}/members/{user}"), format!("the role of {user} in {org}"));
        match role {
            Some(role) => self.ask(Method::PUT, &path, &what, Some(&RoleRequest { role })).await,
            None => self.ask(Method::DELETE, &path, &what, NOTHING).await,
        }
    }
}
