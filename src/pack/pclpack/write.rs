//! Writing packs: equal contents give an equal tar. Its compression may change with a release of the compressor.

use std::collections::{HashMap, HashSet};
use std::io::{self, Read, Write};

use bytes::Bytes;
use zstd::stream::write::Encoder;

use super::check::{Subjects, check};
use super::entries::check_digest;
use super::index::{Indexes, LAYOUT_BYTES, read_manifest, write_indexes};
use super::part::{INDEX, LAYOUT, RESOLVED, blob_path};
use super::resolved::write_resolved;
use super::walk::Walk;
use super::{Content, Limits, Member, Needs, Pack, Part, PclPackError, order};
use crate::domain::{Digest, Hasher, Repository};
use crate::pack::limits::{ArchiveError, Limit};
use crate::pack::write::{BLOCK, begin_entry};

/// Most of a pack is compressed already. At this level a window has 2 MiB.
const LEVEL: i32 = 3;
const CHUNK: usize = 128 << 10;

/// What a pack is made of, in any order.
#[derive(Clone, Debug, Default)]
pub struct Draft {
    /// The manifests. What they name comes from whoever opens blobs for [`write()`].
    pub members: Vec<Member>,
    /// Of each release among the members, what it needs.
    pub needs: Vec<Needs>,
    /// What stands below `pcl/`.
    pub parts: Vec<(Part, Bytes)>,
}

/// Writes a pack. `open` gives the content of a blob; it is asked for each once, in the order of the pack.
///
/// # Errors
/// [`PclPackError`], also for a blob that is not what its digest or its size says, and for what no reader would take. What was
/// written by then is no pack.
pub fn write<R: Read>(
    output: impl Write,
    draft: Draft,
    open: impl FnMut(&Content) -> io::Result<R>,
) -> Result<Pack, PclPackError> {
    let mut encoder = Encoder::new(output, LEVEL).map_err(PclPackError::Io)?;
    encoder.include_checksum(true).map_err(PclPackError::Io)?;
    let pack = write_tar(&mut encoder, draft, open)?;
    encoder.finish().and_then(|mut output| output.flush()).map_err(PclPackError::Io)?;
    Ok(pack)
}

/// Writes the tar of a pack, which [`write()`] compresses.
///
/// # Errors
/// As [`write()`].
pub fn write_tar<R: Read>(
    output: impl Write,
    draft: Draft,
    mut open: impl FnMut(&Content) -> io::Result<R>,
) -> Result<Pack, PclPackError> {
    let Draft { members, needs, mut parts } = draft;
    let (members, needs) = arrange(members, needs);
    parts.sort_by_cached_key(|(part, _)| part.to_string());
    let indexes = write_indexes(&members)?;
    let digest = indexes.descriptor.digest;
    let pack = Pack { digest, members, needs, parts: parts.iter().map(|(part, _)| part.clone()).collect() };
    check(&pack)?;
    let mut tar = Tar { output };
    write_head(&mut tar, &indexes, &pack, &parts)?;
    let content = Content {
        digest,
        size: indexes.descriptor.size,
        manifest: Member::manifest_type(&indexes.descriptor.media_type),
    };
    let (mut walk, subjects) = (Walk::new(content, &Limits::default()), Subjects::of(&pack));
    while let Some(content) = walk.next()? {
        let kept = if content.digest == digest {
            tar.blob(&content, indexes.own.as_ref())?
        } else {
            tar.blob(&content, open(&content).map_err(PclPackError::Io)?)?
        };
        if let (Some(bytes), Some(media_type)) = (kept, content.manifest) {
            let manifest = read_manifest(bytes, media_type, &blob_path(&content.digest))?;
            subjects.check(&content.digest, &manifest)?;
            walk.enter(&content.digest, &manifest)?;
        }
    }
    tar.end()?;
    Ok(pack)
}

fn write_head(
    tar: &mut Tar<impl Write>,
    indexes: &Indexes,
    pack: &Pack,
    parts: &[(Part, Bytes)],
) -> Result<(), PclPackError> {
    let document = Limits::default().document;
    tar.small(LAYOUT, LAYOUT_BYTES, document)?;
    tar.small(INDEX, &indexes.outer, document)?;
    let resolved = write_resolved(&pack.needs)?;
    let mut last = String::new();
    let mut resolved = Some(resolved);
    for (part, bytes) in parts {
        let path = part.to_string();
        if path == last {
            return Err(PclPackError::Twice(path));
        }
        if let Some(resolved) = resolved.take_if(|_| path.as_str() > RESOLVED) {
            tar.small(RESOLVED, &resolved, document)?;
        }
        tar.small(&path, bytes, part.most())?;
        last = path;
    }
    resolved.map_or(Ok(()), |resolved| tar.small(RESOLVED, &resolved, document))
}

/// `spec/pack.md`, "Order": releases behind what they need, then other members by name, each followed by what refers to it.
fn arrange(mut members: Vec<Member>, needs: Vec<Needs>) -> (Vec<Member>, Vec<Needs>) {
    let needs: Vec<Needs> = order(&needs).groups.into_iter().flatten().map(|place| needs[place].clone()).collect();
    let tagged = |needs: &Needs| format!("{}:{}", needs.name, needs.version.tag());
    let ranks: HashMap<String, usize> = needs.iter().map(tagged).zip(0..).collect();
    members.sort_by_cached_key(|member| {
        let name = member.ref_name();
        (ranks.get(&name).copied().unwrap_or(usize::MAX), name)
    });
    let here: HashSet<(Repository, Digest)> =
        members.iter().map(|member| (member.repository.clone(), member.digest)).collect();
    let mut referrers: HashMap<(Repository, Digest), Vec<Member>> = HashMap::new();
    let (mut due, mut arranged) = (Vec::new(), Vec::new());
    for member in members.into_iter().rev() {
        match member.subject.map(|subject| (member.repository.clone(), subject)).filter(|key| here.contains(key)) {
            Some(subject) => referrers.entry(subject).or_default().push(member),
            None => due.push(member),
        }
    }
    while let Some(member) = due.pop() {
        due.extend(referrers.remove(&(member.repository.clone(), member.digest)).unwrap_or_default());
        arranged.push(member);
    }
    // What refers to itself in a circle. Whoever checks the pack refuses it.
    arranged.extend(referrers.into_values().flatten());
    (arranged, needs)
}

struct Tar<W> {
    output: W,
}

impl<W: Write> Tar<W> {
    fn small(&mut self, path: &str, bytes: &[u8], most: u64) -> Result<(), PclPackError> {
        let size = bytes.len() as u64;
        if size > most {
            return Err(ArchiveError::TooLarge { limit: Limit::File, maximum: most, entry: path.to_owned() }.into());
        }
        self.begin(path, size)?;
        self.put(bytes)?;
        self.pad(size)
    }

    /// Writes a blob, and gives back its bytes if it is a manifest.
    fn blob(&mut self, content: &Content, input: impl Read) -> Result<Option<Bytes>, PclPackError> {
        let Content { digest, size, manifest } = *content;
        let limits = Limits::default();
        let most = if manifest.is_some() { limits.document } else { limits.blob };
        if size > most {
            let entry = blob_path(&digest);
            return Err(ArchiveError::TooLarge { limit: Limit::File, maximum: most, entry }.into());
        }
        self.begin(&blob_path(&digest), size)?;
        let mut hasher = Hasher::new(digest.algorithm());
        let mut kept = manifest.map(|_| Vec::new());
        let (mut input, mut chunk, mut found) = (input.take(size.saturating_add(1)), vec![0; CHUNK], 0);
        loop {
            let bytes = match input.read(&mut chunk) {
                Ok(0) => break,
                Ok(count) => &chunk[..count],
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(PclPackError::Io(error)),
            };
            found += bytes.len() as u64;
            if found > size {
                break;
            }
            hasher.update(bytes);
            if let Some(kept) = &mut kept {
                kept.extend_from_slice(bytes);
            }
            self.put(bytes)?;
        }
        if found != size {
            return Err(PclPackError::SizeDiffers { digest, declared: size, found });
        }
        check_digest(digest, hasher.finish())?;
        self.pad(size)?;
        Ok(kept.map(Bytes::from))
    }

    /// POSIX pax, "ustar Interchange Format": two blocks of zeros end the archive.
    fn end(&mut self) -> Result<(), PclPackError> {
        self.put(&[0; 2 * BLOCK])
    }

    fn begin(&mut self, path: &str, size: u64) -> Result<(), PclPackError> {
        let mut header = Vec::new();
        begin_entry(&mut header, path, false, size);
        self.put(&header)
    }

    fn pad(&mut self, size: u64) -> Result<(), PclPackError> {
        let length = (BLOCK - (size % BLOCK as u64) as usize) % BLOCK;
        self.put(&[0; BLOCK][..length])
    }

    fn put(&mut self, bytes: &[u8]) -> Result<(), PclPackError> {
        self.output.write_all(bytes).map_err(PclPackError::Io)
    }
}
