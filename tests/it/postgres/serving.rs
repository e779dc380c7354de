//! The whole registry on PostgreSQL: through the program, and after a rebuild.

use pcl_registry::registry::{Metadata, catch_up_catalog, open_data, rebuild_catalog};

use super::database::Database;
use crate::inside::{DataFolder, Package};
use crate::world::{MANIFEST, World, assert_refused_soon};

const SERVER: &[u8] = br#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.empty.v1+json","digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","size":2},"layers":[]}"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_program_serves_and_rebuilds() {
    let Some(database) = Database::new() else { return };
    let url = database.url();
    let mut world = World::start_with(&["--metadata", &url]);
    world.push_blob("plain", b"{}").await;
    assert_eq!(world.put_manifest("plain", "v1", MANIFEST, SERVER).await.status, 201);
    assert_eq!(world.get("/v2/plain/manifests/v1").await.status, 200);
    database.end_sessions().await;
    assert_eq!(world.put_manifest("plain", "v2", MANIFEST, SERVER).await.status, 201);
    world.kill();
    let data = world.data().to_owned();
    let rebuilt = crate::cli::pclr(["rebuild", "--data", data.to_str().unwrap(), "--metadata", &url]);
    assert!(rebuilt.contains("catalogue and search index rebuilt: 2 events"), "{rebuilt}");
    let (address, _server) = crate::world::start_server_with(&data, &["--metadata", &url]);
    world.address = address;
    assert_eq!(world.get("/v2/plain/manifests/v2").await.status, 200);
    assert_eq!(world.put_manifest("plain", "v3", MANIFEST, SERVER).await.status, 201);
}

#[test]
fn a_server_that_cannot_be_had_stops_the_start_and_the_password_is_not_told() {
    for (url, code, expected) in [
        ("postgres://ann:secret@127.0.0.1:1/db", 3, "postgres://ann@127.0.0.1:1/db: "),
        ("postgre://ann:secret@127.0.0.1:1/db", 2, "postgre://ann@127.0.0.1:1/db is not a metadata store"),
    ] {
        assert_refused_soon(url, code, expected);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rebuild_that_fails_leaves_everything_as_it_was() {
    let Some(folder) = DataFolder::on_postgres() else { return };
    let open = folder.open().await;
    let package = Package::new("acme/hello@1.0.0", "before");
    open.push(&package).await.unwrap();
    let before = open.dump().await;
    crate::rebuild::close(&folder, open).await;
    let metadata = folder.metadata();
    let event = folder.path().join("store").join(pcl_registry::storage::Key::Event(1).path());
    let bytes = std::fs::read(&event).unwrap();
    std::fs::write(&event, "no event").unwrap();
    for _ in 0..2 {
        assert!(rebuild_catalog(folder.path(), &metadata, |_| {}).await.is_err());
    }
    std::fs::write(&event, bytes).unwrap();
    let open = folder.open().await;
    assert_eq!(open.dump().await, before);
    crate::rebuild::close(&folder, open).await;
    for _ in 0..2 {
        assert_eq!(rebuild_catalog(folder.path(), &metadata, |_| {}).await.unwrap().applied, 1);
    }
    assert_eq!(catch_up_catalog(folder.path(), &metadata, |_| {}).await.unwrap().known, 1);
    let tables = "SELECT schemaname, count(*) FROM pg_tables WHERE schemaname IN ('public', 'pclr_before_rebuild')
                  GROUP BY schemaname HAVING count(*) > 12";
    let database = folder.postgres.as_ref().unwrap();
    assert_eq!(database.run(tables).await.len(), 2);
    assert!(database.run("SELECT 1 FROM pg_namespace WHERE nspname = 'pclr_rebuilding'").await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_and_a_database_that_do_not_belong_together_do_not_open() {
    let (Some(folder), Some(other)) = (DataFolder::on_postgres(), Database::new()) else { return };
    let open = folder.open().await;
    open.push(&Package::new("acme/hello@1.0.0", "theirs")).await.unwrap();
    crate::rebuild::close(&folder, open).await;
    for metadata in [Metadata::Server(other.address()), Metadata::Memory] {
        let Err(error) = open_data(folder.options(metadata)).await else { panic!("it opened") };
        assert!(error.to_string().contains("belongs to database"), "{error}");
    }
}
