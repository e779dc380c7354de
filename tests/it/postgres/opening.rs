//! Opening: who may, at once with whom, and what is said when it cannot be.

use std::time::{Duration, Instant};

use pcl_registry::meta::contract::{Artifact, World, dump, needs};
use pcl_registry::meta::{Address, MetaError, Postgres};

use super::database::Database;
use super::undo::back_to_before;

async fn refusal(address: &Address) -> MetaError {
    match Postgres::open(address).await {
        Ok(_) => panic!("{address} was opened"),
        Err(error) => error,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_servers_may_start_at_once() {
    let Some(database) = Database::new() else { return };
    let opened = futures::future::join_all((0..10).map(|_| database.open())).await;
    let mut identities = Vec::new();
    for store in &opened {
        identities.push(store.clone().meta().ledger.identity().await.unwrap());
    }
    identities.dedup();
    assert_eq!(identities.len(), 1);
    let taken = database.run("SELECT number FROM pclr_migrations GROUP BY number HAVING count(*) <> 1").await;
    assert!(taken.is_empty(), "each migration was taken once");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_newer_schema_and_a_changed_migration_are_refused() {
    let Some(database) = Database::new() else { return };
    let address = database.address();
    drop(database.open().await);
    database.run("UPDATE pclr_migrations SET checksum = 'sha256:other' WHERE number = 1").await;
    let refused = refusal(&address).await;
    assert!(
        matches!(&refused, MetaError::MigrationChanged { migration, store }
            if migration == "0001_catalogue" && *store == address.to_string()),
        "{refused:?}"
    );
    database.run("INSERT INTO pclr_migrations (number, name, checksum) VALUES (999, 'future', '')").await;
    assert!(matches!(refusal(&address).await, MetaError::NewerSchema { found: 999, .. }));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_migration_that_was_left_out_is_not_made_up_for() {
    let Some(database) = Database::new() else { return };
    drop(database.open().await);
    database.run("DELETE FROM pclr_migrations WHERE number = 5").await;
    let refused = refusal(&database.address()).await;
    assert!(
        matches!(&refused, MetaError::MigrationMissing { missing, applied, .. }
            if missing == "0005_version_ids" && applied == "0006_states"),
        "{refused:?}"
    );
}

/// Bringing the schema of a large catalogue up to date takes longer than a statement may, and a server that starts meanwhile waits.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_starts_waits_for_another_who_migrates() {
    let Some(database) = Database::new() else { return };
    let mut other = database.connect().await;
    sqlx::raw_sql("BEGIN; SELECT pg_advisory_xact_lock(8098435793659720801)").execute(&mut other).await.unwrap();
    let limits = "?options=-c%20lock_timeout%3D300ms%20-c%20statement_timeout%3D1s";
    let address: Address = format!("{}{limits}", database.url()).parse().unwrap();
    let its_address = address.clone();
    let starting = tokio::spawn(async move { Postgres::open(&its_address).await.map(drop) });
    database.until_waiting(1).await;
    // Longer than both limits.
    sqlx::raw_sql("SELECT pg_sleep(1.5)").execute(&mut other).await.unwrap();
    assert!(!starting.is_finished());
    sqlx::raw_sql("COMMIT").execute(&mut other).await.unwrap();
    starting.await.unwrap().unwrap();
    // A lock on a table is waited for no longer than ever.
    sqlx::raw_sql("BEGIN; LOCK TABLE pclr_migrations IN ACCESS EXCLUSIVE MODE").execute(&mut other).await.unwrap();
    let begun = Instant::now();
    let refused = refusal(&address).await;
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    assert!(matches!(refused, MetaError::Unavailable(_)), "{refused:?}");
    sqlx::raw_sql("COMMIT").execute(&mut other).await.unwrap();
    drop(Postgres::open(&address).await.unwrap());
}

/// A database from before there were owners has those who began its packages.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_began_a_package_owns_it_after_an_upgrade() {
    let Some(database) = Database::new() else { return };
    let world = World::over(database.open().await.meta());
    for (actor, spec) in [
        ("user:ann", "acme/one@1.0.0"),
        ("user:bob", "acme/one@2.0.0"),
        ("operator", "acme/two@1.0.0"),
        ("user:ann", "acme/gone@1.0.0"),
    ] {
        world.push_as(actor, &Artifact::new(spec).unwrap()).await.unwrap().unwrap();
    }
    world.delete_tag("acme/gone:1.0.0").await.unwrap().unwrap();
    let before = dump(&world.meta).await.unwrap();
    back_to_before(&database, "owners").await;
    let again = database.open().await;
    assert_eq!(dump(&again.meta()).await.unwrap(), before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failed_migration_leaves_nothing() {
    let Some(database) = Database::new() else { return };
    // A view takes the name of a table that the migration makes last.
    database.run("CREATE VIEW links AS SELECT 1").await;
    assert!(matches!(refusal(&database.address()).await, MetaError::Corrupt(_)));
    assert!(database.run("SELECT 1 FROM pg_tables WHERE schemaname = 'public'").await.is_empty());
    database.run("DROP VIEW links").await;
    drop(database.open().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_database_of_another_program_is_left_alone() {
    let Some(database) = Database::new() else { return };
    database.run("CREATE TABLE packages (theirs int); CREATE TABLE migrations (theirs int)").await;
    for error in [refusal(&database.address()).await, Postgres::take_over(&database.address()).await.unwrap_err()] {
        assert!(matches!(error, MetaError::Corrupt(_)), "{error:?}");
        assert!(error.to_string().contains("another program"), "{error}");
    }
    assert_eq!(database.run("SELECT 1 FROM pg_tables WHERE schemaname = 'public'").await.len(), 2);
    // In a schema of its own it may live there too.
    database.run("CREATE SCHEMA ours").await;
    let address: Address = format!("{}?options=-c%20search_path%3Dours", database.url()).parse().unwrap();
    assert_eq!(Postgres::open(&address).await.unwrap().round_trips(), 0);
    assert_eq!(database.run("SELECT 1 FROM ours.counter").await.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_older_database_gets_ids_and_states() {
    let Some(database) = Database::new() else { return };
    let world = database.world().await;
    world.publish("acme/hello@1.0.0").await.unwrap();
    let mut image = Artifact::image("acme/hello:plain").unwrap();
    image.seed = "a \0 in it".to_owned();
    world.push(&image).await.unwrap();
    world.publish("acme/hello@2.0.0").await.unwrap();
    world.publish("acme/left@1.0.0").await.unwrap();
    world.yank("acme/left@1.0.0", None).await.unwrap().unwrap();
    let before = dump(&world.meta).await.unwrap();
    drop(world);
    back_to_before(&database, "version_ids").await;
    let again = database.world().await;
    assert_eq!(dump(&again.meta).await.unwrap(), before);
    let first = again.events().await.unwrap()[0].id;
    let found = again.meta.refs.identified(first).await.unwrap().unwrap();
    assert_eq!(found, ("acme/hello".parse().unwrap(), "1.0.0".parse().unwrap()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_needed_is_read_again_in_an_older_database() {
    let Some(database) = Database::new() else { return };
    needs::publish(&database.world().await).await.unwrap();
    // As it was written before: each text as it is.
    let said = needs::SAID.iter().flat_map(|(name, said)| said.iter().map(move |text| format!("('{name}', '{text}')")));
    let said = said.collect::<Vec<_>>().join(", ");
    database
        .run(&format!(
            "UPDATE label_sets SET labels = ARRAY(SELECT id FROM unnest(labels) AS id
                 WHERE id NOT IN (SELECT id FROM labels WHERE type = 5) ORDER BY id);
             DELETE FROM labels WHERE type = 5;
             INSERT INTO labels (type, label, packages, public)
                 SELECT 5, w.label, count(*), count(*) FROM (VALUES {said}) AS w (name, label) GROUP BY w.label;
             UPDATE label_sets s SET labels = s.labels || f.ids FROM (
                 SELECT w.name, array_agg(l.id ORDER BY l.id) AS ids FROM (VALUES {said}) AS w (name, label)
                 JOIN labels l ON l.type = 5 AND l.label = w.label GROUP BY w.name
             ) f WHERE f.name = s.name"
        ))
        .await;
    back_to_before(&database, "needs").await;
    needs::assert_found(&database.world().await).await.unwrap();
    assert_eq!(database.run("SELECT 1 FROM labels WHERE type = 5").await.len(), 3);
    let differing = "(SELECT name, unnest(labels) FROM label_sets EXCEPT SELECT name, label FROM package_labels)
        UNION ALL (SELECT name, label FROM package_labels EXCEPT SELECT name, unnest(labels) FROM label_sets)";
    assert_eq!(database.run(differing).await.len(), 0);
}

/// Host and port where somebody accepts and never answers.
async fn silent() -> (String, tokio::net::TcpListener) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    (listener.local_addr().unwrap().to_string(), listener)
}

/// Host and port where nobody listens.
async fn refused() -> String {
    silent().await.0
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_cannot_be_had_is_said_within_five_seconds_without_the_password() {
    let Some(database) = Database::new() else { return };
    let place = database.place();
    let (silent, _listening) = silent().await;
    let mut cases = vec![
        (format!("postgres://ann:secret@{}/db", refused().await), "see that the server runs"),
        (format!("postgres://ann:secret@{silent}/db"), "no answer within 3 seconds"),
        ("postgres://ann:secret@no-such-host.invalid/db".to_owned(), "see that the server runs"),
        (format!("postgres://test:secret@{place}/no_such_database"), "create the database first"),
        (format!("postgres://nobody:secret@{place}/{}", database.name()), "check user and password"),
        (format!("postgres://test:secret@{place}/{}?sslmode=require", database.name()), "sslmode and sslrootcert"),
        ("postgres://ann:secret@[host/db".to_owned(), "an address looks like"),
    ];
    // The server asks this role for its password; one that the tests did not start may ask nobody.
    let _ = database
        .run("DO $$ BEGIN CREATE ROLE pclr_locked LOGIN PASSWORD 'right'; EXCEPTION WHEN OTHERS THEN END $$")
        .await;
    if database.run("SELECT 1 FROM pg_hba_file_rules WHERE user_name @> ARRAY['pclr_locked']").await.is_empty() {
        eprintln!("skipped: the server asks for no password");
    } else {
        cases.push((format!("postgres://pclr_locked:secret@{place}/{}", database.name()), "check user and password"));
    }
    for (text, expected) in cases {
        let address: Address = text.parse().unwrap();
        let begun = Instant::now();
        let error = refusal(&address).await;
        assert!(begun.elapsed() < Duration::from_secs(5), "{address}: {:?}", begun.elapsed());
        assert!(matches!(error, MetaError::Unavailable(_)), "{address}: {error:?}");
        let said = format!("{error} {error:?}");
        assert!(said.contains(expected) && said.contains(&address.to_string()), "{address}: {said}");
        assert!(!said.contains("secret"), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_without_rights_is_told_so() {
    let Some(database) = Database::new() else { return };
    let role = format!("{}_reader", database.name());
    database.run(&format!("CREATE ROLE {role} LOGIN; REVOKE CREATE ON SCHEMA public FROM PUBLIC")).await;
    let address = database.url().replace("//test@", &format!("//{role}@")).parse().unwrap();
    let error = refusal(&address).await;
    database.run(&format!("DROP ROLE {role}")).await;
    assert!(matches!(error, MetaError::Unavailable(_)), "{error:?}");
    assert!(error.to_string().contains("be granted CREATE"), "{error}");
}
