//! Proofs as texts: what is accepted comes back as it was written, and proves nothing that nobody signed.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pure::tlog::{Hash, LogProof, NoteSigner, PROOF_MAX};

fuzz_target!(|bytes: &[u8]| {
    let Ok(proof) = LogProof::parse(bytes) else { return };
    assert_eq!(proof.to_string().as_bytes(), bytes);
    assert!(proof.hashes.len() <= PROOF_MAX);
    if let Ok(name) = "registry.example/log".parse() {
        // A key that no seed is made with.
        let log = NoteSigner::from_seed(name, &[9; 32]);
        assert!(proof.verify(Hash::leaf(bytes), log.verifier(), &[]).is_err());
    }
});
