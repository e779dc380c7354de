//! `pclr tags` and `pclr skills`: labels and how often they occur.

use clap::Args;

use super::args::Global;
use super::failure::Exit;
use super::output::{short, table};
use crate::domain::api::{LabelDocument, List};

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

/// With what the operator says of them, if of any.
fn of_counts(header: &str, counts: &List<LabelDocument>) -> String {
    let is_said = |label: &LabelDocument| label.category.is_some() || label.description.is_some();
    if !counts.items.iter().any(is_said) {
        let rows = counts.items.iter().map(|label| [label.value.clone(), label.count.to_string()]);
        return table([header, "ARTIFACTS"], rows);
    }
    let rows = counts.items.iter().map(|label| {
        let said = |text: &Option<String>| text.clone().unwrap_or_default();
        [label.value.clone(), label.count.to_string(), said(&label.category), short(&said(&label.description))]
    });
    table([header, "ARTIFACTS", "CATEGORY", "ABOUT"], rows)
}
