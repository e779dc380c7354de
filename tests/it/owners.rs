//! Who owns a package, where two say so at once.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use pcl_registry::domain::{
    Access, Actor, Digest, Name, OrgName, Repository, Role, SeenBy, User, UserName, Visibility,
};
use pcl_registry::meta::{CollectionRow, Collections, Groups, Meta, MetaError, OrgRow, Refused};
use pcl_registry::registry::{Limits, Push, Registry, RegistryError};

use crate::inside::{DataFolder, Owner, Package};

/// Takes the package from Ann between the look at who owns it and what she does then.
struct RemovalBesideChange {
    inner: Arc<dyn Groups>,
    due: Arc<Mutex<Option<Registry>>>,
}

#[async_trait]
impl Groups for RemovalBesideChange {
    async fn seen(&self, names: &[Name]) -> Result<Vec<SeenBy>, MetaError> {
        let seen = self.inner.seen(names).await;
        let due = self.due.lock().unwrap().take();
        if let Some(registry) = due {
            registry.set_owners(&Actor::Operator, &names[0], users(&["bob"]), None).await.unwrap();
        }
        seen
    }

    async fn content(&self, repository: &Repository) -> Result<Vec<Digest>, MetaError> {
        self.inner.content(repository).await
    }

    async fn collection(&self, name: &Name) -> Result<Option<CollectionRow>, MetaError> {
        self.inner.collection(name).await
    }

    async fn collections(
        &self,
        which: &Collections,
        after: Option<&Name>,
        limit: usize,
    ) -> Result<Vec<CollectionRow>, MetaError> {
        self.inner.collections(which, after, limit).await
    }

    async fn org(&self, org: &OrgName) -> Result<Option<OrgRow>, MetaError> {
        self.inner.org(org).await
    }

    async fn orgs(&self, after: Option<&OrgName>, limit: usize) -> Result<Vec<OrgRow>, MetaError> {
        self.inner.orgs(after, limit).await
    }

    async fn deleted(
        &self,
        org: &OrgName,
        visibilities: &[Visibility],
        after: Option<&Name>,
        limit: usize,
    ) -> Result<Vec<(Name, Visibility)>, MetaError> {
        self.inner.deleted(org, visibilities, after, limit).await
    }

    async fn members(
        &self,
        org: &OrgName,
        after: Option<&UserName>,
        limit: usize,
    ) -> Result<Vec<(UserName, Role)>, MetaError> {
        self.inner.members(org, after, limit).await
    }
}

fn users(names: &[&str]) -> Vec<UserName> {
    names.iter().map(|name| name.parse().unwrap()).collect()
}

/// Ann, with a role in `acme` or without, where everybody may do so much.
fn ann(role: Option<Role>, everybody: Access) -> Actor {
    let roles = role.map(|role| ("acme".parse().unwrap(), role)).into_iter().collect();
    Actor::User(Arc::new(User { name: "ann".parse().unwrap(), roles, everybody }))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_just_no_owner_any_more_gives_nothing_away() {
    let folder = DataFolder::new(Owner::Sqlite);
    let due = Arc::new(Mutex::new(None));
    let its_due = due.clone();
    let wrap = move |meta: Meta| {
        let groups = Arc::new(RemovalBesideChange { inner: meta.groups.clone(), due: its_due });
        Meta { groups, ..meta }
    };
    let open = folder.open_with(Limits::default(), wrap).await;
    let package = Package::new("acme/hello@1.0.0", "owned");
    open.push(&package).await.unwrap();
    let (registry, name) = (&open.registry, package.name());
    let give = async |actor: &Actor| {
        registry.set_owners(&Actor::Operator, &name, users(&["ann", "bob"]), None).await.unwrap();
        *due.lock().unwrap() = Some(registry.clone());
        let given = registry.set_owners(actor, &name, users(&["ann", "zoe"]), None).await;
        assert!(due.lock().unwrap().is_none(), "it was taken from her in the middle");
        (given, registry.owners(&Actor::Operator, &name).await.unwrap())
    };
    let (refused, owners) = give(&ann(None, Access::Read)).await;
    assert!(matches!(refused, Err(RegistryError::Refused(Refused::Changed(_)))), "{refused:?}");
    assert_eq!(owners, users(&["bob"]));
    // As an owner of the organisation she may, whoever owns the package.
    let (given, owners) = give(&ann(Some(Role::Owner), Access::Read)).await;
    assert!(given.is_ok(), "{given:?}");
    assert_eq!(owners, users(&["ann", "zoe"]));
}

/// As `docs/accounts.md` says of `--anonymous write`: it makes owners of users, and of nobody else.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_owns_what_everybody_may_publish() {
    let folder = DataFolder::new(Owner::Store);
    let open = folder.open().await;
    let (user, anonymous) = (ann(None, Access::Write), Actor::Anonymous(Access::Write));
    for (spec, actor) in [
        ("acme/hers@1.0.0", &user),
        ("acme/hers@1.1.0", &anonymous),
        ("acme/nobodys@1.0.0", &anonymous),
        ("acme/nobodys@1.1.0", &user),
    ] {
        let package = Package::new(spec, spec);
        for blob in [&package.packed.config, &package.packed.layer] {
            open.push_blob(&package.repository, &blob.content).await.unwrap();
        }
        let manifest = &package.packed.manifest;
        let push = Push {
            repository: &package.repository,
            reference: package.reference(),
            tags: Vec::new(),
            content_type: Some(&manifest.media_type),
            bytes: manifest.content.clone(),
        };
        open.registry.push_manifest(actor, push).await.unwrap();
        let owners = open.registry.owners(&Actor::Operator, &package.name()).await.unwrap();
        let expected = if spec.starts_with("acme/hers") { users(&["ann"]) } else { users(&[]) };
        assert_eq!(owners, expected, "{spec}");
    }
    let refused = open.registry.set_owners(&anonymous, &"acme/nobodys".parse().unwrap(), users(&["ann"]), None).await;
    assert!(matches!(refused, Err(RegistryError::LoginNeeded)), "{refused:?}");
}
