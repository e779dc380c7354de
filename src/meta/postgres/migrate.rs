//! Migrations: forward only, each applied once, and never changed afterwards.

use sqlx::postgres::{PgConnection, PgRow};
use uuid::Uuid;

use crate::domain::Digest;

use super::super::MetaError;
use super::super::column::{signed, unsigned};
use super::error::failed;
use super::pool::script;
use super::sql::{get, query};

/// One step of the schema.
pub(super) struct Migration {
    pub number: u64,
    pub name: &'static str,
    pub sql: &'static str,
}

/// All of them, in order.
pub(super) const MIGRATIONS: &[Migration] = &[
    Migration { number: 1, name: "catalogue", sql: include_str!("../../../migrations/postgres/0001_catalogue.sql") },
    Migration { number: 2, name: "accounts", sql: include_str!("../../../migrations/postgres/0002_accounts.sql") },
    Migration { number: 3, name: "label_sets", sql: include_str!("../../../migrations/postgres/0003_label_sets.sql") },
    Migration { number: 4, name: "purge", sql: include_str!("../../../migrations/postgres/0004_purge.sql") },
    Migration {
        number: 5,
        name: "version_ids",
        sql: include_str!("../../../migrations/postgres/0005_version_ids.sql"),
    },
    Migration { number: 6, name: "states", sql: include_str!("../../../migrations/postgres/0006_states.sql") },
    Migration { number: 7, name: "owners", sql: include_str!("../../../migrations/postgres/0007_owners.sql") },
    Migration {
        number: 8,
        name: "collections",
        sql: include_str!("../../../migrations/postgres/0008_collections.sql"),
    },
    Migration { number: 9, name: "orgs", sql: include_str!("../../../migrations/postgres/0009_orgs.sql") },
    Migration { number: 10, name: "social", sql: include_str!("../../../migrations/postgres/0010_social.sql") },
    Migration { number: 11, name: "names", sql: include_str!("../../../migrations/postgres/0011_names.sql") },
    Migration { number: 12, name: "references", sql: include_str!("../../../migrations/postgres/0012_references.sql") },
    Migration { number: 13, name: "hidden", sql: include_str!("../../../migrations/postgres/0013_hidden.sql") },
    Migration { number: 14, name: "needs", sql: include_str!("../../../migrations/postgres/0014_needs.sql") },
    Migration {
        number: 15,
        name: "label_order",
        sql: include_str!("../../../migrations/postgres/0015_label_order.sql"),
    },
    Migration { number: 16, name: "log", sql: include_str!("../../../migrations/postgres/0016_log.sql") },
];

/// Waits as long as somebody else brings the schema up to date, which may be minutes, and locks it against all others who would:
/// `pclrmeta` as a number. Given back with the transaction. The limits are lifted first, and by statements of their own: the limit of a
/// statement is the one that was set when it began. A lock on a table is waited for no longer than ever.
const BEGIN: [&str; 3] = [
    "BEGIN; SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0",
    "SELECT pg_advisory_xact_lock(8098435793659720801)",
    "SET LOCAL lock_timeout = DEFAULT",
];

/// What is there. Our table of migrations has a name of its own: many programs have one.
const FOUND: &str = "SELECT current_setting('server_encoding'), current_schema() IS NOT NULL,
    EXISTS (SELECT 1 FROM pg_tables WHERE schemaname = current_schema() AND tablename = 'pclr_migrations'),
    EXISTS (SELECT 1 FROM pg_tables WHERE schemaname = current_schema())";

/// Brings the schema up to date in one transaction. `store` names it in errors.
///
/// [`MetaError::NewerSchema`] if a newer release was here, [`MetaError::MigrationChanged`] if a migration that was applied is
/// not the one given, [`MetaError::MigrationMissing`] if one was left out, [`MetaError::Corrupt`] if the database belongs to another program or cannot hold all of Unicode.
pub(super) async fn migrate(
    connection: &mut PgConnection,
    store: &str,
    migrations: &[Migration],
) -> Result<(), MetaError> {
    let mut schema = Schema { connection, store };
    for sql in BEGIN {
        super::pool::migration(schema.connection, sql).await.map_err(|error| failed(store, error))?;
    }
    let migrated = schema.migrate(migrations).await;
    // An error ends the transaction; if saying so fails too, the connection ends it.
    let ended = schema.run(if migrated.is_ok() { "COMMIT" } else { "ROLLBACK" }).await;
    migrated.and(ended.map(drop))
}

struct Schema<'a> {
    connection: &'a mut PgConnection,
    store: &'a str,
}

impl Schema<'_> {
    async fn run(&mut self, sql: &str) -> Result<Vec<PgRow>, MetaError> {
        script(self.connection, sql.to_owned()).await.map_err(|error| failed(self.store, error))
    }

    async fn migrate(&mut self, migrations: &[Migration]) -> Result<(), MetaError> {
        self.make_table().await?;
        let applied = self.applied().await?;
        let known = migrations.last().map_or(0, |migration| migration.number);
        if let Some((found, ..)) = applied.last().filter(|(number, ..)| *number > known) {
            return Err(MetaError::NewerSchema { store: self.store.to_owned(), found: *found, known });
        }
        for migration in migrations {
            let checksum = Digest::sha256(migration.sql.as_bytes()).to_string();
            match applied.iter().find(|(number, ..)| *number == migration.number) {
                Some((.., recorded)) if *recorded == checksum => {}
                Some((number, name, _)) => {
                    let migration = format!("{number:04}_{name}");
                    return Err(MetaError::MigrationChanged { store: self.store.to_owned(), migration });
                }
                None => {
                    if let Some((number, name, _)) = applied.iter().find(|(number, ..)| *number > migration.number) {
                        let missing = format!("{:04}_{}", migration.number, migration.name);
                        let applied = format!("{number:04}_{name}");
                        return Err(MetaError::MigrationMissing { store: self.store.to_owned(), missing, applied });
                    }
                    let run = super::pool::migration(self.connection, migration.sql).await;
                    run.map_err(|error| failed(self.store, error))?;
                    let record = query("INSERT INTO pclr_migrations (number, name, checksum) VALUES ($1, $2, $3)");
                    let record = record.bind(signed(migration.number)).bind(migration.name).bind(checksum);
                    record.execute(&mut *self.connection).await.map_err(|error| failed(self.store, error))?;
                }
            }
        }
        Ok(())
    }

    async fn make_table(&mut self) -> Result<(), MetaError> {
        let found = self.run(FOUND).await?;
        let found =
            found.first().ok_or_else(|| MetaError::Corrupt(format!("{} says nothing of itself", self.store)))?;
        let encoding: String = get(found, 0)?;
        if encoding != "UTF8" {
            return Err(MetaError::Corrupt(format!(
                "{} is encoded in {encoding}, which does not hold every text; create the database with encoding UTF8",
                self.store
            )));
        }
        if !get(found, 1)? {
            return Err(MetaError::Corrupt(format!(
                "{} has none of the schemas that the search_path names; create one",
                self.store
            )));
        }
        if get(found, 2)? {
            return Ok(());
        }
        if get(found, 3)? {
            return Err(MetaError::Corrupt(format!(
                "{} is the database of another program; name another database, or a schema with search_path",
                self.store
            )));
        }
        let table =
            "CREATE TABLE pclr_migrations (number bigint PRIMARY KEY, name text NOT NULL, checksum text NOT NULL)";
        self.run(table).await.map(drop)
    }

    /// Number, name and checksum of what was applied, in order.
    async fn applied(&mut self) -> Result<Vec<(u64, String, String)>, MetaError> {
        let rows = self.run("SELECT number, name, checksum FROM pclr_migrations ORDER BY number").await?;
        rows.iter().map(|row| Ok((unsigned(get(row, 0)?), get(row, 1)?, get(row, 2)?))).collect()
    }
}

/// Gives the database its identity if it has none. Of any number who do so one wins.
pub(super) async fn identify(connection: &mut PgConnection, store: &str) -> Result<(), MetaError> {
    let identity = query("INSERT INTO identity (one, id) VALUES (1, $1) ON CONFLICT DO NOTHING");
    let made = identity.bind(Uuid::now_v7().to_string()).execute(connection).await;
    made.map(drop).map_err(|error| failed(store, error))
}
