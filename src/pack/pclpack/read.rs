//! Reading packs that strangers wrote.

use std::collections::HashSet;
use std::io::Read;

use super::check::{Subjects, check};
use super::entries::{Entries, Next};
use super::frame;
use super::index::{check_layout, check_own_index, read_index, read_manifest};
use super::part::{Entry, INDEX, LAYOUT, RESOLVED, blob_path};
use super::resolved::read_resolved;
use super::walk::Walk;
use super::{Content, Limits, Member, Pack, PclPackError, Sink};
use crate::domain::Descriptor;
use crate::pack::limits::Limit;
use crate::pack::read::Metered;

/// Most bytes of `oci-layout` that are read.
const LAYOUT_MAX: u64 = 4 << 10;

/// Reads a whole pack and passes its content on, every blob behind the manifests that name it.
///
/// # Errors
/// [`PclPackError`], at the first thing that is wrong. Only if there is none was the pack whole, each blob as its digest says, and
/// nothing of it behind its end; so nothing that the sink was given may be used before.
pub fn read(input: impl Read, limits: &Limits, sink: &mut impl Sink) -> Result<Pack, PclPackError> {
    let (mut stored, mut unpacked) = (limits.compressed, limits.unpacked);
    let input = Metered::new(input, &mut stored, Limit::Compressed, limits.compressed);
    let mut decoder = frame::open(input, limits)?;
    let tar = Metered::new(&mut decoder, &mut unpacked, Limit::Unpacked, limits.unpacked);
    let mut entries = Entries::new(tar, limits);
    let head = read_head(&mut entries, limits, sink)?;
    let pack = read_blobs(&mut entries, head, limits, sink)?;
    drop(entries);
    frame::close(decoder)?;
    Ok(pack)
}

/// Reads what a pack says of itself, and passes on what stands below `pcl/`: what comes before the blobs. No blob is read, so
/// that nothing is known of them, nor of what follows them.
///
/// # Errors
/// [`PclPackError`], as [`read`].
pub fn inspect(input: impl Read, limits: &Limits, sink: &mut impl Sink) -> Result<Pack, PclPackError> {
    let (mut stored, mut unpacked) = (limits.compressed, limits.unpacked);
    let input = Metered::new(input, &mut stored, Limit::Compressed, limits.compressed);
    let tar = Metered::new(frame::open(input, limits)?, &mut unpacked, Limit::Unpacked, limits.unpacked);
    read_head(&mut Entries::new(tar, limits), limits, sink).map(|head| head.pack)
}

/// What comes before the blobs.
struct Head {
    pack: Pack,
    own_index: Content,
    /// What `index.json` lists behind the pack's own index.
    listed: Vec<Descriptor>,
    /// The entry that ended it.
    next: Option<Next>,
}

fn read_head(
    entries: &mut Entries<'_, impl Read>,
    limits: &Limits,
    sink: &mut impl Sink,
) -> Result<Head, PclPackError> {
    let layout = expect(entries, Entry::Layout, LAYOUT)?;
    check_layout(&entries.small(&layout, LAYOUT_MAX)?)?;
    let index = expect(entries, Entry::Index, INDEX)?;
    let (own_index, listed) = read_index(entries.small(&index, limits.document)?)?;
    let members = listed.iter().map(Member::read).collect::<Result<Vec<_>, _>>()?;
    let mut pack = Pack { digest: own_index.digest, members, needs: Vec::new(), parts: Vec::new() };
    let (mut last, mut paths) = (String::new(), HashSet::new());
    let next = loop {
        let Some(next) = entries.next()? else { break None };
        if matches!(next.entry, Entry::Blob(_)) {
            break Some(next);
        }
        if matches!(next.entry, Entry::Layout | Entry::Index) || paths.contains(&next.path) {
            return Err(PclPackError::Twice(next.path));
        }
        if next.path < last {
            let expected = format!("something behind {last:?}");
            return Err(PclPackError::Misplaced { found: next.path, expected });
        }
        match &next.entry {
            Entry::Part(part) => {
                let bytes = entries.small(&next, part.most())?;
                sink.part(part, bytes).map_err(PclPackError::Io)?;
                pack.parts.push(part.clone());
            }
            _ => pack.needs = read_resolved(&entries.small(&next, limits.document)?)?,
        }
        last.clone_from(&next.path);
        paths.insert(next.path);
    };
    if !paths.contains(RESOLVED) {
        return Err(PclPackError::Missing(RESOLVED.to_owned()));
    }
    check(&pack)?;
    sink.opened(&pack).map_err(PclPackError::Io)?;
    Ok(Head { pack, own_index, listed, next })
}

fn expect(entries: &mut Entries<'_, impl Read>, entry: Entry, path: &str) -> Result<Next, PclPackError> {
    match entries.next()? {
        Some(next) if next.entry == entry => Ok(next),
        Some(next) => Err(PclPackError::Misplaced { found: next.path, expected: format!("{path:?}") }),
        None => Err(PclPackError::Missing(path.to_owned())),
    }
}

fn read_blobs(
    entries: &mut Entries<'_, impl Read>,
    head: Head,
    limits: &Limits,
    sink: &mut impl Sink,
) -> Result<Pack, PclPackError> {
    let Head { pack, own_index, listed, mut next } = head;
    let (mut walk, subjects) = (Walk::new(own_index, limits), Subjects::of(&pack));
    while let Some(content) = walk.next()? {
        let found = next.take().ok_or_else(|| PclPackError::Missing(blob_path(&content.digest)))?;
        match &found.entry {
            Entry::Blob(digest) if *digest == content.digest => {}
            Entry::Blob(digest) => return Err(walk.misplaced(digest, Some(&content))),
            _ => return Err(behind_blobs(found)),
        }
        if let (Some(bytes), Some(media_type)) = (entries.blob(&found, &content, sink)?, content.manifest) {
            let manifest = read_manifest(bytes, media_type, &found.path)?;
            if content.digest == own_index.digest {
                check_own_index(&manifest, &listed)?;
            }
            subjects.check(&content.digest, &manifest)?;
            walk.enter(&content.digest, &manifest)?;
        }
        next = entries.next()?;
    }
    match next {
        None => Ok(pack),
        Some(Next { entry: Entry::Blob(digest), .. }) => Err(walk.misplaced(&digest, None)),
        Some(other) => Err(behind_blobs(other)),
    }
}

fn behind_blobs(found: Next) -> PclPackError {
    PclPackError::Misplaced { found: found.path, expected: "a blob or the end".to_owned() }
}
