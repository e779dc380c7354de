//! Whether a log is what its events say, byte for byte.

use bytes::Bytes;
use pcl_registry::log::Identity;
use pcl_registry::meta::Meta;
use pcl_registry::storage::{Key, Storage};
use pcl_registry::tlog::{
    Checkpoint, Entry, Frontier, Hash, Inclusion, Row, SignedCheckpoint, Tile, TileHashes, read_bundle,
};

/// The checkpoint that readers are shown, and that this log has signed.
pub async fn shown(storage: &Storage) -> Checkpoint {
    let identity = Identity::read(storage).await.unwrap().expect("there is a log");
    let bytes = storage.get(&Key::LogCheckpoint, 1 << 20).await.expect("there is a checkpoint");
    SignedCheckpoint::open(&bytes, &identity.verifier, &[]).unwrap().checkpoint().clone()
}

/// Fails unless each entry is what its event comes to, the head is signed over all of them, and every tile is there that a proof needs.
/// Returns how many entries there are.
pub async fn assert_whole(storage: &Storage, meta: &Meta) -> u64 {
    let identity = Identity::read(storage).await.unwrap().expect("there is a log");
    let checkpoint = shown(storage).await;
    let size = checkpoint.size();
    let events = meta.ledger.events(0, size as usize).await.unwrap();
    assert_eq!(events.len() as u64, size, "each entry is an event");
    let mut frontier = Frontier::EMPTY;
    for index in 0..size.div_ceil(256) {
        let tile = Tile::in_tree(Row::Entries, index, size).unwrap();
        let bytes = read(storage, tile).await;
        for entry in read_bundle(tile, &bytes).unwrap() {
            let event = &events[frontier.size() as usize].1;
            assert_eq!(entry, Entry::of_event(event, &identity.secret).unwrap().bytes(), "entry {}", frontier.size());
            frontier.push(Hash::leaf(entry));
        }
    }
    assert_eq!((frontier.size(), frontier.root()), (size, checkpoint.root()));
    let some = [0, 1, 255, 256, size / 2, size - 1];
    for index in some.into_iter().filter(|index| *index < size) {
        let plan = Inclusion::new(index, size).unwrap();
        let mut hashes = TileHashes::new(size);
        for tile in TileHashes::needed(size, &plan.nodes()) {
            hashes.insert(tile, &read(storage, tile).await).unwrap();
        }
        let proof = plan.prove(|node| hashes.node(node)).unwrap();
        let leaf = Entry::of_event(&events[index as usize].1, &identity.secret).unwrap().bytes();
        plan.verify(Hash::leaf(&leaf), &proof, checkpoint.root()).unwrap();
    }
    size
}

/// That the log only grew: the tree of these events had the root at the earlier size.
pub async fn assert_grew(storage: &Storage, meta: &Meta, before: &Checkpoint) {
    let identity = Identity::read(storage).await.unwrap().expect("there is a log");
    assert!(shown(storage).await.size() >= before.size(), "it was rolled back");
    let mut frontier = Frontier::EMPTY;
    for (_, event) in meta.ledger.events(0, before.size() as usize).await.unwrap() {
        frontier.push(Hash::leaf(&Entry::of_event(&event, &identity.secret).unwrap().bytes()));
    }
    assert_eq!((frontier.size(), frontier.root()), (before.size(), before.root()), "it is another log");
}

async fn read(storage: &Storage, tile: Tile) -> Bytes {
    storage.get(&Key::LogTile(tile), 1 << 30).await.unwrap_or_else(|error| panic!("{error}"))
}
