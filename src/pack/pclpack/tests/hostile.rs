//! Packs that a stranger made to do harm, each of them refused with its reason.

use super::*;
use crate::domain::media_type::OCI_INDEX;
use crate::pack::ArchiveError;
use crate::pack::pclpack::index::write_indexes;
use crate::pack::write::begin_entry;

/// The entries of a tar: path, type flag, content.
pub(super) type Entries = Vec<(String, u8, Vec<u8>)>;

pub(super) fn entries(world: &World) -> Entries {
    let tar = world.tar().unwrap();
    let mut archive = tar::Archive::new(tar.as_slice());
    let read = |entry: io::Result<tar::Entry<'_, &[u8]>>| {
        let mut entry = entry.unwrap();
        let mut content = Vec::new();
        io::Read::read_to_end(&mut entry, &mut content).unwrap();
        (entry.path().unwrap().display().to_string(), b'0', content)
    };
    archive.entries().unwrap().map(read).collect()
}

pub(super) fn tar_of(entries: &Entries) -> Vec<u8> {
    let mut tar = Vec::new();
    for (path, flag, content) in entries {
        begin_entry(&mut tar, path, false, content.len() as u64);
        let at = tar.len() - 512;
        tar[at + 156] = *flag;
        sign(&mut tar[at..]);
        tar.extend_from_slice(content);
        tar.resize(tar.len().next_multiple_of(512), 0);
    }
    tar.resize(tar.len() + 1024, 0);
    tar
}

fn sign(block: &mut [u8]) {
    block[148..156].fill(b' ');
    let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
}

pub(super) fn read_entries(entries: &Entries, limits: &Limits) -> Result<Pack, PclPackError> {
    read(compress(&tar_of(entries)).as_slice(), limits, &mut ())
}

/// What reading says after the entries of a good pack were changed.
fn check(expected: &str, change: impl FnOnce(&mut Entries)) {
    let mut found = entries(&team());
    change(&mut found);
    check_entries(expected, &found);
}

fn check_entries(expected: &str, found: &Entries) {
    match read_entries(found, &Limits::default()) {
        Ok(_) => panic!("it was read, where this was expected: {expected}"),
        Err(error) => assert!(error.to_string().contains(expected), "expected {expected:?}, found {error}"),
    }
}

fn place(entries: &Entries, path: &str) -> usize {
    entries.iter().position(|entry| entry.0.starts_with(path)).unwrap()
}

fn blob(content: &[u8]) -> String {
    format!("blobs/sha256/{}", Digest::sha256(content).hex())
}

/// Puts another text into an entry.
fn replace(entries: &mut Entries, path: &str, from: &str, to: &str) {
    let at = place(entries, path);
    let text = String::from_utf8(entries[at].2.clone()).unwrap();
    assert!(text.contains(from), "{path} has no {from}");
    entries[at].2 = text.replace(from, to).into_bytes();
}

#[test]
fn the_same_entries_are_a_pack() {
    assert!(read_entries(&entries(&team()), &Limits::default()).is_ok());
}

#[test]
fn paths_that_lead_out_are_refused() {
    for (path, expected) in [
        ("../index.json", "\"../index.json\""),
        ("pcl/../../key", "\"pcl/../../key\""),
        ("/etc/passwd", "it is absolute"),
        ("/index.json", "it is absolute"),
        ("./pcl/key", "\"./pcl/key\""),
        ("blobs//x", "\"blobs//x\""),
        ("a\\b", "a\\\\b"),
        ("C:/x", "C:/x"),
        ("pcl/key\n", "key\\n"),
    ] {
        check(expected, |entries| {
            let at = place(entries, "pcl/key");
            entries[at].0 = path.to_owned();
            let error = read_entries(entries, &Limits::default()).unwrap_err();
            assert!(matches!(error, PclPackError::Archive(ArchiveError::Path(_))), "{path}: {error}");
        });
    }
}

#[test]
fn links_devices_and_folders_are_refused() {
    for (flag, expected) in [
        (b'1', "hard link"),
        (b'2', "symbolic link"),
        (b'3', "character device"),
        (b'4', "block device"),
        (b'6', "fifo"),
        (b'S', "sparse"),
        (b'V', "unknown type"),
        (b'5', "\"pcl/key\" is no entry of a pack"),
    ] {
        check(expected, |entries| {
            let at = place(entries, "pcl/key");
            (entries[at].1, entries[at].2) = (flag, Vec::new());
        });
    }
}

#[test]
fn names_that_some_file_systems_take_for_others_are_refused() {
    for (path, other) in
        [("pcl/key", "pcl/KEY"), ("pcl/policies", "pcl/policies/Acme.json"), ("index.json", "Index.json")]
    {
        check("has capitals", |entries| {
            let at = place(entries, path);
            entries.insert(at + 1, (other.to_owned(), b'0', Vec::new()));
        });
    }
    check("has capitals", |entries| {
        let last = entries.last().unwrap().clone();
        entries.push((last.0.to_uppercase().replace("BLOBS/SHA", "blobs/sha"), b'0', last.2));
    });
}

#[test]
fn unknown_entries_are_refused() {
    for path in ["readme.md", "pcl/notes", "pcl/events/7", "blobs/md5/abc", "blobs/sha256/abc"] {
        check("is no entry of a pack", |entries| entries.push((path.to_owned(), b'0', Vec::new())));
    }
}

#[test]
fn entries_that_are_there_twice_are_refused() {
    for path in ["oci-layout", "index.json", "pcl/key", "pcl/resolved.json"] {
        check(&format!("{path:?} is twice"), |entries| {
            let at = place(entries, path);
            let entry = entries[at].clone();
            entries.insert(at.max(1) + 1, entry);
        });
    }
    check("is twice", |entries| entries.extend(entries.last().cloned()));
    check("is twice", |entries| {
        let at = place(entries, "pcl/policies");
        let entry = entries[place(entries, "pcl/key")].clone();
        entries.insert(at + 1, entry);
    });
}

#[test]
fn another_order_is_refused() {
    check("\"index.json\" stands where \"oci-layout\" is expected", |entries| entries.swap(0, 1));
    check("\"pcl/checkpoint\" stands where \"index.json\"", |entries| drop(entries.remove(1)));
    check("\"pcl/key\" stands where something behind \"pcl/policies/acme.json\"", |entries| {
        let (key, policy) = (place(entries, "pcl/key"), place(entries, "pcl/policies"));
        entries.swap(key, policy);
    });
    check("\"pcl/key\" stands where a blob or the end is expected", |entries| {
        let key = entries.remove(place(entries, "pcl/key"));
        entries.push(key);
    });
    check("stands where a blob or the end is expected", |entries| {
        let key = entries.remove(place(entries, "pcl/key"));
        let at = place(entries, "blobs/") + 2;
        entries.insert(at, key);
    });
    // A layer before the config of its manifest, both of which are named by then.
    check(&format!("{:?} stands where \"{}\" is expected", blob(b"shared"), blob(b"{}")), |entries| {
        let (config, layer) = (place(entries, &blob(b"{}")), place(entries, &blob(b"shared")));
        entries.swap(config, layer);
    });
    // A blob before the manifest that names it.
    check("nothing in the pack names the blob", |entries| {
        let layer = entries.remove(place(entries, &blob(b"ann")));
        let first = place(entries, "blobs/");
        entries.insert(first + 1, layer);
    });
}

#[test]
fn missing_entries_are_refused() {
    check("the pack has no \"pcl/resolved.json\"", |entries| drop(entries.remove(place(entries, "pcl/resolved"))));
    check("the pack has no \"index.json\"", |entries| entries.truncate(1));
    check("the pack has no \"oci-layout\"", |entries| entries.clear());
    check("the pack has no \"blobs/sha256/", |entries| drop(entries.pop()));
    check("the pack has no \"blobs/sha256/", |entries| entries.truncate(place(entries, "blobs/")));
    check("is expected: something is missing", |entries| drop(entries.remove(place(entries, &blob(b"{}")))));
}

#[test]
fn blobs_that_nobody_names_are_refused() {
    let extra = (blob(b"extra"), b'0', b"extra".to_vec());
    check("nothing in the pack names the blob sha256:", |entries| entries.push(extra.clone()));
    check("nothing in the pack names the blob sha256:", |entries| {
        let at = place(entries, "blobs/") + 1;
        entries.insert(at, extra.clone());
    });
}

#[test]
fn blobs_that_are_not_what_they_are_called_are_refused() {
    for path in [blob(b"ann"), blob(b"{}"), "blobs/".to_owned()] {
        check("have another digest", |entries| {
            let at = place(entries, &path);
            entries[at].2[0] ^= 1;
        });
        check("bytes, where", |entries| {
            let at = place(entries, &path);
            entries[at].2.push(b' ');
        });
    }
}

#[test]
fn indexes_that_disagree_are_refused() {
    let root = "\"io.pcl.pack.root\":\"true\",";
    check("does not list what the index of the pack lists", |entries| replace(entries, "index.json", root, ""));
    check("no index of a pack", |entries| replace(entries, "index.json", "vnd.pcl.pack.v1", "vnd.pcl.pack.v2"));
    check("names nothing", |entries| {
        let at = place(entries, "index.json");
        entries[at].2 = br#"{"schemaVersion":2,"manifests":[]}"#.to_vec();
    });
    check("\"acme/bob:1.0.0\" is twice", |entries| {
        replace(entries, "index.json", "\"acme/crew\"", "\"acme/bob\"");
        replace(entries, "index.json", "acme/crew:", "acme/bob:");
    });
    check("two names differ", |entries| replace(entries, "index.json", "acme/crew:", "acme/crow:"));
}

#[test]
fn documents_that_cannot_be_read_are_refused() {
    for (path, expected) in [
        ("index.json", "\"index.json\" cannot be read"),
        ("oci-layout", "\"oci-layout\" cannot be read"),
        ("pcl/resolved.json", "\"pcl/resolved.json\" cannot be read"),
    ] {
        for text in ["", "{", "[]", "[[[[", "\u{0}"] {
            check(expected, |entries| {
                let at = place(entries, path);
                entries[at].2 = text.into();
            });
        }
        check(expected, |entries| {
            let at = place(entries, path);
            entries[at].2 = [&b"{\"a\":"[..], &b"[".repeat(4000)].concat();
        });
    }
    check("its version is \"2.0.0\"", |entries| replace(entries, "oci-layout", "1.0.0", "2.0.0"));
    check("its schema is 2", |entries| replace(entries, "pcl/resolved.json", "\"schema\":1", "\"schema\":2"));
}

/// A pack with one member, whose manifest is this text, and with these blobs behind it.
fn with_manifest(media_type: &str, text: &str, blobs: &[&[u8]]) -> Entries {
    let mut found = entries(&World::default());
    let mut member = release("acme/x", "1.0.0", text.as_bytes());
    (member.version, member.reference) = (None, Reference::Tag("x".parse().unwrap()));
    member.media_type = media_type.to_owned();
    let indexes = write_indexes(&[member]).unwrap();
    found[1].2 = indexes.outer.to_vec();
    found.pop();
    let more = [indexes.own.as_ref(), text.as_bytes()];
    found.extend(more.iter().chain(blobs).map(|content| (blob(content), b'0', content.to_vec())));
    found
}

#[test]
fn manifests_that_cannot_be_read_are_refused() {
    for text in ["", "no JSON", "{}", "[]", "{\"schemaVersion\":2}", "{\"schemaVersion\":2,\"mediaType\":\"x/y\"}"] {
        check_entries("cannot be read: ", &with_manifest(OCI_MANIFEST, text, &[]));
    }
    let deep = format!("{{\"config\":{}", "[".repeat(100_000));
    check_entries("cannot be read: ", &with_manifest(OCI_MANIFEST, &deep, &[]));
}

#[test]
fn a_manifest_that_names_more_than_a_pack_may_hold_is_refused_at_once() {
    let layer = |n: usize| json!({"mediaType": "x/y", "digest": Digest::sha256(&n.to_be_bytes()), "size": 8});
    let layers: Vec<_> = (0..100).map(layer).collect();
    let config = json!({"mediaType": OCI_EMPTY, "digest": Digest::sha256(b"{}"), "size": 2});
    let manifest = json!({"schemaVersion": 2, "config": config, "layers": layers}).to_string();
    // Nothing of what it names is there.
    let error =
        read_entries(&with_manifest(OCI_MANIFEST, &manifest, &[]), &Limits { entries: 50, ..Limits::default() });
    assert!(error.unwrap_err().to_string().contains("more than 50 files and folders"));
}

#[test]
fn one_digest_is_one_thing() {
    let child = r#"{"schemaVersion":2,"manifests":[]}"#;
    let digest = Digest::sha256(child.as_bytes());
    let names =
        |media_type: &str, size: usize| format!(r#"{{"mediaType":"{media_type}","digest":"{digest}","size":{size}}}"#);
    let index = |second: String| {
        let first = names(OCI_INDEX, child.len());
        let index = format!(r#"{{"schemaVersion":2,"manifests":[{first},{second}]}}"#);
        with_manifest(OCI_INDEX, &index, &[child.as_bytes()])
    };
    assert!(read_entries(&index(names(OCI_INDEX, child.len())), &Limits::default()).is_ok());
    check_entries("is named as a manifest and as something else", &index(names("text/plain", child.len())));
    check_entries("has 35 bytes, where 34 were declared", &index(names(OCI_INDEX, child.len() + 1)));
}

#[test]
fn needs_that_do_not_fit_are_refused() {
    let resolved = "pcl/resolved.json";
    for (from, to, expected) in [
        ("\"name\":\"acme/crew\"", "\"name\":\"acme/crow\"", "acme/crow 1.0.0: it is no member"),
        ("\"name\":\"acme/crew\"", "\"name\":\"acme/bob\"", "acme/bob 1.0.0: it is there twice"),
        ("\"range\":\"^1.0.0\"", "\"range\":\"^2.0.0\"", "outside its range"),
        (
            "\"found\":{\"version\":\"1.0.0\",\"digest\":\"sha256:",
            "\"found\":{\"version\":\"1.0.1\",\"digest\":\"sha256:",
            "not in the pack",
        ),
    ] {
        check(expected, |entries| replace(entries, resolved, from, to));
    }
    check("another digest", |entries| {
        let bob = entries[1].2.clone();
        let bob = String::from_utf8(bob).unwrap();
        let at = bob.find("acme/bob:").unwrap();
        let digest = bob[..at].rfind("sha256:").unwrap();
        replace(entries, resolved, &bob[digest..digest + 71], &Digest::sha256(b"other").to_string());
    });
    check("the pack has no \"pcl/resolved.json of acme/", |entries| {
        let at = place(entries, resolved);
        entries[at].2 = br#"{"schema":1,"members":[]}"#.to_vec();
    });
}

#[test]
fn members_before_what_they_need_or_are_about_are_refused() {
    let mut found = entries(&team());
    let mut world = team();
    world.draft.members = read_entries(&found, &Limits::default()).unwrap().members;
    for (swap, expected) in [((0, 1), "acme/bob:1.0.0"), ((1, 2), "its subject sha256:")] {
        let mut members = world.draft.members.clone();
        members.swap(swap.0, swap.1);
        found[1].2 = write_indexes(&members).unwrap().outer.to_vec();
        check_entries(expected, &found);
    }
    let mut members = world.draft.members.clone();
    members.remove(1);
    found[1].2 = write_indexes(&members).unwrap().outer.to_vec();
    check_entries("the pack has no \"acme/ann@sha256:", &found);
}

#[test]
fn a_referrer_that_is_about_something_else_is_refused() {
    let mut world = team();
    world.draft.members[3].subject = Some(world.draft.members[0].digest);
    world.draft.members[3].repository = "acme/bob".parse().unwrap();
    assert!(world.tar().unwrap_err().to_string().contains("its manifest has the subject"));
}

#[test]
fn proofs_of_strangers_are_refused() {
    let stranger = Part::Proof(Digest::sha256(b"stranger")).to_string();
    check(&format!("{stranger:?} is about something that is not in the pack"), |entries| {
        let at = place(entries, "pcl/proofs");
        entries[at].0 = stranger.clone();
    });
}
