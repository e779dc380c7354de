//! Buckets that cannot be used: what the program says, how it ends, and that it shows no secret.

use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use object_store::ObjectStoreExt as _;
use object_store::path::Path;
use pcl_registry::storage::{Opening, Storage};

use super::bucket::{Bucket, Cloud};
use crate::stand_in::{Answer, StandIn};
use crate::world::World;

/// Variables of a process that shows other credentials.
type Credentials<'a> = &'a [(&'a str, &'a str)];

/// Starts a registry that must end by itself, within seconds.
fn start(store: &str, metadata: &str, credentials: Credentials<'_>) -> Output {
    let (folder, begun) = (tempfile::tempdir().unwrap(), Instant::now());
    let mut command = Command::new(env!("CARGO_BIN_EXE_pclr"));
    command.arg("serve").arg("--data").arg(folder.path()).args(["--listen", "127.0.0.1:0"]);
    command.args(["--metadata", metadata, "--store", store, "--log", "debug"]).envs(credentials.iter().copied());
    let output = command.stdin(Stdio::null()).output().unwrap();
    assert!(begun.elapsed() < Duration::from_secs(14), "{store}: {:?}", begun.elapsed());
    output
}

/// That a start is refused with this code, saying all of this, and nowhere a secret.
fn refused(store: &str, credentials: Credentials<'_>, code: i32, expected: &[&str]) {
    let output = start(store, "memory:", credentials);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.stdout.is_empty(), "{store}: it started");
    assert_eq!(output.status.code(), Some(code), "{store}: {said}");
    for expected in expected.iter().chain(&["error: ", "\nhint: "]) {
        assert!(said.contains(expected), "{store}: {expected:?} is not in\n{said}");
    }
    for secret in
        ["sesame", "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq", "AWS4-HMAC", "StringToSign"]
    {
        assert!(!said.contains(secret), "{store}: {secret} is in\n{said}");
    }
}

#[test]
fn a_bucket_that_is_not_there_is_named() {
    for cloud in Cloud::ALL {
        let Some(bucket) = Bucket::new(cloud) else { continue };
        let shown = bucket.shown().replace("://test/", "://absent/");
        refused(&bucket.with("://test/", "://absent/"), &[], 3, &["there is no bucket or container", &shown]);
    }
}

#[test]
fn a_key_that_is_not_known_is_refused_and_not_shown() {
    let Some(bucket) = Bucket::new(Cloud::S3) else { return };
    let wrong = [("AWS_ACCESS_KEY_ID", "pclr-sesame"), ("AWS_SECRET_ACCESS_KEY", "sesame-sesame")];
    refused(bucket.text(), &wrong, 3, &["the store refuses", &bucket.shown(), "InvalidAccessKeyId"]);
    let wrong = [("AWS_SECRET_ACCESS_KEY", "another-sesame")];
    refused(bucket.text(), &wrong, 3, &["the store refuses", &bucket.shown(), "SignatureDoesNotMatch"]);
}

#[test]
fn azure_refuses_a_wrong_key() {
    let Some(bucket) = Bucket::new(Cloud::Azure) else { return };
    let address = bucket.with("emulator=true&", "account=devstoreaccount1&") + "/devstoreaccount1";
    let wrong = [("AZURE_STORAGE_ACCOUNT_KEY", "c2VzYW1lc2VzYW1lc2VzYW1lc2VzYW1l")];
    refused(&address, &wrong, 3, &["the store refuses", &bucket.shown(), "AuthorizationFailure"]);
}

#[test]
fn credentials_that_may_only_look_are_told_at_the_start() {
    let Some(bucket) = Bucket::new(Cloud::S3) else { return };
    let look = [("AWS_ACCESS_KEY_ID", "pclr-look"), ("AWS_SECRET_ACCESS_KEY", "sesame-look")];
    let expected =
        ["the store refuses", &bucket.shown(), "AccessDenied", "must be allowed to list, read, write and delete"];
    refused(bucket.text(), &look, 3, &expected);
    let none = [("AWS_ACCESS_KEY_ID", "pclr-none"), ("AWS_SECRET_ACCESS_KEY", "sesame-none")];
    refused(bucket.text(), &none, 3, &expected);
}

#[test]
fn half_of_the_credentials_is_a_mistake_of_whoever_started_it() {
    let half = [("AWS_ACCESS_KEY_ID", "pclr-sesame")];
    let output = {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pclr"));
        let folder = tempfile::tempdir().unwrap();
        command.arg("serve").arg("--data").arg(folder.path()).args([
            "--store",
            "s3://bucket/x",
            "--listen",
            "127.0.0.1:0",
        ]);
        command.env_remove("AWS_SECRET_ACCESS_KEY").envs(half).output().unwrap()
    };
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("s3://bucket/x cannot be opened") && said.contains("AWS_SECRET_ACCESS_KEY"), "{said}");
    assert!(!said.contains("sesame"), "{said}");
}

#[test]
fn a_server_that_is_not_there_is_told_within_seconds() {
    let keys = [("AWS_ACCESS_KEY_ID", "pclr-all"), ("AWS_SECRET_ACCESS_KEY", "sesame-all")];
    // A port that is closed, one that takes connections and says nothing, and a name that nobody has.
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    for host in [closed.to_string(), silent.local_addr().unwrap().to_string(), "absent.invalid:1".to_owned()] {
        for (scheme, options) in [("s3", ""), ("gs", "&anonymous=true"), ("az", "&emulator=true")] {
            let address = format!("{scheme}://bucket/prefix?endpoint=http://{host}{options}");
            let shown = format!("{scheme}://bucket/prefix does not answer");
            refused(&address, &keys, 3, &[&shown, "check the address"]);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_is_off_is_told() {
    let body = "<?xml version=\"1.0\"?><Error><Code>RequestTimeTooSkewed</Code><Message>The difference between the request time and the \
        current time is too large.</Message><RequestTime>20200101T000000Z</RequestTime><RequestId>sesame</RequestId></Error>";
    let skewed = || Answer::Whole(403, vec![("content-type", "application/xml".to_owned())], body.as_bytes().to_vec());
    let server = StandIn::start((0..8).map(|_| skewed())).await;
    let address = format!("s3://bucket/prefix?endpoint={}", server.url());
    tokio::task::spawn_blocking(move || {
        let keys = [("AWS_ACCESS_KEY_ID", "pclr-all"), ("AWS_SECRET_ACCESS_KEY", "sesame-all")];
        refused(&address, &keys, 3, &["s3://bucket/prefix: RequestTimeTooSkewed", "clock of this machine is off"]);
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_prefix_that_holds_something_else_is_left_alone() {
    for cloud in Cloud::ALL {
        let Some(bucket) = Bucket::new(cloud) else { continue };
        // Something of another program lies below the name that is to be the store.
        let storage = bucket.open().await;
        storage.objects().put(&Path::from("photos/cat.jpg"), "meow".into()).await.unwrap();
        let (front, options) = bucket.text().split_once('?').unwrap();
        let inner = format!("{front}/photos?{options}");
        let shown = format!("{}/photos", bucket.shown());
        refused(&inner, &[], 1, &[&format!("{shown} is no store of a registry, and not empty: there is cat.jpg")]);
        assert!(storage.objects().head(&Path::from("photos/format.json")).await.is_err(), "nothing was written");
        // The store itself may hold what it does not know.
        assert!(Storage::open(&bucket.address(), Opening::default()).await.is_ok());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_databases_on_one_bucket_are_refused() {
    for cloud in Cloud::ALL {
        let Some(bucket) = Bucket::new(cloud) else { continue };
        let first = World::start_with(&["--store", bucket.text()]);
        first.push_blob("team/image", b"x").await;
        let theirs = format!("the store {} belongs to database", bucket.shown());
        refused(bucket.text(), &[], 1, &[&theirs, "start with the metadata that belong to it"]);
        let folder = tempfile::tempdir().unwrap();
        let other = format!("sqlite:{}", folder.path().join("other.sqlite").display());
        let output = start(bucket.text(), &other, &[]);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains(&theirs), "{said}");
        assert_eq!(first.pull_blob("team/image", &pcl_registry::domain::Digest::sha256(b"x").to_string()).await, b"x");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_data_folder_has_one_process_also_where_its_store_lies_elsewhere() {
    let folder = tempfile::tempdir().unwrap();
    let place = |name: &str| format!("file:{}", folder.path().join(name).display());
    let world = World::start_with(&["--store", &place("one")]);
    let said = crate::world::refused_start(world.data(), &["--store", &place("two")]);
    assert!(said.contains("another server uses") && said.contains(".lock"), "{said}");
    assert!(!folder.path().join("two").exists(), "nothing was made");
}

#[test]
fn a_mistyped_address_is_no_registry_and_becomes_none() {
    let said = |arguments: &[&str]| {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_pclr"));
        let output = command.args(arguments).arg("--data").arg(folder.path()).output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    for cloud in Cloud::ALL {
        let Some(bucket) = Bucket::new(cloud) else { continue };
        for command in [&["collect"][..], &["rebuild"], &["rebuild", "--catch-up"], &["migrate", "--to", "memory:"]] {
            let (code, text) = said(&[command, &["--store", bucket.text()]].concat());
            assert!(text.contains(&format!("there is no registry in {}", bucket.shown())), "{command:?}: {text}");
            assert_eq!(code, Some(1), "{text}");
        }
    }
    for (address, expected) in [
        ("s3://key:sesame@bucket/x", "holds a user or a password"),
        ("s3://bucket?secret_access_key=sesame", "secret_access_key has no place"),
        ("bucket", "\"bucket\" is not a store"),
    ] {
        let (code, text) = said(&["serve", "--store", address, "--listen", "127.0.0.1:0"]);
        assert!(text.contains(expected) && text.contains("\nhint: ") && !text.contains("sesame"), "{text}");
        assert_eq!(code, Some(2), "{text}");
    }
}
