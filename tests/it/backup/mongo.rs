//! A copy of a registry on MongoDB, made beside it by this program alone, and its way back.

use pcl_registry::meta::Table;

use super::guide;
use crate::inside::{DataFolder, Owner, Package};
use crate::moving::registry::{Held, accounts, everything};
use crate::rebuild::{close, popular};

/// The database that the guide names.
const ADDRESS: &str = "mongodb://host1,host2,host3/pclr?replicaSet=rs0";

/// All but blobs and links: which uploads no manifest has named yet, and when a blob was last asked for, is in no copy of this sort.
fn copied() -> Vec<Table> {
    Table::ALL.into_iter().filter(|table| !matches!(table, Table::Blobs | Table::Links)).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_of_a_registry_on_mongodb_goes_back_into_an_empty_database() {
    for owner in Owner::here([Owner::Mongo]) {
        let folder = DataFolder::new(owner);
        let open = folder.open().await;
        everything(&open, &folder).await;
        accounts(&open).await;
        popular(&open).await;
        let held = Held::of(&open).await;
        let (place, database) = (tempfile::tempdir().unwrap(), folder.mongo.as_ref().unwrap());
        let type_in = |behind: &str| {
            for command in guide::commands(behind) {
                assert!(command.contains(ADDRESS), "{command}");
                guide::run(&mut guide::shell(place.path(), &command.replace(ADDRESS, &database.url()), &[]));
            }
        };
        guide::back_up(&folder, place.path(), |_| {}, async |_| {}).await;
        type_in("**MongoDB.**");
        open.push(&Package::new("acme/late@1.0.0", "after the copy")).await.unwrap();
        close(&folder, open).await;

        database.lose().await;
        guide::restore_store(place.path(), &folder);
        guide::run(&mut guide::shell(place.path(), "cp backup/metadata.sqlite* pclr-data/", &[]));
        type_in("to an empty database of MongoDB:");
        let open = folder.open().await;
        held.assert_is(&open, &copied(), "it came back").await;
        assert!(open.registry.health().await.unwrap().writable);
        let next = Package::new("acme/next@1.0.0", "goes on");
        open.push(&next).await.unwrap();
        assert!(open.has(&next).await);
        close(&folder, open).await;
    }
}
