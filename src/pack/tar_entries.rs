//! The entries of a tar stream: headers, and the extensions that carry long names.
//!
//! Follows POSIX pax ("ustar Interchange Format", "pax Extended Header") and GNU tar's long names. Reads no more than the
//! stream gives, believes no declared length before the bytes are there, and refuses every form that could make two
//! readers see different files: sparse files, a pax `size`, archives in several volumes.

use std::io::{self, Read};

use tar::{EntryType, Header};

use super::limits::{ArchiveError, Limit};

const BLOCK: usize = 512;
/// Longest extended header, in bytes. Go's and GNU's readers stop at the same size.
const EXTENDED_MAX: u64 = 1 << 20;

/// A file or folder of the archive; its content comes next in the stream.
pub(super) struct TarEntry {
    /// As written, without the NUL that ends it.
    pub path: Vec<u8>,
    /// What it is.
    pub kind: EntryKind,
    /// Length of its content in bytes, as declared.
    pub size: u64,
    /// Whether its owner may run it.
    pub executable: bool,
}

/// What an entry is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum EntryKind {
    File,
    Folder,
}

/// What an over-full [`super::read::Metered`] reader reports through `io::Error`.
#[derive(Debug, thiserror::Error)]
#[error("more than {maximum} {limit}")]
pub(super) struct Exceeded {
    pub limit: Limit,
    pub maximum: u64,
}

/// Whether these first bytes of some content can begin a tar: a header whose checksum is right, or the end mark.
pub(super) fn looks_like_tar(head: &[u8]) -> bool {
    head.first_chunk::<BLOCK>().is_some_and(|block| is_zero(block) || checksum_is_right(block))
}

/// The next entry, or `None` at the end mark or the end of the stream. All content of the entry before must have been read.
pub(super) fn next_entry(stream: &mut impl Read) -> Result<Option<TarEntry>, ArchiveError> {
    let mut extension = Extension::default();
    loop {
        let Some(block) = next_block(stream)? else {
            if extension != Extension::default() {
                return Err(malformed("it ends after an extended header", ""));
            }
            return Ok(None);
        };
        if !checksum_is_right(&block) {
            return Err(malformed("a header has a wrong checksum", ""));
        }
        let header = Header::from_byte_slice(&block);
        let path = header.path_bytes().into_owned();
        let name = shown(extension.path.as_deref().unwrap_or(&path));
        let size = header.entry_size().map_err(|_| malformed("a length is no number", &name))?;
        match introduces(header.entry_type(), &name)? {
            Introduces::Pax => extension.read_pax(&extended(stream, size, &name)?, &name)?,
            Introduces::PaxForAll => {
                let mut all = Extension::default();
                all.read_pax(&extended(stream, size, &name)?, &name)?;
                if all != Extension::default() {
                    return Err(unsupported("a global header with a path or a size", &name));
                }
            }
            Introduces::LongName => {
                let mut path = extended(stream, size, &name)?;
                path.truncate(path.strip_suffix(b"\0").map_or(path.len(), <[u8]>::len));
                extension.path = Some(path);
            }
            Introduces::Entry(kind) => {
                if extension.size.is_some_and(|declared| declared != size) {
                    return Err(unsupported("two lengths for one file", &name));
                }
                let path = extension.path.unwrap_or(path);
                let mode = header.mode().map_err(|_| malformed("a mode is no number", &name))?;
                // Before POSIX, a folder was a file of no length whose name ends with '/'.
                let old_folder = kind == EntryKind::File && size == 0 && path.ends_with(b"/");
                let kind = if old_folder { EntryKind::Folder } else { kind };
                if kind == EntryKind::Folder && size > 0 {
                    return Err(unsupported("a folder with content", &name));
                }
                return Ok(Some(TarEntry { path, kind, size, executable: mode & 0o100 != 0 }));
            }
        }
    }
}

/// Reads the padding behind an entry's content.
pub(super) fn skip_padding(stream: &mut impl Read, size: u64, name: &str) -> Result<(), ArchiveError> {
    let mut padding = [0; BLOCK];
    let length = (BLOCK - (size % BLOCK as u64) as usize) % BLOCK;
    stream.read_exact(&mut padding[..length]).map_err(|error| read_error(error, name))
}

/// A path as an error message shows it.
pub(super) fn shown(path: &[u8]) -> String {
    String::from_utf8_lossy(path).chars().take(300).collect()
}

/// What a failed read means.
pub(super) fn read_error(error: io::Error, name: &str) -> ArchiveError {
    if let Some(exceeded) = error.get_ref().and_then(|source| source.downcast_ref::<Exceeded>()) {
        return ArchiveError::TooLarge { limit: exceeded.limit, maximum: exceeded.maximum, entry: name.to_owned() };
    }
    match error.kind() {
        io::ErrorKind::UnexpectedEof => malformed("it is cut off", name),
        _ => malformed(&error.to_string(), name),
    }
}

pub(super) fn malformed(why: &str, name: &str) -> ArchiveError {
    ArchiveError::Malformed { why: why.to_owned(), entry: name.to_owned() }
}

fn unsupported(what: &'static str, name: &str) -> ArchiveError {
    ArchiveError::Unsupported { what, entry: name.to_owned() }
}

/// What a header introduces.
enum Introduces {
    Entry(EntryKind),
    Pax,
    PaxForAll,
    LongName,
}

fn introduces(entry_type: EntryType, name: &str) -> Result<Introduces, ArchiveError> {
    let forbidden = |what| Err(ArchiveError::Forbidden { entry: name.to_owned(), what });
    match entry_type {
        EntryType::Regular | EntryType::Continuous => Ok(Introduces::Entry(EntryKind::File)),
        EntryType::Directory => Ok(Introduces::Entry(EntryKind::Folder)),
        EntryType::XHeader => Ok(Introduces::Pax),
        EntryType::XGlobalHeader => Ok(Introduces::PaxForAll),
        EntryType::GNULongName => Ok(Introduces::LongName),
        EntryType::Link => forbidden("hard link"),
        EntryType::Symlink => forbidden("symbolic link"),
        EntryType::GNULongLink => forbidden("link"),
        EntryType::Char => forbidden("character device"),
        EntryType::Block => forbidden("block device"),
        EntryType::Fifo => forbidden("fifo"),
        EntryType::GNUSparse => Err(unsupported("sparse files", name)),
        _ => Err(unsupported("an entry of unknown type", name)),
    }
}

/// What extended headers say of the entry that follows them.
#[derive(Default, PartialEq, Eq)]
struct Extension {
    path: Option<Vec<u8>>,
    size: Option<u64>,
}

impl Extension {
    /// POSIX pax, "pax Extended Header": records of the form `length key=value\n`, where the length counts the whole record.
    fn read_pax(&mut self, mut records: &[u8], name: &str) -> Result<(), ArchiveError> {
        let broken = || malformed("an extended header has a record that cannot be read", name);
        while !records.is_empty() {
            let space = records.iter().take(20).position(|byte| *byte == b' ').ok_or_else(broken)?;
            let length: usize =
                str::from_utf8(&records[..space]).ok().and_then(|s| s.parse().ok()).ok_or_else(broken)?;
            let record =
                records.get(space + 1..length).and_then(|record| record.strip_suffix(b"\n")).ok_or_else(broken)?;
            let equals = record.iter().position(|byte| *byte == b'=').ok_or_else(broken)?;
            let (key, value) = (&record[..equals], &record[equals + 1..]);
            match key {
                b"path" => self.path = Some(value.to_vec()),
                b"size" => {
                    let size = str::from_utf8(value).ok().and_then(|text| text.parse().ok());
                    self.size = Some(size.ok_or_else(broken)?);
                }
                _ if key.starts_with(b"GNU.sparse.") => return Err(unsupported("sparse files", name)),
                // Times, owners, attributes: nothing that an artifact keeps.
                _ => {}
            }
            records = &records[length..];
        }
        Ok(())
    }
}

fn extended(stream: &mut impl Read, size: u64, name: &str) -> Result<Vec<u8>, ArchiveError> {
    if size > EXTENDED_MAX {
        return Err(ArchiveError::TooLarge {
            limit: Limit::ExtendedHeader,
            maximum: EXTENDED_MAX,
            entry: name.to_owned(),
        });
    }
    let mut content = Vec::new();
    let read = stream.take(size).read_to_end(&mut content).map_err(|error| read_error(error, name))?;
    if (read as u64) < size {
        return Err(malformed("it is cut off", name));
    }
    skip_padding(stream, size, name)?;
    Ok(content)
}

/// The next header, or `None` at the end. Behind the end mark nothing but zeros may follow: some other reader would
/// find more files there.
fn next_block(stream: &mut impl Read) -> Result<Option<[u8; BLOCK]>, ArchiveError> {
    let mut block = [0; BLOCK];
    let mut filled = 0;
    while filled < BLOCK {
        match stream.read(&mut block[filled..]) {
            Ok(0) if filled == 0 => return Ok(None),
            Ok(0) => return Err(malformed("it is cut off", "")),
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(read_error(error, "")),
        }
    }
    if !is_zero(&block) {
        return Ok(Some(block));
    }
    let mut rest = [0; 8 << 10];
    loop {
        match stream.read(&mut rest) {
            Ok(0) => return Ok(None),
            Ok(count) if is_zero(&rest[..count]) => {}
            Ok(_) => return Err(malformed("there is something behind its end", "")),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(read_error(error, "")),
        }
    }
}

fn is_zero(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| *byte == 0)
}

/// POSIX ustar: the sum of all bytes of the header, with the checksum itself counted as spaces.
fn checksum_is_right(block: &[u8; BLOCK]) -> bool {
    const FIELD: std::ops::Range<usize> = 148..156;
    let sum = |bytes: &[u8]| bytes.iter().map(|byte| u32::from(*byte)).sum::<u32>();
    let expected = sum(&block[..FIELD.start]) + 8 * u32::from(b' ') + sum(&block[FIELD.end..]);
    Header::from_byte_slice(block).cksum().is_ok_and(|found| found == expected)
}
