//! What the log tells of what is not public: nothing but that something happened.

use pcl_registry::domain::{Actor, Visibility};
use pcl_registry::log::Identity;
use pcl_registry::storage::Key;
use pcl_registry::tlog::{Entry, Opening};

use super::whole::assert_whole;
use super::{logged, package};
use crate::inside::{DataFolder, Owner, Package};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_private_is_in_the_log() {
    let folder = DataFolder::new(Owner::Sqlite);
    let open = folder.open_with(logged(), |meta| meta).await;
    let (secret, quiet) = (Package::new("acme/sesame@1.0.0", "of nobody"), Package::new("acme/hushed@1.0.0", "of few"));
    let see = async |package: &Package, visibility| {
        open.registry.set_visibility(&Actor::Operator, &package.name(), visibility).await.unwrap();
    };
    see(&secret, Visibility::Private).await;
    open.push(&secret).await.unwrap();
    open.push(&quiet).await.unwrap();
    let told = open.meta.ledger.head().await.unwrap().n;
    see(&quiet, Visibility::Unlisted).await;
    open.push(&Package::new("acme/hushed@2.0.0", "of fewer")).await.unwrap();
    open.push(&package(1)).await.unwrap();
    let size = assert_whole(&open.storage, &open.meta).await;
    let log = folder.path().join("store/public/log");
    let mut bytes = Vec::new();
    let mut folders = vec![log];
    while let Some(next) = folders.pop() {
        for found in std::fs::read_dir(next).unwrap().map(|found| found.unwrap().path()) {
            match found.is_dir() {
                true => folders.push(found),
                false => bytes.extend(std::fs::read(found).unwrap()),
            }
        }
    }
    let text = String::from_utf8_lossy(&bytes);
    assert!(text.contains("acme/p1") && text.contains("acme/hushed"), "what was public when it was logged is told");
    assert!(!text.contains("sesame") && !text.contains(&secret.digest().hex()), "what is private is not");
    assert!(!text.contains("2.0.0"), "nor what happened to a package after it was hidden");
    // Whoever is given event and salt can prove that it is in the log; a guess without the salt proves nothing.
    let identity = Identity::read(&open.storage).await.unwrap().unwrap();
    let events = open.meta.ledger.events(0, 100).await.unwrap();
    let sealed: Vec<u64> = events
        .iter()
        .filter(|(_, event)| matches!(Entry::of_event(event, &identity.secret), Ok(Entry::Sealed { .. })))
        .map(|(n, _)| *n)
        .collect();
    assert_eq!(sealed, [1, 2, told + 1, told + 2]);
    assert_eq!(size, told + 3);
    let salt = identity.secret.salt(2);
    assert_ne!(salt, identity.secret.salt(1));
    let opening = Opening::new(2, events[1].1.clone(), &identity.secret);
    assert!(opening.verify(&Entry::of_event(&events[1].1, &identity.secret).unwrap()).is_ok());
    assert!(opening.verify(&Entry::of_event(&events[0].1, &identity.secret).unwrap()).is_err());
    let private = String::from_utf8(open.storage.get(&Key::LogIdentity, 1 << 20).await.unwrap().to_vec()).unwrap();
    assert!(!text.contains(serde_json::from_str::<serde_json::Value>(&private).unwrap()["secret"].as_str().unwrap()));
}
