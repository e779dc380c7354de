//! `pclr fsck` of a store in a bucket: what changed behind our back is told as on a disk, and mended where it can be.

use std::time::Duration;

use bytes::Bytes;
use object_store::path::Path;
use object_store::{Error, GetResult, ObjectStoreExt as _, PutOptions};
use pcl_registry::domain::{Area, Digest};
use pcl_registry::registry::{Limits, Mend, Severity};
use pcl_registry::storage::{Key, Meter, Storage};

use super::support::{assert_clean, fill, fsck, kinds, review};
use crate::cli::pclr;
use crate::inside::{DataFolder, Opened, Owner};
use crate::rebuild::close;
use crate::stores::bucket::{Bucket, Cloud};

/// A closed registry whose store is a bucket, with everything in it, and its tree.
struct InBucket {
    folder: DataFolder,
    bucket: Bucket,
    /// The hand that spoils.
    storage: Storage,
}

/// What lies in the place of an object from now on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Spoilt {
    /// As many bytes, of which one is another.
    Flipped,
    Cut,
    /// An object without bytes.
    Emptied,
    Removed,
}

impl InBucket {
    async fn filled(owner: Owner) -> Option<Self> {
        let bucket = Bucket::new(Cloud::S3)?;
        let folder = DataFolder::new(owner).stored_in(bucket.address());
        let storage = folder.open_storage(&Meter::default()).await;
        let this = Self { folder, bucket, storage };
        let open = this.open().await;
        fill(&open).await;
        open.registry.rendered().await;
        close(&this.folder, open).await;
        assert_clean(&fsck(&this.folder, Mend::Nothing).await);
        Some(this)
    }

    async fn open(&self) -> Opened {
        let limits = Limits { static_tree: Some(Duration::from_millis(1)), ..Limits::default() };
        self.folder.open_with(limits, |meta| meta).await
    }

    async fn get(&self, path: &str) -> Option<GetResult> {
        match self.storage.objects().get(&Path::from(path)).await {
            Ok(found) => Some(found),
            Err(Error::NotFound { .. }) => None,
            Err(error) => panic!("{path}: {error}"),
        }
    }

    async fn read(&self, path: &str) -> Option<Bytes> {
        Some(self.get(path).await?.bytes().await.unwrap())
    }

    async fn write(&self, path: &str, bytes: impl Into<Bytes>) {
        self.storage.objects().put(&Path::from(path), bytes.into().into()).await.unwrap();
    }

    /// Spoils an object, looks what is told, and puts back what was there.
    async fn told(&self, path: &str, spoilt: Spoilt) -> (Vec<String>, Option<Severity>, String) {
        let found = self.get(path).await.unwrap_or_else(|| panic!("{path} is there"));
        let attributes = found.attributes.clone();
        let bytes = found.bytes().await.unwrap();
        self.spoil(path, spoilt).await;
        let report = fsck(&self.folder, Mend::Nothing).await;
        let words: String = report.found.iter().map(|found| found.finding.words().what + "\n").collect();
        let back = PutOptions { attributes, ..PutOptions::default() };
        self.storage.objects().put_opts(&Path::from(path), bytes.into(), back).await.unwrap();
        assert_clean(&fsck(&self.folder, Mend::Nothing).await);
        (kinds(&report), report.worst(), words)
    }

    async fn spoil(&self, path: &str, spoilt: Spoilt) {
        let mut bytes = self.read(path).await.unwrap_or_else(|| panic!("{path} is there")).to_vec();
        let middle = bytes.len() / 2;
        match spoilt {
            Spoilt::Flipped => bytes[middle] ^= 4,
            Spoilt::Cut => bytes.truncate(middle),
            Spoilt::Emptied => bytes.clear(),
            Spoilt::Removed => return self.storage.objects().delete(&Path::from(path)).await.unwrap(),
        }
        self.write(path, bytes).await;
    }

    /// Runs a command of the program on it; gives its exit code and all that it says.
    fn run(&self, arguments: &[&str]) -> (String, String) {
        let data = self.folder.path().to_str().unwrap();
        let metadata = match self.folder.owner {
            Owner::Store => &["--metadata", "memory:"][..],
            _ => &[],
        };
        let place = ["--data", data, "--store", self.bucket.text()];
        let said = pclr(arguments.iter().chain(&place).chain(metadata));
        let code = said.strip_prefix("exit: ").unwrap().split_once('\n').unwrap().0.to_owned();
        (code, said)
    }

    /// That a run of `fsck` ends with this code and says all of this.
    fn check(&self, arguments: &[&str], code: &str, expected: &[&str]) {
        let (ended, said) = self.run(&[&["fsck"], arguments].concat());
        assert_eq!(ended, code, "{:?} {arguments:?}: {said}", self.folder.owner);
        for expected in expected {
            assert!(said.contains(expected), "{:?} {arguments:?}: {expected:?} is not in\n{said}", self.folder.owner);
        }
    }
}

fn blob(area: Area, digest: Digest) -> String {
    Key::Blob { area, digest }.path()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_changed_behind_our_back_is_told_as_on_a_disk() {
    for owner in [Owner::Sqlite, Owner::Store] {
        let Some(store) = InBucket::filled(owner).await else { return };
        let layer = blob(Area::Public, review().packed.layer.digest);
        for (spoilt, expected, what) in [
            (Spoilt::Flipped, "blob-damaged", "they hash to sha256:"),
            (Spoilt::Cut, "blob-damaged", "they hash to sha256:"),
            (Spoilt::Removed, "blob-missing", "it is not there"),
            // This is how damage is taken away from a bucket: it says that the blob is absent, and is no damage of its own.
            (Spoilt::Emptied, "blob-missing", "it is not there"),
        ] {
            let (kinds, worst, words) = store.told(&layer, spoilt).await;
            assert_eq!((kinds, worst), (vec![expected.to_owned()], Some(Severity::Damage)), "{owner:?} {spoilt:?}");
            assert!(words.contains(what), "{owner:?} {spoilt:?}: {words}");
        }
        for (path, spoilt, what) in [
            ("public/index/acme/planner.json", Spoilt::Cut, "cannot be read"),
            ("public/registry.json", Spoilt::Emptied, "cannot be read"),
            ("public/v2/acme/review/manifests/1.0.0", Spoilt::Removed, "names it, and it is not there"),
        ] {
            let (kinds, worst, words) = store.told(path, spoilt).await;
            assert_eq!(worst, Some(Severity::Untidy), "{owner:?} {path}: {words}");
            assert!(kinds.iter().all(|kind| kind == "static-wrong"), "{owner:?} {path}: {kinds:?}");
            assert!(words.contains(what), "{owner:?} {path}: {words}");
        }
        // A database has the bytes of each event; without one they are lost, and what came after it with them.
        let event = Key::Event(7).path();
        for (spoilt, name) in
            [(Spoilt::Removed, "event-missing"), (Spoilt::Cut, "event-damaged"), (Spoilt::Emptied, "event-damaged")]
        {
            let (kinds, worst, words) = store.told(&event, spoilt).await;
            match owner {
                Owner::Store => {
                    assert_eq!(kinds, [name, "fold-stopped"], "{spoilt:?}: {words}");
                    assert_eq!(worst, Some(Severity::Damage), "{spoilt:?}: {words}");
                }
                _ => assert_eq!((kinds, worst), (vec![name.to_owned()], Some(Severity::Untidy)), "{spoilt:?}: {words}"),
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_can_be_mended_in_a_bucket_is_and_the_exit_code_tells() {
    for owner in [Owner::Sqlite, Owner::Store] {
        let Some(store) = InBucket::filled(owner).await else { return };
        store.check(&[], "0", &["nothing is wrong"]);
        store.check(&["--repair"], "0", &["nothing is wrong"]);

        // From a copy in another area.
        let layer = review().packed.layer.digest;
        let (place, copy) = (blob(Area::Public, layer), blob("private/acme".parse().unwrap(), layer));
        store.write(&copy, review().packed.layer.content).await;
        for spoilt in [Spoilt::Flipped, Spoilt::Emptied, Spoilt::Removed] {
            store.spoil(&place, spoilt).await;
            store.check(&[], "4", &["damage: ", &place, &copy]);
            store.check(&["--repair"], "0", &["1 finding mended", &format!("copied from {copy}")]);
            store.check(&[], "0", &["nothing is wrong"]);
            assert_eq!(store.read(&place).await.unwrap(), review().packed.layer.content, "{owner:?} {spoilt:?}");
        }
        store.storage.objects().delete(&Path::from(copy.as_str())).await.unwrap();

        // From nowhere: the damage goes to quarantine, an empty object says that the blob is absent, and a push brings it back.
        store.spoil(&place, Spoilt::Flipped).await;
        store.check(&["--repair"], "4", &["the stored bytes are damaged", "not mended: moved to quarantine"]);
        let kept = Key::Quarantined { area: Area::Public, digest: layer }.path();
        assert_eq!(store.read(&kept).await.unwrap().len(), review().packed.layer.content.len(), "{owner:?}");
        assert_eq!(store.read(&place).await.unwrap(), "", "{owner:?}");
        store.check(&[], "4", &["what:   it is not there", "in quarantine", "needed by acme/review@1.0.0"]);
        let open = store.open().await;
        open.push(&review()).await.unwrap();
        close(&store.folder, open).await;
        store.check(&[], "0", &["nothing is wrong"]);

        // What nothing names and is damaged: gone with the first repair, and nothing is told of what stands in its place.
        let foreign = blob(Area::Public, Digest::sha256(b"as it should be"));
        store.write(&foreign, "as it should not be").await;
        store.check(&[], "1", &["untidy: ", &foreign]);
        store.check(&["--repair"], "0", &["mended: removed"]);
        store.check(&[], "0", &["nothing is wrong"]);

        let event = Key::Event(7).path();
        let bytes = store.read(&event).await.unwrap();
        for spoilt in [Spoilt::Cut, Spoilt::Removed] {
            store.spoil(&event, spoilt).await;
            if owner == Owner::Store {
                store.check(&["--repair"], "4", &["damage: ", &event]);
                store.write(&event, bytes.clone()).await;
            } else {
                store.check(&[], "1", &["untidy: ", &event, "the database has its bytes"]);
                store.check(&["--repair"], "0", &["1 finding mended"]);
            }
            assert_eq!(store.read(&event).await.unwrap(), bytes, "{owner:?} {spoilt:?}");
            store.check(&[], "0", &["nothing is wrong"]);
        }

        // The tree is made anew, not mended.
        let document = "public/index/acme/planner.json";
        store.spoil(document, Spoilt::Cut).await;
        store.check(&[], "1", &["untidy: ", document, "pclr rebuild --static"]);
        store.check(&["--repair"], "1", &[document]);
        let (code, said) = store.run(&["rebuild", "--static"]);
        assert_eq!(code, "0", "{owner:?}: {said}");
        store.check(&[], "0", &["nothing is wrong"]);
    }
}
