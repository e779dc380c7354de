//! `pclr yank`: a version that ranges no longer choose. It can still be pulled by its number.

use clap::Args;

use super::args::Global;
use super::failure::Exit;
use crate::client::Wanted;

/// Take a version out of resolution, or put it back
#[derive(Debug, Args)]
pub(super) struct Yank {
    /// org/name@1.2.3
    #[arg(value_name = "NAME@VERSION")]
    wanted: Wanted,
    /// Why, for people who meet it
    #[arg(long, value_name = "TEXT", conflicts_with = "undo")]
    reason: Option<String>,
    /// Put it back
    #[arg(long)]
    undo: bool,
}

impl Yank {
    pub(super) async fn run(self, global: &Global) -> anyhow::Result<Exit> {
        let (name, version) = self.wanted.exact()?;
        let client = global.client()?;
        if self.undo {
            client.undo_yank(&name, &version).await?;
        } else {
            client.yank(&name, &version, self.reason).await?;
        }
        let done = client.version(&name, &version).await?;
        global.output().outcome(&done, |done| {
            let state = if done.published.yanked { "yanked: no range chooses it" } else { "not yanked" };
            format!("{name}@{version} is {state}")
        })?;
        Ok(Exit::Done)
    }
}
