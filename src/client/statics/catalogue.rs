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

    /// The packages in a part of the catalogue.
    ///
    /// # Errors
    /// [`ClientError::NotUnderstood`], and [`ClientError::TooLarge`] before more than 64 MiB are unpacked.
    pub fn read_shard(&self, shard: Shard, compressed: &[u8]) -> Result<Vec<CatalogueLine>, ClientError> {
        let what = format!("part {shard} of the catalogue");
        let mut text = Vec::new();
        let unpacking =
            flate2::read::MultiGzDecoder::new(compressed).take(PUBLIC_DOCUMENT_MAX + 1).read_to_end(&mut text);
        unpacking.map_err(|error| self.not_understood(&what, error))?;
        if text.len() as u64 > PUBLIC_DOCUMENT_MAX {
            return Err(ClientError::TooLarge { what, maximum: PUBLIC_DOCUMENT_MAX });
        }
        let mut lines = Vec::new();
        for line in text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            match serde_json::from_slice(line).map_err(|error| self.not_understood(&what, error))? {
                ShardLine::There(line) => lines.push(*line),
                ShardLine::Gone(_) => {}
            }
        }
        Ok(lines)
    }

    /// How many packages have each label, most first, as a server counts them.
    pub(in crate::client) async fn labels_of_files(
        &self,
        labels: impl Fn(CatalogueLine) -> Vec<String>,
    ) -> Result<List<LabelDocument>, ClientError> {
        let shards = self.files().await?.map(|registry| registry.shards.as_slice()).unwrap_or_default();
        // Each once, however often a stranger's document names it.
        let shards: BTreeSet<Shard> = shards.iter().copied().collect();
        let fetching = stream::iter(shards).map(|shard| async move {
            match self.shard(shard, None).await? {
                Some((_, compressed)) => self.read_shard(shard, &compressed),
                None => Ok(Vec::new()),
            }
        });
        let parts: Vec<Vec<CatalogueLine>> = fetching.buffer_unordered(SHARDS_AT_ONCE).try_collect().await?;
        let mut counts: BTreeMap<String, u64> = BTreeMap::new();
        for line in parts.into_iter().flatten() {
            for label in labels(line).into_iter().collect::<BTreeSet<_>>() {
                *counts.entry(label).or_default() += 1;
            }
        }
        let mut counts: Vec<_> = counts.into_iter().collect();
        counts.sort_by_key(|(_, count)| Reverse(*count));
        let document =
            |(value, count)| LabelDocument { value, count, category: None, description: None, synonyms: Vec::new() };
        Ok(List::new(counts.into_iter().map(document).collect(), None))
    }
}
