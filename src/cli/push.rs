//! `pclr push`: publishes a folder or file.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::args::Global;
use super::artifact::Local;
use super::config::of_address;
use super::draft::begun;
use super::failure::{Exit, Failure};
use super::keys::Keys;
use super::output::Output;
use super::progress::Progress;
use super::server::{self, PublishedTree};
use super::settings::Store;
use super::sign;
use super::units::human;
use crate::client::{Client, ClientError, DraftWords, Outcome, Pushed, Selector, Wanted};
use crate::domain::{Digest, Kind, Name, Step, Version};
use crate::storage::StoreAddress;

/// Publish a folder or file
#[derive(Debug, Args)]
#[command(after_help = "The version is the one in the source, unless the name says another. \
    A version never changes: pushing the same files again does nothing, other files need a new version.")]
pub(super) struct Push {
    /// Folder or file
    path: PathBuf,
    /// org/name or org/name@1.2.3
    #[arg(value_name = "NAME[@VERSION]")]
    wanted: Option<Wanted>,
    /// What it is, if the source does not say: persona, team, workflow, skill, …
    #[arg(long)]
    kind: Option<Kind>,
    /// Which of several declarations in a PCL file
    #[arg(long, value_name = "NAME")]
    declaration: Option<String>,
    /// Publish as the next version after the highest published one: major, minor, patch or pre
    #[arg(long, value_name = "STEP", requires = "wanted")]
    bump: Option<Step>,
    /// Begin a draft instead: it is published by `pclr draft publish`
    #[arg(long, requires = "wanted", conflicts_with = "bump")]
    draft: bool,
    /// Publish in a store that owns itself, with no server: s3://, gs:// or az:// with a bucket, or file:PATH
    #[arg(long, value_name = "ADDRESS", conflicts_with_all = ["bump", "draft"])]
    store: Option<Store>,
    /// With --store, the file with the key of the store's transparency log (also PCLR_LOG_KEY)
    #[arg(long, env = "PCLR_LOG_KEY", hide_env = true, value_name = "FILE")]
    log_key: Option<PathBuf>,
    /// Sign what is published, with --key
    #[arg(long, conflicts_with_all = ["draft", "store"])]
    sign: bool,
    /// Name of the key to sign with, or its file [default: default]
    #[arg(long, value_name = "KEY", requires = "sign")]
    key: Option<String>,
    #[command(flatten)]
    keys: Keys,
}

impl Push {
    pub(super) async fn run(self, global: &Global) -> anyhow::Result<Exit> {
        let output = global.output();
        let local = Local::read(&self.path, self.kind, self.declaration.as_deref())?;
        if let Some(Store(address)) = &self.store {
            let address = address.as_ref().map_err(of_address)?;
            return self.push_to_store(address, &local, global).await;
        }
        // Before anything is published: a key that cannot be used is found too late afterwards.
        let key = self.sign.then(|| self.keys.read(self.key.as_deref())).transpose()?;
        let client = global.client()?;
        if let (true, Some(wanted)) = (self.draft, &self.wanted) {
            return self.begin_draft(&client, wanted, &local, global).await;
        }
        let (name, version) = match (self.bump, &self.wanted) {
            (Some(step), Some(wanted)) => next(&client, wanted, step, &local).await?,
            _ => self.identity(&local)?,
        };
        self.tell_notes(&local, output);
        let progress = Progress::bytes(output, "sending");
        let client = client.watched(progress.watch());
        let pushed = client.push(&name, &local.tree, local.config(version)).await?;
        progress.finish();
        output.outcome(&pushed, |pushed| sentence(pushed, local.finding.kind))?;
        if let Some(key) = &key {
            let signed = sign::sign(&client, &pushed.name, &pushed.digest, key).await?;
            output.note(sign::sentence(&signed));
        }
        Ok(Exit::Done)
    }

    async fn push_to_store(&self, address: &StoreAddress, local: &Local, global: &Global) -> anyhow::Result<Exit> {
        let output = global.output();
        let (name, version) = self.identity(local)?;
        self.tell_notes(local, output);
        let config = local.config(version.clone());
        let (published, is_shown) =
            server::publish_in_store(address, &name, &local.tree, config, self.log_key.as_deref()).await?;
        if !is_shown {
            output.note("the static tree does not show it yet: `pclr rebuild --static` writes it");
        }
        let outcome = if published.is_known { Outcome::Unchanged } else { Outcome::Published };
        let PublishedTree { digest, tree, .. } = published;
        let done = PushedToStore { name, version, digest, tree, outcome, store: address.to_string() };
        output.outcome(&done, |done| done.sentence(local.finding.kind))?;
        Ok(Exit::Done)
    }

    /// What its author should know of it.
    fn tell_notes(&self, local: &Local, output: Output) {
        for left_out in &local.left_out {
            output.note(format!("left out: {left_out}"));
        }
        let declared = &local.finding.about.declares;
        if declared.len() > 1 && self.declaration.is_none() {
            let chosen = local.finding.primary.declaration.as_deref().unwrap_or(&local.finding.title);
            output.note(format!(
                "{} declares {} artifacts and is published as {chosen}; --declaration chooses another, `pclr import` publishes all",
                local.finding.primary.file,
                declared.len()
            ));
        }
        for found in &local.finding.about.diagnostics {
            output.note(format!("{}:{}: {}", found.file, found.line, found.message));
        }
    }

    async fn begin_draft(
        &self,
        client: &Client,
        wanted: &Wanted,
        local: &Local,
        global: &Global,
    ) -> anyhow::Result<Exit> {
        let version = match &wanted.selector {
            Selector::Version(version) => Some(version.clone()),
            Selector::Latest => None,
            _ => {
                let hint = format!("name {} alone, or with a version as {}@1.2.3", wanted.name, wanted.name);
                return Err(Failure::usage(format!("{wanted} does not name one exact version"), hint).into());
            }
        };
        let words = DraftWords { version, kind: self.kind, declaration: self.declaration.clone() };
        let draft = client.create_draft(&wanted.name, &local.tree, &words).await?;
        global.output().outcome(&draft, begun)?;
        Ok(Exit::Done)
    }

    /// Name and version, or what to type so that there is one.
    fn identity(&self, local: &Local) -> Result<(Name, Version), Failure> {
        let path = self.path.display();
        let source = local.finding.version.clone();
        let Some(wanted) = &self.wanted else {
            let suffix = if source.is_some() { "" } else { "@0.1.0" };
            let hint = format!("pclr push {path} ORG/{}{suffix}, with your organisation for ORG", local.slug());
            return Err(Failure::usage(format!("{path} is to be published, but under which name is not said"), hint));
        };
        let name = wanted.name.clone();
        match (&wanted.selector, source) {
            (Selector::Version(version), _) => Ok((name, version.clone())),
            (Selector::Latest, Some(version)) => Ok((name, version)),
            (Selector::Latest, None) => {
                let file = &local.finding.primary.file;
                let hint = format!("pclr push {path} {name}@0.1.0, or give {file} a version of its own");
                Err(Failure::usage(format!("{path} has no version: neither {file} nor the name says one"), hint))
            }
            _ => {
                let hint = format!("pclr push {path} {name}@1.2.3; ranges, tags and digests are for reading");
                Err(Failure::usage(format!("{wanted} does not name one exact version"), hint))
            }
        }
    }
}

/// The version after the highest published one, or that one if it has the same files; the source's own, or 0.1.0, if nothing is published.
async fn next(client: &Client, wanted: &Wanted, step: Step, local: &Local) -> anyhow::Result<(Name, Version)> {
    let name = wanted.name.clone();
    if wanted.selector != Selector::Latest {
        let hint = format!("leave --bump out, or name {name} alone");
        return Err(Failure::usage(format!("{wanted} says the version, and so does --bump"), hint).into());
    }
    let releases = match client.releases(&name).await {
        Ok(releases) => releases,
        Err(ClientError::NotFound { .. }) => Vec::new(),
        Err(error) => return Err(error.into()),
    };
    let version = match releases.first() {
        Some(highest) => {
            let published = client.version(&name, &highest.version).await?.published;
            let is_same = published.config.is_some_and(|config| config.tree == local.tree.digest());
            if is_same { Some(highest.version.clone()) } else { highest.version.bump(step) }
        }
        None => local.finding.version.clone().or_else(|| "0.1.0".parse().ok()),
    };
    let none = || Failure::usage(format!("no version comes after the highest of {wanted}"), "say which version it is");
    Ok((name, version.ok_or_else(none)?))
}

/// A version that is published in a store, by this push or an earlier one.
#[derive(Debug, Serialize)]
struct PushedToStore {
    name: Name,
    version: Version,
    digest: Digest,
    tree: Digest,
    outcome: Outcome,
    store: String,
}

impl PushedToStore {
    fn sentence(&self, kind: Kind) -> String {
        let Self { name, version, digest, store, .. } = self;
        match self.outcome {
            Outcome::Published => format!("published {kind} {name}@{version} in {store}\n{digest}"),
            Outcome::Unchanged => {
                format!("{name}@{version} is already published in {store}, with the same files\n{digest}")
            }
        }
    }
}

fn sentence(pushed: &Pushed, kind: Kind) -> String {
    let Pushed { name, version, digest, sent, .. } = pushed;
    match pushed.outcome {
        Outcome::Published => format!("published {kind} {name}@{version} ({} sent)\n{digest}", human(*sent)),
        Outcome::Unchanged => format!("{name}@{version} is already published, with the same files\n{digest}"),
    }
}
