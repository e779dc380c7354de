//! The SQLite file of an older registry, as the `registry.json` that its other backend would have written.
//!
//! The file and what lies beside it are copied first and the copy is opened, so that the original is read and nothing else, and
//! what its log holds is seen all the same. Columns are known by their names, in either way of writing them (`createdAt`,
//! `created_at`); those without a place of their own go into the metadata.

mod tables;

use std::collections::BTreeMap;
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde_json::{Map, Value, json};

use super::failure::Failure;
use tables::{Bounds, Tables};

/// How each file of SQLite begins.
const MAGIC: &[u8] = b"SQLite format 3\0";
/// Largest file that is read, in bytes.
const FILE_MAX: u64 = 256 << 20;
/// Most that is read of it.
const BOUNDS: Bounds = Bounds { rows: 1_000_000, bytes: 512 << 20 };
/// Files that belong to a database: what is not in the file itself yet, or is to be taken back.
const BESIDE: [&str; 2] = ["-wal", "-journal"];
/// Columns of an artifact that stand beside its metadata.
const OUTER: [&str; 7] = ["id", "type", "source", "createdAt", "updatedAt", "published", "deleted"];
/// Columns that count what happened.
const STATS: [&str; 4] = ["downloads", "stars", "views", "lastAccessed"];

/// The document, in a folder of its own that goes when this is dropped.
pub(super) struct Converted {
    folder: PathBuf,
    /// Where the document is.
    pub(super) path: PathBuf,
    /// What it is called: as the file, with `.json` in place of its ending.
    pub(super) name: String,
}

impl Drop for Converted {
    fn drop(&mut self) {
        // The system clears its temporary folder; nothing depends on this.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Whether the file is a database of SQLite.
pub(super) fn is_sqlite(path: &Path) -> std::io::Result<bool> {
    let mut begin = Vec::new();
    fs::File::open(path)?.take(MAGIC.len() as u64).read_to_end(&mut begin)?;
    Ok(begin == MAGIC)
}

/// Reads every artifact and version, and writes them down as a `registry.json`.
pub(super) fn convert(path: &Path) -> anyhow::Result<Converted> {
    let folder = std::env::temp_dir().join(format!("pclr-import-{}", uuid::Uuid::now_v7().simple()));
    create_private(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
    let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or("registry");
    let name = format!("{stem}.json");
    let converted = Converted { path: folder.join("registry.json"), folder, name };
    let copy = converted.folder.join("copy");
    copy_all(path, &copy)?;
    let registry = read(&copy, BOUNDS).map_err(|why| refusal(path, why))?;
    let text = serde_json::to_vec(&registry)?;
    fs::write(&converted.path, text).with_context(|| format!("cannot write {}", converted.path.display()))?;
    Ok(converted)
}

/// Makes a folder that nobody else looks into, whatever the file allows: others may list the temporary folder.
fn create_private(folder: &Path) -> std::io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

fn copy_all(from: &Path, to: &Path) -> anyhow::Result<()> {
    let beside = |path: &Path, suffix: &str| PathBuf::from(format!("{}{suffix}", path.display()));
    for suffix in [""].into_iter().chain(BESIDE) {
        let (from, to) = (beside(from, suffix), beside(to, suffix));
        if !suffix.is_empty() && !from.is_file() {
            continue;
        }
        let length = fs::metadata(&from).with_context(|| format!("cannot read {}", from.display()))?.len();
        if length > FILE_MAX {
            let message = format!("{} is larger than {} MiB", from.display(), FILE_MAX >> 20);
            return Err(Failure::no(message, "export it with the older registry, and import the export").into());
        }
        fs::copy(&from, &to).with_context(|| format!("cannot copy {} to {}", from.display(), to.display()))?;
    }
    Ok(())
}

/// Why a database gives no registry.
#[derive(Debug)]
enum Why {
    /// It is whole, and something else.
    Other(&'static str),
    /// It cannot be read.
    Damaged(String),
    /// It holds more than is read.
    TooMuch(Bounds),
}

impl From<rusqlite::Error> for Why {
    fn from(error: rusqlite::Error) -> Self {
        Self::Damaged(error.to_string())
    }
}

fn refusal(path: &Path, why: Why) -> Failure {
    let path = path.display();
    match why {
        Why::Other(hint) => Failure::no(format!("{path} is no database of an older registry"), hint),
        Why::Damaged(what) => Failure::no(
            format!("{path} is a damaged database: {what}"),
            "restore it from a copy, or import what the older registry can still export",
        ),
        Why::TooMuch(Bounds { rows, bytes }) => Failure::no(
            format!("{path} holds more than {rows} rows or {} MiB of values", bytes >> 20),
            "export it with the older registry, and import the export in parts",
        ),
    }
}

fn read(path: &Path, bounds: Bounds) -> Result<Value, Why> {
    // Of the copy alone: what its log holds is taken in here.
    let mut tables = Tables::open(path, bounds)?;
    if tables.has_table("events") && tables.has_table("packages") {
        return Err(Why::Other("it is a database of this program: `pclr serve` and `pclr migrate` take it"));
    }
    let has_source = tables.has("artifacts", "source") || tables.has("artifacts", "sourceCode");
    if !tables.has("artifacts", "id") || !has_source {
        return Err(Why::Other("such a one has a table artifacts with columns id and source"));
    }
    let mut artifacts: BTreeMap<String, Map<String, Value>> = BTreeMap::new();
    for columns in tables.rows("artifacts")? {
        let artifact = artifact(columns);
        if let Some(id) = artifact.get("id").map(text) {
            artifacts.insert(id, artifact);
        }
    }
    for list in ["tags", "skills", "keywords"] {
        add_list(&mut tables, list, &mut artifacts)?;
    }
    let mut versions: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    if tables.has("versions", "artifactId") {
        for mut version in tables.rows("versions")? {
            take_source(&mut version);
            flags(&mut version);
            let Some(id) = version.get("artifactId").map(text) else { continue };
            versions.entry(id).or_default().push(version.into());
        }
    }
    Ok(json!({ "artifacts": artifacts, "versions": versions }))
}

/// One row as an artifact of `registry.json`.
fn artifact(mut columns: Map<String, Value>) -> Map<String, Value> {
    take_source(&mut columns);
    flags(&mut columns);
    let mut metadata = columns.remove("metadata").and_then(object).unwrap_or_default();
    let mut stats = columns.remove("stats").and_then(object).unwrap_or_default();
    let mut artifact = Map::new();
    for (column, value) in columns {
        let place = match column.as_str() {
            outer if OUTER.contains(&outer) => &mut artifact,
            counted if STATS.contains(&counted) => &mut stats,
            _ => &mut metadata,
        };
        place.insert(column, unfolded(value));
    }
    artifact.insert("metadata".to_owned(), metadata.into());
    artifact.insert("stats".to_owned(), stats.into());
    artifact
}

/// What the design calls `source_code` is what the program calls `source`.
fn take_source(columns: &mut Map<String, Value>) {
    if let Some(source) = columns.remove("sourceCode") {
        columns.entry("source").or_insert(source);
    }
}

/// SQLite has no booleans.
fn flags(columns: &mut Map<String, Value>) {
    for flag in ["published", "deleted"] {
        if let Some(number) = columns.get(flag).and_then(Value::as_i64) {
            columns.insert(flag.to_owned(), (number != 0).into());
        }
    }
}

/// A list or an object that a column holds as text; any other text stays one.
fn unfolded(value: Value) -> Value {
    let folded = value.as_str().filter(|text| text.starts_with(['[', '{']));
    match folded.and_then(|text| serde_json::from_str(text).ok()) {
        Some(unfolded @ (Value::Array(_) | Value::Object(_))) => unfolded,
        _ => value,
    }
}

fn object(value: Value) -> Option<Map<String, Value>> {
    match unfolded(value) {
        Value::Object(object) => Some(object),
        _ => None,
    }
}

/// Tags, skills or keywords in a table of their own: each row names the artifact and the word, or by number a row with the word.
fn add_list(tables: &mut Tables, list: &str, artifacts: &mut BTreeMap<String, Map<String, Value>>) -> Result<(), Why> {
    let (one, joined) = (list.trim_end_matches('s'), format!("artifact_{list}"));
    let table = [list, &joined].into_iter().find(|table| tables.has(table, "artifactId"));
    let Some(table) = table else { return Ok(()) };
    let word = |row: &Map<String, Value>| [one, "name", "value"].iter().find_map(|key| row.get(*key)).map(text);
    let mut by_number = BTreeMap::new();
    if table == joined && tables.has_table(list) {
        let rows = tables.rows(list)?;
        by_number.extend(rows.iter().filter_map(|row| Some((text(row.get("id")?), word(row)?))));
    }
    for row in tables.rows(table)? {
        let number = row.get(&format!("{one}Id")).map(text);
        let found = word(&row).or_else(|| by_number.get(&number?).cloned());
        let (Some(id), Some(found)) = (row.get("artifactId").map(text), found) else { continue };
        let Some(Value::Object(metadata)) = artifacts.get_mut(&id).and_then(|found| found.get_mut("metadata")) else {
            continue;
        };
        let words = metadata.entry(list).or_insert_with(|| Value::Array(Vec::new()));
        if let Value::Array(words) = words
            && !words.contains(&Value::String(found.clone()))
        {
            words.push(found.into());
        }
    }
    Ok(())
}

/// A key, whatever its type.
fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;

    use super::*;

    /// The schema in both ways of writing it: words in tables of their own, and in columns.
    const SNAKE: &str = "
        CREATE TABLE artifacts (id TEXT PRIMARY KEY, type TEXT NOT NULL, name TEXT NOT NULL, slug TEXT, description TEXT,
            version TEXT, author TEXT, license TEXT, source TEXT NOT NULL, downloads INTEGER, stars INTEGER,
            created_at TEXT, updated_at TEXT, published INTEGER, deleted INTEGER);
        CREATE TABLE tags (id INTEGER PRIMARY KEY, artifact_id TEXT, tag TEXT);
        CREATE TABLE skills (id INTEGER PRIMARY KEY, name TEXT);
        CREATE TABLE artifact_skills (artifact_id TEXT, skill_id INTEGER);
        CREATE TABLE versions (id INTEGER PRIMARY KEY, artifact_id TEXT, version TEXT, source TEXT, created_at TEXT,
            changelog TEXT, published INTEGER);
        INSERT INTO artifacts VALUES ('u-1', 'persona', 'Ann', NULL, 'Knows', '1.1.0', 'Ann', 'MIT',
            'persona Ann { intent: \"new\" }', 7, 1, '2026-01-18T00:03:34.292Z', '2026-01-19T00:00:00Z', 1, 0);
        INSERT INTO tags VALUES (1, 'u-1', 'qa'), (2, 'u-1', 'qa'), (3, 'u-1', 'rust'), (4, 'gone', 'x');
        INSERT INTO skills VALUES (5, 'sql');
        INSERT INTO artifact_skills VALUES ('u-1', 5);
        INSERT INTO versions VALUES (1, 'u-1', '1.0.0', 'persona Ann { intent: \"old\" }', '2026-01-17T00:00:00Z', 'first', 1);";

    fn database(sql: &str) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("old.db");
        Connection::open(&path).unwrap().execute_batch(sql).unwrap();
        (folder, path)
    }

    fn converted(path: &Path) -> Value {
        let converted = convert(path).unwrap();
        assert_eq!(converted.name, "old.json");
        serde_json::from_slice(&fs::read(&converted.path).unwrap()).unwrap()
    }

    fn refused(path: &Path) -> String {
        let Err(error) = convert(path) else { panic!("it was taken") };
        let failure = Failure::of(error);
        format!("{} ({})", failure.message, failure.hint.unwrap_or_default())
    }

    #[test]
    fn tables_become_the_document_of_the_other_backend() {
        let (_folder, path) = database(SNAKE);
        assert!(is_sqlite(&path).unwrap());
        let artifact = json!({
            "id": "u-1", "type": "persona", "source": "persona Ann { intent: \"new\" }", "published": true, "deleted": false,
            "createdAt": "2026-01-18T00:03:34.292Z", "updatedAt": "2026-01-19T00:00:00Z",
            "stats": { "downloads": 7, "stars": 1 },
            "metadata": { "name": "Ann", "description": "Knows", "version": "1.1.0", "author": "Ann", "license": "MIT",
                "tags": ["qa", "rust"], "skills": ["sql"] },
        });
        let version = json!({ "id": 1, "artifactId": "u-1", "version": "1.0.0", "source": "persona Ann { intent: \"old\" }",
            "createdAt": "2026-01-17T00:00:00Z", "changelog": "first", "published": true });
        assert_eq!(converted(&path), json!({ "artifacts": { "u-1": artifact }, "versions": { "u-1": [version] } }));
    }

    #[test]
    fn metadata_may_be_one_column() {
        let (_folder, path) = database(
            "CREATE TABLE artifacts (id TEXT, type TEXT, metadata TEXT, sourceCode TEXT, deleted INTEGER, tags TEXT);
             INSERT INTO artifacts VALUES ('a', 'team', '{\"name\":\"T\",\"custom\":{\"x\":1}}', 'team T { members: A }', 1, '[\"b\"]');",
        );
        let found = converted(&path);
        let expected = json!({ "id": "a", "type": "team", "source": "team T { members: A }", "deleted": true, "stats": {},
            "metadata": { "name": "T", "custom": { "x": 1 }, "tags": ["b"] } });
        assert_eq!(found["artifacts"]["a"], expected);
    }

    #[test]
    fn the_file_and_its_log_are_left_alone() {
        let (folder, path) = database(SNAKE);
        let writer = Connection::open(&path).unwrap();
        writer.execute_batch("PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0;").unwrap();
        writer.execute("UPDATE artifacts SET name = 'in the log'", []).unwrap();
        let bytes = || ["old.db", "old.db-wal"].map(|name| fs::read(folder.path().join(name)).unwrap());
        let before = bytes();
        assert_eq!(converted(&path)["artifacts"]["u-1"]["metadata"]["name"], "in the log");
        assert_eq!(bytes(), before);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 3, "the file, its log, and the index of that");
    }

    #[test]
    fn what_is_no_older_registry_is_said_to_be_none() {
        let (_folder, path) = database("CREATE TABLE places (id INTEGER, url TEXT);");
        assert!(
            refused(&path).contains("old.db is no database of an older registry (such a one has"),
            "{}",
            refused(&path)
        );
        let (_folder, path) = database("CREATE TABLE events (n INTEGER); CREATE TABLE packages (name TEXT);");
        assert!(refused(&path).contains("it is a database of this program"), "{}", refused(&path));
        let (folder, path) = database(SNAKE);
        let whole = fs::read(&path).unwrap();
        for length in [100, 4096, whole.len() - 4096] {
            fs::write(&path, &whole[..length]).unwrap();
            assert!(refused(&path).contains("is a damaged database"), "{length}: {}", refused(&path));
        }
        let mut spoilt = whole.clone();
        spoilt[4096..].fill(0xff);
        fs::write(&path, spoilt).unwrap();
        assert!(refused(&path).contains("is a damaged database"), "{}", refused(&path));
        fs::write(folder.path().join("text"), "no database").unwrap();
        assert!(!is_sqlite(&folder.path().join("text")).unwrap());
    }

    #[test]
    fn what_stands_in_the_file_is_not_run() {
        let (_folder, path) = database(
            "CREATE TABLE places (id TEXT, source TEXT); INSERT INTO places VALUES ('a', 'team T { members: A }');
             CREATE VIEW artifacts AS SELECT id, source FROM places;",
        );
        assert!(refused(&path).contains("is no database of an older registry"), "{}", refused(&path));
        let (_folder, path) = database(
            "CREATE TABLE artifacts (id TEXT, source TEXT, made TEXT AS (hex(zeroblob(9))), \"a\"\"b\" TEXT);
             INSERT INTO artifacts VALUES ('a', 'team T { members: A }', 'kept');",
        );
        assert_eq!(converted(&path)["artifacts"]["a"]["metadata"], json!({ "a\"b": "kept" }));
    }

    #[test]
    fn no_more_is_read_than_is_said() {
        let (_folder, path) = database(SNAKE);
        assert!(read(&path, Bounds { rows: 8, ..BOUNDS }).is_ok());
        for bounds in [Bounds { rows: 7, ..BOUNDS }, Bounds { bytes: 1000, ..BOUNDS }] {
            let Err(why) = read(&path, bounds) else { panic!("{bounds:?}: it was read") };
            assert!(matches!(why, Why::TooMuch(of) if of == bounds), "{why:?}");
            assert!(refusal(&path, why).message.contains("holds more than "));
        }
    }

    #[cfg(unix)]
    #[test]
    fn nobody_else_looks_into_the_copy() {
        use std::os::unix::fs::PermissionsExt as _;

        let (_folder, path) = database(SNAKE);
        let converted = convert(&path).unwrap();
        assert_eq!(fs::metadata(&converted.folder).unwrap().permissions().mode() & 0o777, 0o700);
    }
}
