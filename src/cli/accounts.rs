//! Where accounts are managed: through a registry's API, or in its database, beside a server that may run on it.

use clap::Args;

use super::args::Global;
use super::failure::Failure;
use super::rebuild::Store;
use super::server;
use crate::client::Client;
use crate::domain::api::{IssuedToken, MemberDocument, NewToken, TokenDocument, UserDocument};
use crate::domain::{Actor, OrgName, Role, TokenName, TokenOwner, UserName};
use crate::registry;

/// Which accounts. With a data folder or a metadata store, those in the database, as the operator; else those of the registry.
#[derive(Debug, Args)]
#[command(next_help_heading = "In the database, without a token")]
pub(super) struct Where {
    #[command(flatten)]
    store: Store,
}

/// Accounts, wherever they are.
pub(super) enum Accounts {
    Registry(Client),
    Database(registry::Accounts),
}

impl Where {
    pub(super) async fn open(self, global: &Global) -> anyhow::Result<Accounts> {
        if self.store.is_named() {
            return Ok(Accounts::Database(server::accounts(self.store.config()?).await?));
        }
        Ok(Accounts::Registry(global.client()?))
    }
}

impl Accounts {
    pub(super) async fn add_user(&self, name: &UserName) -> anyhow::Result<()> {
        match self {
            Self::Registry(client) => Ok(client.add_user(name).await?),
            Self::Database(accounts) => Ok(accounts.add_user(&Actor::Operator, name).await.map(drop)?),
        }
    }

    pub(super) async fn remove_user(&self, name: &UserName) -> anyhow::Result<()> {
        match self {
            Self::Registry(client) => Ok(client.remove_user(name).await?),
            Self::Database(accounts) => Ok(accounts.remove_user(&Actor::Operator, name).await?),
        }
    }

    pub(super) async fn users(&self) -> anyhow::Result<Vec<UserDocument>> {
        match self {
            Self::Registry(client) => Ok(client.users().await?),
            Self::Database(accounts) => Ok(accounts.users(&Actor::Operator, None, usize::MAX).await?),
        }
    }

    pub(super) async fn set_role(&self, org: &OrgName, user: &UserName, role: Option<Role>) -> anyhow::Result<()> {
        match self {
            Self::Registry(client) => Ok(client.set_role(org, user, role).await?),
            Self::Database(accounts) => Ok(accounts.set_role(&Actor::Operator, org, user, role).await?),
        }
    }

    pub(super) async fn members(&self, org: &OrgName) -> anyhow::Result<Vec<MemberDocument>> {
        match self {
            Self::Registry(client) => Ok(client.members(org).await?),
            Self::Database(accounts) => Ok(accounts.members(&Actor::Operator, org, None, usize::MAX).await?),
        }
    }

    pub(super) async fn add_token(&self, owner: &TokenOwner, new: NewToken) -> anyhow::Result<IssuedToken> {
        match self {
            Self::Registry(client) => Ok(client.add_token(owner, &new).await?),
            Self::Database(accounts) => Ok(accounts.add_token(&Actor::Operator, owner, new).await?),
        }
    }

    pub(super) async fn tokens(&self, owner: &TokenOwner) -> anyhow::Result<Vec<TokenDocument>> {
        match self {
            Self::Registry(client) => Ok(client.tokens(owner).await?.items),
            Self::Database(accounts) => Ok(accounts.tokens(&Actor::Operator, Some(owner)).await?),
        }
    }

    pub(super) async fn revoke_token(&self, owner: &TokenOwner, name: &TokenName) -> anyhow::Result<()> {
        match self {
            Self::Registry(client) => Ok(client.revoke_token(owner, name).await?),
            Self::Database(accounts) => Ok(accounts.revoke_token(&Actor::Operator, owner, name).await?),
        }
    }

    /// Whose tokens are meant: those of the named owner, else the caller's own.
    pub(super) async fn owner(&self, named: Option<TokenOwner>) -> anyhow::Result<TokenOwner> {
        if let Some(owner) = named {
            return Ok(owner);
        }
        let Self::Registry(client) = self else { return Ok(TokenOwner::Operator) };
        let actor = client.whoami().await?.actor;
        let owner = actor.as_str().strip_prefix("user:").unwrap_or(actor.as_str()).parse();
        owner.map_err(|_| {
            let hint = "give a token with --token or PCLR_TOKEN, or the data folder with --data";
            Failure::no("there is no account to manage tokens of: the registry sees no token", hint).into()
        })
    }
}
