//! Bundles, statements, envelopes, policies and keys: what is read comes back from what we write, and nothing counts that was not
//! signed.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pure::domain::{Algorithm, Digest, Manifest, Repository};
use pure::trust::{
    Attached, Bundle, Envelope, Policy, PublicKey, SigningKey, Statement, bundle_layer, simple_layers, verify_by_keys,
};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(bundle) = Bundle::parse(bytes) {
        assert_eq!(Bundle::parse(&bundle.to_bytes()), Ok(bundle));
    }
    if let Ok(envelope) = Envelope::parse(bytes) {
        assert_eq!(Envelope::parse(&envelope.to_bytes()), Ok(envelope));
    }
    if let Ok(statement) = Statement::parse(bytes) {
        assert_eq!(Statement::parse(&statement.to_bytes()), Ok(statement));
    }
    if let Ok(policy) = Policy::parse(bytes) {
        assert_eq!(policy.bytes(), bytes);
    }
    let _ = Policy::unverified(bytes);
    if let Ok(text) = std::str::from_utf8(bytes) {
        if let Ok(key) = PublicKey::from_pem(text) {
            assert_eq!(PublicKey::from_pem(&key.to_pem()), Ok(key));
        }
        // A passphrase is work by design; without one all but that is read.
        let _ = SigningKey::from_pem(text, None);
    }
    if let Ok(manifest) = Manifest::parse(bytes.to_vec().into(), None, Algorithm::Sha256) {
        let _ = bundle_layer(&manifest);
        for layer in simple_layers(&manifest) {
            let _ = Attached::simple(layer, bytes.to_vec().into());
        }
    }
    // Nobody has signed this artifact with that key, whatever the input says.
    let Ok(repository) = "acme/hello".parse::<Repository>() else { return };
    let key = SigningKey::new(&[200; 32]).public();
    assert!(verify_by_keys(&Digest::sha256(b""), &repository, &[Attached::bundle(bytes)], &[key]).is_err());
});
