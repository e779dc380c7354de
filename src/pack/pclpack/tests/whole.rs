//! Packs as they should be: what goes in comes out, in order, and equal contents are equal bytes.

use std::io::Read;

use super::*;
use crate::domain::media_type::OCI_INDEX;

fn names(members: &[Member]) -> Vec<String> {
    members.iter().map(Member::ref_name).collect()
}

#[test]
fn what_was_packed_is_read_back() {
    let world = team();
    let bytes = world.pack();
    let mut kept = Kept::default();
    let pack = read(bytes.as_slice(), &Limits::default(), &mut kept).unwrap();
    let signed = world.draft.members[3].ref_name();
    assert_eq!(names(&pack.members), ["acme/bob:1.0.0", "acme/ann:1.0.0", &signed, "acme/crew:1.0.0"]);
    assert_eq!(pack.members.iter().filter(|member| member.is_root).count(), 1);
    assert_eq!((kept.opened.as_ref(), kept.ended), (Some(&pack), kept.blobs.len()));
    let mut parts = world.draft.parts.clone();
    parts.sort_by_key(|(part, _)| part.to_string());
    assert_eq!(pack.parts, parts.iter().map(|(part, _)| part.clone()).collect::<Vec<_>>());
    assert!(parts.iter().all(|(part, bytes)| kept.parts[&part.to_string()] == bytes));
    // The index and every blob, once, though two members share a layer and all a config.
    assert_eq!(kept.blobs.len(), world.store.len() + 1);
    let (own, blobs) = kept.blobs.split_first().unwrap();
    assert_eq!((own.0.digest, own.0.manifest), (pack.digest, Some(OCI_INDEX)));
    assert!(blobs.iter().all(|(content, bytes)| world.store[&content.digest] == bytes));
    let manifests: Vec<Digest> = blobs.iter().filter(|(c, _)| c.manifest.is_some()).map(|(c, _)| c.digest).collect();
    assert_eq!(manifests, pack.members.iter().map(|member| member.digest).collect::<Vec<_>>());
    assert!(!pack.is_delta() && pack.order().gaps.is_empty());
}

#[test]
fn equal_contents_give_equal_bytes_in_whatever_order_they_came() {
    let world = team();
    let mut other = team();
    other.draft.members.reverse();
    other.draft.needs.rotate_left(1);
    other.draft.parts.reverse();
    assert_eq!(world.tar().unwrap(), other.tar().unwrap());
    assert_eq!(world.pack(), other.pack());
}

#[test]
fn the_tar_is_the_compressed_pack() {
    let unpacked = zstd::stream::decode_all(team().pack().as_slice()).unwrap();
    assert_eq!(unpacked, team().tar().unwrap());
    let mut found = tar::Archive::new(unpacked.as_slice());
    let paths: Vec<String> =
        found.entries().unwrap().map(|entry| entry.unwrap().path().unwrap().display().to_string()).collect();
    assert_eq!(paths[..2], ["oci-layout", "index.json"]);
    assert!(paths[2..8].iter().all(|path| path.starts_with("pcl/")) && paths[2..8].is_sorted());
    assert!(paths[8..].iter().all(|path| path.starts_with("blobs/sha256/")));
}

#[test]
fn inspecting_reads_no_blob() {
    let world = team();
    let bytes = world.pack();
    let whole = read(bytes.as_slice(), &Limits::default(), &mut ()).unwrap();
    // No blob is there at all.
    let tar = world.tar().unwrap();
    let at = tar.windows(6).position(|window| window == b"blobs/").unwrap();
    let mut kept = Kept::default();
    let head = inspect(compress(&tar[..at + 512]).as_slice(), &Limits::default(), &mut kept).unwrap();
    assert_eq!((head, kept.parts.len(), kept.blobs.len()), (whole, 5, 0));
}

#[test]
fn an_empty_pack_is_a_pack() {
    let pack = read(World::default().pack().as_slice(), &Limits::default(), &mut ()).unwrap();
    assert_eq!((pack.members.len(), pack.needs.len(), pack.parts.len()), (0, 0, 0));
}

#[test]
fn indexes_hold_their_manifests_and_long_digests_their_algorithm() {
    let mut world = World::default();
    let child = world.manifest("linux", &[b"linux"], None);
    let long = Digest::of(crate::domain::Algorithm::Sha512, b"layer");
    world.store.insert(long, Bytes::from_static(b"layer"));
    let config = json!({"mediaType": OCI_EMPTY, "digest": world.blob(b"{}"), "size": 2});
    let elsewhere =
        json!({"mediaType": "x/y", "digest": Digest::sha256(b"far"), "size": 3, "urls": ["https://x.example"]});
    let layers = json!([{"mediaType": "x/y", "digest": long, "size": 5}, elsewhere]);
    let other = json!({"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config, "layers": layers}).to_string();
    world.blob(other.as_bytes());
    let manifests = json!([
        {"mediaType": OCI_MANIFEST, "digest": Digest::sha256(&child), "size": child.len()},
        {"mediaType": OCI_MANIFEST, "digest": Digest::sha256(other.as_bytes()), "size": other.len()},
        {"mediaType": "text/plain", "digest": world.blob(b"no manifest"), "size": 11},
    ]);
    let index = json!({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": manifests}).to_string();
    world.blob(index.as_bytes());
    let mut member = release("acme/image", "1.0.0", index.as_bytes());
    (member.media_type, member.version, member.reference) =
        (OCI_INDEX.to_owned(), None, Reference::Tag("stable".parse().unwrap()));
    world.draft.members.push(member);
    let mut kept = Kept::default();
    read(world.pack().as_slice(), &Limits::default(), &mut kept).unwrap();
    let contents: Vec<&[u8]> = kept.blobs[1..].iter().map(|(_, bytes)| bytes.as_slice()).collect();
    let expected: [&[u8]; 7] = [index.as_bytes(), &child, b"{}", b"linux", other.as_bytes(), b"layer", b"no manifest"];
    assert_eq!(contents, expected);
}

#[test]
fn a_pack_of_news_may_lean_on_what_is_elsewhere() {
    let mut world = team();
    let whole: Vec<Digest> = world.draft.members.iter().map(|member| member.digest).collect();
    let known = whole[..2].iter().copied().collect();
    (world.draft.members, world.draft.needs) = since(&world.draft.members, &world.draft.needs, &known);
    world.draft.parts = Vec::new();
    // The signature lacks its subject, the team what it needs.
    assert!(matches!(world.tar(), Err(PclPackError::Missing(_))));
    let part = |part| (part, Bytes::from_static(b"x"));
    world.draft.parts = vec![part(Part::Since)];
    assert!(matches!(world.tar(), Err(PclPackError::Missing(path)) if path == "pcl/consistency"));
    world.draft.parts.push(part(Part::Consistency));
    let pack = read(world.pack().as_slice(), &Limits::default(), &mut ()).unwrap();
    assert!(pack.is_delta());
    assert_eq!(pack.members.iter().map(|member| member.digest).collect::<Vec<_>>(), [whole[2], whole[3]]);
    let gaps: Vec<String> = pack.order().gaps.iter().map(Gap::to_string).collect();
    assert_eq!(gaps, ["acme/crew 1.0.0 needs acme/ann ^1.0.0", "acme/crew 1.0.0 needs acme/bob ^1.0.0"]);
}

#[test]
fn circles_and_gaps_are_packed_and_named() {
    let mut world = World::default();
    let ann = world.release("acme/ann", b"ann", &[]);
    let bob = world.release("acme/bob", b"bob", &[&ann]);
    let need = |member: &Member| Found { version: "1.0.0".parse().unwrap(), digest: member.digest };
    let range = || "^1.0.0".parse().unwrap();
    world.draft.needs[0].needs = vec![
        Need { name: "acme/bob".parse().unwrap(), range: range(), found: Some(need(&bob)) },
        Need { name: "other/eve".parse().unwrap(), range: range(), found: None },
    ];
    let pack = read(world.pack().as_slice(), &Limits::default(), &mut ()).unwrap();
    let order = pack.order();
    assert_eq!(order.groups, [[0, 1]]);
    assert_eq!(order.gaps[0].to_string(), "acme/ann 1.0.0 needs other/eve ^1.0.0");
}

#[test]
fn blobs_that_are_not_what_they_are_called_are_not_packed() {
    let layer = Digest::sha256(b"ann");
    for (content, expected) in
        [(&b"anm"[..], "have another digest"), (b"an", "has 2 bytes, where 3"), (b"anna", "has 4 bytes")]
    {
        let mut world = team();
        world.store.insert(layer, Bytes::from_static(content));
        assert!(world.tar().unwrap_err().to_string().contains(expected), "{expected}");
    }
    let mut world = team();
    world.store.remove(&layer);
    assert!(matches!(world.tar(), Err(PclPackError::Io(_))));
    let mut twice = team();
    twice.draft.parts.push((Part::Key, Bytes::new()));
    assert!(matches!(twice.tar(), Err(PclPackError::Twice(path)) if path == "pcl/key"));
    let mut long = team();
    long.draft.parts.push((Part::Since, Bytes::from(vec![0; 65 << 10])));
    long.draft.parts.push((Part::Consistency, Bytes::new()));
    assert!(long.tar().unwrap_err().to_string().contains("more than 65536 bytes in one file, at \"pcl/since\""));
}

#[test]
fn a_pack_is_read_a_byte_at_a_time_too() {
    struct Drip<'a>(&'a [u8]);
    impl Read for Drip<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let most = buffer.len().min(1);
            self.0.read(&mut buffer[..most])
        }
    }
    let bytes = team().pack();
    let expected = read(bytes.as_slice(), &Limits::default(), &mut ()).unwrap();
    assert_eq!(read(Drip(&bytes), &Limits::default(), &mut ()).unwrap(), expected);
}
