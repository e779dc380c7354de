//! The contract that every metadata store keeps.

use std::sync::Mutex;

use async_trait::async_trait;
use pcl_registry::meta::contract::Stores;
use pcl_registry::meta::{Meta, MetaError};

use super::database::Database;

/// As many databases as a check asks for. The first is there from the beginning, to know that there is a server.
struct Databases {
    spare: Mutex<Option<Database>>,
    used: Mutex<Vec<Database>>,
}

impl Databases {
    fn new() -> Option<Self> {
        Some(Self { spare: Mutex::new(Some(Database::new()?)), used: Mutex::default() })
    }
}

#[async_trait]
impl Stores for Databases {
    async fn empty(&self) -> Result<Meta, MetaError> {
        let spare = self.spare.lock().unwrap().take();
        let database = spare.or_else(Database::new).expect("there is a server");
        let meta = database.empty().await;
        self.used.lock().unwrap().push(database);
        meta
    }
}

pcl_registry::metadata_contract!(match Databases::new() {
    Some(databases) => databases,
    None => return Ok(()),
});
