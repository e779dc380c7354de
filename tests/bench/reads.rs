//! The reads that are measured, and what must lie in a server before.

use std::fs;
use std::path::Path;

use bytes::Bytes;
use pcl_registry::domain::Digest;

use crate::connection::Connection;
use crate::made::{Made, noise};
use crate::push::push;
use crate::server::{Server, Which};

/// Repository that is read from.
pub const REPOSITORY: &str = "bench/reads";

/// Tags that the repository has.
const TAGS: u64 = 20;

/// One row of the table.
#[derive(Clone, Debug)]
pub struct Case {
    pub name: &'static str,
    pub target: String,
}

/// The small reads.
pub fn small() -> Vec<Case> {
    let made = seeded(1);
    let case = |name, rest: String| Case { name, target: format!("/v2/{REPOSITORY}/{rest}") };
    vec![
        case("manifest by tag", "manifests/v1".to_owned()),
        case("manifest by digest", format!("manifests/{}", Digest::sha256(&made.manifest))),
        case("4 KiB blob", format!("blobs/{}", made.blobs[1].0)),
        case("404", "manifests/absent".to_owned()),
        case("tags/list", "tags/list".to_owned()),
    ]
}

/// Digest of a blob of that length.
pub fn large(length: usize) -> (Bytes, Case) {
    let bytes = noise(length as u64, length);
    let target = format!("/v2/{REPOSITORY}/blobs/{}", Digest::sha256(&bytes));
    (bytes, Case { name: "large blob", target })
}

fn seeded(seed: u64) -> Made {
    Made::plain(REPOSITORY, seed, 4096)
}

/// Brings what the small reads ask for.
pub fn fill(server: &Server, folder: &Path) {
    if server.which == Which::Nginx {
        return fill_files(&folder.join("files"));
    }
    let mut connection = Connection::open(server.address);
    for seed in 1..=TAGS {
        push(&mut connection, &seeded(seed));
    }
}

/// Brings one large blob; says whether the server takes it.
pub fn fill_large(server: &Server, folder: &Path, bytes: &Bytes) -> bool {
    let digest = Digest::sha256(bytes).to_string();
    if server.which == Which::Nginx {
        let path = folder.join("files/v2").join(REPOSITORY).join("blobs").join(digest);
        fs::write(path, bytes).expect("a file");
        return true;
    }
    let status = Connection::open(server.address).push_blob(REPOSITORY, &digest, bytes);
    status == 201
}

/// The same as files, as a file server would have them.
fn fill_files(root: &Path) {
    let folder = root.join("v2").join(REPOSITORY);
    for part in ["manifests", "blobs", "tags"] {
        fs::create_dir_all(folder.join(part)).expect("a folder");
    }
    let mut tags = Vec::new();
    for seed in 1..=TAGS {
        let made = seeded(seed);
        let digest = Digest::sha256(&made.manifest).to_string();
        for name in [&made.tag, &digest] {
            fs::write(folder.join("manifests").join(name), &made.manifest).expect("a file");
        }
        for (digest, bytes) in &made.blobs {
            fs::write(folder.join("blobs").join(digest), bytes).expect("a file");
        }
        tags.push(made.tag);
    }
    let list = serde_json::json!({ "name": REPOSITORY, "tags": tags });
    fs::write(folder.join("tags/list"), list.to_string()).expect("a file");
}
