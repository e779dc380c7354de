//! `pclr import`: everything that is found in a folder, a table or an older registry's file.

use std::path::PathBuf;

use clap::Args;

use super::args::Global;
use super::failure::{Exit, Failure};
use super::import_archive::{Archive, pack_folder};
use super::import_sqlite::{Converted, convert, is_sqlite};
use super::output::{Format, aside, count, table};
use super::progress::Progress;
use crate::client::{ClientError, FilesError, ImportLine, ImportOf};
use crate::domain::api::{ImportItem, ImportOutcome, ImportSummary};
use crate::domain::{NameError, Repository};

/// Publish everything that is found in a folder, table or registry.json
#[derive(Debug, Args)]
#[command(after_help = "Importing again adds only what is new: an artifact is known by where it came from. \
    With --output json, one line an artifact is printed as it goes, and the summary last.")]
pub(super) struct Import {
    /// Folder, or one file: registry.json or SQLite file of an older registry, a CSV table of prompts, PCL, Markdown, JSON or YAML
    path: PathBuf,
    /// Organisation to publish under
    #[arg(long, value_parser = organisation)]
    org: String,
    /// Publish all of them, at most 1,000, or none if any is refused
    #[arg(long)]
    atomic: bool,
}

fn organisation(text: &str) -> Result<String, NameError> {
    match text.parse::<Repository>()? {
        name if name.as_str().contains('/') => {
            Err(NameError { what: "organisation", text: text.to_owned(), why: "it is one word, without a slash" })
        }
        name => Ok(name.to_string()),
    }
}

/// What is sent, and its name if it is one file.
enum Body {
    Packed(Archive),
    AsItIs { path: PathBuf, name: Option<String> },
    Converted(Converted),
}

impl Import {
    pub(super) async fn run(self, global: &Global) -> anyhow::Result<Exit> {
        let output = global.output();
        let body = self.body(global)?;
        let (path, name) = match &body {
            Body::Packed(archive) => (&archive.path, None),
            Body::AsItIs { path, name } => (path, name.as_deref()),
            Body::Converted(document) => (&document.path, Some(document.name.as_str())),
        };
        let sending = Progress::bytes_of(output, "sending", std::fs::metadata(path)?.len());
        let client = global.client()?.watched(sending.watch());
        let of = if self.atomic { ImportOf::Whole } else { ImportOf::Each };
        let mut lines = match client.import(&self.org, path, name, of).await {
            Err(ClientError::Refused { what, said }) => {
                said.items.iter().for_each(report_failure);
                return Err(ClientError::Refused { what, said }.into());
            }
            lines => lines?,
        };
        sending.finish();
        let progress = Progress::things(output, "importing");
        let summary = loop {
            match lines.next().await? {
                ImportLine::Item(item) => {
                    progress.step();
                    if output.format == Format::Json {
                        progress.beside(|| output.line(&item))?;
                    } else if item.outcome == ImportOutcome::Failed {
                        progress.beside(|| report_failure(&item));
                    }
                }
                ImportLine::Summary(summary) => break summary,
            }
        };
        progress.finish();
        match output.format {
            Format::Json => output.line(&summary)?,
            Format::Table => output.outcome(&summary, of_summary)?,
        }
        if summary.failed > 0 {
            let message = format!("{} could not be imported", count(summary.failed as usize, "artifact"));
            return Err(Failure::no(message, "the rest is published; importing again adds only what is missing").into());
        }
        Ok(Exit::Done)
    }

    fn body(&self, global: &Global) -> anyhow::Result<Body> {
        let output = global.output();
        if !self.path.exists() {
            return Err(FilesError::Absent(self.path.clone()).into());
        }
        if self.path.is_dir() {
            let progress = Progress::things(output, "packing");
            let archive = pack_folder(&self.path, || progress.step())?;
            progress.finish();
            for (path, why) in &archive.left_out {
                output.note(format!("left out: {}: {why}", path.display()));
            }
            if archive.files == 0 {
                return Err(Failure::no(format!("{} holds no file", self.path.display()), "name another folder").into());
            }
            return Ok(Body::Packed(archive));
        }
        if is_sqlite(&self.path)? {
            return Ok(Body::Converted(convert(&self.path)?));
        }
        let name = self.path.file_name().and_then(|name| name.to_str()).map(str::to_owned);
        let packed = name.as_deref().is_some_and(|name| name.ends_with(".tar.gz") || name.ends_with(".tgz"));
        Ok(Body::AsItIs { path: self.path.clone(), name: name.filter(|_| !packed) })
    }
}

fn report_failure(item: &ImportItem) {
    let why = item.error.as_deref().unwrap_or("no reason given");
    aside("warning", &format!("{} is not imported: {why}", item.source));
}

fn of_summary(summary: &ImportSummary) -> String {
    let kinds = summary.kinds.iter().map(|kind| [kind.value.clone(), kind.count.to_string()]);
    let rows = [
        ("published", summary.published),
        ("unchanged", summary.unchanged),
        ("failed", summary.failed),
        ("renamed, their name was taken", summary.renamed),
        ("remarks of the readers", summary.diagnostics),
        ("files that belong to no artifact", summary.left_out),
    ];
    let outcomes = rows.map(|(what, number)| [what.to_owned(), number.to_string()]);
    let found = [["all".to_owned(), summary.found.to_string()]];
    format!("{}\n\n{}", table(["KIND", "FOUND"], kinds.chain(found)), table(["OUTCOME", "NUMBER"], outcomes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::api::Count;

    #[test]
    fn an_organisation_is_one_word() {
        assert_eq!(organisation("acme"), Ok("acme".to_owned()));
        for bad in ["", "a/b", "Acme", "v2", "a b"] {
            assert!(organisation(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn the_summary_accounts_for_everything() {
        let kinds = [("persona", 2), ("skill", 1)].map(|(kind, count)| Count { value: kind.into(), count });
        let summary = ImportSummary {
            done: true,
            found: 3,
            published: 2,
            failed: 1,
            kinds: kinds.to_vec(),
            ..ImportSummary::default()
        };
        insta::assert_snapshot!(of_summary(&summary), @r"
        KIND     FOUND
        persona  2
        skill    1
        all      3

        OUTCOME                           NUMBER
        published                         2
        unchanged                         0
        failed                            1
        renamed, their name was taken     0
        remarks of the readers            0
        files that belong to no artifact  0
        ");
    }
}
