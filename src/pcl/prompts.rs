//! Tables of prompts: CSV with columns `act` and `prompt`; each row is a persona.
//!
//! The artifact of a row is one Markdown file, made of the row alone, the same bytes each time: front matter with the
//! row's other columns as JSON strings, then the prompt as it is.

use bytes::Bytes;
use serde_json::Value;

use crate::domain::{File, Kind, Source, Tree};

use super::finding::{Discovery, Found, LeftOut};
use super::markdown;

const FILE: &str = "prompt.md";

/// Whether the first line names the columns `act` and `prompt`.
pub(super) fn is_table(bytes: &[u8]) -> bool {
    let first = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let names = String::from_utf8_lossy(first);
    let has =
        |name: &str| names.trim_start_matches('\u{feff}').split(',').any(|cell| cell.trim().trim_matches('"') == name);
    has("act") && has("prompt")
}

/// Adds each row. Rows count from 1, the header not among them; a row that cannot be read is left out with the reason.
pub(super) fn discover(path: &str, bytes: &[u8], into: &mut Discovery) {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(bytes);
    let header: Vec<String> = match reader.byte_headers() {
        Ok(header) => header.iter().map(|cell| String::from_utf8_lossy(cell).trim().to_owned()).collect(),
        Err(_) => Vec::new(),
    };
    for (index, record) in reader.byte_records().enumerate() {
        let item = Some((index + 1).to_string());
        let found = match record {
            Ok(record) => row(path, &header, &record),
            Err(error) => Err(error.to_string()),
        };
        match found {
            Ok(mut found) => {
                found.finding.source = Source { path: path.to_owned(), item };
                into.found.push(found);
            }
            Err(why) => into.left_out.push(LeftOut { path: path.to_owned(), item, why }),
        }
    }
}

fn row(path: &str, header: &[String], record: &csv::ByteRecord) -> Result<Found, String> {
    let mut lossy = false;
    let mut cell = |index: usize| {
        let text = String::from_utf8_lossy(record.get(index).unwrap_or_default());
        lossy |= matches!(text, std::borrow::Cow::Owned(_));
        text.into_owned()
    };
    let (mut front, mut prompt, mut contributor) = (String::new(), String::new(), String::new());
    for (index, column) in header.iter().enumerate() {
        let value = cell(index);
        match column.as_str() {
            "prompt" => prompt = value,
            "act" => front.push_str(&format!("name: {}\n", Value::from(value.as_str()))),
            _ if value.is_empty() => {}
            _ => {
                if column == "contributor" {
                    contributor.clone_from(&value);
                }
                let column = Value::from(column.as_str());
                front.push_str(&format!("{column}: {}\n", Value::from(value.as_str())));
            }
        }
    }
    let content = Bytes::from(format!("---\n{front}---\n{prompt}"));
    let mut finding = markdown::read(FILE, &content, Some(Kind::Persona));
    if lossy {
        finding.note(0, format!("the row in {path} is not valid UTF-8; what is not was replaced"));
    }
    if record.len() != header.len() {
        finding.note(0, format!("the row in {path} has {} cells, its header {}", record.len(), header.len()));
    }
    if finding.about.authors.is_empty() {
        finding
            .about
            .authors
            .extend(contributor.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned));
    }
    let file = File { path: FILE.parse().map_err(|_| "no path")?, executable: false, content };
    let tree = Tree::new(vec![file]).map_err(|error| error.to_string())?;
    Ok(Found { finding, tree })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_row_is_a_persona_made_the_same_each_time() {
        let csv = b"act,prompt,for_devs,type,contributor\nHaiku \"Poet\",\"You write\nhaiku: # 5\",FALSE,TEXT,\"ann,bob\"\n\xff,x\n";
        assert!(is_table(csv));
        let mut first = Discovery::default();
        discover("a/prompts.csv", csv, &mut first);
        let mut second = Discovery::default();
        discover("a/prompts.csv", csv, &mut second);
        assert_eq!(first, second);
        assert_eq!(first.found.len(), 2);
        let found = &first.found[0];
        assert_eq!(found.finding.title, "Haiku \"Poet\"");
        assert_eq!(found.finding.about.authors, ["ann", "bob"]);
        assert_eq!(found.finding.source.item.as_deref(), Some("1"));
        assert!(found.tree.files()[0].content.ends_with(b"---\nYou write\nhaiku: # 5"));
        assert_eq!(first.found[1].finding.about.diagnostics.len(), 2);
    }

    #[test]
    fn other_tables_are_none() {
        assert!(!is_table(b"a,b\n1,2\n"));
        assert!(is_table("\u{feff}\"act\",\"prompt\"\r\n".as_bytes()));
    }
}
