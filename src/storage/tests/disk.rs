//! What is true of a folder: its lock, its format, its damage, and what a process that died leaves in it.

use std::fs;
use std::path::Path;

use bytes::Bytes;
use futures::TryStreamExt as _;

use super::super::{BlobPut, FORMAT, Key, Storage, StorageError};
use super::{blob, folder, open};
use crate::domain::{Algorithm, Area, Digest, Timestamp};

fn file(root: &Path, key: &Key) -> std::path::PathBuf {
    root.join(key.path())
}

fn public(digest: Digest) -> Key {
    Key::Blob { area: Area::Public, digest }
}

async fn refusal(root: &Path) -> StorageError {
    Storage::open_disk(root).await.err().unwrap()
}

#[tokio::test]
async fn a_second_server_on_the_same_folder_is_refused() {
    let folder = folder();
    let first = open(&folder).await;
    let error = refusal(folder.path()).await;
    assert!(matches!(&error, StorageError::Locked(path) if path == folder.path()), "{error}");
    assert!(error.to_string().contains("hint: stop it first"));
    drop(first);
    open(&folder).await;
}

#[tokio::test]
async fn a_newer_or_unreadable_format_is_refused_and_left_alone() {
    let folder = folder();
    drop(open(&folder).await);
    let format = file(folder.path(), &Key::Format);
    assert_eq!(fs::read_to_string(&format).unwrap(), format!("{{\"format\":{FORMAT}}}\n"));
    fs::write(&format, format!("{{\"format\":{},\"new\":true}}", FORMAT + 1)).unwrap();
    let error = refusal(folder.path()).await;
    assert!(matches!(error, StorageError::NewerFormat { found, known } if (found, known) == (FORMAT + 1, FORMAT)));
    assert!(fs::read_to_string(&format).unwrap().contains("new"));
    for damaged in ["", "{}", "{\"format\":0}", "{\"format\":-1}", "[]"] {
        fs::write(&format, damaged).unwrap();
        let error = refusal(folder.path()).await;
        assert!(matches!(&error, StorageError::Malformed { path, .. } if path == "format.json"), "{damaged}: {error}");
    }
}

#[tokio::test]
async fn a_folder_that_cannot_be_written_gets_a_clear_error() {
    let folder = folder();
    let in_the_way = folder.path().join("file");
    fs::write(&in_the_way, "").unwrap();
    for root in [in_the_way.clone(), in_the_way.join("data")] {
        let error = refusal(&root).await;
        assert!(matches!(error, StorageError::ReadOnly { .. }), "{error:?}");
        assert!(error.to_string().contains(&root.display().to_string()), "{error}");
        assert!(error.to_string().contains("hint: check the folder's owner and permissions"), "{error}");
    }
    // Nobody can make a folder here, the superuser included, whom permissions do not stop.
    if cfg!(target_os = "linux") {
        let error = refusal(Path::new("/sys/kernel/pclr-data")).await;
        assert!(matches!(error, StorageError::ReadOnly { .. }), "{error:?}");
    } else {
        eprintln!("SKIPPED: no folder is known here that nobody can write");
    }
}

#[tokio::test]
async fn temporary_files_of_a_process_that_died_are_removed() {
    let folder = folder();
    drop(open(&folder).await);
    let left = folder.path().join(".temporary/17");
    fs::write(&left, "half").unwrap();
    open(&folder).await;
    assert!(!left.exists());
}

#[tokio::test]
async fn damage_in_place_is_found_on_the_first_whole_read_after_a_start() {
    let folder = folder();
    let (bytes, digest) = blob("some bytes that will change");
    let storage = open(&folder).await;
    storage.put_blob(&Area::Public, bytes.clone(), &digest).await.unwrap();
    drop(storage);
    let path = file(folder.path(), &public(digest));
    let mut damaged = bytes.to_vec();
    damaged[3] ^= 0x20;
    fs::write(&path, &damaged).unwrap();
    let storage = open(&folder).await;
    // A part says nothing about the whole.
    let part = storage.read_blob(&Area::Public, &digest, Some(0..5)).await.unwrap();
    assert_eq!(part.try_collect::<Vec<Bytes>>().await.unwrap().concat(), &damaged[..5]);
    let error = storage.get_blob(&Area::Public, &digest, 100).await.unwrap_err();
    assert!(matches!(error, StorageError::Corrupt(found) if found == digest), "{error}");
    assert_eq!(storage.corruptions(), 1);
    assert!(!path.exists());
    let kept = file(folder.path(), &Key::Quarantined { area: Area::Public, digest });
    assert_eq!(fs::read(kept).unwrap(), damaged);
}

#[tokio::test]
async fn a_file_that_was_trusted_is_hashed_again_once_it_changed() {
    let folder = folder();
    let (bytes, digest) = blob("trusted, then changed");
    let storage = open(&folder).await;
    storage.put_blob(&Area::Public, bytes.clone(), &digest).await.unwrap();
    storage.get_blob(&Area::Public, &digest, 100).await.unwrap();
    let path = file(folder.path(), &public(digest));
    // Shorter, longer, and of the same length with another time.
    let later = std::time::SystemTime::now() + std::time::Duration::from_secs(5);
    for damaged in [&bytes[..5], b"trusted, then changed!", b"trusted, then Changed"] {
        fs::write(&path, damaged).unwrap();
        fs::File::options().write(true).open(&path).unwrap().set_modified(later).unwrap();
        let error = storage.get_blob(&Area::Public, &digest, 100).await.unwrap_err();
        assert!(matches!(error, StorageError::Corrupt(_)), "{error}");
        assert_eq!(storage.put_blob(&Area::Public, bytes.clone(), &digest).await.unwrap(), BlobPut::Stored);
        assert_eq!(storage.get_blob(&Area::Public, &digest, 100).await.unwrap(), bytes);
    }
}

#[tokio::test]
async fn a_push_replaces_damage_that_nobody_has_read_yet() {
    let folder = folder();
    let (bytes, digest) = blob("pushed twice");
    let storage = open(&folder).await;
    storage.put_blob(&Area::Public, bytes.clone(), &digest).await.unwrap();
    drop(storage);
    fs::write(file(folder.path(), &public(digest)), "pushed twicE").unwrap();
    let storage = open(&folder).await;
    assert_eq!(storage.put_blob(&Area::Public, bytes.clone(), &digest).await.unwrap(), BlobPut::Stored);
    assert_eq!(storage.get_blob(&Area::Public, &digest, 100).await.unwrap(), bytes);
}

#[tokio::test]
async fn only_the_file_that_was_read_is_quarantined() {
    let folder = folder();
    let storage = open(&folder).await;
    let disk = storage.disk().unwrap();
    disk.write("public/one", b"damaged").unwrap();
    let (_, metadata) = disk.open_file("public/one").unwrap();
    let stamp = super::super::disk::Stamp::of(&metadata);
    disk.write("public/one", b"replace").unwrap();
    assert!(!disk.rename_if_same("public/one", stamp, "quarantine/one").unwrap());
    assert_eq!(fs::read(folder.path().join("public/one")).unwrap(), b"replace");
}

struct Interrupted {
    folder: tempfile::TempDir,
    id: uuid::Uuid,
}

/// An upload of `0123456789` in a store whose process is gone.
async fn interrupted() -> Interrupted {
    let folder = folder();
    let storage = open(&folder).await;
    let now = Timestamp::from_micros(0);
    let repository = "acme/hello".parse().unwrap();
    let upload = storage.begin_upload(&repository, &Area::Public, Algorithm::Sha256, now).await.unwrap();
    append(&storage, upload.id, "0123456789").await.unwrap();
    Interrupted { folder, id: upload.id }
}

async fn append(storage: &Storage, id: uuid::Uuid, text: &'static str) -> Result<u64, StorageError> {
    let chunk = futures::stream::iter([Ok::<_, std::io::Error>(Bytes::from_static(text.as_bytes()))]);
    storage.append(id, None, chunk, u64::MAX, Timestamp::from_micros(0)).await
}

#[tokio::test]
async fn an_upload_without_bytes_is_written_down_after_a_second_and_costs_nothing_before() {
    let folder = folder();
    let storage = open(&folder).await;
    let (repository, now) = ("acme/hello".parse().unwrap(), Timestamp::from_micros(0));
    let before = storage.writes();
    let begin = || storage.begin_upload(&repository, &Area::Public, Algorithm::Sha256, now);
    let (waits, cancelled) = (begin().await.unwrap(), begin().await.unwrap());
    storage.cancel_upload(cancelled.id).await.unwrap();
    assert_eq!(storage.writes(), before);
    let begun = std::time::Instant::now();
    while !storage.exists(&Key::Upload(waits.id)).await.unwrap() {
        assert!(begun.elapsed().as_secs() < 30, "it is written down");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert!(!storage.exists(&Key::Upload(cancelled.id)).await.unwrap());
    drop(storage);
    let storage = open(&folder).await;
    assert_eq!(storage.upload(waits.id).await.unwrap(), waits);
}

#[tokio::test]
async fn bytes_beyond_what_the_document_of_an_upload_says_are_cut_off() {
    let Interrupted { folder, id } = interrupted().await;
    let data = file(folder.path(), &Key::UploadData(id));
    // As a process leaves it that dies between the bytes and the document.
    fs::write(&data, "0123456789 and more").unwrap();
    let storage = open(&folder).await;
    assert_eq!(storage.upload(id).await.unwrap().offset, 10);
    assert_eq!(append(&storage, id, "abc").await.unwrap(), 13);
    let (bytes, digest) = blob("0123456789abc");
    assert_eq!(storage.finish(id, &digest).await.unwrap(), 13);
    assert_eq!(storage.get_blob(&Area::Public, &digest, 100).await.unwrap(), bytes);

    let Interrupted { folder, id } = interrupted().await;
    fs::write(file(folder.path(), &Key::UploadData(id)), "0123456789 and more").unwrap();
    let storage = open(&folder).await;
    let (bytes, digest) = blob("0123456789");
    assert_eq!(storage.finish(id, &digest).await.unwrap(), 10);
    assert_eq!(storage.get_blob(&Area::Public, &digest, 100).await.unwrap(), bytes);
}

#[tokio::test]
async fn a_torn_line_of_an_uploads_document_does_no_harm() {
    let Interrupted { folder, id } = interrupted().await;
    let document = file(folder.path(), &Key::Upload(id));
    let mut torn = fs::read_to_string(&document).unwrap();
    torn.push_str("\n{\"repository\":\"acme/he");
    fs::write(&document, torn).unwrap();
    let storage = open(&folder).await;
    assert_eq!(storage.upload(id).await.unwrap().offset, 10);
    append(&storage, id, "abc").await.unwrap();
    drop(storage);
    let storage = open(&folder).await;
    assert_eq!(storage.upload(id).await.unwrap().offset, 13);
}

#[tokio::test]
async fn an_upload_of_many_chunks_keeps_its_document_small() {
    let Interrupted { folder, id } = interrupted().await;
    let storage = open(&folder).await;
    for at in 0..1_000 {
        assert_eq!(append(&storage, id, "x").await.unwrap(), 11 + at);
    }
    drop(storage);
    let size = fs::metadata(file(folder.path(), &Key::Upload(id))).unwrap().len();
    assert!(size <= 64 << 10, "{size} bytes");
    assert_eq!(open(&folder).await.upload(id).await.unwrap().offset, 1_010);
}

#[tokio::test]
async fn an_upload_that_lost_bytes_is_no_upload() {
    let Interrupted { folder, id } = interrupted().await;
    fs::write(file(folder.path(), &Key::UploadData(id)), "01234").unwrap();
    let storage = open(&folder).await;
    assert!(matches!(storage.upload(id).await, Err(StorageError::UploadUnknown(_))));
    assert_eq!(storage.expire_uploads(Timestamp::from_micros(0)).await.unwrap(), 1);
    assert!(!file(folder.path(), &Key::UploadData(id)).exists());
}

#[tokio::test]
async fn after_a_restart_of_the_machine_the_bytes_of_an_upload_are_hashed_again() {
    for lost in [false, true] {
        let Interrupted { folder, id } = interrupted().await;
        let document = file(folder.path(), &Key::Upload(id));
        let lines = fs::read_to_string(&document).unwrap();
        let mut value: serde_json::Value = serde_json::from_str(lines.lines().last().unwrap()).unwrap();
        value["boot"] = "an earlier start".into();
        fs::write(&document, value.to_string()).unwrap();
        if lost {
            // The document was durable, and the bytes were not.
            fs::write(file(folder.path(), &Key::UploadData(id)), "01234\0\0\0\0\0").unwrap();
        }
        let (bytes, digest) = blob("0123456789abc");
        // The doubt outlives a further restart of the process.
        append(&open(&folder).await, id, "abc").await.unwrap();
        let storage = open(&folder).await;
        let finished = storage.finish(id, &digest).await;
        match finished {
            Ok(13) if !lost => assert_eq!(storage.get_blob(&Area::Public, &digest, 99).await.unwrap(), bytes),
            Err(StorageError::WrongDigest { .. }) if lost => {}
            other => panic!("lost {lost}: {other:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_disk_store_passes_the_suite_of_the_trait_it_implements() {
    use object_store::integration as suite;
    let folder = folder();
    let storage = open(&folder).await;
    storage.delete(&Key::Format).await.unwrap();
    let disk = storage.disk().unwrap();
    suite::put_get_delete_list(disk).await;
    suite::get_opts(disk).await;
    suite::put_opts(disk, false).await;
    suite::list_uses_directories_correctly(disk).await;
    suite::list_with_delimiter(disk).await;
    suite::list_with_offset_exclusivity(disk).await;
    suite::rename_and_copy(disk).await;
    suite::copy_if_not_exists(disk).await;
    suite::copy_rename_nonexistent_object(disk).await;
    suite::stream_get(disk).await;
    suite::multipart_race_condition(disk, true).await;
    suite::multipart_out_of_order(disk).await;
    assert!(suite::get_nonexistent_object(disk, None).await.is_err());
}
