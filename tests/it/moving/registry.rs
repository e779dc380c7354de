//! A registry with everything in it that can move, and where it moves to.

use bytes::Bytes;
use pcl_registry::domain::{Actor, Digest, File, Name, Repository, Role, Tree, Visibility};
use pcl_registry::meta::{Count, Table, TokenRow, tally};
use pcl_registry::registry::{CarryAccounts, Drafted, Metadata, Migration};
use serde_json::Value;

use crate::inside::{DataFolder, Opened, Owner, Package};
use crate::mongo;
use crate::postgres::database::Database;
use crate::rebuild::{close, live, popular, version, without_counts};

/// Every sort of event, and everything that none tells of.
pub async fn everything(open: &Opened, folder: &DataFolder) {
    let (actor, registry) = (Actor::Operator, &open.registry);
    live(open).await;
    for spec in ["acme/old@1.0.0", "acme/old@1.1.0", "acme/old@1.2.0", "calm/one@1.0.0"] {
        open.push(&Package::new(spec, spec)).await.unwrap();
    }
    let (old, calm): (Name, Name) = ("acme/old".parse().unwrap(), "calm/one".parse().unwrap());
    registry.deprecate(&actor, &old, &version("1.1.0"), Some("slow"), Some(calm.clone())).await.unwrap();
    registry.pin(&actor, &old, &version("1.1.0")).await.unwrap();
    registry.delete_version(&actor, &old, &version("1.2.0")).await.unwrap();
    registry.purge(&actor, &old, &version("1.2.0")).await.unwrap();
    registry.set_visibility(&actor, &calm, Visibility::Unlisted).await.unwrap();
    let file = File { path: "SKILL.md".parse().unwrap(), executable: false, content: Bytes::from("# draft\n") };
    let drafted = Drafted { version: Some(version("2.0.0")), ..Drafted::default() };
    registry.create_draft(&actor, &old, Tree::new(vec![file]).unwrap(), drafted).await.unwrap();
    // Uploads that no manifest names: one is left alone for long, and condemned.
    let repository: Repository = "team/upload".parse().unwrap();
    open.push_blob(&repository, &Bytes::from_static(b"long ago")).await.unwrap();
    folder.pass(2 * 24 * 3600);
    assert!(registry.collect(&actor).await.unwrap().condemned > 0);
    open.push_blob(&repository, &Bytes::from_static(b"just now")).await.unwrap();
}

/// Users with roles and tokens, and a token of the operator's.
pub async fn accounts(open: &Opened) {
    let (store, now) = (&open.meta.accounts, open.registry.now());
    for name in ["ann", "bob"] {
        let name = name.parse().unwrap();
        store.add_user(&name, now).await.unwrap();
        store.set_role(&"acme".parse().unwrap(), &name, Some(Role::Member)).await.unwrap();
    }
    store.set_role(&"zeta".parse().unwrap(), &"ann".parse().unwrap(), Some(Role::Owner)).await.unwrap();
    for owner in ["ann", "operator"] {
        let hash = Digest::sha256(owner.as_bytes());
        let (owner, name) = (owner.parse().unwrap(), "x".parse().unwrap());
        store.add_token(&TokenRow { owner, name, hash, created: now, used: Some(now), expires: None }).await.unwrap();
    }
}

/// What a registry holds, however it is asked.
pub struct Held {
    dump: Value,
    tables: Vec<Count>,
}

impl Held {
    /// What an open registry holds.
    pub async fn of(open: &Opened) -> Self {
        Self { dump: open.dump().await, tables: tally(&open.meta, &Table::ALL, |_, _| {}).await.unwrap() }
    }

    /// Fails unless these are the same tables.
    pub fn assert_tables(&self, found: &[Count]) {
        assert_eq!(self.tables, found);
    }

    /// Fails unless the registry holds the same; with `tables` alone of those that differ from store to store.
    pub async fn assert_is(&self, open: &Opened, tables: &[Table], what: &str) {
        let found = Self::of(open).await;
        match tables.contains(&Table::Downloads) {
            true => assert_eq!(found.dump, self.dump, "{what}"),
            false => assert_eq!(without_counts(found.dump), without_counts(self.dump.clone()), "{what}"),
        }
        for (ours, theirs) in self.tables.iter().zip(&found.tables) {
            assert!(ours == theirs || !tables.contains(&ours.table), "{what}: {ours:?} became {theirs:?}");
        }
    }
}

/// A data folder on another store.
pub fn onto(folder: &mut DataFolder, owner: Owner) -> Metadata {
    folder.owner = owner;
    folder.postgres = (owner == Owner::Postgres).then(|| Database::new().unwrap());
    folder.mongo = (owner == Owner::Mongo).then(|| mongo::Database::new().unwrap());
    folder.metadata()
}

/// The move of a folder's catalogue.
pub fn migration(folder: &DataFolder, from: Metadata, to: Metadata) -> Migration {
    Migration { place: folder.path().into(), from, to, accounts: CarryAccounts::WherePossible }
}

/// A closed registry with everything in it, and what it holds.
pub async fn filled(owner: Owner) -> (DataFolder, Held) {
    let folder = DataFolder::new(owner);
    let open = folder.open().await;
    everything(&open, &folder).await;
    if owner != Owner::Store {
        accounts(&open).await;
        popular(&open).await;
    }
    let held = Held::of(&open).await;
    close(&folder, open).await;
    (folder, held)
}
