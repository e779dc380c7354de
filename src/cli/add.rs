//! `pclr add`: packages that a project asks for from now on.

use clap::Args;

use super::args::Global;
use super::failure::{Exit, Failure};
use super::project::Sources;
use crate::client::project::{Project, Supply, Update};
use crate::client::{Selector, Wanted};
use crate::domain::{Name, Range, Release};
use crate::resolve::best;

/// Add packages to a project and install them with all that they need
#[derive(Debug, Args)]
#[command(
    after_help = "Without a range the highest finished version is taken, and its range is ^ and that version. A project without pclr.toml gets one."
)]
pub(super) struct Add {
    /// org/name, org/name@^1.2 or org/name@1.2.3
    #[arg(value_name = "NAME[@RANGE]", required_unless_present = "collections")]
    wanted: Vec<Wanted>,
    /// All packages of this collection too, with its ranges; may be repeated
    #[arg(long = "collection", id = "collections", value_name = "NAME", conflicts_with_all = ["offline", "frozen"])]
    collections: Vec<Name>,
    #[command(flatten)]
    sources: Sources,
}

impl Add {
    pub(super) async fn run(self, global: &Global) -> anyhow::Result<Exit> {
        let project = Project::find_or_new(&std::env::current_dir()?)?;
        let mut all = self.wanted;
        let client = global.client_or(project.manifest.registry())?;
        for name in &self.collections {
            let (collection, _) = client.collection(name).await?;
            all.extend(collection.content.items.into_iter().map(|item| Wanted {
                name: item.name,
                selector: item.range.map_or(Selector::Latest, Selector::Range),
            }));
        }
        let opened = self.sources.open(global, project).await?;
        let mut after = opened.project.clone();
        for wanted in &all {
            let range = range(&opened.supply, wanted).await?;
            after.manifest.set(&wanted.name, &range);
        }
        opened.install(after, &self.sources, Update::Nothing).await
    }
}

/// The range to ask for: what was typed, else everything that is compatible with the highest version.
async fn range(supply: &Supply, wanted: &Wanted) -> anyhow::Result<Range> {
    let name = &wanted.name;
    match &wanted.selector {
        Selector::Range(range) => Ok(range.clone()),
        Selector::Version(version) => Ok(version.number().parse()?),
        Selector::Tag(_) | Selector::Digest(_) => Err(Failure::usage(
            format!("{wanted} names no range of versions"),
            format!("pclr add {name}@^1.2, or pclr add {name} for the highest; pclr.lock pins the digest"),
        )
        .into()),
        Selector::Latest => {
            let resolution = supply.resolution(name).await?.ok_or_else(|| {
                Failure::no(format!("the registry has no {name}"), "check the name: `pclr search WORDS` finds packages")
            })?;
            let releases = resolution.versions.into_iter().map(|version| version.release);
            let releases: Vec<Release> = releases.filter(|release| supply.can_have(&release.digest)).collect();
            let any = "*".parse()?;
            let highest =
                best(&releases, &any).map_err(|error| Failure::no(format!("{name}: {error}"), error.hint()))?;
            Ok(format!("^{}", highest.version.number()).parse()?)
        }
    }
}
