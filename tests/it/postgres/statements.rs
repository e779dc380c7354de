//! Connections that break after any statement of any change: the server has carried it out, and nobody is told.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use pcl_registry::meta::contract::faults::{Life, Met, Statements, nothing_of_a_failed_statement_stays};
use pcl_registry::meta::contract::{Check, Failure, Stores};
use pcl_registry::meta::{Meta, MetaError, Postgres};

use super::database::Database;
use super::wire::Wire;

/// Databases on the other side of a wire.
struct Breaking {
    wire: Wire,
    /// The first one, there to know that there is a server.
    spare: Mutex<Option<Database>>,
    used: Mutex<Vec<Database>>,
}

#[async_trait]
impl Stores for Breaking {
    async fn empty(&self) -> Result<Meta, MetaError> {
        let spare = self.spare.lock().unwrap().take();
        let database = spare.or_else(Database::new).expect("there is a server");
        let address = database.address_at(&self.wire.place);
        self.used.lock().unwrap().push(database);
        Ok(Arc::new(Postgres::open(&address).await?).meta())
    }
}

/// What asks a connection whether it lives is no statement, and a change that breaks as it begins is begun once more.
#[async_trait]
impl Statements for Breaking {
    async fn fail_at(&self, at: usize) -> Result<(), Failure> {
        self.wire.cut_at(at);
        Ok(())
    }

    async fn met(&self) -> Result<Met, Failure> {
        Ok(self.wire.heal())
    }
}

async fn a_connection_that_breaks_after_any_statement_leaves_nothing(life: Life) -> Check {
    let Some(database) = Database::new() else { return Ok(()) };
    let wire = Wire::to(database.place()).await;
    let stores = Breaking { wire, spare: Mutex::new(Some(database)), used: Mutex::default() };
    for (step, failures) in nothing_of_a_failed_statement_stays(&stores, life).await? {
        // Begin with the head, the facts, the rows, the event with the head, commit.
        assert!(failures >= 5, "{step}: only {failures} failures");
    }
    Ok(())
}

pcl_registry::every_life!(a_connection_that_breaks_after_any_statement_leaves_nothing);
