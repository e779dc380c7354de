//! `pclr org`: organisations, what they say of themselves, and who may do what in them.

use clap::{Args, Subcommand};

use super::accounts::Where;
use super::args::Global;
use super::failure::{Exit, Failure};
use super::output::{about, pairs, table, when};
use crate::client::ClientError;
use crate::domain::api::{DeletedPackage, List, OrgDocument};
use crate::domain::{OrgName, Profile, Role, UserName, Visibility};

/// Manage organisations
#[derive(Debug, Args)]
pub(super) struct Org {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// List organisations, and how many public artifacts each has
    List {
        #[command(flatten)]
        part: Part,
    },
    /// Show an organisation
    Show {
        /// The organisation
        org: OrgName,
    },
    /// Let an organisation say something of itself that has said nothing yet
    Create {
        /// The organisation
        org: OrgName,
        #[command(flatten)]
        said: Said,
    },
    /// Change what an organisation says of itself: what is not said stays as it is
    Set {
        /// The organisation
        org: OrgName,
        #[command(flatten)]
        said: Said,
    },
    /// List artifacts of which every version is deleted; `pclr versions NAME --state deleted` lists those to restore
    Deleted {
        /// The organisation
        org: OrgName,
        #[command(flatten)]
        part: Part,
    },
    /// List members, give roles and take them away
    Member(Member),
}

/// Which part of a list.
#[derive(Debug, Args)]
struct Part {
    /// Rows a page
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    limit: Option<u32>,
    /// The page to show, as the page before names it
    #[arg(long, value_name = "CURSOR")]
    page: Option<String>,
}

impl Part {
    fn query(self) -> Vec<(&'static str, String)> {
        let query = [("limit", self.limit.map(|limit| limit.to_string())), ("cursor", self.page)];
        query.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
    }
}

/// What an organisation is to say.
#[derive(Debug, Args)]
struct Said {
    /// The name as people write it
    #[arg(long, value_name = "TEXT")]
    title: Option<String>,
    /// What it does
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    /// Where to read more
    #[arg(long, value_name = "URL")]
    homepage: Option<String>,
    /// Who sees its artifacts when they are new: public, unlisted or private
    #[arg(long)]
    visibility: Option<Visibility>,
}

#[derive(Debug, Args)]
struct Member {
    #[command(subcommand)]
    verb: MemberVerb,
}

#[derive(Debug, Subcommand)]
enum MemberVerb {
    /// List who has which role
    List {
        /// The organisation
        org: OrgName,
        #[command(flatten)]
        place: Where,
    },
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
        let output = global.output();
        match self.verb {
            Verb::List { part } => {
                let page = global.client()?.orgs(&part.query()).await?;
                output.document(&page, of_orgs)?;
                if let Some(next) = &page.next {
                    output.note(format!("more: repeat with --page {next}"));
                }
            }
            Verb::Deleted { org, part } => {
                let page = global.client()?.deleted(&org, &part.query()).await?;
                output.document(&page, of_deleted)?;
                if let Some(next) = &page.next {
                    output.note(format!("more: repeat with --page {next}"));
                }
            }
            Verb::Show { org } => output.document(&global.client()?.org(&org).await?.0, of_org)?,
            Verb::Create { org, said } => {
                global.client()?.put_org(&org, &said.over(Profile::default()), None).await?;
                output.outcome(&org, |org| format!("{org} is an organisation"))?;
            }
            Verb::Set { org, said } => {
                let client = global.client()?;
                let (known, seen) = match client.org(&org).await {
                    Err(ClientError::NotFound { .. }) => {
                        let hint = format!("`pclr org create {org}` makes it one");
                        return Err(Failure::no(format!("there is no organisation {org}"), hint).into());
                    }
                    known => known?,
                };
                client.put_org(&org, &said.over(known.profile), Some(&seen)).await?;
                output.document(&client.org(&org).await?.0, of_org)?;
            }
            Verb::Member(Member { verb }) => return verb.run(global).await,
        }
        Ok(Exit::Done)
    }
}

impl MemberVerb {
    async fn run(self, global: &Global) -> anyhow::Result<Exit> {
        let output = global.output();
        match self {
            Self::List { org, place } => {
                let members = place.open(global).await?.members(&org).await?;
                output.document(&members, |members| {
                    let rows = members.iter().map(|member| [member.user.to_string(), member.role.to_string()]);
                    table(["USER", "ROLE"], rows)
                })?;
            }
            Self::Add { org, user, role, place } => {
                place.open(global).await?.set_role(&org, &user, Some(role)).await?;
                output.outcome(&role, |role| format!("{user} has role {role} in {org}"))?;
            }
            Self::Remove { org, user, place } => {
                place.open(global).await?.set_role(&org, &user, None).await?;
                output.outcome(&user, |user| format!("{user} has no role in {org}"))?;
            }
        }
        Ok(Exit::Done)
    }
}

impl Said {
    fn over(self, before: Profile) -> Profile {
        Profile {
            title: self.title.or(before.title),
            description: self.description.or(before.description),
            homepage: self.homepage.or(before.homepage),
            visibility: self.visibility.unwrap_or(before.visibility),
        }
    }
}

fn of_orgs(page: &List<OrgDocument>) -> String {
    let rows = page.items.iter().map(|org| {
        let (title, description) = (org.profile.title.as_deref(), org.profile.description.as_deref());
        let about = about(title.unwrap_or_default(), description.unwrap_or_default());
        [org.name.to_string(), org.packages.to_string(), about]
    });
    table(["NAME", "ARTIFACTS", "ABOUT"], rows)
}

fn of_deleted(page: &List<DeletedPackage>) -> String {
    let rows = page.items.iter().map(|package| [package.name.to_string(), package.visibility.to_string()]);
    table(["NAME", "VISIBILITY"], rows)
}

fn of_org(org: &OrgDocument) -> String {
    let Profile { title, description, homepage, visibility } = org.profile.clone();
    pairs([
        ("name", org.name.to_string()),
        ("title", title.unwrap_or_default()),
        ("description", description.unwrap_or_default()),
        ("homepage", homepage.unwrap_or_default()),
        ("artifacts", org.packages.to_string()),
        ("new ones are", visibility.to_string()),
        ("changed", org.updated.map(when).unwrap_or_default()),
    ])
}
