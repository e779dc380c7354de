//! What both sides of the tests need: users, changes of visibility, and where the bytes lie.

use std::collections::BTreeMap;
use std::sync::Arc;

use pcl_registry::domain::{Access, Actor, Area, OrgName, Role, User, Visibility};
use pcl_registry::registry::RegistryError;
use pcl_registry::storage::Key;

use crate::inside::{Opened, Package};

/// A user who has the role in `acme`.
pub fn user(name: &str, role: Option<Role>, everybody: Access) -> Actor {
    user_in("acme", name, role, everybody)
}

pub fn user_in(org: &str, name: &str, role: Option<Role>, everybody: Access) -> Actor {
    let roles: BTreeMap<OrgName, Role> = role.map(|role| (org.parse().unwrap(), role)).into_iter().collect();
    Actor::User(Arc::new(User { name: name.parse().unwrap(), roles, everybody }))
}

pub async fn see(open: &Opened, name: &str, visibility: Visibility) -> Result<(), RegistryError> {
    open.registry.set_visibility(&Actor::Operator, &name.parse().unwrap(), visibility).await
}

/// Where the blobs of a package lie: in the public area, and in the private one.
pub async fn areas(open: &Opened, package: &Package) -> [usize; 2] {
    let packed = &package.packed;
    let mut found = [0, 0];
    for (at, area) in [Area::Public, Area::private(&package.repository)].into_iter().enumerate() {
        for digest in [packed.config.digest, packed.layer.digest, packed.manifest.digest] {
            found[at] += usize::from(open.storage.exists(&Key::Blob { area: area.clone(), digest }).await.unwrap());
        }
    }
    found
}
