//! `pclr org`: organisations and who may do what in them.

use clap::{Args, Subcommand};

use super::accounts::Where;
use super::args::Global;
use super::failure::Exit;
use crate::domain::{OrgName, Role, UserName};

/// Manage organisations
#[derive(Debug, Args)]
pub(super) struct Org {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Give roles and take them away
    Member(Member),
}

#[derive(Debug, Args)]
struct Member {
    #[command(subcommand)]
    verb: MemberVerb,
}

#[derive(Debug, Subcommand)]
enum MemberVerb {
    /// Give a user a role, in place of the one before
    Add {
        /// The organisation
        org: OrgName,
        /// The user
        user: UserName,
        /// reader (reads what is private), member (publishes too) or owner (manages too)
        #[arg(long, default_value = "member")]
        role: Role,
        #[command(flatten)]
        place: Where,
    },
    /// Take a user's role away
    Remove {
        /// The organisation
        org: OrgName,
        /// The user
        user: UserName,
        #[command(flatten)]
        place: Where,
    },
}

impl Org {
    pub(super) async fn run(self, global: &Global) -> anyhow::Result<Exit> {
        let Verb::Member(Member { verb }) = self.verb;
        match verb {
            MemberVerb::Add { org, user, role, place } => {
                place.open(global).await?.set_role(&org, &user, Some(role)).await?;
                global.output().outcome(&role, |role| format!("{user} has role {role} in {org}"))?;
            }
            MemberVerb::Remove { org, user, place } => {
                place.open(global).await?.set_role(&org, &user, None).await?;
                global.output().outcome(&user, |user| format!("{user} has no role in {org}"))?;
            }
        }
        Ok(Exit::Done)
    }
}
