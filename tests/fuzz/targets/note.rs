//! Signed notes, checkpoints and keys: what is accepted comes back as it was written, and no stranger's note is opened.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pure::tlog::{Checkpoint, Note, NoteSigner, NoteVerifier, SIGNATURES_MAX, SignedCheckpoint};

fuzz_target!(|bytes: &[u8]| {
    let Ok(name) = "registry.example/log".parse() else { return };
    let log = NoteSigner::from_seed(name, &[1; 32]);
    if let Ok(note) = Note::parse(bytes) {
        assert_eq!(note.to_string().as_bytes(), bytes);
        assert!((1..=SIGNATURES_MAX).contains(&note.signatures().len()));
        // A fuzzer does not sign: the same text by the log.
        if let Ok(mut signed) = Note::new(note.unverified_text().to_owned()) {
            signed.sign(&log);
            let opened = SignedCheckpoint::open(signed.to_string().as_bytes(), log.verifier(), &[]);
            let parsed = Checkpoint::parse(note.unverified_text());
            match opened {
                Ok(opened) => assert_eq!(Some(opened.checkpoint()), parsed.as_ref().ok()),
                Err(_) => {
                    assert!(parsed.is_err() || parsed.is_ok_and(|it| it.origin() != log.verifier().name().as_str()))
                }
            }
        }
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        if let Ok(checkpoint) = Checkpoint::parse(text) {
            assert_eq!(checkpoint.to_string(), text);
        }
        if let Ok(verifier) = text.parse::<NoteVerifier>() {
            assert_eq!(verifier.to_string(), text);
        }
        let _ = NoteSigner::from_secret(text).map(|signer| assert_eq!(signer.to_secret().as_str(), text));
    }
});
