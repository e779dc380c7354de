//! Writing a tree as an archive: the same tree gives the same bytes, on every machine and at any time.
//!
//! `spec/artifact.md`, "Layer". The tar is the contract; its compression may change with a release of the compressor.

use std::io::Write;

use bytes::Bytes;
use flate2::{Compression, GzBuilder};
use tar::{EntryType, Header};

use crate::domain::{Digest, File, Tree};

/// gzip's "unknown" operating system (RFC 1952, 2.3.1): the machine must not show in the bytes.
const UNKNOWN_SYSTEM: u8 = 255;
pub(super) const BLOCK: usize = 512;

/// The tree as tar, each path below the folder `root`, uncompressed.
///
/// Files only, sorted by the bytes of their path; mode 0644 or 0755; no times, owners or groups.
pub fn write_tar(tree: &Tree, root: &str) -> Vec<u8> {
    let mut tar = Vec::new();
    for file in tree.files() {
        append(&mut tar, file, root);
    }
    // POSIX pax, "ustar Interchange Format": two blocks of zeros end the archive.
    tar.resize(tar.len() + 2 * BLOCK, 0);
    tar
}

/// The tree as tar and gzip: [`write_tar`], compressed with a header that holds no time and no system.
pub fn write_archive(tree: &Tree, root: &str) -> Bytes {
    let mut encoder = GzBuilder::new().mtime(0).operating_system(UNKNOWN_SYSTEM).write(Vec::new(), Compression::new(6));
    // Writing into memory cannot fail; were it to, the result would be no gzip, which every reader notices.
    let _ = encoder.write_all(&write_tar(tree, root));
    Bytes::from(encoder.finish().unwrap_or_default())
}

fn append(tar: &mut Vec<u8>, file: &File, root: &str) {
    begin_entry(tar, &format!("{root}/{}", file.path), file.executable, file.content.len() as u64);
    tar.extend_from_slice(&file.content);
    end_entry(tar);
}

/// What stands before a file's content: its header, and one before it with its path where that does not fit.
pub(super) fn begin_entry(tar: &mut Vec<u8>, path: &str, executable: bool, size: u64) {
    let plain = path.is_ascii() && path.len() <= 100;
    if !plain {
        let record = pax_record("path", path);
        header(tar, "././@PaxHeader", EntryType::XHeader, false, record.len() as u64);
        tar.extend_from_slice(record.as_bytes());
        end_entry(tar);
    }
    // A reader that knows no pax finds a name that is safe and unlike any other.
    let name = if plain { path.to_owned() } else { Digest::sha256(path.as_bytes()).hex() };
    header(tar, &name, EntryType::Regular, executable, size);
}

/// What stands behind a file's content: zeros up to the next block.
fn end_entry(tar: &mut Vec<u8>) {
    tar.resize(tar.len().next_multiple_of(BLOCK), 0);
}

fn header(tar: &mut Vec<u8>, name: &str, kind: EntryType, executable: bool, size: u64) {
    let mut header = Header::new_ustar();
    header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
    header.set_entry_type(kind);
    header.set_mode(if executable { 0o755 } else { 0o644 });
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_size(size);
    header.set_cksum();
    // Six digits, NUL, space, as every other tar program writes it; the crate writes seven digits and NUL.
    let sum = header.cksum().unwrap_or_default();
    header.as_old_mut().cksum.copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    tar.extend_from_slice(header.as_bytes());
}

/// POSIX pax, "pax Extended Header": `length key=value\n`, where the length counts itself.
fn pax_record(key: &str, value: &str) -> String {
    let rest = key.len() + value.len() + 3;
    let mut length = rest + 1;
    while length != rest + length.to_string().len() {
        length = rest + length.to_string().len();
    }
    format!("{length} {key}={value}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(paths: &[&str]) -> Tree {
        let file = |path: &&str| File {
            path: path.parse().unwrap(),
            executable: path.ends_with(".sh"),
            content: Bytes::from(path.as_bytes().to_vec()),
        };
        Tree::new(paths.iter().map(file).collect()).unwrap()
    }

    #[test]
    fn pax_records_count_themselves() {
        assert_eq!(pax_record("path", "a"), "9 path=a\n");
        assert_eq!(pax_record("path", "ab"), "11 path=ab\n");
        assert_eq!(pax_record("path", ""), "8 path=\n");
        for length in 0..1100 {
            let record = pax_record("path", &"x".repeat(length));
            let (counted, _) = record.split_once(' ').unwrap();
            assert_eq!(counted.parse(), Ok(record.len()));
        }
    }

    #[test]
    fn nothing_of_the_machine_is_in_the_bytes() {
        let archive = write_archive(&tree(&["b.sh", "a"]), "x");
        assert_eq!(archive[..10], [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255]);
        assert_eq!(archive, write_archive(&tree(&["a", "b.sh"]), "x"));
    }

    #[test]
    fn other_tar_readers_agree() {
        let long = format!("{}/{}", "d".repeat(120), "f".repeat(200));
        let archive = write_tar(&tree(&["a", "run.sh", "写作/é.md", &long]), "x");
        let mut reader = tar::Archive::new(archive.as_slice());
        let mut found = Vec::new();
        for entry in reader.entries().unwrap() {
            let entry = entry.unwrap();
            let header = entry.header();
            assert_eq!((header.mtime().unwrap(), header.uid().unwrap(), header.gid().unwrap()), (0, 0, 0));
            found.push((entry.path().unwrap().display().to_string(), header.mode().unwrap()));
        }
        let expected = [("x/a", 0o644), (&format!("x/{long}"), 0o644), ("x/run.sh", 0o755), ("x/写作/é.md", 0o644)];
        assert_eq!(found, expected.map(|(path, mode)| (path.to_owned(), mode)));
    }
}
