//! Who asks: from a token to an actor.
//!
//! What was found is kept for a few seconds, so that a warm read asks the database nothing. A change of accounts in this process
//! counts at once; one in another process, once those seconds are over.

use std::sync::Arc;

use crate::cache::CachedLogin;
use crate::domain::{Access, Actor, Timestamp, Token, TokenOwner, User};

use super::{Registry, RegistryError};

/// What a caller says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials {
    /// Whose the token is, where the caller says so. Another's token is refused.
    pub owner: Option<TokenOwner>,
    /// The token.
    pub token: Token,
}

impl Registry {
    /// The time of its clock.
    pub fn now(&self) -> Timestamp {
        self.0.clock.now()
    }

    /// Whose the token is. `everybody`: what callers without an account may do, as users may no less.
    ///
    /// [`RegistryError::WrongToken`] if it is nobody's, revoked or expired.
    pub async fn login(&self, credentials: &Credentials, everybody: Access) -> Result<Actor, RegistryError> {
        let cache = &self.0.cache;
        let (hash, now) = (credentials.token.hash(), self.0.clock.now());
        let load = async {
            let login = self.0.meta.accounts.login(&hash, now).await?;
            Ok::<_, RegistryError>(login.map(|login| {
                let actor = match login.owner {
                    TokenOwner::Operator => Actor::Operator,
                    TokenOwner::User(name) => Actor::User(Arc::new(User { name, roles: login.roles, everybody })),
                };
                CachedLogin { actor, expires: login.expires }
            }))
        };
        let login = cache.get_or_load(&cache.logins, hash, load).await?.ok_or(RegistryError::WrongToken)?;
        if login.expires.is_some_and(|expires| expires <= now) {
            return Err(RegistryError::WrongToken);
        }
        let is_theirs = match (&credentials.owner, &login.actor) {
            (None, _) | (Some(TokenOwner::Operator), Actor::Operator) => true,
            (Some(TokenOwner::User(name)), Actor::User(user)) => *name == user.name,
            _ => false,
        };
        if is_theirs { Ok(login.actor) } else { Err(RegistryError::WrongToken) }
    }
}
