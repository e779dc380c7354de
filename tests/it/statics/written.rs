//! What a push leaves in the tree, and what it costs.

use std::sync::Arc;

use bytes::Bytes;
use object_store::ObjectStore;
use object_store::memory::InMemory;
use pcl_registry::domain::media_type::{OCI_INDEX, OCI_MANIFEST};
use pcl_registry::domain::public::{
    PackageDocument, RegistryDocument, RepositoryDocument, Shard, ShardLine, SkillIndex, content_path, read_document,
};
use pcl_registry::domain::{Actor, Digest, Reference, Repository};
use pcl_registry::storage::Meter;
use serde_json::{Value, json};

use super::tree::{Tree, kept, open_bucket, tree_in, tree_on_disk};
use crate::inside::{DataFolder, Opened, Owner, Package, plain};

fn hello(version: &str) -> Package {
    Package::new(&format!("acme/hello@{version}"), &format!("the words of {version}"))
}

fn text(tree: &Tree, path: &str) -> String {
    let bytes = tree.get(path).unwrap_or_else(|| panic!("{path} is not in {:?}", tree.keys().collect::<Vec<_>>()));
    String::from_utf8(bytes.clone()).expect("text")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_push_is_in_the_tree_whole() {
    for owner in [Owner::Sqlite, Owner::Store] {
        let folder = DataFolder::new(owner);
        let open = folder.open_with(kept(), |meta| meta).await;
        let (first, second) = (hello("1.0.0"), hello("1.1.0"));
        open.push(&first).await.unwrap();
        open.push(&second).await.unwrap();
        let (actor, name) = (Actor::Operator, first.name());
        open.registry.yank(&actor, &name, &"1.0.0".parse().unwrap(), Some("it is old")).await.unwrap();
        open.registry.rendered().await;
        let tree = tree_on_disk(&folder.path().join("store"));

        let document: PackageDocument = read_document(&tree["index/acme/hello.json"]).unwrap().unwrap();
        assert_eq!(document.resolution(), open.registry.resolution(&actor, &name).await.unwrap(), "{owner:?}");
        let resolution: pcl_registry::domain::api::Resolution =
            serde_json::from_slice(&tree["index/acme/hello.json"]).unwrap();
        assert_eq!(resolution, document.resolution(), "whoever needs no more reads it as one");
        assert_eq!((document.as_of, document.package.latest.clone()), (3, Some("1.1.0".parse().unwrap())));
        assert_eq!(document.versions[1].reasons.yanked.as_deref(), Some("it is old"));
        assert_eq!(document.oci.tags.len(), 3);
        assert!(document.oci.manifests.iter().all(|manifest| manifest.blobs.len() == 2));
        let record = folder.path().join("store/public").join(content_path(&document.versions[0].record));
        let record = serde_json::from_slice(&std::fs::read(record).unwrap()).unwrap();
        let detail = document.detail(&document.versions[0], Some(record));
        assert_eq!(detail, open.registry.version(&actor, &name, &"1.1.0".parse().unwrap()).await.unwrap());

        let manifest = &second.packed.manifest;
        for reference in [manifest.digest.to_string(), "1.1.0".to_owned(), "latest".to_owned()] {
            assert_eq!(tree[&format!("v2/acme/hello/manifests/{reference}")], manifest.content, "{reference}");
        }
        let tags: Value = serde_json::from_slice(&tree["v2/acme/hello/tags/list"]).unwrap();
        assert_eq!(tags, json!({ "name": "acme/hello", "tags": ["1.0.0", "1.1.0", "latest"] }));
        assert!(!tree.keys().any(|path| path.contains("/blobs/")), "on a disk servers find them where content lies");

        let registry: RegistryDocument = serde_json::from_slice(&tree["registry.json"]).unwrap();
        let shard = Shard::of(&name);
        assert_eq!((registry.as_of, registry.packages, registry.shards.as_slice()), (3, 1, [shard].as_slice()));
        let line: ShardLine = serde_json::from_str(text(&tree, &format!("catalogue/{shard}.jsonl.gz")).trim()).unwrap();
        let ShardLine::There(line) = line else { panic!("{line:?}") };
        assert!(line.name == name && line.text.contains("the words of 1.1.0"), "{line:?}");
        let skills: SkillIndex = serde_json::from_slice(&tree[".well-known/agent-skills/index.json"]).unwrap();
        let [skill] = skills.skills.as_slice() else { panic!("{skills:?}") };
        let layer = &second.packed.layer;
        assert_eq!((skill.name.as_str(), skill.kind.as_str(), &skill.digest), ("hello", "archive", &layer.digest));
        let archive = folder.path().join("store/public/.well-known/agent-skills").join(&skill.url);
        assert_eq!(std::fs::read(archive).unwrap(), layer.content, "its address leads to it");
        let page = text(&tree, "pages/acme/hello.html");
        assert!(page.contains("About the words of 1.1.0") && page.contains("yanked: it is old"), "{page}");
        assert!(text(&tree, "index.html").contains("href=\"pages/acme/hello.html\""));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn plain_images_indexes_and_referrers_are_in_the_tree() {
    let folder = DataFolder::new(Owner::Store);
    let open = folder.open_with(kept(), |meta| meta).await;
    let repository: Repository = "team/images/app".parse().unwrap();
    let (image, index, referrer) = push_images(&open, &repository).await;
    open.registry.rendered().await;
    let tree = tree_on_disk(&folder.path().join("store"));
    let document: RepositoryDocument = read_document(&tree["repositories/team/images/app/_.json"]).unwrap().unwrap();
    assert_eq!(document.oci.manifests.len(), 3);
    for reference in [Digest::sha256(&index).to_string(), "all".to_owned()] {
        for suffix in ["", "@index"] {
            assert_eq!(
                tree[&format!("v2/team/images/app/manifests/{reference}{suffix}")],
                index,
                "{reference}{suffix}"
            );
        }
    }
    assert_eq!(tree["v2/team/images/app/manifests/v1"], image);
    let subject = Digest::sha256(&image);
    let referrers: Value = serde_json::from_slice(&tree[&format!("v2/team/images/app/referrers/{subject}")]).unwrap();
    let told = open.registry.referrers(&Actor::Operator, &repository, &subject, None, None).await.unwrap();
    assert_eq!(referrers, serde_json::from_slice::<Value>(&told.index).unwrap());
    assert!(referrers.to_string().contains(&Digest::sha256(&referrer).to_string()));

    // What goes, goes from the tree too.
    let reference = Reference::Digest(Digest::sha256(&referrer));
    open.registry.delete_manifest(&Actor::Operator, &repository, &reference).await.unwrap();
    let tag = Reference::Tag("all".parse().unwrap());
    open.registry.delete_manifest(&Actor::Operator, &repository, &tag).await.unwrap();
    open.registry.rendered().await;
    let tree = tree_on_disk(&folder.path().join("store"));
    let left: Vec<&String> = tree.keys().filter(|path| path.contains("referrers") || path.contains("all")).collect();
    assert!(left.is_empty(), "{left:?}");
    assert!(tree.contains_key(&format!("v2/team/images/app/manifests/{}@index", Digest::sha256(&index))));
}

/// An image under `v1`, an index under `all` and a referrer of the image.
async fn push_images(open: &Opened, repository: &Repository) -> (Bytes, Bytes, Bytes) {
    open.push_blob(repository, &Bytes::from_static(b"{}")).await.unwrap();
    let tag = |tag: &str| Reference::Tag(tag.parse().unwrap());
    let image = plain("image", json!({}));
    open.push_bytes(repository, tag("v1"), OCI_MANIFEST, &image).await.unwrap();
    let descriptor = json!({ "mediaType": OCI_MANIFEST, "digest": Digest::sha256(&image), "size": image.len() });
    let index = json!({ "schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [descriptor] });
    let index = Bytes::from(index.to_string());
    open.push_bytes(repository, tag("all"), OCI_INDEX, &index).await.unwrap();
    let referrer = plain("referrer", json!({ "subject": descriptor, "artifactType": "application/x-sbom" }));
    let digest = Reference::Digest(Digest::sha256(&referrer));
    open.push_bytes(repository, digest, OCI_MANIFEST, &referrer).await.unwrap();
    (image, index, referrer)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_a_bucket_the_tree_holds_blobs_and_the_types_of_all() {
    let objects: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let open = open_bucket(objects.clone(), &Meter::default(), kept()).await;
    let package = hello("1.0.0");
    open.push(&package).await.unwrap();
    open.registry.rendered().await;
    let tree = tree_in(&objects).await;
    for blob in [&package.packed.config, &package.packed.layer] {
        assert_eq!(tree[&format!("v2/acme/hello/blobs/{}", blob.digest)], blob.content);
    }
    let path = format!("public/v2/acme/hello/manifests/{}", package.digest());
    let found = object_store::ObjectStoreExt::get(&objects, &path.into()).await.unwrap();
    let kind = found.attributes.get(&object_store::Attribute::ContentType).unwrap();
    assert_eq!(kind.as_ref(), OCI_MANIFEST);
}

/// What a publish writes: config, layer, record, manifest and event; by digest, tag and `latest`, tags, document, page; and gathered, at
/// most once in a while, the part of the catalogue, the skills, the first page and `registry.json`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_publish_writes_a_fixed_number_of_objects() {
    let folder = DataFolder::new(Owner::Sqlite);
    let open = folder.open_with(kept(), |meta| meta).await;
    assert_eq!(second_publish(&open).await, 5 + 6 + 4, "on a disk");
    let open = open_bucket(Arc::new(InMemory::new()), &Meter::default(), kept()).await;
    // Config and layer once more, as copies.
    assert_eq!(second_publish(&open).await, 5 + 8 + 4, "in a bucket");
}

async fn second_publish(open: &Opened) -> u64 {
    open.push(&hello("1.0.0")).await.unwrap();
    open.registry.rendered().await;
    let before = open.storage.writes().objects;
    open.push(&hello("1.1.0")).await.unwrap();
    open.registry.rendered().await;
    open.storage.writes().objects - before
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_without_a_tree_gets_one() {
    let folder = DataFolder::new(Owner::Store);
    let open = folder.open().await;
    open.push(&hello("1.0.0")).await.unwrap();
    push_images(&open, &"team/images/app".parse().unwrap()).await;
    assert!(tree_on_disk(&folder.path().join("store")).is_empty(), "nobody asked for one");
    drop(open);
    let open = folder.open_with(kept(), |meta| meta).await;
    open.registry.rendered().await;
    let tree = tree_on_disk(&folder.path().join("store"));
    for path in [
        "index/acme/hello.json",
        "v2/acme/hello/manifests/latest",
        "repositories/team/images/app/_.json",
        "v2/team/images/app/manifests/all",
    ] {
        assert!(tree.contains_key(path), "{path}");
    }
    let registry: RegistryDocument = serde_json::from_slice(&tree["registry.json"]).unwrap();
    assert_eq!(registry.as_of, 4);
}
