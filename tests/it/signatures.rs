//! Signatures and policies as the specification has them (`spec/vectors/signatures.json`, `trust.json`, made by another hand), and
//! what other programs say of ours: npm's `@sigstore/verify` of bundles, OpenSSL of keys.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use bytes::Bytes;
use pcl_registry::domain::{Descriptor, Digest, Repository, Tag, Timestamp};
use pcl_registry::trust::{
    Attached, Bundle, FirstUse, KeyId, Policy, PublicKey, SIGNATURE_ANNOTATION, SIMPLE_SIGNING_TYPE, SigningKey,
    SimpleSignature, Statement, Verified, When, pae, signature_tag, verify_artifact, verify_by_keys,
};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::vectors::vectors;

#[derive(Deserialize)]
struct Signatures {
    keys: BTreeMap<String, Key>,
    repository: Repository,
    host: String,
    manifest: String,
    digest: Digest,
    statement: String,
    pae: String,
    bundle: String,
    bundles: Vec<BundleCase>,
    simple: Vec<SimpleCase>,
    tags: BTreeMap<String, Tag>,
}

#[derive(Deserialize)]
struct Key {
    private: String,
    public: String,
    id: KeyId,
}

#[derive(Deserialize)]
struct BundleCase {
    case: String,
    bundle: Box<RawValue>,
    signer: Option<String>,
}

#[derive(Deserialize)]
struct SimpleCase {
    case: String,
    payload: String,
    annotation: String,
    signer: Option<String>,
}

/// The keys that count for what the vectors sign, by `attached` alone; none if it is refused.
fn counted(vectors: &Signatures, attached: Attached) -> Option<KeyId> {
    let trusted: Vec<_> = vectors.keys.values().map(|key| PublicKey::from_pem(&key.public).unwrap()).collect();
    let signers = verify_by_keys(&vectors.digest, &vectors.repository, &[attached], &trusted).ok()?;
    assert_eq!(signers.keys.len(), 1);
    signers.keys.first().copied()
}

#[test]
fn keys_are_read_written_and_named_as_specified() {
    let Signatures { keys, .. } = vectors("signatures.json");
    for (name, Key { private, public, id }) in keys {
        let key = PublicKey::from_pem(&public).unwrap();
        assert_eq!((key.id(), key.to_pem()), (id, public), "{name}");
        match SigningKey::from_pem(&private, None) {
            Ok(signing) => assert_eq!((signing.public(), signing.to_pem().unwrap().as_str()), (key, &*private)),
            Err(error) => assert!(name == "other_tool" && error.to_string().contains("Ed25519"), "{name}: {error}"),
        }
    }
}

#[test]
fn signatures_are_made_as_specified() {
    let vectors: Signatures = vectors("signatures.json");
    let ann = SigningKey::from_pem(&vectors.keys["ann"].private, None).unwrap();
    assert!(vectors.digest.matches(vectors.manifest.as_bytes()));
    let statement = Statement::new(vectors.digest, &vectors.repository);
    assert_eq!(statement.to_bytes(), vectors.statement);
    assert_eq!(pae("application/vnd.in-toto+json", vectors.statement.as_bytes()), vectors.pae.as_bytes());
    assert_eq!(Bundle::sign(&statement, &ann).to_bytes(), vectors.bundle);
    let simple = SimpleSignature::sign(&vectors.host, &vectors.repository, vectors.digest, &ann);
    assert_eq!(simple.payload(), vectors.simple[0].payload.as_bytes());
    assert_eq!(simple.annotation(), vectors.simple[0].annotation);
    assert_eq!(Tag::referrers(&vectors.digest), vectors.tags["referrers"]);
    assert_eq!(signature_tag(&vectors.digest).as_ref(), Some(&vectors.tags["signatures"]));
}

#[test]
fn bundles_are_verified_as_specified() {
    let vectors: Signatures = vectors("signatures.json");
    assert!(vectors.bundles.len() >= 19);
    for BundleCase { case, bundle, signer } in &vectors.bundles {
        let expected = signer.as_ref().map(|name| vectors.keys[name].id);
        assert_eq!(counted(&vectors, Attached::bundle(bundle.get().as_bytes())), expected, "{case}");
    }
}

#[test]
fn simple_signatures_are_verified_as_specified() {
    let vectors: Signatures = vectors("signatures.json");
    assert!(vectors.simple.len() >= 7);
    for SimpleCase { case, payload, annotation, signer } in &vectors.simple {
        let layer = Descriptor {
            media_type: SIMPLE_SIGNING_TYPE.to_owned(),
            digest: Digest::sha256(payload.as_bytes()),
            size: payload.len() as u64,
            urls: Vec::new(),
            annotations: BTreeMap::from([(SIGNATURE_ANNOTATION.to_owned(), annotation.clone())]),
            artifact_type: None,
        };
        let expected = signer.as_ref().map(|name| vectors.keys[name].id);
        let attached = Attached::simple(&layer, Bytes::from(payload.clone()));
        assert_eq!(counted(&vectors, attached), expected, "{case}");
    }
}

// ── policies ──

#[derive(Deserialize)]
struct Trust {
    ids: BTreeMap<String, KeyId>,
    policies: Vec<PolicyCase>,
    at: Timestamp,
    successions: Vec<Succession>,
    repository: Repository,
    digest: Digest,
    bundles: BTreeMap<String, Box<RawValue>>,
    under: BTreeMap<String, String>,
    verifications: Vec<Verification>,
}

#[derive(Deserialize)]
struct PolicyCase {
    case: String,
    valid: bool,
    text: String,
}

#[derive(Deserialize)]
struct Succession {
    case: String,
    accepted: bool,
    previous: String,
    next: String,
}

#[derive(Deserialize)]
struct Verification {
    case: String,
    under: String,
    bundles: Vec<String>,
    time: String,
    at: Timestamp,
    signers: Option<BTreeSet<String>>,
}

fn first(envelope: &str, at: Timestamp) -> Verified<Policy> {
    Policy::first(envelope.as_bytes(), &FirstUse::Accept, When::Claimed(at)).unwrap()
}

#[test]
fn policies_are_read_as_specified() {
    let Trust { policies, .. } = vectors("trust.json");
    assert!(policies.len() >= 18);
    for PolicyCase { case, valid, text } in policies {
        match Policy::parse(text.as_bytes()) {
            Ok(policy) => assert!(valid && policy.bytes() == text.as_bytes(), "{case}"),
            Err(error) => assert!(!valid, "{case}: {error}"),
        }
    }
}

#[test]
fn policies_follow_each_other_as_specified() {
    let Trust { successions, at, .. } = vectors("trust.json");
    assert!(successions.len() >= 20);
    for Succession { case, accepted, previous, next } in successions {
        let found = Policy::successor(&first(&previous, at), next.as_bytes(), When::Claimed(at));
        assert_eq!(found.is_ok(), accepted, "{case}: {:?}", found.err());
    }
}

#[test]
fn artifacts_are_verified_under_a_policy_as_specified() {
    let vectors: Trust = vectors("trust.json");
    assert!(vectors.verifications.len() >= 18);
    for Verification { case, under, bundles, time, at, signers } in &vectors.verifications {
        let policy = first(&vectors.under[under], vectors.at);
        let when = if time == "proven" { When::Proven(*at) } else { When::Claimed(*at) };
        let attached: Vec<_> =
            bundles.iter().map(|name| Attached::bundle(vectors.bundles[name].get().as_bytes())).collect();
        let found = verify_artifact(&vectors.digest, &vectors.repository, &attached, &policy, when);
        let expected =
            signers.as_ref().map(|names| names.iter().map(|name| vectors.ids[name]).collect::<BTreeSet<_>>());
        assert_eq!(found.as_ref().ok().map(|signers| signers.keys.clone()), expected, "{case}: {found:?}");
    }
}

// ── other programs ──

/// Where `tests/run` installs npm's verifier.
fn modules() -> Option<PathBuf> {
    let modules = Path::new(env!("CARGO_MANIFEST_DIR")).join(".cache/sigstore-3.1.1/node_modules");
    if modules.join("@sigstore/verify").is_dir() {
        return Some(modules);
    }
    assert!(std::env::var("CI").as_deref() != Ok("true"), "@sigstore/verify is not installed: tests/run does that");
    eprintln!("skipped: @sigstore/verify is not installed; tests/run does that");
    None
}

/// What the program prints, given this on its standard input.
fn output(command: &mut Command, input: &[u8]) -> String {
    use std::io::Write as _;
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    child.stdin.take().expect("it is piped").write_all(input).expect("it reads");
    let output = child.wait_with_output().expect("it ends");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("it prints text")
}

#[test]
fn npms_verifier_takes_and_refuses_what_this_one_does() {
    let Some(modules) = modules() else { return };
    let (ann, bob) = (SigningKey::new(&[1; 32]), SigningKey::new(&[2; 32]));
    let statement = Statement::new(Digest::sha256(b"an artifact"), &"acme/hello".parse().unwrap());
    let bundle = |key: &SigningKey| -> Value {
        serde_json::from_slice(&Bundle::sign(&statement, key).to_bytes()).expect("a bundle is JSON")
    };
    let good = bundle(&ann);
    let changed = |pointer: &str, change: fn(&str) -> String| {
        let mut bundle = good.clone();
        let text = bundle.pointer_mut(pointer).expect("it is there");
        *text = Value::from(change(text.as_str().expect("it is text")));
        bundle
    };
    // The first letter of base64 is six bits.
    let flip = |text: &str| format!("{}{}", if text.starts_with('A') { 'B' } else { 'A' }, &text[1..]);
    let mut two = good.clone();
    let second = bundle(&bob)["dsseEnvelope"]["signatures"][0].clone();
    two["dsseEnvelope"]["signatures"].as_array_mut().expect("a list").push(second);
    let cases = [
        ("good", good.clone(), &ann, "ok"),
        ("another signer", bundle(&bob), &bob, "ok"),
        (
            "tampered payload",
            changed("/dsseEnvelope/payload", |text| text.replacen("eyJ", "eyI", 1)),
            &ann,
            "signature",
        ),
        ("tampered signature", changed("/dsseEnvelope/signatures/0/sig", flip), &ann, "signature"),
        ("wrong key", good, &bob, "signature"),
        ("two signatures", two, &ann, "invalid bundle"),
    ];
    // The trusted key always answers to the hint of the bundle, so that only the signature decides.
    let asked: Vec<Value> = cases
        .iter()
        .map(|(_, bundle, key, _)| {
            let hint = &bundle["verificationMaterial"]["publicKey"]["hint"];
            json!({"bundle": bundle, "hint": hint, "public": key.public().to_pem()})
        })
        .collect();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/sigstore.mjs");
    let said = output(Command::new("node").arg(script).arg(modules), Value::from(asked).to_string().as_bytes());
    let said: Vec<&str> = said.lines().collect();
    assert_eq!(said.len(), cases.len(), "{said:?}");
    for ((case, bundle, key, expected), said) in cases.iter().zip(said) {
        match *expected {
            "ok" => assert_eq!(said, "ok", "{case}"),
            part => assert!(said != "ok" && said.to_lowercase().contains(part), "{case}: {said}"),
        }
        let attached = Attached::bundle(bundle.to_string().as_bytes());
        let ours = verify_by_keys(&statement.digest, &"acme/hello".parse().unwrap(), &[attached], &[key.public()]);
        assert_eq!(ours.is_ok(), *expected == "ok", "{case}: {ours:?}");
    }
}

#[test]
fn openssl_reads_our_keys() {
    if !Command::new("openssl").arg("version").stdout(Stdio::null()).status().is_ok_and(|status| status.success()) {
        eprintln!("skipped: openssl is not here");
        return;
    }
    let key = SigningKey::new(&[7; 32]);
    let public = key.public().to_pem();
    let pkey =
        |arguments: &[&str], pem: &str| output(Command::new("openssl").arg("pkey").args(arguments), pem.as_bytes());
    assert_eq!(pkey(&["-pubout"], &key.to_pem().unwrap()), public);
    let encrypted = key.to_encrypted_pem("correct horse", &[3; 32]).unwrap();
    assert_eq!(pkey(&["-pubout", "-passin", "pass:correct horse"], &encrypted), public);
    assert_eq!(pkey(&["-pubin"], &public), public);
    assert!(pkey(&["-noout", "-text"], &key.to_pem().unwrap()).contains("ED25519 Private-Key"));
}
