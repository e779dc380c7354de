//! Users, roles, tokens.

use std::collections::BTreeMap;

use async_trait::async_trait;
use pcl_registry::domain::{Digest, OrgName, Role, Timestamp, TokenName, TokenOwner, UserName};
use pcl_registry::meta::{Accounts, Login, MetaError, TokenAdded, TokenRow, UserRow};

use super::journal::{Durable, Unit};
use super::rows::{self, Token, User};
use super::store::Foreign;

#[async_trait]
impl Accounts for Foreign {
    async fn add_user(&self, name: &UserName, now: Timestamp) -> Result<bool, MetaError> {
        self.write(Durable::Now, |unit| {
            let is_new = !unit.has(&rows::user(name));
            if is_new {
                unit.put(rows::user(name), &(now, BTreeMap::<OrgName, Role>::new()))?;
            }
            Ok(is_new)
        })
    }

    async fn remove_user(&self, name: &UserName) -> Result<bool, MetaError> {
        self.write(Durable::Now, |unit| {
            let was_there = unit.has(&rows::user(name));
            unit.remove(rows::user(name));
            let prefix = rows::token(&TokenOwner::User(name.clone()), "");
            let tokens: Vec<String> = unit.keys(&prefix, "").map(|token| format!("{prefix}{token}")).collect();
            tokens.into_iter().for_each(|token| unit.remove(token));
            let prefix = rows::star(name, "");
            let starred: Vec<String> = unit.keys(&prefix, "").map(str::to_owned).collect();
            starred.iter().try_for_each(|package| unit.take_star(name, package))?;
            Ok(was_there)
        })
    }

    async fn users(&self, after: Option<&UserName>, limit: usize) -> Result<Vec<UserRow>, MetaError> {
        self.read(|unit| {
            let users = unit.rows::<User>("user ", after.map(UserName::as_str).unwrap_or_default()).take(limit);
            let row = |found: Result<(&str, User), MetaError>| {
                let (name, (created, roles)) = found?;
                Ok(UserRow { name: rows::parse(name)?, created, roles })
            };
            users.map(row).collect()
        })
    }

    async fn set_role(&self, org: &OrgName, name: &UserName, role: Option<Role>) -> Result<bool, MetaError> {
        self.write(Durable::Now, |unit| {
            let Some((created, mut roles)) = unit.get::<User>(&rows::user(name))? else { return Ok(false) };
            match role {
                Some(role) => drop(roles.insert(org.clone(), role)),
                None => drop(roles.remove(org)),
            }
            unit.put(rows::user(name), &(created, roles))?;
            Ok(true)
        })
    }

    async fn add_token(&self, row: &TokenRow) -> Result<TokenAdded, MetaError> {
        self.write(Durable::Now, |unit| {
            if let TokenOwner::User(name) = &row.owner
                && !unit.has(&rows::user(name))
            {
                return Ok(TokenAdded::NoUser);
            }
            let key = rows::token(&row.owner, &row.name);
            if unit.has(&key) {
                return Ok(TokenAdded::NameTaken);
            }
            unit.put(key, &(row.hash, row.created, row.used, row.expires))?;
            Ok(TokenAdded::Yes)
        })
    }

    async fn tokens(&self, owner: Option<&TokenOwner>) -> Result<Vec<TokenRow>, MetaError> {
        let mut tokens = self.read(|unit| unit.tokens())?;
        tokens.retain(|token| owner.is_none_or(|owner| token.owner == *owner));
        Ok(tokens)
    }

    async fn revoke_token(&self, owner: &TokenOwner, name: &TokenName) -> Result<bool, MetaError> {
        self.write(Durable::Now, |unit| {
            let was_there = unit.has(&rows::token(owner, name));
            unit.remove(rows::token(owner, name));
            Ok(was_there)
        })
    }

    async fn login(&self, hash: &Digest, now: Timestamp) -> Result<Option<Login>, MetaError> {
        self.write(Durable::WithNext, |unit| {
            let found = unit.tokens()?.into_iter().find(|token| token.hash == *hash);
            let Some(row) = found.filter(|token| !token.is_expired(now)) else { return Ok(None) };
            if row.is_noted(now) {
                let token = (row.hash, row.created, Some(now), row.expires);
                unit.put(rows::token(&row.owner, &row.name), &token)?;
            }
            let roles = match &row.owner {
                TokenOwner::Operator => BTreeMap::new(),
                TokenOwner::User(name) => {
                    unit.get::<User>(&rows::user(name))?.map(|(_, roles)| roles).unwrap_or_default()
                }
            };
            Ok(Some(Login { owner: row.owner, roles, expires: row.expires }))
        })
    }
}

impl Unit<'_> {
    fn tokens(&self) -> Result<Vec<TokenRow>, MetaError> {
        let row = |found: Result<(&str, Token), MetaError>| {
            let (key, (hash, created, used, expires)) = found?;
            let (owner, name) = key.split_once(' ').unwrap_or_default();
            Ok(TokenRow { owner: rows::parse(owner)?, name: rows::parse(name)?, hash, created, used, expires })
        };
        self.rows::<Token>("token ", "").map(row).collect()
    }
}
