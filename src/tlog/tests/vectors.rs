//! The vectors of `spec/vectors/log.json`, which `tests/vectors/log.py` made by other means.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::Deserialize;

use super::super::{
    Consistency, Cosigner, Edge, Entry, Frontier, Hash, Inclusion, LogProof, LogSecret, NoteSigner, NoteVerifier,
    Opening, Row, SignatureType, SignedCheckpoint, Tile, TileHashes,
};
use super::{entries, entry};
use crate::domain::Digest;

#[derive(Deserialize)]
struct Vectors {
    keys: BTreeMap<String, Key>,
    log_secret: String,
    entries: Vec<EntryVector>,
    refused_entries: Vec<Refused>,
    roots: BTreeMap<u64, String>,
    tiles: BTreeMap<u64, BTreeMap<String, Digest>>,
    paths: Paths,
    inclusion: Vec<InclusionVector>,
    consistency: Vec<ConsistencyVector>,
    checkpoints: Vec<CheckpointVector>,
    refused_checkpoints: Vec<Refused>,
    proof: ProofVector,
}

#[derive(Deserialize)]
struct Key {
    name: String,
    seed: String,
    secret: String,
    public: String,
    cosignatures: Option<String>,
}

#[derive(Deserialize)]
struct EntryVector {
    about: String,
    n: u64,
    event: String,
    actor_length: Option<usize>,
    entry: String,
    salt: Option<String>,
    opening: Option<String>,
}

/// What is refused: an entry and its number, or a note.
#[derive(Deserialize)]
struct Refused {
    about: String,
    #[serde(default)]
    n: u64,
    #[serde(alias = "entry", alias = "note")]
    text: String,
}

#[derive(Deserialize)]
struct Paths {
    valid: Vec<String>,
    invalid: Vec<String>,
}

#[derive(Deserialize)]
struct InclusionVector {
    index: u64,
    size: u64,
    proof: Vec<String>,
}

#[derive(Deserialize)]
struct ConsistencyVector {
    old: u64,
    new: u64,
    proof: Vec<String>,
}

#[derive(Deserialize)]
struct CheckpointVector {
    about: String,
    note: String,
    size: u64,
    times: Vec<u64>,
}

#[derive(Deserialize)]
struct ProofVector {
    index: u64,
    text: String,
}

fn vectors() -> Vectors {
    serde_json::from_str(include_str!("../../../spec/vectors/log.json")).unwrap()
}

fn array(hex: &str) -> [u8; 32] {
    hex::decode(hex).unwrap().try_into().unwrap()
}

/// The log's verifier and the witness's.
fn verifiers(vectors: &Vectors) -> (NoteVerifier, NoteVerifier) {
    (vectors.keys["log"].public.parse().unwrap(), vectors.keys["witness"].public.parse().unwrap())
}

#[test]
fn keys_are_those_of_the_specification() {
    let keys = vectors().keys;
    let (log, witness) = (&keys["log"], &keys["witness"]);
    let signer = NoteSigner::from_seed(log.name.parse().unwrap(), &array(&log.seed));
    assert_eq!((signer.to_secret().as_str(), signer.verifier().to_string()), (log.secret.as_str(), log.public.clone()));
    let own = signer.verifier().with_kind(SignatureType::Cosignature).to_string();
    assert_eq!(
        (Some(&own), Cosigner::of_log(&signer).verifier().to_string()),
        (log.cosignatures.as_ref(), own.clone())
    );
    let signer = Cosigner::from_seed(witness.name.parse().unwrap(), &array(&witness.seed));
    assert_eq!(
        (signer.to_secret().as_str(), signer.verifier().to_string()),
        (witness.secret.as_str(), witness.public.clone())
    );
    assert!(Cosigner::from_secret(&witness.secret).is_ok() && NoteSigner::from_secret(&log.secret).is_ok());
    assert!(Cosigner::from_secret(&log.secret).is_err() && NoteSigner::from_secret(&witness.secret).is_err());
}

#[test]
fn entries_say_of_events_what_the_specification_says() {
    let vectors = vectors();
    let secret = LogSecret::new(&array(&vectors.log_secret));
    for EntryVector { about, n, event, actor_length, entry, salt, opening } in vectors.entries {
        let actor = format!(r#""actor":"{}""#, "a".repeat(actor_length.unwrap_or(0)));
        let event = Bytes::from(if actor_length.is_some() { event.replace(r#""actor":"""#, &actor) } else { event });
        let made = Entry::of_event(&event, &secret).unwrap();
        assert_eq!((made.n(), made.bytes()), (n, Bytes::from(entry)), "{about}");
        assert_eq!(Entry::parse(n - 1, &made.bytes()).as_ref(), Ok(&made), "{about}");
        assert_eq!(matches!(made, Entry::Sealed { .. }), salt.is_some(), "{about}");
        if let (Some(salt), Some(opening)) = (salt, opening) {
            assert_eq!(hex::encode(secret.salt(n)), salt, "{about}");
            assert_eq!(Opening::new(n, event, &secret).to_json(), opening, "{about}");
            assert_eq!(Opening::parse(opening.as_bytes()).unwrap().verify(&made), Ok(()), "{about}");
        }
    }
    for Refused { about, n, text } in vectors.refused_entries {
        assert!(Entry::parse(n - 1, &Bytes::from(text)).is_err(), "{about}");
    }
}

#[test]
fn trees_and_tiles_are_those_of_the_specification() {
    let vectors = vectors();
    for (size, root) in vectors.roots {
        let mut edge = Edge::EMPTY;
        edge.append(&entries(size)).unwrap();
        assert_eq!(edge.root().to_string(), root, "{size}");
    }
    for (size, expected) in vectors.tiles {
        let mut edge = Edge::EMPTY;
        let grown = edge.append(&entries(size)).unwrap();
        let found: BTreeMap<String, Digest> =
            grown.iter().map(|(tile, bytes)| (tile.to_string(), Digest::sha256(bytes))).collect();
        assert_eq!(found, expected, "{size}");
    }
    for path in vectors.paths.valid {
        assert_eq!(path.parse::<Tile>().unwrap().to_string(), path);
    }
    for path in vectors.paths.invalid {
        assert!(path.parse::<Tile>().is_err(), "{path}");
    }
}

#[test]
fn proofs_are_those_of_the_specification() {
    let vectors = vectors();
    let root = |size| {
        let mut tree = Frontier::EMPTY;
        (0..size).for_each(|index| tree.push(Hash::leaf(&entry(index))));
        tree.root()
    };
    let tiles = |size| {
        let mut tiles = TileHashes::new(size);
        let mut edge = Edge::EMPTY;
        for (tile, bytes) in edge.append(&entries(size)).unwrap() {
            if matches!(tile.row(), Row::Hashes(_)) {
                tiles.insert(tile, &bytes).unwrap();
            }
        }
        tiles
    };
    let texts = |proof: &[Hash]| proof.iter().map(Hash::to_string).collect::<Vec<_>>();
    for InclusionVector { index, size, proof } in vectors.inclusion {
        let (plan, tiles) = (Inclusion::new(index, size).unwrap(), tiles(size));
        let made = plan.prove(|node| tiles.node(node)).unwrap();
        assert_eq!((texts(&made), plan.verify(Hash::leaf(&entry(index)), &made, root(size))), (proof, Ok(())));
    }
    for ConsistencyVector { old, new, proof } in vectors.consistency {
        let (plan, tiles) = (Consistency::new(old, new).unwrap(), tiles(new));
        let made = plan.prove(|node| tiles.node(node)).unwrap();
        assert_eq!((texts(&made), plan.verify(root(old), &made, root(new))), (proof, Ok(())));
    }
}

#[test]
fn checkpoints_are_opened_or_refused_as_the_specification_says() {
    let vectors = vectors();
    let (log, witness) = verifiers(&vectors);
    let open = |note: &str| SignedCheckpoint::open(note.as_bytes(), &log, std::slice::from_ref(&witness));
    for CheckpointVector { about, note, size, times } in &vectors.checkpoints {
        let signed = open(note).unwrap();
        let found: Vec<u64> = signed.verified().iter().filter_map(|signed| signed.time).collect();
        assert_eq!(
            (signed.checkpoint().size(), &found, signed.seen()),
            (*size, times, times.last().copied()),
            "{about}"
        );
        assert_eq!(
            (signed.note().to_string(), signed.checkpoint().root().to_string()),
            (note.clone(), vectors.roots[size].clone()),
            "{about}"
        );
    }
    for Refused { about, text, .. } in &vectors.refused_checkpoints {
        assert!(open(text).is_err(), "{about}");
    }
    // The same is signed here, byte by byte.
    let signer = NoteSigner::from_secret(&vectors.keys["log"].secret).unwrap();
    let mut signed = SignedCheckpoint::sign(300, vectors.roots[&300].parse().unwrap(), &signer).unwrap();
    assert_eq!(signed.note().to_string(), vectors.checkpoints[0].note);
    let cosigner = Cosigner::from_secret(&vectors.keys["witness"].secret).unwrap();
    for (cosigner, time) in [(Cosigner::of_log(&signer), 1_700_000_000), (cosigner, 1_700_000_060)] {
        signed.add(cosigner.cosign(&signed, time), cosigner.verifier()).unwrap();
    }
    assert_eq!(signed.note().to_string(), vectors.checkpoints[1].note);
}

#[test]
fn a_proof_is_verified_as_the_specification_says() {
    let vectors = vectors();
    let (log, witness) = verifiers(&vectors);
    let proof = LogProof::parse(vectors.proof.text.as_bytes()).unwrap();
    assert_eq!((proof.index, proof.to_string()), (vectors.proof.index, vectors.proof.text));
    let signed = proof.verify(Hash::leaf(&entry(proof.index)), &log, &[witness]).unwrap();
    assert_eq!(signed.seen(), Some(1_700_000_060));
    assert!(proof.verify(Hash::leaf(&entry(proof.index + 1)), &log, &[]).is_err());
}
