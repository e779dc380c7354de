//! `docs/schema.md` draws what the databases really have: each is made by this program and asked.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

use futures::TryStreamExt;
use mongodb::bson::Document;
use pcl_registry::meta::{Mongo, Postgres, Sqlite};
use sqlx::Row as _;

use crate::{mongo, postgres};

/// A table or collection: columns as type and name, and its keys.
struct Table {
    name: String,
    columns: Vec<(String, String)>,
    keys: Vec<String>,
}

/// Between these lines the document is made.
fn marks(database: &str) -> (String, String) {
    (format!("<!-- drawn: {database} from here -->\n"), format!("<!-- drawn: {database} to here -->\n"))
}

fn drawn(tables: &[Table]) -> String {
    let mut text = "\n```mermaid\nerDiagram\n".to_owned();
    for table in tables {
        writeln!(text, "    {} {{", table.name).unwrap();
        for (kind, name) in &table.columns {
            writeln!(text, "        {kind} {name}").unwrap();
        }
        text.push_str("    }\n");
    }
    text.push_str("```\n\n| | keys and indexes |\n|---|---|\n");
    for table in tables {
        writeln!(text, "| {} | {} |", table.name, table.keys.join("<br>")).unwrap();
    }
    text.push('\n');
    text
}

/// Compares, or with `PCLR_BLESS` writes.
fn check(database: &str, tables: &[Table]) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/schema.md");
    let kept = std::fs::read_to_string(&path).unwrap();
    let (begin, end) = marks(database);
    let from = kept.find(&begin).expect("the place in docs/schema.md") + begin.len();
    let to = from + kept[from..].find(&end).expect("its end in docs/schema.md");
    let made = format!("{}{}{}", &kept[..from], drawn(tables), &kept[to..]);
    if std::env::var_os("PCLR_BLESS").is_some() {
        std::fs::write(&path, &made).unwrap();
        return;
    }
    let again = "run `PCLR_BLESS=1 cargo nextest run -j 1 -E 'test(schema::)'` with the servers of tests/services";
    assert!(kept == made, "docs/schema.md does not draw {database} as it is: {again}");
}

#[test]
fn sqlite_is_drawn_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("metadata.sqlite");
    drop(Sqlite::open(&path).unwrap());
    let sqlite = rusqlite::Connection::open(&path).unwrap();
    let all = |sql: &str, of: &str| -> Vec<(String, String)> {
        let mut statement = sqlite.prepare(sql).unwrap();
        let rows = statement.query_map([of], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        rows.collect::<Result<_, _>>().unwrap()
    };
    let tables = "SELECT name, sql FROM sqlite_master WHERE type = ?1 AND name NOT LIKE 'sqlite_%' ORDER BY name";
    let tables: Vec<Table> = all(tables, "table")
        .into_iter()
        .map(|(name, _)| {
            let columns = all("SELECT type, name FROM pragma_table_info(?1) ORDER BY cid", &name);
            let primary = all("SELECT name, '' FROM pragma_table_info(?1) WHERE pk > 0 ORDER BY pk", &name);
            let primary: Vec<String> = primary.into_iter().map(|(name, _)| name).collect();
            let mut keys = vec![format!("primary key ({})", primary.join(", "))];
            let indexes = "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND tbl_name = ?1 AND sql NOT NULL ORDER BY name";
            keys.extend(all(indexes, &name).into_iter().map(|(name, sql)| format!("{name} {}", behind(&sql, "(", "("))));
            Table { name, columns, keys }
        })
        .collect();
    check("SQLite", &tables);
}

/// The text from the first `at` on, in one line; `with` stands before it.
fn behind(sql: &str, at: &str, with: &str) -> String {
    let text = sql.split_once(at).map_or(sql, |(_, text)| text);
    format!("{with}{}", text.split_whitespace().collect::<Vec<_>>().join(" "))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgresql_is_drawn_as_it_is() {
    let Some(database) = postgres::database::Database::new() else { return };
    drop(Postgres::open(&database.address()).await.unwrap());
    let names =
        "SELECT tablename, '' FROM pg_tables WHERE schemaname = 'public' AND tablename NOT LIKE '\\_sqlx%' ORDER BY 1";
    let all = async |sql: &str| -> Vec<(String, String)> {
        let rows = database.run(sql).await;
        rows.iter().map(|row| (row.try_get(0).unwrap(), row.try_get(1).unwrap())).collect()
    };
    let mut tables = Vec::new();
    for (name, _) in all(names).await {
        let of = format!("WHERE table_schema = 'public' AND table_name = '{name}'");
        let columns = format!(
            "SELECT udt_name::text, column_name::text FROM information_schema.columns {of} ORDER BY ordinal_position"
        );
        let columns = all(&columns).await.into_iter().map(|(kind, name)| match kind.strip_prefix('_') {
            Some(of) => (format!("{of}[]"), name),
            None => (kind, name),
        });
        let indexes = format!(
            "SELECT indexname::text, indexdef FROM pg_indexes WHERE schemaname = 'public' AND tablename = '{name}' ORDER BY 1"
        );
        let keys = all(&indexes).await.into_iter();
        let keys = keys.map(|(name, sql)| format!("{name} {}", behind(&sql, " USING ", "")));
        tables.push(Table { name, columns: columns.collect(), keys: keys.collect() });
    }
    check("PostgreSQL", &tables);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mongodb_is_drawn_as_it_is() {
    let Some(own) = mongo::Database::new() else { return };
    drop(Arc::new(Mongo::open(&own.url()).await.unwrap()));
    let client = mongodb::Client::with_uri_str(own.url()).await.unwrap();
    let database = client.default_database().unwrap();
    let mut found: Vec<_> = database.list_collections().await.unwrap().try_collect().await.unwrap();
    found.sort_by(|one, other| one.name.cmp(&other.name));
    let mut tables = Vec::new();
    for collection in found {
        let schema = collection.options.validator.as_ref().and_then(|found| found.get_document("$jsonSchema").ok());
        let required = schema.and_then(|schema| schema.get_array("required").ok()).cloned().unwrap_or_default();
        let fields = schema.and_then(|schema| schema.get_document("properties").ok()).cloned().unwrap_or_default();
        let column = |(name, field): (&String, &mongodb::bson::Bson)| {
            let kind = field.as_document().and_then(|field| field.get_str("bsonType").ok()).unwrap_or("any");
            let optional = !required.iter().any(|required| required.as_str() == Some(name));
            (kind.to_owned(), if optional { format!("{name} \"may be absent\"") } else { name.clone() })
        };
        let columns = fields.iter().map(column).collect();
        let indexes: Vec<_> = database
            .collection::<Document>(&collection.name)
            .list_indexes()
            .await
            .unwrap()
            .try_collect()
            .await
            .unwrap();
        let key = |(field, way): (&String, &mongodb::bson::Bson)| format!("{field} {way}");
        let keys = indexes.iter().map(|index| {
            let name = index.options.as_ref().and_then(|options| options.name.clone()).unwrap_or_default();
            format!("{name} ({})", index.keys.iter().map(key).collect::<Vec<_>>().join(", "))
        });
        tables.push(Table { keys: keys.collect(), columns, name: collection.name });
    }
    check("MongoDB", &tables);
}
