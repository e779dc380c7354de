//! How much a pack may hold.

/// Most that a pack may hold. Single documents below `pcl/` have limits of their own ([`super::Part::most`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the file.
    pub compressed: u64,
    /// Bytes after decompression, tar headers and padding included.
    pub unpacked: u64,
    /// Bytes of one blob.
    pub blob: u64,
    /// Entries of the tar, and blobs that manifests name.
    pub entries: u64,
    /// Bytes of `index.json`, of `pcl/resolved.json`, and of one manifest. These are held in memory.
    pub document: u64,
}

impl Default for Limits {
    /// Some 70,000 members, and blobs as large as registries take them.
    fn default() -> Self {
        Self { compressed: 64 << 30, unpacked: 64 << 30, blob: 16 << 30, entries: 1_000_000, document: 32 << 20 }
    }
}
