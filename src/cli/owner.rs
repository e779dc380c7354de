//! `pclr owner`: users who manage an artifact, whatever their roles in the organisation.

use clap::{Args, Subcommand};

use super::args::Global;
use super::failure::{Exit, Failure};
use super::output::table;
use crate::domain::{Name, UserName};

/// List, add and remove those who own an artifact
#[derive(Debug, Args)]
pub(super) struct Owner {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// List who owns an artifact
    List {
        /// org/name
        name: Name,
    },
    /// Let a user own an artifact: publish, yank, deprecate, hide, delete and restore its versions
    Add {
        /// org/name
        name: Name,
        /// The user
        user: UserName,
    },
    /// Let a user own an artifact no longer; owners of the organisation remain
    Remove {
        /// org/name
        name: Name,
        /// The user
        user: UserName,
    },
}

impl Owner {
    pub(super) async fn run(self, global: &Global) -> anyhow::Result<Exit> {
        let (client, output) = (global.client()?, global.output());
        match self.verb {
            Verb::List { name } => {
                let (owners, _) = client.owners(&name).await?;
                output.document(&owners, |owners| table(["OWNER"], owners.iter().map(|owner| [owner.to_string()])))?;
            }
            Verb::Add { name, user } => {
                let (mut owners, seen) = client.owners(&name).await?;
                if !owners.contains(&user) {
                    owners.push(user.clone());
                    client.set_owners(&name, owners, &seen).await?;
                }
                output.outcome(&user, |user| format!("{user} owns {name}"))?;
            }
            Verb::Remove { name, user } => {
                let (mut owners, seen) = client.owners(&name).await?;
                let before = owners.len();
                owners.retain(|owner| *owner != user);
                if owners.len() == before {
                    let hint = format!("`pclr owner list {name}` lists who does");
                    return Err(Failure::no(format!("{user} does not own {name}"), hint).into());
                }
                client.set_owners(&name, owners, &seen).await?;
                output.outcome(&user, |user| format!("{user} does not own {name} any more"))?;
            }
        }
        Ok(Exit::Done)
    }
}
