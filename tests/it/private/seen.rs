//! Who sees what, and what others are answered.

use std::collections::BTreeMap;
use std::sync::Arc;

use pcl_registry::domain::{
    Access, Actor, Algorithm, Area, Collection, CollectionItem, Digest, Kind, Name, Profile, Range, Reference, Role,
    Tag, Timestamp, User, Version, Visibility,
};
use pcl_registry::meta::{Collections, Filter, MetaError, Order, Seen, Sqlite};
use pcl_registry::registry::{Builder, Committing, FindQuery, Limits, RegistryError};
use pcl_registry::search::{Audience, Document, Index};
use pcl_registry::storage::Meter;

use crate::accounts;
use crate::inside::{DataFolder, Opened, Owner, Package};
use crate::rebuild::close;
use crate::script::wire::{Request, Response};
use crate::world::World;

use super::support::{areas, see, user};

/// What each use case answers about a package, in a word: the error, without its own name and digests, or that there was something.
async fn answers(open: &Opened, actor: &Actor, package: &Package) -> Vec<String> {
    let (registry, name, repository) = (&open.registry, package.name(), &package.repository);
    let version: Version = package.tag.parse().unwrap();
    let range: Range = "*".parse().unwrap();
    let stable: Tag = "stable".parse().unwrap();
    let digest = Reference::Digest(package.digest());
    let blob = &package.packed.layer.digest;
    let own = [name.to_string(), package.digest().to_string(), blob.to_string()];
    let said = |what: &str, outcome: Result<bool, RegistryError>| match outcome {
        Ok(found) => format!("{what}: {found}"),
        Err(RegistryError::Meta(MetaError::Unavailable(_))) => format!("{what}: not available"),
        Err(error) => own.iter().fold(format!("{what}: {error}"), |text, own| text.replace(own.as_str(), "OWN")),
    };
    vec![
        said("tag", registry.manifest(actor, repository, &package.reference()).await.map(|_| true)),
        said("manifest", registry.manifest(actor, repository, &digest).await.map(|_| true)),
        said("blob", registry.blob(actor, repository, blob).await.map(|_| true)),
        said("tags", registry.tags(actor, repository, None, 10).await.map(|_| true)),
        said(
            "referrers",
            registry
                .referrers(actor, repository, &package.digest(), None, None)
                .await
                .map(|found| found.next.is_some()),
        ),
        said("package", registry.package(actor, &name).await.map(|_| true)),
        said("releases", registry.releases(actor, &name).await.map(|_| true)),
        said("version", registry.version(actor, &name, &version).await.map(|_| true)),
        said("resolve", registry.resolve(actor, &name, &range).await.map(|_| true)),
        said("resolution", registry.resolution(actor, &name).await.map(|_| true)),
        said("source", registry.source(actor, &name, &version, None).await.map(|_| true)),
        said("compare", registry.compare(actor, &name, &version, &version).await.map(|_| true)),
        said("history", registry.history(actor, &name, None, 10).await.map(|_| true)),
        said("owners", registry.owners(actor, &name).await.map(|_| true)),
        said("related", registry.related(actor, &name, 10).await.map(|_| true)),
        said("dependencies", registry.dependencies(actor, &name, None, &[], 1).await.map(|_| true)),
        said("statistics", registry.package_statistics(actor, &name, None, None, None).await.map(|_| true)),
        said("mount", registry.mount(actor, &"acme/into".parse().unwrap(), blob, Some(repository)).await),
        said("channel tags", registry.channel_tags(actor, &name, None, 10).await.map(|_| true)),
        said("resolve a tag", registry.resolve_tag(actor, &name, &stable).await.map(|_| true)),
        said("move a tag", registry.set_channel_tag(actor, &name, &stable, &version).await.map(|()| true)),
        said("remove a tag", registry.remove_channel_tag(actor, &name, &stable).await.map(|()| true)),
        said("yank", registry.yank(actor, &name, &version, None).await.map(|()| true)),
        said("delete", registry.delete_version(actor, &name, &version).await.map(|()| true)),
    ]
}

/// Names that lists, searches and completions give.
async fn listed(open: &Opened, actor: &Actor, private: bool) -> Result<Vec<String>, RegistryError> {
    let (mut filter, mut query) = (Filter::default(), FindQuery::default());
    if private {
        filter = Filter { org: Some("acme".into()), visibilities: vec![Visibility::Private], ..filter };
        query = FindQuery { audience: Audience::OnlyMembers(vec!["acme".into()]), ..query };
    }
    let page = open.registry.packages(actor, &filter, Order::Name, None, 100).await?;
    let names: Vec<String> = page.items.iter().map(|package| package.name.to_string()).collect();
    assert_eq!(open.registry.count(actor, &filter).await?, names.len() as u64);
    open.registry.settled().await;
    let found = open.registry.find(actor, query).await?;
    let mut hits: Vec<String> = found.hits.iter().map(|hit| hit.name.to_string()).collect();
    hits.sort();
    assert_eq!(hits, names);
    Ok(names)
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
        let strangers = [
            Actor::Anonymous(Access::Read),
            Actor::Anonymous(Access::None),
            user("ann", None, Access::Read),
            user("ann", None, Access::None),
        ];
        for stranger in &strangers {
            let absent = answers(&open, stranger, &absent).await;
            assert_eq!(answers(&open, stranger, &secret).await, absent, "{owner:?} {stranger:?}");
            assert!(listed(&open, stranger, true).await.is_err(), "{owner:?} {stranger:?}");
        }
        let readers = [user("bob", Some(Role::Reader), Access::None), user("cai", None, Access::None), Actor::Operator];
        for reader in &readers {
            let seen = answers(&open, reader, &secret).await;
            let words = ["tag: true", "manifest: true", "blob: true", "tags: true", "package: true", "source: true"];
            for word in words {
                assert!(seen.contains(&word.to_owned()), "{owner:?} {reader:?} {word} {seen:?}");
            }
            // Who may has deleted it at the end.
            open.registry.restore(&Actor::Operator, &secret.name(), &"1.0.0".parse().unwrap()).await.unwrap();
        }
        for actor in &strangers[2..] {
            assert_eq!(listed(&open, actor, false).await.unwrap(), ["acme/public"], "{owner:?}");
        }
        assert_eq!(listed(&open, &readers[0], true).await.unwrap(), ["acme/secret"], "{owner:?}");
        assert_eq!(listed(&open, &readers[0], false).await.unwrap(), ["acme/public"], "{owner:?}");
        assert!(listed(&open, &readers[1], true).await.is_err(), "an owner of one package sees that one alone");
        let repositories = open.registry.repositories(&Actor::Operator, None, 10).await.unwrap().0;
        assert_eq!(repositories, std::slice::from_ref(&public.repository), "{owner:?}");
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
    let roles = BTreeMap::from([("other".parse().unwrap(), Role::Member)]);
    let member = Actor::User(Arc::new(User { name: "cai".parse().unwrap(), roles, everybody: Access::None }));
    assert_eq!(shown(&member).await, written);
}

/// A search goes by an index that comes a moment after the change: what it finds is looked at again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_search_believes_no_index_that_is_behind() {
    let folder = DataFolder::new(Owner::Sqlite);
    let search = Index::memory().unwrap();
    let found = |name: &str| Document {
        name: name.parse().unwrap(),
        kind: Kind::Skill,
        version: "1.0.0".parse().unwrap(),
        title: "Ghost".to_owned(),
        description: String::new(),
        tags: Vec::new(),
        skills: Vec::new(),
        text: String::new(),
        area: Area::Public,
        updated: Timestamp::from_micros(0),
        authors: Vec::new(),
        license: None,
        needs: Vec::new(),
    };
    search.apply(vec![found("acme/ghost"), found("other/ghost")], Vec::new(), 0).unwrap();
    let builder = Builder {
        storage: folder.open_storage(&Meter::default()).await,
        meta: Arc::new(Sqlite::open(folder.database()).unwrap()).meta(),
        committing: Committing::Database,
        search,
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
    let reads = async |package: &Package| answers(&open, &stranger, package).await[..8].to_vec();
    let before = reads(&secret).await;
    assert_eq!(reads(&absent).await, before);
    let database = rusqlite::Connection::open(folder.database()).unwrap();
    let tables = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'";
    let tables: Vec<String> =
        database.prepare(tables).unwrap().query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap();
    for table in tables {
        database.execute_batch(&format!("ALTER TABLE \"{table}\" RENAME TO \"gone_{table}\"")).unwrap();
    }
    let during = reads(&secret).await;
    assert_ne!(during, before);
    assert_eq!(reads(&absent).await, during);
    // What is public is served, whatever repository is named.
    for package in [&secret, &absent] {
        let layer = &public.packed.layer.digest;
        assert!(open.registry.blob(&stranger, &package.repository, layer).await.is_ok());
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
