//! The contract on disk and in memory, and what only a disk can show.

mod disk;
mod drafts;
mod faults;
mod large;
mod objects;
mod settle;
mod watched;

use std::sync::Arc;

use bytes::Bytes;
use object_store::memory::InMemory;
use tempfile::TempDir;

use super::{Meter, Storage, Syncing, contract};
use crate::domain::{Algorithm, Area, Digest, Timestamp};

async fn open(folder: &TempDir) -> Storage {
    open_syncing(folder, Syncing::EachFile).await
}

async fn open_syncing(folder: &TempDir, syncing: Syncing) -> Storage {
    Storage::open_disk_with(folder.path(), Meter::default(), syncing).await.unwrap()
}

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn blob(text: &str) -> (Bytes, Digest) {
    (Bytes::copy_from_slice(text.as_bytes()), Digest::sha256(text.as_bytes()))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_disk_keeps_the_contract() {
    let folder = folder();
    contract::check_all(&open(&folder).await).await;
    let left = std::fs::read_dir(folder.path().join(".temporary")).unwrap().count();
    assert_eq!(left, 0, "no temporary file is left");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memory_keeps_the_contract() {
    contract::check_all(&Storage::memory()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_object_store_that_answers_wrongly_keeps_the_contract_of_creation() {
    let meter = Meter::default();
    let storage = Storage::over_with(Arc::new(InMemory::new()), meter.clone());
    contract::check_answers_in_doubt(&storage, &meter).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_object_store_cuts_short_is_not_taken_as_whole() {
    let meter = Meter::default();
    let storage = Storage::over_with(Arc::new(InMemory::new()), meter.clone());
    contract::check_bodies_cut_short(&storage, &meter).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn uploads_on_disk_survive_a_restart() {
    let folder = folder();
    contract::check_upload_survives_restart(open(&folder).await, async || open(&folder).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn uploads_in_an_object_store_survive_a_restart() {
    let objects = Arc::new(InMemory::new());
    let reopen = async || Storage::over(objects.clone());
    contract::check_upload_survives_restart(reopen().await, reopen).await;
    let objects = Arc::new(InMemory::new());
    let reopen = async || Storage::over_shared(objects.clone(), Meter::default());
    contract::check_upload_survives_restart(reopen().await, reopen).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_servers_go_on_with_one_upload() {
    let objects = Arc::new(InMemory::new());
    let server = || Storage::over_shared(objects.clone(), Meter::default());
    contract::check_shared_uploads(&server(), &server()).await;
    contract::check_all(&server()).await;
}

#[tokio::test]
async fn a_chunk_that_arrives_for_long_is_not_taken_for_idle_by_another_server() {
    let objects = Arc::new(InMemory::new());
    let [one, two] = [(); 2].map(|()| Storage::over_shared(objects.clone(), Meter::default()));
    let (area, begun) = (Area::Public, Timestamp::from_micros(0));
    let id = one.begin_upload(&"acme/hello".parse().unwrap(), &area, Algorithm::Sha256, begun).await.unwrap().id;
    let (send, receive) = futures::channel::mpsc::unbounded::<Result<Bytes, std::io::Error>>();
    let arriving = tokio::spawn(async move { one.append(id, Some(0), receive, u64::MAX, begun).await });
    send.unbounded_send(Ok(Bytes::from_static(b"first, "))).unwrap();
    for _ in 0..1000 {
        if two.upload(id).await.unwrap().touched > begun {
            break;
        }
        tokio::task::yield_now().await;
    }
    let later = Timestamp::from_micros(1);
    assert_eq!(two.expire_uploads(later).await.unwrap(), 0, "somebody sends to it");
    send.unbounded_send(Ok(Bytes::from_static(b"second"))).unwrap();
    drop(send);
    assert_eq!(arriving.await.unwrap().unwrap(), 13);
    assert!(two.upload(id).await.unwrap().touched >= later, "the end of it sets nothing back");
    assert_eq!(two.finish(id, &Digest::sha256(b"first, second")).await.unwrap(), 13);
}
