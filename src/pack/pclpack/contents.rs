//! What a pack says of itself, and to whom its content goes.

use std::io;

use bytes::Bytes;

use super::{Member, Needs, Order, Part, order};
use crate::domain::Digest;

/// What a pack says of itself.
#[derive(Clone, Debug, PartialEq)]
pub struct Pack {
    /// Digest of its own index: what the pack is called.
    pub digest: Digest,
    /// Its members, each behind what it needs and what it says something of.
    pub members: Vec<Member>,
    /// What each release among them needs.
    pub needs: Vec<Needs>,
    /// What stands below `pcl/`, in the order of paths.
    pub parts: Vec<Part>,
}

impl Pack {
    /// Whether it holds only what is new since a checkpoint, so that what its members need may be elsewhere.
    pub fn is_delta(&self) -> bool {
        self.parts.contains(&Part::Since)
    }

    /// In which order its releases ([`Pack::needs`]) can be taken in, and what is needed and not in the pack.
    pub fn order(&self) -> Order {
        order(&self.needs)
    }
}

/// A blob of a pack, as what names it describes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Content {
    /// Its digest.
    pub digest: Digest,
    /// Its length in bytes.
    pub size: u64,
    /// If it is a manifest, its media type.
    pub manifest: Option<&'static str>,
}

/// Where the content of a pack goes while it is read. What came before an error is not to be used.
///
/// `()` keeps nothing: for whoever wants to know whether a pack is good.
pub trait Sink {
    /// Takes what stands below `pcl/`, but for what the pack needs. Called before [`Sink::opened`].
    fn part(&mut self, part: &Part, bytes: Bytes) -> io::Result<()>;
    /// Takes what the pack says of itself, which fits together. Called once, before the first blob.
    fn opened(&mut self, pack: &Pack) -> io::Result<()>;
    /// A blob begins.
    fn begin(&mut self, content: &Content) -> io::Result<()>;
    /// Takes the next bytes of the blob. Nobody has verified them yet.
    fn write(&mut self, bytes: &[u8]) -> io::Result<()>;
    /// The blob has ended, and its digest and size are right.
    fn end(&mut self, content: &Content) -> io::Result<()>;
}

impl Sink for () {
    fn part(&mut self, _: &Part, _: Bytes) -> io::Result<()> {
        Ok(())
    }

    fn opened(&mut self, _: &Pack) -> io::Result<()> {
        Ok(())
    }

    fn begin(&mut self, _: &Content) -> io::Result<()> {
        Ok(())
    }

    fn write(&mut self, _: &[u8]) -> io::Result<()> {
        Ok(())
    }

    fn end(&mut self, _: &Content) -> io::Result<()> {
        Ok(())
    }
}
