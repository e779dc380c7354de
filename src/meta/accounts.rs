//! Accounts: users with their roles, and tokens. No event tells of them, so no rebuild brings them back.

use std::collections::BTreeMap;

use async_trait::async_trait;

use super::MetaError;
use crate::domain::{Digest, OrgName, Role, Timestamp, TokenName, TokenOwner, UserName};

/// How much later a token must be used than it was last noted to be, to be noted again, in microseconds: an hour.
pub const USED_EVERY: i64 = 3_600_000_000;

/// Users, their roles, tokens. A token itself is never here, only its hash.
///
/// Each change is one transaction, and durable on return. Reads see every change that was made before they began.
#[async_trait]
pub trait Accounts: Send + Sync {
    /// Adds a user without roles. `false`, and nothing done, if there is one of that name.
    async fn add_user(&self, name: &UserName, now: Timestamp) -> Result<bool, MetaError>;

    /// Removes a user with all roles and tokens. `false` if there is none of that name.
    async fn remove_user(&self, name: &UserName) -> Result<bool, MetaError>;

    /// Users after `after` in the order of their names, at most `limit`.
    async fn users(&self, after: Option<&UserName>, limit: usize) -> Result<Vec<UserRow>, MetaError>;

    /// Gives a user a role in an organisation in place of the one before, or with `None` takes it away. `false`, and nothing
    /// done, if there is no such user. Whether there is such an organisation is not asked.
    async fn set_role(&self, org: &OrgName, user: &UserName, role: Option<Role>) -> Result<bool, MetaError>;

    /// Adds a token.
    async fn add_token(&self, token: &TokenRow) -> Result<TokenAdded, MetaError>;

    /// The tokens of one owner, or all, by owner and then by name; expired ones too.
    async fn tokens(&self, owner: Option<&TokenOwner>) -> Result<Vec<TokenRow>, MetaError>;

    /// Removes a token. `false` if there is none of that name.
    async fn revoke_token(&self, owner: &TokenOwner, name: &TokenName) -> Result<bool, MetaError>;

    /// Whose the token of this hash is, unless it has expired by now. Notes that it was used, if that was last noted
    /// [`USED_EVERY`] ago or never; whoever can read but not write logs in all the same.
    async fn login(&self, hash: &Digest, now: Timestamp) -> Result<Option<Login>, MetaError>;
}

/// A user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserRow {
    /// The name.
    pub name: UserName,
    /// When it was added.
    pub created: Timestamp,
    /// The role in each organisation that has given one.
    pub roles: BTreeMap<OrgName, Role>,
}

/// A token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenRow {
    /// Whose it is.
    pub owner: TokenOwner,
    /// What its owner calls it; one owner has one of a name.
    pub name: TokenName,
    /// SHA-256 of the secret.
    pub hash: Digest,
    /// When it was added.
    pub created: Timestamp,
    /// When it was last used, as last noted.
    pub used: Option<Timestamp>,
    /// From when on it is of no use.
    pub expires: Option<Timestamp>,
}

impl TokenRow {
    /// Whether it has expired by that time.
    pub fn is_expired(&self, now: Timestamp) -> bool {
        self.expires.is_some_and(|expires| expires <= now)
    }

    /// Whether its use at that time is to be noted.
    pub fn is_noted(&self, now: Timestamp) -> bool {
        self.used.is_none_or(|used| now.micros().saturating_sub(used.micros()) >= USED_EVERY)
    }
}

/// What came of adding a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenAdded {
    /// It can be used.
    Yes,
    /// Its owner has another one of that name. Nothing was done.
    NameTaken,
    /// There is no such user. Nothing was done.
    NoUser,
}

/// Whose a token is, with what a decision needs of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Login {
    /// Whose.
    pub owner: TokenOwner,
    /// The user's roles; none for the operator.
    pub roles: BTreeMap<OrgName, Role>,
    /// From when on the token is of no use.
    pub expires: Option<Timestamp>,
}
