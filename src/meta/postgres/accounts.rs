//! Users, roles, tokens. Each change but a removal is one statement, without the counter's lock; what depends on a user locks the
//! user's row against removal, and goes with it.

use std::collections::BTreeMap;

use async_trait::async_trait;
use sqlx::AssertSqlSafe;
use sqlx::postgres::PgRow;

use crate::domain::{Digest, OrgName, Role, Timestamp, TokenName, TokenOwner, UserName};

use super::super::column::{parse_text, signed};
use super::super::{Accounts, Login, MetaError, TokenAdded, TokenRow, UserRow};
use super::Postgres;
use super::sql::{get, parse, query};
use super::transaction::End;

const TOKEN: &str = "owner, name, hash, created, used, expires";

#[async_trait]
impl Accounts for Postgres {
    async fn add_user(&self, name: &UserName, now: Timestamp) -> Result<bool, MetaError> {
        let sql = "INSERT INTO users (name, created) VALUES ($1, $2) ON CONFLICT DO NOTHING RETURNING name";
        self.is_done(|| query(sql).bind(name.to_string()).bind(now.micros())).await
    }

    async fn remove_user(&self, name: &UserName) -> Result<bool, MetaError> {
        // Roles, tokens and stars go along. Rows of packages are written under the counter alone.
        let starred =
            "UPDATE packages SET stars = stars - 1 WHERE name IN (SELECT name FROM stars WHERE \"user\" = $1)";
        let sql = "DELETE FROM users WHERE name = $1 RETURNING name";
        let name = name.to_string();
        let removed = self.pool.change(move |transaction, _| {
            transaction.run(query(starred).bind(name.clone()))?;
            let removed = transaction.row(query(sql).bind(name.clone()), |_| Ok(()))?;
            Ok((removed.is_some(), End::Commit))
        });
        removed.await
    }

    async fn users(&self, after: Option<&UserName>, limit: usize) -> Result<Vec<UserRow>, MetaError> {
        let sql = "SELECT u.name, u.created,
                       ARRAY(SELECT r.org FROM roles r WHERE r.\"user\" = u.name ORDER BY r.org),
                       ARRAY(SELECT r.role FROM roles r WHERE r.\"user\" = u.name ORDER BY r.org)
                   FROM users u WHERE u.name > $1 ORDER BY u.name LIMIT $2";
        let after = after.map(ToString::to_string).unwrap_or_default();
        let page = || query(sql).bind(after.clone()).bind(signed(limit as u64));
        let read = |row: &PgRow| {
            let created = Timestamp::from_micros(get(row, 1)?);
            Ok(UserRow { name: parse(row, 0)?, created, roles: roles(row, 2)? })
        };
        self.pool.rows(page, read).await
    }

    async fn set_role(&self, org: &OrgName, user: &UserName, role: Option<Role>) -> Result<bool, MetaError> {
        let known = "WITH known AS (SELECT name FROM users WHERE name = $1 FOR KEY SHARE)";
        let sql = match role {
            Some(_) => format!(
                "{known}, made AS (
                     INSERT INTO roles (\"user\", org, role) SELECT name, $2, $3 FROM known
                     ON CONFLICT (\"user\", org) DO UPDATE SET role = excluded.role)
                 SELECT name FROM known"
            ),
            None => format!(
                "{known}, gone AS (DELETE FROM roles WHERE \"user\" = $1 AND org = $2 AND $3::text IS NULL)
                 SELECT name FROM known"
            ),
        };
        let role = role.map(Role::as_str);
        self.is_done(|| query(AssertSqlSafe(sql.as_str())).bind(user.to_string()).bind(org.to_string()).bind(role))
            .await
    }

    async fn add_token(&self, token: &TokenRow) -> Result<TokenAdded, MetaError> {
        let known = match token.owner {
            TokenOwner::Operator => "SELECT $1::text AS name",
            TokenOwner::User(_) => "SELECT name FROM users WHERE name = $1 FOR KEY SHARE",
        };
        // Asked twice for the same token, as after a broken connection, it is the one that was added.
        let sql = format!(
            "WITH known AS ({known}), made AS (
                 INSERT INTO tokens ({TOKEN}) SELECT name, $2, $3, $4, $5, $6 FROM known
                 ON CONFLICT (owner, name) DO UPDATE SET created = excluded.created WHERE tokens.hash = excluded.hash
                 RETURNING name)
             SELECT EXISTS (SELECT 1 FROM known), EXISTS (SELECT 1 FROM made)"
        );
        let micros = |time: Option<Timestamp>| time.map(Timestamp::micros);
        let added = || {
            let key = query(AssertSqlSafe(sql.as_str())).bind(token.owner.to_string()).bind(token.name.to_string());
            let key = key.bind(token.hash.to_string()).bind(token.created.micros());
            key.bind(micros(token.used)).bind(micros(token.expires))
        };
        let added = self.pool.row(added, |row| Ok((get::<bool>(row, 0)?, get::<bool>(row, 1)?))).await?;
        Ok(match added {
            Some((true, true)) => TokenAdded::Yes,
            Some((true, false)) => TokenAdded::NameTaken,
            _ => TokenAdded::NoUser,
        })
    }

    async fn tokens(&self, owner: Option<&TokenOwner>) -> Result<Vec<TokenRow>, MetaError> {
        let sql = format!("SELECT {TOKEN} FROM tokens WHERE $1::text IS NULL OR owner = $1 ORDER BY owner, name");
        let owner = owner.map(ToString::to_string);
        self.pool.rows(|| query(AssertSqlSafe(sql.as_str())).bind(owner.clone()), token).await
    }

    async fn revoke_token(&self, owner: &TokenOwner, name: &TokenName) -> Result<bool, MetaError> {
        let sql = "DELETE FROM tokens WHERE owner = $1 AND name = $2 RETURNING name";
        self.is_done(|| query(sql).bind(owner.to_string()).bind(name.to_string())).await
    }

    async fn login(&self, hash: &Digest, now: Timestamp) -> Result<Option<Login>, MetaError> {
        let sql = format!(
            "SELECT {TOKEN}, ARRAY(SELECT r.org FROM roles r WHERE r.\"user\" = owner ORDER BY r.org),
                 ARRAY(SELECT r.role FROM roles r WHERE r.\"user\" = owner ORDER BY r.org)
             FROM tokens WHERE hash = $1"
        );
        let key = || query(AssertSqlSafe(sql.as_str())).bind(hash.to_string());
        let found = self.pool.row(key, |row| Ok((token(row)?, roles(row, 6)?))).await?;
        let Some((token, roles)) = found.filter(|(token, _)| !token.is_expired(now)) else { return Ok(None) };
        if token.is_noted(now) {
            let note = "UPDATE tokens SET used = $2 WHERE hash = $1";
            let noted = self.pool.rows(|| query(note).bind(hash.to_string()).bind(now.micros()), |_| Ok(()));
            if let Err(error) = noted.await {
                tracing::warn!(error = %error, "the use of a token is not noted");
            }
        }
        Ok(Some(Login { owner: token.owner, roles, expires: token.expires }))
    }
}

impl Postgres {
    /// Whether the statement answered with a row.
    async fn is_done(&self, query: impl Fn() -> super::sql::Query) -> Result<bool, MetaError> {
        Ok(self.pool.row(query, |_| Ok(())).await?.is_some())
    }
}

/// Organisations in one column, the roles in the next.
fn roles(row: &PgRow, column: usize) -> Result<BTreeMap<OrgName, Role>, MetaError> {
    let (orgs, roles) = (get::<Vec<String>>(row, column)?, get::<Vec<String>>(row, column + 1)?);
    orgs.iter().zip(&roles).map(|(org, role)| Ok((parse_text(org)?, parse_text(role)?))).collect()
}

fn token(row: &PgRow) -> Result<TokenRow, MetaError> {
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
