//! What can be typed.

use clap::{Args, Parser, Subcommand};

use super::output::{Format, Output};
use crate::client::{Client, ClientError};

/// A registry for AI artifacts: publish, find and fetch personas, skills, teams and workflows.
#[derive(Debug, Parser)]
#[command(name = "pclr", version, about, max_term_width = 100, arg_required_else_help = true)]
pub(super) struct Cli {
    #[command(flatten)]
    pub(super) global: Global,
    #[command(subcommand)]
    pub(super) command: Command,
}

/// Where a registry listens if nothing is said.
const REGISTRY: &str = "http://127.0.0.1:7117";

#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Everywhere")]
pub(super) struct Global {
    /// Address of the registry (also PCLR_REGISTRY) [default: http://127.0.0.1:7117]
    #[arg(long, global = true, env = "PCLR_REGISTRY", hide_env = true, value_name = "URL")]
    registry: Option<String>,
    /// Token to show the registry (also PCLR_TOKEN)
    #[arg(long, global = true, env = "PCLR_TOKEN", hide_env = true, value_name = "TOKEN")]
    token: Option<Secret>,
    /// How to print results: table or json
    #[arg(
        long,
        global = true,
        value_enum,
        env = "PCLR_OUTPUT",
        hide_env = true,
        hide_possible_values = true,
        value_name = "FORMAT",
        default_value_t
    )]
    output: Format,
    /// Print errors only, and results that were asked for
    #[arg(short, long, global = true)]
    quiet: bool,
}

impl Global {
    pub(super) fn output(&self) -> Output {
        Output { format: self.output, quiet: self.quiet }
    }

    pub(super) fn client(&self) -> Result<Client, ClientError> {
        self.client_or(None)
    }

    /// The registry that was typed or set, else the one that a project names, else the one on this machine.
    pub(super) fn client_or(&self, of_project: Option<&str>) -> Result<Client, ClientError> {
        let client = Client::new(self.registry.as_deref().or(of_project).unwrap_or(REGISTRY))?;
        match &self.token {
            Some(Secret(token)) if !token.is_empty() => client.with_token(token),
            _ => Ok(client),
        }
    }
}

/// What is typed and never printed.
#[derive(Clone)]
struct Secret(String);

impl std::str::FromStr for Secret {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(text.trim().to_owned()))
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("…")
    }
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Start a registry
    Serve(super::serve::Serve),
    /// Publish a folder or file
    Push(super::push::Push),
    /// Fetch and verify an artifact and write its files
    Pull(super::pull::Pull),
    /// Add packages to a project and install them with all that they need
    Add(super::add::Add),
    /// Install what a project asks for
    Install(super::install::Install),
    /// Move a project to newer versions, within its ranges
    Update(super::update::Update),
    /// Take packages out of a project
    Remove(super::remove::Remove),
    /// Show what a project uses, as a tree
    Tree(super::tree::Tree),
    /// Show why a project uses a package
    Why(super::why::Why),
    /// Show an artifact, or one version with its files
    Show(super::show::Show),
    /// List the versions of an artifact
    Versions(super::versions::Versions),
    /// List artifacts
    List(super::list::List),
    /// Find artifacts by words
    Search(super::search::Search),
    /// List names, tags and skills that begin in some way
    Complete(super::complete::Complete),
    /// Find the best version in a range
    Resolve(super::resolve::Resolve),
    /// List tags and how many artifacts have each
    Tags(super::tags::Counts),
    /// List skills and how many artifacts have each
    Skills(super::tags::Counts),
    /// List what is downloaded and starred most these days
    Trending(super::trending::Trending),
    /// Show how the registry, or one artifact, is used
    Stats(super::stats::Stats),
    /// Give an artifact a star
    Star(super::star::Star),
    /// Take a star away
    Unstar(super::star::Star),
    /// List the artifacts that you have given a star
    Stars(super::star::Stars),
    /// Find who has the skills that are needed
    Match(super::relations::Match),
    /// List what is like an artifact
    Related(super::relations::Like),
    /// List what an artifact needs
    Dependencies(super::relations::Needs),
    /// List who needs an artifact
    Dependents(super::relations::Dependents),
    /// Publish everything that is found in a folder, table or registry.json
    Import(super::import::Import),
    /// Begin, save, list, publish or remove drafts; `pclr push --draft` begins one from files
    Draft(super::draft::Drafts),
    /// Take a version out of resolution, or put it back
    Yank(super::yank::Yank),
    /// Say that a version should be left, why, and for what
    Deprecate(super::deprecate::Deprecate),
    /// Pin `latest` to a version, or let it be the highest again
    Rollback(super::rollback::Rollback),
    /// List tags and what they name, let one name a version, or remove it
    Tag(super::tag::Tag),
    /// Show what differs between two versions
    Diff(super::diff::Diff),
    /// Show every change of an artifact, latest first
    History(super::history::History),
    /// Let an artifact be in lists and searches, or only be served by name
    Visibility(super::visibility::SetVisibility),
    /// Hide a version: its number stays burnt, and `pclr restore` brings it back
    Delete(super::delete::Delete),
    /// Give up a deleted version for good: its bytes are removed, its number stays burnt
    Purge(super::delete::Purge),
    /// Bring a deleted version back
    Restore(super::restore::Restore),
    /// List, show, make and remove collections: ordered bundles of artifacts
    Collection(super::collection::Collections),
    /// List, add and remove those who own an artifact
    Owner(super::owner::Owner),
    /// Manage organisations
    Org(super::org::Org),
    /// Add, list and remove users
    User(super::user::User),
    /// Make, list and revoke tokens
    Token(super::token::Token),
    /// Show whom the registry takes you for
    Whoami(super::user::Whoami),
    /// Rebuild catalogue and search index from the object store
    Rebuild(super::rebuild::Rebuild),
    /// Move the catalogue to another metadata store
    Migrate(super::migrate::Migrate),
    /// Remove content that nothing names any more
    #[command(visible_alias = "gc")]
    Collect(super::collect::Collect),
    /// Make v2/ of a copied public/ folder again, after a medium that could not keep it
    Static(super::static_tree::Static),
    /// Check everything that a registry keeps, and mend it
    Fsck(super::fsck::Fsck),
    /// Make, list, export and import the keys that you sign with
    Key(super::key::Key),
    /// Sign an artifact that is published
    Sign(super::sign::Sign),
    /// Check that an artifact is signed by one of the keys that you trust
    Verify(super::sign::Verify),
    /// Look at a registry's transparency log, and check it
    Log(super::log::Log),
    /// Print the completions of a shell
    Completions(super::completions::Completions),
}

/// Which packages, for lists and searches.
#[derive(Clone, Debug, Args)]
pub(super) struct Filter {
    /// Only this kind: persona, team, workflow, skill, type, interface, enum, function or module; repeat it for more
    #[arg(long)]
    pub(super) kind: Vec<crate::domain::Kind>,
    /// Only with this tag
    #[arg(long)]
    pub(super) tag: Option<String>,
    /// Only with this skill
    #[arg(long)]
    pub(super) skill: Option<String>,
    /// Only of this organisation
    #[arg(long)]
    pub(super) org: Option<String>,
    /// Only what is seen so: public, unlisted or private; the last two with --org
    #[arg(long)]
    pub(super) visibility: Option<crate::domain::Visibility>,
    /// Rows a page
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(super) limit: Option<u32>,
    /// The page to show, as the page before names it
    #[arg(long, value_name = "CURSOR")]
    pub(super) page: Option<String>,
}

impl Filter {
    /// As a question to the registry, in the given order.
    pub(super) fn query(self, sort: Option<&str>) -> crate::client::ListQuery {
        crate::client::ListQuery {
            kind: self.kind,
            tag: self.tag,
            skill: self.skill,
            org: self.org,
            visibility: self.visibility,
            sort: sort.map(str::to_owned),
            limit: self.limit,
            cursor: self.page,
            ..crate::client::ListQuery::default()
        }
    }
}
