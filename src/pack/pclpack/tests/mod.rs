//! Packs that are made here, whole and broken.

use std::collections::{BTreeMap, HashMap};
use std::io::{self, Cursor};

use bytes::Bytes;
use serde_json::json;

use super::*;
use crate::domain::media_type::{OCI_EMPTY, OCI_MANIFEST};
use crate::domain::{Digest, Reference, Version};

mod frame;
mod hostile;
mod vectors;
mod whole;

/// Bytes by their digest: where blobs come from.
type Store = HashMap<Digest, Bytes>;

/// A release of which nothing is there but its name and the digest of `manifest`.
pub(super) fn release(name: &str, version: &str, manifest: &[u8]) -> Member {
    let version: Version = version.parse().unwrap();
    Member {
        repository: name.parse().unwrap(),
        reference: Reference::Tag(version.tag().parse().unwrap()),
        version: Some(version),
        is_root: false,
        subject: None,
        media_type: OCI_MANIFEST.to_owned(),
        artifact_type: None,
        digest: Digest::sha256(manifest),
        size: manifest.len() as u64,
    }
}

/// Something that is said of a member.
pub(super) fn signature(of: &Member, manifest: &[u8]) -> Member {
    let digest = Digest::sha256(manifest);
    let reference = Reference::Digest(digest);
    Member { reference, version: None, subject: Some(of.digest), digest, size: manifest.len() as u64, ..of.clone() }
}

/// What a pack is made of, with everything that it names.
#[derive(Clone, Default)]
struct World {
    draft: Draft,
    store: Store,
}

impl World {
    fn blob(&mut self, content: &[u8]) -> Digest {
        let digest = Digest::sha256(content);
        self.store.insert(digest, Bytes::copy_from_slice(content));
        digest
    }

    /// The bytes of an image manifest with the empty config, this title, these layers, and perhaps a subject.
    fn manifest(&mut self, title: &str, layers: &[&[u8]], subject: Option<&Member>) -> Vec<u8> {
        let config = json!({"mediaType": OCI_EMPTY, "digest": self.blob(b"{}"), "size": 2});
        let layer =
            |content: &&[u8]| json!({"mediaType": "text/plain", "digest": self.blob(content), "size": content.len()});
        let layers: Vec<_> = layers.iter().map(layer).collect();
        let title = json!({"org.opencontainers.image.title": title});
        let mut manifest = json!({"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config, "layers": layers, "annotations": title});
        if let Some(Member { media_type, digest, size, .. }) = subject {
            manifest["subject"] = json!({"mediaType": media_type, "digest": digest, "size": size});
        }
        let manifest = manifest.to_string().into_bytes();
        self.blob(&manifest);
        manifest
    }

    /// A release with one layer, which needs these others.
    fn release(&mut self, name: &str, layer: &[u8], needs: &[&Member]) -> Member {
        let manifest = self.manifest(name, &[layer], None);
        let member = release(name, "1.0.0", &manifest);
        let need = |member: &&Member| Need {
            name: member.repository.package().unwrap(),
            range: "^1.0.0".parse().unwrap(),
            found: Some(Found { version: member.version.clone().unwrap(), digest: member.digest }),
        };
        self.draft.needs.push(Needs {
            name: name.parse().unwrap(),
            version: "1.0.0".parse().unwrap(),
            needs: needs.iter().map(need).collect(),
        });
        self.draft.members.push(member.clone());
        member
    }

    fn sign(&mut self, of: &Member, layer: &[u8]) -> Member {
        let manifest = self.manifest("signature", &[layer], Some(of));
        let member = signature(of, &manifest);
        self.draft.members.push(member.clone());
        member
    }

    fn open(&self) -> impl FnMut(&Content) -> io::Result<Cursor<Bytes>> {
        |content| self.store.get(&content.digest).cloned().map(Cursor::new).ok_or(io::ErrorKind::NotFound.into())
    }

    fn tar(&self) -> Result<Vec<u8>, PclPackError> {
        let mut tar = Vec::new();
        write_tar(&mut tar, self.draft.clone(), self.open()).map(|_| tar)
    }

    fn pack(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        write(&mut bytes, self.draft.clone(), self.open()).unwrap();
        bytes
    }
}

/// A team that needs two personas, one of them signed, with a checkpoint and a proof. They share a layer.
fn team() -> World {
    let mut world = World::default();
    let bob = world.release("acme/bob", b"shared", &[]);
    let ann = world.release("acme/ann", b"ann", &[&bob]);
    world.release("acme/crew", b"shared", &[&ann, &bob]);
    world.draft.members[2].is_root = true;
    world.sign(&ann, b"signed by acme");
    let part = |part, text: &'static str| (part, Bytes::from_static(text.as_bytes()));
    world.draft.parts = vec![
        part(Part::Proof(ann.digest), "proof"),
        part(Part::Key, "key"),
        part(Part::Event(7), "event"),
        part(Part::Policy("acme".parse().unwrap()), "{}"),
        part(Part::Checkpoint, "checkpoint"),
    ];
    world
}

/// Keeps everything that a pack passes on.
#[derive(Default)]
struct Kept {
    parts: BTreeMap<String, Bytes>,
    opened: Option<Pack>,
    blobs: Vec<(Content, Vec<u8>)>,
    ended: usize,
}

impl Sink for Kept {
    fn part(&mut self, part: &Part, bytes: Bytes) -> io::Result<()> {
        assert!(self.opened.is_none());
        self.parts.insert(part.to_string(), bytes);
        Ok(())
    }

    fn opened(&mut self, pack: &Pack) -> io::Result<()> {
        self.opened = Some(pack.clone());
        Ok(())
    }

    fn begin(&mut self, content: &Content) -> io::Result<()> {
        assert!(self.opened.is_some() && self.ended == self.blobs.len());
        self.blobs.push((*content, Vec::new()));
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.blobs.last_mut().unwrap().1.extend_from_slice(bytes);
        Ok(())
    }

    fn end(&mut self, content: &Content) -> io::Result<()> {
        let (begun, bytes) = self.blobs.last().unwrap();
        assert!(begun == content && content.digest.matches(bytes));
        self.ended += 1;
        Ok(())
    }
}

/// Compresses a tar as packs are.
fn compress(tar: &[u8]) -> Vec<u8> {
    zstd::stream::encode_all(tar, 3).unwrap()
}
