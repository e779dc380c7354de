//! `pclr tags` and `pclr skills`: labels and how often they occur.

use clap::Args;

use super::args::Global;
use super::failure::Exit;
use super::output::table;
use crate::domain::api::{Count, List};

/// Takes nothing.
#[derive(Debug, Args)]
pub(super) struct Counts {}

/// Which labels.
pub(super) enum Of {
    /// Tags.
    Tags,
    /// Skills.
    Skills,
}

impl Counts {
    pub(super) async fn run(self, global: &Global, of: Of) -> anyhow::Result<Exit> {
        let client = global.client()?;
        let (header, counts) = match of {
            Of::Tags => ("TAG", client.tags().await?),
            Of::Skills => ("SKILL", client.skills().await?),
        };
        global.output().document(&counts, |counts| of_counts(header, counts))?;
        Ok(Exit::Done)
    }
}

fn of_counts(header: &str, counts: &List<Count>) -> String {
    let rows = counts.items.iter().map(|count| [count.value.clone(), count.count.to_string()]);
    table([header, "ARTIFACTS"], rows)
}
