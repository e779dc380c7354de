//! `pclr diff`: what differs between two versions.

use std::io::IsTerminal as _;

use clap::Args;
use serde_json::Value;

use super::args::Global;
use super::failure::{Exit, Failure};
use super::output::{plain, plain_lines, raw};
use super::units::human;
use crate::client::{Client, Selector};
use crate::domain::api::{Comparison, FileChange, FileChangeKind};
use crate::domain::{Name, Version};

/// Show what differs between two versions
#[derive(Debug, Args)]
#[command(
    after_help = "With --patch the output is a patch that `git apply` takes; what it cannot tell (modes, empty files, what is no text) is named beside it."
)]
pub(super) struct Diff {
    /// org/name
    name: Name,
    /// The one version, or a range
    #[arg(value_name = "FROM")]
    from: Selector,
    /// The other; the latest if none is named
    #[arg(value_name = "TO")]
    to: Option<Selector>,
    /// Print the lines of the files and nothing else
    #[arg(long)]
    patch: bool,
}

impl Diff {
    pub(super) async fn run(self, global: &Global) -> anyhow::Result<Exit> {
        let client = global.client()?;
        let from = version(&client, &self.name, &self.from).await?;
        let to = version(&client, &self.name, self.to.as_ref().unwrap_or(&Selector::Latest)).await?;
        let comparison = client.compare(&self.name, &from, &to).await?;
        if self.patch {
            for file in comparison.files.iter().filter(|file| !is_whole(file)) {
                global.output().note(format!("the patch does not tell all: {}", plain(&of_file(file))));
            }
            let patch = patch(&comparison);
            match std::io::stdout().is_terminal() {
                true => raw(plain_lines(&patch).as_bytes())?,
                false => raw(patch.as_bytes())?,
            }
        } else {
            global.output().document(&comparison, of_comparison)?;
        }
        Ok(Exit::Done)
    }
}

async fn version(client: &Client, name: &Name, selector: &Selector) -> anyhow::Result<Version> {
    match selector {
        Selector::Version(version) => Ok(version.clone()),
        Selector::Range(range) => Ok(client.resolve(name, range).await?.release.version),
        Selector::Latest => Ok(client.package(name).await?.shown),
        Selector::Tag(_) | Selector::Digest(_) => {
            let hint = format!("name versions; `pclr versions {name}` lists them");
            Err(Failure::usage("tags and digests cannot be compared", hint).into())
        }
    }
}

fn of_comparison(comparison: &Comparison) -> String {
    let Comparison { name, from, to, fields, capabilities, files } = comparison;
    let mut lines = vec![format!("{name}  {from} → {to}")];
    let mut line = |written: String| lines.push(plain(&written));
    if fields.is_empty() && files.is_empty() {
        line("nothing differs".to_owned());
    }
    for tool in &capabilities.tools_added {
        line(format!("! may now use {tool}"));
    }
    for tool in &capabilities.tools_removed {
        line(format!("! may no longer use {tool}"));
    }
    if capabilities.unrestricted {
        line("! may now use any tool: there is no list any more".to_owned());
    }
    if !capabilities.restricted_to.is_empty() {
        line(format!("! may now use nothing but {}: there was no list", capabilities.restricted_to.join(", ")));
    }
    for field in fields {
        line(format!("~ {}: {} → {}", field.field, value(field.from.as_ref()), value(field.to.as_ref())));
    }
    for file in files {
        line(of_file(file));
    }
    let patch = patch(comparison);
    if !patch.is_empty() {
        lines.push(format!("\n{}", plain_lines(patch.trim_end())));
    }
    lines.join("\n")
}

fn of_file(file: &FileChange) -> String {
    let sign = match file.change {
        FileChangeKind::Added => '+',
        FileChangeKind::Removed => '-',
        FileChangeKind::Modified => '~',
    };
    let size = match (file.size_from, file.size_to) {
        (Some(from), Some(to)) => format!("{} → {}", human(from), human(to)),
        (from, to) => from.or(to).map(human).unwrap_or_default(),
    };
    let mode = match file.executable {
        Some(true) => ", can be run now",
        Some(false) => ", cannot be run any more",
        None => "",
    };
    let lines = if file.diff.is_none() { ", no text or too long to compare" } else { "" };
    format!("{sign} {} ({size}{mode}{lines})", file.path)
}

/// Whether the lines tell all that became of the file: a patch knows no modes, no empty files, and nothing but text.
fn is_whole(file: &FileChange) -> bool {
    file.executable.is_none() && file.diff.as_ref().is_some_and(|diff| !diff.is_empty())
}

fn patch(comparison: &Comparison) -> String {
    comparison.files.iter().filter_map(|file| file.diff.as_deref()).collect()
}

fn value(value: Option<&Value>) -> String {
    let text = match value {
        None => return "nothing".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    };
    super::output::short(&text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::api::CapabilityChange;

    #[test]
    fn what_strangers_wrote_forges_no_line_and_moves_no_cursor() {
        let tools = ["Bash", "Read\n! may no longer use Bash", "Z\u{1b}[1A\u{1b}[J"];
        let comparison = Comparison {
            name: "acme/hello".parse().unwrap(),
            from: "1.0.0".parse().unwrap(),
            to: "1.1.0".parse().unwrap(),
            fields: Vec::new(),
            capabilities: CapabilityChange { restricted_to: tools.map(str::to_owned).to_vec(), ..Default::default() },
            files: vec![FileChange {
                path: "a\u{1b}[2Jb".to_owned(),
                change: FileChangeKind::Added,
                size_from: None,
                size_to: Some(3),
                executable: None,
                diff: Some("+++ b/a\n+\tone\u{1b}[2J\n".to_owned()),
            }],
        };
        insta::assert_snapshot!(of_comparison(&comparison), @r"
        acme/hello  1.0.0 → 1.1.0
        ! may now use nothing but Bash, Read ! may no longer use Bash, Z [1A [J: there was no list
        + a [2Jb (3 B)

        +++ b/a
        +	one [2J
        ");
    }
}
