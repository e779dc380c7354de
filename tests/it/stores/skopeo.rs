//! `skopeo` copies an image into a registry on a bucket, and out again.

use super::bucket::{Bucket, Cloud};
use crate::clients::program::{Home, find, read_layout, run, write_layout};
use crate::script::tar_gz;
use crate::world::{Artifact, World};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_image_goes_into_a_bucket_and_out() {
    let Some(skopeo) = find("skopeo") else { return };
    let layer = tar_gz(&[("hello.txt", b"hello")]);
    let config = br#"{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}}"#;
    let image = Artifact {
        artifact_type: None,
        config: ("application/vnd.oci.image.config.v1+json", config),
        layers: &[("application/vnd.oci.image.layer.v1.tar+gzip", &layer)],
    };
    for cloud in Cloud::ALL {
        let Some(bucket) = Bucket::new(cloud) else { continue };
        let mut world = World::start_with(&["--store", bucket.text()]);
        let home = Home::new();
        let manifest = write_layout(&home.path("in"), "1", &image);
        let copy = |tls: &str, from: &str, to: &str| {
            let policy = home.path("policy.json");
            run(home.command(&skopeo).arg("--policy").arg(policy).args(["copy", "--all", tls, from, to]));
        };
        copy("--dest-tls-verify=false", "oci:in:1", &format!("docker://{}/team/image:1", world.address));
        world.restart();
        copy("--src-tls-verify=false", &format!("docker://{}/team/image:1", world.address), "oci:out:1");
        assert_eq!(read_layout(&home.path("out")).0, manifest, "{cloud:?}");
    }
}
