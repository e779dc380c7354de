//! `pclr static`: makes `v2/` of a copied tree anew.

use std::path::PathBuf;

use clap::Args;

use super::args::Global;
use super::failure::{Exit, Failure};
use super::output::{Output, aside, count, plain};
use super::progress::Progress;
use crate::client::{FilesError, Hashing, Rebuilt, rebuild_tree};

/// Problems that are told one by one.
const TOLD: usize = 20;

/// Make v2/ of a copied public/ folder again, after a medium that could not keep it
#[derive(Debug, Args)]
#[command(
    after_help = "Files with `:` in their names, which container tools ask for, do not survive every file system. \
    All of v2/ follows from the rest of the folder, which does. pclr itself never reads it."
)]
pub(super) struct Static {
    /// The copied folder: the one with registry.json in it
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// Hash all content that the documents name, not only what goes into v2/
    #[arg(long)]
    verify: bool,
}

impl Static {
    pub(super) async fn run(self, global: &Global) -> anyhow::Result<Exit> {
        let output = global.output();
        let progress = Progress::things(output, "reading documents");
        let hashing = if self.verify { Hashing::Everything } else { Hashing::Manifests };
        let folder = self.folder.clone();
        // A thread of its own, so that who waits can end it.
        let making = move || {
            let rebuilt = rebuild_tree(&folder, hashing, || progress.step());
            progress.finish();
            rebuilt
        };
        let rebuilt = tokio::task::spawn_blocking(making).await?.map_err(|error| hinted(error, &self.folder))?;
        output.outcome(&rebuilt, sentence)?;
        tell(output, &rebuilt);
        Ok(if rebuilt.problems.is_empty() { Exit::Done } else { Exit::NotVerified })
    }
}

fn tell(output: Output, rebuilt: &Rebuilt) {
    for problem in rebuilt.problems.iter().take(TOLD) {
        aside("error", &plain(&format!("{}: {}", problem.path, problem.what)));
    }
    match rebuilt.problems.len().saturating_sub(TOLD) {
        0 => {}
        more => aside("error", &format!("and {more} more")),
    }
    if !rebuilt.problems.is_empty() {
        output.note("the rest is in v2/; copy what is missing or damaged again, and repeat this");
    }
}

fn sentence(rebuilt: &Rebuilt) -> String {
    format!(
        "v2/ has {} of {} and {}",
        count(rebuilt.files as usize, "file"),
        count(rebuilt.packages as usize, "package"),
        match rebuilt.repositories {
            1 => "1 other repository".to_owned(),
            many => format!("{many} other repositories"),
        }
    )
}

/// What to do where the folder cannot be it, or cannot hold it.
fn hinted(error: FilesError, folder: &std::path::Path) -> anyhow::Error {
    match &error {
        FilesError::Absent(_) => Failure::usage(
            format!("{} is no copy of a registry: {error}", folder.display()),
            "name the folder that was copied from public/ in the store of a registry",
        )
        .into(),
        FilesError::Io { what: "write", .. } => Failure::no(
            error.to_string(),
            "v2/ needs a file system that takes colons in names: copy the folder to one first",
        )
        .into(),
        _ => error.into(),
    }
}
