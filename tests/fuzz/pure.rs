//! The pure modules of the main package, compiled by themselves: they depend on nothing else of it.

#[path = "../../src/domain/mod.rs"]
pub mod domain;
#[path = "../../src/pack/mod.rs"]
pub mod pack;
#[path = "../../src/pcl/mod.rs"]
pub mod pcl;
#[path = "../../src/http/range.rs"]
pub mod range;
#[path = "../../src/tlog/mod.rs"]
pub mod tlog;
#[path = "../../src/trust/mod.rs"]
pub mod trust;

use domain::{File, Tree};

/// A tree of one file; the path is one that trees allow.
pub fn tree_of(path: &str, content: &[u8]) -> Option<Tree> {
    let content = bytes::Bytes::copy_from_slice(content);
    Tree::new(vec![File { path: path.parse().ok()?, executable: false, content }]).ok()
}
