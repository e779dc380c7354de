//! `pclr why`: every way from a project to a package, from its lock.

use clap::Args;
use serde::Serialize;

use super::args::Global;
use super::failure::Exit;
use super::project::{Reading, bracketed, here};
use crate::client::project::ProjectError;
use crate::domain::{Name, Version};
use crate::resolve::{Hop, ways};

/// Most ways that are shown.
const WAYS: usize = 100;

/// Show why a project uses a package
#[derive(Debug, Args)]
pub(super) struct Why {
    /// org/name
    name: Name,
    #[command(flatten)]
    _reading: Reading,
}

/// Why a package is used.
#[derive(Serialize)]
struct Reasons {
    name: Name,
    version: Version,
    ways: Vec<Vec<Hop>>,
    /// Whether there may be more ways than these.
    more: bool,
}

impl Why {
    pub(super) fn run(self, global: &Global) -> anyhow::Result<Exit> {
        let (project, output) = (here()?, global.output());
        let lock = project.fitting_lock()?;
        let Some(package) = lock.packages.get(&self.name) else { return Err(ProjectError::NotUsed(self.name).into()) };
        let (ways, more) = ways(lock, &project.manifest.edges(), &self.name, WAYS);
        let reasons = Reasons { version: package.version.clone(), name: self.name, ways, more };
        output.document(&reasons, |reasons| {
            let lines = reasons.ways.iter().map(|way| {
                let hop = |hop: &Hop| format!("{} {} {}", hop.name, hop.version, bracketed(&hop.range));
                let hops: Vec<String> = way.iter().map(hop).collect();
                format!("pclr.toml -> {}", hops.join(" -> "))
            });
            lines.collect::<Vec<_>>().join("\n")
        })?;
        if reasons.more {
            output.note("there are more ways than these");
        }
        Ok(Exit::Done)
    }
}
