//! Hearing of new heads: a change stream on the counter's document, which a change writes in its transaction.

use std::time::Duration;

use futures::StreamExt;
use mongodb::bson::{Document, doc};
use mongodb::change_stream::ChangeStream;
use mongodb::change_stream::event::ChangeStreamEvent;
use mongodb::error::Result as Driver;
use tokio::sync::watch;

use super::super::MetaError;
use super::connection::Connection;
use super::rows::{COUNTER, Counter, REGISTRY, unsigned};

/// How long to wait before a stream that ended is begun again.
const RETRY: Duration = Duration::from_secs(1);

/// Watches until nobody wants to hear any more.
pub(super) async fn watch(connection: &Connection) -> Result<watch::Receiver<u64>, MetaError> {
    let mut changes = connection.run(open(connection)).await?;
    // Asked for when everything behind it will be heard.
    let registry = connection.database.collection::<Counter>(REGISTRY);
    let counter = connection.run(registry.find_one(doc! { "_id": COUNTER })).await?;
    let head = counter.map(|counter| counter.head().n);
    let head = head.ok_or_else(|| MetaError::Corrupt("the event counter is gone".to_owned()))?;
    let (told, heads) = watch::channel(head);
    let connection = connection.clone();
    tokio::spawn(async move {
        loop {
            let change = tokio::select! {
                change = changes.next() => change,
                () = told.closed() => return,
            };
            match change {
                Some(Ok(change)) => {
                    let head = head_in(&change);
                    told.send_if_modified(|told| std::mem::replace(told, head.max(*told)) < head);
                }
                // It has tried to go on by itself before it says so.
                Some(Err(_)) | None => changes = reopen(&connection).await,
            }
        }
    });
    Ok(heads)
}

async fn open(connection: &Connection) -> Driver<ChangeStream<ChangeStreamEvent<Document>>> {
    let counter = doc! { "$match": { "documentKey._id": COUNTER, "operationType": "update" } };
    connection.database.collection::<Document>(REGISTRY).watch().pipeline([counter]).await
}

async fn reopen(connection: &Connection) -> ChangeStream<ChangeStreamEvent<Document>> {
    loop {
        tokio::time::sleep(RETRY).await;
        match open(connection).await {
            Ok(changes) => return changes,
            Err(error) => tracing::debug!(%error, "the database cannot be watched, trying again"),
        }
    }
}

/// The head that an update of the counter sets; 0 if it only takes the counter.
fn head_in(change: &ChangeStreamEvent<Document>) -> u64 {
    let set = change.update_description.as_ref().and_then(|update| update.updated_fields.get_i64("n").ok());
    set.map(unsigned).unwrap_or_default()
}
