//! The catalogue of a registry of files: what searches and counts are made of.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;

use futures::{StreamExt, TryStreamExt, stream};

use super::super::error::ClientError;
use super::super::transport::Client;
use crate::domain::api::{LabelDocument, List};
use crate::domain::public::{CatalogueLine, PUBLIC_DOCUMENT_MAX, PublicPath, Shard, ShardLine};

/// Parts of the catalogue that are fetched at once.
pub const SHARDS_AT_ONCE: usize = 16;

/// Most that all parts of a catalogue may take together in memory, in bytes: as they came, and once more unpacked.
const CATALOGUE_MAX: u64 = 512 << 20;

/// A part of the catalogue as it came, compressed with gzip, and its entity tag; the tag is empty if it had none.
pub type FetchedShard = (String, bytes::Bytes);

impl Client {
    /// A part of the catalogue; `None`: it is still what the tag `known` stands for.
    ///
    /// # Errors
    /// As every call.
    pub async fn shard(&self, shard: Shard, known: Option<&str>) -> Result<Option<FetchedShard>, ClientError> {
        let (what, path) = (format!("part {shard} of the catalogue"), PublicPath::Shard(shard).path());
        let found = self.file(&what, &path, known, PUBLIC_DOCUMENT_MAX).await?;
        Ok(found.map(|found| (found.etag, found.body)))
    }

    /// What takes in the parts of the catalogue, one by one.
    pub fn catalogue_reader(&self) -> CatalogueReader<'_> {
        CatalogueReader { client: self, fetched: 0, unpacked: 0, maximum: CATALOGUE_MAX }
    }

    /// How many packages have each label, most first, as a server counts them.
    pub(in crate::client) async fn labels_of_files(
        &self,
        labels: impl Fn(CatalogueLine) -> Vec<String>,
    ) -> Result<List<LabelDocument>, ClientError> {
        let shards = self.files().await?.map(|registry| registry.shards.as_slice()).unwrap_or_default();
        // Each once, however often a stranger's document names it.
        let shards: BTreeSet<Shard> = shards.iter().copied().collect();
        let fetching = stream::iter(shards)
            .map(|shard| async move { Ok::<_, ClientError>((shard, self.shard(shard, None).await?)) });
        let mut fetching = fetching.buffer_unordered(SHARDS_AT_ONCE);
        let (mut reader, mut counts) = (self.catalogue_reader(), BTreeMap::<String, u64>::new());
        while let Some((shard, fetched)) = fetching.try_next().await? {
            let Some((_, compressed)) = fetched else { continue };
            reader.fetched(compressed.len())?;
            for line in reader.read(shard, &compressed)? {
                for label in labels(line).into_iter().collect::<BTreeSet<_>>() {
                    *counts.entry(label).or_default() += 1;
                }
            }
        }
        let mut counts: Vec<_> = counts.into_iter().collect();
        counts.sort_by_key(|(_, count)| Reverse(*count));
        let document =
            |(value, count)| LabelDocument { value, count, category: None, description: None, synonyms: Vec::new() };
        Ok(List::new(counts.into_iter().map(document).collect(), None))
    }
}

/// Reads parts of one catalogue, as much as fits into memory.
pub struct CatalogueReader<'a> {
    client: &'a Client,
    fetched: u64,
    unpacked: u64,
    maximum: u64,
}

impl CatalogueReader<'_> {
    /// Counts a part that has come, before it is kept.
    ///
    /// # Errors
    /// [`ClientError::TooLarge`] if that is too much together.
    pub fn fetched(&mut self, length: usize) -> Result<(), ClientError> {
        self.fetched += length as u64;
        if self.fetched > self.maximum { Err(self.too_large()) } else { Ok(()) }
    }

    /// The packages in a part.
    ///
    /// # Errors
    /// [`ClientError::NotUnderstood`], and [`ClientError::TooLarge`] before more than 64 MiB of a part are unpacked, or more than memory is
    /// given to all of them.
    pub fn read(&mut self, shard: Shard, compressed: &[u8]) -> Result<Vec<CatalogueLine>, ClientError> {
        let what = format!("part {shard} of the catalogue");
        let left = self.maximum.saturating_sub(self.unpacked);
        let limit = PUBLIC_DOCUMENT_MAX.min(left);
        let mut text = Vec::new();
        let unpacking = flate2::read::MultiGzDecoder::new(compressed).take(limit + 1).read_to_end(&mut text);
        unpacking.map_err(|error| self.client.not_understood(&what, error))?;
        let length = text.len() as u64;
        if length > limit && left < PUBLIC_DOCUMENT_MAX {
            return Err(self.too_large());
        }
        if length > limit {
            return Err(ClientError::TooLarge { what, maximum: PUBLIC_DOCUMENT_MAX });
        }
        self.unpacked += length;
        let mut lines = Vec::new();
        for line in text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            match serde_json::from_slice(line).map_err(|error| self.client.not_understood(&what, error))? {
                ShardLine::There(line) => lines.push(*line),
                ShardLine::Gone(_) => {}
            }
        }
        Ok(lines)
    }

    fn too_large(&self) -> ClientError {
        ClientError::TooLarge { what: "the catalogue of this copy".to_owned(), maximum: self.maximum }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn packed(text: &[u8]) -> Vec<u8> {
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packed.write_all(text).unwrap();
        packed.finish().unwrap()
    }

    #[test]
    fn all_parts_together_have_a_limit_too() {
        let client = Client::new("http://127.0.0.1:9").unwrap();
        // Tombstones take no memory once they are read; what counts is what was unpacked.
        let line = format!("{{\"as_of\":1,\"gone\":\"{}\"}}\n", crate::domain::Digest::sha256(b"name"));
        let (part, shard): (_, Shard) = (packed(line.repeat(100).as_bytes()), "00".parse().unwrap());
        let mut reader = client.catalogue_reader();
        reader.maximum = line.len() as u64 * 250;
        assert_eq!(reader.read(shard, &part).unwrap(), []);
        assert_eq!(reader.read(shard, &part).unwrap(), []);
        let error = reader.read(shard, &part).unwrap_err();
        assert!(matches!(&error, ClientError::TooLarge { what, .. } if what.contains("catalogue")), "{error}");
        reader.maximum = 100;
        assert!(reader.fetched(60).is_ok());
        assert!(matches!(reader.fetched(60), Err(ClientError::TooLarge { maximum: 100, .. })));
    }
}
