//! Collections, their validators and indexes: made and checked at every start, by any number of servers at once.

mod layout;

use std::collections::BTreeMap;
use std::time::Duration;

use mongodb::bson::{Document, doc};
use uuid::Uuid;

use super::super::MetaError;
use super::connection::{Connection, SWEEP, within};
use super::error::{self, IN_PROGRESS, INDEX_DIFFERS, INDEX_UNKNOWN, NAMESPACE_EXISTS, WRITE_CONFLICT, code, failed};
use super::rows::{COUNTER, IDENTITY, REGISTRY};
use super::upgrade;
pub(super) use layout::BY_NUMBER;
use layout::{ADDED, DROPPED, LAYOUTS, Layout};

/// The schema that this program writes. A release that changes a document's meaning counts it up.
pub(super) const SCHEMA: i64 = 8;
/// `_id` of the document with the number of the schema.
pub(super) const NUMBER: &str = "schema";
/// How often a step that met another server's is tried again.
const TRIES: u32 = 20;

/// Makes the schema, or checks that it is the one that this program writes.
pub(super) async fn ensure(connection: &Connection) -> Result<(), MetaError> {
    let number = claim(connection).await?;
    let mut found = validators(connection).await?;
    for layout in LAYOUTS {
        ensure_collection(connection, layout, found.remove(layout.collection)).await?;
        ensure_indexes(connection, layout).await?;
    }
    for (collection, index) in DROPPED {
        drop_index(connection, collection, index).await?;
    }
    let once = [
        (COUNTER, doc! { "n": 0i64, "time": 0i64, "changes": 0i64, "packages": 0i64 }),
        (IDENTITY, doc! { "id": Uuid::now_v7().to_string() }),
    ];
    for (id, document) in once {
        set_once(connection, id, document).await?;
    }
    if number < SCHEMA {
        upgrade::fill(connection, number).await?;
        let registry = connection.database.collection::<Document>(REGISTRY);
        let older = doc! { "_id": NUMBER, "version": { "$lt": SCHEMA } };
        persist(|| async {
            registry.update_one(older.clone(), doc! { "$set": { "version": SCHEMA } }).await.map(drop)
        })
        .await?;
    }
    Ok(())
}

/// Writes the number of the schema before anything else is made, so that a database with collections and no number belongs to
/// another program, however many servers start at once. Returns the number that is there.
async fn claim(connection: &Connection) -> Result<i64, MetaError> {
    if let Some(number) = number(connection).await? {
        return Ok(number);
    }
    let names = connection.run(connection.database.list_collection_names()).await?;
    // Another server may have written it in between.
    if names.iter().any(|name| name != REGISTRY) && number(connection).await?.is_none() {
        return Err(MetaError::Corrupt(format!(
            "{} is the database of another program; name another database in the address",
            connection.shown
        )));
    }
    set_once(connection, NUMBER, doc! { "version": SCHEMA }).await?;
    Ok(number(connection).await?.unwrap_or(SCHEMA))
}

/// The number of the schema that is there. [`MetaError::NewerSchema`] if it is one of a later release.
async fn number(connection: &Connection) -> Result<Option<i64>, MetaError> {
    let registry = connection.database.collection::<Document>(REGISTRY);
    let Some(number) = connection.run(registry.find_one(doc! { "_id": NUMBER })).await? else { return Ok(None) };
    let unreadable = |_| MetaError::Corrupt(format!("{}: the number of the schema cannot be read", connection.shown));
    let found = number.get_i64("version").map_err(unreadable)?;
    if found > SCHEMA {
        return Err(MetaError::NewerSchema {
            store: connection.shown.to_string(),
            found: found.unsigned_abs(),
            known: SCHEMA.unsigned_abs(),
        });
    }
    Ok(Some(found))
}

/// Writes a document of the registry unless it is there.
async fn set_once(connection: &Connection, id: &str, document: Document) -> Result<(), MetaError> {
    let registry = connection.database.collection::<Document>(REGISTRY);
    let step = || async {
        registry.update_one(doc! { "_id": id }, doc! { "$setOnInsert": document.clone() }).upsert(true).await.map(drop)
    };
    persist(step).await
}

/// The validator of each collection that is there.
async fn validators(connection: &Connection) -> Result<BTreeMap<String, Document>, MetaError> {
    let found = connection.all(connection.database.list_collections()).await?;
    Ok(found.into_iter().map(|found| (found.name, found.options.validator.unwrap_or_default())).collect())
}

async fn ensure_collection(connection: &Connection, layout: &Layout, found: Option<Document>) -> Result<(), MetaError> {
    let (database, validator) = (&connection.database, layout.validator());
    match found {
        Some(found) if found == validator => Ok(()),
        Some(_) => {
            // Before the validator asks for them: whoever is interrupted here finds the old one and begins again.
            for (_, field, value) in ADDED.iter().filter(|(collection, ..)| *collection == layout.collection) {
                let documents = database.collection::<Document>(layout.collection);
                let (lacking, add) = (doc! { *field: { "$exists": false } }, doc! { "$set": { *field: *value } });
                let step = || async {
                    let add = documents.update_many(lacking.clone(), add.clone()).bypass_document_validation(true);
                    add.await.map(drop)
                };
                persist(step).await?;
            }
            let command = doc! { "collMod": layout.collection, "validator": validator };
            persist(|| async { database.run_command(command.clone()).await.map(drop) }).await
        }
        None => {
            let step = || async {
                match database.create_collection(layout.collection).validator(validator.clone()).await {
                    Err(error) if code(&error) == Some(NAMESPACE_EXISTS) => Ok(()),
                    made => made,
                }
            };
            persist(step).await
        }
    }
}

async fn ensure_indexes(connection: &Connection, layout: &Layout) -> Result<(), MetaError> {
    let indexes: Vec<_> = layout.indexes().collect();
    if indexes.is_empty() {
        return Ok(());
    }
    let collection = connection.database.collection::<Document>(layout.collection);
    let step = || async { collection.create_indexes(indexes.clone()).await.map(drop) };
    persist(step).await.map_err(|error| match error {
        MetaError::Corrupt(what) => {
            MetaError::Corrupt(format!("an index of {}.{}: {what}", connection.shown, layout.collection))
        }
        other => other,
    })
}

/// Drops an index that an earlier release left. Asked to drop one that is not there, the server locks the collection all the same:
/// it waits for every transaction on it, and all that come wait behind that.
async fn drop_index(connection: &Connection, collection: &str, index: &str) -> Result<(), MetaError> {
    let collection = connection.database.collection::<Document>(collection);
    if !connection.run(collection.list_index_names()).await?.iter().any(|name| name == index) {
        return Ok(());
    }
    let step = || async {
        match collection.drop_index(index).await {
            // Another server was faster.
            Err(error) if code(&error) == Some(INDEX_UNKNOWN) => Ok(()),
            dropped => dropped,
        }
    };
    persist(step).await
}

/// Runs a step that may be run again, until no other server is in its way.
async fn persist<F: Future<Output = mongodb::error::Result<()>>>(step: impl Fn() -> F) -> Result<(), MetaError> {
    for tried in 1.. {
        // A new index over a large collection takes its time.
        let Err(error) = within(SWEEP, step()).await? else { break };
        match code(&error) {
            Some(WRITE_CONFLICT | IN_PROGRESS) if tried < TRIES => {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            Some(code) if INDEX_DIFFERS.contains(&code) => {
                return Err(MetaError::Corrupt(format!(
                    "{}; drop that index, the next start makes it again",
                    error::message(&error)
                )));
            }
            _ => return Err(failed(&error)),
        }
    }
    Ok(())
}
