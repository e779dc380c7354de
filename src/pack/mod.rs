//! Archives: deterministic writing and guarded reading of an artifact's file tree, and the manifests made of it.
