//! Several writers in one store that owns itself: what each of them would do in a process of its own, over one bucket.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;
use futures::{StreamExt as _, TryStreamExt as _};
use object_store::ObjectStore;
use object_store::memory::InMemory;
use pcl_registry::domain::{About, Actor, CONFIG_SCHEMA, Config, Event, File, Kind, Name, Primary, Tree, Version};
use pcl_registry::meta::Refused;
use pcl_registry::registry::{Clock, Limits, OpenError, PublishedTree, Registry, RegistryError, open_serverless};
use pcl_registry::storage::{Key, Meter, Owner, Presence, Role, Storage, StorageError};

use crate::inside::Package;

/// A bucket, in memory.
#[derive(Clone)]
struct Bucket(Arc<dyn ObjectStore>);

impl Bucket {
    fn new() -> Self {
        Self(Arc::new(InMemory::new()))
    }

    /// As another process would open it.
    fn storage(&self) -> Storage {
        Storage::over_shared(Arc::clone(&self.0), Meter::default())
    }

    async fn open(&self) -> Registry {
        open_serverless(self.storage(), Limits::default(), Clock::System).await.unwrap()
    }

    async fn events(&self) -> Vec<(u64, Event)> {
        let events = self.storage().events(0);
        events.map_ok(|(n, bytes)| (n, Event::parse(&bytes).unwrap())).try_collect().await.unwrap()
    }
}

async fn publish(registry: &Registry, spec: &str, text: &str) -> Result<PublishedTree, RegistryError> {
    let (name, version) = spec.split_once('@').unwrap();
    let name: Name = name.parse().unwrap();
    let content = Bytes::from(format!("# {}\n\n{text}\n", name.slug()));
    let tree = Tree::new(vec![File { path: "SKILL.md".parse().unwrap(), executable: false, content }]).unwrap();
    let config = Config {
        schema: CONFIG_SCHEMA,
        name: name.slug().to_owned(),
        version: version.parse().unwrap(),
        kind: Kind::Skill,
        about: About::default(),
        primary: Primary { file: "SKILL.md".into(), declaration: None },
        source: None,
        tree: tree.digest(),
    };
    registry.publish_tree(&Actor::Operator, &name, &tree, config).await
}

async fn versions(registry: &Registry, name: &str) -> BTreeSet<Version> {
    let releases = registry.releases(&Actor::Operator, &name.parse().unwrap()).await.unwrap();
    releases.into_iter().map(|release| release.version).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixteen_writers_of_one_bucket_leave_no_gap_and_one_wins_each_version() {
    let bucket = Bucket::new();
    let writer = |writer: usize| {
        let bucket = bucket.clone();
        tokio::spawn(async move {
            let registry = bucket.open().await;
            for number in 0..4 {
                let spec = format!("team-{writer}/skill-{number}@1.0.0");
                publish(&registry, &spec, &spec).await.unwrap();
            }
            let contested = publish(&registry, "acme/contested@1.0.0", &format!("by {writer}")).await;
            registry.leave().await.unwrap();
            contested
        })
    };
    let mut winners = 0;
    for outcome in (0..16).map(writer).collect::<Vec<_>>() {
        match outcome.await.unwrap() {
            Ok(published) => {
                assert!(!published.is_known);
                winners += 1;
            }
            Err(RegistryError::Refused(Refused::VersionExists { .. })) => {}
            Err(other) => panic!("{other}"),
        }
    }
    assert_eq!(winners, 1);
    let events = bucket.events().await;
    assert_eq!(events.iter().map(|(n, _)| *n).collect::<Vec<_>>(), (1..=65).collect::<Vec<_>>());
    let ids: BTreeSet<_> = events.iter().map(|(_, event)| event.id).collect();
    assert_eq!(ids.len(), 65);
    assert!(events.is_sorted_by_key(|(_, event)| event.time), "time never goes back");
    // Whoever comes later sees all of it.
    let late = bucket.open().await;
    for writer in 0..16 {
        for number in 0..4 {
            assert_eq!(versions(&late, &format!("team-{writer}/skill-{number}")).await.len(), 1);
        }
    }
    assert_eq!(versions(&late, "acme/contested").await.len(), 1);
    assert!(bucket.storage().list_all().all(|object| async { !object.unwrap().path.contains("batch") }).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_of_a_shared_bucket_hears_of_what_others_publish() {
    let bucket = Bucket::new();
    let (server, other) = (bucket.open().await, bucket.open().await);
    let name: Name = "acme/hello".parse().unwrap();
    publish(&server, "acme/hello@1.0.0", "by the server").await.unwrap();
    publish(&other, "acme/hello@1.1.0", "by another").await.unwrap();
    let heard = async {
        let mut head = server.heads();
        head.wait_for(|head| *head == 2).await.unwrap();
    };
    tokio::time::timeout(std::time::Duration::from_secs(10), heard).await.expect("it looks every second");
    assert_eq!(versions(&server, name.as_str()).await.len(), 2);
    // The same files again are no change, whoever published them.
    assert!(publish(&server, "acme/hello@1.1.0", "by another").await.unwrap().is_known);
    assert_eq!(bucket.events().await.len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_that_its_writer_left_half_written_is_finished_by_another() {
    // The batch of a server: twelve packages that count only together.
    let whole = Bucket::new();
    let packages = (0..12).map(|number| {
        let text = format!("---\nname: skill-{number}\ndescription: Number {number}\n---\n\nText.\n");
        File { path: format!("skill-{number}/SKILL.md").parse().unwrap(), executable: false, content: text.into() }
    });
    let registry = whole.open().await;
    registry.import_whole(&Actor::Operator, "acme", packages.collect()).await.unwrap();
    let events: BTreeMap<u64, Event> = whole.events().await.into_iter().collect();
    let of = events[&1].batch.expect("the first names its batch");
    assert_eq!(of.count, 12);
    // What is there of it when the writer stands still after so many events: the document was written before, and lines are events.
    let mut document = Vec::new();
    for event in events.values().skip(1) {
        document.extend_from_slice(&event.to_bytes());
        document.push(b'\n');
    }
    for there in [1u64, 5, 11] {
        let half = Bucket::new();
        let (from, to) = (whole.storage(), half.storage());
        let mut objects = from.list_all();
        while let Some(object) = objects.try_next().await.unwrap() {
            let Some(key) = object.key else { continue };
            if matches!(key, Key::Event(n) if n > there) || matches!(key, Key::Member(_)) {
                continue;
            }
            to.put(&key, from.get(&key, 1 << 20).await.unwrap()).await.unwrap();
        }
        to.put(&Key::EventBatch(of.digest), document.clone().into()).await.unwrap();
        let other = half.open().await;
        publish(&other, "acme/later@1.0.0", "after the batch").await.unwrap();
        let found = half.events().await;
        assert_eq!(found.len(), 13, "{there} were there");
        assert!(found.iter().take(12).all(|(n, event)| events[n] == *event), "the very same events");
        assert!(!to.exists(&Key::EventBatch(of.digest)).await.unwrap());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_document_whose_batch_has_not_begun_is_left_to_its_writer() {
    let bucket = Bucket::new();
    let document = Bytes::from_static(b"lines of somebody who is about to begin\n");
    let key = Key::EventBatch(pcl_registry::domain::Digest::sha256(&document));
    bucket.storage().put(&key, document).await.unwrap();
    publish(&bucket.open().await, "acme/hello@1.0.0", "text").await.unwrap();
    assert!(bucket.storage().exists(&key).await.unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bucket_of_a_database_refuses_a_push_and_names_its_server() {
    let bucket = Bucket::new();
    let storage = bucket.storage();
    storage.claim_owner(&Owner::Database { id: "0193".into() }).await.unwrap();
    let address = "https://registry.example".to_owned();
    storage.join(&Presence::of(Role::Server, Some(address.clone()))).await.unwrap();
    let refused = open_serverless(bucket.storage(), Limits::default(), Clock::System).await.err().unwrap();
    assert!(matches!(&refused, OpenError::Served { address: Some(found), .. } if *found == address), "{refused}");
    assert!(refused.to_string().ends_with("with --registry https://registry.example"), "{refused}");
    assert!(bucket.events().await.is_empty());
    let members = bucket.storage().list_all().filter(|object| {
        let is_member = matches!(object.as_ref().unwrap().key, Some(Key::Member(_)));
        async move { is_member }
    });
    assert_eq!(members.count().await, 1, "who was refused has left");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_at_a_time_has_the_turn_to_collect_in_a_bucket() {
    let bucket = Bucket::new();
    let [one, two] = [bucket.storage(), bucket.storage()];
    let mut turn = one.turn().await.unwrap().expect("nobody else has it");
    assert!(two.turn().await.unwrap().is_none());
    assert!(turn.renew().await.unwrap());
    turn.end().await.unwrap();
    let mut turn = two.turn().await.unwrap().expect("it was given back");
    // Taken away by force: who had it finds out before the next piece of work.
    one.delete(&Key::Collecting).await.unwrap();
    let taken = one.turn().await.unwrap().expect("nobody has it");
    assert!(!turn.renew().await.unwrap());
    turn.end().await.unwrap();
    assert!(two.turn().await.unwrap().is_none(), "and does not give back what is another's");
    taken.end().await.unwrap();
    assert!(!one.is_leased().await.unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_turn_that_nobody_renews_is_taken_over() {
    let bucket = Bucket::new();
    let [gone, other] = [bucket.storage(), bucket.storage()];
    let at_once = std::time::Duration::ZERO;
    let mut stopped = gone.turn().await.unwrap().unwrap();
    assert!(other.turn_after(at_once).await.unwrap().is_none(), "it is seen for the first time");
    assert!(stopped.renew().await.unwrap());
    assert!(other.turn_after(at_once).await.unwrap().is_none(), "it was renewed since");
    assert!(other.turn().await.unwrap().is_none(), "an hour is not over");
    let mut turn = other.turn_after(at_once).await.unwrap().expect("nobody renewed it");
    assert!(!stopped.renew().await.unwrap());
    assert!(turn.renew().await.unwrap());
}

/// Opens the bucket to collect in it.
async fn collector(bucket: &Bucket, grace: u64) -> Registry {
    open_as(bucket, Role::Collector, grace).await.unwrap()
}

async fn open_as(bucket: &Bucket, role: Role, grace: u64) -> Result<Registry, OpenError> {
    let memory = Arc::new(pcl_registry::meta::Memory::new());
    let limits = Limits { grace: std::time::Duration::from_secs(grace), ..Limits::default() };
    let builder = pcl_registry::registry::Builder {
        storage: bucket.storage(),
        meta: Arc::clone(&memory).meta(),
        committing: pcl_registry::registry::Committing::Store(memory),
        search: Box::pin(async { pcl_registry::search::Index::memory() }),
        limits,
        clock: Clock::System,
    };
    builder.open_as(role).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_must_have_a_bucket_alone_keeps_others_out_until_its_end() {
    let is_refused = |refused: OpenError| {
        let RegistryError::Storage(StorageError::Occupied { who, .. }) = (match &refused {
            OpenError::Registry(error) => error,
            _ => panic!("{refused}"),
        }) else {
            panic!("{refused}")
        };
        who.clone()
    };
    let bucket = Bucket::new();
    let writer = bucket.open().await;
    let late = open_as(&bucket, Role::Maintenance, 0).await.err().unwrap();
    assert!(is_refused(late).starts_with("a command, as it said"));
    writer.leave().await.unwrap();

    let alone = open_as(&bucket, Role::Maintenance, 0).await.unwrap();
    for role in [Role::Server, Role::Command, Role::Collector, Role::Maintenance] {
        let refused = open_as(&bucket, role, 0).await.err().unwrap();
        assert!(is_refused(refused).starts_with("a command that must have it alone"), "{role}");
    }
    alone.leave().await.unwrap();
    for role in [Role::Server, Role::Command, Role::Collector] {
        open_as(&bucket, role, 0).await.unwrap().leave().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bucket_that_owns_itself_is_collected_by_who_has_it_alone() {
    let bucket = Bucket::new();
    let writer = bucket.open().await;
    let kept = publish(&writer, "acme/hello@1.0.0", "kept").await.unwrap();
    // Bytes that somebody sent and never named.
    let lost = Package::new("acme/lost@1.0.0", "never published");
    let area = pcl_registry::domain::Area::Public;
    let layer = &lost.packed.layer;
    bucket.storage().put_blob(&area, layer.content.clone(), &layer.digest).await.unwrap();

    let collecting = collector(&bucket, 0).await;
    let refused = collecting.collect(&Actor::Operator).await.err().unwrap();
    assert!(matches!(&refused, RegistryError::Storage(StorageError::Occupied { .. })), "{refused}");
    assert!(refused.to_string().contains("a command"), "{refused}");
    assert!(!bucket.storage().is_leased().await.unwrap(), "the turn was given back");
    collecting.leave().await.unwrap();
    writer.leave().await.unwrap();

    let too_young = collector(&bucket, 3600).await;
    assert_eq!(too_young.collect(&Actor::Operator).await.unwrap().deleted, 0, "nothing is older than the grace");
    too_young.leave().await.unwrap();
    let collecting = collector(&bucket, 0).await;
    assert_eq!(collecting.collect(&Actor::Operator).await.unwrap().deleted, 1);
    collecting.leave().await.unwrap();
    assert_eq!(bucket.storage().blob_size(&area, &layer.digest).await.unwrap(), None);
    assert!(bucket.storage().blob_size(&area, &kept.digest).await.unwrap().is_some());
    // Without a manifest nobody knows what it names: nothing more goes.
    let manifest = Key::Blob { area: area.clone(), digest: kept.digest };
    let bytes = bucket.storage().get(&manifest, 1 << 20).await.unwrap();
    bucket.storage().delete(&manifest).await.unwrap();
    let collecting = collector(&bucket, 0).await;
    let refused = collecting.collect(&Actor::Operator).await.err().unwrap();
    assert!(matches!(refused, RegistryError::ManifestsLost(1)), "{refused}");
    collecting.leave().await.unwrap();
    bucket.storage().put(&manifest, bytes).await.unwrap();
    let again = publish(&bucket.open().await, "acme/hello@1.0.0", "kept").await.unwrap();
    assert!(again.is_known);

    // Whoever comes while somebody collects is sent away, and leaves nothing behind.
    let storage = bucket.storage();
    let member = storage.join(&Presence::of(Role::Collector, None)).await.unwrap();
    let turn = storage.turn().await.unwrap().unwrap();
    let refused = open_serverless(bucket.storage(), Limits::default(), Clock::System).await.err().unwrap();
    assert!(
        matches!(refused, OpenError::Registry(RegistryError::Storage(StorageError::Collecting { .. }))),
        "{refused}"
    );
    // A collector that ended without its leave keeps nobody out.
    storage.leave(member).await.unwrap();
    let writer = open_serverless(bucket.storage(), Limits::default(), Clock::System).await.unwrap();
    assert!(!storage.is_leased().await.unwrap());
    turn.end().await.unwrap();
    writer.leave().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_comes_to_no_event_is_decided_on_what_others_have_committed() {
    let bucket = Bucket::new();
    let (one, two) = (bucket.open().await, bucket.open().await);
    let name: Name = "acme/hello".parse().unwrap();
    for version in ["1.0.0", "1.1.0"] {
        publish(&one, &format!("acme/hello@{version}"), version).await.unwrap();
    }
    let pin = async |registry: &Registry, version: &str| {
        registry.pin(&Actor::Operator, &name, &version.parse().unwrap()).await.unwrap();
    };
    pin(&one, "1.0.0").await;
    pin(&two, "1.1.0").await;
    // To the first it is pinned to 1.0.0 as far as it has heard, and this must not be taken for what is so already.
    pin(&one, "1.0.0").await;
    let last = bucket.open().await;
    let latest = last.package(&Actor::Operator, &name).await.unwrap().latest;
    assert_eq!(latest, Some("1.0.0".parse().unwrap()));
}
