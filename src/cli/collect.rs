//! `pclr collect`: removes content that nothing names any more. Works on the data folder, without a server.

use clap::Args;

use super::args::Global;
use super::failure::Exit;
use super::output::count;
use super::rebuild::Store;
use super::server;

/// Remove content that nothing names any more
#[derive(Debug, Args)]
pub(super) struct Collect {
    #[command(flatten)]
    store: Store,
}

impl Collect {
    pub(super) async fn run(self, global: &Global) -> anyhow::Result<Exit> {
        let done = server::collect(self.store.config()?).await?;
        global.output().outcome(&done, |done| {
            let removed = count(done.removed as usize, "blob");
            let uploads = count(done.uploads as usize, "unfinished upload");
            format!("{removed} and {uploads} removed, {} condemned for the next run", done.condemned)
        })?;
        Ok(Exit::Done)
    }
}
