//! `pclr draft`: artifacts that are not published yet.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::Value;
use uuid::Uuid;

use super::args::Global;
use super::artifact::Local;
use super::failure::{Exit, Failure};
use super::output::{table, when};
use crate::client::{DraftWords, Wanted};
use crate::domain::{Draft, Kind, Step, Version};

/// Begin, save, list, publish or remove drafts; `pclr push --draft` begins one from files
#[derive(Debug, Args)]
pub(super) struct Drafts {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Begin a draft of the next version, with the files of a published one
    Create {
        /// The version to begin from
        #[arg(long, value_name = "ORG/NAME@VERSION")]
        from: Wanted,
        /// How far the next version is from it: major, minor, patch or pre
        #[arg(long, value_name = "STEP")]
        bump: Option<Step>,
        #[command(flatten)]
        words: Words,
    },
    /// Replace the files of a draft by those of a folder or file
    Save {
        /// org/ID
        #[arg(value_name = "ORG/ID")]
        draft: String,
        /// Folder or file
        path: PathBuf,
        /// Another version than before
        #[arg(long)]
        version: Option<Version>,
        /// Another kind than before
        #[arg(long)]
        kind: Option<Kind>,
        /// Which of several declarations in a PCL file
        #[arg(long, value_name = "NAME")]
        declaration: Option<String>,
    },
    /// Change what a draft says, not its files
    Describe {
        /// org/ID
        #[arg(value_name = "ORG/ID")]
        draft: String,
        #[command(flatten)]
        words: Words,
    },
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

/// Other words for a draft.
#[derive(Debug, Args)]
struct Words {
    /// A field and what it is to be: text, or JSON such as tags=["a","b"] or metadata={"reviewed":true}; null takes it away.
    /// Repeat it for more
    #[arg(long = "set", value_name = "FIELD=VALUE")]
    fields: Vec<String>,
}

impl Words {
    /// As a JSON merge patch.
    fn patch(&self) -> Result<Value, Failure> {
        let mut patch = serde_json::Map::new();
        for field in &self.fields {
            let hint = "write --set description='What it is for', or --set 'tags=[\"a\",\"b\"]'";
            let (name, text) = field
                .split_once('=')
                .ok_or_else(|| Failure::usage(format!("{field:?} does not say what the field is to be"), hint))?;
            // What is no JSON is text, and so are numbers: no field is one.
            let value =
                serde_json::from_str(text).ok().filter(|value: &Value| !(value.is_number() || value.is_boolean()));
            patch.insert(name.trim().to_owned(), value.unwrap_or_else(|| text.into()));
        }
        Ok(Value::Object(patch))
    }
}

impl Drafts {
    pub(super) async fn run(self, global: &Global) -> anyhow::Result<Exit> {
        let (client, output) = (global.client()?, global.output());
        match self.what {
            What::Create { from, bump, words } => {
                let (name, version) = from.exact()?;
                let draft = client.revise(&name, &version, bump, &words.patch()?).await?;
                output.outcome(&draft, begun)?;
            }
            What::Save { draft, path, version, kind, declaration } => {
                let (org, id) = identity(&draft)?;
                let local = Local::read(&path, kind, declaration.as_deref())?;
                for left_out in &local.left_out {
                    output.note(format!("left out: {left_out}"));
                }
                let words = DraftWords { version, kind, declaration };
                let saved = client.update_draft(&client.draft(org, id).await?, &local.tree, &words).await?;
                output.outcome(&saved, saved_as)?;
            }
            What::Describe { draft, words } => {
                let (org, id) = identity(&draft)?;
                let saved = client.describe_draft(&client.draft(org, id).await?, &words.patch()?).await?;
                output.outcome(&saved, saved_as)?;
            }
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

/// What to type next.
pub(super) fn begun(draft: &Draft) -> String {
    let id = format!("{}/{}", draft.name.org(), draft.id);
    format!("draft {id} of {}@{}\n`pclr draft publish {id}` publishes it", draft.name, draft.config.version)
}

fn saved_as(draft: &Draft) -> String {
    format!("saved as revision {}, to be {}@{}", draft.revision, draft.name, draft.config.version)
}

fn of_drafts(drafts: &[Draft]) -> String {
    let rows = drafts.iter().map(|draft| {
        let name = format!("{}@{}", draft.name, draft.config.version);
        let id = format!("{}/{}", draft.name.org(), draft.id);
        [id, draft.revision.to_string(), name, draft.actor.to_string(), when(draft.updated)]
    });
    table(["DRAFT", "REVISION", "TO BE", "SAVED BY", "SAVED"], rows)
}
