//! Migrations: forward only, each applied once, and never changed afterwards.

use rusqlite::{Connection, Transaction, TransactionBehavior};

use crate::domain::Digest;

use super::super::MetaError;
use super::sql::failed;

/// One step of the schema.
pub(super) struct Migration {
    pub number: u64,
    pub name: &'static str,
    pub sql: &'static str,
}

/// All of them, in order.
pub(super) const MIGRATIONS: &[Migration] = &[
    Migration { number: 1, name: "catalogue", sql: include_str!("../../../migrations/sqlite/0001_catalogue.sql") },
    Migration { number: 2, name: "standing", sql: include_str!("../../../migrations/sqlite/0002_standing.sql") },
    Migration { number: 3, name: "accounts", sql: include_str!("../../../migrations/sqlite/0003_accounts.sql") },
    Migration {
        number: 4,
        name: "label_counts",
        sql: include_str!("../../../migrations/sqlite/0004_label_counts.sql"),
    },
    Migration { number: 5, name: "purge", sql: include_str!("../../../migrations/sqlite/0005_purge.sql") },
    Migration { number: 6, name: "version_ids", sql: include_str!("../../../migrations/sqlite/0006_version_ids.sql") },
    Migration { number: 7, name: "states", sql: include_str!("../../../migrations/sqlite/0007_states.sql") },
    Migration { number: 8, name: "owners", sql: include_str!("../../../migrations/sqlite/0008_owners.sql") },
    Migration { number: 9, name: "collections", sql: include_str!("../../../migrations/sqlite/0009_collections.sql") },
    Migration { number: 10, name: "orgs", sql: include_str!("../../../migrations/sqlite/0010_orgs.sql") },
    Migration { number: 11, name: "social", sql: include_str!("../../../migrations/sqlite/0011_social.sql") },
    Migration { number: 12, name: "names", sql: include_str!("../../../migrations/sqlite/0012_names.sql") },
    Migration { number: 13, name: "references", sql: include_str!("../../../migrations/sqlite/0013_references.sql") },
    Migration { number: 14, name: "hidden", sql: include_str!("../../../migrations/sqlite/0014_hidden.sql") },
    Migration { number: 15, name: "needs", sql: include_str!("../../../migrations/sqlite/0015_needs.sql") },
    Migration { number: 16, name: "log", sql: include_str!("../../../migrations/sqlite/0016_log.sql") },
];

/// Brings the schema up to date in one transaction. `store` names the database in errors.
///
/// [`MetaError::NewerSchema`] if a newer release was here, [`MetaError::MigrationChanged`] if a migration that was applied is
/// not the one given, [`MetaError::MigrationMissing`] if one was left out, [`MetaError::Corrupt`] if the database belongs to another program.
pub(super) fn migrate(connection: &Connection, store: &str, migrations: &[Migration]) -> Result<(), MetaError> {
    let transaction = Transaction::new_unchecked(connection, TransactionBehavior::Immediate).map_err(failed)?;
    let tables = |filter: &str| {
        let sql = format!("SELECT count(*) FROM sqlite_master WHERE type = 'table' {filter}");
        transaction.query_row(&sql, [], |row| row.get::<_, i64>(0)).map_err(failed)
    };
    if tables("AND name = 'migrations'")? == 0 {
        if tables("")? > 0 {
            return Err(MetaError::Corrupt(format!("{store} is the database of another program; name another file")));
        }
        let sql = "CREATE TABLE migrations (number INTEGER PRIMARY KEY, name TEXT NOT NULL, checksum TEXT NOT NULL)";
        transaction.execute_batch(sql).map_err(failed)?;
    }
    let applied = applied(&transaction)?;
    let known = migrations.last().map_or(0, |migration| migration.number);
    if let Some((found, ..)) = applied.last().filter(|(number, ..)| *number > known) {
        return Err(MetaError::NewerSchema { store: store.to_owned(), found: *found, known });
    }
    for migration in migrations {
        let checksum = Digest::sha256(migration.sql.as_bytes()).to_string();
        match applied.iter().find(|(number, ..)| *number == migration.number) {
            Some((.., recorded)) if *recorded == checksum => {}
            Some((number, name, _)) => {
                let migration = format!("{number:04}_{name}");
                return Err(MetaError::MigrationChanged { store: store.to_owned(), migration });
            }
            None => {
                if let Some((number, name, _)) = applied.iter().find(|(number, ..)| *number > migration.number) {
                    let missing = format!("{:04}_{}", migration.number, migration.name);
                    let applied = format!("{number:04}_{name}");
                    return Err(MetaError::MigrationMissing { store: store.to_owned(), missing, applied });
                }
                transaction.execute_batch(migration.sql).map_err(failed)?;
                let sql = "INSERT INTO migrations (number, name, checksum) VALUES (?1, ?2, ?3)";
                let number = i64::try_from(migration.number).unwrap_or(i64::MAX);
                transaction.execute(sql, (number, migration.name, checksum)).map_err(failed)?;
            }
        }
    }
    transaction.commit().map_err(failed)
}

/// Number, name and checksum of what was applied, in order.
fn applied(transaction: &Transaction<'_>) -> Result<Vec<(u64, String, String)>, MetaError> {
    let sql = "SELECT number, name, checksum FROM migrations ORDER BY number";
    let mut statement = transaction.prepare(sql).map_err(failed)?;
    let rows = statement
        .query_map([], |row| Ok((row.get::<_, i64>(0)?.unsigned_abs(), row.get(1)?, row.get(2)?)))
        .map_err(failed)?;
    rows.collect::<Result<_, _>>().map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: Migration = Migration { number: 1, name: "first", sql: "CREATE TABLE one (a INTEGER);" };
    const SECOND: Migration = Migration { number: 2, name: "second", sql: "ALTER TABLE one ADD COLUMN b INTEGER;" };
    const THIRD: Migration = Migration { number: 3, name: "third", sql: "CREATE TABLE three (a INTEGER);" };

    fn open() -> Connection {
        Connection::open_in_memory().unwrap()
    }

    #[test]
    fn each_is_applied_once() {
        let connection = open();
        migrate(&connection, "test", &[FIRST]).unwrap();
        migrate(&connection, "test", &[FIRST, SECOND]).unwrap();
        migrate(&connection, "test", &[FIRST, SECOND]).unwrap();
        connection.execute("INSERT INTO one (a, b) VALUES (1, 2)", []).unwrap();
    }

    #[test]
    fn a_newer_schema_is_refused() {
        let connection = open();
        migrate(&connection, "test", &[FIRST, SECOND]).unwrap();
        let refused = migrate(&connection, "test", &[FIRST]);
        assert!(matches!(refused, Err(MetaError::NewerSchema { found: 2, known: 1, .. })), "{refused:?}");
    }

    #[test]
    fn a_changed_migration_is_refused() {
        let connection = open();
        migrate(&connection, "test", &[FIRST]).unwrap();
        let changed = Migration { sql: "CREATE TABLE one (a TEXT);", ..FIRST };
        let refused = migrate(&connection, "test", &[changed]);
        let is_named = |migration: &str| migration == "0001_first";
        assert!(
            matches!(&refused, Err(MetaError::MigrationChanged { migration, .. }) if is_named(migration)),
            "{refused:?}"
        );
    }

    #[test]
    fn one_that_was_left_out_is_not_made_up_for() {
        let connection = open();
        migrate(&connection, "test", &[FIRST, THIRD]).unwrap();
        let refused = migrate(&connection, "test", &[FIRST, SECOND, THIRD]);
        let names = |missing: &str, applied: &str| missing == "0002_second" && applied == "0003_third";
        assert!(
            matches!(&refused, Err(MetaError::MigrationMissing { missing, applied, .. }) if names(missing, applied)),
            "{refused:?}"
        );
        // Nothing of it was carried out.
        migrate(&connection, "test", &[FIRST, THIRD]).unwrap();
    }

    #[test]
    fn a_failed_migration_leaves_the_schema_as_it_was() {
        let connection = open();
        let broken = Migration { sql: "CREATE TABLE two (a INTEGER); NONSENSE;", ..SECOND };
        assert!(migrate(&connection, "test", &[FIRST, broken]).is_err());
        migrate(&connection, "test", &[FIRST, SECOND]).unwrap();
    }

    #[test]
    fn the_database_of_another_program_is_left_alone() {
        let connection = open();
        connection.execute_batch("CREATE TABLE theirs (a INTEGER)").unwrap();
        assert!(matches!(migrate(&connection, "test", &[FIRST]), Err(MetaError::Corrupt(_))));
        assert_eq!(connection.query_row("SELECT count(*) FROM sqlite_master", [], |row| row.get(0)), Ok(1));
    }
}
