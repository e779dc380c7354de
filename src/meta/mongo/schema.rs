//! Collections, their validators and indexes: made and checked at every start, by any number of servers at once.

use std::collections::BTreeMap;
use std::time::Duration;

use mongodb::IndexModel;
use mongodb::bson::{Bson, Document, doc};
use mongodb::options::IndexOptions;
use uuid::Uuid;

use super::super::MetaError;
use super::connection::{Connection, SWEEP, within};
use super::error::{self, IN_PROGRESS, INDEX_DIFFERS, NAMESPACE_EXISTS, WRITE_CONFLICT, code, failed};
use super::rows::{COUNTER, EVENTS, IDENTITY, REGISTRY};
use super::upgrade;

/// The schema that this program writes. A release that changes a document's meaning counts it up.
const SCHEMA: i64 = 6;
/// `_id` of the document with the number of the schema.
const NUMBER: &str = "schema";
/// How often a step that met another server's is tried again.
const TRIES: u32 = 20;

/// A collection: fields that every document has, fields that it may have, with their BSON types, and indexes.
struct Layout {
    collection: &'static str,
    fields: &'static [(&'static str, &'static str)],
    optional: &'static [(&'static str, &'static str)],
    indexes: &'static [Index],
}

/// Fields with their directions. Documents without the field `only` are left out.
struct Index {
    name: &'static str,
    keys: &'static [(&'static str, i32)],
    only: Option<&'static str>,
}

const LAYOUTS: &[Layout] = &[
    Layout {
        collection: EVENTS,
        fields: &[("_id", "long"), ("repository", "string"), ("bytes", "binData")],
        optional: &[],
        indexes: &[Index { name: "by_repository", keys: &[("repository", 1), ("_id", -1)], only: None }],
    },
    Layout {
        collection: "repositories",
        fields: &[("_id", "string"), ("live", "long")],
        optional: &[("unlisted", "bool"), ("said", "string"), ("unpushed", "bool")],
        indexes: &[],
    },
    Layout {
        collection: "manifests",
        fields: &[
            ("_id", "string"),
            ("blob", "string"),
            ("media_type", "string"),
            ("size", "long"),
            ("annotations", "string"),
            ("blobs", "array"),
            ("hidden", "bool"),
            ("n", "long"),
        ],
        optional: &[("artifact_type", "string"), ("subject", "string")],
        indexes: &[
            Index { name: "by_subject", keys: &[("subject", 1), ("n", 1)], only: Some("subject") },
            // What keeps a blob is asked for by the blob.
            Index { name: "by_blob", keys: &[("blob", 1)], only: None },
            Index { name: "by_blobs", keys: &[("blobs", 1)], only: None },
        ],
    },
    Layout {
        collection: "tags",
        fields: &[("_id", "string"), ("manifest", "string")],
        optional: &[],
        indexes: &[Index { name: "by_manifest", keys: &[("manifest", 1), ("_id", 1)], only: None }],
    },
    Layout {
        collection: "packages",
        fields: &[
            ("_id", "string"),
            ("org", "string"),
            ("kind", "string"),
            ("visibility", "string"),
            ("created", "long"),
            ("updated", "long"),
            ("versions", "long"),
            ("labels", "array"),
            ("downloads", "long"),
            ("stars", "long"),
        ],
        optional: &[
            ("shown", "string"),
            ("rank", "string"),
            ("latest", "string"),
            ("card", "string"),
            ("pinned", "string"),
            ("owners", "array"),
        ],
        indexes: &[
            Index { name: "by_time", keys: &[("updated", -1), ("_id", 1)], only: Some("shown") },
            Index { name: "by_age", keys: &[("created", -1), ("_id", 1)], only: Some("shown") },
            Index { name: "by_downloads", keys: &[("downloads", -1), ("_id", 1)], only: Some("shown") },
            Index { name: "by_stars", keys: &[("stars", -1), ("_id", 1)], only: Some("shown") },
            Index { name: "by_label", keys: &[("labels", 1), ("_id", 1)], only: None },
            Index { name: "by_org", keys: &[("org", 1), ("_id", 1)], only: None },
            // What not everybody sees is listed by itself.
            Index { name: "by_visibility", keys: &[("visibility", 1), ("org", 1), ("_id", 1)], only: Some("shown") },
            Index { name: "by_kind", keys: &[("kind", 1), ("_id", 1)], only: None },
            // What is added up of all public packages, with all that the sum asks for.
            Index {
                name: "by_sums",
                keys: &[("kind", 1), ("visibility", 1), ("versions", 1), ("downloads", 1), ("stars", 1), ("shown", 1)],
                only: Some("shown"),
            },
        ],
    },
    Layout {
        collection: "labels",
        fields: &[("_id", "string"), ("type", "string"), ("count", "long")],
        optional: &[],
        indexes: &[Index { name: "by_count", keys: &[("type", 1), ("count", -1), ("_id", 1)], only: None }],
    },
    Layout {
        collection: "versions",
        fields: &[
            ("_id", "string"),
            ("name", "string"),
            ("version", "string"),
            ("manifest", "string"),
            ("kind", "string"),
            ("record", "string"),
            ("yanked", "bool"),
            ("deleted", "bool"),
            ("published", "long"),
            ("event", "long"),
            ("event_id", "string"),
            ("blobs", "array"),
        ],
        optional: &[("rank", "string"), ("reason", "string"), ("deprecation", "string"), ("purged", "bool")],
        indexes: &[
            Index { name: "by_rank", keys: &[("name", 1), ("rank", -1)], only: Some("rank") },
            Index { name: "by_manifest", keys: &[("manifest", 1), ("event", 1)], only: None },
            Index { name: "by_event_id", keys: &[("event_id", 1), ("event", 1)], only: None },
            Index { name: "by_blobs", keys: &[("blobs", 1)], only: None },
        ],
    },
    Layout { collection: "configs", fields: &[("_id", "string"), ("text", "string")], optional: &[], indexes: &[] },
    Layout {
        collection: "collections",
        fields: &[
            ("_id", "string"),
            ("org", "string"),
            ("blob", "string"),
            ("visibility", "string"),
            ("packages", "array"),
            ("created", "long"),
            ("updated", "long"),
        ],
        optional: &[("title", "string"), ("description", "string")],
        indexes: &[
            Index { name: "by_org", keys: &[("org", 1), ("_id", 1)], only: None },
            Index { name: "by_package", keys: &[("packages", 1), ("_id", 1)], only: None },
            Index { name: "by_blob", keys: &[("blob", 1)], only: None },
        ],
    },
    Layout {
        collection: "orgs",
        fields: &[
            ("_id", "string"),
            ("blob", "string"),
            ("profile", "string"),
            ("visibility", "string"),
            ("created", "long"),
            ("updated", "long"),
        ],
        optional: &[],
        indexes: &[Index { name: "by_blob", keys: &[("blob", 1)], only: None }],
    },
    Layout {
        collection: "blobs",
        fields: &[("_id", "string"), ("size", "long"), ("touched", "long"), ("state", "int")],
        optional: &[("condemned", "long"), ("named", "long")],
        indexes: &[
            Index { name: "not_live", keys: &[("condemned", 1), ("_id", 1)], only: Some("condemned") },
            Index { name: "by_touch", keys: &[("state", 1), ("touched", 1)], only: None },
        ],
    },
    Layout {
        collection: "links",
        fields: &[("_id", "string"), ("blob", "string"), ("recorded", "bool")],
        optional: &[],
        indexes: &[Index { name: "by_blob", keys: &[("blob", 1)], only: None }],
    },
    Layout {
        collection: "accounts",
        fields: &[("_id", "string"), ("created", "long"), ("roles", "array"), ("tokens", "array")],
        optional: &[],
        indexes: &[
            Index { name: "by_token", keys: &[("tokens.hash", 1)], only: None },
            Index { name: "by_role", keys: &[("roles", 1), ("_id", 1)], only: None },
        ],
    },
    Layout {
        collection: "downloads",
        fields: &[("_id", "string"), ("name", "string"), ("version", "string"), ("day", "long"), ("number", "long")],
        optional: &[],
        indexes: &[Index { name: "by_name", keys: &[("name", 1), ("day", 1)], only: None }],
    },
    Layout {
        collection: "daily_downloads",
        fields: &[("_id", "string"), ("day", "long"), ("name", "string"), ("number", "long")],
        optional: &[],
        indexes: &[Index { name: "by_day", keys: &[("day", 1), ("name", 1), ("number", 1)], only: None }],
    },
    Layout {
        collection: "download_batches",
        fields: &[("_id", "string"), ("number", "long")],
        optional: &[],
        indexes: &[],
    },
    Layout {
        collection: "stars",
        fields: &[("_id", "string"), ("name", "string"), ("starred", "long"), ("day", "long")],
        optional: &[],
        indexes: &[Index { name: "by_day", keys: &[("day", 1), ("name", 1)], only: None }],
    },
];

/// Fields that documents of an earlier release lack, and what they are to hold.
const ADDED: &[(&str, &str, i64)] = &[("packages", "downloads", 0), ("packages", "stars", 0)];

impl Layout {
    fn validator(&self) -> Document {
        let types = |fields: &[(&str, &str)]| -> Document {
            fields.iter().map(|(name, bson)| ((*name).to_owned(), Bson::from(doc! { "bsonType": *bson }))).collect()
        };
        let required: Vec<&str> = self.fields.iter().map(|(name, _)| *name).collect();
        let mut properties = types(self.fields);
        properties.extend(types(self.optional));
        let schema = doc! {
            "bsonType": "object",
            "required": required,
            "properties": properties,
            "additionalProperties": false,
        };
        doc! { "$jsonSchema": schema }
    }

    fn indexes(&self) -> impl Iterator<Item = IndexModel> {
        self.indexes.iter().map(|index| {
            let keys: Document =
                index.keys.iter().map(|(field, way)| ((*field).to_owned(), Bson::from(*way))).collect();
            let only = index.only.map(|field| doc! { field: { "$exists": true } });
            let options = IndexOptions::builder().name(index.name.to_owned()).partial_filter_expression(only);
            IndexModel::builder().keys(keys).options(options.build()).build()
        })
    }
}

/// Makes the schema, or checks that it is the one that this program writes.
pub(super) async fn ensure(connection: &Connection) -> Result<(), MetaError> {
    let number = claim(connection).await?;
    let mut found = validators(connection).await?;
    for layout in LAYOUTS {
        ensure_collection(connection, layout, found.remove(layout.collection)).await?;
        ensure_indexes(connection, layout).await?;
    }
    let once = [
        (COUNTER, doc! { "n": 0i64, "time": 0i64, "changes": 0i64 }),
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
    if layout.indexes.is_empty() {
        return Ok(());
    }
    let collection = connection.database.collection::<Document>(layout.collection);
    let step = || async { collection.create_indexes(layout.indexes()).await.map(drop) };
    persist(step).await.map_err(|error| match error {
        MetaError::Corrupt(what) => {
            MetaError::Corrupt(format!("an index of {}.{}: {what}", connection.shown, layout.collection))
        }
        other => other,
    })
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
