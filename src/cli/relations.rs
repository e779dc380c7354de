//! `pclr dependencies`, `pclr dependents`, `pclr related` and `pclr match`: what artifacts have to do with each other.

use clap::Args;
use clap::builder::NonEmptyStringValueParser;

use super::args::Global;
use super::failure::Exit;
use super::output::table;
use crate::client::ListQuery;
use crate::domain::api::{Dependencies, Dependent, List, Related, SkillMatches};
use crate::domain::{DependencyType, Kind, Name, Version};

/// List what an artifact needs
#[derive(Debug, Args)]
pub(super) struct Needs {
    /// org/name
    name: Name,
    /// Of this version; of the one that is shown if none is named
    version: Option<Version>,
    /// Only by this type: import, extends, implements, requires, member, skill or step
    #[arg(long = "type", value_name = "TYPE")]
    kind: Option<DependencyType>,
    /// How many steps away
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=20))]
    depth: u32,
}

impl Needs {
    pub(super) async fn run(self, global: &Global) -> anyhow::Result<Exit> {
        let found = global.client()?.dependencies(&self.name, self.version.as_ref(), self.kind, self.depth).await?;
        global.output().document(&found, of_dependencies)?;
        for cycle in &found.cycles {
            let names: Vec<&str> = cycle.iter().map(Name::as_str).collect();
            global.output().note(format!("they need each other: {}", names.join(" > ")));
        }
        if !found.is_complete {
            global.output().note("there is more than one answer holds; ask for one type, or for less depth");
        }
        Ok(Exit::Done)
    }
}

fn of_dependencies(found: &Dependencies) -> String {
    let rows = found.items.iter().map(|needed| {
        let version = needed.version.as_ref().map(Version::to_string).unwrap_or_default();
        let range = needed.range.clone().unwrap_or_default();
        // The name that can be typed, where the source means a package.
        let name = needed.package.as_ref().map_or_else(|| needed.name.clone(), Name::to_string);
        [name, needed.kind.as_str().to_owned(), range, version, needed.by.to_string()]
    });
    table(["NAME", "TYPE", "RANGE", "BEST", "NEEDED BY"], rows)
}

/// List who needs an artifact
#[derive(Debug, Args)]
pub(super) struct Dependents {
    /// org/name
    name: Name,
    /// Only by this type: import, extends, implements, requires, member, skill or step
    #[arg(long = "type", value_name = "TYPE")]
    kind: Option<DependencyType>,
    /// The page to show, as the page before names it
    #[arg(long, value_name = "CURSOR")]
    page: Option<String>,
}

impl Dependents {
    pub(super) async fn run(self, global: &Global) -> anyhow::Result<Exit> {
        let query = ListQuery { dependency: self.kind, cursor: self.page, ..ListQuery::default() };
        let page = global.client()?.dependents(&self.name, &query).await?;
        global.output().document(&page, of_dependents)?;
        if let Some(next) = &page.next {
            global.output().note(format!("more: repeat with --page {next}"));
        }
        Ok(Exit::Done)
    }
}

fn of_dependents(page: &List<Dependent>) -> String {
    let rows = page.items.iter().map(|dependent| {
        let range = dependent.range.clone().unwrap_or_default();
        [dependent.name.to_string(), dependent.version.to_string(), dependent.kind.as_str().to_owned(), range]
    });
    table(["NAME", "VERSION", "TYPE", "RANGE"], rows)
}

/// List what is like an artifact
#[derive(Debug, Args)]
pub(super) struct Like {
    /// org/name
    name: Name,
}

impl Like {
    pub(super) async fn run(self, global: &Global) -> anyhow::Result<Exit> {
        global.output().document(&global.client()?.related(&self.name).await?, of_related)?;
        Ok(Exit::Done)
    }
}

fn of_related(list: &List<Related>) -> String {
    let rows = list
        .items
        .iter()
        .map(|related| [related.name.to_string(), related.kind.to_string(), related.shared.join(", ")]);
    table(["NAME", "KIND", "SHARED"], rows)
}

/// Find who has the skills that are needed
#[derive(Debug, Args)]
pub(super) struct Match {
    /// What is needed; `sql:expert` asks for that level or above
    #[arg(required = true, value_name = "SKILL[:LEVEL]")]
    skills: Vec<String>,
    /// Only this kind; repeat it for more
    #[arg(long)]
    kind: Vec<Kind>,
    /// Only with this tag; repeat it for more, which must all be there
    #[arg(long, value_parser = NonEmptyStringValueParser::new())]
    tag: Vec<String>,
    /// Find the fewest personas that have them all
    #[arg(long)]
    team: bool,
}

impl Match {
    pub(super) async fn run(self, global: &Global) -> anyhow::Result<Exit> {
        let comma = |text: &String| text.replace(',', "\\,");
        let mut query: Vec<(&str, String)> = self.skills.iter().map(|skill| ("skill", comma(skill))).collect();
        query.extend(self.kind.iter().map(|kind| ("kind", kind.to_string())));
        query.extend(self.tag.iter().map(|tag| ("tag", comma(tag))));
        query.extend(self.team.then(|| ("team", "true".to_owned())));
        global.output().document(&global.client()?.with_skills(&query).await?, of_matches)?;
        Ok(Exit::Done)
    }
}

fn of_matches(matches: &SkillMatches) -> String {
    let Some(team) = &matches.team else {
        let rows = matches
            .items
            .iter()
            .map(|item| [item.name.to_string(), item.kind.to_string(), item.has.join(", "), item.lacks.join(", ")]);
        return table(["NAME", "KIND", "HAS", "LACKS"], rows);
    };
    let rows = team.members.iter().map(|member| [member.name.to_string(), member.covers.join(", ")]);
    let mut text = table(["NAME", "COVERS"], rows);
    if !team.missing.is_empty() {
        text.push_str(&format!("\nnobody has: {}", team.missing.join(", ")));
    }
    if !team.is_smallest {
        text.push_str("\nthere may be a smaller team: not all were tried");
    }
    text
}
