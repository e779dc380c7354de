//! Accounts, under a lock of their own: no change of the catalogue depends on them.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use crate::domain::{Digest, OrgName, Role, Timestamp, TokenName, TokenOwner, UserName};

use super::super::{Accounts, Login, MetaError, TokenAdded, TokenRow, UserRow};
use super::Memory;

/// The rows.
#[derive(Default)]
pub(super) struct Rows {
    pub(super) users: BTreeMap<UserName, UserRow>,
    tokens: BTreeMap<(TokenOwner, TokenName), TokenRow>,
}

/// All accounts of a store.
pub(super) type Table = Mutex<Rows>;

impl Memory {
    /// Users with a role in an organisation, by name.
    pub(super) fn with_role(&self, org: &OrgName) -> Vec<(UserName, Role)> {
        let rows = self.accounts();
        let role = |user: &UserRow| Some((user.name.clone(), *user.roles.get(org)?));
        rows.users.values().filter_map(role).collect()
    }

    /// Each change below is one statement that cannot fail halfway, so a panic elsewhere leaves the rows whole.
    pub(super) fn accounts(&self) -> MutexGuard<'_, Rows> {
        self.accounts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Accounts for Memory {
    async fn add_user(&self, name: &UserName, now: Timestamp) -> Result<bool, MetaError> {
        let mut rows = self.accounts();
        if rows.users.contains_key(name) {
            return Ok(false);
        }
        rows.users.insert(name.clone(), UserRow { name: name.clone(), created: now, roles: BTreeMap::new() });
        Ok(true)
    }

    async fn remove_user(&self, name: &UserName) -> Result<bool, MetaError> {
        let mut rows = self.accounts();
        self.change_social().forget(name);
        let owner = TokenOwner::User(name.clone());
        rows.tokens.retain(|(of, _), _| *of != owner);
        Ok(rows.users.remove(name).is_some())
    }

    async fn users(&self, after: Option<&UserName>, limit: usize) -> Result<Vec<UserRow>, MetaError> {
        let rows = self.accounts();
        let users = rows.users.values().filter(|user| after.is_none_or(|after| user.name > *after));
        Ok(users.take(limit).cloned().collect())
    }

    async fn set_role(&self, org: &OrgName, user: &UserName, role: Option<Role>) -> Result<bool, MetaError> {
        let mut rows = self.accounts();
        let Some(user) = rows.users.get_mut(user) else { return Ok(false) };
        match role {
            Some(role) => drop(user.roles.insert(org.clone(), role)),
            None => drop(user.roles.remove(org)),
        }
        Ok(true)
    }

    async fn add_token(&self, token: &TokenRow) -> Result<TokenAdded, MetaError> {
        let mut rows = self.accounts();
        if let TokenOwner::User(name) = &token.owner
            && !rows.users.contains_key(name)
        {
            return Ok(TokenAdded::NoUser);
        }
        let key = (token.owner.clone(), token.name.clone());
        if rows.tokens.contains_key(&key) {
            return Ok(TokenAdded::NameTaken);
        }
        rows.tokens.insert(key, token.clone());
        Ok(TokenAdded::Yes)
    }

    async fn tokens(&self, owner: Option<&TokenOwner>) -> Result<Vec<TokenRow>, MetaError> {
        let rows = self.accounts();
        let mut tokens: Vec<TokenRow> =
            rows.tokens.values().filter(|token| owner.is_none_or(|owner| token.owner == *owner)).cloned().collect();
        tokens.sort_by(|one, other| (one.owner.as_str(), &one.name).cmp(&(other.owner.as_str(), &other.name)));
        Ok(tokens)
    }

    async fn revoke_token(&self, owner: &TokenOwner, name: &TokenName) -> Result<bool, MetaError> {
        Ok(self.accounts().tokens.remove(&(owner.clone(), name.clone())).is_some())
    }

    async fn login(&self, hash: &Digest, now: Timestamp) -> Result<Option<Login>, MetaError> {
        let mut rows = self.accounts();
        let Some(token) = rows.tokens.values_mut().find(|token| token.hash == *hash) else { return Ok(None) };
        if token.is_expired(now) {
            return Ok(None);
        }
        if token.is_noted(now) {
            token.used = Some(now);
        }
        let (owner, expires) = (token.owner.clone(), token.expires);
        let roles = match &owner {
            TokenOwner::Operator => BTreeMap::new(),
            TokenOwner::User(name) => rows.users.get(name).map(|user| user.roles.clone()).unwrap_or_default(),
        };
        Ok(Some(Login { owner, roles, expires }))
    }
}
