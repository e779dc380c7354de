//! Where the program meets the server: with what lies below, the only file of `cli` that knows `registry` and `http`.

mod check;

use std::io::IsTerminal;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use serde::Serialize;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use super::config::{LogFormat, ServeConfig};
use super::failure::{Exit, Failure};
use super::log_key;
use super::output::Output;
use super::progress::Progress;
use super::settings;
use super::vocabulary::read_vocabulary;
use crate::domain::{Actor, Config, Name, Tree};
use crate::http::{App, Options};
use crate::meta::MetaError;
pub(super) use crate::registry::{CarryAccounts, Moved, PublishedTree};
use crate::registry::{
    Clock, DataError, DataOptions, Limits, Metadata, Migration, MoveError, OpenError, Place, Registry, RegistryError,
    Stage, catch_up_catalog, check_migration, migrate_catalog, open_accounts, open_data, open_existing_data,
    open_serverless_at, open_to_collect, rebuild_catalog_with, rebuild_search,
};
use crate::storage::{Sharing, StorageError, StoreAddress};
pub(super) use check::*;

/// Time between two rounds of collection.
const COLLECT_EVERY: Duration = Duration::from_secs(3600);

/// Time between two saves of downloads.
const SAVE_DOWNLOADS_EVERY: Duration = Duration::from_secs(5);

/// Time between two foldings of the metrics.
const FOLD_METRICS_EVERY: Duration = Duration::from_secs(5);

/// How long what shows many packages gathers changes, between two writes of the static tree.
const GATHER_STATIC: Duration = Duration::from_secs(10);

/// Which projections to rebuild.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RebuildWhat {
    /// The catalogue and the search index, from nothing.
    Everything,
    /// The search index, from nothing.
    Search,
    /// The catalogue, from its own last event on.
    CatchUp,
    /// The static tree, from nothing.
    Static,
}

/// What a rebuild did.
#[derive(Debug, Serialize)]
pub(super) struct Rebuilt {
    /// Events applied.
    pub(super) applied: u64,
    /// Number of the last event.
    pub(super) head: u64,
}

/// What a collection did.
#[derive(Debug, Serialize)]
pub(super) struct Collected {
    /// Blobs removed.
    pub(super) removed: u64,
    /// Upload sessions removed.
    pub(super) uploads: u64,
    /// Blobs that will be removed after the grace period.
    pub(super) condemned: u64,
}

/// How a catalogue moves.
#[derive(Clone, Copy, Debug)]
pub(super) struct Migrate {
    /// Nothing is written.
    pub(super) verify_only: bool,
    /// What becomes of users, tokens, stars and counts of downloads that one of the two cannot keep.
    pub(super) accounts: CarryAccounts,
}

/// Opens the store, listens, calls `ready` with the address, and serves until SIGINT or SIGTERM.
pub(super) async fn serve(
    config: ServeConfig,
    ready: impl FnOnce(SocketAddr) -> std::io::Result<()>,
) -> anyhow::Result<()> {
    log_to_stderr(&config)?;
    let vocabulary = config.vocabulary.as_deref().map(read_vocabulary).transpose()?.unwrap_or_default();
    let metrics = PrometheusBuilder::new().install_recorder().context("cannot set up the metrics")?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    // The address first: it is the cheaper of the two to be refused.
    let listener = TcpListener::bind(config.listen).await.map_err(|error| {
        let hint = match error.kind() {
            std::io::ErrorKind::AddrInUse => {
                "another program uses it, maybe a registry; --listen names another address"
            }
            _ => "--listen names another address",
        };
        Failure::no(format!("cannot listen on {}: {error}", config.listen), hint)
    })?;
    let mut options = data_options(&config);
    options.limits.log = config.log_key.as_deref().map(log_key::read).transpose()?;
    options.limits.static_tree = config.static_tree.then_some(GATHER_STATIC);
    let registry = open_data(options).await?;
    let collecting = tokio::spawn(collect_regularly(registry.clone()));
    let folding = tokio::spawn(fold_metrics(metrics.clone()));
    let saving = tokio::spawn(save_downloads_regularly(registry.clone()));
    let limits = &config.limits;
    let options = Options {
        access: config.anonymous,
        concurrency: limits.max_requests as usize,
        connections: limits.max_connections as usize,
        header_timeout: limits.header_timeout,
        idle_timeout: limits.upload_idle_timeout,
        request_timeout: limits.request_timeout,
        stop_timeout: limits.shutdown_timeout,
        import_max: limits.max_import_size,
        redirect_above: limits.redirect_above,
        vocabulary,
    };
    if limits.redirect_above.is_some() && !registry.can_redirect() {
        tracing::warn!("redirect-above has no effect: this store signs no addresses, buckets do");
    }
    let address = listener.local_addr()?;
    let store = config.store.as_ref().map(ToString::to_string);
    tracing::info!(%address, data = %config.data.display(), store, "serving");
    let url = config.public_url.clone().unwrap_or_else(|| format!("http://{address}"));
    if let Err(error) = registry.announce(url).await {
        tracing::warn!(%error, "the store could not be told where this server is reached");
    }
    let stop = async {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        tracing::info!("stopping: requests in flight finish, new ones are not taken");
    };
    let served = async {
        ready(address)?;
        crate::http::serve(App::new(registry.clone(), options, Some(metrics)), listener, stop).await?;
        registry.save_uploads().await.context("uploads that have just begun are lost")
    };
    // Whatever it ended with, the rest is left in order.
    let served = served.await;
    if let Err(error) = registry.save_downloads().await {
        tracing::error!(%error, "the downloads of the last seconds could not be saved, and are not counted");
    }
    if let Err(error) = registry.save_snapshot().await {
        tracing::error!(%error, "a snapshot could not be written: the next start takes longer");
    }
    collecting.abort();
    folding.abort();
    saving.abort();
    if let Err(error) = registry.leave().await {
        tracing::warn!(%error, "the store still says that this server is here, for a day");
    }
    tracing::info!("stopped");
    served
}

/// Rebuilds projections of a data folder that no server is using.
pub(super) async fn rebuild(
    config: ServeConfig,
    what: RebuildWhat,
    accounts: Option<ServeConfig>,
    output: Output,
) -> anyhow::Result<Rebuilt> {
    let options = data_options(&config);
    let progress = Progress::things(output, "events");
    let show = |n| progress.at(n);
    let mut applied = 0;
    match what {
        RebuildWhat::Everything => {
            let accounts = accounts.as_ref().map(|config| data_options(config).metadata);
            let rebuilt = rebuild_catalog_with(place(&options), &options.metadata, accounts.as_ref(), show).await?;
            applied = rebuilt.applied;
        }
        RebuildWhat::CatchUp => {
            let rebuilt = catch_up_catalog(place(&options), &options.metadata, show).await?;
            return Ok(Rebuilt { applied: rebuilt.applied, head: rebuilt.known + rebuilt.applied });
        }
        RebuildWhat::Static => {
            let registry = open_existing_data(options).await?;
            let head = registry.render_whole().await;
            // Or it would be taken for a server that still runs.
            registry.leave().await?;
            let head = head?;
            return Ok(Rebuilt { applied: 0, head });
        }
        RebuildWhat::Search => {}
    }
    let head = rebuild_search(options).await?;
    Ok(Rebuilt { applied, head })
}

/// Moves the catalogue of a data folder that no server is using to the metadata store of `to`.
pub(super) async fn migrate(
    from: &ServeConfig,
    to: &ServeConfig,
    plan: Migrate,
    output: Output,
) -> anyhow::Result<Moved> {
    let [from, to] = [from, to].map(data_options);
    let migration = Migration { place: place(&from), from: from.metadata, to: to.metadata, accounts: plan.accounts };
    let mut bar: Option<(Stage, Progress)> = None;
    let show = move |stage: Stage, at| {
        if bar.as_ref().is_none_or(|(shown, _)| *shown != stage) {
            // The bar before goes away first.
            bar = None;
            bar = Some((stage, Progress::things(output, verb(stage))));
        }
        if let Some((_, progress)) = &bar {
            progress.at(at);
        }
    };
    let moved = match plan.verify_only {
        true => check_migration(migration, show).await,
        false => migrate_catalog(migration, show).await,
    };
    moved.map_err(|error| of_data(&error).into())
}

fn verb(stage: Stage) -> String {
    match stage {
        Stage::Events => "events".to_owned(),
        Stage::Accounts => "users and tokens".to_owned(),
        Stage::Blobs => "blobs".to_owned(),
        Stage::Links => "rights to read blobs".to_owned(),
        Stage::Reading(table) => format!("reading {table}"),
        Stage::Checking(table) => format!("comparing {table}"),
    }
}

/// What a failure of a data folder means to whoever started the program.
fn of_data(error: &DataError) -> Failure {
    let exit = exit_of_data(error);
    let text = error.to_string();
    match text.split_once("\nhint: ") {
        Some((message, hint)) => Failure { exit, message: message.to_owned(), hint: Some(hint.to_owned()) },
        None => Failure { exit, message: text, hint: None },
    }
}

/// How the program ends for this cause, if it is a failure of a data folder.
pub(super) fn exit_of(cause: &(dyn std::error::Error + 'static)) -> Option<Exit> {
    cause.downcast_ref().map(exit_of_data)
}

fn exit_of_data(error: &DataError) -> Exit {
    match error {
        DataError::Meta(MetaError::Unavailable(_)) => Exit::Unreachable,
        DataError::Storage(error) => exit_of_storage(error),
        DataError::Move(MoveError::Differs(_)) => Exit::NotVerified,
        DataError::Registry(error)
        | DataError::Open(OpenError::Registry(error))
        | DataError::Move(MoveError::Open(OpenError::Registry(error))) => exit_of_registry(error),
        _ => Exit::No,
    }
}

fn exit_of_registry(error: &RegistryError) -> Exit {
    match error {
        RegistryError::Meta(MetaError::Unavailable(_)) => Exit::Unreachable,
        RegistryError::Storage(error) => exit_of_storage(error),
        _ => Exit::No,
    }
}

fn exit_of_storage(error: &StorageError) -> Exit {
    match error {
        StorageError::Refused { .. }
        | StorageError::NoBucket { .. }
        | StorageError::Unreachable { .. }
        | StorageError::Unavailable { .. } => Exit::Unreachable,
        StorageError::Unusable { .. } => Exit::Usage,
        _ => Exit::No,
    }
}

/// The accounts in a database, which a server may use at the same time.
pub(super) async fn accounts(config: ServeConfig) -> anyhow::Result<crate::registry::Accounts> {
    let options = data_options(&config);
    Ok(open_accounts(place(&options), &options.metadata, options.clock).await?)
}

/// Collects what nothing names in a data folder that no server is using.
pub(super) async fn collect(config: ServeConfig) -> anyhow::Result<Collected> {
    let registry = open_to_collect(data_options(&config)).await?;
    let collected = registry.collect(&Actor::Operator).await;
    registry.leave().await?;
    let collected = collected?;
    Ok(Collected { removed: collected.deleted, uploads: collected.uploads, condemned: collected.condemned })
}

/// Publishes files in a store that owns itself, with no server.
pub(super) async fn publish_in_store(
    address: &StoreAddress,
    name: &Name,
    tree: &Tree,
    config: Config,
    log_key: Option<&Path>,
) -> anyhow::Result<(PublishedTree, bool)> {
    let limits = Limits { log: log_key.map(log_key::read).transpose()?, ..Limits::default() };
    let registry = open_serverless_at(address, limits, Clock::System).await.map_err(DataError::from)?;
    let published = registry.publish_tree(&Actor::Operator, name, tree, config).await;
    // The next start takes longer without it, and that is all.
    let snapshot = registry.save_snapshot_if_due().await;
    let is_shown = registry.render_rest().await.unwrap_or_else(|error| {
        tracing::warn!(%error, "the static tree could not be written");
        false
    });
    let left = registry.leave().await;
    let published = published.map_err(DataError::from)?;
    for outcome in [snapshot, left] {
        outcome.map_err(DataError::from)?;
    }
    Ok((published, is_shown))
}

async fn collect_regularly(registry: Registry) {
    loop {
        tokio::time::sleep(COLLECT_EVERY).await;
        match registry.collect(&Actor::Operator).await {
            Ok(collected) => tracing::info!(?collected, "collection"),
            Err(error) => tracing::error!(error = %error, "collection failed, the next round tries again"),
        }
    }
}

async fn save_downloads_regularly(registry: Registry) {
    loop {
        tokio::time::sleep(SAVE_DOWNLOADS_EVERY).await;
        if let Err(error) = registry.save_downloads().await {
            tracing::warn!(%error, "downloads cannot be saved, they are kept for the next time");
        }
    }
}

/// Histograms keep every value until they are folded; without this they would grow for as long as nobody reads `/metrics`.
async fn fold_metrics(metrics: PrometheusHandle) {
    loop {
        tokio::time::sleep(FOLD_METRICS_EVERY).await;
        metrics.run_upkeep();
    }
}

fn place(options: &DataOptions) -> Place {
    Place { folder: options.folder.clone(), store: options.store.clone() }
}

fn data_options(config: &ServeConfig) -> DataOptions {
    let limits = &config.limits;
    DataOptions {
        folder: config.data.clone(),
        store: config.store.clone(),
        metadata: match &config.metadata {
            settings::Metadata::Sqlite(path) => Metadata::Sqlite(path.clone()),
            settings::Metadata::Memory => Metadata::Memory,
            settings::Metadata::Server(address) => Metadata::Server(address.clone()),
        },
        sharing: if config.shared { Sharing::Shared } else { Sharing::Alone },
        limits: Limits {
            blob: limits.max_upload_size,
            manifest: limits.max_manifest_size as usize,
            sparse_images: limits.sparse_images,
            upload_idle: limits.upload_expiry,
            cache: limits.cache_size / 2,
            ..Limits::default()
        },
        clock: Clock::System,
    }
}

fn log_to_stderr(config: &ServeConfig) -> anyhow::Result<()> {
    let filter = tracing_subscriber::EnvFilter::try_new(&config.log)
        .with_context(|| format!("{:?} is not a filter for log lines", config.log))?;
    // Colours are for people: a file or a collector of logs gets none.
    let colours = std::io::stderr().is_terminal();
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(colours);
    let set = match config.log_format {
        LogFormat::Text => builder.try_init(),
        LogFormat::Json => builder.json().try_init(),
    };
    set.map_err(|error| anyhow::anyhow!("cannot set up the log: {error}"))
}
