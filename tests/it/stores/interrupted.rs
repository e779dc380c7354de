//! Commands on a bucket that somebody stops in the middle: they take their leave, so that others need not wait until they are taken for
//! dead.

use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use futures::TryStreamExt as _;
use object_store::ObjectMeta;

use super::bucket::{Bucket, Cloud};
use crate::inside::Package;
use crate::postgres::database::Database;
use crate::proxy::{Fault, Proxy};
use crate::shared::{publish, until};
use crate::world::start_server_with;

fn pclr(words: &[&str]) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pclr"));
    command.args(words).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// That the command does what it is to do.
fn done(words: &[&str]) -> String {
    let Output { status, stdout, stderr } = pclr(words).wait_with_output().unwrap();
    let said = String::from_utf8([stdout, stderr].concat()).unwrap();
    assert!(status.success(), "{words:?}: {said}");
    said
}

/// The same bucket, by a way that can be held up.
async fn by_proxy(bucket: &Bucket) -> (Proxy, String) {
    let (_, options) = bucket.text().split_once("endpoint=http://").expect("the address names an endpoint");
    let place = options.split(['/', '&']).next().unwrap();
    let proxy = Proxy::start(place.to_owned()).await;
    let address = bucket.with(place, &proxy.place);
    (proxy, address)
}

/// Runs a command until it is about to send this, and stops it by this signal. What it had sent then arrives late.
async fn stopped(proxy: &Proxy, needle: &'static [u8], words: &[&str], signal: &str, code: i32) {
    proxy.cut_at(needle, Fault::Held);
    let child = pclr(words);
    until("it is in the middle of its work", async || proxy.has_tripped()).await;
    let told = Command::new("kill").args([signal, &child.id().to_string()]).status();
    assert!(told.unwrap().success());
    proxy.mend().await;
    let ended = tokio::task::spawn_blocking(move || child.wait_with_output().unwrap()).await.unwrap();
    assert_eq!(ended.status.code(), Some(code), "{ended:?}");
    assert_eq!(String::from_utf8_lossy(&ended.stderr), "");
}

/// Who says that it is at work in the bucket.
async fn members(bucket: &Bucket) -> Vec<ObjectMeta> {
    let objects = bucket.open().await.objects().clone();
    objects.list(Some(&"staging/members".into())).try_collect().await.unwrap()
}

fn skill(folder: &Path, text: &str) {
    std::fs::create_dir_all(folder).unwrap();
    let text = format!("---\nname: hello\ndescription: Greets people\n---\n\n{text}\n");
    std::fs::write(folder.join("SKILL.md"), text).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collection_that_is_stopped_keeps_nobody_out() {
    let Some(bucket) = Bucket::new(Cloud::S3) else { return };
    let (proxy, held) = by_proxy(&bucket).await;
    let (folder, data) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let [source, data] = [folder.path(), data.path()].map(|path| path.to_str().unwrap());
    let push = |version: &str| {
        skill(folder.path(), &format!("The text of {version}."));
        done(&["push", source, &format!("acme/hello@{version}"), "--store", bucket.text()])
    };
    let collect =
        |store: &str| ["collect", "--data", data, "--metadata", "memory:", "--store", store].map(str::to_owned);
    push("1.0.0");
    for (signal, code, version) in [("-INT", 130, "1.1.0"), ("-TERM", 143, "1.2.0")] {
        let words = collect(&held);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        stopped(&proxy, b"/staging/collecting.json", &words, signal, code).await;
        assert_eq!(members(&bucket).await, []);
        push(version);
        let words = collect(bucket.text());
        let said = done(&words.iter().map(String::as_str).collect::<Vec<_>>());
        assert!(said.contains("0 blobs"), "{said}");
    }
    push("2.0.0");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rebuild_that_is_stopped_keeps_no_server_out() {
    let (Some(bucket), Some(database)) = (Bucket::new(Cloud::S3), Database::new()) else { return };
    let (proxy, held) = by_proxy(&bucket).await;
    let (folder, database) = (tempfile::tempdir().unwrap(), database.url());
    let data = |name: &str| folder.path().join(name);
    let start = |name: &str| start_server_with(&data(name), &["--store", bucket.text(), "--metadata", &database]);
    let (address, server) = start("one");
    assert_eq!(publish([address; 2], &Package::new("acme/hello@1.0.0", "one")).await, 201);
    drop(server);
    bucket.forget_the_dead().await;
    let other = data("other");
    let words = ["rebuild", "--data", other.to_str().unwrap(), "--metadata", &database, "--store", &held];
    stopped(&proxy, b"/events/", &words, "-INT", 130).await;
    assert_eq!(members(&bucket).await, []);
    let (address, _server) = start("third");
    assert_eq!(publish([address; 2], &Package::new("acme/hello@1.1.0", "two")).await, 201);
}
