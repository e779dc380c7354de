//! `pclr push --store`: many processes publish in one store at once, with no server.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use futures::TryStreamExt as _;
use pcl_registry::domain::Event;
use pcl_registry::domain::public::{PackageDocument, PublicPath};
use pcl_registry::storage::{Key, Sharing, Storage, StoreAddress};

use super::bucket::{Bucket, Cloud};

/// Processes at once.
const WRITERS: usize = 16;

fn skill(folder: &Path, text: &str) {
    std::fs::create_dir_all(folder).unwrap();
    let text = format!("---\nname: hello\ndescription: Greets people\n---\n\n{text}\n");
    std::fs::write(folder.join("SKILL.md"), text).unwrap();
}

fn push(folder: &Path, name: &str, store: &str) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pclr"));
    command.arg("push").arg(folder).args([name, "--store", store]);
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// The code that it ended with, and what it said.
fn end(child: Child) -> (i32, String) {
    let output = child.wait_with_output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.code().expect("it was not killed"), String::from_utf8(said).unwrap())
}

async fn race(store: &str, open: impl AsyncFn() -> Storage) {
    let folder = tempfile::tempdir().unwrap();
    let mut own = Vec::new();
    let mut contested = Vec::new();
    for writer in 0..WRITERS {
        let source = folder.path().join(writer.to_string());
        skill(&source, &format!("Text of {writer}."));
        own.push(push(&source, &format!("team-{writer}/hello@1.0.0"), store));
        contested.push(push(&source, "acme/hello@1.0.0", store));
    }
    for child in own {
        let (code, said) = end(child);
        assert_eq!(code, 0, "{said}");
    }
    let outcomes: Vec<_> = contested.into_iter().map(end).collect();
    let won = outcomes.iter().filter(|(code, _)| *code == 0).count();
    assert_eq!(won, 1, "{outcomes:?}");
    for (code, said) in outcomes.iter().filter(|(code, _)| *code != 0) {
        assert_eq!(*code, 1, "{said}");
        assert!(said.contains("is published already"), "{said}");
    }

    let storage = open().await;
    let events: Vec<_> = storage.events(0).try_collect().await.unwrap();
    let mut names: Vec<String> = Vec::new();
    for (at, (n, bytes)) in events.iter().enumerate() {
        assert_eq!(*n, at as u64 + 1, "no gap");
        names.extend(Event::parse(bytes).unwrap().body.repository().map(|repository| repository.to_string()));
    }
    names.sort();
    let mut expected: Vec<String> = (0..WRITERS).map(|writer| format!("team-{writer}/hello")).collect();
    expected.push("acme/hello".to_owned());
    expected.sort();
    assert_eq!(names, expected, "each published once");
    // What a reader of files sees, whoever wrote last.
    for name in names {
        let key = Key::Public(PublicPath::Package(name.parse().unwrap()));
        let document = storage.read(&key, 1 << 20).await.unwrap().unwrap_or_else(|| panic!("{name} has a document"));
        let document: PackageDocument = serde_json::from_slice(&document.bytes).unwrap();
        assert_eq!(document.versions.len(), 1, "{name}");
    }
    drop(storage);

    let again = end(push(&folder.path().join("3"), "team-3/hello@1.0.0", store));
    assert_eq!(again.0, 0, "{}", again.1);
    assert!(again.1.contains("is already published"), "{}", again.1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_processes_publish_in_one_bucket_without_a_server() {
    let Some(bucket) = Bucket::new(Cloud::S3) else { return };
    race(bucket.text(), async || bucket.open().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_processes_publish_in_one_folder_without_a_server() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("store");
    let store = StoreAddress::Disk(root.clone());
    race(&store.to_string(), async || {
        let opening = pcl_registry::storage::Opening { sharing: Sharing::Alone, ..Default::default() };
        Storage::open(&store, opening).await.unwrap()
    })
    .await;
}

#[test]
fn who_publishes_without_the_server_of_a_bucket_is_told_where_it_is() {
    let Some(bucket) = Bucket::new(Cloud::S3) else { return };
    let (data, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let flags = ["--store", bucket.text(), "--public-url", "https://registry.example/models/"];
    let (_, _server) = crate::world::start_server_with(data.path(), &flags);
    skill(folder.path(), "Hello.");
    let (code, said) = end(push(folder.path(), "acme/hello@1.0.0", bucket.text()));
    assert_eq!(code, 1, "{said}");
    assert!(
        said.contains("only its servers publish there") && said.contains("https://registry.example/models\n"),
        "{said}"
    );
}

#[test]
fn a_public_address_that_nobody_could_use_is_refused_and_shows_no_secret() {
    let data = tempfile::tempdir().unwrap();
    for address in ["registry.example", "https://ann:sesame@registry.example", "https://registry.example/?a=b"] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pclr"));
        command.args(["serve", "--listen", "127.0.0.1:0", "--public-url", address, "--data"]).arg(data.path());
        let output = command.output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains("is not the address of a registry") && said.contains("\nhint: --public-url"), "{said}");
        assert!(!said.contains("sesame"), "{said}");
    }
}
