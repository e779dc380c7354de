//! `pclr draft`: artifacts that are not published yet.

use clap::{Args, Subcommand};
use uuid::Uuid;

use super::args::Global;
use super::failure::{Exit, Failure};
use super::output::{table, when};
use crate::domain::Draft;

/// List, publish or remove drafts; `pclr push --draft` begins one
#[derive(Debug, Args)]
pub(super) struct Drafts {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// List the drafts of an organisation
    List {
        /// The organisation
        org: String,
    },
    /// Publish a draft as it was saved last
    Publish {
        /// org/ID
        #[arg(value_name = "ORG/ID")]
        draft: String,
        /// What changed in this version
        #[arg(long, value_name = "TEXT")]
        changelog: Option<String>,
    },
    /// Remove a draft
    Delete {
        /// org/ID
        #[arg(value_name = "ORG/ID")]
        draft: String,
    },
}

impl Drafts {
    pub(super) async fn run(self, global: &Global) -> anyhow::Result<Exit> {
        let (client, output) = (global.client()?, global.output());
        match self.what {
            What::List { org } => output.document(&client.drafts(&org).await?, |list| of_drafts(&list.items))?,
            What::Publish { draft, changelog } => {
                let (org, id) = identity(&draft)?;
                let published = client.publish_draft(&client.draft(org, id).await?, changelog).await?;
                output
                    .outcome(&published, |done| format!("published {}@{}\n{}", done.name, done.version, done.digest))?;
            }
            What::Delete { draft } => {
                let (org, id) = identity(&draft)?;
                let found = client.draft(org, id).await?;
                client.delete_draft(&found).await?;
                output.outcome(&found, |_| format!("the draft {draft} is gone"))?;
            }
        }
        Ok(Exit::Done)
    }
}

fn identity(text: &str) -> Result<(&str, Uuid), Failure> {
    let parts = text.split_once('/').and_then(|(org, id)| Some((org, id.parse().ok()?)));
    let hint = "write it as ORG/ID; `pclr draft list ORG` lists them";
    parts.ok_or_else(|| Failure::usage(format!("{text} names no draft"), hint))
}

fn of_drafts(drafts: &[Draft]) -> String {
    let rows = drafts.iter().map(|draft| {
        let name = format!("{}@{}", draft.name, draft.config.version);
        let id = format!("{}/{}", draft.name.org(), draft.id);
        [id, draft.revision.to_string(), name, draft.actor.to_string(), when(draft.updated)]
    });
    table(["DRAFT", "REVISION", "TO BE", "SAVED BY", "SAVED"], rows)
}
