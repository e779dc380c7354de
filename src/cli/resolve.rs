//! `pclr resolve`: the best version in a range, as the registry finds it.

use clap::Args;

use super::args::Global;
use super::failure::Exit;
use crate::domain::{Name, Range};

/// Find the best version in a range
#[derive(Debug, Args)]
pub(super) struct Resolve {
    /// org/name
    name: Name,
    /// As npm writes it: ^1.2, ~1.2.3, 1.x, ">=1 <3 || 5"
    range: Range,
}

impl Resolve {
    pub(super) async fn run(self, global: &Global) -> anyhow::Result<Exit> {
        let (resolved, output) = (global.client()?.resolve(&self.name, &self.range).await?, global.output());
        output.document(&resolved, |resolved| {
            format!("{}@{}\n{}", resolved.name, resolved.release.version, resolved.release.digest)
        })?;
        if resolved.release.deprecated {
            output.note("this version is deprecated");
        }
        Ok(Exit::Done)
    }
}
