//! `pclr show`: one artifact, or one version with its files, or the text of a file.

use std::str::FromStr;

use clap::Args;
use uuid::Uuid;

use super::args::Global;
use super::failure::{Exit, Failure};
use super::output::{pairs, raw, short, table, when};
use super::units::human;
use crate::client::{Client, Selector, Wanted, WantedError};
use crate::domain::api::VersionDetail;
use crate::domain::{Config, Name, Package, Published, Skill, Source, Version};

/// Show an artifact, or one version with its files
#[derive(Debug, Args)]
pub(super) struct Show {
    /// org/name, org/name@1.2.3, org/name@^1.2, org/name:stable, or the id of a version
    #[arg(value_name = "NAME|ID")]
    wanted: Meant,
    /// Print the text of the artifact, or of the file that --file names
    #[arg(long)]
    source: bool,
    /// Which file to print
    #[arg(long, value_name = "PATH", requires = "source")]
    file: Option<String>,
}

/// What is to be shown.
#[derive(Clone, Debug)]
enum Meant {
    Named(Wanted),
    Id(Uuid),
}

impl FromStr for Meant {
    type Err = WantedError;

    /// No name of a package is a UUID: it has a slash.
    fn from_str(text: &str) -> Result<Self, WantedError> {
        match text.parse() {
            Ok(id) => Ok(Self::Id(id)),
            Err(_) => text.parse().map(Self::Named),
        }
    }
}

impl Show {
    pub(super) async fn run(self, global: &Global) -> anyhow::Result<Exit> {
        let (client, output) = (global.client()?, global.output());
        let wanted = match self.wanted {
            Meant::Named(wanted) => wanted,
            Meant::Id(id) => {
                let detail = client.version_by_id(id).await?;
                if !self.source {
                    output.document(&detail, of_version)?;
                    return Ok(Exit::Done);
                }
                let Published { name, version, .. } = detail.published;
                Wanted { name, selector: Selector::Version(version) }
            }
        };
        let name = &wanted.name;
        let version = version(&client, &wanted).await?;
        if self.source {
            let version = match version {
                Some(version) => version,
                None => client.package(name).await?.shown,
            };
            raw(&client.source(name, &version, self.file.as_deref()).await?)?;
            return Ok(Exit::Done);
        }
        match version {
            Some(version) => output.document(&client.version(name, &version).await?, of_version)?,
            None => output.document(&client.package(name).await?, of_package)?,
        }
        Ok(Exit::Done)
    }
}

/// The version that is meant, unless none was said.
async fn version(client: &Client, wanted: &Wanted) -> anyhow::Result<Option<Version>> {
    match &wanted.selector {
        Selector::Latest => Ok(None),
        Selector::Version(version) => Ok(Some(version.clone())),
        Selector::Range(range) => Ok(Some(client.resolve(&wanted.name, range).await?.release.version)),
        Selector::Tag(tag) => Ok(Some(client.resolve_tag(&wanted.name, tag).await?.release.version)),
        Selector::Digest(_) => Err(Failure::usage(
            format!("{wanted} names no version"),
            format!("`pclr versions {}` lists versions, `pclr pull` takes digests", wanted.name),
        )
        .into()),
    }
}

fn of_package(package: &Package) -> String {
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    let latest = package.latest.as_ref().map(Version::to_string);
    pairs([
        ("name", package.name.to_string()),
        ("title", text(&package.title)),
        ("kind", package.kind.to_string()),
        ("latest", latest.unwrap_or_else(|| format!("none (shown is {})", package.shown))),
        ("pinned", package.pinned.as_ref().map(|pinned| format!("to {pinned}")).unwrap_or_default()),
        ("about", text(&package.description)),
        ("tags", package.tags.join(", ")),
        ("skills", skills(&package.skills)),
        ("licence", text(&package.license)),
        ("authors", package.authors.join(", ")),
        ("versions", package.versions.to_string()),
        ("downloads", package.downloads.to_string()),
        ("stars", package.stars.to_string()),
        ("source", package.source.as_ref().map(from).unwrap_or_default()),
        ("updated", when(package.updated)),
    ])
}

fn of_version(detail: &VersionDetail) -> String {
    let published = &detail.published;
    let state = match (published.deleted, published.yanked, &published.deprecation) {
        (true, ..) => "deleted",
        (_, true, _) => "yanked",
        (_, _, Some(_)) => "deprecated",
        _ => "published",
    };
    let because = if published.yanked { &detail.reasons.yanked } else { &detail.reasons.deprecated };
    let instead = published.deprecation.as_ref().and_then(|deprecation| deprecation.replacement.as_ref());
    let mut text = pairs([
        ("name", Name::to_string(&published.name)),
        ("version", published.version.to_string()),
        ("id", published.id.to_string()),
        ("kind", published.kind.to_string()),
        ("state", format!("{state}, {}", when(published.published))),
        ("because", because.as_deref().map(short).unwrap_or_default()),
        ("instead", instead.map(Name::to_string).unwrap_or_default()),
        ("digest", published.digest.to_string()),
    ]);
    if let Some(config) = &published.config {
        text = format!("{text}\n{}", of_config(config));
    }
    let rows = detail.files.iter().map(|file| {
        let mode = if file.executable { "executable" } else { "" };
        [file.path.to_string(), human(file.size), mode.to_owned()]
    });
    format!("{text}\n\n{}", table(["FILE", "SIZE", ""], rows))
}

fn of_config(config: &Config) -> String {
    let about = &config.about;
    let dependencies = about.dependencies.iter().map(|dependency| match &dependency.range {
        Some(range) => format!("{}@{range}", dependency.name),
        None => dependency.name.clone(),
    });
    let diagnostics = about.diagnostics.iter().map(|found| match found.line {
        0 => format!("{}: {}", found.file, found.message),
        line => format!("{}:{line}: {}", found.file, found.message),
    });
    pairs([
        ("title", about.title.clone().unwrap_or_default()),
        ("about", about.description.as_deref().map(short).unwrap_or_default()),
        ("changes", about.changelog.as_deref().map(short).unwrap_or_default()),
        ("tags", about.tags.join(", ")),
        ("skills", skills(&about.skills)),
        ("needs", dependencies.collect::<Vec<_>>().join(", ")),
        ("licence", about.license.clone().unwrap_or_default()),
        ("authors", about.authors.join(", ")),
        ("tools", about.capabilities.allowed_tools.join(", ")),
        ("model", about.capabilities.model.clone().unwrap_or_default()),
        ("tree", config.tree.to_string()),
        ("remarks", diagnostics.collect::<Vec<_>>().join("; ")),
    ])
}

/// Path and what in it, as `pclr import` writes them.
fn from(source: &Source) -> String {
    match &source.item {
        Some(item) => format!("{}#{item}", source.path),
        None => source.path.clone(),
    }
}

fn skills(skills: &[Skill]) -> String {
    let skill = |skill: &Skill| match skill.level {
        Some(level) => format!("{} ({level})", skill.name),
        None => skill.name.clone(),
    };
    skills.iter().map(skill).collect::<Vec<_>>().join(", ")
}
