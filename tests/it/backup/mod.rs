//! Backups and restores, typed as `docs/operations.md` says: what was there comes back.

mod guide;
mod mongo;
mod postgres;
mod sqlite;
