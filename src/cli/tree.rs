//! `pclr tree`: what a project uses, from its lock.

use clap::Args;
use serde::Serialize;

use super::args::Global;
use super::failure::Exit;
use super::project::{Reading, bracketed, here};
use crate::domain::Name;
use crate::resolve::{Node, cycles, tree};

/// Show what a project uses, as a tree
#[derive(Debug, Args)]
#[command(after_help = "(*) marks a package whose own dependencies stand further up.")]
pub(super) struct Tree {
    #[command(flatten)]
    _reading: Reading,
}

/// What is used.
#[derive(Serialize)]
struct Used {
    packages: Vec<Node>,
    cycles: Vec<Vec<Name>>,
}

impl Tree {
    pub(super) fn run(self, global: &Global) -> anyhow::Result<Exit> {
        let (project, output) = (here()?, global.output());
        let lock = project.fitting_lock()?;
        let used = Used { packages: tree(lock, &project.manifest.edges()), cycles: cycles(lock) };
        output.document(&used, |used| {
            let mut lines = vec!["pclr.toml".to_owned()];
            draw(&used.packages, "", &mut lines);
            lines.join("\n")
        })?;
        for cycle in &used.cycles {
            let path: Vec<&str> = cycle.iter().map(Name::as_str).collect();
            output.note(format!("a cycle: {}", path.join(" -> ")));
        }
        Ok(Exit::Done)
    }
}

fn draw(nodes: &[Node], before: &str, lines: &mut Vec<String>) {
    for (index, node) in nodes.iter().enumerate() {
        let is_last = index + 1 == nodes.len();
        let (branch, below) = if is_last { ("└── ", "    ") } else { ("├── ", "│   ") };
        let repeated = if node.repeated { " (*)" } else { "" };
        let range = bracketed(&node.range);
        lines.push(format!("{before}{branch}{} {} {range}{repeated}", node.name, node.version));
        draw(&node.dependencies, &format!("{before}{below}"), lines);
    }
}
