//! What the commands about projects share: flags, opening a project, and telling what was done.

use std::path::PathBuf;

use clap::Args;

use super::args::Global;
use super::failure::{Exit, Failure};
use super::output::{Output, count, plain};
use super::progress::Progress;
use crate::client::Cache;
use crate::client::project::{Installed, Installing, Mode, OnTarget, Project, Supply, Target, Update, install};
use crate::domain::Range;

/// Where packages come from and where they go.
#[derive(Clone, Debug, Args)]
pub(super) struct Sources {
    /// Where to install: modules, claude, codex, copilot, cursor, gemini or opencode; may be repeated
    #[arg(long = "target", value_name = "TARGET")]
    targets: Vec<Target>,
    /// Do nothing if pclr.lock would change
    #[arg(long)]
    locked: bool,
    /// Use no network, only what was fetched before
    #[arg(long)]
    offline: bool,
    /// The same as --locked and --offline
    #[arg(long)]
    frozen: bool,
    /// Replace files that are in the way
    #[arg(long)]
    force: bool,
    /// Folder for what was fetched (also PCLR_CACHE) [default: pclr in the user's cache folder]
    #[arg(long, env = "PCLR_CACHE", hide_env = true, value_name = "DIR")]
    cache: Option<PathBuf>,
}

/// What may be said to commands that only read the lock: they change nothing and use no network anyway.
#[derive(Debug, Args)]
pub(super) struct Reading {
    /// Leave pclr.lock as it is; so it is here always
    #[arg(long = "locked")]
    _locked: bool,
    /// Use no network; so it is here always
    #[arg(long = "offline")]
    _offline: bool,
    /// The same as --locked and --offline
    #[arg(long = "frozen")]
    _frozen: bool,
}

/// A project that is this process's own for a while.
pub(super) struct Opened {
    pub(super) project: Project,
    pub(super) supply: Supply,
    output: Output,
    progress: Progress,
    /// Other processes wait until it is dropped.
    _held: Option<std::fs::File>,
}

/// The project of the folder that the command was typed in.
pub(super) fn here() -> anyhow::Result<Project> {
    Ok(Project::find(&std::env::current_dir()?)?)
}

impl Sources {
    fn mode(&self) -> Mode {
        if self.locked || self.frozen { Mode::Locked } else { Mode::Free }
    }

    /// Opens a project, once no other process works on it.
    pub(super) async fn open(&self, global: &Global, project: Project) -> anyhow::Result<Opened> {
        let output = global.output();
        let cache = Cache::at(self.cache_folder()?);
        let (waits, folder) = (cache.clone(), project.folder.clone());
        let waiting = move || output.note("waiting for another pclr that works on this project");
        let held = tokio::task::spawn_blocking(move || waits.lock(&folder, waiting)).await??;
        // The other process may have changed it.
        let project = project.again()?;
        let progress = Progress::bytes(output, "fetching");
        let client = global.client_or(project.manifest.registry())?.watched(progress.watch());
        let supply = Supply::new(client, cache, self.offline || self.frozen);
        Ok(Opened { project, supply, output, progress, _held: held })
    }

    fn cache_folder(&self) -> Result<PathBuf, Failure> {
        self.cache.clone().or_else(user_cache).ok_or_else(|| {
            Failure::usage("there is no folder for what is fetched: HOME is not set", "name one with --cache DIR")
        })
    }
}

/// The folder of this user for what is fetched, if there is one.
pub(super) fn user_cache() -> Option<PathBuf> {
    let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    // The XDG base directory specification ignores relative paths here.
    let user = variable("XDG_CACHE_HOME").filter(|path| path.is_absolute());
    user.or_else(|| variable("HOME").map(|home| home.join(".cache"))).map(|folder| folder.join("pclr"))
}

impl Opened {
    /// Brings lock and files in step with `after`, and says what was done.
    pub(super) async fn install(self, after: Project, sources: &Sources, update: Update) -> anyhow::Result<Exit> {
        let (mode, force) = (sources.mode(), sources.force);
        let how = Installing { supply: &self.supply, targets: &sources.targets, update, mode, force };
        let done = install(&self.project, after, &how).await?;
        self.progress.finish();
        for note in &done.notes {
            self.output.note(note);
        }
        for target in &done.targets {
            remarks(self.output, target);
        }
        self.output.outcome(&done, told)?;
        Ok(Exit::Done)
    }
}

/// A range as it stands behind a version, in brackets. `(*)` marks what is repeated, so `*` is spelt out.
pub(super) fn bracketed(range: &Range) -> String {
    match range.as_str().trim() {
        "" | "*" => "(any)".to_owned(),
        range => format!("({})", plain(range)),
    }
}

/// What did not go as a person might expect.
fn remarks(output: Output, target: &OnTarget) {
    for name in &target.left {
        output.note(format!(
            "{name} is not needed any more, but was changed by hand: its files stay in {}",
            target.folder
        ));
    }
    // Of nine kinds an agent reads one or two: those it reads none of are said once, not a line each.
    let mut by_reason: std::collections::BTreeMap<&str, Vec<&str>> = std::collections::BTreeMap::new();
    for (name, why) in &target.skipped {
        by_reason.entry(why).or_default().push(name.as_str());
    }
    for (why, names) in by_reason {
        output.note(format!("not installed into {}: {} ({why})", target.folder, names.join(", ")));
    }
}

fn told(done: &Installed) -> String {
    let mut lines = Vec::new();
    for change in &done.changes {
        let name = &change.name;
        lines.push(match (&change.from, &change.to) {
            (Some(from), Some(to)) => format!("~ {name} {from} -> {to}"),
            (None, Some(to)) => format!("+ {name} {to}"),
            (from, None) => format!("- {name} {}", from.as_ref().map(ToString::to_string).unwrap_or_default()),
        });
    }
    for target in &done.targets {
        let number = target.written.len() + target.unchanged.len();
        let mut parts = Vec::new();
        for (names, verb) in
            [(&target.written, "written"), (&target.unchanged, "unchanged"), (&target.removed, "removed")]
        {
            if !names.is_empty() {
                parts.push(format!("{} {verb}", names.len()));
            }
        }
        let parts = if parts.is_empty() { String::new() } else { format!(" ({})", parts.join(", ")) };
        lines.push(format!("{} in {}{parts}", count(number, "package"), target.folder));
    }
    lines.join("\n")
}
