//! The object store: immutable bytes by key, uploads, streaming hashes, durability in groups, collection.
