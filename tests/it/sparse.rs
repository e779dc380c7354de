//! Images whose layers were never pushed, where the operator takes them.

use bytes::Bytes;
use pcl_registry::domain::{Actor, Digest, Reference, Repository};
use pcl_registry::meta::Refused;
use pcl_registry::registry::{Limits, RegistryError};
use serde_json::json;

use crate::inside::{DataFolder, Owner, Package};

const OCI: &str = "application/vnd.oci.image.manifest.v1+json";

#[tokio::test]
async fn a_plain_image_may_be_sparse_where_the_operator_says_so_and_a_version_never() {
    let folder = DataFolder::new(Owner::Sqlite);
    let limits = Limits { sparse_images: true, ..Limits::default() };
    let opened = folder.open_with(limits, |meta| meta).await;
    let repository: Repository = "team/image".parse().unwrap();
    let (config, layer) = (Bytes::from_static(b"{}"), Bytes::from_static(b"never pushed"));
    opened.push_blob(&repository, &config).await.unwrap();
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": OCI,
        "config": { "mediaType": "text/plain", "digest": Digest::sha256(&config), "size": config.len() },
        "layers": [{ "mediaType": "text/plain", "digest": Digest::sha256(&layer), "size": layer.len() }],
    });
    let manifest = Bytes::from(manifest.to_string());
    let reference = Reference::Tag("sparse".parse().unwrap());
    opened.push_bytes(&repository, reference.clone(), OCI, &manifest).await.unwrap();
    let found = opened.registry.manifest(&Actor::Operator, &repository, &reference).await.unwrap();
    assert_eq!(found.bytes, manifest);
    let absent = opened.blob(&repository, &Digest::sha256(&layer)).await;
    assert!(matches!(absent, Err(RegistryError::BlobUnknown(_))), "{absent:?}");
    opened.push_blob(&repository, &layer).await.unwrap();
    assert_eq!(opened.blob(&repository, &Digest::sha256(&layer)).await.unwrap(), layer);

    let package = Package::new("acme/hello@1.0.0", "sparse");
    opened.push_blob(&package.repository, &package.packed.config.content).await.unwrap();
    let pushed = opened.push_manifest(&package).await;
    assert!(matches!(pushed, Err(RegistryError::Refused(Refused::BlobsUnknown(_)))), "{pushed:?}");
    assert!(!opened.has(&package).await);
}
