//! Reading a log: key, checkpoint, tiles, entries.

use std::collections::BTreeSet;

use bytes::Bytes;
use reqwest::Method;
use reqwest::StatusCode;

use super::super::answer;
use super::super::error::ClientError;
use super::super::transport::Client;
use crate::tlog::{
    AdvanceError, BUNDLE_MAX, Checkpoint, Consistency, Entry, Hash, Inclusion, NOTE_MAX, Node, NoteVerifier, Row,
    SignedCheckpoint, TILE_BYTES, TILE_WIDTH, Tile, TileHashes, advance, read_bundle,
};

/// Longest text of a key that is read, in bytes.
const KEY_MAX: u64 = 1 << 10;

/// The log of a registry, and the key that it says is its own.
#[derive(Clone)]
pub struct Log {
    client: Client,
    key: NoteVerifier,
}

/// An entry that is in the log.
#[derive(Clone, Debug)]
pub struct Included {
    /// What it says.
    pub entry: Entry,
    /// Its place, from 0.
    pub index: u64,
    /// The hashes that lead from it to the root.
    pub proof: Vec<Hash>,
}

impl Client {
    /// The registry's log; `None` if it keeps none.
    ///
    /// Any server may stand at the address, and most know nothing of logs: whatever answers with something that is no key keeps none. Only a
    /// server that fails is not taken for one that says so.
    pub async fn log(&self) -> Result<Option<Log>, ClientError> {
        let what = "the key of the log";
        let text = self.repeat(|| async {
            let response = self.exchange(self.request(Method::GET, "/log/key"), what).await?;
            let status = response.status();
            if status.is_server_error() && status != StatusCode::NOT_IMPLEMENTED {
                answer::judge(self, response, what).await?;
                return Ok(None);
            }
            if !status.is_success() {
                return Ok(None);
            }
            match answer::read_body(self, response, what, KEY_MAX, self.timeouts.idle).await {
                Err(ClientError::TooLarge { .. }) => Ok(None),
                text => text.map(Some),
            }
        });
        let text = text.await?.unwrap_or_default();
        let key = std::str::from_utf8(&text).ok().and_then(|text| text.trim_end().parse().ok());
        Ok(key.map(|key| Log { client: self.clone(), key }))
    }

    /// An object of the log of at most `maximum` bytes; `None` if it is not there.
    async fn log_object(&self, what: &str, path: &str, maximum: u64) -> Result<Option<Bytes>, ClientError> {
        self.repeat(|| async {
            let response = self.exchange(self.request(Method::GET, &format!("/log/{path}")), what).await?;
            if response.status() == StatusCode::NOT_FOUND {
                return Ok(None);
            }
            let response = answer::judge(self, response, what).await?;
            answer::read_body(self, response, what, maximum, self.timeouts.idle).await.map(Some)
        })
        .await
    }
}

impl Log {
    /// The key that the registry says is the log's.
    pub fn key(&self) -> &NoteVerifier {
        &self.key
    }

    /// The head of the log, with the log's own signature and good ones of these witnesses.
    pub async fn checkpoint(&self, witnesses: &[NoteVerifier]) -> Result<SignedCheckpoint, ClientError> {
        let what = "the checkpoint of the log";
        let bytes = self.client.log_object(what, "checkpoint", NOTE_MAX as u64).await?;
        let bytes = bytes.ok_or_else(|| self.not_verified(what, "it is not there"))?;
        SignedCheckpoint::open(&bytes, &self.key, witnesses).map_err(|error| self.not_verified(what, error))
    }

    /// That `new` is what `old` has become. Errors with [`ClientError::NotVerified`] where the log was rolled back or forked.
    pub async fn grew(&self, old: &Checkpoint, new: &Checkpoint) -> Result<(), ClientError> {
        let proof = match Consistency::new(old.size(), new.size()) {
            Ok(plan) => {
                let hashes = self.hashes(new.size(), &plan.nodes()).await?;
                plan.prove(|node| hashes.node(node)).map_err(|error| self.not_verified("the log", error))?
            }
            // It says what is wrong with the sizes.
            Err(_) => Vec::new(),
        };
        advance(old, new, &proof).map_err(|error: AdvanceError| self.not_verified("the log", error))
    }

    /// The entry of event `n`, proven to be in the log that the checkpoint tells of.
    pub async fn entry(&self, checkpoint: &Checkpoint, n: u64) -> Result<Included, ClientError> {
        let what = format!("event {n} in the log");
        let refuse = |error: &dyn std::fmt::Display| self.not_verified(&what, error);
        let index = n.checked_sub(1).ok_or_else(|| refuse(&"events are counted from 1"))?;
        let plan = Inclusion::new(index, checkpoint.size()).map_err(|error| refuse(&error))?;
        let (bundle, place) = (index / TILE_WIDTH, (index % TILE_WIDTH) as usize);
        let (hashes, entries) = tokio::try_join!(
            self.hashes_boxed(checkpoint.size(), plan.nodes()),
            self.bundle(checkpoint.size(), bundle)
        )?;
        let bytes = entries.get(place).ok_or_else(|| refuse(&"the bundle has fewer entries"))?;
        let proof = plan.prove(|node| hashes.node(node)).map_err(|error| refuse(&error))?;
        plan.verify(Hash::leaf(bytes), &proof, checkpoint.root()).map_err(|error| refuse(&error))?;
        let entry = Entry::parse(index, bytes).map_err(|error| refuse(&error))?;
        Ok(Included { entry, index, proof })
    }

    /// The entries of one bundle of a log of that size. They are what somebody says: compare a root.
    pub async fn bundle(&self, size: u64, index: u64) -> Result<Vec<Bytes>, ClientError> {
        let missing = || self.not_verified("the log", format!("it has no bundle {index} at size {size}"));
        let tile = Tile::in_tree(Row::Entries, index, size).ok_or_else(missing)?;
        let (tile, bytes) = self.tile(tile, BUNDLE_MAX as u64).await?;
        let entries = read_bundle(tile, &bytes).map_err(|error| self.not_verified(&tile.to_string(), error))?;
        Ok(entries.into_iter().map(|entry| bytes.slice_ref(entry)).collect())
    }

    /// The tiles that these nodes are made of.
    async fn hashes(&self, size: u64, nodes: &[Node]) -> Result<TileHashes, ClientError> {
        let needed: BTreeSet<Tile> = TileHashes::needed(size, nodes);
        let reads = needed.into_iter().map(|tile| async move {
            let (_, bytes) = self.tile(tile, TILE_BYTES as u64).await?;
            Ok::<_, ClientError>((tile, bytes))
        });
        let mut hashes = TileHashes::new(size);
        for (tile, bytes) in futures::future::try_join_all(reads).await? {
            hashes.insert(tile, &bytes).map_err(|error| self.not_verified(&tile.to_string(), error))?;
        }
        Ok(hashes)
    }

    async fn hashes_boxed(&self, size: u64, nodes: Vec<Node>) -> Result<TileHashes, ClientError> {
        self.hashes(size, &nodes).await
    }

    /// The bytes of a tile, or of the full one at its place: a log may remove what it has outgrown.
    async fn tile(&self, tile: Tile, maximum: u64) -> Result<(Tile, Bytes), ClientError> {
        for tile in [tile, tile.full()] {
            let what = format!("{tile} of the log");
            if let Some(bytes) = self.client.log_object(&what, &tile.to_string(), maximum).await? {
                return Ok((tile, bytes));
            }
        }
        Err(self.not_verified(&format!("{tile} of the log"), "it is not there"))
    }

    fn not_verified(&self, what: &str, why: impl ToString) -> ClientError {
        ClientError::NotVerified { what: format!("{what} of {}", self.key.name()), why: why.to_string() }
    }
}
