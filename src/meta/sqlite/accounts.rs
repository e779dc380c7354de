//! Users, roles, tokens.

use std::collections::BTreeMap;

use async_trait::async_trait;
use rusqlite::{Row, params};

use crate::domain::{Digest, OrgName, Role, Timestamp, TokenName, TokenOwner, UserName};

use super::super::{Accounts, Login, MetaError, TokenAdded, TokenRow, UserRow};
use super::Sqlite;
use super::sql::{Sql, get, parse, signed};
use super::writer::{Durable, End};

const TOKEN: &str = "owner, name, hash, created, used, expires";

#[async_trait]
impl Accounts for Sqlite {
    async fn add_user(&self, name: &UserName, now: Timestamp) -> Result<bool, MetaError> {
        let name = name.to_string();
        self.change(move |sql| {
            let added = "INSERT INTO users (name, created) VALUES (?1, ?2) ON CONFLICT DO NOTHING";
            Ok(sql.run(added, params![name, now.micros()])? > 0)
        })
        .await
    }

    async fn remove_user(&self, name: &UserName) -> Result<bool, MetaError> {
        let name = name.to_string();
        self.change(move |sql| {
            let starred =
                "UPDATE packages SET stars = stars - 1 WHERE name IN (SELECT name FROM stars WHERE user = ?1)";
            sql.run(starred, [&name])?;
            sql.run("DELETE FROM stars WHERE user = ?1", [&name])?;
            sql.run("DELETE FROM tokens WHERE owner = ?1", [&name])?;
            sql.run("DELETE FROM roles WHERE user = ?1", [&name])?;
            Ok(sql.run("DELETE FROM users WHERE name = ?1", [&name])? > 0)
        })
        .await
    }

    async fn users(&self, after: Option<&UserName>, limit: usize) -> Result<Vec<UserRow>, MetaError> {
        let after = after.map(ToString::to_string).unwrap_or_default();
        self.pool
            .read(move |sql| {
                let page = "SELECT name, created FROM users WHERE name > ?1 ORDER BY name LIMIT ?2";
                let users = sql.rows(page, params![after, signed(limit as u64)], |row| {
                    Ok((parse::<UserName>(row, 0)?, Timestamp::from_micros(get(row, 1)?)))
                })?;
                let with_roles = users.into_iter().map(|(name, created)| {
                    let roles = sql.roles(name.as_str())?;
                    Ok(UserRow { name, created, roles })
                });
                with_roles.collect()
            })
            .await
    }

    async fn set_role(&self, org: &OrgName, user: &UserName, role: Option<Role>) -> Result<bool, MetaError> {
        let (org, user) = (org.to_string(), user.to_string());
        self.change(move |sql| {
            if !sql.is_user(&user)? {
                return Ok(false);
            }
            match role {
                Some(role) => {
                    let set = "INSERT INTO roles (user, org, role) VALUES (?1, ?2, ?3)
                               ON CONFLICT DO UPDATE SET role = excluded.role";
                    sql.run(set, params![user, org, role.as_str()])?;
                }
                None => drop(sql.run("DELETE FROM roles WHERE user = ?1 AND org = ?2", [&user, &org])?),
            }
            Ok(true)
        })
        .await
    }

    async fn add_token(&self, token: &TokenRow) -> Result<TokenAdded, MetaError> {
        let token = token.clone();
        self.change(move |sql| {
            if matches!(token.owner, TokenOwner::User(_)) && !sql.is_user(token.owner.as_str())? {
                return Ok(TokenAdded::NoUser);
            }
            let added = format!(
                "INSERT INTO tokens ({TOKEN}) VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (owner, name) DO NOTHING"
            );
            let micros = |time: Option<Timestamp>| time.map(Timestamp::micros);
            let row = params![
                token.owner.as_str(),
                token.name.as_str(),
                token.hash.to_string(),
                token.created.micros(),
                micros(token.used),
                micros(token.expires)
            ];
            Ok(if sql.run(&added, row)? > 0 { TokenAdded::Yes } else { TokenAdded::NameTaken })
        })
        .await
    }

    async fn tokens(&self, owner: Option<&TokenOwner>) -> Result<Vec<TokenRow>, MetaError> {
        let owner = owner.map(ToString::to_string);
        let sql = format!("SELECT {TOKEN} FROM tokens WHERE ?1 IS NULL OR owner = ?1 ORDER BY owner, name");
        self.pool.read(move |reader| reader.rows(&sql, params![owner], token)).await
    }

    async fn revoke_token(&self, owner: &TokenOwner, name: &TokenName) -> Result<bool, MetaError> {
        let key = [owner.to_string(), name.to_string()];
        self.change(move |sql| Ok(sql.run("DELETE FROM tokens WHERE owner = ?1 AND name = ?2", key)? > 0)).await
    }

    async fn login(&self, hash: &Digest, now: Timestamp) -> Result<Option<Login>, MetaError> {
        let hash = hash.to_string();
        let by_hash = format!("SELECT {TOKEN} FROM tokens WHERE hash = ?1");
        let key = hash.clone();
        let found = self
            .pool
            .read(move |sql| {
                let Some(token) = sql.row(&by_hash, [&key], token)?.filter(|token| !token.is_expired(now)) else {
                    return Ok(None);
                };
                let roles = sql.roles(token.owner.as_str())?;
                Ok(Some((token, roles)))
            })
            .await?;
        let Some((token, roles)) = found else { return Ok(None) };
        if token.is_noted(now) {
            let note = "UPDATE tokens SET used = ?2 WHERE hash = ?1";
            let noted = self.pool.write(Durable::WithNext, move |sql| {
                sql.run(note, params![hash, now.micros()])?;
                Ok(((), End::Commit))
            });
            if let Err(error) = noted.await {
                tracing::warn!(error = %error, "the use of a token is not noted");
            }
        }
        Ok(Some(Login { owner: token.owner, roles, expires: token.expires }))
    }
}

impl Sqlite {
    pub(super) async fn change<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Sql<'_>) -> Result<T, MetaError> + Send + 'static,
    ) -> Result<T, MetaError> {
        self.pool.write(Durable::Now, move |sql| Ok((work(sql)?, End::Commit))).await
    }
}

impl Sql<'_> {
    pub(super) fn is_user(&self, name: &str) -> Result<bool, MetaError> {
        Ok(self.row("SELECT 1 FROM users WHERE name = ?1", [name], |_| Ok(()))?.is_some())
    }

    fn roles(&self, user: &str) -> Result<BTreeMap<OrgName, Role>, MetaError> {
        let roles = "SELECT org, role FROM roles WHERE user = ?1";
        Ok(self.rows(roles, [user], |row| Ok((parse(row, 0)?, parse(row, 1)?)))?.into_iter().collect())
    }
}

fn token(row: &Row<'_>) -> Result<TokenRow, MetaError> {
    let time = |column| Ok::<_, MetaError>(get::<Option<i64>>(row, column)?.map(Timestamp::from_micros));
    Ok(TokenRow {
        owner: parse(row, 0)?,
        name: parse(row, 1)?,
        hash: parse(row, 2)?,
        created: Timestamp::from_micros(get(row, 3)?),
        used: time(4)?,
        expires: time(5)?,
    })
}
