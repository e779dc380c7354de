//! `pclr fsck`: checks everything that a registry keeps, and mends what can be mended. Works on the data folder; without `--repair`
//! beside a server that may run on it.

use clap::Args;
use serde::Serialize;

use super::args::Global;
use super::failure::Exit;
use super::output::{Format, count, pairs, plain_lines};
use super::rebuild::Store;
use super::server::{self, Amount, Found, Report, Severity, Summary};

/// Check everything that a registry keeps, and mend it
#[derive(Debug, Args)]
#[command(
    after_help = "Hashes every stored byte, reads every event, and compares the database with what the events say. Without --repair \
    nothing is changed, and a server may run meanwhile, whatever its metadata store. Exit code 0: nothing was found, or all of it was \
    mended; 1: something is left over or lacks its copy; 4: something that was acknowledged is lost, altered or not served."
)]
pub(super) struct Fsck {
    /// Mend what can be mended; stop the server first
    #[arg(long)]
    repair: bool,
    #[command(flatten)]
    store: Store,
}

/// A finding as a program reads it.
#[derive(Serialize)]
struct Line<'a> {
    severity: Severity,
    #[serde(rename = "where")]
    place: String,
    what: String,
    means: String,
    mends: String,
    #[serde(flatten)]
    found: &'a Found,
}

/// The last line.
#[derive(Serialize)]
struct Last<'a> {
    done: bool,
    found: usize,
    left: usize,
    #[serde(flatten)]
    summary: &'a Summary,
}

impl Fsck {
    pub(super) async fn run(self, global: &Global) -> anyhow::Result<Exit> {
        let output = global.output();
        let report = server::fsck(self.store.config()?, self.repair, output).await?;
        let lines = report.found.iter().map(line);
        match output.format {
            Format::Json => {
                for line in lines {
                    output.line(&line)?;
                }
                let left = report.found.iter().filter(|found| found.mended.is_none()).count();
                output.line(&Last { done: true, found: report.found.len(), left, summary: &report.summary })?;
            }
            Format::Table => {
                let told: String = lines.map(|line| plain_lines(&told(&line))).collect();
                let text = format!("{told}{}", ended(&report));
                match report.found.is_empty() {
                    true => output.outcome(&(), |()| text)?,
                    false => output.document(&(), |()| text)?,
                }
            }
        }
        Ok(match report.worst() {
            None => Exit::Done,
            Some(Severity::Untidy) => Exit::No,
            Some(Severity::Damage) => Exit::NotVerified,
        })
    }
}

fn line(found: &Found) -> Line<'_> {
    let words = found.finding.words();
    let (place, what, means, mends) = (words.place, words.what, words.means, words.mends);
    Line { severity: found.finding.severity(), place, what, means, mends, found }
}

/// A finding for people: where and what, what it means, and what mends it or did.
fn told(line: &Line<'_>) -> String {
    let severity = match line.severity {
        Severity::Untidy => "untidy",
        Severity::Damage => "damage",
    };
    let mended = match (&line.found.mended, &line.found.failed) {
        (Some(mended), _) => format!("mended: {mended}"),
        (None, Some(failed)) => format!("not mended: {failed}\n  mends:  {}", line.mends),
        (None, None) => format!("mends:  {}", line.mends),
    };
    format!("{severity}: {}\n  what:   {}\n  means:  {}\n  {mended}\n\n", line.place, line.what, line.means)
}

fn ended(report: &Report) -> String {
    let summary = &report.summary;
    let bytes = |amount: Amount| match amount.number {
        0 => String::new(),
        number => format!("{number}, {} bytes", amount.bytes),
    };
    let number = |number: u64| if number == 0 { String::new() } else { number.to_string() };
    let notes = summary.notes.iter().map(|note| ("not checked", note.clone()));
    let checked = pairs(
        [
            ("events", summary.events.to_string()),
            ("blobs that are whole", bytes(summary.blobs)),
            ("of them named by nothing, for collection", bytes(summary.unnamed)),
            ("layers that were never pushed", number(summary.never_pushed)),
            ("in quarantine", bytes(summary.quarantined)),
            ("uploads in flight", bytes(summary.uploads)),
            ("drafts", bytes(summary.drafts)),
            ("documents of the static tree", bytes(summary.statics)),
            ("temporary files", number(summary.temporary)),
            ("other objects", bytes(summary.unknown)),
        ]
        .into_iter()
        .chain(notes),
    );
    let left = report.found.iter().filter(|found| found.mended.is_none()).count();
    let outcome = match (report.found.len(), left) {
        (0, _) => "nothing is wrong".to_owned(),
        (found, 0) => format!("{} mended", count(found, "finding")),
        (found, left) if found == left => count(found, "finding"),
        (found, left) => format!("{}, {} mended", count(found, "finding"), found - left),
    };
    format!("{checked}\n\n{outcome}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Area, Digest};
    use server::{Finding, NeededBy, Role};

    #[test]
    fn a_finding_says_where_it_is_what_it_means_and_what_mends_it() {
        let needed = |name: &str| NeededBy { name: name.into(), role: Role::Content };
        let finding = Finding::BlobMissing {
            area: Area::Public,
            digest: Digest::sha256(b""),
            needed_by: vec![needed("acme/a@1.0.0"), needed("acme/b@1.0.0")],
            copy: None,
        };
        let found = Found { finding, mended: None, failed: Some("no whole copy of it is in the store".into()) };
        insta::assert_snapshot!(told(&line(&found)), @"
        damage: public/blobs/sha256/e3/e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855
          what:   it is not there
          means:  needed by acme/a@1.0.0, acme/b@1.0.0
          not mended: no whole copy of it is in the store
          mends:  pushing what needs it once more, from where it came from; or the file of that name from a backup or a mirror of the store
        ");
        let json = serde_json::to_value(line(&found)).unwrap();
        assert_eq!((&json["finding"], &json["severity"]), (&"blob-missing".into(), &"damage".into()));
        assert_eq!(json["neededBy"][1]["name"], "acme/b@1.0.0");
    }

    #[test]
    fn the_end_says_how_much_was_looked_at() {
        let blobs = Amount { number: 3, bytes: 700 };
        let report = Report { summary: Summary { events: 2, blobs, ..Summary::default() }, ..Report::default() };
        insta::assert_snapshot!(ended(&report), @"
        events                2
        blobs that are whole  3, 700 bytes

        nothing is wrong
        ");
    }
}
