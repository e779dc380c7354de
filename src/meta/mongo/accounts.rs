//! Users, roles, tokens: one document an account, so that each change but a removal is one operation on one document. The operator's tokens
//! are in a document that no user's can be, as no user is called `operator`.

use std::collections::BTreeMap;

use async_trait::async_trait;
use mongodb::bson::{Bson, Document, doc, serialize_to_bson};

use crate::domain::{Digest, OrgName, Role, Timestamp, TokenName, TokenOwner, UserName};

use super::super::{Accounts, Login, MetaError, TokenAdded, TokenRow, UserRow};
use super::Mongo;
use super::keys::{pair, parse, parts};
use super::rows::{self, Row};
use super::session::End;
use super::social::{forget_stars, remove};

#[async_trait]
impl Accounts for Mongo {
    async fn add_user(&self, name: &UserName, now: Timestamp) -> Result<bool, MetaError> {
        self.add_account(name.as_str(), now).await
    }

    async fn remove_user(&self, name: &UserName) -> Result<bool, MetaError> {
        let name = name.to_string();
        self.beside(move |session| {
            let account = doc! { "_id": &name };
            let found: Vec<rows::Account> = session.find(rows::Account::COLLECTION, account.clone(), doc! {}, 1)?;
            if found.is_empty() {
                return Ok((false, End::RollBack));
            }
            forget_stars(session, &name)?;
            remove(session, rows::Account::COLLECTION, account)?;
            Ok((true, End::Commit))
        })
        .await
    }

    async fn users(&self, after: Option<&UserName>, limit: usize) -> Result<Vec<UserRow>, MetaError> {
        let after = after.map(UserName::as_str).unwrap_or_default();
        let page = doc! { "_id": { "$gt": after, "$ne": TokenOwner::Operator.as_str() } };
        let found: Vec<rows::Account> = self.page(page, doc! { "_id": 1 }, limit).await?;
        let user = |row: &rows::Account| {
            Ok(UserRow { name: parse(&row.id)?, created: Timestamp::from_micros(row.created), roles: roles(row)? })
        };
        found.iter().map(user).collect()
    }

    async fn set_role(&self, org: &OrgName, user: &UserName, role: Option<Role>) -> Result<bool, MetaError> {
        let of_org = doc! { "$eq": [{ "$arrayElemAt": [{ "$split": ["$$role", " "] }, 0i32] }, org.as_str()] };
        let others = doc! { "$filter": { "input": "$roles", "as": "role", "cond": { "$not": [of_org] } } };
        let set: Vec<String> = role.iter().map(|role| pair(org, role)).collect();
        let change = vec![doc! { "$set": { "roles": { "$concatArrays": [others, set] } } }];
        self.change_account(doc! { "_id": user.as_str() }, change).await
    }

    async fn add_token(&self, token: &TokenRow) -> Result<TokenAdded, MetaError> {
        let owner = token.owner.as_str();
        if token.owner == TokenOwner::Operator {
            self.add_account(owner, token.created).await?;
        }
        let row = rows::Token {
            name: token.name.to_string(),
            hash: token.hash.to_string(),
            created: token.created.micros(),
            used: token.used.map(Timestamp::micros),
            expires: token.expires.map(Timestamp::micros),
        };
        let row = serialize_to_bson(&row).map_err(|error| MetaError::Corrupt(error.to_string()))?;
        let free = doc! { "_id": owner, "tokens.name": { "$ne": token.name.as_str() } };
        if self.change_account(free, doc! { "$push": { "tokens": row } }).await? {
            return Ok(TokenAdded::Yes);
        }
        let accounts = self.connection.durable::<rows::Account>();
        let found = self.connection.run(accounts.find_one(doc! { "_id": owner })).await?;
        // An operation that the driver sent again, as after a broken connection, finds what it did itself.
        let is_ours = |account: &rows::Account| account.tokens.iter().any(|other| other.hash == token.hash.to_string());
        Ok(match found {
            Some(account) if is_ours(&account) => TokenAdded::Yes,
            Some(_) => TokenAdded::NameTaken,
            None => TokenAdded::NoUser,
        })
    }

    async fn tokens(&self, owner: Option<&TokenOwner>) -> Result<Vec<TokenRow>, MetaError> {
        let filter = owner.map(|owner| doc! { "_id": owner.as_str() }).unwrap_or_default();
        let found: Vec<rows::Account> = self.page(filter, doc! { "_id": 1 }, usize::MAX).await?;
        let mut tokens = Vec::new();
        for account in found {
            let mut own = account.tokens.iter().map(|row| token(&account, row)).collect::<Result<Vec<_>, _>>()?;
            own.sort_by(|one, other| one.name.cmp(&other.name));
            tokens.append(&mut own);
        }
        Ok(tokens)
    }

    async fn revoke_token(&self, owner: &TokenOwner, name: &TokenName) -> Result<bool, MetaError> {
        let named = doc! { "_id": owner.as_str(), "tokens.name": name.as_str() };
        self.change_account(named, doc! { "$pull": { "tokens": { "name": name.as_str() } } }).await
    }

    async fn login(&self, hash: &Digest, now: Timestamp) -> Result<Option<Login>, MetaError> {
        let hash = hash.to_string();
        let accounts = self.connection.durable::<rows::Account>();
        let found = self.connection.run(accounts.find_one(doc! { "tokens.hash": &hash })).await?;
        let Some(account) = found else { return Ok(None) };
        let Some(row) = account.tokens.iter().find(|row| row.hash == hash) else { return Ok(None) };
        let token = token(&account, row)?;
        if token.is_expired(now) {
            return Ok(None);
        }
        if token.is_noted(now) {
            // Read back it is with a majority, or it would be noted again by whoever asks next.
            let note = doc! { "$set": { "tokens.$.used": now.micros() } };
            if let Err(error) = self.connection.run(accounts.update_one(doc! { "tokens.hash": &hash }, note)).await {
                tracing::warn!(error = %error, "the use of a token is not noted");
            }
        }
        Ok(Some(Login { owner: token.owner, roles: roles(&account)?, expires: token.expires }))
    }
}

impl Mongo {
    /// `false` if it is there.
    async fn add_account(&self, id: &str, now: Timestamp) -> Result<bool, MetaError> {
        let accounts = self.connection.durable::<rows::Account>();
        let nothing = Vec::<Bson>::new();
        let new = doc! { "created": now.micros(), "roles": nothing.clone(), "tokens": nothing };
        let added = accounts.update_one(doc! { "_id": id }, doc! { "$setOnInsert": new }).upsert(true);
        Ok(self.connection.run(added).await?.upserted_id.is_some())
    }

    /// Whether an account was met.
    async fn change_account(
        &self,
        filter: Document,
        change: impl Into<mongodb::options::UpdateModifications>,
    ) -> Result<bool, MetaError> {
        let accounts = self.connection.durable::<rows::Account>();
        Ok(self.connection.run(accounts.update_one(filter, change)).await?.matched_count > 0)
    }
}

fn roles(account: &rows::Account) -> Result<BTreeMap<OrgName, Role>, MetaError> {
    account.roles.iter().map(|role| parts(role)).collect()
}

fn token(account: &rows::Account, row: &rows::Token) -> Result<TokenRow, MetaError> {
    Ok(TokenRow {
        owner: parse(&account.id)?,
        name: parse(&row.name)?,
        hash: parse(&row.hash)?,
        created: Timestamp::from_micros(row.created),
        used: row.used.map(Timestamp::from_micros),
        expires: row.expires.map(Timestamp::from_micros),
    })
}
