//! Manifests: what is accepted keeps its bytes and their digest.
#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use pure::domain::{Algorithm, Config, Manifest};

fuzz_target!(|body: &[u8]| {
    let bytes = Bytes::copy_from_slice(body);
    if let Ok(manifest) = Manifest::parse(bytes, None, Algorithm::Sha256) {
        assert_eq!(manifest.bytes, body);
        assert!(manifest.digest.matches(body));
        let _ = (manifest.kind(), manifest.required_blobs().count());
    }
    let _ = serde_json::from_slice::<Config>(body);
});
