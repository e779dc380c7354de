//! What the scripts cannot spell: the fallback tag of a subject named by its sha512.

use pcl_registry::domain::{Algorithm, Digest, Tag};
use serde_json::json;

use crate::world::{Artifact, MANIFEST, World};

#[tokio::test]
async fn the_fallback_tag_of_a_sha512_has_its_first_half() {
    let world = World::start().await;
    let image = Artifact { artifact_type: None, config: (MANIFEST, b"{}"), layers: &[] };
    let bytes = world.push_parts("team/image", &image).await;
    let subject = Digest::of(Algorithm::Sha512, &bytes);
    assert_eq!(world.put_manifest("team/image", &subject.to_string(), MANIFEST, &bytes).await.status, 201);
    let mut referrer: serde_json::Value = serde_json::from_slice(&bytes).expect("JSON");
    referrer["subject"] = json!({"mediaType": MANIFEST, "digest": subject.to_string(), "size": bytes.len()});
    let referrer = referrer.to_string().into_bytes();
    assert_eq!(world.put_manifest("team/image", "signature", MANIFEST, &referrer).await.status, 201);

    let index = world.pull("team/image", Tag::referrers(&subject).as_str()).await;
    let index = String::from_utf8(index).expect("text");
    assert!(index.contains(&Digest::sha256(&referrer).to_string()), "{index}");
    let other = Tag::referrers(&Digest::of(Algorithm::Sha512, b"other"));
    assert_eq!(world.get(&format!("/v2/team/image/manifests/{other}")).await.status, 404);
}
