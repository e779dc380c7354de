//! `pclr rebuild`: the catalogue and the search index again from the object store. Works on the data folder, without a
//! server.

use std::path::PathBuf;

use clap::Args;

use super::args::Global;
use super::config::{ServeConfig, Settings};
use super::failure::Exit;
use super::server::{self, RebuildWhat};

/// Rebuild catalogue and search index from the object store
#[derive(Debug, Args)]
pub(super) struct Rebuild {
    /// Only the search index
    #[arg(long, conflicts_with = "catch_up")]
    search: bool,
    /// Only the static tree
    #[arg(long, conflicts_with_all = ["search", "catch_up"])]
    r#static: bool,
    /// Only add to the catalogue what the store has more, after an older database was restored
    #[arg(long)]
    catch_up: bool,
    /// Database to take users, tokens, downloads and stars from [default: the one that is rebuilt, unless it is one of MongoDB]
    #[arg(long, value_name = "STORE", conflicts_with_all = ["search", "catch_up", "static"])]
    accounts_from: Option<super::config::Metadata>,
    #[command(flatten)]
    store: Store,
}

/// Which store to work on.
#[derive(Debug, Args)]
pub(super) struct Store {
    /// Folder with everything the registry keeps [default: pclr-data]
    #[arg(long, env = "PCLR_DATA", hide_env = true, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Metadata store, sqlite:PATH, memory:, postgres://USER@HOST/DATABASE or mongodb://HOST/DATABASE [default: sqlite:DIR/metadata.sqlite]
    #[arg(long, env = "PCLR_METADATA", hide_env = true, value_name = "STORE")]
    metadata: Option<super::config::Metadata>,
    /// Object store, s3://BUCKET/PREFIX, gs://BUCKET/PREFIX, az://CONTAINER/PREFIX, file:PATH or memory: [default: file:DIR/store]
    #[arg(long, env = "PCLR_STORE", hide_env = true, value_name = "STORE")]
    store: Option<super::config::Store>,
    /// File with settings [default: DIR/pclr.toml, if it is there]
    #[arg(long, env = "PCLR_CONFIG", hide_env = true, value_name = "FILE")]
    config: Option<PathBuf>,
}

impl Store {
    /// Whether one is named at all.
    pub(super) fn is_named(&self) -> bool {
        self.data.is_some() || self.metadata.is_some() || self.store.is_some() || self.config.is_some()
    }

    /// The same data folder with other metadata.
    pub(super) fn with(&self, metadata: super::config::Metadata) -> anyhow::Result<ServeConfig> {
        let (data, store) = (self.data.clone(), self.store.clone());
        let given = Settings { data, store, metadata: Some(metadata), ..Settings::default() };
        ServeConfig::load(given, self.config.as_deref())
    }

    /// The configuration that a server on this store would have.
    pub(super) fn config(self) -> anyhow::Result<ServeConfig> {
        let given = Settings { data: self.data, store: self.store, metadata: self.metadata, ..Settings::default() };
        ServeConfig::load(given, self.config.as_deref())
    }
}

impl Rebuild {
    pub(super) async fn run(self, global: &Global) -> anyhow::Result<Exit> {
        let what = match (self.search, self.catch_up, self.r#static) {
            (true, ..) => RebuildWhat::Search,
            (_, true, _) => RebuildWhat::CatchUp,
            (.., true) => RebuildWhat::Static,
            (false, false, false) => RebuildWhat::Everything,
        };
        let accounts = self.accounts_from.map(|metadata| self.store.with(metadata)).transpose()?;
        let done = server::rebuild(self.store.config()?, what, accounts, global.output()).await?;
        global.output().outcome(&done, |done| {
            let what = match what {
                RebuildWhat::Static => return format!("static tree rebuilt, it shows event {}", done.head),
                RebuildWhat::Search => "search index rebuilt",
                RebuildWhat::CatchUp => "catalogue caught up",
                RebuildWhat::Everything => "catalogue and search index rebuilt",
            };
            format!("{what}: {}, the last is event {}", super::output::count(done.applied as usize, "event"), done.head)
        })?;
        Ok(Exit::Done)
    }
}
