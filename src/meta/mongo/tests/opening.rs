//! Opening a database: empty, foreign, newer, by many at once; and what is said when it cannot be opened.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::TryStreamExt;
use futures::future::join_all;
use mongodb::bson::spec::BinarySubtype;
use mongodb::bson::{Binary, Document, doc};
use mongodb::options::IndexOptions;
use mongodb::{Database, IndexModel};

use super::super::super::MetaError;
use super::super::super::contract::{Artifact, needs};
use super::super::Mongo;
use super::server::{Server, Set, free_port};
use super::{Databases, database, given, numbers, postings, world};

/// An error within five seconds.
async fn refused(address: &str) -> MetaError {
    let started = Instant::now();
    let Err(error) = Mongo::open(address).await else { panic!("{address} was opened") };
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}: {error}", started.elapsed());
    error
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_servers_may_open_an_empty_database_at_once() {
    let Some(databases) = Databases::new() else { return };
    let address = databases.next();
    let opened = join_all((0..10).map(|_| Mongo::open(&address))).await;
    let worlds = join_all(opened.into_iter().map(|mongo| async { world(&Arc::new(mongo.unwrap())).await })).await;
    let identity = worlds[0].meta.ledger.identity().await.unwrap();
    for (at, world) in worlds.iter().enumerate() {
        assert_eq!(world.meta.ledger.identity().await.unwrap(), identity);
        world.publish(&format!("acme/hello@{at}.0.0")).await.unwrap();
    }
    assert_eq!(numbers(&worlds[0]).await.len(), 10);
}

#[tokio::test]
async fn an_open_database_is_found_as_it_was_left() {
    let Some(databases) = Databases::new() else { return };
    let address = databases.next();
    let first = world(&Arc::new(Mongo::open(&address).await.unwrap())).await;
    first.publish("acme/hello@1.0.0").await.unwrap();
    let before = super::super::super::contract::dump(&first.meta).await.unwrap();
    // An index that somebody dropped, and a validator that somebody weakened, are back.
    let raw = database(&address).await;
    raw.collection::<Document>("versions").drop_index("by_release").await.unwrap();
    raw.run_command(doc! { "collMod": "versions", "validator": {} }).await.unwrap();
    // One of an earlier release goes.
    let options = IndexOptions::builder().name("by_rank".to_owned()).build();
    let left = IndexModel::builder().keys(doc! { "name": 1, "rank": -1 }).options(options).build();
    raw.collection::<Document>("versions").create_index(left).await.unwrap();
    let again = world(&Arc::new(Mongo::open(&address).await.unwrap())).await;
    assert_eq!(super::super::super::contract::dump(&again.meta).await.unwrap(), before);
    let indexes = raw.collection::<Document>("versions").list_index_names().await.unwrap();
    let has = |index: &str| indexes.iter().any(|name| name == index);
    assert!(has("by_release") && !has("by_rank"), "{indexes:?}");
    let refused = raw.collection("versions").insert_one(doc! { "_id": "acme/hello 2.0.0" }).await;
    assert!(refused.unwrap_err().to_string().contains("121"), "a document that does not fit is refused");
}

#[tokio::test]
async fn an_older_database_gets_what_it_lacks() {
    let Some(databases) = Databases::new() else { return };
    let address = databases.next();
    let first = world(&Arc::new(Mongo::open(&address).await.unwrap())).await;
    for version in ["1.0.0", "2.0.0"] {
        first.publish(&format!("acme/hello@{version}")).await.unwrap();
    }
    first.publish("acme/left@1.0.0").await.unwrap();
    first.yank("acme/left@1.0.0", None).await.unwrap().unwrap();
    for spec in ["acme/owned@1.0.0", "acme/owned@2.0.0", "acme/gone@1.0.0"] {
        first.push_as("user:ann", &Artifact::new(spec).unwrap()).await.unwrap().unwrap();
    }
    needs::publish(&first).await.unwrap();
    for version in ["1.0.0", "2.0.0"] {
        first.publish(&format!("acme/purged@{version}")).await.unwrap();
    }
    first.delete_tag("acme/purged:1.0.0").await.unwrap().unwrap();
    first.purge("acme/purged@1.0.0").await.unwrap().unwrap();
    let before = super::super::super::contract::dump(&first.meta).await.unwrap();
    let raw = database(&address).await;
    raw.run_command(doc! { "collMod": "versions", "validator": {} }).await.unwrap();
    let versions = raw.collection::<Document>("versions");
    versions.update_many(doc! {}, doc! { "$unset": { "event_id": "", "needs": "" } }).await.unwrap();
    let states = doc! { "$pull": { "labels": { "$regex": "^(state|owner) " } } };
    raw.collection::<Document>("packages").update_many(doc! {}, states).await.unwrap();
    let owners = doc! { "$unset": { "owners": "" } };
    raw.collection::<Document>("packages").update_many(doc! {}, owners).await.unwrap();
    let counts = doc! { "type": { "$in": ["state", "owner", "org"] } };
    raw.collection::<Document>("labels").delete_many(counts).await.unwrap();
    let registry = raw.collection::<Document>("registry");
    registry.update_one(doc! { "_id": "schema" }, doc! { "$set": { "version": 1i64 } }).await.unwrap();
    lose_numbers(&raw).await;
    let opened = join_all((0..3).map(|_| Mongo::open(&address))).await;
    for again in opened {
        let again = world(&Arc::new(again.unwrap())).await;
        assert_eq!(super::super::super::contract::dump(&again.meta).await.unwrap(), before);
    }
    let number = registry.find_one(doc! { "_id": "schema" }).await.unwrap().unwrap();
    assert_eq!(number.get_i64("version").unwrap(), 8);
    let needless = versions.find(doc! { "needs": { "$exists": false } }).await.unwrap();
    let needless: Vec<Document> = needless.try_collect().await.unwrap();
    let needless: Vec<&str> = needless.iter().map(|row| row.get_str("_id").unwrap()).collect();
    assert_eq!(needless, ["acme/purged 1.0.0"], "it has no config");
    postings::assert_right(&raw).await;
}

/// As it was before packages had numbers; but somebody had begun to bring it up to date.
async fn lose_numbers(raw: &Database) {
    let packages = raw.collection::<Document>("packages");
    raw.run_command(doc! { "collMod": "packages", "validator": {} }).await.unwrap();
    packages.update_many(doc! { "_id": { "$ne": "acme/gone" } }, doc! { "$unset": { "number": "" } }).await.unwrap();
    packages.update_one(doc! { "_id": "acme/gone" }, doc! { "$set": { "number": 0i64 } }).await.unwrap();
    let counted = doc! { "$set": { "packages": 1i64 } };
    raw.collection::<Document>("registry").update_one(doc! { "_id": "counter" }, counted).await.unwrap();
    let kept = raw.collection::<Document>("postings");
    kept.delete_many(doc! { "_id": { "$gte": "8" } }).await.unwrap();
    let bits = Binary { subtype: BinarySubtype::Generic, bytes: vec![9, 0] };
    for key in ["0", "7", "f"] {
        kept.insert_one(doc! { "_id": key.repeat(40), "bits": bits.clone() }).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn packages_of_an_older_database_are_numbered_by_name() {
    let Some(databases) = Databases::new() else { return };
    let address = databases.next();
    let first = world(&Arc::new(Mongo::open(&address).await.unwrap())).await;
    for name in ["acme/c", "acme/a", "acme/b"] {
        first.publish(&format!("{name}@1.0.0")).await.unwrap();
    }
    let raw = database(&address).await;
    raw.run_command(doc! { "collMod": "packages", "validator": {} }).await.unwrap();
    let packages = raw.collection::<Document>("packages");
    packages.update_many(doc! {}, doc! { "$unset": { "number": "" } }).await.unwrap();
    raw.collection::<Document>("postings").drop().await.unwrap();
    let registry = raw.collection::<Document>("registry");
    registry.update_one(doc! { "_id": "counter" }, doc! { "$unset": { "packages": "" } }).await.unwrap();
    registry.update_one(doc! { "_id": "schema" }, doc! { "$set": { "version": 6i64 } }).await.unwrap();
    let again = world(&Arc::new(Mongo::open(&address).await.unwrap())).await;
    for (name, number) in [("acme/a", 0), ("acme/b", 1), ("acme/c", 2)] {
        let package = packages.find_one(doc! { "_id": name }).await.unwrap().unwrap();
        assert_eq!(package.get_i64("number").unwrap(), number, "{name}");
    }
    postings::assert_right(&raw).await;
    again.publish("acme/d@1.0.0").await.unwrap();
    postings::assert_right(&raw).await;
}

#[tokio::test]
async fn what_is_needed_is_read_again_in_an_older_database() {
    let Some(databases) = Databases::new() else { return };
    let address = databases.next();
    needs::publish(&world(&Arc::new(Mongo::open(&address).await.unwrap())).await).await.unwrap();
    // As it was written before: each text as it is.
    let raw = database(&address).await;
    let (packages, labels) = (raw.collection::<Document>("packages"), raw.collection::<Document>("labels"));
    packages.update_many(doc! {}, doc! { "$pull": { "labels": { "$regex": "^need " } } }).await.unwrap();
    labels.delete_many(doc! { "type": "need" }).await.unwrap();
    for (name, said) in needs::SAID {
        let said: Vec<String> = said.iter().map(|text| format!("need {text}")).collect();
        for key in &said {
            let count = doc! { "$set": { "type": "need" }, "$inc": { "count": 1i64 } };
            labels.update_one(doc! { "_id": key }, count).upsert(true).await.unwrap();
        }
        packages.update_one(doc! { "_id": *name }, doc! { "$push": { "labels": { "$each": said } } }).await.unwrap();
    }
    let registry = raw.collection::<Document>("registry");
    registry.update_one(doc! { "_id": "schema" }, doc! { "$set": { "version": 5i64 } }).await.unwrap();
    let opened = join_all((0..3).map(|_| Mongo::open(&address))).await;
    for again in opened {
        needs::assert_found(&world(&Arc::new(again.unwrap())).await).await.unwrap();
    }
    postings::assert_right(&raw).await;
    assert_eq!(labels.count_documents(doc! { "type": "need" }).await.unwrap(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn packages_of_an_earlier_release_get_counts() {
    let Some(databases) = Databases::new() else { return };
    let address = databases.next();
    let first = world(&Arc::new(Mongo::open(&address).await.unwrap())).await;
    first.publish("acme/hello@1.0.0").await.unwrap();
    // As it was written before there were any.
    let raw = database(&address).await;
    raw.run_command(doc! { "collMod": "packages", "validator": {} }).await.unwrap();
    let counts = doc! { "$unset": { "downloads": "", "stars": "" } };
    raw.collection::<Document>("packages").update_many(doc! {}, counts).await.unwrap();
    let again = world(&Arc::new(Mongo::open(&address).await.unwrap())).await;
    again.download("acme/hello@1.0.0", 2).await.unwrap();
    again.star("acme/hello", 1).await.unwrap();
    let package = again.package("acme/hello").await.unwrap();
    assert_eq!((package.downloads, package.stars), (2, 1));
}

#[tokio::test]
async fn a_newer_schema_and_the_database_of_another_program_are_refused() {
    let Some(databases) = Databases::new() else { return };
    let newer = databases.next();
    drop(Mongo::open(&newer).await.unwrap());
    let registry = database(&newer).await.collection::<Document>("registry");
    registry.update_one(doc! { "_id": "schema" }, doc! { "$set": { "version": 9i64 } }).await.unwrap();
    let error = refused(&newer).await;
    assert!(matches!(error, MetaError::NewerSchema { found: 9, known: 8, .. }), "{error}");
    let foreign = databases.next();
    database(&foreign).await.collection("tags").insert_one(doc! { "theirs": true }).await.unwrap();
    let error = refused(&foreign).await;
    assert!(matches!(&error, MetaError::Corrupt(what) if what.contains("another program")), "{error}");
    assert_eq!(database(&foreign).await.list_collection_names().await.unwrap(), ["tags"]);
    // An index of ours with other keys.
    let differing = databases.next();
    drop(Mongo::open(&differing).await.unwrap());
    let raw = database(&differing).await;
    let versions = raw.collection::<Document>("versions");
    versions.drop_index("by_manifest").await.unwrap();
    let options = mongodb::options::IndexOptions::builder().name("by_manifest".to_owned()).build();
    let index = mongodb::IndexModel::builder().keys(doc! { "kind": 1 }).options(options).build();
    versions.create_index(index).await.unwrap();
    let error = refused(&differing).await;
    assert!(matches!(&error, MetaError::Corrupt(what) if what.contains("drop that index")), "{error}");
}

#[tokio::test]
async fn a_server_outside_a_replica_set_is_refused_with_the_way_out() {
    let Some(server) = Server::start(Set::None).await else { return };
    for address in [server.address(), server.direct()] {
        let error = refused(&address).await;
        assert!(matches!(error, MetaError::Unavailable(_)));
        let text = error.to_string();
        assert!(text.contains("--replSet rs0") && text.contains("rs.initiate()"), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_opened_says_so_soon_and_says_no_password() {
    let Some(server) = given("PCLR_TEST_MONGODB") else { return };
    let (host, options) = server.strip_prefix("mongodb://").unwrap().split_once('/').unwrap();
    // It accepts connections and says nothing.
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let silent = silent.local_addr().map(|address| (address, silent)).unwrap();
    for (address, expected) in [
        (
            format!("mongodb://ann:s3cret@127.0.0.1:{}/pclr", free_port()),
            "Connection refused (os error 111)\nhint: check that the server runs",
        ),
        (format!("mongodb://ann:s3cret@{}/pclr", silent.0), "check that the server runs"),
        (format!("mongodb://ann:s3cret@{host}/pclr{options}"), "check user, password and authSource"),
        (format!("mongodb://{host}/pclr?replicaSet=other"), "replicaSet if the address gives it"),
        ("mongodb+srv://ann:s3cret@example.com/pclr".to_owned(), "give the members instead"),
    ] {
        let text = refused(&address).await.to_string();
        assert!(text.contains(expected) && !text.contains("s3cret"), "{address}: {text}");
    }
}
