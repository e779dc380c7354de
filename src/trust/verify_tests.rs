//! Tests of policies that follow each other, of artifacts that are verified under them, and of pins.

use bytes::Bytes;

use super::testing::{artifact, day, document, hello, key, signed, verified};
use super::*;
use crate::domain::Digest;

/// A time at which all keys count.
fn at() -> When {
    When::Claimed(day(9))
}

fn bundle(number: u8) -> Attached {
    Attached::bundle(&Bundle::sign(&Statement::new(artifact(), &hello()), &key(number)).to_bytes())
}

fn simple(number: u8) -> Attached {
    Attached::Simple(SimpleSignature::sign("localhost:5000", &hello(), artifact(), &key(number)))
}

fn ids(numbers: &[u8]) -> Vec<KeyId> {
    let mut ids: Vec<_> = numbers.iter().map(|number| key(*number).public().id()).collect();
    ids.sort();
    ids
}

/// Verifies under a policy; `expected` is the keys that count, or a part of the refusal.
fn check(policy: &Verified<Policy>, when: When, signatures: &[Attached], expected: Result<&[u8], &str>) {
    let found = verify_artifact(&artifact(), &hello(), signatures, policy, when);
    match (found, expected) {
        (Ok(signers), Ok(numbers)) => {
            assert_eq!(signers.keys.iter().copied().collect::<Vec<_>>(), ids(numbers), "{:?}", signers.faults);
        }
        (Err(refusal), Err(part)) => assert!(refusal.to_string().contains(part), "{refusal}"),
        (found, expected) => panic!("expected {expected:?}, found {found:?}"),
    }
}

fn policy(change: impl FnOnce(&mut PolicyDocument)) -> Verified<Policy> {
    let mut document = document(1);
    change(&mut document);
    verified(document)
}

#[test]
fn a_signature_of_either_form_counts() {
    let policy = policy(|_| {});
    check(&policy, at(), &[bundle(3)], Ok(&[3]));
    check(&policy, at(), &[simple(3)], Ok(&[3]));
    check(&policy, at(), &[bundle(2), simple(2), bundle(3)], Ok(&[2, 3]));
}

#[test]
fn what_does_not_count_is_refused_and_says_why() {
    let policy = policy(|_| {});
    let other = Statement::new(Digest::sha256(b"another"), &hello());
    let elsewhere = Statement::new(artifact(), &"acme/evil".parse().unwrap());
    let of = |statement: &Statement, number| Attached::Bundle(Bundle::sign(statement, &key(number)));
    check(&policy, at(), &[], Err("is not signed"));
    check(&policy, at(), &[bundle(9)], Err("none of the trusted keys made it: it names"));
    check(&policy, at(), &[simple(9)], Err("none of the trusted keys made it\n"));
    check(&policy, at(), &[bundle(1)], Err("does not have the role publish"));
    check(&policy, at(), &[of(&other, 3)], Err("signed another manifest"));
    check(&policy, at(), &[of(&elsewhere, 3)], Err(r#"under another name, "acme/evil""#));
    let simple_elsewhere = SimpleSignature::sign("localhost:5000", &"acme/evil".parse().unwrap(), artifact(), &key(3));
    check(&policy, at(), &[Attached::Simple(simple_elsewhere)], Err("under another name"));
    let simple_other = SimpleSignature::sign("localhost:5000", &hello(), Digest::sha256(b"another"), &key(3));
    check(&policy, at(), &[Attached::Simple(simple_other)], Err("signed another manifest"));
    check(&policy, at(), &[Attached::bundle(b"{}")], Err("the bundle cannot be read"));
    // The message of the key that it names, on what another signed.
    let mut forged = Bundle::sign(&Statement::new(artifact(), &hello()), &key(9)).to_bytes().to_vec();
    let text = String::from_utf8(std::mem::take(&mut forged)).unwrap();
    let text = text.replace(&key(9).public().id().to_string(), &key(3).public().id().to_string());
    check(&policy, at(), &[Attached::bundle(text.as_bytes())], Err("did not make it"));
    let elsewhere = verify_artifact(&artifact(), &"other/hello".parse().unwrap(), &[bundle(3)], &policy, at());
    assert!(elsewhere.unwrap_err().to_string().contains("does not belong to acme"));
}

#[test]
fn no_bit_of_a_bundle_can_be_changed() {
    let policy = policy(|_| {});
    let good = Bundle::sign(&Statement::new(artifact(), &hello()), &key(3)).to_bytes();
    let payload = good.windows(11).position(|window| window == b"\"payload\":\"").unwrap() + 11;
    let signature = good.windows(7).position(|window| window == b"\"sig\":\"").unwrap() + 7;
    for byte in (payload..payload + 300).chain(signature..signature + 88) {
        for bit in 0..8 {
            let mut changed = good.to_vec();
            changed[byte] ^= 1 << bit;
            let found = verify_artifact(&artifact(), &hello(), &[Attached::bundle(&changed)], &policy, at());
            assert!(found.is_err(), "byte {byte}, bit {bit}");
        }
    }
}

#[test]
fn junk_beside_good_signatures_does_no_harm() {
    let policy = policy(|_| {});
    let found = verify_artifact(
        &artifact(),
        &hello(),
        &[Attached::bundle(b"junk"), bundle(9), bundle(3), bundle(1)],
        &policy,
        at(),
    );
    let signers = found.unwrap();
    assert_eq!(signers.keys.iter().copied().collect::<Vec<_>>(), ids(&[3]));
    assert_eq!(signers.faults.len(), 3);
}

#[test]
fn of_very_many_signatures_the_first_are_looked_at() {
    let policy = policy(|_| {});
    let mut many = vec![Attached::Unreadable("junk".to_owned()); ATTACHED_MAX - 1];
    many.extend([bundle(3), bundle(4)]);
    let signers = verify_artifact(&artifact(), &hello(), &many, &policy, at()).unwrap();
    assert_eq!(signers.keys.iter().copied().collect::<Vec<_>>(), ids(&[3]));
    assert_eq!(signers.faults.last(), Some(&Fault::TooMany(1)));
}

#[test]
fn a_threshold_needs_so_many_different_keys() {
    let policy = policy(|document| document.threshold.publish = 2);
    check(&policy, at(), &[bundle(3)], Err("has 1 of the 2 signatures"));
    check(&policy, at(), &[bundle(3), bundle(3), simple(3)], Err("has 1 of the 2 signatures"));
    check(&policy, at(), &[bundle(3), simple(4)], Ok(&[3, 4]));
}

#[test]
fn a_key_counts_from_and_until() {
    let policy = policy(|document| document.keys[2].until = Some(day(20)));
    for (when, expected) in [
        (day(1), Ok([3].as_slice())),
        (day(19), Ok(&[3])),
        (day(20), Err("counted until 2026-01-20T12")),
        (day(1).plus_seconds(-1), Err("counts from 2026-01-01T12")),
    ] {
        check(&policy, When::Claimed(when), &[bundle(3)], expected);
        check(&policy, When::Proven(when), &[bundle(3)], expected);
    }
}

#[test]
fn a_revoked_key_counts_only_for_what_a_log_proves_to_be_older() {
    let id = key(3).public().id();
    let policy = policy(|document| {
        document.revoked = vec![Revoked { key: id, reason: Some("laptop stolen".to_owned()), since: day(10) }];
    });
    check(&policy, When::Proven(day(9)), &[bundle(3)], Ok(&[3]));
    check(
        &policy,
        When::Proven(day(10)),
        &[bundle(3)],
        Err("revoked as of 2026-01-10T12:00:00.000000Z (laptop stolen)"),
    );
    check(&policy, When::Claimed(day(9)), &[bundle(3)], Err("no log proves"));
    check(&policy, When::Claimed(day(9)), &[bundle(3), bundle(4)], Ok(&[4]));
}

#[test]
fn a_policy_may_ask_for_no_signatures() {
    let policy = policy(|document| {
        document.require = Requirement::Any;
        document.threshold.publish = 2;
    });
    check(&policy, at(), &[], Ok(&[]));
    check(&policy, at(), &[bundle(3)], Ok(&[]));
    check(&policy, at(), &[bundle(3), bundle(4)], Ok(&[3, 4]));
}

#[test]
fn keys_alone_verify_too() {
    let trusted = [key(3).public(), key(4).public()];
    let check = |signatures: &[Attached]| verify_by_keys(&artifact(), &hello(), signatures, &trusted);
    assert_eq!(check(&[bundle(9), bundle(3)]).unwrap().keys.len(), 1);
    assert!(matches!(check(&[bundle(9)]), Err(Refusal::TooFew { .. })));
    assert!(matches!(check(&[]), Err(Refusal::Unsigned { .. })));
}

// ── policies that follow each other ──

fn first(bytes: &[u8], trust: &FirstUse) -> Result<Verified<Policy>, SuccessionError> {
    Policy::first(bytes, trust, at())
}

#[test]
fn the_first_policy_is_trusted_for_a_reason() {
    let bytes = signed(document(3), &[1]);
    let digest = Policy::new(document(3)).unwrap().digest();
    assert_eq!(first(&bytes, &FirstUse::Accept).unwrap().version(), 3);
    assert!(first(&bytes, &FirstUse::Pinned(digest)).is_ok());
    assert!(first(&bytes, &FirstUse::SignedBy(ids(&[1]).into_iter().collect())).is_ok());
    let refused = |trust: FirstUse| matches!(first(&bytes, &trust), Err(SuccessionError::NotPinned { .. }));
    assert!(refused(FirstUse::Pinned(Digest::sha256(b""))));
    assert!(refused(FirstUse::SignedBy(ids(&[1, 2]).into_iter().collect())));
    assert!(refused(FirstUse::SignedBy(ids(&[9]).into_iter().collect())));
    assert!(refused(FirstUse::SignedBy(ids(&[]).into_iter().collect())));
    // Its own keys have signed it in any case.
    for signers in [[].as_slice(), &[3], &[9]] {
        let bytes = signed(document(1), signers);
        for trust in [FirstUse::Accept, FirstUse::Pinned(Policy::new(document(1)).unwrap().digest())] {
            assert!(matches!(first(&bytes, &trust), Err(SuccessionError::TooFew { .. })));
        }
    }
}

/// Version 2, with key 5 for policies instead of 1 and 2.
fn rotated() -> PolicyDocument {
    let mut document = document(2);
    let public = key(5).public();
    document.keys[0].id = public.id();
    document.keys[0].public = public;
    document.keys[1].roles = vec![KeyRole::Publish];
    document
}

#[test]
fn a_rotation_is_signed_by_old_and_new() {
    let before = verified(document(1));
    let check = |signers: &[u8], expected: &str| match Policy::successor(&before, &signed(rotated(), signers), at()) {
        Ok(_) => assert_eq!(expected, ""),
        Err(error) => assert!(!expected.is_empty() && error.to_string().contains(expected), "{error}"),
    };
    check(&[1, 5], "");
    check(&[2, 5], "");
    check(&[5], "0 of the 1 keys that the one before asks for");
    check(&[1], "0 of the 1 keys that it asks for");
    check(&[], "0 of the 1");
    // A key for artifacts is none for policies.
    check(&[3, 5], "the one before");
    let bytes = signed(rotated(), &[1, 5]);
    let changed = String::from_utf8(bytes.to_vec()).unwrap().replacen("\"payload\":\"e", "\"payload\":\"f", 1);
    assert!(Policy::successor(&before, changed.as_bytes(), at()).is_err());
}

#[test]
fn a_rotation_needs_the_thresholds_of_both() {
    let mut two = document(1);
    two.threshold.policy = 2;
    let before = verified(two);
    let of = |signers: &[u8]| Policy::successor(&before, &signed(rotated(), signers), at());
    assert!(of(&[1, 2, 5]).is_ok());
    assert!(of(&[1, 5]).unwrap_err().to_string().contains("1 of the 2 keys that the one before asks for"));
}

#[test]
fn a_key_that_was_revoked_signs_no_policy() {
    let revoked = |number| Revoked { key: key(number).public().id(), reason: None, since: day(1) };
    let mut stolen = document(1);
    stolen.revoked = vec![revoked(1)];
    let before = Policy::first(&signed(stolen, &[2]), &FirstUse::Accept, at()).unwrap();
    let error = Policy::successor(&before, &signed(rotated(), &[1, 5]), at()).unwrap_err().to_string();
    assert!(error.contains("was revoked"), "{error}");
    // The policy that revokes a key may be signed by that key, as one of the one before; among its own it does not count.
    let before = verified(document(1));
    let mut revoking = document(2);
    revoking.revoked = vec![revoked(1)];
    assert!(Policy::successor(&before, &signed(revoking.clone(), &[1]), at()).is_err());
    assert!(Policy::successor(&before, &signed(revoking, &[1, 2]), at()).is_ok());
}

#[test]
fn no_version_is_left_out_repeated_or_taken_back() {
    let second = Policy::successor(&verified(document(1)), &signed(document(2), &[1]), at()).unwrap();
    let next = |document: PolicyDocument| Policy::successor(&second, &signed(document, &[1]), at()).unwrap_err();
    assert!(matches!(next(document(1)), SuccessionError::Older { known: 2, offered: 1, .. }));
    assert!(matches!(next(document(2)), SuccessionError::Older { known: 2, offered: 2, .. }));
    assert!(matches!(next(document(4)), SuccessionError::Gap { known: 2, offered: 4, .. }));
    assert!(matches!(next(document(u64::MAX)), SuccessionError::Gap { .. }));
    let mut other = document(2);
    other.threshold.publish = 2;
    assert!(matches!(next(other), SuccessionError::Fork { version: 2, .. }));
    let mut other = document(3);
    other.org = "evil".parse().unwrap();
    assert!(matches!(next(other), SuccessionError::OtherOrganisation { .. }));
    let artifact = Bundle::sign(&Statement::new(artifact(), &hello()), &key(1)).envelope().to_bytes();
    assert!(matches!(Policy::successor(&second, &artifact, at()), Err(SuccessionError::OtherPayload(_))));
    assert!(matches!(Policy::successor(&second, b"", at()), Err(SuccessionError::Envelope(_))));
}

// ── pins ──

fn signers(policy: &Verified<Policy>, numbers: &[u8]) -> Verified<Signers> {
    let signatures: Vec<_> = numbers.iter().map(|number| bundle(*number)).collect();
    verify_artifact(&artifact(), &hello(), &signatures, policy, at()).unwrap()
}

#[test]
fn a_change_of_signer_must_be_announced() {
    let mut any = document(1);
    any.require = Requirement::Any;
    let policy = verified(any.clone());
    let pin = Pin::new(&signers(&policy, &[2, 3]), Some(&policy));
    let admits = |numbers: &[u8], policy: &Verified<Policy>| {
        pin.admits(&hello(), &signers(policy, numbers), Some(policy)).map_err(|refusal| refusal.to_string())
    };
    assert_eq!(admits(&[2, 3], &policy), Ok(()));
    assert_eq!(admits(&[3], &policy), Ok(()));
    // Under the same policy, and one that follows it, another key is announced.
    assert_eq!(admits(&[4], &policy), Ok(()));
    let mut second = any.clone();
    second.version = 2;
    let follower = Policy::successor(&policy, &signed(second.clone(), &[1]), at()).unwrap();
    assert_eq!(admits(&[4], &follower), Ok(()));
    // Under one that came from nowhere it is not; nor may signatures go missing.
    let stranger = Policy::first(&signed(second, &[1]), &FirstUse::Accept, at()).unwrap();
    assert!(admits(&[4], &stranger).unwrap_err().contains("no policy that follows the locked one"));
    assert_eq!(admits(&[3], &stranger), Ok(()));
    assert!(admits(&[], &policy).unwrap_err().contains("now by nobody"));
}

#[test]
fn a_pin_without_a_policy_holds_its_keys() {
    let by_keys =
        |number: u8| verify_by_keys(&artifact(), &hello(), &[bundle(number)], &[key(number).public()]).unwrap();
    let pin = Pin::new(&by_keys(3), None);
    assert!(pin.admits(&hello(), &by_keys(3), None).is_ok());
    assert!(pin.admits(&hello(), &by_keys(4), None).is_err());
    let policy = policy(|_| {});
    assert!(pin.admits(&hello(), &signers(&policy, &[4]), Some(&policy)).is_err());
    // What nobody had signed may be signed now.
    let unsigned = Pin { keys: Default::default(), policy: None };
    assert!(unsigned.admits(&hello(), &by_keys(4), None).is_ok());
    let text = serde_json::to_string(&pin).unwrap();
    assert_eq!(text, format!(r#"{{"keys":["{}"]}}"#, key(3).public().id()));
    assert_eq!(serde_json::from_str::<Pin>(&text).unwrap(), pin);
}

#[test]
fn a_policy_is_read_from_bytes_only() {
    let bytes: Bytes = signed(document(1), &[1]);
    let (policy, envelope) = Policy::unverified(&bytes).unwrap();
    assert_eq!(envelope.payload, *policy.bytes());
    assert!(policy.follows(1, &policy.digest()) && !policy.follows(2, &policy.digest()));
}
