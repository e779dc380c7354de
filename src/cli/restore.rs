//! `pclr restore`: a version that was deleted comes back.

use clap::Args;

use super::args::Global;
use super::failure::Exit;
use crate::client::Wanted;

/// Bring a deleted version back
#[derive(Debug, Args)]
pub(super) struct Restore {
    /// org/name@1.2.3
    #[arg(value_name = "NAME@VERSION")]
    wanted: Wanted,
}

impl Restore {
    pub(super) async fn run(self, global: &Global) -> anyhow::Result<Exit> {
        let (name, version) = self.wanted.exact()?;
        let client = global.client()?;
        client.restore(&name, &version).await?;
        let done = client.version(&name, &version).await?;
        global.output().outcome(&done, |_| format!("{name}@{version} is back"))?;
        Ok(Exit::Done)
    }
}
