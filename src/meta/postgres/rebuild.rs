//! Another catalogue beside the one in use, and how it takes that one's place: all at once or not at all.

use std::sync::Arc;

use tokio::sync::OnceCell;

use super::super::{Address, MetaError};
use super::Postgres;
use super::error::failed;
use super::pool::{Pool, connect, connect_options, script};

/// The schema that a rebuild works in.
const BUILDING: &str = "pclr_rebuilding";

/// Makes the schema empty, whatever an earlier rebuild has left in it.
const BEGIN: &str =
    "SET client_min_messages = warning; DROP SCHEMA IF EXISTS pclr_rebuilding CASCADE; CREATE SCHEMA pclr_rebuilding";

/// Moves tables and functions of the same names to `pclr_before_rebuild`, and the new ones to where they were. One transaction.
const TAKE_OVER: &str = "
    SET client_min_messages = warning;
    DO $$
    DECLARE
        place text := current_schema();
        moving text;
    BEGIN
        PERFORM pg_advisory_xact_lock(8098435793659720801);
        IF EXISTS (SELECT 1 FROM pg_tables WHERE schemaname = place)
            AND NOT EXISTS (SELECT 1 FROM pg_tables WHERE schemaname = place AND tablename = 'pclr_migrations')
        THEN
            RAISE 'schema % holds the tables of another program; name another database', place
                USING ERRCODE = 'duplicate_table';
        END IF;
        DROP SCHEMA IF EXISTS pclr_before_rebuild CASCADE;
        CREATE SCHEMA pclr_before_rebuild;
        FOR moving IN SELECT tablename FROM pg_tables WHERE schemaname = 'pclr_rebuilding' LOOP
            EXECUTE format('ALTER TABLE IF EXISTS %I.%I SET SCHEMA pclr_before_rebuild', place, moving);
            EXECUTE format('ALTER TABLE pclr_rebuilding.%I SET SCHEMA %I', moving, place);
        END LOOP;
        -- Functions of triggers: none has parameters.
        FOR moving IN SELECT proname FROM pg_proc WHERE pronamespace = 'pclr_rebuilding'::regnamespace LOOP
            IF EXISTS (SELECT 1 FROM pg_proc WHERE pronamespace = (SELECT oid FROM pg_namespace WHERE nspname = place) AND proname = moving) THEN
                EXECUTE format('ALTER FUNCTION %I.%I() SET SCHEMA pclr_before_rebuild', place, moving);
            END IF;
            EXECUTE format('ALTER FUNCTION pclr_rebuilding.%I() SET SCHEMA %I', moving, place);
        END LOOP;
        DROP SCHEMA pclr_rebuilding;
    END $$";

impl Postgres {
    /// Opens an empty catalogue beside the one at this address, with an identity of its own, in schema `pclr_rebuilding`.
    /// [`Postgres::take_over`] puts it into use. The database's user must be allowed to create schemas.
    pub async fn rebuilding(address: &Address) -> Result<Self, MetaError> {
        run(address, BEGIN).await?;
        Ok(Self { pool: Arc::new(Pool::open(address, Some(BUILDING)).await?), heads: OnceCell::new() })
    }

    /// Puts the catalogue that was built in the place of the one at this address, which is kept in schema `pclr_before_rebuild`
    /// until the next time. Nothing else may use the database meanwhile. [`MetaError::Corrupt`] if it is another program's.
    pub async fn take_over(address: &Address) -> Result<(), MetaError> {
        run(address, TAKE_OVER).await
    }
}

async fn run(address: &Address, sql: &str) -> Result<(), MetaError> {
    let server = address.to_string();
    let mut connection = connect(&connect_options(address, &server)?, &server).await?;
    script(&mut connection, sql.to_owned()).await.map(drop).map_err(|error| failed(&server, error))
}
