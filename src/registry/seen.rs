//! Who sees what: what is private is to all others as if it were not there.
//!
//! A use case asks [`Registry::sees`], or [`Registry::if_seen`] for what is to be read, and answers for what it does not see as for a name under which there is nothing. Whoever
//! changes something asks [`Registry::require_change`]. Both go by what was said last, from the cache.

use std::sync::Arc;

use crate::domain::{
    Access, Action, Actor, Area, Name, Package, Repository, Scope, SeenBy, Tag, UserName, Visibility, allows,
};
use crate::meta::MetaError;

use super::{Registry, RegistryError};

impl Registry {
    /// Whether what is in the repository is there for the actor. An error where the actor may read nothing at all.
    pub(super) async fn sees(&self, actor: &Actor, repository: &Repository) -> Result<bool, RegistryError> {
        if self.may_see(actor, repository).await? {
            return Ok(true);
        }
        self.miss(repository).await?;
        Ok(false)
    }

    /// The same for who asks for a tag. That it is not there is remembered, whichever way it is not.
    pub(super) async fn sees_tag(
        &self,
        actor: &Actor,
        repository: &Repository,
        tag: &Tag,
    ) -> Result<bool, RegistryError> {
        if self.may_see(actor, repository).await? {
            return Ok(true);
        }
        let (cache, load) = (&self.0.cache, async { self.miss(repository).await.map(Some) });
        cache.get_or_load(&cache.unseen, (repository.clone(), tag.clone()), load).await?;
        if tag.subject().is_some() {
            // What refers to a digest is looked up each time.
            self.miss(repository).await?;
        }
        Ok(false)
    }

    /// What `find` reads of the repository, if the actor sees it. Both are asked for at once where it is not known who sees it; but
    /// nothing is told of what the actor does not see, not even that it cannot be read.
    pub(super) async fn if_seen<T>(
        &self,
        actor: &Actor,
        repository: &Repository,
        find: impl Future<Output = Result<T, MetaError>>,
    ) -> Result<Option<T>, RegistryError> {
        self.require(actor, Action::Read, Scope::Repository(repository))?;
        if self.0.cache.seen.get(repository).is_some() {
            return Ok(match self.sees(actor, repository).await? {
                true => Some(find.await?),
                false => None,
            });
        }
        let (is_seen, found) = futures::join!(self.may_see(actor, repository), find);
        match (is_seen?, found) {
            (true, found) => Ok(Some(found?)),
            // That the database does not answer is told for what is not there, too.
            (false, Err(error @ MetaError::Unavailable(_))) => Err(error.into()),
            (false, _) => Ok(None),
        }
    }

    async fn may_see(&self, actor: &Actor, repository: &Repository) -> Result<bool, RegistryError> {
        self.require(actor, Action::Read, Scope::Repository(repository))?;
        Ok(is_seen(actor, repository, &*self.seen_by(repository).await?))
    }

    /// Asks the database about what the actor does not see, as is done for what is not there: else a database that does not answer would
    /// tell the one from the other, by an answer that it was not needed for.
    pub(super) async fn miss(&self, repository: &Repository) -> Result<(), RegistryError> {
        self.0.meta.refs.tags(repository, None, 1).await?;
        Ok(())
    }

    /// Refuses a change of a repository that the actor may not make. Owners of a package make them too.
    ///
    /// Where everybody may write, this refusal is what tells that a name is taken by something private: it cannot be pushed to.
    pub(super) async fn require_change(
        &self,
        actor: &Actor,
        action: Action,
        repository: &Repository,
    ) -> Result<(), RegistryError> {
        let seen = self.seen_by(repository).await?;
        self.require(actor, action, scope(repository, seen.visibility, &seen.owners))
    }

    /// The same for a change that owners of a package may not make: a role in the organisation is asked for.
    pub(super) async fn require_of_org(
        &self,
        actor: &Actor,
        action: Action,
        repository: &Repository,
    ) -> Result<(), RegistryError> {
        let seen = self.seen_by(repository).await?;
        self.require(actor, action, scope(repository, seen.visibility, &[]))
    }

    /// Who sees what is in the repository, or would be. Only names of packages are ever private.
    pub(super) async fn seen_by(&self, repository: &Repository) -> Result<Arc<SeenBy>, RegistryError> {
        let cache = &self.0.cache;
        if let Some(seen) = cache.seen.get(repository) {
            return Ok(seen);
        }
        let load = async {
            let seen = match repository.package() {
                Some(name) => self.0.meta.groups.seen_by(&name).await?,
                None => SeenBy::default(),
            };
            Ok::<_, RegistryError>(Some(Arc::new(seen)))
        };
        Ok(cache.get_or_load(&cache.seen, repository.clone(), load).await?.unwrap_or_default())
    }

    /// The same of many packages, in their order: what the cache does not hold is read at once.
    pub(super) async fn seen_by_all(&self, names: &[Name]) -> Result<Vec<Arc<SeenBy>>, RegistryError> {
        let (cache, groups) = (&self.0.cache, &self.0.meta.groups);
        let repositories: Vec<Repository> = names.iter().map(Name::repository).collect();
        let load = |missing: Vec<Repository>| async move {
            let names: Vec<Name> = missing.iter().filter_map(Repository::package).collect();
            Ok::<_, RegistryError>(groups.seen(&names).await?.into_iter().map(Arc::new).collect::<Vec<_>>())
        };
        cache.get_or_load_all(&cache.seen, &repositories, load).await
    }

    /// The area that everything in the repository lies in, and that uploads to it go to.
    pub(super) async fn area(&self, repository: &Repository) -> Result<Area, RegistryError> {
        Ok(Area::of(repository, self.seen_by(repository).await?.visibility))
    }

    /// The same, as the database says now.
    pub(super) async fn area_now(&self, repository: &Repository) -> Result<Area, RegistryError> {
        let Some(name) = repository.package() else { return Ok(Area::Public) };
        Ok(Area::of(repository, self.0.meta.groups.seen_by(&name).await?.visibility))
    }

    /// Whether a caller who found nothing in the repository is to be asked for a login: it has no account where others have one, and
    /// sees no such repository, be it private or absent. Where everybody may write, nobody needs to log in.
    pub async fn asks_for_login(&self, actor: &Actor, repository: &Repository) -> Result<bool, RegistryError> {
        let keeps_accounts = self.0.snapshots.is_none();
        match actor {
            Actor::Anonymous(Access::Read) if keeps_accounts => {
                Ok(!(self.sees(actor, repository).await? && self.is_known(repository).await?))
            }
            Actor::Anonymous(_) | Actor::User(_) | Actor::Operator => Ok(false),
        }
    }
}

/// What a package says of who sees it.
pub(super) fn seen_of(package: &Package) -> SeenBy {
    SeenBy { visibility: package.visibility, owners: package.owners.clone(), is_package: true }
}

/// Whether what these see is there for the actor, who may read at all.
pub(super) fn is_seen(actor: &Actor, repository: &Repository, seen: &SeenBy) -> bool {
    seen.visibility != Visibility::Private || allows(actor, Action::Read, Scope::Private(repository, &seen.owners))
}

/// What a change of the repository touches, in which these owners may make it too.
fn scope<'a>(repository: &'a Repository, visibility: Visibility, owners: &'a [UserName]) -> Scope<'a> {
    match visibility {
        Visibility::Private => Scope::Private(repository, owners),
        Visibility::Public | Visibility::Unlisted => Scope::Package(repository, owners),
    }
}
