//! Users, roles and tokens: what the operator does with accounts, and users with their own.
//!
//! Works on the metadata store alone, so that the program can do it beside a running server. What changes here counts at once in
//! this process.

use std::sync::Arc;

use crate::cache::Cache;
use crate::domain::api::{IssuedToken, MemberDocument, NewToken, TokenDocument, UserDocument};
use crate::domain::{Action, Actor, OrgName, Role, Scope, Token, TokenName, TokenOwner, UserName, allows};
use crate::meta::{self, TokenAdded, TokenRow, UserRow};

use super::{Clock, Registry, RegistryError};

/// Most tokens of one owner.
const TOKENS_MAX: usize = 100;

/// The accounts of a registry. Cheap to clone.
#[derive(Clone)]
pub struct Accounts {
    store: Arc<dyn meta::Accounts>,
    groups: Arc<dyn meta::Groups>,
    cache: Option<Arc<Cache>>,
    clock: Clock,
}

impl Registry {
    /// The accounts.
    pub fn accounts(&self) -> Accounts {
        let inner = &self.0;
        Accounts {
            store: Arc::clone(&inner.meta.accounts),
            groups: Arc::clone(&inner.meta.groups),
            cache: Some(Arc::clone(&inner.cache)),
            clock: inner.clock.clone(),
        }
    }
}

impl Accounts {
    /// The accounts of a metadata store that others may use at the same time.
    pub(super) fn beside(meta: &meta::Meta, clock: Clock) -> Self {
        let (store, groups) = (Arc::clone(&meta.accounts), Arc::clone(&meta.groups));
        Self { store, groups, cache: None, clock }
    }

    /// Adds a user; one that is there stays as it is. `true` if it is new.
    pub async fn add_user(&self, actor: &Actor, name: &UserName) -> Result<bool, RegistryError> {
        require(actor, Action::Operate, Scope::Account(name))?;
        Ok(self.store.add_user(name, self.clock.now()).await?)
    }

    /// Removes a user with all roles and tokens. What they have published stays, under the name that events carry.
    pub async fn remove_user(&self, actor: &Actor, name: &UserName) -> Result<(), RegistryError> {
        require(actor, Action::Operate, Scope::Account(name))?;
        let removed = self.store.remove_user(name).await;
        self.forget_logins();
        if removed? { Ok(()) } else { Err(no_user(name)) }
    }

    /// Users after `after` in the order of their names, at most `limit`.
    pub async fn users(
        &self,
        actor: &Actor,
        after: Option<&UserName>,
        limit: usize,
    ) -> Result<Vec<UserDocument>, RegistryError> {
        require(actor, Action::Operate, Scope::Registry)?;
        let users = self.store.users(after, limit).await?;
        Ok(users.into_iter().map(|UserRow { name, created, roles }| UserDocument { name, created, roles }).collect())
    }

    /// Gives a user a role in an organisation in place of the one before, or with `None` takes it away.
    pub async fn set_role(
        &self,
        actor: &Actor,
        org: &OrgName,
        user: &UserName,
        role: Option<Role>,
    ) -> Result<(), RegistryError> {
        let leaves = role.is_none() && actor.user().is_some_and(|own| own.name == *user);
        if !leaves {
            require(actor, Action::Manage, Scope::Org(org))?;
        }
        let set = self.store.set_role(org, user, role).await;
        self.forget_logins();
        if set? { Ok(()) } else { Err(no_user(user)) }
    }

    /// Users with a role in an organisation, after `after` in the order of their names, at most `limit`. For who has one of the
    /// roles themselves, and the operator.
    pub async fn members(
        &self,
        actor: &Actor,
        org: &OrgName,
        after: Option<&UserName>,
        limit: usize,
    ) -> Result<Vec<MemberDocument>, RegistryError> {
        if actor.user().is_none_or(|user| user.role(org.as_str()).is_none()) {
            require(actor, Action::Manage, Scope::Org(org))?;
        }
        let members = self.groups.members(org, after, limit).await?;
        Ok(members.into_iter().map(|(user, role)| MemberDocument { user, role }).collect())
    }

    /// Makes a token. Its secret is in the answer and nowhere else.
    pub async fn add_token(
        &self,
        actor: &Actor,
        owner: &TokenOwner,
        new: NewToken,
    ) -> Result<IssuedToken, RegistryError> {
        require_owner(actor, owner)?;
        let now = self.clock.now();
        let NewToken { name, expires } = new;
        if expires.is_some_and(|expires| expires <= now) {
            return Err(RegistryError::BadRequest("the token would expire at once; give a time to come".to_owned()));
        }
        if self.store.tokens(Some(owner)).await?.len() >= TOKENS_MAX {
            let message = format!("{owner} has {TOKENS_MAX} tokens, as many as one may have; revoke one first");
            return Err(RegistryError::BadRequest(message));
        }
        let mut bits = [0; 32];
        getrandom::fill(&mut bits)
            .map_err(|error| RegistryError::Meta(meta::MetaError::Unavailable(error.to_string().into())))?;
        let token = Token::new(bits);
        let (owner, hash) = (owner.clone(), token.hash());
        let row = TokenRow { owner, name, hash, created: now, used: None, expires };
        match self.store.add_token(&row).await? {
            TokenAdded::Yes => Ok(IssuedToken { token: token.reveal().to_owned(), about: document(row) }),
            TokenAdded::NameTaken => Err(RegistryError::TokenExists(row.owner, row.name)),
            TokenAdded::NoUser => Err(RegistryError::AccountUnknown(format!("user {}", row.owner))),
        }
    }

    /// The tokens of one owner, or with `None` everybody's, by owner and name.
    pub async fn tokens(&self, actor: &Actor, owner: Option<&TokenOwner>) -> Result<Vec<TokenDocument>, RegistryError> {
        match owner {
            Some(owner) => require_owner(actor, owner)?,
            None => require(actor, Action::Operate, Scope::Registry)?,
        }
        Ok(self.store.tokens(owner).await?.into_iter().map(document).collect())
    }

    /// Revokes a token. In this process it is of no use from now on; in others, after the seconds that they believe a login.
    pub async fn revoke_token(&self, actor: &Actor, owner: &TokenOwner, name: &TokenName) -> Result<(), RegistryError> {
        require_owner(actor, owner)?;
        let revoked = self.store.revoke_token(owner, name).await;
        self.forget_logins();
        match revoked? {
            true => Ok(()),
            false => Err(RegistryError::AccountUnknown(format!("token {name} of {owner}"))),
        }
    }

    /// Also after a failure: the change may have happened all the same.
    fn forget_logins(&self) {
        if let Some(cache) = &self.cache {
            cache.clear_logins();
        }
    }
}

fn require(actor: &Actor, action: Action, scope: Scope<'_>) -> Result<(), RegistryError> {
    if allows(actor, action, scope) { Ok(()) } else { Err(RegistryError::refused(actor)) }
}

fn require_owner(actor: &Actor, owner: &TokenOwner) -> Result<(), RegistryError> {
    match owner {
        TokenOwner::Operator => require(actor, Action::Operate, Scope::Registry),
        TokenOwner::User(name) => require(actor, Action::Manage, Scope::Account(name)),
    }
}

fn no_user(name: &UserName) -> RegistryError {
    RegistryError::AccountUnknown(format!("user {name}"))
}

fn document(row: TokenRow) -> TokenDocument {
    let TokenRow { owner, name, created, used, expires, .. } = row;
    TokenDocument { owner, name, created, used, expires }
}
