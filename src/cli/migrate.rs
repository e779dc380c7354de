//! `pclr migrate`: the catalogue of a data folder in another metadata store. Works on the data folder, without a server.

use std::path::PathBuf;

use clap::Args;

use super::args::Global;
use super::config::{Metadata, ServeConfig, Settings, Store};
use super::failure::{Exit, Failure};
use super::output::{count, table};
use super::server::{self, CarryAccounts, Moved};
use super::settings::METADATA;

/// Move the catalogue to another metadata store
#[derive(Debug, Args)]
#[command(
    after_help = "Stop the server first. The store belongs to the old metadata until everything is in the new ones and \
    compared; a move that was interrupted goes on when it is started again. The old metadata stay as they are."
)]
pub(super) struct Migrate {
    /// Metadata store to move to: sqlite:PATH, memory:, postgres://USER@HOST/DATABASE or mongodb://HOST/DATABASE
    #[arg(long, value_name = "STORE")]
    to: Metadata,
    /// Metadata store to move from [default: the one that `pclr serve` would use]
    #[arg(long, env = "PCLR_METADATA", hide_env = true, value_name = "STORE")]
    from: Option<Metadata>,
    /// Compare the two, and move nothing; an older schema is brought up to date on opening
    #[arg(long)]
    verify_only: bool,
    /// Leave users, tokens, stars and counts of downloads behind, where the new metadata cannot keep them
    #[arg(long)]
    without_accounts: bool,
    /// Keep the users, tokens, stars and counts of downloads that the new metadata hold, where the old ones have none
    #[arg(long, conflicts_with = "without_accounts")]
    keep_accounts: bool,
    /// Folder with everything the registry keeps [default: pclr-data]
    #[arg(long, env = "PCLR_DATA", hide_env = true, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Object store, s3://BUCKET/PREFIX, gs://BUCKET/PREFIX, az://CONTAINER/PREFIX, file:PATH or memory: [default: file:DIR/store]
    #[arg(long, env = "PCLR_STORE", hide_env = true, value_name = "STORE")]
    store: Option<Store>,
    /// File with settings [default: DIR/pclr.toml, if it is there]
    #[arg(long, env = "PCLR_CONFIG", hide_env = true, value_name = "FILE")]
    config: Option<PathBuf>,
}

impl Migrate {
    pub(super) async fn run(self, global: &Global) -> anyhow::Result<Exit> {
        if let Metadata::Server(address) = &self.to
            && address.server().is_none()
        {
            let hint = format!("expected {METADATA}");
            return Err(Failure::usage(format!("{address} is not a metadata store"), hint).into());
        }
        let settings =
            |metadata| Settings { data: self.data.clone(), store: self.store.clone(), metadata, ..Settings::default() };
        let from = ServeConfig::load(settings(self.from.clone()), self.config.as_deref())?;
        // The limits of the new metadata hold too.
        let to = ServeConfig::load(settings(Some(self.to.clone())), self.config.as_deref())?;
        let accounts = match (self.without_accounts, self.keep_accounts) {
            (true, _) => CarryAccounts::WherePossible,
            (_, true) => CarryAccounts::Keep,
            _ => CarryAccounts::Always,
        };
        let plan = server::Migrate { verify_only: self.verify_only, accounts };
        let moved = server::migrate(&from, &to, plan, global.output()).await?;
        global.output().outcome(&moved, |moved| self.told(moved))?;
        Ok(Exit::Done)
    }

    fn told(&self, moved: &Moved) -> String {
        let rows = moved.tables.iter().map(|table| {
            let mut digest = table.digest.hex();
            digest.truncate(16);
            [table.table.to_string(), table.rows.to_string(), digest]
        });
        let tables = table(["TABLE", "ROWS", "SHA-256"], rows);
        let events = count(moved.head as usize, "event");
        match (self.verify_only, moved.already) {
            (true, _) => format!("{tables}\n\nboth hold the same: {events}"),
            (_, true) => format!("the store belongs to these metadata already, with {events}: nothing to do"),
            _ => format!("{tables}\n\nmoved and compared: {events}; serve with the new metadata from now on"),
        }
    }
}
