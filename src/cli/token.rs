//! `pclr token`: what proves who one is. A token is printed once, when it is made, alone on standard output.

use std::time::{SystemTime, UNIX_EPOCH};

use clap::{Args, Subcommand};

use super::accounts::Where;
use super::args::Global;
use super::failure::Exit;
use super::output::{table, when};
use crate::domain::api::NewToken;
use crate::domain::{Timestamp, TokenName, TokenOwner, UserName};

/// Make, list and revoke tokens
#[derive(Debug, Args)]
pub(super) struct Token {
    #[command(subcommand)]
    verb: Verb,
}

/// Whose tokens.
#[derive(Debug, Args)]
struct Of {
    /// Of this user [default: whose --token is; in a database, the operator]
    #[arg(long, value_name = "NAME")]
    user: Option<UserName>,
    /// Of the operator: whoever has one may do everything
    #[arg(long, conflicts_with = "user")]
    operator: bool,
    #[command(flatten)]
    place: Where,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Make a token and print it, this once
    Create {
        /// What to call it, such as laptop or ci
        name: TokenName,
        /// After how many days it ends [default: never]
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=36500))]
        days: Option<u32>,
        #[command(flatten)]
        of: Of,
    },
    /// List tokens, without what is secret of them
    List {
        #[command(flatten)]
        of: Of,
    },
    /// Revoke a token: it is of no use from now on
    Revoke {
        /// What it is called
        name: TokenName,
        #[command(flatten)]
        of: Of,
    },
}

impl Of {
    async fn open(self, global: &Global) -> anyhow::Result<(super::accounts::Accounts, TokenOwner)> {
        let named = match (self.user, self.operator) {
            (Some(user), _) => Some(TokenOwner::User(user)),
            (None, true) => Some(TokenOwner::Operator),
            (None, false) => None,
        };
        let accounts = self.place.open(global).await?;
        let owner = accounts.owner(named).await?;
        Ok((accounts, owner))
    }
}

impl Token {
    pub(super) async fn run(self, global: &Global) -> anyhow::Result<Exit> {
        let output = global.output();
        match self.verb {
            Verb::Create { name, days, of } => {
                let (accounts, owner) = of.open(global).await?;
                let new = NewToken { name, expires: days.map(in_days) };
                let issued = accounts.add_token(&owner, new).await?;
                output.note(format!("this token of {owner} is not shown again; PCLR_TOKEN or --token takes it"));
                output.document(&issued, |issued| issued.token.clone())?;
            }
            Verb::List { of } => {
                let (accounts, owner) = of.open(global).await?;
                let tokens = accounts.tokens(&owner).await?;
                let time = |time: Option<Timestamp>| time.map(when).unwrap_or_else(|| "never".to_owned());
                output.document(&tokens, |tokens| {
                    let rows = tokens.iter().map(|token| {
                        [token.name.to_string(), when(token.created), time(token.used), time(token.expires)]
                    });
                    table(["NAME", "MADE", "USED", "ENDS"], rows)
                })?;
            }
            Verb::Revoke { name, of } => {
                let (accounts, owner) = of.open(global).await?;
                accounts.revoke_token(&owner, &name).await?;
                output.outcome(&name, |name| format!("the token {name} of {owner} is of no use any more"))?;
            }
        }
        Ok(Exit::Done)
    }
}

/// So many days from now.
fn in_days(days: u32) -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let now = i64::try_from(since.as_micros()).unwrap_or(i64::MAX);
    Timestamp::from_micros(now.saturating_add(i64::from(days) * 86_400_000_000))
}
