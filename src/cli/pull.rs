//! `pclr pull`: fetches an artifact, verifies it, writes its files.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::args::Global;
use super::failure::Exit;
use super::log_memory::Memory;
use super::progress::Progress;
use crate::client::{Existing, Logged, Wanted, write_files};
use crate::domain::{Digest, FileEntry, Name, Version};

/// Fetch and verify an artifact and write its files
#[derive(Debug, Args)]
pub(super) struct Pull {
    /// org/name, org/name@1.2.3, org/name@^1.2, org/name@sha256:…, org/name:tag
    #[arg(value_name = "NAME")]
    wanted: Wanted,
    /// Folder to write to [default: the last part of the name]
    #[arg(short = 'o', long = "into", value_name = "DIR")]
    folder: Option<PathBuf>,
    /// Replace files that differ
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    memory: Memory,
}

/// What was pulled, and where it lies.
#[derive(Serialize)]
struct Done {
    name: Name,
    version: Option<Version>,
    digest: Digest,
    tree: Digest,
    folder: PathBuf,
    written: usize,
    unchanged: usize,
    files: Vec<FileEntry>,
    /// What the registry's log says of it; absent where it keeps none.
    #[serde(skip_serializing_if = "Option::is_none")]
    log: Option<Logged>,
}

impl Pull {
    pub(super) async fn run(self, global: &Global) -> anyhow::Result<Exit> {
        let output = global.output();
        let progress = Progress::bytes(output, "fetching");
        let client = global.client()?.watched(progress.watch());
        let pulled = client.pull(&self.wanted).await?;
        // Before a file is written.
        let logged = match (&pulled.version, self.memory.open()) {
            (Some(version), Ok(memory)) => client.logged(&memory, &pulled.name, version, &pulled.digest).await?,
            (Some(_), Err(_)) => {
                output.note("the registry's log is not looked at: HOME is not set, and no --state DIR is named");
                Logged::NotPublished
            }
            (None, _) => Logged::NotPublished,
        };
        progress.finish();
        for warning in &pulled.warnings {
            output.note(warning);
        }
        let folder = self.folder.unwrap_or_else(|| PathBuf::from(pulled.name.slug()));
        let existing = if self.force { Existing::Replace } else { Existing::Keep };
        let written = write_files(&folder, &pulled.tree, existing)?;
        let done = Done {
            name: pulled.name,
            version: pulled.version,
            digest: pulled.digest,
            tree: pulled.tree.digest(),
            folder: written.folder,
            written: written.written,
            unchanged: written.unchanged,
            files: pulled.tree.entries(),
            log: Some(logged).filter(|logged| !matches!(logged, Logged::NoLog | Logged::NotPublished)),
        };
        output.outcome(&done, |done| {
            let version = done.version.as_ref().map(|version| format!("@{version}")).unwrap_or_default();
            let already = match done.unchanged {
                0 => String::new(),
                same => format!(", {same} were there already"),
            };
            let count = super::output::count(done.written, "file");
            let logged = match &done.log {
                Some(Logged::Included { origin, event, .. }) => format!("\nevent {event} of the log {origin}"),
                Some(Logged::Sealed { origin, event }) => format!("\nevent {event} of the log {origin}, sealed"),
                _ => String::new(),
            };
            let (name, folder, digest) = (&done.name, done.folder.display(), &done.digest);
            format!("{name}{version} in {folder} ({count} written{already})\n{digest}{logged}")
        })?;
        Ok(Exit::Done)
    }
}
