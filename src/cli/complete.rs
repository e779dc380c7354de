//! `pclr complete`: what begins as it was typed. Also asked by the completions of a shell.

use clap::{Args, ValueEnum};

use super::args::Global;
use super::failure::Exit;
use super::output::{raw, table};
use crate::domain::api::{Completion, CompletionOf, List};

/// List names, tags and skills that begin in some way
#[derive(Debug, Args)]
pub(super) struct Complete {
    /// How they begin; case and accents do not matter
    #[arg(default_value = "", hide_default_value = true)]
    prefix: String,
    /// Only name, tag or skill
    #[arg(long, value_enum, hide_possible_values = true, value_name = "SORT")]
    of: Option<Of>,
    /// How many of each sort
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100))]
    limit: Option<u32>,
    /// Print the values alone, one a line
    #[arg(long)]
    values: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Of {
    Name,
    Tag,
    Skill,
}

impl Complete {
    pub(super) async fn run(self, global: &Global) -> anyhow::Result<Exit> {
        let of = self.of.map(|of| match of {
            Of::Name => CompletionOf::Name,
            Of::Tag => CompletionOf::Tag,
            Of::Skill => CompletionOf::Skill,
        });
        let found = global.client()?.complete(&self.prefix, of, self.limit).await?;
        if self.values {
            let lines: String = found.items.iter().map(|found| format!("{}\n", one_line(&found.value))).collect();
            raw(lines.as_bytes())?;
        } else {
            global.output().document(&found, of_completions)?;
        }
        Ok(Exit::Done)
    }
}

fn of_completions(found: &List<Completion>) -> String {
    let rows = found.items.iter();
    let rows = rows.map(|found| [found.value.clone(), found.of.as_str().to_owned(), found.count.to_string()]);
    table(["VALUE", "SORT", "ARTIFACTS"], rows)
}

/// Text of strangers, without what would move the cursor or look like another line.
fn one_line(text: &str) -> String {
    text.chars().map(|character| if character.is_control() { ' ' } else { character }).collect()
}
