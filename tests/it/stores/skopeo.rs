//! `skopeo` copies an image into a registry on a bucket, and out again.

use super::bucket::{Bucket, Cloud};
use crate::clients::program::{Home, find, read_layout, run, skopeo_copy, write_layout};
use crate::script::tar_gz;
use crate::world::{Artifact, IMAGE_LAYER, World};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_image_goes_into_a_bucket_and_out() {
    let Some(skopeo) = find("skopeo") else { return };
    let layer = tar_gz(&[("hello.txt", b"hello")]);
    let layers = [(IMAGE_LAYER, layer.as_slice())];
    let image = Artifact::image(&layers);
    for cloud in Cloud::ALL {
        let Some(bucket) = Bucket::new(cloud) else { continue };
        let mut world = World::start_with(&["--store", bucket.text()]);
        let home = Home::new();
        let manifest = write_layout(&home.path("in"), "1", &image);
        let at = |world: &World| format!("docker://{}/team/image:1", world.address);
        run(&mut skopeo_copy(&home, &skopeo, "oci:in:1", &at(&world)));
        world.restart();
        run(&mut skopeo_copy(&home, &skopeo, &at(&world), "oci:out:1"));
        assert_eq!(read_layout(&home.path("out")).0, manifest, "{cloud:?}");
    }
}
