//! Hearing of new heads: `NOTIFY` within the transaction of each change, `LISTEN` on a connection outside the pool.
//!
//! A channel belongs to a whole database, so a message names the schema that it speaks of. A pooler between the two that gives out
//! connections by transaction lets no message through; whoever listens asks for the head from time to time anyway.

use std::time::Duration;

use sqlx::postgres::{PgListener, PgPoolOptions};
use tokio::sync::watch;

use super::super::MetaError;
use super::super::column::unsigned;
use super::pool::Pool;
use super::sql::{get, query};

const CHANNEL: &str = "pclr_events";
/// How long to wait before a connection that failed is tried again.
const RETRY: Duration = Duration::from_secs(1);
/// How long to wait for the connection.
const ACQUIRE: Duration = Duration::from_secs(3);

/// Listens until nobody wants to hear any more.
pub(super) async fn listen(pool: &Pool) -> Result<watch::Receiver<u64>, MetaError> {
    let mut listener = connect(pool).await.map_err(|error| pool.failed(error))?;
    // Asked for when everything behind it will be heard.
    let sql = "SELECT current_schema()::text, n FROM counter WHERE one = 1";
    let found = pool.row(|| query(sql), |row| Ok((get::<String>(row, 0)?, get::<i64>(row, 1)?))).await?;
    let (schema, head) = found.ok_or_else(|| MetaError::Corrupt("the event counter is gone".to_owned()))?;
    let (told, heads) = watch::channel(unsigned(head));
    tokio::spawn(async move {
        loop {
            // It connects again by itself, and listens again, when the connection is lost.
            let heard = tokio::select! {
                heard = listener.recv() => heard,
                () = told.closed() => return,
            };
            match heard {
                Ok(message) => {
                    let head = head_in(message.payload(), &schema);
                    told.send_if_modified(|told| std::mem::replace(told, head.max(*told)) < head);
                }
                Err(error) => {
                    tracing::debug!(%error, "the database cannot be listened to, trying again");
                    tokio::time::sleep(RETRY).await;
                }
            }
        }
    });
    Ok(heads)
}

async fn connect(pool: &Pool) -> Result<PgListener, sqlx::Error> {
    let one = PgPoolOptions::new().max_connections(1).acquire_timeout(ACQUIRE);
    let mut listener = PgListener::connect_with(&one.connect_lazy_with(pool.options())).await?;
    listener.listen(CHANNEL).await?;
    Ok(listener)
}

/// The head that a message names; 0 if it speaks of another schema.
fn head_in(message: &str, schema: &str) -> u64 {
    let number = message.rsplit_once(' ').filter(|(of, _)| *of == schema).and_then(|(_, number)| number.parse().ok());
    number.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_of_other_schemas_count_for_nothing() {
        assert_eq!(head_in("public 12", "public"), 12);
        assert_eq!(head_in("my schema 12", "my schema"), 12);
        for message in ["other 12", "public", "public x", "", "12"] {
            assert_eq!(head_in(message, "public"), 0, "{message:?}");
        }
    }
}
