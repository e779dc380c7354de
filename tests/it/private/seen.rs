//! Who sees what, and what others are answered.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use pcl_registry::domain::{
    Access, Actor, Algorithm, Collection, CollectionItem, Digest, Name, Profile, Reference, Repository, Role,
    Visibility,
};
use pcl_registry::meta::{Collections, MetaError, Seen, Sqlite, Starred};
use pcl_registry::registry::{Builder, Committing, FindQuery, Limits, RegistryError};
use pcl_registry::search::{Audience, Document, Index};
use pcl_registry::storage::Meter;
use serde_json::json;

use crate::accounts;
use crate::commits::{Commits, with_commits};
use crate::inside::{DataFolder, Opened, Owner, Package, plain};
use crate::rebuild::close;
use crate::script::wire::{Request, Response};
use crate::world::World;

use super::answers::{NO_REFERRERS, READS, answers, everywhere_is_refused, listed};
use super::support::{areas, see, user, user_in};

/// Lets a manifest refer to that of the package, and gives the package stars of these users.
async fn refer_and_star(open: &Opened, package: &Package, users: &[&str]) {
    open.push_blob(&package.repository, &Bytes::from_static(b"{}")).await.unwrap();
    let manifest = &package.packed.manifest;
    let (media_type, size) = (&manifest.media_type, manifest.content.len());
    let subject = json!({ "mediaType": media_type, "digest": package.digest(), "size": size });
    let signature =
        plain("signature", json!({ "artifactType": "application/vnd.example.signature", "subject": subject }));
    let reference = Reference::Digest(Digest::sha256(&signature));
    let image = "application/vnd.oci.image.manifest.v1+json";
    open.push_bytes(&package.repository, reference, image, &signature).await.unwrap();
    for user in users {
        let (user, now) = (user.parse().unwrap(), open.registry.now());
        open.meta.accounts.add_user(&user, now).await.unwrap();
        assert_eq!(open.meta.social.star(&package.name(), &user, Some(now)).await.unwrap(), Starred::Done);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_private_is_to_others_as_if_it_were_not_there() {
    for owner in Owner::here([Owner::Sqlite, Owner::Store, Owner::Postgres, Owner::Mongo]) {
        let folder = DataFolder::new(owner);
        let open = folder.open().await;
        let [secret, absent, public] =
            ["secret", "absent", "public"].map(|slug| Package::new(&format!("acme/{slug}@1.0.0"), slug));
        open.push(&public).await.unwrap();
        see(&open, "acme/secret", Visibility::Private).await.unwrap();
        open.push(&secret).await.unwrap();
        assert_eq!(areas(&open, &secret).await, [0, 3], "{owner:?}");
        assert_eq!(areas(&open, &public).await, [3, 0], "{owner:?}");
        open.registry.set_owners(&Actor::Operator, &secret.name(), vec!["cai".parse().unwrap()], None).await.unwrap();
        refer_and_star(&open, &secret, &["ann", "bob", "cai", "zoe"]).await;
        let strangers = [
            Actor::Anonymous(Access::Read),
            Actor::Anonymous(Access::None),
            user("ann", None, Access::Read),
            user("ann", None, Access::None),
            user_in("zeta", "zoe", Some(Role::Owner), Access::None),
        ];
        for stranger in &strangers {
            let absent = answers(&open, stranger, &absent).await;
            assert_eq!(answers(&open, stranger, &secret).await, absent, "{owner:?} {stranger:?}");
            let may_read = *stranger != Actor::Anonymous(Access::None);
            assert_eq!(absent.contains(&NO_REFERRERS.to_owned()), may_read, "{owner:?} {stranger:?} {absent:?}");
            assert!(listed(&open, stranger, true).await.is_err(), "{owner:?} {stranger:?}");
            assert!(everywhere_is_refused(&open, stranger).await, "{owner:?} {stranger:?}");
        }
        let mut readers = vec![Actor::Operator];
        readers.extend([user("bob", Some(Role::Reader), Access::None), user("cai", None, Access::None)]);
        let mut all = Vec::new();
        for reader in &readers {
            let seen = answers(&open, reader, &secret).await;
            if *reader == Actor::Operator {
                // All but the tag that nobody has set, and the index, which has a digest.
                let found = seen[..READS].iter().filter(|said| said.ends_with(": true")).count();
                let has_index = seen[..READS].iter().any(|said| said.contains("vnd.example.signature"));
                assert!(found == READS - 2 && has_index, "{owner:?} {seen:?}");
                assert!(!everywhere_is_refused(&open, reader).await, "{owner:?}");
                all = seen;
            } else {
                assert_eq!(seen[..READS], all[..READS], "{owner:?} {reader:?}");
                assert_eq!(seen[READS], "star: true", "{owner:?} {reader:?}");
                assert!(everywhere_is_refused(&open, reader).await, "{owner:?} {reader:?}");
            }
            // Who may has yanked and deleted it at the end.
            let (name, version) = (secret.name(), "1.0.0".parse().unwrap());
            open.registry.restore(&Actor::Operator, &name, &version).await.unwrap();
            open.registry.unyank(&Actor::Operator, &name, &version).await.unwrap();
        }
        for actor in &strangers[2..] {
            assert_eq!(listed(&open, actor, false).await.unwrap(), ["acme/public"], "{owner:?}");
        }
        assert_eq!(listed(&open, &readers[1], true).await.unwrap(), ["acme/secret"], "{owner:?}");
        assert_eq!(listed(&open, &readers[1], false).await.unwrap(), ["acme/public"], "{owner:?}");
        assert!(listed(&open, &readers[2], true).await.is_err(), "an owner of one package sees that one alone");
        let repositories = open.registry.repositories(&Actor::Operator, None, 10).await.unwrap().0;
        assert_eq!(repositories, std::slice::from_ref(&public.repository), "{owner:?}");
        close(&folder, open).await;
    }
}

/// All that is private of an organisation lies in one area: who owns one package takes nothing over from another.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_owner_of_one_package_mounts_nothing_of_another() {
    for owner in Owner::here([Owner::Sqlite, Owner::Store, Owner::Postgres, Owner::Mongo]) {
        let folder = DataFolder::new(owner);
        let open = folder.open().await;
        let [secret, mine] = ["secret", "mine"].map(|slug| Package::new(&format!("acme/{slug}@1.0.0"), slug));
        for package in [&secret, &mine] {
            see(&open, package.name().as_str(), Visibility::Private).await.unwrap();
            open.push(package).await.unwrap();
        }
        open.registry.set_owners(&Actor::Operator, &mine.name(), vec!["cai".parse().unwrap()], None).await.unwrap();
        let mount = async |actor: &Actor, package: &Package, from: Option<&Repository>| {
            let digest = &package.packed.layer.digest;
            open.registry.mount(actor, &mine.repository, digest, from).await.unwrap()
        };
        let cai = user("cai", None, Access::None);
        let absent = "acme/absent".parse().unwrap();
        for from in [None, Some(&secret.repository), Some(&absent)] {
            assert!(!mount(&cai, &secret, from).await, "{owner:?} {from:?}");
        }
        assert!(mount(&cai, &mine, Some(&mine.repository)).await, "{owner:?}: what is theirs");
        let bob = user("bob", Some(Role::Member), Access::None);
        for from in [Some(&secret.repository), None] {
            assert!(mount(&bob, &secret, from).await, "{owner:?} {from:?}");
        }
        close(&folder, open).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_writes_everywhere_cannot_write_there() {
    let folder = DataFolder::new(Owner::Sqlite);
    let open = folder.open().await;
    let secret = Package::new("acme/secret@1.0.0", "secret");
    let name = secret.name();
    let (anybody, ann) = (Actor::Anonymous(Access::Write), user("ann", None, Access::Write));
    for actor in [&anybody, &ann] {
        // Who would not see it any more cannot hide it either.
        let hidden = open.registry.set_visibility(actor, &name, Visibility::Private).await;
        assert!(matches!(hidden, Err(RegistryError::Forbidden | RegistryError::LoginNeeded)), "{hidden:?}");
    }
    see(&open, "acme/secret", Visibility::Private).await.unwrap();
    for actor in [&anybody, &ann] {
        let begun = open.registry.begin_upload(actor, &secret.repository, Algorithm::Sha256).await;
        assert!(matches!(begun, Err(RegistryError::Forbidden | RegistryError::LoginNeeded)), "{begun:?}");
    }
    let member = user("bob", Some(Role::Member), Access::None);
    open.registry.begin_upload(&member, &secret.repository, Algorithm::Sha256).await.unwrap();
    // Members may begin names as private, and change of others what is theirs.
    let mine: Name = "acme/mine".parse().unwrap();
    open.registry.set_visibility(&member, &mine, Visibility::Private).await.unwrap();
    let theirs = Package::new("acme/theirs@1.0.0", "theirs");
    open.push(&theirs).await.unwrap();
    let refused = open.registry.set_visibility(&member, &theirs.name(), Visibility::Private).await;
    assert!(matches!(refused, Err(RegistryError::Forbidden)), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_organisation_begins_its_packages_as_private() {
    let folder = DataFolder::new(Owner::Sqlite);
    let open = folder.open().await;
    let old = Package::new("acme/old@1.0.0", "old");
    open.push(&old).await.unwrap();
    let profile = Profile { visibility: Visibility::Private, ..Profile::default() };
    open.registry.put_org(&Actor::Operator, &"acme".parse().unwrap(), profile, Seen::Unsaid).await.unwrap();
    let born = Package::new("acme/born@1.0.0", "born");
    open.push(&born).await.unwrap();
    open.push(&Package::new("acme/old@2.0.0", "older")).await.unwrap();
    assert_eq!((areas(&open, &born).await, areas(&open, &old).await), ([0, 3], [3, 0]));
    let anybody = Actor::Anonymous(Access::Read);
    assert_eq!(listed(&open, &anybody, false).await.unwrap(), ["acme/old"]);
    let member = user("bob", Some(Role::Reader), Access::None);
    assert_eq!(listed(&open, &member, true).await.unwrap(), ["acme/born"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collection_shows_what_its_reader_sees() {
    let folder = DataFolder::new(Owner::Sqlite);
    let open = folder.open().await;
    for (name, visibility) in [("acme/secret", Visibility::Private), ("acme/open", Visibility::Public)] {
        if visibility == Visibility::Private {
            see(&open, name, visibility).await.unwrap();
        }
        open.push(&Package::new(&format!("{name}@1.0.0"), name)).await.unwrap();
    }
    let items = |names: &[&str]| {
        let item = |name: &&str| CollectionItem { name: name.parse().unwrap(), range: None, note: None };
        names.iter().map(item).collect::<Vec<_>>()
    };
    let name: Name = "other/first".parse().unwrap();
    let written = items(&["acme/secret", "acme/absent", "acme/open"]);
    let content = Collection { items: written.clone(), ..Collection::default() };
    open.registry.put_collection(&Actor::Operator, &name, content, Seen::Unsaid).await.unwrap();
    let shown = async |actor: &Actor| open.registry.collection(actor, &name).await.unwrap().0.content.items;
    let with = async |actor: &Actor, package: &str| {
        let which = Collections { with: Some(package.parse().unwrap()), ..Collections::default() };
        open.registry.collections(actor, &which, None, 10).await.unwrap().len()
    };
    let stranger = user("ann", None, Access::Read);
    for actor in [&Actor::Anonymous(Access::Read), &stranger] {
        assert_eq!(shown(actor).await, items(&["acme/open"]), "what is private and what is absent are alike");
        let counts =
            [with(actor, "acme/secret").await, with(actor, "acme/absent").await, with(actor, "acme/open").await];
        assert_eq!(counts, [0, 0, 1]);
    }
    let reader = user("bob", Some(Role::Reader), Access::None);
    assert_eq!(shown(&reader).await, items(&["acme/secret", "acme/open"]));
    assert_eq!([with(&reader, "acme/secret").await, with(&reader, "acme/absent").await], [1, 0]);
    // Who may change it gives back all that they saw.
    assert_eq!(shown(&Actor::Operator).await, written);
    assert_eq!(shown(&user_in("other", "cai", Some(Role::Member), Access::None)).await, written);
}

/// A search goes by an index that comes a moment after the change: what it finds is looked at again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_search_believes_no_index_that_is_behind() {
    let folder = DataFolder::new(Owner::Sqlite);
    let search = Index::memory().unwrap();
    let found = |name: &str| {
        let document = Document::named(name.parse().unwrap(), "1.0.0".parse().unwrap());
        Document { title: "Ghost".to_owned(), ..document }
    };
    search.apply(vec![found("acme/ghost"), found("other/ghost")], Vec::new(), 0).unwrap();
    let builder = Builder {
        storage: folder.open_storage(&Meter::default()).await,
        meta: Arc::new(Sqlite::open(folder.database()).unwrap()).meta(),
        committing: Committing::Database,
        search: Box::pin(async { Ok(search) }),
        limits: Limits::default(),
        clock: folder.clock(),
    };
    let registry = builder.open().await.unwrap();
    let anybody = Actor::Anonymous(Access::Read);
    let names = async |actor: &Actor, audience: Audience| {
        let query = FindQuery { text: "ghost".to_owned(), audience, ..FindQuery::default() };
        let page = registry.find(actor, query).await.unwrap();
        assert_eq!(page.total, page.hits.len());
        page.hits.iter().map(|hit| hit.name.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(names(&anybody, Audience::Everybody).await, ["acme/ghost", "other/ghost"]);
    let profile = Profile { visibility: Visibility::Private, ..Profile::default() };
    registry.put_org(&Actor::Operator, &"acme".parse().unwrap(), profile, Seen::Unsaid).await.unwrap();
    assert_eq!(names(&anybody, Audience::Everybody).await, ["other/ghost"]);
    let member = user("bob", Some(Role::Reader), Access::Read);
    assert_eq!(names(&member, Audience::Members(vec!["acme".into()])).await, ["acme/ghost", "other/ghost"]);
}

/// Where the database does not answer, what was known to be private is not told from what was known to be absent.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outage_does_not_tell_what_is_private() {
    let folder = DataFolder::new(Owner::Sqlite);
    let open = folder.open().await;
    let [secret, absent, public] =
        ["secret", "absent", "public"].map(|slug| Package::new(&format!("acme/{slug}@1.0.0"), slug));
    see(&open, "acme/secret", Visibility::Private).await.unwrap();
    open.push(&secret).await.unwrap();
    open.push(&public).await.unwrap();
    let stranger = Actor::Anonymous(Access::Read);
    let before = answers(&open, &stranger, &secret).await;
    assert_eq!(answers(&open, &stranger, &absent).await, before);
    let database = rusqlite::Connection::open(folder.database()).unwrap();
    let tables = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'";
    let tables: Vec<String> =
        database.prepare(tables).unwrap().query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap();
    for table in tables {
        database.execute_batch(&format!("ALTER TABLE \"{table}\" RENAME TO \"gone_{table}\"")).unwrap();
    }
    let during = answers(&open, &stranger, &secret).await;
    assert_ne!(during, before);
    assert_eq!(answers(&open, &stranger, &absent).await, during);
    // What is public is served, whatever repository is named.
    for package in [&secret, &absent] {
        let layer = &public.packed.layer.digest;
        assert!(open.registry.blob(&stranger, &package.repository, layer).await.is_ok());
    }
}

type Failure = fn() -> MetaError;

/// How reads of the catalogue fail.
#[derive(Clone, Default)]
struct Failing(Arc<Mutex<Option<Failure>>>);

#[async_trait]
impl Commits for Failing {
    async fn before_read(&self) -> Result<(), MetaError> {
        self.0.lock().unwrap().map_or(Ok(()), |error| Err(error()))
    }
}

/// What is read of a package is asked for together with who sees it, where that is not known yet.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_read_that_fails_does_not_tell_what_is_private() {
    let folder = DataFolder::new(Owner::Sqlite);
    let open = folder.open().await;
    see(&open, "acme/secret", Visibility::Private).await.unwrap();
    open.push(&Package::new("acme/secret@1.0.0", "secret")).await.unwrap();
    drop(open);
    let ask = async |slug: &str, question: usize, error: Option<Failure>| {
        let failing = Failing::default();
        let its_failing = failing.clone();
        // A new process knows nothing of who sees what.
        let open = folder.open_with(Limits::default(), move |meta| with_commits(meta, its_failing)).await;
        *failing.0.lock().unwrap() = error;
        let (stranger, name) = (Actor::Anonymous(Access::Read), format!("acme/{slug}").parse().unwrap());
        let said = match question {
            0 => open.registry.package(&stranger, &name).await.map(drop),
            1 => open.registry.version(&stranger, &name, &"1.0.0".parse().unwrap()).await.map(drop),
            2 => open.registry.releases(&stranger, &name).await.map(drop),
            _ => open.registry.resolution(&stranger, &name).await.map(drop),
        };
        said.unwrap_err().to_string().replace(slug, "it")
    };
    let unavailable: Failure = || MetaError::Unavailable("no answer came, as a test planned".into());
    let corrupt: Failure = || MetaError::Corrupt("a row, as a test planned".into());
    for question in 0..4 {
        let absent = ask("absent", question, None).await;
        assert_eq!(ask("secret", question, Some(corrupt)).await, absent, "question {question}");
        let outage = ask("absent", question, Some(unavailable)).await;
        assert_ne!(outage, absent, "question {question}");
        assert_eq!(ask("secret", question, Some(unavailable)).await, outage, "question {question}");
    }
}

/// Container tools send a token only once they were asked for one: for what is private and for what is not there alike.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_has_no_token_is_asked_for_one_where_there_may_be_something() {
    let world = World::start_with(&["--anonymous", "read"]);
    let url = format!("http://{}", world.address);
    let (ann, bob) = (accounts::user(world.data(), "ann", Some("member")), accounts::user(world.data(), "bob", None));
    let run = |exit, token: &str, arguments: &[&str]| {
        accounts::pclr(exit, Some(token), &[&["--registry", url.as_str()][..], arguments].concat())
    };
    let skill = "tests/fixtures/hello-skill";
    assert!(run(0, &ann, &["visibility", "acme/hello-skill", "private"]).contains("stays in caches"));
    run(1, &bob, &["visibility", "acme/hello-skill", "public"]);
    run(0, &ann, &["push", skill, "acme/hello-skill@1.0.0"]);
    assert!(run(0, &ann, &["list", "--org", "acme", "--visibility", "private"]).contains("acme/hello-skill"));
    assert!(!run(0, &ann, &["list"]).contains("acme/hello-skill"));
    run(1, &bob, &["list", "--org", "acme", "--visibility", "private"]);
    run(1, &bob, &["show", "acme/hello-skill"]);
    let ask = async |target: &str, token: Option<&str>| -> Response {
        let mut request = Request::new("GET", target);
        if let Some(token) = token {
            request = request.header("Authorization", &format!("Bearer {token}"));
        }
        world.send(request).await
    };
    let digest = Digest::sha256(b"nothing");
    for name in ["acme/hello-skill", "acme/absent"] {
        for rest in ["manifests/1.0.0", "tags/list", &format!("blobs/{digest}"), &format!("referrers/{digest}")] {
            let target = format!("/v2/{name}/{rest}");
            let response = ask(&target, None).await;
            assert_eq!(response.status, 401, "{target}");
            assert!(response.header("www-authenticate").is_some_and(|it| it.starts_with("Basic")), "{target}");
            let status = ask(&target, Some(bob.as_str())).await.status;
            assert_eq!(status, if rest.starts_with("referrers") { 200 } else { 404 }, "{target}");
        }
        assert_eq!(ask(&format!("/api/v1/artifacts/{name}"), None).await.status, 404, "{name}");
    }
    let response = ask("/v2/acme/hello-skill/manifests/1.0.0", Some(ann.as_str())).await;
    assert_eq!((response.status, response.header("cache-control").as_deref()), (200, Some("private, no-store")));
    // Where there is something that everybody sees, what is not there is not there.
    run(0, &ann, &["visibility", "acme/hello-skill", "public"]);
    assert_eq!(ask("/v2/acme/hello-skill/manifests/1.0.0", None).await.status, 200);
    assert_eq!(ask("/v2/acme/hello-skill/manifests/9.9.9", None).await.status, 404);
    assert_eq!(ask("/v2/_catalog", None).await.status, 200);
}
