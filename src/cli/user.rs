//! `pclr user`, `pclr whoami`: who has an account, and whom a registry takes the caller for.

use clap::{Args, Subcommand};

use super::accounts::Where;
use super::args::Global;
use super::failure::Exit;
use super::output::{pairs, table, when};
use crate::domain::{OrgName, Role, UserName};

/// Add, list and remove users
#[derive(Debug, Args)]
pub(super) struct User {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Add a user; one that is there stays as it is
    Add {
        /// Lower-case letters, digits and -
        name: UserName,
        #[command(flatten)]
        place: Where,
    },
    /// List users and their roles
    List {
        #[command(flatten)]
        place: Where,
    },
    /// Remove a user with all roles and tokens; what they published stays
    Remove {
        /// Who
        name: UserName,
        #[command(flatten)]
        place: Where,
    },
}

impl User {
    pub(super) async fn run(self, global: &Global) -> anyhow::Result<Exit> {
        let output = global.output();
        match self.verb {
            Verb::Add { name, place } => {
                place.open(global).await?.add_user(&name).await?;
                output.outcome(&name, |name| {
                    format!("{name} is a user; `pclr token create --user {name}` makes a token")
                })?;
            }
            Verb::List { place } => {
                let users = place.open(global).await?.users().await?;
                output.document(&users, |users| {
                    let rows = users.iter().map(|user| [user.name.to_string(), when(user.created), roles(&user.roles)]);
                    table(["NAME", "ADDED", "ROLES"], rows)
                })?;
            }
            Verb::Remove { name, place } => {
                place.open(global).await?.remove_user(&name).await?;
                output.outcome(&name, |name| format!("{name} is no user any more; their tokens are of no use"))?;
            }
        }
        Ok(Exit::Done)
    }
}

/// Show whom the registry takes you for
#[derive(Debug, Args)]
pub(super) struct Whoami {}

impl Whoami {
    pub(super) async fn run(self, global: &Global) -> anyhow::Result<Exit> {
        let found = global.client()?.whoami().await?;
        global
            .output()
            .document(&found, |found| pairs([("actor", found.actor.to_string()), ("roles", roles(&found.roles))]))?;
        Ok(Exit::Done)
    }
}

fn roles(roles: &std::collections::BTreeMap<OrgName, Role>) -> String {
    roles.iter().map(|(org, role)| format!("{org}:{role}")).collect::<Vec<_>>().join(", ")
}
