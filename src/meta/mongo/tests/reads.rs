//! What reads look at, as the server's profiler tells it.

use std::sync::Arc;

use futures::TryStreamExt;
use mongodb::Database;
use mongodb::bson::doc;
use serde::Deserialize;

use super::super::super::Releases;
use super::super::Mongo;
use super::{Databases, database, world};
use crate::domain::{Name, Visibility};

/// What the profiler says of a query.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Query {
    docs_examined: i64,
    nreturned: i64,
}

/// Documents that each query of a collection looked at while `work` ran, and how many it found.
async fn looked_at<T>(raw: &Database, collection: &str, work: impl Future<Output = T>) -> Vec<(i64, i64)> {
    let profile = raw.collection::<Query>("system.profile");
    profile.drop().await.unwrap();
    raw.run_command(doc! { "profile": 2 }).await.unwrap();
    work.await;
    raw.run_command(doc! { "profile": 0 }).await.unwrap();
    let queries = profile.find(doc! { "op": "query", "ns": format!("{}.{collection}", raw.name()) }).await.unwrap();
    let queries: Vec<Query> = queries.try_collect().await.unwrap();
    queries.iter().map(|query| (query.docs_examined, query.nreturned)).collect()
}

#[tokio::test]
async fn reads_of_one_package_look_at_no_other_and_its_lists_at_no_document() {
    let Some(databases) = Databases::new() else { return };
    let address = databases.next();
    let world = world(&Arc::new(Mongo::open(&address).await.unwrap())).await;
    // Names that begin alike.
    for spec in ["hell@1.0.0", "hello@1.0.0", "hello@1.1.0", "hello@2.0.0", "hello-world@1.0.0"] {
        world.publish(&format!("acme/{spec}")).await.unwrap();
    }
    let (raw, name) = (database(&address).await, "acme/hello".parse::<Name>().unwrap());
    let (meta, repository) = (&world.meta, name.repository());
    assert_eq!(looked_at(&raw, "versions", meta.catalog.releases(&name, Releases::Readable)).await, [(0, 3)]);
    assert_eq!(looked_at(&raw, "versions", meta.catalog.needs(&name)).await, [(0, 3)]);
    assert_eq!(looked_at(&raw, "configs", meta.catalog.needs(&name)).await, []);
    let tags = looked_at(&raw, "tags", meta.refs.tags(&repository, None, 10)).await;
    assert_eq!(tags, [(0, 4)], "three and `latest`");
    assert_eq!(looked_at(&raw, "versions", meta.groups.content(&repository)).await, [(3, 3)]);
    let moved = looked_at(&raw, "versions", world.see("acme/hello", Visibility::Private)).await;
    assert!(moved.contains(&(3, 3)) && moved.iter().all(|(looked, found)| looked == found), "{moved:?}");
}
